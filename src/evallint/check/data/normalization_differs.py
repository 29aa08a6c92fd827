"""Training and evaluation data are normalised differently."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import PipelinesDiffer, Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.pipelines_differ:
        says = {
            "constants": f"`{found.loader}` normalises with {found.eval}, unlike the training data",
            "missing in evaluation": f"`{found.loader}` does not normalise, though the training data are normalised",
            "scale": f"`{found.loader}` gives {found.eval}, the training data have {found.train}",
            "missing in training": f"`{found.loader}` normalises, though the training data are not normalised",
        }.get(found.kind)
        if says is not None:
            yield Finding(at=found.at, says=says, because=found.because, function=found.function, fix=fix(found))


def fix(found: PipelinesDiffer) -> Replace | None:
    title = "normalise as the training data are"
    if not found.code:
        return None
    if found.kind == "constants":
        return Replace(found.at, found.code, title)
    return Replace(found.scaled, f"{{}}, {found.code}", title) if found.scaled is not None else None
