"""A state dict, or a model, is kept for later, and training goes on to change it."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project

ENDS = {"restored": "loaded back", "saved": "saved", "returned": "returned", "kept": "used"}


def check(project: Project) -> Iterator[Finding]:
    for kept in project.stale_states:
        what = "model" if kept.whole else "state"
        title, part = f"keep a deep copy of the {what}", kept.code if kept.whole else ""
        yield Finding(
            at=kept.at,
            says=f"`{kept.code}` is no copy: training changes it before it is {ENDS[kept.how]}",
            because=kept.because,
            function=kept.function,
            fix=Replace(kept.at, "copy.deepcopy({})", title, ("copy.deepcopy",), part),
            applicability="unsafe" if kept.whole else None,  # not every module can be copied
        )
