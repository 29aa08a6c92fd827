"""Why a forward call evaluates: by its data, where it runs, missing gradients, weights from a file, or its mode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from evallint.apis import Hook
from evallint.gather.code.sites import in_branches
from evallint.gather.modes.making import is_never_read, is_only_measured, is_put_to_use, is_tried_once
from evallint.gather.modes.updating import is_updated
from evallint.interpret.events import Caller, Events, ForwardCall, calls_of
from evallint.interpret.modules import is_copy
from evallint.interpret.roles import Use, is_test_file, is_test_function, names_test, use_of, words
from evallint.interpret.values import Role
from evallint.program import ClassSymbol, External, Program
from evallint.project import Evaluation

SAMPLING = frozenset("mc montecarlo monte bayesian uncertainty stochastic ensemble tta dropout variational".split())
"""Words of functions that run a model in training mode on purpose: Monte Carlo dropout and its kin."""

ADAPTING = frozenset(
    "adapt adaptation tent attack attacks adversarial pgd fgsm saliency calibrate recalibrate warmup bn "
    "batchnorm".split()
)

COSTING = frozenset("flop flops mac macs madds".split())
"""Words of functions that count what a run costs, whatever comes of it."""


def evaluation(program: Program, events: Events, event: ForwardCall, trained: list[ForwardCall]) -> Evaluation | None:
    """Why a forward that trains nothing is an evaluation, None where nothing says so."""
    if is_test_file(event.frames[0].path) and is_made_up(events, event):
        return None
    if event.inputs.synthetic and not makes_something(program, event, trained):
        return None
    if is_managed(program, event.frames) or is_unit_test(program, event.frames):
        return None
    if is_tryout(program, event, trained) or is_only_measured(program, event.at) or is_tried_once(program, event.at):
        return None
    if any(is_constructor(program, caller) for caller in event.frames):
        return None
    if any(words(caller.function) & (SAMPLING | ADAPTING | COSTING) for caller in event.frames):
        return None
    trained = [other for other in trained if not excludes(program, event, other)]
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
            return told(event, trained) or Evaluation(f"in `{own_name(apart)}`", off, "phase")
        return None if data is not None and data.sure else in_eval_mode(event, trained)
    if data is not None and data.use == "eval" and is_adapted(program, events, data, event, trained):
        return None
    if data is not None and data.use == "eval":
        return Evaluation(f"on `{data.label}`", data.sure or off, "data")
    if is_trained_on(event, events, trained):
        return None
    if data is not None and data.use == "train" and data.sure:
        found = in_eval_mode(event, trained)
        return replace(found, by="training data") if found is not None else None
    loaded = not trained and "loaded" in event.marks and not events.backwards
    untrained = "loaded" in event.marks and not any(is_same(event, other) for other in trained)
    if phase == "eval":
        if serves_training_below(event, trained):
            return None
        sure = off or untrained or follows_training(event, trained)
        return told(event, trained) or Evaluation(f"in `{named_phase(event)}`", sure, "phase")
    if phase is None and use_of(stem(event.frames[0].path)) == "eval" and (off or loaded or event.mode.train is None):
        return Evaluation(f"in `{named_phase(event)}`", off or loaded, "phase")
    if phase == "train":
        return None
    if data is not None:
        learnt = off and untrained and not refreshes_statistics(event)
        return Evaluation("with loaded weights", True, "weights") if learnt else in_eval_mode(event, trained)
    if off and not serves_training(event, trained) and not refreshes_statistics(event):
        return Evaluation("without gradients", True, "context")
    if loaded and not is_never_read(program, event.at):
        return Evaluation("with loaded weights", True, "weights")
    if follows_training(event, trained) and is_put_to_use(program, event.at):
        return Evaluation("after its training", True, "weights")
    return in_eval_mode(event, trained)


def is_made_up(events: Events, event: ForwardCall) -> bool:
    """Whether a model is given nothing but fresh tensors, or what other models make of such."""
    numbers = event.inputs.graph | event.inputs.cut
    if event.inputs.synthetic or not numbers:
        return event.inputs.synthetic
    return all(0 <= number < event.id and is_made_up(events, events.forwards[number]) for number in numbers)


def makes_something(program: Program, event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether random numbers are what a model is for: it has learnt, and there is a use for what it makes of them."""
    learnt = follows_training(event, trained) or ("loaded" in event.marks and not trained)
    return learnt and is_put_to_use(program, event.at, made=True)


