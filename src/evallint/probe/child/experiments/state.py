"""Does what is saved of the module bring it back?"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from evallint.probe.child import world
from evallint.probe.child.experiments.subject import Subject, answer, options
from evallint.probe.child.measuring import SMALLEST, difference, number, tensors

STEPS = 2
MOST_NAMES = 12
WITHOUT_PASSES = frozenset(("pickle", "prefix"))
"""What is measured on a module as it was built, with no input."""

State = Mapping[str, Any]


def measured(subject: Subject, job: Mapping[str, Any]) -> dict[str, Any]:
    """What a job about saved state comes to."""
    given = options(job)
    return KINDS[str(given.get("what", "whole"))](subject, given)


def trained(subject: Subject, steps: int = STEPS) -> None:
    """Takes a few steps of training, so that nothing is as it was built."""
    torch: Any = import_module("torch")
    subject.module.train()
    parameters = [one for one in subject.module.parameters() if one.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.01) if parameters else None
    for seed in range(steps):
        loss = loss_of(subject.run(seed, seed))
        if optimizer is not None and loss is not None and loss.requires_grad:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def loss_of(output: Any) -> Any:
    """A loss that every output counts in, None where there is nothing to learn from."""
    values = [value.float().pow(2).mean() for value in tensors(output) if value.requires_grad]
    return sum(values) if values else None


# ---- round trips ---------------------------------------------------------------------------------


def whole_state(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Trains, saves `state_dict()`, loads it into a fresh module, and compares."""
    trained(subject)
    return round_trip(subject, subject.module.state_dict(), is_complete=True)


