"""Does it matter which mode the module is in?"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from evallint.probe.child.experiments.subject import Subject, answer, options, seeded
from evallint.probe.child.measuring import SMALLEST, Snapshot, difference, number, tensors

MOST_LAYERS = 12


def measured(subject: Subject, job: Mapping[str, Any]) -> dict[str, Any]:
    """What a job about a module's mode comes to."""
    what = options(job).get("what", "modes")
    with import_module("torch").no_grad():
        if what == "deaf":
            return deaf(subject)
        if what == "flag":
            return flag(subject)
        if what == "precision":
            return precision(subject, options(job))
        return modes(subject, only_statistics=what == "statistics")


def modes(subject: Subject, only_statistics: bool) -> dict[str, Any]:
    """Runs equal inputs in both modes: do the outputs differ, does training mode move buffers?"""
    module = subject.module
    before = Snapshot(module)
    differences, noise, moved, train_noise = [], 0.0, list[str](), 0.0
    for seed in range(subject.seeds):
        module.eval()
        scored = subject.run(seed, seed)
        noise = max(noise, difference(scored, subject.run(seed, seed + 100)))
        before.restore()
        module.train()
        trained = subject.run(seed, seed)
        moved = moved or before.moved()
        before.restore()
        train_noise = max(train_noise, difference(trained, subject.run(seed, seed + 100)))
        before.restore()
        differences.append(difference(scored, trained))
    differ = sum(differences) / len(differences)
    moved = of_frozen(module, moved) if only_statistics else moved
    is_noisy = noise > SMALLEST
    is_beyond = differ > max(SMALLEST, 3 * noise) or not math.isfinite(differ)
    layers = alone(subject, before) if is_noisy else attributed(subject, before) if is_beyond else []
    is_beyond = bool(layers) if is_noisy else is_beyond
    module.eval()
    return answer(
        bool(moved) if only_statistics else bool(is_beyond or moved),
        subject,
        relative_difference=number(differ),
        comparable=math.isfinite(differ),
        repeat_noise=number(noise),
        training_noise=number(train_noise),
        seeds=subject.seeds,
        buffers_moved=len(moved),
        moved=moved[:MOST_LAYERS],
        layers=layers,
    )


def of_frozen(module: Any, buffers: list[str]) -> list[str]:
    """Those of some buffers that belong to layers whose parameters are frozen; all, where nothing is frozen yet."""
    frozen = {
        name
        for name, part in module.named_modules()
        if (own := list(part.parameters(recurse=False))) and not any(one.requires_grad for one in own)
    }
    return [name for name in buffers if name.rpartition(".")[0] in frozen] if frozen else buffers


def attributed(subject: Subject, before: Snapshot) -> list[dict[str, Any]]:
    """The submodules whose outputs differ between the modes, in the order they run, the innermost first."""
    outputs = {}
    for training in (False, True):
        subject.module.train(training)
        outputs[training] = outputs_of(subject)
        before.restore()
    found = []
    for name, value in outputs[False].items():
        if name in outputs[True]:
            differ = difference(value, outputs[True][name])
            if differ > SMALLEST:
                kind = type(subject.module.get_submodule(name)).__name__
                found.append({"layer": name, "kind": kind, "relative_difference": number(differ)})
    return found[:MOST_LAYERS]


def alone(subject: Subject, before: Snapshot) -> list[dict[str, Any]]:
    """The submodules that give something else in training mode for the very input they have in a pass.

    Where a pass differs from the next one by itself, this tells what the mode adds to that.
    """
    subject.module.eval()
    found = []
    for name, given in inputs_of(subject).items():
        part = subject.module.get_submodule(name)
        outputs = []
        for training, seed in ((False, 0), (False, 1), (True, 0)):
            part.train(training)
            seeded(seed)
            outputs.append(_copied(part(*given[0], **given[1])))
            before.restore()
        part.eval()
        differ = difference(outputs[0], outputs[2])
        if differ > max(SMALLEST, 3 * difference(outputs[0], outputs[1])):
            found.append({"layer": name, "kind": type(part).__name__, "relative_difference": number(differ)})
    return found[:MOST_LAYERS]


