"""Whether a run of a function told nothing: it was given plain data, gave some, and nothing was seen to happen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from evallint.interpret.values import Arguments, Atom, Callee, Known, Open, Ref, State, Value
from evallint.program import ClassSymbol, External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

DEEPEST = 2
"""Containers within what a function gives that are looked into."""


def is_idle(machine: Machine, callee: Callee, given: Arguments, value: Value, state: State) -> bool:
    """Whether a call that has given this value, and nothing else, could do nothing to a model: there was none."""
    if callee.bound is not None or machine.relevance.acts(callee.symbol):
        return False
    return are_plain(machine, given.all(), state, 0) and are_plain(machine, (value,), state, DEEPEST)


def are_plain(machine: Machine, values: Iterable[Value], state: State, deep: int) -> bool:
    """Whether values are constants, unknowns and classes that heed no mode, or containers of such."""
    return all(is_plain(machine, atom, state, deep) for value in values for atom in value.atoms)


def is_plain(machine: Machine, atom: Atom, state: State, deep: int) -> bool:
    match atom:
        case Known() | Open():
            return True
        case ClassSymbol() | External():
            return machine.program.nature(atom).heeds == "no"
        case Ref(address):
            thing = state.heap[address]
            is_container = thing.kind in ("list", "dict") and deep > 0
            return thing.kind == "symbol" or (is_container and are_plain(machine, thing.contents(), state, deep - 1))
    return False
