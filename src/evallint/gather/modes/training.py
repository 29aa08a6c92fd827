"""What goes wrong around training: mode lost, graphs kept, batch norm that learns though frozen, graphs cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from evallint import facts as f
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.mending import call_at, contains, function_around, names_along, widest
from evallint.gather.code.sites import called, of_self, statements
from evallint.gather.code.substance import Substances
from evallint.gather.modes.branches import is_asked_for, is_set_by_option, is_undone_alike
from evallint.gather.modes.evaluating import evaluation, is_trained_on, within_training_step
from evallint.gather.modes.forwards import chain, graph_of, way
from evallint.gather.modes.updating import all_train_others, is_updated
from evallint.interpret.events import (
    Accumulation,
    Backward,
    BareSwitch,
    Created,
    Events,
    ExportCall,
    ForwardCall,
    calls_of,
)
from evallint.interpret.forwards import ANY_PART, FROZEN
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.interpret.values import Address, Change, Grad
from evallint.program import ClassSymbol, External, Program
from evallint.project import Accumulated, CutTraining, Exported, FrozenButLearning, LostTraining, Uncalled


def lost(program: Program, events: Events) -> Iterator[LostTraining]:
    """Training forwards that the eval() of an evaluation reaches: of an earlier pass of their loop, or of a function
    that has been called before."""
    evaluated = [
        event
        for event in events.forwards
        if not event.trained and event.sure and event.mode.eval and not event.differentiated
    ]
    for event in events.forwards:
        change = event.mode.eval
        if not event.trained or not event.sure or event.inside or change is None or change.kind != "called":
            continue
        if not FROZEN.isdisjoint(event.marks):
            continue  # a reference, which learns nothing
        at, function = where_it_leaves(change, event)
        if event.mode.unknown or not (set(change.loops) & set(event.loops) or is_left_by_call(events, change, at)):
            continue
        if not any(is_left_after(events, change, event, other) for other in evaluated):
            continue
        if event.nature.heeds == "no" and not event.klass:
            continue
        if not is_updated(program, events, event) or is_asked_for(program, change, event):
            continue
        if is_undone_alike(program, events, change, event) or is_set_by_option(program, events, event):
            continue
        if is_never_trained(program, events, change):
            continue
        wrong = wrong_restoring(events, change, at)
        training = training_call(events, change, event)
        if wrong is not None:
            at, function = wrong, around(program, wrong)
        elif training is not None:
            at = training
        yield LostTraining(
            at,
            function,
            event.receiver,
            event.nature,
            (*calls_to(change, event), change.step, Step(event.at, f"`{event.receiver}` trains on here, in eval mode")),
            resumes(program, events, change, event),
            wrong is None and training is not None,
        )


def is_left_after(events: Events, change: Change, event: ForwardCall, other: ForwardCall) -> bool:
    """Whether what a model was switched for is an evaluation, after which it trains: what each pass switches it for,
    before it trains, is the training."""
    switched = other.mode.eval
    if switched is None or (switched.step.at, switched.calls[:-1]) != (change.step.at, change.calls[:-1]):
        return False  # a helper may switch for whoever calls it
    if not is_switched_first(change, event):
        return True
    trained = [one for one in events.forwards if one.trained]
    return other.id < event.id and not is_trained_on(other, events, trained)


def is_switched_first(change: Change, event: ForwardCall) -> bool:
    """Whether the function that trains a model has switched it before, in the same pass of its loops."""
    return (
        change.calls == calls_of(event.frames)
        and event.loops[: len(change.loops)] == change.loops
        and change.step.at.span.line < event.at.span.line
    )


def is_left_by_call(events: Events, change: Change, at: Place) -> bool:
    """Whether a function that is called `at` a place switches the mode, evaluates, and is over by the time that the
    model trains."""
    return at in change.calls and any(
        not other.trained
        and other.sure
        and other.mode.eval == change
        and calls_of(other.frames)[: len(change.calls)] == change.calls
        for other in events.forwards
    )


def resumes(program: Program, events: Events, change: Change, event: ForwardCall) -> tuple[Place, str] | None:
    """The statement before which a model should train again, in a function that only trains, and its name there."""
    calls = chain(event)
    others = {place for other in events.forwards if not other.trained for place, _ in chain(other)}
    name = event.receiver.removesuffix(f".{event.method}").removesuffix(".module")
    for (at, _), known in zip(reversed(calls), reversed(names_along(program, calls, name)), strict=True):
        if at not in others:
            return (widest(program, at, {change.step.at, *change.calls}, known), known) if known else None
    return None


def is_never_trained(program: Program, events: Events, change: Change) -> bool:
    """Whether an eval() finds what it switches in the eval mode that a class's own `train()` has put it into."""
    modes = [one.before for one in events.changes if one.to.eval == change]
    return bool(modes) and all(
        one.train is None
        and one.eval is not None
        and not one.unknown
        and around(program, one.eval.step.at).endswith(".train")
        for one in modes
    )


