"""`strict=False` hides which weights a checkpoint lacks, and nobody looks."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project

ENDS = {"evaluates": "evaluates with random ones", "resumes": "goes on with new ones"}


def check(project: Project) -> Iterator[Finding]:
    for load in project.hidden_keys:
        yield Finding(
            at=load.at,
            says=f"weights that the checkpoint lacks stay unnoticed: {load.model} {ENDS[load.why]}",
            because=load.because,
            function=load.function,
            fix=Replace(load.at, "print({})", "print which keys were missing"),
        )