def follows_training(event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether a model has been trained by the time that it runs, and is not trained any more."""
    others = [other for other in trained if is_same(event, other)]
    return bool(others) and all(other.id < event.id and not set(other.loops) & set(event.loops) for other in others)


def excludes(program: Program, one: ForwardCall, other: ForwardCall) -> bool:
    """Whether a run of the program comes to one of two calls only: they stand in the branches of an `if` that is no
    part of a loop."""
    if one.frames != other.frames or set(one.loops) & set(other.loops):
        return False
    caller = one.frames[-1]
    body = program.body(caller.symbol) if caller.symbol is not None else program.files[caller.path].bodies[0]
    return in_branches(body, one.at.span, other.at.span)


def in_eval_mode(event: ForwardCall, trained: list[ForwardCall]) -> Evaluation | None:
    """An evaluation where a function runs a model whose eval() it has called: one that is trained elsewhere, or has its
    weights from a file."""
    change = event.mode.eval
    if change is None or change.kind != "called" or event.mode.train is not None or event.mode.unknown:
        return None
    others = [other for other in trained if is_same(event, other) or is_trained_as_copy(event, other)]
    if change.calls != calls_of(event.frames) or any(
        other.frames[-1] == event.frames[-1] for other in others or trained
    ):
        return None
    if not others and "loaded" not in event.marks:
        return None
    return Evaluation("in eval mode", True, "mode")


def is_trained_as_copy(event: ForwardCall, other: ForwardCall) -> bool:
    """Whether a copy of a model is what is trained: `train(copy.deepcopy(model))`."""
    return not event.family.isdisjoint(part[3] for part in other.family if is_copy(part))


def is_unit_test(program: Program, frames: tuple[Caller, ...]) -> bool:
    """Whether a test of the code itself runs here: it checks that the model runs, not how well it does."""
    return any(is_test_function(caller.path, caller.function) or is_case(program, caller) for caller in frames)


def is_case(program: Program, caller: Caller) -> bool:
    """Whether a function is a test that belongs to a class of unit tests."""
    if not names_test(caller.function):
        return False
    klass = program.class_of(caller.symbol) if caller.symbol is not None else None
    return klass is not None and any(name.endswith(".TestCase") for name in program.externals(klass))


def is_tryout(program: Program, event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether the file that defines a model runs it as it was built, neither trained nor with weights from elsewhere:
    only to see that it runs."""
    first, klass = event.frames[0], event.klass
    if is_first_look(event, trained):
        return True
    if not isinstance(klass, ClassSymbol) or (first.path, first.function) != (klass.path, "<module>"):
        return False
    if event.built is None or "loaded" in event.marks or any(is_same(event, other) for other in trained):
        return False
    data = role_of(event.inputs.roles)
    if data is not None and data.use == "eval":
        return False
    init = program.method(klass, "__init__")
    return init is None or WEIGHTED.isdisjoint(program.function(init).mentions)


def is_first_look(event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether the code of a file or notebook runs a model that it has just built, and that has learnt nothing, once."""
    if event.frames[-1].function != "<module>" or event.loops or event.built is None or event.mode.train is None:
        return False
    if event.mode.train.kind != "built" or event.built.path != event.at.path or "loaded" in event.marks:
        return False
    return not any(is_same(event, other) for other in trained)


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
    return change.calls == calls_of(event.frames)


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


def is_adapted(program: Program, events: Events, data: Role, event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether each pass of the loop around a call trains the very model on the same data: it adapts to each task. An
    attack on the data trains nothing."""
    return any(
        is_same(event, other)
        and data in other.inputs.roles
        and set(event.loops[-1:]) & set(other.loops)
        and is_updated(program, events, other)
        for other in trained
    )


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


def serves_training_below(event: ForwardCall, trained: list[ForwardCall]) -> bool:
    """Whether what has the name of an evaluation calls a function that trains the model, which this run is a part of:
    it is fine-tuned before it is evaluated."""
    named = [depth for depth, caller in enumerate(event.frames) if use_of_caller(caller) == "eval"]
    if not named or len(event.frames) == named[-1] + 1:
        return False
    depth = named[-1] + 2
    return any(is_same(event, other) and event.frames[:depth] == other.frames[:depth] for other in trained)


def told(event: ForwardCall, trained: list[ForwardCall]) -> Evaluation | None:
    """An evaluation where an argument, not a name, says that a line evaluates which trains where another says so."""
    deciding = next((caller for caller in reversed(event.frames) if use_of_caller(caller) is not None), None)
    if deciding is None or deciding.phase != "eval" or all(other.at != event.at for other in trained):
        return None
    return Evaluation(f"in `{own_name(deciding.function)}`, which is asked to evaluate", True, "phase")


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
