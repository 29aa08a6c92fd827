"""Modules in plain containers that are attributes of a module: PyTorch does not see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evallint import facts as f
from evallint.apis import LibraryClass
from evallint.facts import Block, Expr, Span
from evallint.findings import Place
from evallint.gather.code.running import Running
from evallint.gather.code.sites import blocks, called, module_classes, of_self, reached, statements
from evallint.gather.code.substance import Substances, most, parts
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import PlainlyHeld
from evallint.walk import within

REGISTERING = frozenset("add_module register_module setattr __setattr__ _modules register_modules".split())
"""What a class mentions that sees to the registration itself."""

READING = frozenset(
    "len enumerate zip range reversed print list tuple iter sorted sum isinstance id any all map filter str repr type "
    "next min max set bool".split()
)
"""Functions that only look at a container."""

GROWING = frozenset("append extend insert update setdefault appendleft".split())

Container = Literal["list", "tuple", "dict"]

Taken: TypeAlias = tuple[tuple[str, bool], ...]
"""The tests on the way to a statement, and how they came out."""


@dataclass
class Plain:
    """A plain container: where it was made an attribute (or, before that, made), and whether modules are in it.

    `nested`: they are in containers within it. `taken`: the branches in which it is made.
    """

    at: Place
    function: str
    kind: Container
    items: int
    holds: bool
    grows: bool = False
    nested: bool = False
    taken: Taken = ()


@dataclass
class Shelf:
    """The plain containers that a constructor makes, by the code of what holds them: `layers`, `self.layers`."""

    program: Program
    substances: Substances
    known: dict[str, Plain] = field(default_factory=dict)
    taken: Taken = ()

    def follow(self, method: FunctionSymbol) -> None:
        """Take in what a method does, in the order of its code."""
        for statement, taken in with_branches(self.program.body(method)):
            self.taken = taken
            match statement:
                case f.Assign(targets, value, _, span) if value is not None:
                    for target in targets:
                        self._assign(method, target, value, span)
                case f.Augment(target, "+", value):
                    self._grow(method, code(target), value, joins=True)
                case f.Evaluate(f.Call(f.Attribute(owner, name), arguments)) if name in GROWING:
                    for given in arguments:
                        self._grow(method, code(owner), given.value, joins=name in ("extend", "update"))

    def _assign(self, method: FunctionSymbol, target: Expr, value: Expr, span: Span) -> None:
        if isinstance(target, f.Subscript):
            self._grow(method, code(target.value), value)
            return
        name, place = code(target), Place(method.path, span)
        known = self.known.pop(code(value), None) if code(value) in self.known else None
        self.known.pop(name, None)
        if known is not None:
            self.known[code(value)] = known
            if of_self(target):
                known.at = place
            self.known[name] = known
            return
        kind = container(value)
        if kind is not None:
            inside = list(parts(value))
            holds = self._holds(method, iter(inside))
            qualname = self.program.function(method).qualname
            nested = is_nested(value)
            self.known[name] = Plain(place, qualname, kind, single(value, inside), holds, False, nested, self.taken)

    def _grow(self, method: FunctionSymbol, name: str, value: Expr, joins: bool = False) -> None:
        """Put something into a container; `joins`: its parts."""
        known = self.known.get(name)
        if known is None and "[" in name:  # a list within a list
            known = self.known.get(name.partition("[")[0])
            if known is not None:
                known.nested = True
        if known is None or any((test, not outcome) in self.taken for test, outcome in known.taken):
            return
        if isinstance(value, f.Name) and has_fixed_weight(self.program.body(method), value):
            return
        known.grows = True
        inner = self.known.get(code(value))
        known.nested |= is_nested(value) if joins else inner is not None or container(value) is not None
        if (inner is not None and inner.holds) or self._holds(method, self._parts(method, value)):
            known.holds = True

    def _holds(self, method: FunctionSymbol, values: Iterator[Expr]) -> bool:
        """Whether there are modules among these that their owner is to train, or to switch."""
        return bool(
            most(self.substances.of(method, value) for value in values if not self._trains_itself(method, value))
        )

    def _trains_itself(self, method: FunctionSymbol, value: Expr) -> bool:
        """Whether a module is built whose class has an optimizer of its own."""
        call = self.substances.construction(value)
        klass = self.program.resolve(method.path, call.function) if call is not None else None
        return isinstance(klass, ClassSymbol) and any(
            optimizes_itself(self.program, own) for own in self.program.methods(klass)
        )

    def _parts(self, method: FunctionSymbol, value: Expr) -> Iterator[Expr]:
        """What is put into a container, by what a local name was last given."""
        for part in parts(value):
            if isinstance(part, f.Name):
                for statement in statements(self.program.body(method)):
                    if isinstance(statement, f.Assign) and part in statement.targets and statement.value is not None:
                        yield from parts(statement.value)
            else:
                yield part


def has_fixed_weight(body: Block, layer: f.Name) -> bool:
    """Whether a layer is given a weight that is not to learn: `layer.weight = nn.Parameter(x, requires_grad=False)`."""
    return any(
        isinstance(one, f.Assign)
        and f.Attribute(layer, "weight") in one.targets
        and isinstance(one.value, f.Call)
        and argument(one.value, "requires_grad", 1) == f.Constant(False)
        for one in statements(body)
    )


def with_branches(block: Block, taken: Taken = ()) -> Iterator[tuple[f.Stmt, Taken]]:
    """Every statement of a function's own code, in order, with the branches that it stands in."""
    for statement in block:
        yield statement, taken
        if isinstance(statement, f.If):
            test = code(statement.test).removeprefix("self.")
            yield from with_branches(statement.body, (*taken, (test, True)))
            yield from with_branches(statement.orelse, (*taken, (test, False)))
            continue
        for inner in blocks(statement):
            yield from with_branches(inner, taken)