def training_call(events: Events, change: Change, event: ForwardCall) -> Place | None:
    """The call of a function that trains and never asks for training mode, beside the call of the evaluation; None
    where something does ask for it, or the training is no function of its own."""
    if any(found.to.train is not None and found.address in event.family for found in events.changes):
        return None
    ours = calls_of(event.frames)
    depth = shared_calls(change, ours)
    return ours[depth] if depth < min(len(ours), len(change.calls)) else None


def shared_calls(change: Change, ours: tuple[Place, ...]) -> int:
    """How many calls lead both to a switch and to these."""
    depth = 0
    while depth < min(len(ours), len(change.calls)) and ours[depth] == change.calls[depth]:
        depth += 1
    return depth


def where_it_leaves(change: Change, event: ForwardCall) -> tuple[Place, str]:
    """The place in the training function at which eval mode comes in: the eval() itself, or the call that leads to
    it."""
    ours = calls_of(event.frames)
    depth = shared_calls(change, ours)
    at = change.calls[depth] if depth < len(change.calls) else change.step.at
    offset = len(event.frames) - len(ours)
    return at, event.frames[min(depth + offset - 1, len(event.frames) - 1)].function if event.frames else ""


def wrong_restoring(events: Events, change: Change, at: Place) -> Place | None:
    """The place, in the evaluation that is called `at` a place, of a last switch after which nothing there runs."""
    if at not in change.calls:
        return None
    outer = change.calls[: change.calls.index(at) + 1]
    others = [event.mode.eval for event in events.forwards if not event.trained and event.mode.eval is not None]
    before = [other for other in others if other.calls[: len(outer)] == outer]
    if not before or any((other.step, other.calls) == (change.step, change.calls) for other in before):
        return None
    return (*change.calls, change.step.at)[len(outer)]


def calls_to(change: Change, event: ForwardCall) -> tuple[Step, ...]:
    return tuple(Step(place, "evaluation is called here") for place in change.calls[-2:])


def accumulated(program: Program, events: Events, substances: Substances) -> Iterator[Accumulated]:
    """Values with a graph that are kept, though backward() has already taken what it needs of them."""
    for found in events.accumulations:
        if found.sum in events.summed_backwards or not found.grad.on or found.grad.off is not None:
            continue
        sources = [events.forwards[number] for number in sorted(found.flow.graph) if number >= 0]
        sources += [
            events.forwards[events.doubtful[number]]
            for number in found.flow.graph & events.confirmed & events.doubtful.keys()
        ]
        beside = {events.items[number] for number in found.flow.graph & events.confirmed & events.items.keys()}
        vague = [number for number in found.flow.graph if number < 0]
        if any(source.differentiated for source in sources):
            continue
        sources = [source for source in sources if not compares_what_has_no_graph(source, substances)]
        proved = is_loss(events, found)
        if not proved and not all(events.items.get(one) in beside or holds_graph(events, one) for one in vague):
            continue
        source = next((source for source in sources if is_done_with(program, events, source)), None)
        if source is None and (sources or not vague or not (proved or events.confirmed.issuperset(vague))):
            continue
        if source is not None and not outlives(events, found, source):
            continue
        at, function = where_it_is_kept(found, source)
        steps = way(found.frames, Step(found.at, f"its result is {found.how} `{found.target}`, graph and all"))
        if source is not None:
            steps = (Step(source.at, f"`{source.receiver}` runs here and records a graph"), *steps)
        argument, number = what_is_kept(program, at)
        yield Accumulated(at, function, found.target, found.how, steps, number, argument)


