"""What names stand for: imports, re-exports, star imports, aliases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from evallint.facts import (
    Assign,
    Augment,
    Block,
    Call,
    Collection,
    Constant,
    Define,
    DefineClass,
    Evaluate,
    Expr,
    FileFacts,
    For,
    If,
    Import,
    Match,
    Name,
    Operation,
    Span,
    Starred,
    Stmt,
    Try,
    While,
    With,
)
from evallint.facts import Attribute as AttributeExpr
from evallint.link.places import Places
from evallint.memory import Memo, Memory
from evallint.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol, Symbol, VariableSymbol

Binding = FunctionSymbol | ClassSymbol | VariableSymbol | Import


class Names(NamedTuple):
    """What a file binds at its top: each name with its bindings, and its star imports, all with their order; what it
    puts into `__all__`, and the dotted names that it gives another name."""

    own: Mapping[str, tuple[tuple[int, Binding], ...]]
    stars: tuple[tuple[int, Import], ...]
    stated: tuple[Expr, ...]
    others: Mapping[str, tuple[Expr, ...]]

    def ordered(self, name: str) -> Iterator[Binding]:
        """What may bind a name, that which counts first: the last, a variable after all others."""
        own = self.own.get(name, ())
        plain = [each for each in own if not isinstance(each[1], VariableSymbol)]
        variables = [each for each in own if isinstance(each[1], VariableSymbol)]
        ordered = sorted([*plain, *self.stars, *([] if plain else variables)])
        for _, binding in (*reversed(ordered), *variables):  # `make = wrapped(make)` leaves it what it was
            yield binding


NO_NAMES = Names({}, (), (), {})
NOWHERE = Span(0, 0, 0, 0)


class Reach(NamedTuple):
    """Where the star import of a file may take names from: `names` of the program, modules outside of it."""

    names: frozenset[str]
    outside: frozenset[str]


class FileNames:
    """The names of a set of files, resolved as they are asked for.

    `knows` says whether a qualified name outside the program is known: of a star import nothing else can be said.
    """

    def __init__(
        self, files: Mapping[str, FileFacts], places: Places, knows: Callable[[str], bool], memory: Memory
    ) -> None:
        self._files = files
        self._places = places
        self._knows = knows
        self._memory = memory
        self._bindings: dict[str, Names] = {}
        self._known: Memo[tuple[str, str], Symbol | None] = memory.memo()
        self._asked: set[tuple[str, str]] = set()
        # One that leads back to itself is not known.
        self._stated: Memo[str, frozenset[str] | None] = memory.circles(lambda module: None)
        self._reaches: Memo[str, Reach] = memory.memo()
        self._following: set[VariableSymbol] = set()

    # ---- names ----------------------------------------------------------------------------------

    def lookup(self, path: str, name: str) -> Symbol | None:
        """What a name at the top of a file stands for, None where nothing binds it."""
        key = path, name
        if key in self._known:
            return self._known.recall(key)
        if key in self._asked or path not in self._files:
            return None
        return self._ask(key) if self._asked else self._ask_first(key)

    def _ask_first(self, key: tuple[str, str]) -> Symbol | None:
        """The answer to a question that is no part of another."""
        try:
            with self._memory.apart() as read:
                found = self._ask(key)
            # Within a circle of imports the parts of a question are cut short: that they lead nowhere is known only
            # where the whole question does.
            for part in self._asked if found is None else {key}:
                self._known.setdefault(part, None)
            for part in self._asked & self._known.keys():
                self._known.keep(part, self._known[part], read)
        except BaseException:
            for part in self._asked:
                self._known.pop(part, None)
            raise
        finally:
            self._asked.clear()
        return self._known.recall(key)

    def _ask(self, key: tuple[str, str]) -> Symbol | None:
        self._asked.add(key)
        found = self._find(*key)
        if found is not None:
            self._known[key] = found
        return found

    def _find(self, path: str, name: str) -> Symbol | None:
        """What the last of a name's bindings stands for that leads anywhere."""
        self._memory.note(("name", path, name))
        self._memory.note(("stars", path))
        for binding in self.names(path).ordered(name):
            found = self._bound(path, name, binding)
            if found is not None:
                return found
        return None

    def _bound(self, path: str, name: str, binding: Binding) -> Symbol | None:
        if not isinstance(binding, Import):
            return binding
        return self.imported(path, binding) if binding.bound else self._starred(path, name, binding)

    def _starred(self, path: str, name: str, star: Import) -> Symbol | None:
        """What a star import makes of a name."""
        module = self._places.of(path, star.module, star.level)
        if module is None:
            outside = f"{star.module}.{name}"
            is_there = not star.level and not name.startswith("_") and self._knows(outside)
            return External(outside) if is_there else None
        stated = self._all(module)
        if stated is None:
            return self.lookup(module, name) if self._reaches_name(module, name) else None
        return self.member(module, name) if name in stated else None

    def _reaches_name(self, module: str, name: str) -> bool:
        """Whether a star import of a file without `__all__` may bring a name: most of a package's many bring none."""
        if name.startswith("_"):
            return False
        reach = self._reaches.of(module, self._reach, module)
        return name in reach.names or any(self._knows(f"{package}.{name}") for package in reach.outside)

    def _reach(self, module: str) -> Reach:
        names: set[str] = set()
        outside: set[str] = set()
        seen = {module}
        todo = [module]
        for here in todo:
            bound = self._every(here) if here in self._files else NO_NAMES
            names.update(bound.own)
            for _, star in bound.stars:
                target = self._places.of(here, star.module, star.level)
                stated = self._all(target) if target is not None else None
                if target is None:
                    outside.add(star.module)
                elif stated is not None:
                    names |= stated
                elif target not in seen:
                    seen.add(target)
                    todo.append(target)
        return Reach(frozenset(names), frozenset(outside))

    def member(self, module: str, name: str) -> Symbol | None:
        """What `module.name` stands for: a name in the file, or a module of the package."""
        found = self.lookup(module, name)
        return found if found is not None else self._as_module(self._places.below(module, name))

    def exported(self, path: str) -> tuple[Symbol, ...]:
        """What the names at the top of a file stand for, each once, those that star imports bring included."""
        names: dict[str, None] = {}
        todo = [path] if path in self._files else []
        for here in todo:
            bound = self._every(here)
            names.update(dict.fromkeys(bound.own))
            below = (self._places.of(here, star.module, star.level) for _, star in bound.stars)
            todo += [module for module in below if module is not None and module in self._files and module not in todo]
        found = (self.lookup(path, name) for name in names)
        return tuple(dict.fromkeys(symbol for symbol in found if symbol is not None))

    def imported(self, path: str, statement: Import) -> Symbol | None:
        """What an import binds."""
        if not statement.name:
            whole = statement.bound == statement.module.partition(".")[0]  # `import a.b` binds `a`
            name = statement.bound if whole else statement.module
            module = self._places.top(path, statement.module) if whole else self._places.of(path, name, 0)
            return self._as_module(module) or External(name)
        module = self._places.of(path, statement.module, statement.level)
        found = self.member(module, statement.name) if module is not None else None
        if found is not None or statement.level:
            return found
        below = f"{statement.module}.{statement.name}"
        if module is None or module.endswith("/"):  # a folder may be another part of what has this name
            return self._as_module(self._places.of(path, below, 0)) or External(below)
        return None

    def _as_module(self, module: str | None) -> ModuleSymbol | None:
        return ModuleSymbol(module) if module is not None else None

    # ---- dotted names and aliases ---------------------------------------------------------------

    def dotted(self, path: str, expression: Expr) -> Symbol | None:
        """What a dotted name in a file stands for, `Base = nn.Module` at the top of a file followed."""
        if isinstance(expression, Name):
            return self.followed(self.lookup(path, expression.id))
        if isinstance(expression, AttributeExpr):
            owner = self.dotted(path, expression.value)
            return self.part(owner, expression.name) if owner is not None else None
        return None

    def part(self, owner: Symbol, name: str) -> Symbol | None:
        """What `owner.name` stands for, where the owner is no object."""
        match owner:
            case External(qualified):
                return External(f"{qualified}.{name}")
            case ModuleSymbol(path):
                return self.followed(self.member(path, name))
            case ClassSymbol(path, index):
                facts = self._files[path]
                names = names_of(path, facts, facts.bodies[facts.classes[index].body]).own
                classes = [binding for _, binding in names.get(name, ()) if isinstance(binding, ClassSymbol)]
                return classes[-1] if classes else None
        return None

    def meant(self, symbol: Symbol | None) -> Symbol | None:
        """What a symbol stands for; a variable for itself, unless it is nothing but another name of something."""
        if not isinstance(symbol, VariableSymbol):
            return symbol
        self._memory.note(("name", symbol.path, symbol.name))
        if len(self.names(symbol.path).own[symbol.name]) > 1:
            return symbol
        return self.followed(symbol) or symbol

    def followed(self, symbol: Symbol | None) -> Symbol | None:
        """What a symbol stands for in the end, None for a variable that is no other name of something."""
        if not isinstance(symbol, VariableSymbol):
            return symbol
        if symbol in self._following:
            return None
        self._following.add(symbol)
        try:
            return self._value_of(symbol)
        finally:
            self._following.discard(symbol)

    def _value_of(self, symbol: VariableSymbol) -> Symbol | None:
        self._memory.note(("other", symbol.path, symbol.name))
        found = (self.dotted(symbol.path, value) for value in self.names(symbol.path).others.get(symbol.name, ()))
        return next((one for one in found if one is not None), None)

    # ---- what a file binds ----------------------------------------------------------------------

    def names(self, path: str) -> Names:
        """What a file binds; whoever looks at a part of it notes which."""
        if path not in self._bindings:
            facts = self._files[path]
            with self._memory.apart():
                self._bindings[path] = names_of(path, facts, facts.bodies[0])
        return self._bindings[path]

    def _every(self, path: str) -> Names:
        self._memory.note(("names", path))
        return self.names(path)

    def renew(self, path: str) -> Iterator[object]:
        """Look at a file again that has changed, and yield the names of the parts in which it binds other names."""
        old = self._bindings.pop(path, None)
        if old is None:
            return  # nobody has asked
        new = self.names(path)
        changed = [name for name in {**old.own, **new.own} if meanings(old, name) != meanings(new, name)]
        yield from (("name", path, name) for name in changed)
        if meanings(old, "") != meanings(new, ""):
            yield "stars", path
        if old.own.keys() != new.own.keys() or meanings(old, "") != meanings(new, ""):
            yield "names", path
        if old.stated != new.stated:
            yield "all", path
        others = {**old.others, **new.others}
        yield from (("other", path, name) for name in others if old.others.get(name) != new.others.get(name))

    def _all(self, module: str) -> frozenset[str] | None:
        """The names in a module's `__all__`, None where it has none or not all of them are known."""
        return self._stated.of(module, self._stated_in, module)

    def _stated_in(self, path: str) -> frozenset[str] | None:
        self._memory.note(("all", path))
        parts = self.names(path).stated if path in self._files else ()
        known = [names for part in parts if (names := self._strings(path, part)) is not None]
        return frozenset().union(*known) if parts and len(known) == len(parts) else None

    def _strings(self, path: str, expression: Expr) -> frozenset[str] | None:
        """The names in a part of an `__all__`."""
        match expression:
            case Constant(str(name)):
                return frozenset((name,))
            case Starred(value):
                return self._strings(path, value)
            case Collection(_, items):
                parts = [self._strings(path, item) for item in items]
            case Operation("+", left, right):
                parts = [self._strings(path, left), self._strings(path, right)]
            case AttributeExpr(owner, "__all__"):
                module = self.dotted(path, owner)
                return self._all(module.path) if isinstance(module, ModuleSymbol) else None
            case Name("__all__"):
                return frozenset()  # what stood there before is counted where it stands
            case _:
                return None
        known = [part for part in parts if part is not None]
        return frozenset().union(*known) if len(known) == len(parts) else None


