"""What a data set or transform of the program does to a sample: its own code, run aside on a sample of which nothing is
known, with a note of all that is applied to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from evallint.interpret import calls
from evallint.interpret.events import Events, Exhausted
from evallint.interpret.terms import Made, OneOf, Pass
from evallint.interpret.values import UNKNOWN, Anonymous, Arguments, Callee, Flow, State, Value
from evallint.program import ClassSymbol, FunctionSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

Doubt = Literal["chance", "sample", "unknown"]
"""By what it hangs whether something is done to a sample."""

SEEN = -2
"""The number, among the sources of a flow, of the sample itself: an image that was read, and what became of it."""

MEASURED = -3
"""That of its size, and of what else is asked of it: no image, but other for others."""

DRAWN = -1
"""That of everything random."""

SAMPLE = Value(flow=Flow(sources=frozenset((SEEN,))))

BUDGET = 6_000
"""Expressions and statements interpreted for one object; one whose code needs more is not known."""

DEEPEST = 4
"""Objects that are met within are run so deep."""


def passes(machine: Machine, value: Value, klass: ClassSymbol, state: State) -> tuple[Pass, ...] | None:
    """What the object's `__getitem__`, `__call__` or `forward` does; None where it has none, or it is too much."""
    symbol = entry(machine, klass)
    if symbol is None:
        return None
    function = machine.program.function(symbol)
    sample = UNKNOWN if function.name == "__getitem__" else SAMPLE
    given = Arguments((sample,) * wanted(machine, symbol))
    (receiver,) = value.refs()

    def run() -> tuple[Pass, ...] | None:
        other = state.fork()
        return noted(machine, lambda: calls.follow(machine, Callee(symbol, receiver), given, function.span, other))

    return machine.sampled.of(receiver, machine.aside, state, run)


def of_function(machine: Machine, value: Value, state: State) -> tuple[Pass, ...] | None:
    """What a function of the program, or a lambda, does to the sample it is given; None where that is out of sight."""
    atom = next(iter(value.atoms)) if len(value.atoms) == 1 else None
    given, other = Arguments((SAMPLE,)), state.fork()
    match atom:
        case Anonymous():
            return noted(machine, lambda: calls.call_lambda(machine, atom, given, other))
        case Callee(symbol):
            span = machine.program.function(symbol).span
            return noted(machine, lambda: calls.follow(machine, atom, given, span, other))
    return None


def noted(machine: Machine, run: Callable[[], object]) -> tuple[Pass, ...] | None:
    """What is noted while something runs aside; None where that is too much."""
    if machine.aside >= DEEPEST:
        return None
    kept = machine.notes, machine.doubts, machine.events, machine.ids, machine.frames, machine.budget
    applied, before = machine.applied, machine.noted
    machine.notes, machine.noted, machine.doubts, machine.applied = [], 0, Counter(), []
    machine.events, machine.ids = aside(machine.events), dict(machine.ids)
    machine.frames = machine.frames[:1]
    machine.budget = min(BUDGET, machine.budget)
    machine.aside += 1
    try:
        run()
        return apart(tuple(machine.notes))
    except (Exhausted, RecursionError):
        return None
    finally:
        machine.aside -= 1
        machine.notes, machine.doubts, machine.events, machine.ids, machine.frames, budget = kept
        machine.budget, machine.applied, machine.noted = budget, applied, before


def apart(passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
    """The same passes: where several things are made of one image, as two crops or a plain view beside them, none of
    what is done to one of them is sure to be done to what a model is given. Nor is what was done to the image before,
    where one transform makes several views of it: such are to be told apart, or alike, by chance."""
    made: dict[frozenset[int], list[Pass]] = {}
    for one in passes:
        for on in {each.on for each in alternatives(one) if each.on and each.sure}:
            made.setdefault(on, []).append(one)
    views = [{results(one) for one in several} for several in made.values()]
    views = [several for several in views if len(several) > 1]
    before = come_from(passes, [on for on, several in made.items() if is_by_one(several)])
    return tuple(
        unsure(one) if not before.isdisjoint(results(one)) or any(is_of_one(one, several) for several in views) else one
        for one in passes
    )


def is_by_one(views: Sequence[Pass]) -> bool:
    """Whether one transform makes two of several things that are made of one image."""
    by = [one.what.identity for one in views if isinstance(one.what, Made) and one.what.identity is not None]
    return len(set(by)) < len(by)


def come_from(passes: Sequence[Pass], images: Iterable[frozenset[int]]) -> frozenset[int]:
    """The numbers of the passes by which images came to be what they are."""
    found = frozenset[int]().union(*images)
    for one in reversed(passes):
        if not found.isdisjoint(results(one)):
            found = found.union(*(each.on for each in alternatives(one)))
    return found


def makes_views(machine: Machine, before: int) -> bool:
    """Whether what was noted since is done to a sample that was there before: the next time, another view is made."""
    notes = machine.notes or []
    there = frozenset((SEEN,)).union(*map(results, notes[:before]))
    own = frozenset[int]().union(*map(results, notes[before:]))
    return any(each.on & there and each.on.isdisjoint(own) for one in notes[before:] for each in alternatives(one))


def is_of_one(one: Pass, views: set[frozenset[int]]) -> bool:
    """Whether something is done to one of several views, and not to what was put together of them all."""
    if results(one) in views:
        return True
    of = [{view for view in views if each.on & view} for each in alternatives(one)]
    return any(found and found != views for found in of)


def results(one: Pass) -> frozenset[int]:
    """The numbers of what may come of a pass."""
    if not isinstance(one.what, OneOf):
        return frozenset((one.number,))
    return frozenset[int]().union(*(results(each) for way in one.what.ways for each in way))


def alternatives(one: Pass) -> tuple[Pass, ...]:
    """The passes of which one is the first to be taken, or the pass itself."""
    return tuple(way[0] for way in one.what.ways if way) if isinstance(one.what, OneOf) else (one,)


def unsure(one: Pass) -> Pass:
    if not isinstance(one.what, OneOf):
        return replace(one, sure=False, some=False)
    return replace(one, what=OneOf(tuple(tuple(map(unsure, way)) for way in one.what.ways)))


def is_sample(machine: Machine, values: Iterable[Value]) -> bool:
    """Whether the image that is run aside is among these, whose parts are its channels."""
    return machine.notes is not None and any(not one.atoms and SEEN in one.flow.sources for one in values)


def entry(machine: Machine, klass: ClassSymbol) -> FunctionSymbol | None:
    """The method through which samples go."""
    names = ("forward",) if machine.program.is_module(klass) else ("__getitem__", "__call__")
    return next((found for name in names if (found := machine.program.method(klass, name)) is not None), None)


def wanted(machine: Machine, symbol: FunctionSymbol) -> int:
    """How many arguments a method must be given, its receiver aside."""
    parameters = machine.program.function(symbol).parameters[1:]
    return sum(1 for one in parameters if one.default is None and one.kind in ("", "/"))


def aside(events: Events) -> Events:
    """A copy that takes what is seen aside, where the numbers of earlier runs still mean something."""
    return Events(events.entry, forwards=list(events.forwards), doubtful=dict(events.doubtful), sources=events.sources)