def compares_what_has_no_graph(source: ForwardCall, substances: Substances) -> bool:
    """Whether a loss is given what a model gave without a graph: then it has none either."""
    if source.trained or not source.inputs.cut or source.inputs.graph:
        return False
    if isinstance(source.klass, ClassSymbol):
        return substances.is_weightless(source.klass)
    return isinstance(source.klass, External) and bool(words(source.klass.name.rpartition(".")[2]) & LOSSES)


def what_is_kept(program: Program, at: Place) -> tuple[int, bool]:
    """Which argument of the call at a place is kept (the last, where nothing tells), and whether it is what backward()
    is called on in its function, or that by a factor."""
    body = program.body(function_around(program, at))
    losses = {
        code(one.function.value)
        for one in called(body)
        if isinstance(one.function, f.Attribute) and one.function.name == "backward"
    }
    call = call_at(program, at)
    if call is not None and call.arguments:
        kept = [number for number, given in enumerate(call.arguments) if scales(given.value, losses)]
        return (kept[0], True) if kept else (len(call.arguments) - 1, False)
    for statement in statements(body):
        if isinstance(statement, f.Assign | f.Augment) and statement.span == at.span and statement.value is not None:
            return 0, scales(statement.value, losses)
    return 0, False


def scales(value: f.Expr, losses: set[str]) -> bool:
    if isinstance(value, f.Operation) and value.operator in "+-*/":
        return scales(value.left, losses) or scales(value.right, losses)
    return code(value) in losses


def is_loss(events: Events, found: Accumulation) -> bool:
    """Whether what is kept depends on the very calls that something depends on of which backward() was called."""
    vague = {number for number in found.flow.graph if number < 0}
    return any(vague <= one.flow.graph <= found.flow.graph for one in events.backwards if one.flow.graph)


def holds_graph(events: Events, number: int) -> bool:
    """Whether the result of a call out of sight holds a graph: a backward() went through it, or through another call of
    the same object, or what is called is a loss by its name."""
    if number in events.confirmed or number not in events.doubtful:
        return number in events.confirmed
    event = events.forwards[events.doubtful[number]]
    if words(event.receiver.rpartition(".")[2]) & LOSSES:
        return True
    return any(
        events.forwards[events.doubtful[other]].address == event.address
        for other in events.confirmed & events.doubtful.keys()
    )


LOSSES = frozenset("loss losses criterion criterions objective".split())


def outlives(events: Events, found: Accumulation, source: ForwardCall) -> bool:
    """Whether what is kept outlives the pass in which its graph was of use: that in which backward() was called."""
    turns = {loop for loop in source.loops if loop in events.short or is_chosen(source, events.takes.get(loop))}
    shared = (set(source.loops) & set(found.loops)) - turns
    if not shared:
        return False
    if not source.trained:
        return not found.renewed
    if found.renewed & events.batches and found.loops[-1] not in events.batches:
        return False  # the parts of one batch
    numbers = {number for number, event in events.doubtful.items() if event == source.id} | {source.id}
    passes = [[loop for loop in one.loops if loop not in turns] for one in events.backwards if numbers & one.flow.graph]
    return any(loops and loops[-1] in found.loops and loops[-1] not in found.renewed for loops in passes)


