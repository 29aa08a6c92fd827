"""What the construction of a module makes: something to learn, something that hears the mode, or neither."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Literal, TypeAlias

from evallint import facts as f
from evallint.apis import Factory, ModuleClass, ReturnsSelf, Wrapper
from evallint.facts import Block, Expr
from evallint.gather.code.running import FORWARD
from evallint.gather.code.sites import called, of_self, statements
from evallint.link.natures import constants
from evallint.memory import Memo
from evallint.program import ClassSymbol, External, FunctionSymbol, Program, Symbol
from evallint.walk import within

Substance: TypeAlias = Literal["parameters", "mode", ""]

KEEPING = frozenset("setattr add_module register_module register_parameter append extend insert update".split())
"""Names by which an object is given a part, but by an assignment."""

PLAIN = frozenset(dir(builtins))
PARAMETERS = frozenset(("torch.nn.Parameter", "torch.nn.parameter.Parameter"))


class Substances:
    """Judges constructions. A class or builder of the program is looked into once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        # What builds itself adds nothing to itself.
        self._known: Memo[Symbol, Substance] = program.memory.circles(lambda symbol: "")
        self._gathering: set[tuple[FunctionSymbol, str]] = set()

    def of(self, where: FunctionSymbol, value: Expr) -> Substance:
        """What an expression in a function constructs, "" where that is no module, or one that has neither."""
        call = self.construction(value)
        if call is None:
            return ""
        symbol = self._callee(where, call.function)
        if isinstance(symbol, External):
            return self._outside(where, symbol.name, call)
        own = self._of_symbol(symbol)
        if own != "parameters" and isinstance(symbol, ClassSymbol) and self.program.is_module(symbol):
            return most(iter((own, self._most(where, (argument.value for argument in call.arguments)))))
        return own

    def has_parameters(self, klass: ClassSymbol) -> bool:
        """Whether a class of modules surely has parameters, or builds what has."""
        return self._of_symbol(klass) == "parameters"

    def is_weightless(self, klass: ClassSymbol) -> bool:
        """Whether a class of modules surely has no parameters: all that it builds, if anything, is known to have none.

        What a call out of sight makes, or a base, or what it is given and runs, may have some.
        """
        own = [base for base in self.program.lineage(klass) if isinstance(base, ClassSymbol)]
        if any(base is None for one in own for base in self.program.bases(one)):
            return False
        methods = [method for one in own for method in self.program.methods(one)]
        if self.has_parameters(klass) or self._runs_what_it_is_given(methods):
            return False
        building = (method for method in methods if self._may_build(method))
        return all(self._is_plain(method, call) for method in building for call in called(self.program.body(method)))

    def _may_build(self, method: FunctionSymbol) -> bool:
        """Whether a method may give its object a part: a helper that only computes (`x.view(-1)`) keeps nothing."""
        function = self.program.function(method)
        if function.name in FORWARD:
            return False
        return function.name == "__init__" or not KEEPING.isdisjoint(function.mentions) or self._sets(method)

    def _sets(self, method: FunctionSymbol) -> bool:
        return any(
            of_self(node)
            for statement in statements(self.program.body(method))
            if isinstance(statement, f.Assign | f.Augment)
            for target in (statement.targets if isinstance(statement, f.Assign) else (statement.target,))
            for node in within(target)
        )

    def _runs_what_it_is_given(self, methods: list[FunctionSymbol]) -> bool:
        """Whether a class calls what it only keeps: `self.encoder = encoder`, perhaps a model."""
        kept = {
            of_self(target)
            for method in methods
            for statement in statements(self.program.body(method))
            if isinstance(statement, f.Assign) and isinstance(statement.value, f.Name)
            for target in statement.targets
        }
        mentioned = {name for method in methods for name in self.program.function(method).mentions}
        return any(f"self.{name}()" in mentioned for name in kept if name)

    def _is_plain(self, where: FunctionSymbol, call: f.Call) -> bool:
        """Whether a call builds no module that is out of sight."""
        function = call.function
        if (isinstance(function, f.Name) and function.id in PLAIN) or of_self(function) == "register_buffer":
            return True
        if isinstance(function, f.Attribute) and isinstance(function.value, f.Call):
            return self._is_plain(where, function.value)  # `super().__init__()`
        symbol = self._callee(where, function)
        return isinstance(symbol, External) and self.program.apis.library(symbol.name.partition(".")[0]) is not None

    def construction(self, value: Expr) -> f.Call | None:
        """The construction in `nn.Linear(8, 8).to(device)`."""
        if not isinstance(value, f.Call):
            return None
        while isinstance(value.function, f.Attribute) and isinstance(value.function.value, f.Call):
            meaning = self.program.apis.method("torch.nn.Module", value.function.name)
            if not isinstance(meaning, ReturnsSelf) and value.function.name not in ("eval", "train", "requires_grad_"):
                break
            value = value.function.value
        return value

    def _callee(self, where: FunctionSymbol, function: Expr) -> Symbol | None:
        klass = self.program.class_of(where)
        if klass is not None and of_self(function):
            return self.program.method(klass, of_self(function))
        names = {parameter.name for parameter in self.program.function(where).parameters}
        if isinstance(function, f.Name) and function.id in names:
            return None
        return self.program.resolve(where.path, function)

    def _outside(self, where: FunctionSymbol, name: str, call: f.Call) -> Substance:
        meaning = self.program.apis.of(name)
        if isinstance(meaning, Factory):
            return "parameters"
        if isinstance(meaning, Wrapper) and meaning.argument.position is not None:
            return self._most(where, (argument.value for argument in call.arguments[:1]))
        if not isinstance(meaning, ModuleClass):
            return ""
        if meaning.container:
            return self._most(where, (argument.value for argument in call.arguments))
        positional, keywords = constants(call)
        if meaning.weighs(positional, keywords):
            return "parameters"
        always = meaning.dependence.default == "always"
        return "mode" if always and meaning.dependence.on(positional, keywords) is not False else ""

    def _most(self, where: FunctionSymbol, values: Iterator[Expr]) -> Substance:
        return most(kind for value in values for part in parts(value) for kind in self._of_part(where, part))

    def _of_part(self, where: FunctionSymbol, part: Expr) -> Iterator[Substance]:
        """What is handed to a container; a local name by what it is assigned and what is appended to it."""
        if not isinstance(part, f.Name):
            yield self.of(where, part)
        elif (where, part.id) not in self._gathering:  # `layers = nn.Sequential(layers, head)` ends
            self._gathering.add((where, part.id))
            for value in put_in(self.program.body(where), part):
                yield self._most(where, iter((value,)))
            self._gathering.discard((where, part.id))

    def _of_symbol(self, symbol: Symbol | None) -> Substance:
        if symbol is None or not isinstance(symbol, ClassSymbol | FunctionSymbol):
            return ""
        return self._known.of(symbol, self._find, symbol)

    def _find(self, symbol: ClassSymbol | FunctionSymbol) -> Substance:
        if isinstance(symbol, FunctionSymbol):
            return most(self._returned(symbol))
        return most(self._of_class(symbol)) if self.program.is_module(symbol) else ""

    def _returned(self, symbol: FunctionSymbol) -> Iterator[Substance]:
        """What a builder returns."""
        body = list(statements(self.program.body(symbol)))
        for statement in body:
            if not isinstance(statement, f.Return) or statement.value is None:
                continue
            yield self.of(symbol, statement.value)
            if isinstance(statement.value, f.Name):
                yield from (
                    self.of(symbol, other.value)
                    for other in body
                    if isinstance(other, f.Assign) and other.value is not None and statement.value in other.targets
                )

    def _of_class(self, symbol: ClassSymbol) -> Iterator[Substance]:
        for base in self.program.lineage(symbol):
            if isinstance(base, External):
                meaning = self.program.apis.of(base.name)
                if isinstance(meaning, Factory) or (isinstance(meaning, ModuleClass) and meaning.parameters):
                    yield "parameters"
                continue
            for method in self.program.methods(base):
                if self.program.function(method).name not in FORWARD:
                    yield from self._built_in(method)
        if self.program.nature(symbol).heeds == "yes":
            yield "mode"

    def _built_in(self, method: FunctionSymbol) -> Iterator[Substance]:
        for call in called(self.program.body(method)):
            resolved = self._callee(method, call.function)
            if (isinstance(resolved, External) and resolved.name in PARAMETERS) or of_self(
                call.function
            ) == "register_parameter":
                yield "" if is_fixed(call) else "parameters"
            elif isinstance(resolved, ClassSymbol | External):
                yield self.of(method, call)
            elif isinstance(resolved, FunctionSymbol) and self.program.class_of(resolved) is None:
                yield self._of_symbol(resolved)


