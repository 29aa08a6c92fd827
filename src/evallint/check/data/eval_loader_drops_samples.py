"""The loader of an evaluation leaves out the last samples."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for loader in project.loaders:
        if loader.use == "eval" and loader.drops and loader.batch_size != 1 and not loader.applied:
            yield Finding(
                at=loader.at,
                says=f"`{loader.label}` drops its last, smaller batch: those samples are never evaluated",
                because=loader.way,
                function=loader.function,
            )
