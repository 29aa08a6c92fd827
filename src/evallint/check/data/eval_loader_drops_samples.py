"""The loader of an evaluation leaves out the last samples."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Place, SetArgument
from evallint.project import LoaderUse, Project


def check(project: Project) -> Iterator[Finding]:
    reported: set[Place] = set()
    for loader in project.loaders:
        if loader.use != "eval" or not loader.drops or loader.batch_size == 1 or loader.applied:
            continue
        if not loader.gone_over or (not loader.named and not loader.scored):
            continue  # someone may only look at a few samples
        at, function = where(project, loader)
        if at not in reported:
            reported.add(at)
            yield Finding(
                at=at,
                says=f"`{loader.label}` drops its last, smaller batch: those samples are never evaluated",
                because=loader.way,
                function=function,
                fix=fix(project, loader),
            )


def where(project: Project, loader: LoaderUse) -> tuple[Place, str]:
    """Where it is decided, for evaluation alone, that the batch is dropped; else where the loader is made."""
    by = loader.drops_by
    if by is None or any(other.drops_by == by and other.use != "eval" for other in project.loaders):
        return loader.at, loader.function
    return by


def fix(project: Project, loader: LoaderUse) -> SetArgument | None:
    keyword, position = loader.dropping
    if not keyword or project.is_shared(loader) or loader.drops_by is not None:
        return None
    return SetArgument(loader.at, keyword, "False", "keep the last batch", position)
