"""What was found out of an object, for as long as nothing in it changes: it is described wherever it is handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Generic, TypeVar

from evallint.interpret.modules import reached
from evallint.interpret.values import Address, State, Thing
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


def leads_to(thing: Thing) -> Iterator[Address]:
    """The objects that another one holds, was made of, or is a method of."""
    given = thing.origin.given.all() if thing.origin is not None else ()
    pending = thing.pending.all() if thing.pending is not None else ()
    for value in chain(thing.attributes.values(), thing.contents(), given, pending):
        yield from value.refs()
    owner = thing.origin.owner if thing.origin is not None else None
    bound = thing.call.bound if thing.call is not None else None
    yield from (one for one in (thing.inner, bound, owner) if one is not None)
