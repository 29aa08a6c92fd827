"""An evaluation inside a training loop leaves the model in eval mode, and training goes on in it."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, InsertAfter
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for lost in project.lost_training:
        harmless = lost.nature.heeds == "no"
        yield Finding(
            at=lost.at,
            says=f"`{lost.model}` is left in eval mode here and training goes on in it"
            + ("; harmless today: no layer of it depends on the mode" if harmless else ""),
            because=lost.because,
            function=lost.function,
            fix=InsertAfter(lost.at, f"{lost.model}.train()", f"call `{lost.model}.train()` after the evaluation"),
            severity="info" if harmless else None,
        )
