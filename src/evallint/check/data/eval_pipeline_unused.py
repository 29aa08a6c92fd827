"""A pipeline is built for evaluation and never used, and the data for evaluation come through another."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import Project, UnusedPipeline


def check(project: Project) -> Iterator[Finding]:
    for found in project.unused_pipelines:
        yield Finding(
            at=found.at,
            says=f"nothing uses `{found.name}`: `{found.data}` comes through `{found.instead}`",
            because=found.because,
            function=found.function,
            fix=fix(found),
        )


def fix(found: UnusedPipeline) -> SetArgument | None:
    if found.call is None:
        return None
    return SetArgument(found.call, found.keyword, found.name, f"give `{found.name}` to `{found.data}`")
