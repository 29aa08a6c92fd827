"""Which forward calls evaluate, which train, and what holds where they happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

from evallint.apis import Hook
from evallint.facts import Span
from evallint.findings import Place, Step
from evallint.gather.code.mending import contains, names_along, widest
from evallint.gather.code.substance import Substances
from evallint.gather.modes.predicting import Predicting
from evallint.interpret.events import Caller, Events, ForwardCall, ModeChange
from evallint.interpret.library import VOLATILE
from evallint.interpret.roles import Use, is_test_file, use_of, words
from evallint.interpret.values import Address, Change, Role
from evallint.program import ClassSymbol, External, Program
from evallint.project import Evaluation, Forward

SAMPLING = frozenset("mc montecarlo monte bayesian uncertainty stochastic ensemble tta dropout variational".split())
"""Words of functions that run a model in training mode on purpose: Monte Carlo dropout and its kin."""

ADAPTING = frozenset(
    "adapt adaptation tent attack attacks adversarial pgd fgsm saliency calibrate recalibrate warmup bn "
    "batchnorm".split()
)


GENERATING = frozenset("generate sample translate transcribe".split())
"""Words of methods by which a model makes something, step by step."""


class Known(NamedTuple):
    """What is found out about classes once for all runs."""

    substances: Substances
    predicting: Predicting


def of_run(program: Program, events: Events, known: Known) -> Iterator[Forward]:
    """Every outermost run of a model that one entry saw."""
    trained = [event for event in events.forwards if event.trained]
    parts: dict[int, list[ForwardCall]] = {}
    for event in events.forwards:
        if event.part_of is not None:
            parts.setdefault(event.part_of, []).append(event)
    for event in events.forwards:
        if event.inside or not event.sure:
            continue
        own_run = known.predicting.run_of(event.klass, event.method)
        found = replace(forward(program, events, event, trained), own_run=own_run)
        graphless = is_plain_arithmetic(event, known.substances) or turns_it_off(parts.get(event.id, []))
        yield replace(found, graph="off") if graphless else found


def turns_it_off(parts: list[ForwardCall]) -> bool:
    """Whether a model's own code runs all of its parts without a graph."""
    return bool(parts) and all(part.grad.off is not None and not part.grad.on for part in parts)


def is_plain_arithmetic(event: ForwardCall, substances: Substances) -> bool:
    """Whether a loss or the like, without parameters, is given what belongs to no graph."""
    graphs = any(number >= 0 for number in event.inputs.graph)
    return not graphs and isinstance(event.klass, ClassSymbol) and substances.is_weightless(event.klass)


def placed(program: Program, found: tuple[Forward, ...]) -> tuple[Forward, ...]:
    """The forwards with the places at which their mode, and their graph, go wrong.

    A call that other uses share and that is right for these is not at fault, its caller is. So is the caller of a
    method by which a model's forward works. A graph that a method for evaluation records is that method's own fault,
    unless some of its callers see to it.
    """
    shared = forward_methods(program)
    right_mode = {place for one in found if one.trains or one.mode == {"eval"} for place, _ in one.chain}
    without = [one for one in found if one.trains or one.graph == "off"]
    right_graph = {place for one in without for place, _ in one.chain}
    right_graph |= {one.own_run.at for one in without if one.own_run is not None}
    training = frozenset(place for one in found if one.trains for place, _ in one.chain)
    faulty = tuple(
        replace(one, mode_at=at_fault(one, right_mode, shared), graph_at=graph_at(one, right_graph, shared))
        for one in found
    )
    return tuple(_mendable(program, faulty, training))


def _mendable(program: Program, found: tuple[Forward, ...], training: frozenset[Place]) -> Iterator[Forward]:
    """The forwards with where their mode could be switched, and what could run without a graph."""
    blocks: dict[object, list[Place]] = {}
    for one in found:
        if needs_no_graph(one) and one.graph_at is not None:
            blocks.setdefault(_block(one), []).append(widest(program, one.graph_at[0], training))
    for one in found:
        if one.evaluation and one.surely_trains_mode and one.mode_at is not None:
            one = replace(one, evaluates_from=evaluates_from(program, one, training))
        if needs_no_graph(one) and one.graph_at is not None:
            one = replace(one, without_graph=without_graph(program, one, blocks[_block(one)], training))
        yield one


def _block(one: Forward) -> object:
    return one.graph_at and (one.graph_at[0].path, one.graph_at[1], one.block)


def needs_no_graph(one: Forward) -> bool:
    return one.evaluation is not None and one.graph == "recorded" and not one.frozen