def is_chosen(source: ForwardCall, names: frozenset[str] | None) -> bool:
    """Whether the variable of a loop says which model runs: `actors[agent]`."""
    return names is not None and not names.isdisjoint(KEY.findall(source.receiver))


KEY = re.compile(r"\[(\w+)\]")


def where_it_is_kept(found: Accumulation, source: ForwardCall | None) -> tuple[Place, str]:
    """The place in the function that has the value: the statement, or the call that hands it to a meter."""
    if source is None:
        return found.at, found.frames[-1].function
    depth = 0
    while depth < min(len(found.frames), len(source.frames)) and found.frames[depth] == source.frames[depth]:
        depth += 1
    if 0 < depth < len(found.frames):
        return found.frames[depth].called_at or found.at, found.frames[depth - 1].function
    return found.at, found.frames[-1].function


def is_done_with(program: Program, events: Events, source: ForwardCall) -> bool:
    """Whether nothing more will be asked of a forward's graph: backward() has been, or it only evaluates."""
    if source.trained:
        return True
    if not source.sure or source.inside or graph_of(program, events, source) != "recorded":
        return False
    return evaluation(program, events, source, [event for event in events.forwards if event.trained]) is not None


def frozen(program: Program, events: Events) -> Iterator[FrozenButLearning]:
    """Frozen parts whose batch norm is in training mode when the model trains."""
    return (replace(found, function=around(program, found.at)) for found in frozen_in(program, events))


def around(program: Program, at: Place) -> str:
    """The innermost function that a place is in."""
    functions = [one for one in program.files[at.path].functions if one.span.line <= at.span.line <= one.span.end_line]
    return max(functions, key=lambda one: one.span.line).qualname if functions else "<module>"


def frozen_in(program: Program, events: Events) -> Iterator[FrozenButLearning]:
    trained = [event for event in events.forwards if event.trained and not event.inside]
    for event in trained:
        for part in event.frozen:
            change = part.mode.train
            if is_thawed(events, part.address, event) or not may_run(program, event, part.attributes):
                continue
            if is_switched_where_it_runs(program, part.names):
                continue
            if change is not None and part.mode.eval is None and not part.mode.unknown:
                steps = (part.frozen_at, change.step, Step(event.at, f"`{event.receiver}` trains here"))
                yield FrozenButLearning(
                    part.frozen_at.at, event.frames[-1].function, part.label or event.receiver, steps
                )
    yield from teachers(program, events, trained)
    yield from undone(events, trained)


def is_switched_where_it_runs(program: Program, names: frozenset[str]) -> bool:
    """Whether a method that may run a part puts it into eval mode itself: `self.old.eval()` in a loss's forward."""
    users = (user for user in program.users("eval") if program.function(user).name != "__init__")
    return any(
        isinstance(one.function, f.Attribute) and one.function.name == "eval" and of_self(one.function.value) in names
        for user in users
        for one in called(program.body(user))
    )


def may_run(program: Program, event: ForwardCall, attributes: frozenset[str]) -> bool:
    """Whether a model's own code may run a part of it: what it only holds, such as an average of another part, has
    batch norm that nothing moves."""
    if not isinstance(event.core, ClassSymbol) or not attributes:
        return True
    method = program.method(event.core, event.method or "forward")
    if method is None:
        return True
    return not program.mentioned(event.core, method).isdisjoint(attributes | ANY_PART)


def teachers(program: Program, events: Events, trained: list[ForwardCall]) -> Iterator[FrozenButLearning]:
    """Frozen models that serve a training step while in training mode themselves."""
    for event in events.forwards:
        step, change = event.marks.get("frozen"), event.mode.train
        if step is None or change is None or event.mode.eval is not None or event.mode.unknown or event.trained:
            continue
        if is_thawed(events, event.address, event) or "written" in event.marks or is_handed_on(program, event):
            continue
        if not event.nature.statistics or not within_training_step(event, trained):
            continue
        if events.backwards and not is_trained_on(event, events, trained):  # a framework's backward() is out of sight
            continue
        steps = (step, change.step, Step(event.at, f"`{event.receiver}` runs here, in a training step"))
        yield FrozenButLearning(step.at, event.frames[-1].function, event.receiver, steps)


