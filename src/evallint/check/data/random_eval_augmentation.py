"""A random step stands in the pipeline that feeds an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Remove
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.random_in_evaluation:
        if found.halves:
            continue  # `split-shares-augmentation`'s
        through = "the training pipeline's" if found.shared else "the"
        yield Finding(
            at=found.at,
            says=f"`{found.loader}` gives samples that {through} random `{found.step}` changes",
            because=found.because,
            function=found.function,
            fix=Remove(found.removable, f"take out `{found.step}`") if found.removable is not None else None,
        )
