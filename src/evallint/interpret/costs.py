"""What it costs to follow a function, over all entries: one that costs too much is followed no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from evallint.program import FunctionSymbol

MOST = 300_000
"""A function that has cost so much over all entries is followed no more: further callers would tell little new."""

DEARER = 32
"""So many times its cost counts a run that has told nothing: the next will not either."""


class Spent(NamedTuple):
    """What one entry spent on each function. `asked` is what it had spent on one when that was followed for the last
    time, `before` what those that it found to be too dear had cost when it began; `most` is the most of `asked`."""

    costs: Mapping[FunctionSymbol, int]
    asked: Mapping[FunctionSymbol, int]
    before: Mapping[FunctionSymbol, int]
    most: int


class Costs:
    """Adds up entry after entry."""

    def __init__(self) -> None:
        self._total: dict[FunctionSymbol, int] = {}
        self._dear: set[FunctionSymbol] = set()
        self._now: Counter[FunctionSymbol] = Counter()
        self._asked: dict[FunctionSymbol, int] = {}
        self._refused: dict[FunctionSymbol, int] = {}

    def are_enough(self, symbol: FunctionSymbol) -> bool:
        """Whether a function is to be followed no more."""
        before = self._total.get(symbol, 0)
        if before + self._now[symbol] <= MOST:
            self._asked[symbol] = self._now[symbol]
            return False
        self._refused[symbol] = before
        return True

    def add(self, symbol: FunctionSymbol, cost: int) -> None:
        self._now[symbol] += cost

    def add_idle(self, symbol: FunctionSymbol, cost: int) -> None:
        """Count a run for more that has told nothing."""
        self._now[symbol] += cost * (DEARER - 1)

    def begin(self) -> None:
        """Another entry is about to run."""
        self._now, self._asked, self._refused = Counter(), {}, {}

    def spent(self) -> Spent:
        """What has been spent since it began."""
        return Spent(self._now, self._asked, self._refused, max(self._asked.values(), default=0))

    def settle(self, spent: Spent) -> None:
        """Count what an entry has spent."""
        total = self._total
        for symbol, cost in spent.costs.items():
            total[symbol] = now = total.get(symbol, 0) + cost
            if now > MOST // 2:
                self._dear.add(symbol)

    def leave(self, spent: Spent) -> bool:
        """Whether an entry that once spent this would do so again, after what others have spent by now."""
        total = self._total.get
        # This is asked of each entry after each change of a program: of most it is plain at once.
        if spent.most > MOST // 2 or not self._dear.isdisjoint(spent.asked):
            for symbol, cost in spent.asked.items():
                if total(symbol, 0) + cost > MOST:
                    return False
        return all(
            total(symbol, 0) == before or (before > MOST and total(symbol, 0) > MOST)
            for symbol, before in spent.before.items()
        )