def inputs_of(subject: Subject) -> dict[str, Any]:
    """What each submodule without parts of its own is given in a pass, in the order they run."""

    def listen(part: Any, hook: Any) -> Any:
        return part.register_forward_pre_hook(hook, with_kwargs=True)

    return at_parts(subject, listen, lambda given, named: copy.deepcopy((given, named)))


def outputs_of(subject: Subject) -> dict[str, Any]:
    """What each submodule without parts of its own gives in a pass, in the order they run."""
    return at_parts(subject, lambda part, hook: part.register_forward_hook(hook), lambda _, output: _copied(output))


def at_parts(subject: Subject, listen: Callable[[Any, Any], Any], keep: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """What hooks on the submodules without parts of their own tell of the first call of each in a pass."""
    told: dict[str, Any] = {}

    def hook_of(name: str) -> Any:
        def hook(_: Any, first: Any, second: Any) -> None:
            if name not in told:
                told[name] = keep(first, second)

        return hook

    leaves = ((name, part) for name, part in subject.module.named_modules() if name and not list(part.children()))
    handles = [listen(part, hook_of(name)) for name, part in leaves]
    try:
        subject.run(0, 0)
    finally:
        for handle in handles:
            handle.remove()
    return told


def _copied(output: Any) -> Any:
    return [tensor.detach().clone() for tensor in tensors(output)]


def deaf(subject: Subject) -> dict[str, Any]:
    """In evaluation mode: do two passes over the same input differ, or do its neighbours in the batch count?"""
    module = subject.module
    before = Snapshot(module)
    module.eval()
    noise, moved = [], list[str]()
    for seed in range(subject.seeds):
        first = subject.run(seed, seed)
        moved = moved or before.moved()
        before.restore()
        noise.append(difference(first, subject.run(seed, seed + 100)))
        before.restore()
    mean = sum(noise) / len(noise)
    return answer(
        mean > SMALLEST or bool(moved),
        subject,
        difference_of_passes=number(mean),
        seeds=subject.seeds,
        buffers_moved=len(moved),
        moved=moved[:MOST_LAYERS],
    )


def flag(subject: Subject) -> dict[str, Any]:
    """Calls a Keras model with `training=True` and with `training=False`."""
    before = Snapshot(subject.module)
    differences, noise, moved = [], 0.0, list[str]()
    for seed in range(subject.seeds):
        positional, _ = subject.feed.of(seed)
        outputs = []
        for training, random in ((False, 0), (False, 1), (True, 0)):
            seeded(random)
            outputs.append(subject.module(*positional, training=training))
            moved = moved or before.moved()
            before.restore()
        noise = max(noise, difference(outputs[0], outputs[1]))
        differences.append(difference(outputs[0], outputs[2]))
    differ = sum(differences) / len(differences)
    return answer(
        differ > max(SMALLEST, 3 * noise) or bool(moved),
        subject,
        relative_difference=number(differ),
        comparable=math.isfinite(differ),
        repeat_noise=number(noise),
        seeds=subject.seeds,
        buffers_moved=len(moved),
        moved=moved[:MOST_LAYERS],
        layers=[],
    )


def precision(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Runs equal inputs in the format of training and in that of evaluation."""
    torch: Any = import_module("torch")
    kind = getattr(torch, str(given.get("dtype", "float16")))
    module = subject.module.eval()
    differences = []
    outputs = [subject.run(seed) for seed in range(subject.seeds)]
    module.to(kind)
    for seed, output in enumerate(outputs):
        positional, named = subject.feed.of(seed)
        cast = {name: _cast(torch, value, kind) for name, value in named.items()}
        differences.append(difference(output, module(*(_cast(torch, value, kind) for value in positional), **cast)))
    differ = sum(differences) / len(differences)
    return answer(
        differ > SMALLEST,
        subject,
        relative_difference=number(differ),
        dtype=str(kind).removeprefix("torch."),
        seeds=subject.seeds,
    )


def _cast(torch: Any, value: Any, kind: Any) -> Any:
    return value.to(kind) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
