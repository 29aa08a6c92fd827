"""Branches that constants in sight rule out, though they restore a state: `RESUME = False`, `checkpoint=None`.

Such a constant is a switch for whoever runs the program. After all entries, those that met a switch which none of them
has thrown are run once more, as if it stood either way. What is seen then concerns saving and loading alone.
"""

from __future__ import annotations

from typing import NamedTuple

from evallint import facts as f
from evallint.facts import Block, Span
from evallint.interpret.relevance import Relevance
from evallint.walk import within


class Branch(NamedTuple):
    """One side of a test: what is done where it holds, or fails."""

    path: str
    span: Span
    truth: bool


class Noted(NamedTuple):
    """What one entry took of the branches with a restore, and what it passed by."""

    taken: frozenset[Branch] = frozenset()
    passed: tuple[Branch, ...] = ()


class Untaken:
    """Which branches with a restore have been taken, and where the others were passed by.

    `open` are those that no entry has taken: where they are met again, they are taken for undecided.
    """

    def __init__(self, relevance: Relevance) -> None:
        self._relevance = relevance
        self.open = frozenset[Branch]()
        self._sides: dict[int, tuple[bool, bool]] = {}
        self._taken: set[Branch] = set()
        self._passed: dict[Branch, None] = {}

    def begin(self) -> None:
        """Another entry is about to run."""
        self._taken, self._passed = set(), {}

    def renew(self) -> None:
        """Ask of every statement again: another may be in its place, and restores go by other names."""
        self._sides.clear()

    def noted(self) -> Noted:
        """What has been seen of branches since it began."""
        return Noted(frozenset(self._taken), tuple(self._passed))

    def decided(self, statement: f.If, path: str, truth: bool) -> bool:
        """Whether a test with a known outcome is to be taken as decided; notes which branch is passed by."""
        sides = self._restores(statement)
        if not any(sides):
            return True
        self._taken.add(Branch(path, statement.span, truth))
        other = Branch(path, statement.span, not truth)
        if not sides[truth]:
            return True
        self._passed[other] = None
        return other not in self.open

    def undecided(self, statement: f.If, path: str) -> None:
        """Both branches are taken."""
        if any(self._restores(statement)):
            self._taken |= {Branch(path, statement.span, True), Branch(path, statement.span, False)}

    def _restores(self, statement: f.If) -> tuple[bool, bool]:
        """Whether there is a restore in what is passed by where the test fails, and where it holds."""
        if id(statement) not in self._sides:
            self._sides[id(statement)] = self._in(statement.body), self._in(statement.orelse)
        return self._sides[id(statement)]

    def _in(self, block: Block) -> bool:
        return any(
            isinstance(node, f.Call) and called_name(node) in self._relevance.restoring for node in within(block)
        )


def called_name(call: f.Call) -> str:
    match call.function:
        case f.Name(name) | f.Attribute(_, name):
            return name
    return ""
