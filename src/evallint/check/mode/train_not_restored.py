"""Training goes on in evaluation mode after an evaluation in between."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, InsertBefore
from evallint.project import LostTraining, Project


def check(project: Project) -> Iterator[Finding]:
    for lost in project.lost_training:
        harmless = lost.nature.heeds == "no"
        yield Finding(
            at=lost.at,
            says=says(lost, harmless),
            because=lost.because,
            function=lost.function,
            fix=fix(lost),
            severity="info" if harmless else None,
        )


def fix(lost: LostTraining) -> InsertBefore | None:
    if lost.resumes is None:
        return None
    at, model = lost.resumes
    return InsertBefore(at, f"{model}.train()", f"call `{model}.train()` before training goes on")


def says(lost: LostTraining, harmless: bool) -> str:
    if harmless:
        return f"`{lost.model}` trains on in eval mode; harmless today: none of its layers heeds the mode"
    if lost.never_asked:
        return f"`{lost.model}` trains in eval mode here once an evaluation has been: nothing calls its `train()`"
    return f"`{lost.model}` is left in eval mode here and training goes on in it"