def is_fixed(call: f.Call) -> bool:
    """Whether a parameter is made that is not to be trained."""
    return any(one.keyword == "requires_grad" and one.value == f.Constant(False) for one in call.arguments)


def put_in(block: Block, name: f.Name) -> Iterator[Expr]:
    for statement in statements(block):
        match statement:
            case f.Assign(targets, value) if value is not None and name in targets:
                yield value
            case f.Augment(target, "+", value) if target == name:
                yield value
            case f.Evaluate(f.Call(f.Attribute(owner, "append" | "extend" | "insert"), arguments)) if owner == name:
                yield from (argument.value for argument in arguments)


def parts(value: Expr) -> Iterator[Expr]:
    """The expressions that a container is made of, those in containers within it too."""
    match value:
        case f.Collection(_, items):
            for item in items:
                yield from parts(item)
        case f.Mapping(_, values):
            for item in values:
                yield from parts(item)
        case f.Comprehension(_, element, item):
            yield from parts(element if item is None else item)
        case f.Starred(inner):
            yield from parts(inner)
        case f.Choice(_, body, orelse):
            yield from parts(body)
            yield from parts(orelse)
        case f.Operation("*" | "+", left, right):
            yield from parts(left)
            yield from parts(right)
        case f.Call(f.Name("list" | "tuple" | "dict" | "OrderedDict"), (first, *_)):
            yield from parts(first.value)
        case _:
            yield value


def most(found: Iterator[Substance]) -> Substance:
    """The weightiest: nothing is asked for after the first that has parameters."""
    best: Substance = ""
    for kind in found:
        if kind == "parameters":
            return kind
        best = best or kind
    return best
