"""What should be trained is computed with gradients switched off."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for cut in project.cut_training:
        says = (
            f"`{cut.what}` runs without a graph, and backward() is called on what comes of it"
            if cut.kind == "loss"
            else f"`{cut.what}` only ever runs under no_grad: it never learns"
        )
        yield Finding(at=cut.at, says=says, because=cut.because, function=cut.function)
