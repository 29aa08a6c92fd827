"""A step of a pipeline can't take what comes in."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Swap
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.pipeline_faults:
        yield Finding(
            at=found.at,
            says=f"`{found.step}` {found.why}",
            because=found.because,
            function=found.function,
            fix=Swap(found.at, found.other, "exchange the two steps") if found.other is not None else None,
        )
