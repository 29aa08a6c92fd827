"""A Keras model is called with `training=True` in evaluating code."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for flag in project.training_flags:
        yield Finding(
            at=flag.at,
            says=f"`{flag.model}` runs with `training=True` in evaluation",
            because=flag.because,
            function=flag.function,
            fix=SetArgument(flag.at, "training", "False", "pass `training=False`"),
        )
