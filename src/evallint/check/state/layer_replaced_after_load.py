"""A layer is replaced after its weights were loaded, and not trained again."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for replaced in project.replaced_layers:
        yield Finding(
            at=replaced.at,
            says=f"this layer is new: the weights loaded before are lost, and `{replaced.model}` evaluates with it",
            because=replaced.because,
            function=replaced.function,
        )
