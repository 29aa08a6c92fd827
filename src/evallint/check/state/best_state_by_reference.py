"""A state dict is kept for later, and training goes on to change it."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project

ENDS = {"restored": "loaded back", "saved": "saved", "returned": "returned", "kept": "used"}


def check(project: Project) -> Iterator[Finding]:
    for kept in project.stale_states:
        yield Finding(
            at=kept.at,
            says=f"`{kept.code}` is no copy: training changes it before it is {ENDS[kept.how]}",
            because=kept.because,
            function=kept.function,
            fix=Replace(kept.at, "copy.deepcopy({})", "keep a deep copy of the state", ("copy.deepcopy",)),
        )
