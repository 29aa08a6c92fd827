"""Do two pipelines give the same for the same images, and does one give the same each time?"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

from evallint.probe.child import world
from evallint.probe.child.assumed import Assumed
from evallint.probe.child.experiments.images import Refused, accepted, described_outputs, outputs, pictured
from evallint.probe.child.loading import described
from evallint.probe.child.measuring import SMALLEST, difference, number
from evallint.probe.child.scope import NoValue, Place, Scopes

MEANS_APART = 0.1
"""Deviations by which channel means of equally prepared images may differ: random steps move them a little."""

SPREADS_APART = 0.15

AUGMENTING = (
    "Random",
    "ColorJitter",
    "AutoAugment",
    "RandAugment",
    "TrivialAugment",
    "AugMix",
    "Cutout",
    "GaussianBlur",
)
SHAPING = ("Crop", "Resize", "Scale", "Pad", "Choice", "Apply", "Order")

Answer = dict[str, Any]


def measured(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> Answer:
    """What a job about pipelines comes to."""
    try:
        import_module("torchvision")
    except Exception as error:
        assumed.add(f"torchvision is left out: {described(error)}")
    else:
        if world.is_cured():
            assumed.add(world.CURED)
    what = str(job["options"].get("what", "statistics"))
    try:
        return KINDS[what](job, scopes, assumed)
    except (NoValue, Refused) as error:
        return {"verdict": "inconclusive", "reason": str(error)}


def pipeline(job: Mapping[str, Any], scopes: Scopes, role: str) -> Any:
    """The pipeline of a role, built from its definition. Raises NoValue."""
    why = "its definition is out of sight"
    for target in job["targets"]:
        if target["role"] == role:
            try:
                made = scopes.value(
                    expression(target, scopes), Place(target["file"], target["function"], target["line"])
                )
            except NoValue as error:
                why = str(error)
                continue
            if callable(made):
                return made
            if isinstance(made, list | tuple) and made and all(callable(step) for step in made):
                return Chain(made)
            why = f"what is built is no pipeline but `{type(made).__name__}`"
    names = {"train": "training", "eval": "evaluation"}
    raise NoValue(f"the {names.get(role, role)} pipeline cannot be built: {why}")


class Chain:
    """Steps that are applied one after the other."""

    def __init__(self, steps: Sequence[Any]) -> None:
        self.transforms = list(steps)

    def __call__(self, image: Any) -> Any:
        for step in self.transforms:
            image = step(image)
        return image


def expression(target: Mapping[str, Any], scopes: Scopes) -> ast.expr:
    if target["kind"] == "expression":
        parsed = ast.parse(str(target["code"]), mode="eval")
        return parsed.body
    call = scopes.call_at(target)
    if call is None:
        raise NoValue("its definition is out of sight")
    return call


# ---- two pipelines -------------------------------------------------------------------------------


def statistics(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> Answer:
    """Compares what training and evaluation make of the same images, leaving out what only augments."""
    train, scored = pipeline(job, scopes, "train"), pipeline(job, scopes, "eval")
    plain, left_out = without_augmentation(train)
    if left_out:
        assumed.add(f"random steps of training are left out: {', '.join(left_out)}")
    kind, images = accepted([plain, scored])
    assumed.add(f"the images: gradients and noise, {len(images)} {kind}")
    one, other = (described_outputs(outputs(each, images)) for each in (plain, scored))
    differing = [name for name in ("shapes", "dtype") if one[name] != other[name]]
    apart = means_apart(one, other)
    spreads = spreads_apart(one, other)
    if apart is None or apart > MEANS_APART:
        differing.append("mean")
    if spreads is None or spreads > SPREADS_APART:
        differing.append("std")
    verdict = "confirmed" if differing else "refuted"
    drawn, also_drawn = pictured(kind, (plain, 0), (scored, 0))
    one, other = {**one, **drawn}, {**other, **also_drawn}
    numbers = {"train": one, "eval": other, "differing": differing, "means_apart": number_or_none(apart)}
    return {"verdict": verdict, "numbers": numbers}


def number_or_none(value: float | None) -> float | None:
    return None if value is None else number(value)


def means_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    """By how many deviations the channel means differ at most; None where the channels are not as many."""
    if len(one["mean"]) != len(other["mean"]):
        return None
    pairs = zip(one["mean"], other["mean"], one["std"], strict=True)
    return max(float(abs(a - b) / max(deviation, SMALLEST)) for a, b, deviation in pairs)


def spreads_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    if len(one["std"]) != len(other["std"]):
        return None
    return max(float(abs(a - b) / max(a, b, SMALLEST)) for a, b in zip(one["std"], other["std"], strict=True))


def without_augmentation(transform: Any) -> tuple[Any, list[str]]:
    """A pipeline without the random steps that keep an image's size, and their names."""
    steps = getattr(transform, "transforms", None)
    if not isinstance(steps, list | tuple):
        return transform, []
    names = [type(step).__name__ for step in steps]
    kept = [step for step, name in zip(steps, names, strict=True) if not augments(name)]
    if len(kept) == len(steps):
        return transform, []
    plain = copy.copy(transform)
    plain.transforms = kept
    return plain, [name for name in names if augments(name)]