def evaluates_from(program: Program, one: Forward, training: frozenset[Place]) -> tuple[Place, str] | None:
    """The statement before which a model should be in eval mode, and its name there; None where it has none."""
    assert one.mode_at is not None
    at, function = one.mode_at
    if at in training:
        return None
    places = [place for place, _ in one.chain]
    name = names_along(program, one.chain, one.module)[places.index(at)] if at in places else ""
    if not name or function.rpartition(".")[2] in ("forward", "__call__"):
        return None
    return widest(program, at, training | {step.at for step in one.mode_set}, name), name


def without_graph(
    program: Program, one: Forward, statements: list[Place], training: frozenset[Place]
) -> tuple[Place, Place] | None:
    """The first and the last statement of those that one context should be around; None where they train too."""
    assert one.graph_at is not None
    if one.graph_at[0] in training:
        return None
    own = widest(program, one.graph_at[0], training)
    first, last = min(statements, key=lambda at: at.span), max(statements, key=lambda at: at.span)
    between = Span(first.span.line, first.span.column, last.span.end_line, last.span.end_column)
    if any(place.path == own.path and contains(between, place.span) for place in training):
        return own, own
    return first, last


def graph_at(one: Forward, right: set[Place], shared: frozenset[tuple[str, str]]) -> tuple[Place, str]:
    if one.own_run is not None and one.own_run.at not in right:
        return one.own_run.at, one.own_run.function
    return at_fault(one, right, shared)


def at_fault(one: Forward, right: set[Place], shared: frozenset[tuple[str, str]]) -> tuple[Place, str]:
    for place, function in reversed(one.chain):
        if place not in right and (place.path, function) not in shared:
            return place, function
    return one.chain[-1]


def forward_methods(program: Program) -> frozenset[tuple[str, str]]:
    """The methods of modules that their `forward` reaches, by path and qualified name."""
    return frozenset(program.each(forward_methods_in))


def forward_methods_in(program: Program, path: str) -> Iterator[tuple[str, str]]:
    facts = program.files[path]
    for klass in facts.classes:
        named = {facts.functions[index].name: facts.functions[index] for index in klass.methods}
        if "forward" not in named or not program.is_module(ClassSymbol(path, facts.classes.index(klass))):
            continue
        todo, seen = ["forward"], {"forward"}
        while todo:
            function = named[todo.pop()]
            yield path, function.qualname
            new = (set(function.mentions) & named.keys()) - seen
            seen |= new
            todo += new


def forward(program: Program, events: Events, event: ForwardCall, trained: list[ForwardCall]) -> Forward:
    mode = event.mode
    possible: tuple[tuple[Literal["train", "eval", "unknown"], object], ...]
    possible = (("train", mode.train), ("eval", mode.eval), ("unknown", mode.unknown))
    modes = frozenset(word for word, on in possible if on)
    needs = needs_gradients(program, events, event)
    trains = event.trained or needs
    found = None if trains else evaluation(program, events, event, trained)
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
        deliberate=deliberate(events, event),
        graph=graph_of(events, event),
        trains=trains,
        evaluation=found,
        way=way(event.frames, Step(event.at, f"`{event.receiver}` runs here")),
        escapes=event.escapes,
        frozen=not event.marks.keys().isdisjoint(("frozen", "all frozen")),
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


def graph_of(events: Events, event: ForwardCall) -> Literal["recorded", "off", "unknown"]:
    """Whether the call records a graph."""
    if VOLATILE in event.inputs.roles:
        return "off"
    if event.grad.off is not None or not event.grad.on:
        return "off" if not event.grad.on and not event.grad.unknown else "unknown"
    if events.orphan and not switches_within(event.mode.eval, event):
        return "unknown"  # whoever calls the entry may have turned gradients off
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
    places = [caller.called_at for caller in event.frames[1:] if caller.called_at is not None]
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


# ---- does it evaluate? --------------------------------------------------------------------------