def is_handed_on(program: Program, event: ForwardCall) -> bool:
    """Whether another method of the class that runs a part hands it to something, as a hook does that averages the
    weights of what a part follows: `update(self.online, self.target)`."""
    symbol, name = event.frames[-1].symbol, event.receiver.removeprefix("self.")
    klass = program.class_of(symbol) if symbol is not None else None
    if klass is None or name == event.receiver:
        return False
    others = [one for one in program.methods(klass) if one != symbol and program.function(one).name != "__init__"]
    return any(
        of_self(whole(argument.value)) == name
        for other in others
        if name in program.function(other).mentions
        for call in called(program.body(other))
        for argument in call.arguments
    )


def whole(given: Expr) -> Expr:
    """`self.target` of `self.target.parameters()`, or what is given itself."""
    match given:
        case f.Call(function=f.Attribute(owner)):
            return owner
    return given


def is_thawed(events: Events, frozen: Address, event: ForwardCall) -> bool:
    """Whether a loop freezes a model for a while only, as it does with two that it trains in turns."""
    return any((frozen, loop) in events.thawed for loop in event.loops)


def undone(events: Events, trained: list[ForwardCall]) -> Iterator[FrozenButLearning]:
    """Parts that were put into eval mode before the training loop, and that a train() within it puts back."""
    evaluated = {event.mode.eval.step.at for event in events.forwards if event.mode.eval is not None}
    for change in events.changes:
        if not change.loops or change.to.train is None:
            continue
        event = next((one for one in trained if one.mode.train == change.to.train), None)
        for part in change.undoes:
            if event is None or set(part.loops) & set(change.loops) or part.step.at in evaluated:
                continue
            if "partly eval" in event.marks or is_put_back(events, part):
                continue  # it is in eval mode again before the model trains
            steps = (part.step, change.to.train.step, Step(event.at, f"`{event.receiver}` trains here"))
            yield FrozenButLearning(part.step.at, event.frames[-1].function, event.receiver, steps)


def is_put_back(events: Events, part: Change) -> bool:
    """Whether a loop puts a part into eval mode that was put there before."""
    switches = [found for found in events.changes if found.to.eval is not None]
    owners = {
        found.address for found in switches if found.to.eval is not None and found.to.eval.step.at == part.step.at
    }
    return any(
        found.address in owners and found.loops and found.to.eval is not None and found.to.eval.step.at != part.step.at
        for found in switches
    )


def exported(program: Program, events: Events) -> Iterator[Exported]:
    """Exports of models in training mode."""
    for found in events.exports:
        mode = found.mode
        if mode.train is None or mode.eval is not None or mode.unknown or found.deliberate:
            continue
        if any(words(caller.function) & {"test", "tests"} for caller in found.frames) or is_drawn(program, found):
            continue
        if any(event.trained and found.address in event.family for event in events.forwards[found.after :]):
            continue
        steps = (mode.train.step, *way(found.frames, Step(found.at, f"`{found.receiver}` is exported here")))
        yield Exported(
            found.at, found.frames[-1].function, found.function, found.receiver, found.nature, found.unsure, steps
        )


def is_drawn(program: Program, found: ExportCall) -> bool:
    """Whether a trace is made for a picture of the model alone: `writer.add_graph(torch.jit.trace(model, x))`."""
    body = program.body(function_around(program, found.at))
    drawings = (call for call in called(body) if last_name(call.function) == "add_graph")
    pictures = (given.value for call in drawings for given in call.arguments)
    return any(isinstance(one, f.Call) and contains(one.span, found.at.span) for one in pictures)


