"""Instances of classes that nobody in sight builds, as their constructors leave them.

Many methods of one class may have an entry of their own, and each finds the same instance: it is built once, apart from
all entries, so that what comes of it depends on the program alone. In transformers half of the time went into building
the same instances again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from evallint.interpret import calls
from evallint.interpret.costs import Costs
from evallint.interpret.events import Exhausted
from evallint.interpret.untaken import Branch, Noted
from evallint.interpret.values import UNKNOWN_MODE, Address, Arguments, State, Thing
from evallint.memory import Memo
from evallint.program import ClassSymbol, FunctionSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine, Moment

MOST = 200
"""So many are kept; the methods of one class stand together."""

Key: TypeAlias = tuple[ClassSymbol, bool, frozenset[Branch]]


class Built(NamedTuple):
    """An instance: the state in which its constructor leaves everything, and what was seen meanwhile."""

    state: State
    moment: Moment
    reached: frozenset[FunctionSymbol]
    noted: Noted


class Receivers:
    """Builds an instance of a class for the entries of its methods."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._built: Memo[Key, Built | None] = machine.program.memory.memo()

    def build(self, klass: ClassSymbol, state: State) -> Address:
        """Go on in the state in which there is an instance of a class, in an entry that has only begun."""
        machine = self._machine
        key = klass, machine.coarse, machine.untaken.open
        found = self._built.of(key, self._apart, klass)
        if len(self._built) > MOST:
            self._built.drop(next(iter(self._built)))
        if found is None:
            return self._construct(klass, state)
        machine.resume(found.moment)
        machine.reached |= found.reached
        machine.untaken.note(found.noted)
        state.adopt(found.state.twin())
        return instance_of(klass)

    def _apart(self, klass: ClassSymbol) -> Built | None:
        """An instance that is built with nothing seen or spent before; None where that is too much."""
        machine = self._machine
        outer, frames, spent, reached = machine.moment(), machine.frames, machine.costs, machine.reached
        noted = machine.untaken.noted()
        state = machine.begin("", machine.coarse)
        machine.costs, machine.reached = Costs(), set()
        machine.untaken.begin()
        try:
            machine.frames = [machine.file_frame(klass.path, state)]
            machine.frame.hidden = True
            self._construct(klass, state)
            return Built(state, machine.moment(), frozenset(machine.reached), machine.untaken.noted())
        except (Exhausted, RecursionError):
            return None
        finally:
            machine.resume(outer)
            machine.frames, machine.costs, machine.reached = frames, spent, reached
            machine.untaken.begin()
            machine.untaken.note(noted)

    def _construct(self, klass: ClassSymbol, state: State) -> Address:
        machine = self._machine
        address = put(machine, klass, state)
        machine.frame.span = machine.program.klass(klass).span
        calls.initialise(machine, address, state)
        return address


def instance_of(klass: ClassSymbol) -> Address:
    """The address of an instance that nobody in sight builds."""
    return "receiver", klass


def put(machine: Machine, klass: ClassSymbol, state: State) -> Address:
    """One whose constructor has not been run."""
    is_module = machine.program.is_module(klass)
    thing = Thing(
        "module" if is_module else "instance", "self", klass, pending=Arguments(spread=True), mode=UNKNOWN_MODE
    )
    if is_module:
        thing.marks["module"] = None
    return state.put(instance_of(klass), thing)