def evaluation(program: Program, events: Events, event: ForwardCall, trained: list[ForwardCall]) -> Evaluation | None:
    """Why a forward that trains nothing is an evaluation, None where nothing says so."""
    if event.inputs.synthetic or is_managed(program, event.frames) or is_unit_test(program, event.frames):
        return None
    if is_tryout(program, event, trained):
        return None
    if any(is_constructor(program, caller) for caller in event.frames):
        return None
    if any(words(caller.function) & (SAMPLING | ADAPTING) for caller in event.frames):
        return None
    if use_of(event.method) == "train":  # `model.training_step(batch)`
        return None
    data = role_of(event.inputs.roles)
    phase = use_of(event.method) or phase_of(event.frames)
    off = not event.grad.on and event.grad.off is not None
    if within_training_step(event, trained):
        if is_trained_on(event, events, trained):
            return None
        if data is not None and data.use == "eval" and not trains_on(data, event, trained):
            return Evaluation(f"on `{data.label}`", data.sure, "data")
        apart = evaluating_call(event, trained)
        if apart and (data is None or not data.sure):
            return Evaluation(f"in `{own_name(apart)}`", off, "phase")
        return None if data is not None and data.sure else in_eval_mode(event, trained)
    if data is not None and data.use == "eval":
        return Evaluation(f"on `{data.label}`", data.sure or off, "data")
    if data is not None and data.use == "train" and data.sure:
        return None
    loaded = not trained and "loaded" in event.marks and not events.backwards
    untrained = "loaded" in event.marks and not any(is_same(event, other) for other in trained)
    if phase == "eval":
        return Evaluation(f"in `{named_phase(event)}`", off or untrained, "phase")
    if phase is None and use_of(stem(event.frames[0].path)) == "eval" and (off or loaded or event.mode.train is None):
        return Evaluation(f"in `{named_phase(event)}`", off or loaded, "phase")
    if phase == "train":
        return None
    if data is not None:
        learnt = off and untrained and not refreshes_statistics(event)
        return Evaluation("with loaded weights", True, "weights") if learnt else in_eval_mode(event, trained)
    if off and not serves_training(event, trained) and not refreshes_statistics(event):
        return Evaluation("without gradients", True, "context")
    if loaded:
        return Evaluation("with loaded weights", True, "weights")
    return in_eval_mode(event, trained)


def in_eval_mode(event: ForwardCall, trained: list[ForwardCall]) -> Evaluation | None:
    """An evaluation where a function runs a model whose eval() it has called: one that is trained elsewhere, or has its
    weights from a file."""
    change = event.mode.eval
    if change is None or change.kind != "called" or event.mode.train is not None or event.mode.unknown:
        return None
    here = tuple(caller.called_at for caller in event.frames if caller.called_at is not None)
    others = [other for other in trained if is_same(event, other)]
    if change.calls != here or any(other.frames[-1] == event.frames[-1] for other in others or trained):
        return None
    if not others and "loaded" not in event.marks:
        return None
    return Evaluation("in eval mode", True, "mode")


def is_unit_test(program: Program, frames: tuple[Caller, ...]) -> bool:
    """Whether a test of the code itself runs here: it checks that the model runs, not how well it does."""
    return any(
        caller.function.rpartition(".")[2].startswith("test_")
        and (is_test_file(caller.path) or is_case(program, caller))
        for caller in frames
    )


def is_case(program: Program, caller: Caller) -> bool:
    """Whether a method belongs to a class of unit tests."""
    klass = program.class_of(caller.symbol) if caller.symbol is not None else None
    return klass is not None and any(name.endswith(".TestCase") for name in program.externals(klass))