def parameters_only(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with nothing but the parameters."""
    trained(subject)
    return round_trip(subject, dict(subject.module.named_parameters()), is_complete=False)


def round_trip(subject: Subject, state: State, is_complete: bool) -> dict[str, Any]:
    """What is lost of a trained module on the way through a file into a fresh one.

    `is_complete`: the keys are those that the fresh module should have.
    """
    torch: Any = import_module("torch")
    file = io.BytesIO()
    # evallint: ignore[parameters-only-checkpoint] -- what a state lacks is what is measured
    torch.save(dict(state), file)
    fresh = subject.fresh()
    file.seek(0)
    refused = ""
    try:
        loaded = fresh.load_state_dict(world.own_load(file), strict=False)
        missing = [*loaded.missing_keys, *loaded.unexpected_keys]
    except (RuntimeError, KeyError) as error:
        refused, missing = " ".join(str(error).split())[:200], []
    lost = differing(subject.module, fresh)
    outputs, noise = outputs_differ(subject, fresh)
    return answer(
        bool(refused or outputs > max(SMALLEST, 3 * noise) or lost or (is_complete and missing)),
        subject,
        relative_difference=number(outputs),
        repeat_noise=number(noise),
        keys=len(state),
        missing=missing[:MOST_NAMES],
        lost=lost[:MOST_NAMES],
        tensors_lost=len(lost),
        refused=refused,
        steps=STEPS,
    )


def outputs_differ(subject: Subject, fresh: Any) -> tuple[float, float]:
    """How much two modules differ in evaluation mode, and how much the first differs from itself."""
    torch: Any = import_module("torch")
    subject.module.eval()
    fresh.eval()
    with torch.no_grad():
        first = subject.run(7, 7)
        return (
            difference(first, subject.run(7, 7, fresh)),
            difference(first, subject.run(7, 8)),
        )


def differing(module: Any, fresh: Any) -> list[str]:
    """The tensors, registered or not, that a fresh module has otherwise."""
    torch: Any = import_module("torch")
    theirs = dict(held(fresh))
    found = []
    for name, value in held(module):
        other = theirs.get(name)
        if other is None or other.shape != value.shape or not torch.equal(value.nan_to_num(), other.nan_to_num()):
            found.append(name)
    return found


def held(module: Any) -> Iterator[tuple[str, Any]]:
    """All tensors that a module holds: parameters, buffers, and plain attributes."""
    torch: Any = import_module("torch")
    lazy = torch.nn.parameter.is_lazy
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if not lazy(value):
            yield name, value.detach()
    for prefix, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor) and not lazy(value) and not value.is_sparse:
                yield f"{prefix}.{name}".lstrip("."), value.detach()


# ---- other questions -----------------------------------------------------------------------------


def plain_tensor(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Does a plain tensor attribute move with its module, and come back with its state?"""
    torch: Any = import_module("torch")
    name = str(given.get("name", ""))
    if given.get("harm") != "stays":
        return whole_state(subject, given)
    moved = copy.deepcopy(subject.module).to("meta").eval()
    left = [key for key, value in held(moved) if value.device.type != "meta" and key.rpartition(".")[2] == name]
    positional, named = subject.feed.of(0)

    def to_meta(value: Any) -> Any:
        return value.to("meta") if isinstance(value, torch.Tensor) else value

    error = ""
    try:
        with torch.no_grad():
            moved(*map(to_meta, positional), **{key: to_meta(value) for key, value in named.items()})
    except Exception as raised:
        error = " ".join(str(raised).split())[:200]
    if error and "device" not in error:
        return {"verdict": "inconclusive", "reason": f"it does not run on another device: {error}"}
    return answer(bool(error), subject, left_behind=left, error=error)


def in_plain_container(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Which layers does the module hold that it does not know of?"""
    known = {id(part) for part in subject.module.modules()}
    found: dict[int, tuple[str, Any]] = {}
    for prefix, part in subject.module.named_modules():
        for name, value in vars(part).items():
            if not name.startswith("_"):
                for place, layer in within(value, f"{prefix}.{name}".lstrip(".")):
                    if id(layer) not in known:
                        found.setdefault(id(layer), (place, layer))
    hidden = sum(one.numel() for _, layer in found.values() for one in layer.parameters())
    own = sum(one.numel() for one in subject.module.parameters())
    subject.module.eval()
    deaf = [place for place, layer in found.values() if any(part.training for part in layer.modules())]
    return answer(
        hidden > 0 or bool(deaf),
        subject,
        hidden_parameters=hidden,
        parameters=own + hidden,
        layers=[place for place, _ in found.values()][:MOST_NAMES],
        deaf=len(deaf),
    )


def within(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    torch: Any = import_module("torch")
    if depth > 3:
        return
    if isinstance(value, torch.nn.Module) and depth:
        yield place, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from within(item, f"{place}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from within(item, f"{place}[{key!r}]", depth + 1)


def kept_by_reference(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps `state_dict()`, trains on, and looks whether what was kept has changed."""
    torch: Any = import_module("torch")
    trained(subject, 1)
    best = subject.module.state_dict()
    then = copy.deepcopy(best)
    trained(subject)
    changed = [name for name, value in best.items() if not torch.equal(value, then[name])]
    total = sum(float(((best[name] - then[name]).double() ** 2).sum()) for name in changed)
    base = sum(float((then[name].double() ** 2).sum()) for name in changed)
    return answer(
        bool(changed),
        subject,
        changed=changed[:MOST_NAMES],
        tensors_changed=len(changed),
        tensors=len(best),
        relative_difference=number((total / base) ** 0.5) if base else None,
        steps=STEPS,
    )


def pickled(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Pickles the module whole and reads it as `torch.load` does by default."""
    torch: Any = import_module("torch")
    file = io.BytesIO()
    # evallint: ignore[whole-model-pickle] -- whether it can be read again is what is measured
    torch.save(subject.module, file)
    file.seek(0)
    try:
        world.own_load(file)
    except Exception as error:
        return answer(True, subject, error=type(error).__name__, torch=torch.__version__)
    return answer(False, subject, error="", torch=torch.__version__)


def wrapped(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Saves the state of the module in a wrapper and loads it into the bare one."""
    torch: Any = import_module("torch")
    prefix = str(given.get("prefix", "module"))
    state = {f"{prefix}.{key}": value for key, value in subject.module.state_dict().items()}
    if prefix == "module":
        state = torch.nn.DataParallel(subject.module).state_dict()
    fresh = subject.fresh()
    loaded = fresh.load_state_dict(state, strict=False)
    fits = len(state) - len(loaded.unexpected_keys)
    return answer(fits < len(state), subject, keys=len(state), fitting=fits, prefix=prefix)


def resumed(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Goes on with training twice, with the optimizer as it was and with a new one: do the weights part?"""
    torch: Any = import_module("torch")
    kind = getattr(torch.optim, str(given.get("optimizer") or "Adam"), torch.optim.Adam)
    settings = dict(given.get("settings") or {})
    parameters = [one for one in subject.module.parameters() if one.requires_grad]
    if not parameters:
        return answer(False, subject, optimizer=kind.__name__, relative_difference=0.0)
    optimizer = made(kind, parameters, settings)
    step(subject, optimizer, subject.module, 0)
    step(subject, optimizer, subject.module, 1)
    other = copy.deepcopy(subject.module)
    anew = made(kind, [one for one in other.parameters() if one.requires_grad], settings)
    before = [one.detach().clone() for one in subject.module.parameters()]
    step(subject, optimizer, subject.module, 2)
    step(subject, anew, other, 2)
    pairs = zip(subject.module.parameters(), other.parameters(), before, strict=True)
    apart = taken = 0.0
    for mine, theirs, former in pairs:
        apart += float(((mine - theirs).double() ** 2).sum())
        taken += float(((mine - former).double() ** 2).sum())
    differ = (apart / taken) ** 0.5 if taken else 0.0
    unknown = given.get("unknown")
    if differ <= SMALLEST and unknown:
        return {"verdict": "inconclusive", "reason": f"the settings of `{kind.__name__}` are out of sight"}
    return answer(
        differ > SMALLEST, subject, optimizer=kind.__name__, settings=settings, relative_difference=number(differ)
    )


def made(kind: Any, parameters: list[Any], settings: Mapping[str, Any]) -> Any:
    try:
        return kind(parameters, **settings)
    except TypeError:
        return kind(parameters, lr=0.01)


def step(subject: Subject, optimizer: Any, module: Any, seed: int) -> None:
    module.train()
    loss = loss_of(subject.run(seed, seed, module))
    if loss is not None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def replaced(subject: Subject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Loads a trained state, puts a new layer in the place of one, and compares with what was trained."""
    name = str(given.get("name", ""))
    trained(subject)
    fresh = subject.fresh()
    fresh.load_state_dict(subject.module.state_dict(), strict=False)
    layer = dict(fresh.named_modules()).get(name)
    if layer is None:
        return {"verdict": "inconclusive", "reason": f"the module has no layer `{name}`"}
    for part in layer.modules():
        if callable(getattr(part, "reset_parameters", None)):
            part.reset_parameters()
    outputs, noise = outputs_differ(subject, fresh)
    if SMALLEST < outputs <= 3 * noise:
        return {"verdict": "inconclusive", "reason": "outputs differ as much from one pass to the next"}
    lost = sum(one.numel() for one in layer.parameters())
    return answer(
        outputs > SMALLEST,
        subject,
        layer=name,
        parameters_lost=lost,
        relative_difference=number(outputs),
    )


KINDS: Final[Mapping[str, Callable[[Subject, Mapping[str, Any]], dict[str, Any]]]] = {
    "whole": whole_state,
    "parameters": parameters_only,
    "plain tensor": plain_tensor,
    "plain container": in_plain_container,
    "reference": kept_by_reference,
    "pickle": pickled,
    "prefix": wrapped,
    "resume": resumed,
    "replaced": replaced,
}