def meanings(names: Names, name: str) -> list[Binding]:
    """What may bind a name, wherever that stands; for "" the star imports."""
    return [
        binding._replace(span=NOWHERE) if isinstance(binding, Import) else binding for binding in names.ordered(name)
    ]


def names_of(path: str, facts: FileFacts, block: Block) -> Names:
    """What a block binds, that in the blocks of its `if`, `try`, `with` and loops included."""
    own: dict[str, list[tuple[int, Binding]]] = {}
    stars: list[tuple[int, Import]] = []
    for order, (name, binding) in enumerate(bound(path, facts, block)):
        if isinstance(binding, Import) and not binding.bound:
            stars.append((order, binding))
        else:
            own.setdefault(name, []).append((order, binding))
    stated: list[Expr] = []
    others: dict[str, tuple[Expr, ...]] = {}
    for statement in statements(block):
        stated += parts_of_all(statement)
        if isinstance(statement, Assign) and isinstance(statement.value, Name | AttributeExpr):
            for target in statement.targets:
                if isinstance(target, Name):
                    others[target.id] = (*others.get(target.id, ()), statement.value)
    return Names({name: tuple(bindings) for name, bindings in own.items()}, tuple(stars), tuple(stated), others)


def bound(path: str, facts: FileFacts, block: Block) -> Iterator[tuple[str, Binding]]:
    """The names that a block binds, in order."""
    for statement in statements(block):
        match statement:
            case Import():
                yield statement.bound, statement
            case Define(index):
                yield facts.functions[index].name, FunctionSymbol(path, index)
            case DefineClass(index):
                yield facts.classes[index].name, ClassSymbol(path, index)
            case Assign(targets):
                yield from variables(path, targets)
            case For(target):
                yield from variables(path, (target,))
            case With(items):
                yield from variables(path, [item.target for item in items if item.target is not None])