def is_tryout(program: Program, event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether the file that defines a model runs it as it was built, neither trained nor with weights from elsewhere:
    only to see that it runs."""
    first, klass = event.frames[0], event.klass
    if not isinstance(klass, ClassSymbol) or (first.path, first.function) != (klass.path, "<module>"):
        return False
    if event.built is None or "loaded" in event.marks or any(is_same(event, other) for other in trained):
        return False
    data = role_of(event.inputs.roles)
    if data is not None and data.use == "eval":
        return False
    init = program.method(klass, "__init__")
    return init is None or WEIGHTED.isdisjoint(program.function(init).mentions)


WEIGHTED = frozenset("load load_state_dict from_pretrained create_model".split())
"""What a constructor mentions that takes weights from elsewhere."""


def is_constructor(program: Program, caller: Caller) -> bool:
    """Whether a module is just being built here: it runs its layers to learn the sizes of what they give."""
    if caller.symbol is None or program.function(caller.symbol).name != "__init__":
        return False
    klass = program.class_of(caller.symbol)
    return klass is not None and program.is_module(klass)


def refreshes_statistics(event: ForwardCall) -> bool:
    """Whether train() is called right where a model then runs without gradients: that renews its batch norm."""
    change = event.mode.train
    if change is None or change.kind != "called":
        return False
    return change.calls == tuple(caller.called_at for caller in event.frames if caller.called_at is not None)


def evaluating_call(event: ForwardCall, trained: list[ForwardCall]) -> str:
    """The evaluating function that a training step calls, "" where the forward is in none."""
    for other in trained:
        depth = 0
        while depth < min(len(event.frames), len(other.frames)) and event.frames[depth] == other.frames[depth]:
            depth += 1
        deeper = event.frames[depth:]
        if other.loops and other.loops[-1] in event.loops:
            found = next((caller.function for caller in deeper if use_of_caller(caller) == "eval"), "")
            if not found:
                return ""
    return next((caller.function for caller in reversed(event.frames) if use_of_caller(caller) == "eval"), "")


def is_same(one: ForwardCall, other: ForwardCall) -> bool:
    """Whether two calls run the same model, or one a part of the other's."""
    return one.address in other.family or other.address in one.family


def serves_training(event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether the same model is trained in a loop around this call: it collects what it will learn from."""
    return any(other.address == event.address and set(other.loops) & set(event.loops) for other in trained)


def within_training_step(event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether a training forward happens in the same pass of a loop: then this one serves it (a teacher, a target)."""
    for other in trained:
        if other.loops and other.loops[-1] in event.loops:
            return True
        if not other.loops and other.frames == event.frames[: len(other.frames)]:
            return True
    return False


def is_trained_on(event: ForwardCall, events: Events, trained: list[ForwardCall]) -> bool:
    """Whether a training step depends on what a call gives: that picks its samples, or weighs its loss."""
    flows = (*(other.inputs for other in trained), *(found.flow for found in events.backwards))
    return any(event.id in flow.cut for flow in flows)


def trains_on(data: Role, event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether the training step around a call trains on the same data: it adapts to them, and the call may help it."""
    return any(data in other.inputs.roles and set(other.loops[-1:]) & set(event.loops) for other in trained)


def role_of(roles: Iterable[Role]) -> Role | None:
    """What the data are for, where what is known of it agrees; an argument counts before a name."""
    found = sorted(roles, key=lambda role: (not role.sure, role.use, role.label))
    if not found:
        return None
    best = [role for role in found if role.sure == found[0].sure]
    return best[0] if len({role.use for role in best}) == 1 else None


def phase_of(frames: tuple[Caller, ...]) -> Literal["train", "eval"] | None:
    """What the functions on the way are for: the innermost that says so decides, then their classes."""
    for caller in reversed(frames):
        use = use_of_caller(caller)
        if use is not None:
            return use
    for caller in reversed(frames):
        use = use_of(caller.function.rpartition(".")[0].rpartition(".")[2])
        if use is not None:
            return use
    return None


def use_of_caller(caller: Caller) -> Use | None:
    """What a function runs for: its arguments say more than its name."""
    return caller.phase or use_of(caller.function.rpartition(".")[2])


def named_phase(event: ForwardCall) -> str:
    if use_of(event.method) == "eval":
        return event.method
    for caller in reversed(event.frames):
        if use_of_caller(caller) == "eval" or use_of(caller.function.partition(".")[0]) == "eval":
            return own_name(caller.function)
    return event.frames[0].path.rpartition("/")[2]


def own_name(function: str) -> str:
    """A function's qualified name from the function on that it is defined in."""
    return function.rpartition("<locals>.")[2]


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


def deliberate(events: Events, event: ForwardCall) -> Literal["no", "perhaps", "yes"]:
    """Whether training mode was asked for on purpose.

    "yes" where the same model also runs in eval mode beside it (a comparison), or goes back to eval mode in the very
    function that has asked for training mode, and takes no step there (its batch norm is to see more batches).
    "perhaps" where the program calls train() though it trains nothing: then nobody expects it to be undone. "no" for a
    line that trains in other passes.
    """
    change = event.mode.train
    if change is None or change.kind != "called":
        return "no"
    if any(other.trained and other.at == event.at for other in events.forwards):
        return "no"
    here = event.frames[-1]
    if not event.grad.on and any(goes_back(one, change, event) for one in events.changes):
        return "yes"
    for other in events.forwards:
        if other.address == event.address and other.frames[-1] == here and other.mode.eval is not None:
            return "yes"
    return "no" if events.backwards or any(other.trained for other in events.forwards) else "perhaps"


def goes_back(later: ModeChange, change: Change, event: ForwardCall) -> bool:
    """Whether the very function that has put a model into training mode puts it into eval mode at its end."""
    calls = tuple(caller.called_at for caller in later.frames if caller.called_at is not None)
    if later.to.eval is None or later.to.train is not None or calls != change.calls or not is_in(event, later.address):
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


def is_copy(address: tuple[object, ...]) -> bool:
    """Whether an address is that of a copy; its last part is then the address of what was copied."""
    return len(address) == 4 and address[0] == "copy"
