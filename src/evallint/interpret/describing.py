"""Takes terms of values: what they are at this moment, for whoever reads it after the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint.apis import Constants, Transform
from evallint.interpret import library, sampling
from evallint.interpret.render import code
from evallint.interpret.terms import DARK, AnyOf, Dark, Items, Made, Named, Pass, Plain, Term
from evallint.interpret.values import (
    Address,
    Anonymous,
    Atom,
    Callee,
    Known,
    Ref,
    State,
    Thing,
    Value,
    in_order,
    of,
)
from evallint.program import ClassSymbol, External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

DEEPEST = 10
"""What lies deeper within what is described is dark."""

LARGEST = 400
"""So many objects are looked into for one description; what else it holds is dark."""


def describe(machine: Machine, value: Value, state: State) -> Term:
    """What a value is now, objects with all that they hold."""

    def found() -> Term:
        return Description(machine, state).term(value, 0)

    atom = next(iter(value.atoms)) if len(value.atoms) == 1 else None
    return machine.described.of(atom.address, machine.aside, state, found) if isinstance(atom, Ref) else found()


def perhaps(term: Term) -> Term:
    """The same, or nothing."""
    return AnyOf((term, Plain(None)))


class Description:
    """One description that is being taken; an object within itself is dark."""

    def __init__(self, machine: Machine, state: State) -> None:
        self._machine, self._state = machine, state
        self._within: list[Address] = []
        self._left = LARGEST
        self._taken: dict[Address, Term] = {}

    def term(self, value: Value, depth: int) -> Term:
        if not value.atoms or depth > DEEPEST:
            return DARK
        found = [self._atom(atom, depth) for atom in in_order(value.atoms)]
        if len(found) > 1:
            found = list(dict.fromkeys(found))
        return found[0] if len(found) == 1 else AnyOf(tuple(found))

    def _atom(self, atom: Atom, depth: int) -> Term:
        match atom:
            case Known(value):
                return Plain(value)
            case Ref(address):
                return self._object(address, depth)
            case External(name):
                return self._named(name)
            case Callee(symbol):
                return Named(self._machine.program.function(symbol).qualname, symbol)
            case ClassSymbol():
                return Named(self._machine.program.klass(atom).name, atom)
            case Anonymous(path, lambda_):
                return Dark(code(lambda_.body), (path, self._machine.number(lambda_)))
        return DARK

    def _named(self, name: str) -> Term:
        """What a name of a library stands for: numbers, where a table has them."""
        meaning = self._machine.apis.data(name)
        if isinstance(meaning, Constants):
            return Items(tuple((index, Plain(number)) for index, number in enumerate(meaning.numbers)))
        return Named(self._machine.apis.canonical(name))

    def _object(self, address: Address, depth: int) -> Term:
        if address in self._taken:
            return self._taken[address]
        thing = self._state.heap.get(address)
        if thing is None or address in self._within or self._left <= 0:
            return Dark(thing.label if thing is not None else "", address)
        self._left -= 1
        self._within.append(address)
        found = self._thing(address, thing, depth)
        self._within.pop()
        self._taken[address] = found
        return found

    def _thing(self, address: Address, thing: Thing, depth: int) -> Term:
        if thing.kind in ("list", "dict"):
            items = tuple(
                (key, perhaps(term) if key in thing.maybe else term)
                for key, item in thing.items.items()
                for term in (self.term(item, depth + 1),)
            )
            return Items(items, self.term(thing.rest, depth + 1) if thing.rest is not None else None)
        if thing.kind == "wrapper" and thing.inner is not None:
            return self._object(thing.inner, depth)
        if thing.kind == "partial" and thing.rest is not None:
            return self._partial(address, thing, depth)
        if thing.origin is None:
            return Dark(thing.label, address)
        return self._made(address, thing, depth)

    def _partial(self, address: Address, thing: Thing, depth: int) -> Term:
        assert thing.rest is not None
        of_what = self.term(thing.rest, depth + 1)
        if not isinstance(of_what, Named):
            return Dark(thing.label, address)
        positional = tuple(self.term(item, depth + 1) for key, item in thing.items.items() if isinstance(key, int))
        keywords = tuple((key, self.term(item, depth + 1)) for key, item in thing.items.items() if isinstance(key, str))
        klass = of_what.symbol if isinstance(of_what.symbol, ClassSymbol) else None
        return Made(of_what.name, klass, self._machine.place(), address, positional, keywords, label=thing.label)

    def _made(self, address: Address, thing: Thing, depth: int) -> Term:
        origin = thing.origin
        assert origin is not None
        given = origin.given
        klass = thing.klass if isinstance(thing.klass, ClassSymbol) else None
        attributes = {} if thing.kind == "symbol" else thing.attributes
        return Made(
            origin.name,
            klass,
            origin.at,
            address,
            tuple(self.term(value, depth + 1) for value in given.positional),
            tuple((name, self.term(value, depth + 1)) for name, value in given.keywords.items()),
            given.spread,
            self._object(origin.owner, depth + 1) if origin.owner is not None else None,
            tuple((name, self.term(value, depth + 1)) for name, value in attributes.items()),
            self._passes(address, thing, klass),
            origin.part,
            thing.label,
        )

    def _passes(self, address: Address, thing: Thing, klass: ClassSymbol | None) -> tuple[Pass, ...] | None:
        if klass is None:
            return self._applied(thing)
        if thing.kind not in ("instance", "module"):
            return None
        return sampling.passes(self._machine, of(Ref(address)), klass, self._state)

    def _applied(self, thing: Thing) -> tuple[Pass, ...] | None:
        """What a transform of a library does by a function that it was given."""
        meaning = self._machine.apis.data(thing.origin.name) if thing.origin is not None else None
        if not isinstance(meaning, Transform) or meaning.applies is None or thing.origin is None:
            return None
        function = library.argument(thing.origin.given, meaning.applies)
        return sampling.of_function(self._machine, function, self._state) if function is not None else None
