"""A layer with parameters or a mode is built anew in every forward pass."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Step
from evallint.project import Project

LOSS = {
    "parameters": "its weights are random each time and never learn",
    "mode": "eval() cannot reach it",
}


def check(project: Project) -> Iterator[Finding]:
    for built in project.built_in_forward:
        yield Finding(
            at=built.at,
            says=f"`{built.layer}` is built in every forward pass: {LOSS[built.why]}",
            because=(*built.way, Step(built.at, f"`{built.layer}` is built here, in `{built.function}`")),
            function=built.function,
        )
