"""Functions that differ by constants alone: the variants of an architecture, each a call of the same builder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from evallint import facts as f
from evallint.link.natures import walk
from evallint.memory import Memo
from evallint.program import FunctionSymbol, Program

ENOUGH = 2
"""So many variants of one kind are run; the others would show the same again. In timm half of all entries are such."""


class Variants:
    """Tells which functions need no run of their own, since enough others of their kind had one."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._kinds: Memo[FunctionSymbol, tuple[object, ...] | None] = program.memory.memo()

    def counted(self) -> Callable[[FunctionSymbol], bool]:
        """What tells whether enough functions that do the same with other constants were asked about before."""
        seen: Counter[tuple[object, ...]] = Counter()

        def is_one_more(symbol: FunctionSymbol) -> bool:
            kind = self._kinds.of(symbol, self._kind, symbol)
            if kind is None:
                return False
            seen[kind] += 1
            return seen[kind] > ENOUGH

        return is_one_more

    def _kind(self, symbol: FunctionSymbol) -> tuple[object, ...] | None:
        """What a function without branches calls and takes, None for one that does more than one call."""
        body = self._program.body(symbol)
        if self._program.class_of(symbol) is not None or not all(isinstance(one, PLAIN) for one in body):
            return None
        calls = [node for node in walk(body) if isinstance(node, f.Call)]
        if any(isinstance(call.function, f.Attribute) and call.function.name not in SETTING for call in calls):
            return None
        ours = [
            (found, flags(call))
            for call in calls
            if isinstance(found := self._program.resolve(symbol.path, call.function), FunctionSymbol)
        ]
        names = tuple(parameter.name for parameter in self._program.function(symbol).parameters)
        return (symbol.path, ours[0], names) if len(ours) == 1 and names else None


def flags(call: f.Call) -> tuple[f.Argument, ...]:
    """The arguments by which one function does several things: `train=False`."""
    return tuple(
        one for one in call.arguments if isinstance(one.value, f.Constant) and isinstance(one.value.value, bool)
    )


SETTING = frozenset("setdefault pop get update".split())
"""Methods that change what is handed on, and no more."""

PLAIN = (f.Assign, f.Return, f.Evaluate)