def optimizes_itself(program: Program, method: FunctionSymbol) -> bool:
    """Whether a method gives its object's own parameters to an optimizer."""
    for call in called(program.body(method)):
        symbol = program.resolve(method.path, call.function)
        meaning = program.apis.of(symbol.name) if isinstance(symbol, External) else None
        if isinstance(meaning, LibraryClass) and meaning.role == "optimizer":
            return any(isinstance(given.value, f.Call) and of_self(given.value.function) for given in call.arguments)
    return False


def single(value: Expr, inside: list[Expr]) -> int:
    """How many modules a display shows: one alone is held on purpose. Comprehensions and products show many."""
    return len(inside) if isinstance(value, f.Collection) and len(value.items) == len(inside) else 2


def container(value: Expr) -> Container | None:
    """What kind of plain container an expression makes."""
    match value:
        case f.Collection("tuple") | f.Call(f.Name("tuple")):
            return "tuple"
        case f.Collection() | f.Call(f.Name("list")) | f.Comprehension("list" | "set"):
            return "list"
        case f.Mapping() | f.Comprehension("dict") | f.Call(f.Name("dict" | "OrderedDict" | "defaultdict")):
            return "dict"
        case f.Operation("*" | "+", left, right):
            return container(left) or container(right)
    return None


def is_nested(value: Expr) -> bool:
    """Whether the parts of a container are containers, or may become such."""
    match value:
        case f.Collection(_, items):
            return any(container(item) for item in items)
        case f.Mapping(_, items):
            return any(container(item) for item in items)
        case f.Comprehension(_, element, inner):
            return container(inner or element) is not None
        case f.Call(f.Name(name)):
            return name == "defaultdict"
        case f.Operation(_, left, right):
            return is_nested(left) or is_nested(right)
    return False


def plainly_held(program: Program, path: str, running: Running, substances: Substances) -> Iterator[PlainlyHeld]:
    """Modules in list, tuple or dict attributes of a module, which its methods use."""
    for klass in module_classes(program, path):
        yield from held_by(program, running, substances, klass)


def held_by(program: Program, running: Running, substances: Substances, klass: ClassSymbol) -> Iterator[PlainlyHeld]:
    own = list(program.methods(klass))
    init = next((method for method in own if program.function(method).name == "__init__"), None)
    if init is None or any(REGISTERING & set(program.function(method).mentions) for method in own):
        return
    shelf = Shelf(program, substances)
    for method in (init, *helpers(program, klass, init)):
        shelf.follow(method)
    held = {
        name: plain
        for name, plain in shelf.known.items()
        if name.startswith("self.") and plain.holds and (plain.items != 1 or plain.grows)
    }
    if not held:
        return
    building = reached(program, klass, (init,))
    methods = [method for kin in sorted(running.family(klass), key=order) for method in program.methods(kin)]
    wrapped = {name for method in methods for name in handed_on(program.body(method), method in building)}
    trained = {name for method in methods for name in learning(program.body(method))}
    for name, plain in held.items():
        if name in wrapped or name in trained:
            continue
        used = first_use(program, [method for method in methods if method not in building], name.removeprefix("self."))
        if used is not None:
            yield PlainlyHeld(plain.at, plain.function, name, plain.kind, used, plain.nested)


def order(klass: ClassSymbol) -> tuple[str, int]:
    return klass.path, klass.index


def helpers(program: Program, klass: ClassSymbol, init: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """The class's own methods that its constructor calls as statements: parts of it."""
    for statement in statements(program.body(init)):
        if isinstance(statement, f.Evaluate) and isinstance(statement.value, f.Call):
            method = program.method(klass, of_self(statement.value.function))
            if method is not None and method != init:
                yield method


def handed_on(block: Block, while_built: bool) -> Iterator[str]:
    """What is passed to a call that may register it: `nn.ModuleList(self.x)`, `nn.Sequential(*self.x)`.

    While the module is built any call may, later only a construction: `checkpoint(self.x[0], y)` runs it.
    """
    for call in called(block):
        name = last_name(call.function)
        if name in READING or not (while_built or name[:1].isupper()):
            continue
        for given in call.arguments:
            for part in parts(given.value):
                yield code(without_keys(part))
            if isinstance(given.value, f.Comprehension):
                yield from (code(clause.iterable) for clause in given.value.clauses)


def learning(block: Block) -> Iterator[str]:
    """The containers of whose modules the parameters are asked for one by one: somebody sees to them."""
    owners = {
        code(statement.target): code(without_keys(statement.iterable))
        for statement in statements(block)
        if isinstance(statement, f.For)
    }
    for call in called(block):
        if isinstance(call.function, f.Attribute) and call.function.name in ("parameters", "named_parameters"):
            name = code(without_keys(call.function.value))
            yield owners.get(name, name)


def without_keys(expression: Expr) -> Expr:
    """`x` of `x[0]` and `x.values()`."""
    match expression:
        case f.Subscript(value) | f.Call(f.Attribute(value, "values" | "items" | "copy")):
            return without_keys(value)
    return expression


def first_use(program: Program, methods: list[FunctionSymbol], attribute: str) -> Place | None:
    """Where a method first reads an attribute."""
    for method in methods:
        if attribute in program.function(method).mentions:
            found = None
            for statement in statements(program.body(method)):
                if not isinstance(statement, f.Outer) and reads(statement, attribute):
                    found = Place(method.path, statement.span)  # the innermost of the first that do
                elif found is not None:
                    break
            if found is not None:
                return found
    return None


def reads(statement: f.Stmt, attribute: str) -> bool:
    return any(isinstance(node, f.Attribute) and of_self(node) == attribute for node in within(statement))
