"""Template methods: a method that leaves steps to subclasses does what it does with an object of one of these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evallint import facts as f
from evallint.interpret.relevance import Relevance
from evallint.interpret.roles import is_test_file
from evallint.interpret.running import RunningMethods
from evallint.memory import ByFile, Memo
from evallint.program import ClassSymbol, FunctionSymbol, Program

ENOUGH = 8
"""So many classes fill in the steps of one method; the others of a large family would show the same again."""


class Receivers(NamedTuple):
    """The classes with whose objects a method is to be run: its own unless that leaves out a step, and each that has
    steps of its own; None for a function that is no method. `are_own`: there is no other than its own."""

    classes: tuple[ClassSymbol | None, ...]
    are_own: bool


class Heirs:
    """Tells with objects of which classes a method is worth a run that nobody in sight asks for."""

    def __init__(self, program: Program, relevance: Relevance, methods: RunningMethods) -> None:
        self._program = program
        self._relevance = relevance
        self._methods = methods
        self._said = ByFile(program.memory, program.linted, lambda path: tuple(derived(program, path)))
        self._heirs: dict[ClassSymbol, list[ClassSymbol]] = {}
        self._known: Memo[FunctionSymbol, Receivers] = program.memory.memo()

    def renew(self) -> None:
        """Take in which classes derive from which now."""
        if all(before == after for _, before, after in self._said.renew()):
            return
        self._heirs = {}
        self._known.drop_others(())
        for path in self._program.linted:
            for klass, base in self._said.known[path]:
                self._heirs.setdefault(base, []).append(klass)

    def receivers(self, symbol: FunctionSymbol) -> Receivers:
        """The classes with whose objects a method that nobody in sight calls is to be run."""
        return self._known.of(symbol, self._receivers, symbol)

    def _receivers(self, symbol: FunctionSymbol) -> Receivers:
        klass = self._program.class_of(symbol)
        if klass is None or klass not in self._heirs:
            return Receivers((klass,), True)
        inherited = self._methods.with_callees(klass, symbol)
        called = frozenset(name for one in inherited for name in self._program.called_on_self(one))
        found = list(self._filled(symbol, klass, frozenset(inherited), called))
        if found and self._leaves_out(klass, called):
            return Receivers(tuple(found), False)
        return Receivers((klass, *found), not found)

    def _filled(
        self,
        symbol: FunctionSymbol,
        klass: ClassSymbol,
        inherited: frozenset[FunctionSymbol],
        called: frozenset[str],
    ) -> Iterator[ClassSymbol]:
        """The classes below one that have their own of what a method calls, one for each set of such steps."""
        program = self._program
        name = program.function(symbol).name
        seen: set[frozenset[FunctionSymbol]] = set()
        for heir in self._heirs[klass]:
            if called.isdisjoint(program.function(one).name for one in program.methods(heir)):
                continue
            if program.method(heir, name) != symbol or is_test_file(heir.path):
                continue
            steps = frozenset(self._methods.with_callees(heir, symbol)) - inherited
            if steps not in seen and any(map(self._tells, steps)):
                seen.add(steps)
                yield heir
            if len(seen) == ENOUGH:
                return

    def _tells(self, step: FunctionSymbol) -> bool:
        """Whether a step could tell something: what a module computes tells only by what is done to it."""
        klass = self._program.class_of(step)
        if self._program.is_module(klass):
            return self._relevance.acts(step)
        return self._relevance.matters(step)

    def _leaves_out(self, klass: ClassSymbol, called: frozenset[str]) -> bool:
        """Whether its own class has not some step that is called, or only to say that a subclass must."""
        program = self._program
        below = {program.function(one).name for heir in self._heirs[klass] for one in program.methods(heir)}
        for name in called & below:
            step = program.method(klass, name)
            if step is None or any(isinstance(one, f.Raise) for one in program.body(step)):
                return True
        return False


def derived(program: Program, path: str) -> Iterator[tuple[ClassSymbol, ClassSymbol]]:
    """The classes of a file, each with every class of the program that it derives from."""
    for index in range(len(program.files[path].classes)):
        klass = ClassSymbol(path, index)
        for base in program.lineage(klass)[1:]:
            if isinstance(base, ClassSymbol):
                yield klass, base