def augments(name: str) -> bool:
    return name.startswith(AUGMENTING) and not any(word in name for word in SHAPING)


def same(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> Answer:
    """Compares what two pipelines make of the same images, image by image."""
    train, scored = pipeline(job, scopes, "train"), pipeline(job, scopes, "eval")
    kind, images = accepted([train, scored])
    assumed.add(f"the images: gradients and noise, {len(images)} {kind}")
    firsts, seconds = outputs(train, images), outputs(scored, images)
    differ = max((difference(a.double(), b.double()) for a, b in zip(firsts, seconds, strict=False)), default=0.0)
    drawn, also_drawn = pictured(kind, (train, 0), (scored, 0))
    numbers = {
        "used": {**described_outputs(firsts), **drawn},
        "unused": {**described_outputs(seconds), **also_drawn},
        "relative_difference": number(differ),
    }
    return {"verdict": "confirmed" if differ > SMALLEST else "refuted", "numbers": numbers}


# ---- one pipeline --------------------------------------------------------------------------------


def repeats(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> Answer:
    """Gives the same images to the evaluation's pipeline again and again."""
    scored = pipeline(job, scopes, "eval")
    kind, images = accepted([scored])
    assumed.add(f"the images: gradients and noise, {len(images)} {kind}")
    passes = outputs(scored, images)
    count = len(images)
    firsts = passes[:count]
    apart = [difference(firsts[at % count].double(), one.double()) for at, one in enumerate(passes) if at >= count]
    changed = sum(one > SMALLEST for one in apart)
    one, other = pictured(kind, (scored, 0), (scored, 1))
    numbers = {
        "passes": len(apart),
        "changed": changed,
        "relative_difference": number(max(apart, default=0.0)),
        "first": {**described_outputs(firsts), **one},
        "again": {**described_outputs(passes[count : 2 * count]), **other},
    }
    return {"verdict": "confirmed" if changed else "refuted", "numbers": numbers}


def runs(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> Answer:
    """Runs the pipeline that a step stands in."""
    scored = pipeline(job, scopes, "eval")
    try:
        kind, images = accepted([scored])
    except Refused as error:
        return {"verdict": "confirmed", "numbers": {"raises": str(error)}}
    assumed.add(f"the images: gradients and noise, {len(images)} {kind}")
    return {"verdict": "refuted", "numbers": {"raises": "", "given": kind}}


def constants(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> Answer:
    """Normalises the same images by the constants in the code and by those they should be."""
    torch: Any = import_module("torch")
    given = job["options"]
    written, meant = given.get("written"), given.get("meant")
    if not written or not meant:
        return {"verdict": "inconclusive", "reason": "what the constants should be is not known"}
    kind, images = accepted([lambda image: image])
    pixels = torch.stack([applied_plain(image) for image in images[:2]])
    one, other = (normalised(torch, pixels, *each) for each in (written, meant))
    shift = (one - other).abs()
    sides = [partial(prepared, torch, each) for each in (written, meant)]
    drawn = pictured(kind, *((side, 0) for side in sides))
    told = [
        {**described_outputs(outputs(side, images[:2], [0])), **one} for side, one in zip(sides, drawn, strict=True)
    ]
    worst = float(shift.mean((0, 2, 3)).max())
    numbers = {
        "written": written,
        "meant": meant,
        "shift": number(worst),
        "channel": int(shift.mean((0, 2, 3)).argmax()),
        "relative_difference": number(difference(other, one)),
        "as_written": told[0],
        "as_published": told[1],
    }
    return {"verdict": "confirmed" if worst > SMALLEST else "refuted", "numbers": numbers}


def prepared(torch: Any, constants: Sequence[Sequence[float]], image: Any) -> Any:
    mean, std = constants
    return normalised(torch, applied_plain(image)[None], mean, std)[0]


def applied_plain(image: Any) -> Any:
    from evallint.probe.child.experiments.images import as_tensor

    return as_tensor(image).permute(2, 0, 1).double() / 255


def normalised(torch: Any, pixels: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    shape = (1, -1, 1, 1)
    return (pixels - torch.tensor(mean).double().view(shape)) / torch.tensor(std).double().view(shape)


KINDS: Final[Mapping[str, Callable[[Mapping[str, Any], Scopes, Assumed], Answer]]] = {
    "statistics": statistics,
    "same": same,
    "repeats": repeats,
    "runs": runs,
    "constants": constants,
}
