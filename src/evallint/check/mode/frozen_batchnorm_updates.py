"""Frozen layers hold batch norm whose statistics training still moves."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.frozen_but_learning:
        yield Finding(
            at=found.at,
            says=f"`{found.part}` is to be frozen, but its batch norm keeps learning in training mode",
            because=found.because,
            function=found.function,
        )
