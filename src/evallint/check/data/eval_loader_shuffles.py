"""The loader of an evaluation shuffles, and what comes of it is matched by position."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import LoaderUse, Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.matched_by_position:
        yield Finding(
            at=found.at,
            says=f"`{found.loader.label}` shuffles, but `{found.outputs}` is matched with `{found.other}` by position",
            because=found.because,
            function=found.function,
            fix=fix(project, found.loader),
        )


def fix(project: Project, loader: LoaderUse) -> SetArgument | None:
    keyword, position = loader.shuffling
    if not keyword or project.is_shared(loader) or loader.shuffles_by is not None:
        return None
    return SetArgument(loader.at, keyword, "False", "keep the order of the data", position)
