"""Which forward calls evaluate, which train, and what holds where they happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from evallint.findings import Place, Step
from evallint.gather.code.substance import Substances
from evallint.gather.modes.branches import is_asked_for
from evallint.gather.modes.callers import may_run_without_graph
from evallint.gather.modes.evaluating import evaluation, is_same, use_of_caller
from evallint.gather.modes.predicting import Predicting
from evallint.interpret.events import Caller, Events, ForwardCall, ModeChange, calls_of
from evallint.interpret.forwards import FROZEN
from evallint.interpret.library import VOLATILE
from evallint.interpret.modules import is_copy
from evallint.interpret.roles import words
from evallint.interpret.values import Address, Change
from evallint.program import ClassSymbol, Program
from evallint.project import Evaluation, Forward

GENERATING = frozenset("generate sample translate transcribe".split())
"""Words of methods by which a model makes something, step by step."""


class Known(NamedTuple):
    """What is found out about classes once for all runs."""

    substances: Substances
    predicting: Predicting


def evaluations(program: Program, events: Events) -> dict[int, Evaluation]:
    """Why the outermost runs of models that one entry saw evaluate, by their numbers; those that don't left out."""
    trained = [event for event in events.forwards if event.trained]
    outermost = (event for event in events.forwards if not event.inside and not trains(program, events, event))
    found = ((event.id, evaluation(program, events, event, trained)) for event in outermost)
    return {number: why for number, why in found if why is not None}


def of_run(program: Program, events: Events, evaluates: Mapping[int, Evaluation], known: Known) -> Iterator[Forward]:
    """Every outermost run of a model that one entry saw, with why it `evaluates`."""
    trained = [event for event in events.forwards if event.trained]
    parts: dict[int, list[ForwardCall]] = {}
    for event in events.forwards:
        if event.part_of is not None:
            parts.setdefault(event.part_of, []).append(event)
    for event in events.forwards:
        if event.inside or not event.sure:
            continue
        own_run = known.predicting.run_of(event.klass, event.method)
        found = replace(forward(program, events, event, evaluates.get(event.id)), own_run=own_run)
        inner = parts.get(event.id, [])
        graphless = is_plain_arithmetic(event, inner, trained, known.substances) or turns_it_off(event, inner)
        yield replace(found, graph="off") if graphless else found


def turns_it_off(event: ForwardCall, parts: list[ForwardCall]) -> bool:
    """Whether a model's own code runs all of its parts without a graph."""
    if not parts:
        return event.unseen == {False}
    return all(part.grad.off is not None and not part.grad.on for part in parts)


def is_plain_arithmetic(
    event: ForwardCall, parts: list[ForwardCall], trained: list[ForwardCall], substances: Substances
) -> bool:
    """Whether a loss or the like is given what belongs to no graph, and adds none: it has no parameters for sure, or
    none that can be seen where nobody treats it as a model, which is trained, loaded or put into eval mode."""
    if any(number >= 0 for number in event.inputs.graph) or not isinstance(event.klass, ClassSymbol):
        return False
    is_model = bool(parts) or event.mode.eval is not None or "loaded" in event.marks
    if is_model or any(is_same(event, other) for other in trained):
        return substances.is_weightless(event.klass)
    return not substances.has_parameters(event.klass)


def trains(program: Program, events: Events, event: ForwardCall) -> bool:
    """Whether gradients of what a model gives are asked for."""
    return event.trained or needs_gradients(program, events, event)


def forward(program: Program, events: Events, event: ForwardCall, found: Evaluation | None) -> Forward:
    mode = event.mode
    possible: tuple[tuple[Literal["train", "eval", "unknown"], object], ...]
    possible = (("train", mode.train), ("eval", mode.eval), ("unknown", mode.unknown))
    modes = frozenset(word for word, on in possible if on)
    return Forward(
        at=event.at,
        function=event.frames[-1].function,
        model=event.receiver,
        module=event.receiver.removesuffix(f".{event.method}").removesuffix(".module"),
        title=program.title(event.klass),
        nature=event.nature,
        mode=modes,
        mode_set=tuple(
            step for change in (mode.train, mode.eval) if change is not None for step in trace(change, event)
        ),
        deliberate=deliberate(program, events, event),
        graph=graph_of(program, events, event),
        trains=trains(program, events, event),
        evaluation=found,
        way=way(event.frames, Step(event.at, f"`{event.receiver}` runs here")),
        escapes=event.escapes,
        frozen=not event.marks.keys().isdisjoint(FROZEN),
        switched_twin=twin(events, event),
        chain=chain(event),
        block=() if found is not None and (found.by == "phase" or is_named(event)) else event.loops,
        asked=switches_within(mode.train, event),
    )


def is_named(event: ForwardCall) -> bool:
    """Whether the function that a model runs in is there for evaluation, by its name."""
    return use_of_caller(event.frames[-1]) == "eval"


def needs_gradients(program: Program, events: Events, event: ForwardCall) -> bool:
    """Whether gradients of what the call returns are asked for, there or within the model's own forward."""
    if event.differentiated:
        return True
    running = {(caller.path, caller.function) for caller in event.frames}
    if isinstance(event.klass, ClassSymbol):
        own = program.method(event.klass, "forward")
        if own is not None:
            running.add((own.path, program.function(own).qualname))
    return bool(running & events.differentiating)


