"""What is put into lists, put together and repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint.interpret import generators, picking
from evallint.interpret.values import UNKNOWN, Address, Ref, State, Thing, Value, constant, of

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def module_key(key: Value, state: State) -> Ref | None:
    """The module, or the part of one in general, that a dict keeps something for: `{m: m.training for m in parts}`."""
    for atom in key.atoms if len(key.atoms) == 1 else ():
        if isinstance(atom, Ref) and state.heap[atom.address].kind in ("module", "wrapper", "parts"):
            return atom
    return None


def key_value(key: object) -> Value:
    """A key as a value, which may be anything where it is not known."""
    if isinstance(key, Ref):
        return of(key)
    return constant(key) if isinstance(key, str | int | float | bool | None) else UNKNOWN


def extend(machine: Machine, address: Address, value: Value, state: State) -> None:
    """Add the elements of a value to a list."""
    generators.generated(machine, value, state)
    thing = state.own(address)
    others = [state.heap[ref] for ref in value.refs()]
    if (
        len(others) == 1
        and len(value.atoms) == 1
        and others[0].rest is None
        and thing.rest is None
        and others[0] is not thing
    ):
        start_at = len(thing.items)
        for offset, item in enumerate(others[0].items.values()):
            thing.items[start_at + offset] = item
        return
    element = picking.element(machine, value, state)
    thing = state.own(address)
    thing.rest = element if thing.rest is None else thing.rest.join(element)


def concatenated(machine: Machine, left: Value, right: Value, state: State, key: int) -> Value | None:
    """`left + right` of two lists."""
    parts = [[state.heap[address] for address in value.refs()] for value in (left, right)]
    if not any(part and part[0].kind == "list" for part in parts):
        return None
    thing = Thing("list", born=machine.place())
    for value, things in zip((left, right), parts, strict=True):
        if len(things) == 1 and things[0].kind == "list" and things[0].rest is None and thing.rest is None:
            for item in things[0].items.values():
                thing.items[len(thing.items)] = item
        else:
            element = picking.element(machine, value, state)
            thing.rest = element if thing.rest is None else thing.rest.join(element)
    address = state.put(("list", machine.frame.context, key), thing)
    return Value(frozenset((Ref(address),)), left.flow.join(right.flow))


def repeated(machine: Machine, left: Value, right: Value, state: State, key: int) -> Value | None:
    """`[x] * 3`, None for other products."""
    count = right.constant()
    things = [state.heap[address] for address in left.refs()]
    if count is None or count.kind is not int or len(things) != 1 or things[0].kind != "list":
        return None
    items = list(things[0].items.values())
    if things[0].rest is not None or not 0 < len(items) * int(count.value or 0) <= LONGEST_REPEATED:
        return None
    thing = Thing("list", born=machine.place())
    thing.items = dict(enumerate(items * int(count.value or 0)))
    return Value(frozenset((Ref(state.put(("list", machine.frame.context, key), thing)),)), left.flow)


LONGEST_REPEATED = 32
