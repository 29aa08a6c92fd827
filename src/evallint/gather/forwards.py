"""Which forward calls evaluate, which train, and what holds where they happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from evallint.apis import Hook
from evallint.findings import Step
from evallint.interpret.events import Caller, Events, ForwardCall
from evallint.interpret.roles import use_of, words
from evallint.interpret.values import Change, Role
from evallint.program import External, Program
from evallint.project import Evaluation, Forward

SAMPLING = frozenset("mc montecarlo monte bayesian uncertainty stochastic ensemble tta dropout variational".split())
"""Words of functions that run a model in training mode on purpose: Monte Carlo dropout and its kin."""

ADAPTING = frozenset("adapt adaptation tent attack attacks adversarial pgd fgsm saliency calibrate recalibrate warmup bn".split())


def of_run(program: Program, events: Events) -> Iterator[Forward]:
    """Every outermost run of a model that one entry saw."""
    trained = [event for event in events.forwards if event.trained]
    for event in events.forwards:
        if event.inside or not event.sure:
            continue
        yield forward(program, events, event, trained)


def forward(program: Program, events: Events, event: ForwardCall, trained: list[ForwardCall]) -> Forward:
    mode = event.mode
    modes: frozenset[Literal["train", "eval", "unknown"]] = frozenset(
        word for word, on in (("train", mode.train), ("eval", mode.eval), ("unknown", mode.unknown)) if on  # type: ignore[misc]
    )
    needs = event.differentiated or any(
        (caller.path, caller.function) in events.differentiating for caller in event.frames
    )
    trains = event.trained or needs
    graph: Literal["recorded", "off", "unknown"] = "recorded"
    if event.grad.off is not None or not event.grad.on:
        graph = "off" if not event.grad.on and not event.grad.unknown else "unknown"
    elif events.orphan and not switches_within(mode.eval, event):
        graph = "unknown"  # whoever calls the entry may have turned gradients off
    return Forward(
        at=event.at,
        function=event.frames[-1].function,
        model=event.receiver,
        title=program.title(event.klass),
        nature=event.nature,
        mode=modes,
        mode_set=tuple(trace(change) for change in (mode.train, mode.eval) if change is not None),
        train_deliberate=is_deliberate(program, event),
        graph=graph,
        trains=trains,
        evaluation=None if trains else evaluation(program, events, event, trained),
        way=way(event.frames, Step(event.at, f"`{event.receiver}` runs here")),
        needs_gradients=needs,
        frozen="frozen" in event.marks,
        loop=None,
        switched_twin=twin(events, event),
    )


def trace(change: Change) -> Step:
    return change.step


def way(frames: tuple[Caller, ...], last: Step) -> tuple[Step, ...]:
    """How the program gets from the entry to a place."""
    steps = [
        Step(caller.called_at, f"`{caller.function}` is called here") for caller in frames[1:] if caller.called_at is not None
    ]
    return (*steps, last)


def switches_within(change: Change | None, event: ForwardCall) -> bool:
    """Whether eval() was called by code in sight."""
    return change is not None and change.kind == "called"


# ---- does it evaluate? --------------------------------------------------------------------------


def evaluation(
    program: Program, events: Events, event: ForwardCall, trained: list[ForwardCall]
) -> Evaluation | None:
    """Why a forward that trains nothing is an evaluation, None where nothing says so."""
    if event.inputs.synthetic or is_managed(program, event.frames):
        return None
    if any(words(caller.function) & (SAMPLING | ADAPTING) for caller in event.frames):
        return None
    data = role_of(event.inputs.roles)
    phase = phase_of(event.frames)
    if within_training_step(event, trained):
        if data is None or data.use != "eval":
            return None
        return Evaluation(f"on `{data.label}`", data.sure)
    if data is not None and data.use == "eval" and phase != "train":
        return Evaluation(f"on `{data.label}`", data.sure or not event.grad.on)
    if phase == "eval" and not (data is not None and data.use == "train" and data.sure):
        return Evaluation(f"in `{named_phase(event.frames)}`", not event.grad.on)
    if data is not None and data.use == "eval":
        return Evaluation(f"on `{data.label}`", data.sure)
    if phase == "train" or (data is not None and data.use == "train"):
        return None
    if not event.grad.on and event.grad.off is not None:
        return Evaluation("without gradients", True)
    if not trained and "loaded" in event.marks and not events.backwards:
        return Evaluation("with loaded weights", True)
    return None


def within_training_step(event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether a training forward happens in the same pass of a loop: then this one serves it (a teacher, a target)."""
    for other in trained:
        if other.loops and other.loops[-1] in event.loops:
            return True
        if not other.loops and other.frames == event.frames[: len(other.frames)]:
            return True
    return False


def role_of(roles: Iterable[Role]) -> Role | None:
    """What the data are for, where what is known of it agrees; an argument counts before a name."""
    found = sorted(roles, key=lambda role: (not role.sure, role.use, role.label))
    if not found:
        return None
    best = [role for role in found if role.sure == found[0].sure]
    return best[0] if len({role.use for role in best}) == 1 else None


def phase_of(frames: tuple[Caller, ...]) -> Literal["train", "eval"] | None:
    """What the functions on the way are for: the innermost that says so decides, a file's name at the last."""
    for caller in reversed(frames):
        use = use_of(caller.function.rpartition(".")[2])
        if use is not None:
            return use
    for caller in reversed(frames):
        use = use_of(caller.function.rpartition(".")[0].rpartition(".")[2])
        if use is not None:
            return use
    return use_of(stem(frames[0].path))


def named_phase(frames: tuple[Caller, ...]) -> str:
    for caller in reversed(frames):
        if use_of(caller.function.rpartition(".")[2]) == "eval" or use_of(caller.function.partition(".")[0]) == "eval":
            return caller.function
    return frames[0].path.rpartition("/")[2]


def stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def is_managed(program: Program, frames: tuple[Caller, ...]) -> bool:
    """Whether a framework calls one of these functions and sets modes and gradients around it."""
    for caller in frames:
        if caller.symbol is None:
            continue
        klass = program.class_of(caller.symbol)
        if klass is None:
            continue
        name = program.function(caller.symbol).name
        for base in program.lineage(klass):
            if isinstance(base, External) and isinstance(program.apis.method(base.name, name), Hook):
                return True
    return False


def is_deliberate(program: Program, event: ForwardCall) -> bool:
    """Whether train() is called by the very function that evaluates: nobody writes that by mistake."""
    change = event.mode.train
    if change is None or change.kind != "called":
        return False
    depth = len(change.calls)
    here = tuple(caller.called_at for caller in event.frames if caller.called_at is not None)
    if here[-depth:] != change.calls[-depth:] if depth else False:
        return False
    setter = event.frames[-1] if len(here) <= depth else event.frames[max(0, len(event.frames) - 1 - (len(here) - depth))]
    return use_of(setter.function.rpartition(".")[2]) == "eval" or use_of(stem(event.frames[0].path)) == "eval"


def twin(events: Events, event: ForwardCall) -> Step | None:
    """The eval() of another object in this one's stead: the copy of it, or what it is a copy of."""
    for change in events.changes:
        if change.to.eval is None or change.to.train is not None or change.address == event.address:
            continue
        if is_copy(change.address, event.address) or is_copy(event.address, change.address):
            return change.to.eval.step
    return None


def is_copy(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == 4 and one[0] == "copy" and one[3] == other


