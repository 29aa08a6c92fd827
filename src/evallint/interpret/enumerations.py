"""Classes whose members are constants that stand for themselves: `class Phase(Enum): TRAIN = 0`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evallint.interpret import attributes
from evallint.interpret.values import UNKNOWN, Known, Value, constant, of
from evallint.program import ClassSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine
    from evallint.interpret.values import State

ENUMERATIONS = frozenset(f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"))
CONSTANTS = frozenset(("enum.IntEnum", "enum.StrEnum", "enum.IntFlag", "builtins.str", "builtins.int", "str", "int"))
"""Bases with which a member equals its value."""


def is_enumeration(machine: Machine, klass: ClassSymbol) -> bool:
    return not ENUMERATIONS.isdisjoint(machine.program.externals(klass))


def member(machine: Machine, klass: ClassSymbol, name: str, value: Value) -> Value:
    """What a variable of an enumeration's body is to those who read it: a member, which is like no other constant.

    Where members equal their values, as with `class Phase(str, Enum)`, the constant itself stands for one.
    """
    if name.startswith("_") or not is_enumeration(machine, klass):
        return value
    if not CONSTANTS.isdisjoint(machine.program.externals(klass)):
        return value
    return of(Known(f"{machine.program.klass(klass).name}.{name}", klass))


def members(machine: Machine, klass: ClassSymbol, state: State) -> Iterator[tuple[Value, Value]]:
    """The members of an enumeration in their order, each with its value; nothing for another class."""
    if not is_enumeration(machine, klass):
        return
    for name in machine.class_variables(klass):
        value = attributes.class_variable(machine, klass, name, state)
        if value is not None and not name.startswith("_"):
            yield member(machine, klass, name, value), value


def of_member(machine: Machine, known: Known, name: str, state: State) -> Value:
    """An attribute of a constant: the name or the value of a member."""
    if not isinstance(known.kind, ClassSymbol):
        return of(known) if name == "value" else UNKNOWN  # of plain constants only members that equal theirs have it
    own = str(known.value).rpartition(".")[2]
    if name == "name":
        return constant(own)
    held = attributes.class_variable(machine, known.kind, own, state) if name == "value" else None
    return held if held is not None else UNKNOWN


def found_by(machine: Machine, klass: ClassSymbol, value: Value, state: State) -> Value:
    """The member that `Phase("train")` gives."""
    wanted = value.constant()
    if wanted is None:
        return UNKNOWN
    return next((one for one, held in members(machine, klass, state) if held.constant() == wanted), UNKNOWN)


def named(machine: Machine, klass: ClassSymbol, name: Value, state: State) -> Value:
    """The member that `Phase["TRAIN"]` gives."""
    text = name.text()
    return attributes.of_class(machine, klass, text, state) if text else UNKNOWN
