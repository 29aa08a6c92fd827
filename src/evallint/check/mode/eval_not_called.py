"""`eval` or `train` of a module is named but not called."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace, Step
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.uncalled:
        yield Finding(
            at=found.at,
            says=f"`{found.code}` is not called: the model's mode stays as it is",
            because=(Step(found.at, f"`{found.code}` stands here as a statement"),),
            function=found.function,
            fix=Replace(found.at, "{}()", f"call `{found.code}()`"),
        )