def graph_of(program: Program, events: Events, event: ForwardCall) -> Literal["recorded", "off", "unknown"]:
    """Whether the call records a graph."""
    if VOLATILE in event.inputs.roles:
        return "off"
    if event.grad.off is not None or not event.grad.on:
        return "off" if not event.grad.on and not event.grad.unknown else "unknown"
    if events.orphan and not switches_within(event.mode.eval, event):
        return "unknown"  # whoever calls the entry may have turned gradients off
    entry = event.frames[0].symbol
    if events.orphan and entry is not None and program.once(may_run_without_graph, entry):
        return "unknown"
    if event.klass is None and words(event.method) & GENERATING:
        return "unknown"  # such methods often turn gradients off themselves, as those of transformers do
    return "recorded"


def trace(change: Change, event: ForwardCall) -> tuple[Step, ...]:
    """How a mode came to be set: the calls that lead there and not to the model's call, and what set it."""
    shared = {caller.called_at for caller in event.frames}
    calls = [place for place in change.calls if place not in shared]
    return (*(Step(place, "this call leads to it") for place in calls[-3:]), change.step)


def chain(event: ForwardCall) -> tuple[tuple[Place, str], ...]:
    """The calls on the way to the model, outermost first and the model's own last, each with the function it is in."""
    names = [caller.function for caller in event.frames]
    places = calls_of(event.frames[1:])
    return tuple(zip((*places, event.at), names[-len(places) - 1 :], strict=True))


def way(frames: tuple[Caller, ...], last: Step) -> tuple[Step, ...]:
    """How the program gets from the entry to a place."""
    steps = [
        Step(caller.called_at, f"`{caller.function}` is called here")
        for caller in frames[1:]
        if caller.called_at is not None
    ]
    return (*steps, last)


def switches_within(change: Change | None, event: ForwardCall) -> bool:
    """Whether code in sight called eval(), or train()."""
    return change is not None and change.kind == "called"


def deliberate(program: Program, events: Events, event: ForwardCall) -> Literal["no", "perhaps", "yes"]:
    """Whether training mode was asked for on purpose.

    "yes" where the same model also runs in eval mode beside it (a comparison), or goes back to eval mode in the very
    function that has asked for training mode, and takes no step there (its batch norm is to see more batches); or a
    function that records no graph asks for the one mode or the other. "no" again for a train() that serves a training,
    unless the same data are run in both modes.
    "perhaps" where the program calls train() though it trains nothing: then nobody expects it to be undone. "no" for a
    line that trains in other passes. "yes" also where the function switches part by part: it leaves the others out.
    """
    change = event.mode.train
    if len(switched_parts(events, event)) > 1:
        return "yes"
    if change is None or change.kind != "called":
        return "no"
    if any(other.trained and other.at == event.at for other in events.forwards):
        return "no"
    if not event.grad.on and is_asked_for(program, change, event):
        return "yes"
    beside = [
        other
        for other in events.forwards
        if other.address == event.address and other.frames[-1] == event.frames[-1] and other.mode.eval is not None
    ]
    if serves_training(events, change) and not any(other.inputs.roles & event.inputs.roles for other in beside):
        return "no"
    if beside or (not event.grad.on and any(goes_back(one, change, event) for one in events.changes)):
        return "yes"
    return "no" if events.backwards or any(other.trained for other in events.forwards) else "perhaps"


def serves_training(events: Events, change: Change) -> bool:
    """Whether it is for a training that a train() was called."""
    changes = (other.mode.train for other in events.forwards if other.trained)
    return any(one is not None and one.step == change.step for one in changes)


def switched_parts(events: Events, event: ForwardCall) -> set[Address]:
    """The parts of a model that the very function which runs it puts into eval mode one by one."""
    return {
        found.address
        for found in events.changes
        if found.to.eval is not None
        and found.to.train is None
        and found.address != event.address
        and found.address in event.family
        and calls_of(found.frames) == calls_of(event.frames)
    }


def goes_back(later: ModeChange, change: Change, event: ForwardCall) -> bool:
    """Whether the very function that has put a model into training mode puts it into eval mode at its end."""
    if later.to.eval is None or later.to.train is not None or not is_in(event, later.address):
        return False
    if calls_of(later.frames) != change.calls:
        return False
    return later.at.path == change.step.at.path and later.at.span > event.at.span > change.step.at.span


def is_in(event: ForwardCall, address: Address) -> bool:
    """Whether what runs is an object or a part of it."""
    return address in event.family or event.address[: len(address)] == address


def twin(events: Events, event: ForwardCall) -> Step | None:
    """The eval() that went to another object: a copy, one that went by the same name before, the still empty
    container."""
    if event.mode.eval is not None or event.mode.train is None:
        return None
    if event.mode.train.kind == "called" and event.mode.train.calls == calls_of(event.frames):
        return None  # the function that runs it has asked for training mode, whatever was done before
    if event.own_mode.eval is not None:
        return event.own_mode.eval.step
    originals = {part[3] for part in event.family if is_copy(part)}
    later = any(change.to.eval is not None and change.address in event.family for change in events.changes)
    for change in events.changes:
        if change.to.eval is None or change.to.train is not None or change.address in event.family:
            continue
        copies = change.address in originals or (is_copy(change.address) and change.address[3] in event.family)
        built = event.mode.train.kind == "built" and not later
        renamed = built and change.receiver == event.receiver and same_calls(change.frames, event.frames)
        if copies or renamed:
            return change.to.eval.step
    return None


def same_calls(one: tuple[Caller, ...], other: tuple[Caller, ...]) -> bool:
    """Whether two things happen in one run of the outermost function that has a name for the model."""
    return one[0] == other[0] and one[-1].function.partition(".")[0] == other[-1].function.partition(".")[0]