def statements(block: Block) -> Iterator[Stmt]:
    """The statements of a block and of the blocks within it.

    What is the rule comes after what stands in for it: an `if` after its `else`, what is tried after the handlers.
    """
    for statement in block:
        yield statement
        match statement:
            case If(_, body, orelse) | While(_, body, orelse):
                blocks = [orelse, body]
            case For(_, _, body, orelse):
                blocks = [body, orelse]
            case Try(body, handlers, orelse, final):
                blocks = [*(handler.body for handler in handlers), body, orelse, final]
            case With(_, body):
                blocks = [body]
            case Match(_, cases):
                blocks = [case.body for case in cases]
            case _:
                continue
        for each in blocks:
            yield from statements(each)


def variables(path: str, targets: Iterable[Expr]) -> Iterator[tuple[str, VariableSymbol]]:
    for target in targets:
        match target:
            case Name(name):
                yield name, VariableSymbol(path, name)
            case Collection(_, items):
                yield from variables(path, items)
            case Starred(value):
                yield from variables(path, (value,))


def parts_of_all(statement: Stmt) -> Iterator[Expr]:
    """What a statement puts into `__all__`."""
    match statement:
        case Assign(targets, value) if value is not None and Name("__all__") in targets:
            yield value
        case Augment(Name("__all__"), _, value):
            yield value
        case Evaluate(Call(AttributeExpr(Name("__all__"), "extend" | "append"), arguments)):
            yield from (argument.value for argument in arguments)
