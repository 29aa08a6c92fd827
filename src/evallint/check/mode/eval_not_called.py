"""`model.eval` or `model.train` stands there without parentheses and does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.uncalled:
        yield Finding(
            at=found.at,
            says=f"`{found.code}` is not called: the model's mode stays as it is",
            because=(),
            function=found.function,
            fix=Replace(found.at, "{}()", f"call `{found.code}()`"),
        )
