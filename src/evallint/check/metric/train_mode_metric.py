"""A figure named as an evaluation's is computed from what the model gives in training."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for figure in project.training_figures:
        yield Finding(
            at=figure.at,
            says=f"`{figure.name}` is computed from what `{figure.model}` gives in training mode, on training batches",
            because=figure.because,
            function=figure.function,
        )
