"""What was found out of an object, for as long as nothing in it changes: it is described wherever it is handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from evallint.interpret.modules import reached
from evallint.interpret.values import Address, State, Thing, references
from evallint.memory import are_same

T = TypeVar("T")


class Unchanged(Generic[T]):
    """Keeps what was found of each object last, with the objects that it leads to as they were then.

    The variables of files that its code reads are taken to stay as they are.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Address, int], tuple[tuple[Thing, ...], T]] = {}

    def of(self, address: Address, depth: int, state: State, find: Callable[[], T]) -> T:
        """What `find` finds of an object, with regard to how deep within others it is met."""
        state.keep()
        things = tuple(state.heap[here] for here in reached(address, state, leads_to))
        known = self._found.get((address, depth))
        if known is None or not are_same(known[0], things):
            known = self._found[address, depth] = things, find()
        return known[1]


def leads_to(thing: Thing) -> list[Address]:
    """The objects that another one holds, was made of, or is a method of."""
    found = thing.children()
    origin, pending = thing.origin, thing.pending
    for given in (origin.given if origin is not None else None, pending):
        if given is not None:
            found += references(given.all())
    owner = origin.owner if origin is not None else None
    bound = thing.call.bound if thing.call is not None else None
    return found + [one for one in (thing.inner, bound, owner) if one is not None]
