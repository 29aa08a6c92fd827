"""Evaluation runs a model that may still be in training mode."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, InsertBefore, Severity
from evallint.project import Forward, Project


def check(project: Project) -> Iterator[Finding]:
    told = set()
    uncalled = {(found.at.path, found.function) for found in project.uncalled}  # `eval-not-called` tells of these
    for forward in project.forwards:
        if not forward.evaluation or not forward.surely_trains_mode or forward.deliberate == "yes":
            continue
        if (forward.at.path, forward.function) in uncalled:
            continue
        if forward.switched_twin is not None or forward.mode_at is None or forward.escapes:
            continue
        if forward.evaluation.by == "phase" and not forward.evaluation.sure:
            continue  # a name alone is no proof
        at, function = forward.mode_at
        once = at.path, function, forward.block, forward.mode_set, severity(forward)
        if once in told:
            continue
        told.add(once)
        yield Finding(
            at=at,
            says=says(forward),
            because=forward.because,
            function=function,
            fix=fix(forward),
            severity=severity(forward),
        )


def fix(forward: Forward) -> InsertBefore | None:
    if forward.evaluates_from is None:
        return None
    at, model = forward.evaluates_from
    return InsertBefore(at, f"{model}.eval()", f"call `{model}.eval()` before it evaluates")


def severity(forward: Forward) -> Severity | None:
    if forward.nature.arguable:
        return "info"
    if forward.nature.by_own_code:
        return "info"  # teacher forcing, losses for outputs: a validation loss may need what training mode gives
    if forward.nature.heeds == "unknown" and not forward.asked:
        return "info"  # no part that heeds the mode is in sight, and nobody asked for training mode either
    return "info" if forward.nature.heeds == "no" or forward.deliberate == "perhaps" else None


def says(forward: Forward) -> str:
    model = receiver(forward)
    if forward.deliberate == "perhaps":
        return f"`{model}` is in training mode, as the code asks for, when it runs"
    if forward.nature.heeds == "no":
        depending = "no layer that it runs" if forward.nature.because else f"no layer of `{forward.title}`"
        return f"`{model}` is in training mode; harmless today: {depending} depends on it"
    assert forward.evaluation is not None
    if forward.nature.by_own_code:
        return f"`{model}` evaluates in training mode; only `self.training` in `{forward.title}` depends on it"
    return f"`{model}` is still in training mode when it runs {forward.evaluation.because}"


def receiver(forward: Forward) -> str:
    return forward.model.removesuffix(".forward").removesuffix(".module")
