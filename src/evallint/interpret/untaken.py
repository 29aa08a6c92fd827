"""Branches that constants in sight rule out, though they restore a state: `RESUME = False`, `checkpoint=None`.

Such a constant is a switch for whoever runs the program. After all entries, those that met a switch which none of them
has thrown are run once more, as if it stood either way. What is seen then concerns saving and loading alone.
"""

from __future__ import annotations

from evallint import facts as f
from evallint.facts import Block, Span
from evallint.interpret.relevance import functions
from evallint.link.natures import walk
from evallint.program import FunctionSymbol, Program

RESTORING = "load_state_dict"


class Untaken:
    """Which branches with a restore have been taken, and where the others were passed by."""

    def __init__(self, program: Program) -> None:
        direct = names(program, frozenset((RESTORING,)))
        self.restoring = direct | names(program, direct)
        self._sides: dict[int, tuple[bool, bool]] = {}
        self._taken: set[tuple[str, Span, bool]] = set()
        self._passed: dict[tuple[str, Span, bool], str | FunctionSymbol] = {}
        self._open: frozenset[tuple[str, Span, bool]] = frozenset()

    def decided(self, statement: f.If, path: str, truth: bool, entry: str | FunctionSymbol) -> bool:
        """Whether a test with a known outcome is to be taken as decided; notes which branch is passed by."""
        sides = self._restores(statement)
        if not any(sides):
            return True
        self._taken.add((path, statement.span, truth))
        other = (path, statement.span, not truth)
        if not sides[truth]:
            return True
        self._passed.setdefault(other, entry)
        return other not in self._open

    def undecided(self, statement: f.If, path: str) -> None:
        """Both branches are taken."""
        if any(self._restores(statement)):
            self._taken |= {(path, statement.span, True), (path, statement.span, False)}

    def entries(self) -> list[str | FunctionSymbol]:
        """The entries to be run once more, for which the branches that none of them has taken are open from now on."""
        self._open = frozenset(self._passed.keys() - self._taken)
        return list(dict.fromkeys(entry for branch, entry in self._passed.items() if branch in self._open))

    def _restores(self, statement: f.If) -> tuple[bool, bool]:
        """Whether there is a restore in what is passed by where the test fails, and where it holds."""
        if id(statement) not in self._sides:
            self._sides[id(statement)] = self._in(statement.body), self._in(statement.orelse)
        return self._sides[id(statement)]

    def _in(self, block: Block) -> bool:
        return any(isinstance(node, f.Call) and called_name(node) in self.restoring for node in walk(block))


def names(program: Program, mentioned: frozenset[str]) -> frozenset[str]:
    """These names, and those of the functions that mention one of them."""
    users = {
        program.function(symbol).name
        for symbol in functions(program)
        if not mentioned.isdisjoint(program.function(symbol).mentions)
    }
    return mentioned | {name for name in users if not name.startswith("__")}


def called_name(call: f.Call) -> str:
    match call.function:
        case f.Name(name) | f.Attribute(_, name):
            return name
    return ""