def uncalled(events: Events) -> Iterator[Uncalled]:
    """Switches that are not called, of what is a module for sure or is run like one in the same function."""
    for found in events.bare_switches:
        if not found.known and not any(is_run(event, found) for event in events.forwards):
            continue
        yield Uncalled(found.at, found.frames[-1].function, f"{found.receiver}.{found.name}", found.name)


def is_run(event: ForwardCall, switch: BareSwitch) -> bool:
    return event.address in switch.owners and event.frames[-1] == switch.frames[-1]


def cut(program: Program, events: Events) -> Iterator[CutTraining]:
    """backward() of what was computed without a graph, in whole or in a part that an optimizer is to train."""
    for found in events.backwards:
        sources = [events.forwards[number] for number in sorted(found.flow.cut) if number >= 0]
        sources = [source for source in sources if is_cut(source)]
        last = Step(found.at, "backward() is called on what came of it")
        if sources and not found.flow.graph and len(sources) == sum(number >= 0 for number in found.flow.cut):
            source = to_blame(sources)
            if is_off(found.grad) or should_learn(events, source, found):
                yield cut_at(source, "loss", (*way(found.frames, last),))
        elif any(number >= 0 for number in found.flow.graph):  # else it may be no model's: nobody knows what ran
            for source in sources:
                kept = "written" in source.marks or not source.marks.keys().isdisjoint(FROZEN)
                step = source.marks.get("optimized") if not kept else None
                if step is not None and not learns(events, source) and not learns_elsewhere(program, events, source):
                    yield cut_at(source, "layer", (last, step))


def is_cut(source: ForwardCall) -> bool:
    return is_off(source.grad) and source.sure and not source.inside


def is_off(grad: Grad) -> bool:
    return not grad.on and grad.off is not None


def to_blame(sources: list[ForwardCall]) -> ForwardCall:
    """Of the models that a loss without a graph came of, one that should learn, or the last: what ran before may only
    have prepared its data."""
    last = [one for one in sources if not any(one.id in other.inputs.cut for other in sources)]
    return next((one for one in sources if "optimized" in one.marks), (last or sources)[0])


def should_learn(events: Events, source: ForwardCall, found: Backward) -> bool:
    """Whether an optimizer has a model's parameters, and none that takes a step where backward() is called trains, or
    may train, something else in its stead, such as a temperature or a bias for what it gives."""
    caller = found.frames[-1]
    if "optimized" not in source.marks or all_train_others(events, caller, source):
        return False
    made = [one for one in events.states if isinstance(one, Created) and one.frames[-1] == caller]
    return not any(one.owner.role == "optimizer" and one.trains is None for one in made)


def learns(events: Events, source: ForwardCall) -> bool:
    """Whether the model, or what holds it, is also run where a graph is recorded."""
    return any(
        other.grad.on
        and (source.address in other.family or other.address in source.family or source.address in other.others)
        for other in events.forwards
    )


def learns_elsewhere(program: Program, events: Events, source: ForwardCall) -> bool:
    """Whether a method of the same class runs the model too that was not among what ran here, and calls backward() or
    is called by one that does."""
    symbol = source.frames[-1].symbol
    klass = program.class_of(symbol) if symbol is not None else None
    if klass is None:
        return False
    ran = {caller.symbol for event in events.forwards for caller in event.frames}
    own = [program.function(method) for method in program.methods(klass)]
    running = {
        program.function(method).name
        for method in program.methods(klass)
        if method not in ran and f"{source.receiver}()" in program.function(method).mentions
    }
    return any(
        "backward" in method.mentions
        and (method.name in running or any(f"self.{name}()" in method.mentions for name in running))
        for method in own
    )


def cut_at(source: ForwardCall, kind: Literal["loss", "layer"], rest: tuple[Step, ...]) -> CutTraining:
    assert source.grad.off is not None
    steps = (source.grad.off, Step(source.at, f"`{source.receiver}` runs here, without a graph"), *rest)
    return CutTraining(source.grad.off.at, source.frames[-1].function, source.receiver, kind, steps)
