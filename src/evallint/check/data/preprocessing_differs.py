"""Training and evaluation data are prepared by different steps."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.pipelines_differ:
        if found.kind == "step":
            yield Finding(
                at=found.at,
                says=f"`{found.loader}` gives {found.eval}, the training data have {found.train}",
                because=found.because,
                function=found.function,
            )
