"""Training goes on in evaluation mode after an evaluation in between."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, InsertAfter
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for lost in project.lost_training:
        harmless = lost.nature.heeds == "no"
        yield Finding(
            at=lost.at,
            says=says(lost.model, harmless),
            because=lost.because,
            function=lost.function,
            fix=InsertAfter(lost.at, f"{lost.model}.train()", f"call `{lost.model}.train()` after the evaluation"),
            severity="info" if harmless else None,
        )


def says(model: str, harmless: bool) -> str:
    if harmless:
        return f"`{model}` trains on in eval mode; harmless today: none of its layers heeds the mode"
    return f"`{model}` is left in eval mode here and training goes on in it"
