"""Functions that differ by constants alone: the variants of an architecture, each a call of the same builder."""

from __future__ import annotations

from collections.abc import Callable

from evallint import facts as f
from evallint.interpret.roles import use_of
from evallint.memory import Memo
from evallint.program import FunctionSymbol, Program
from evallint.walk import within


class Variants:
    """Tells which functions need no run of their own, since another of their kind had one, which showed the same. In
    timm most entries would be such."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._kinds: Memo[FunctionSymbol, tuple[object, ...] | None] = program.memory.memo()

    def counted(self) -> Callable[[FunctionSymbol], bool]:
        """What tells whether a function that does the same with other constants was asked about before."""
        seen: set[tuple[object, ...]] = set()

        def is_one_more(symbol: FunctionSymbol) -> bool:
            kind = self._kinds.of(symbol, self._kind, symbol)
            if kind is None:
                return False
            is_known = kind in seen
            seen.add(kind)
            return is_known

        return is_one_more

    def _kind(self, symbol: FunctionSymbol) -> tuple[object, ...] | None:
        """What a function without branches calls and takes, None for one that does more than one call."""
        body = self._program.body(symbol)
        if self._program.class_of(symbol) is not None or not all(isinstance(one, PLAIN) for one in body):
            return None
        calls = [node for node in within(body) if isinstance(node, f.Call)]
        if any(isinstance(call.function, f.Attribute) and call.function.name not in SETTING for call in calls):
            return None
        ours = [
            (found, flags(call))
            for call in calls
            if isinstance(found := self._program.resolve(symbol.path, call.function), FunctionSymbol)
        ]
        function = self._program.function(symbol)
        names = tuple(parameter.name for parameter in function.parameters)
        return (symbol.path, ours[0], use_of(function.name), names) if len(ours) == 1 and names else None


def flags(call: f.Call) -> tuple[f.Argument, ...]:
    """The arguments by which one function does several things: `train=False`, `"val"`."""
    return tuple(one for one in call.arguments if isinstance(one.value, f.Constant) and decides(one.value.value))


def decides(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and use_of(value) is not None)


SETTING = frozenset("setdefault pop get update".split())
"""Methods that change what is handed on, and no more."""

PLAIN = (f.Assign, f.Return, f.Evaluate)
