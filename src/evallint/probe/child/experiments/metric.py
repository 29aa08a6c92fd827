"""What does an average over batches come to, for the sizes that the batches have?"""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from evallint.probe.child.assumed import Assumed
from evallint.probe.child.loading import Missing
from evallint.probe.child.scope import NoValue, Place, Scopes

TOLERANCE = 1e-9
GRID: Final = (1_000, 1_500, 10_000)
"""Sizes of data sets to try where the real one is out of sight."""

DRAWS: Final = 200


class Sizes(NamedTuple):
    """How many samples there are, in batches of how many, and whether that is known of the real loader."""

    samples: int
    batch: int
    drops: bool = False

    def batches(self) -> list[int]:
        whole, rest = divmod(self.samples, self.batch)
        return [self.batch] * whole + ([rest] if rest and not self.drops else [])


def measured(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> dict[str, Any]:
    """What a job about an average comes to: replayed with the real sizes, or else with a declared grid of them."""
    how = str(job["options"].get("how", "batches"))
    real = next(real_sizes(job, scopes), None)
    if real is not None:
        assumed.add(f"the sizes: {real.samples} samples in batches of {real.batch}, as the code builds the loader")
        return replayed(how, [real])
    batch = job["options"].get("batch_size") or written_batch_size(job, scopes)
    if not isinstance(batch, int) or batch < 1:
        return {"verdict": "inconclusive", "reason": "neither the data nor the size of a batch are in sight"}
    assumed.add(f"the sizes: {', '.join(map(str, GRID))} samples in turn, the data set itself is out of sight")
    found = replayed(how, [Sizes(samples, batch) for samples in GRID])
    if found["verdict"] == "refuted":
        reason = f"whether batches of {batch} divide the data is not known: the data set is out of sight"
        return {"verdict": "inconclusive", "reason": reason, "numbers": found["numbers"]}
    return found


def real_sizes(job: Mapping[str, Any], scopes: Scopes) -> Iterator[Sizes]:
    """The sizes of the loaders that the targets lead to."""
    for loader in loaders(job, scopes):
        try:
            yield Sizes(len(loader.dataset), int(loader.batch_size), False)
        except Exception:
            continue


def loaders(job: Mapping[str, Any], scopes: Scopes) -> Iterator[Any]:
    """The loaders at the targets' places: what a call gives, or what a loop goes over."""
    for target in job["targets"]:
        place = Place(target["file"], target["function"], target["line"])
        for expression in expressions(target, scopes):
            try:
                value = scopes.value(expression, place)
            except (NoValue, Missing):
                continue
            if hasattr(value, "dataset") and hasattr(value, "batch_size"):
                yield value


def expressions(target: Mapping[str, Any], scopes: Scopes) -> Iterator[ast.expr]:
    if target["kind"] == "call":
        call = scopes.call_at(target)
        if call is not None:
            yield call
        return
    for node in ast.walk(scopes.project.tree(target["file"])):
        if isinstance(node, ast.For | ast.comprehension) and node.iter.lineno == target["line"]:
            named = (one for one in ast.walk(node.iter) if isinstance(one, ast.Name | ast.Attribute))
            yield from (one for one in named if isinstance(one.ctx, ast.Load))


def written_batch_size(job: Mapping[str, Any], scopes: Scopes) -> int | None:
    """The size of a batch as the call of the loader gives it."""
    for target in job["targets"]:
        call = scopes.call_at(target) if target["kind"] == "call" else None
        for keyword in call.keywords if call is not None else ():
            if keyword.arg == "batch_size":
                try:
                    value = scopes.value(keyword.value, Place(target["file"], target["function"], target["line"]))
                except (NoValue, Missing):
                    continue
                if isinstance(value, int):
                    return value
    return None


# ---- replays -------------------------------------------------------------------------------------


def replayed(how: str, cases: Sequence[Sizes]) -> dict[str, Any]:
    """The case with the largest bias."""
    worst = max((replay(how, case) for case in cases), key=lambda numbers: float(numbers["bias"]))
    return {"verdict": "confirmed" if worst["bias"] > TOLERANCE else "refuted", "numbers": {"how": how, **worst}}


def replay(how: str, case: Sizes) -> dict[str, Any]:
    """The bias of an average: relative to the true one, over random losses, its root mean square."""
    sizes = case.batches()
    last = sizes[-1] if sizes else 0
    averaged = AVERAGES.get(how, of_batches)
    draw, log = random.Random(0).random, math.log
    errors = []
    for _ in range(DRAWS):
        values = [-log(1.0 - draw()) for _ in range(case.samples)]  # exponential, as `expovariate` gives them
        truth = score(values) if how == "score" else sum(values) / len(values)
        errors.append((averaged(values, case) - truth) / truth)
    return {
        "samples": case.samples,
        "batch_size": case.batch,
        "last_batch": last,
        "weight_of_last": round(case.batch / last, 3) if last else None,
        "samples_lost": case.samples % case.batch if how == "drops" else 0,
        "bias": (sum(error**2 for error in errors) / len(errors)) ** 0.5,
        "draws": DRAWS,
    }


def parts(values: Sequence[float], case: Sizes) -> list[Sequence[float]]:
    return [values[start : start + case.batch] for start in range(0, len(values), case.batch)]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def score(values: Sequence[float]) -> float:
    """A score that is no mean of its parts': the root of a mean."""
    return math.sqrt(mean([value**2 for value in values]))


def of_batches(values: Sequence[float], case: Sizes) -> float:
    return mean([mean(part) for part in parts(values, case)])


def by_nominal(values: Sequence[float], case: Sizes) -> float:
    return sum(mean(part) * case.batch for part in parts(values, case)) / len(values)


def scaled(values: Sequence[float], case: Sizes) -> float:
    return mean([sum(part) / case.batch for part in parts(values, case)])


def by_samples(values: Sequence[float], case: Sizes) -> float:
    return sum(mean(part) for part in parts(values, case)) / len(values)


def of_scores(values: Sequence[float], case: Sizes) -> float:
    return mean([score(part) for part in parts(values, case)])


def dropped(values: Sequence[float], case: Sizes) -> float:
    kept = len(values) - len(values) % case.batch
    return mean(values[:kept]) if kept else 0.0


AVERAGES: Final[Mapping[str, Callable[[Sequence[float], Sizes], float]]] = {
    "batches": of_batches,
    "unweighted": of_batches,
    "nominal": by_nominal,
    "scaled": scaled,
    "samples": by_samples,
    "score": of_scores,
    "drops": dropped,
}
