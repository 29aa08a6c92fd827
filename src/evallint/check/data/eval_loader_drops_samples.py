"""The loader of an evaluation leaves out the last samples."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import LoaderUse, Project


def check(project: Project) -> Iterator[Finding]:
    for loader in project.loaders:
        if loader.use == "eval" and loader.drops and loader.batch_size != 1 and not loader.applied:
            yield Finding(
                at=loader.at,
                says=f"`{loader.label}` drops its last, smaller batch: those samples are never evaluated",
                because=loader.way,
                function=loader.function,
                fix=fix(project, loader),
            )


def fix(project: Project, loader: LoaderUse) -> SetArgument | None:
    keyword, position = loader.dropping
    if not keyword or any(other.at == loader.at and other.use != "eval" for other in project.loaders):
        return None
    return SetArgument(loader.at, keyword, "False", "keep the last batch", position)
