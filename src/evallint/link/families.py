"""What classes derive from, in the order in which Python looks for methods."""

from __future__ import annotations

import builtins
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from evallint.facts import Attribute, Define, DefineClass, Expr, FileFacts, Import, Name, Subscript
from evallint.link.names import Binding, FileNames, names_of, statements
from evallint.memory import Memo, Memory
from evallint.program import ClassSymbol, External, Symbol

Lineage: TypeAlias = "tuple[ClassSymbol | External, ...]"

BUILTINS = frozenset(dir(builtins))


class Scope(NamedTuple):
    """The body of a function, with its parameters, or of a class."""

    body: int
    parameters: frozenset[str]


class Families:
    """The bases of classes, resolved as they are asked for."""

    def __init__(self, files: Mapping[str, FileFacts], names: FileNames, memory: Memory) -> None:
        self._files = files
        self._names = names
        # A class that derives from itself ends there.
        self._lineages: Memo[ClassSymbol, Lineage] = memory.circles(lambda symbol: (symbol,))
        self._homes: Memo[str, dict[int, tuple[Scope, ...]]] = memory.memo()

    def lineage(self, symbol: ClassSymbol) -> Lineage:
        """The class and its bases, each once, in the order of its `__mro__`; bases out of sight are left out."""
        return self._lineages.of(symbol, self._lineage, symbol)

    def _lineage(self, symbol: ClassSymbol) -> Lineage:
        bases = [base for base in self.bases(symbol) if isinstance(base, ClassSymbol | External) and base != symbol]
        lineages = [self.lineage(base) if isinstance(base, ClassSymbol) else (base,) for base in bases]
        above = merged([*lineages, tuple(dict.fromkeys(bases))])
        return (symbol, *(base for base in above if base != symbol))

    def bases(self, symbol: ClassSymbol) -> tuple[Symbol | None, ...]:
        """What a class derives from, None for each base that is out of sight; Python's own classes are left out."""
        found: list[Symbol | None] = []
        for argument in self._files[symbol.path].classes[symbol.index].bases:
            if argument.keyword:
                continue
            base = self._base(symbol, argument.value)
            is_builtin = isinstance(argument.value, Name) and argument.value.id in BUILTINS
            if base is not None or not is_builtin:
                found.append(base)
        return tuple(found)

    def _base(self, symbol: ClassSymbol, expression: Expr) -> Symbol | None:
        while isinstance(expression, Subscript):  # `Base[T]`
            expression = expression.value
        if isinstance(expression, Attribute):
            owner = self._base(symbol, expression.value)
            return self._names.part(owner, expression.name) if owner is not None else None
        if not isinstance(expression, Name):
            return None
        facts = self._files[symbol.path]
        for scope in self._around(symbol):
            own = names_of(symbol.path, facts, facts.bodies[scope.body]).own.get(expression.id, ())
            for _, binding in reversed(own):
                return self._local(symbol, binding)
            if expression.id in scope.parameters:
                return None
        return self._names.followed(self._names.lookup(symbol.path, expression.id))

    def _local(self, symbol: ClassSymbol, binding: Binding) -> Symbol | None:
        if isinstance(binding, Import):
            return self._names.imported(symbol.path, binding)
        return binding if isinstance(binding, ClassSymbol) and binding != symbol else None

    def _around(self, symbol: ClassSymbol) -> tuple[Scope, ...]:
        """The scopes within the file in whose names a class's bases are looked for, innermost first."""
        facts = self._files[symbol.path]
        if "." not in facts.classes[symbol.index].qualname:
            return ()
        return self._homes.of(symbol.path, lambda: dict(homes(facts))).get(symbol.index, ())


def homes(facts: FileFacts) -> Iterator[tuple[int, tuple[Scope, ...]]]:
    """Every class that is defined within a function or class, with the scopes whose names it sees, innermost first.

    The names of a class's own body are seen by what stands there, but by nothing further within.
    """
    nothing: tuple[Scope, ...] = ()
    todo = [(0, nothing, nothing)]
    while todo:
        body, seen, seen_within = todo.pop()
        for statement in statements(facts.bodies[body]):
            if isinstance(statement, Define):
                function = facts.functions[statement.function]
                names = frozenset(parameter.name for parameter in function.parameters)
                around = (Scope(function.body, names), *seen_within)
                todo.append((function.body, around, around))
            elif isinstance(statement, DefineClass):
                yield statement.klass, seen
                inner = facts.classes[statement.klass].body
                todo.append((inner, (Scope(inner, frozenset()), *seen_within), seen_within))


def merged(lineages: Sequence[Lineage]) -> Lineage:
    """One order that keeps those of all lineages (C3); where there is none, each class as soon as it is named."""
    waiting = [deque(lineage) for lineage in lineages if lineage]
    later = Counter(base for lineage in waiting for base in list(lineage)[1:])
    found: dict[ClassSymbol | External, None] = {}
    while waiting:
        first = next((lineage[0] for lineage in waiting if not later[lineage[0]]), waiting[0][0])
        found[first] = None
        for lineage in waiting:
            while lineage and lineage[0] in found:
                lineage.popleft()
                if lineage:
                    later[lineage[0]] -= 1
        waiting = [lineage for lineage in waiting if lineage]
    return tuple(found)
