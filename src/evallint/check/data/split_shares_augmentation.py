"""Both parts of a split read one data set, whose transform is random."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.random_in_evaluation:
        if found.halves:
            yield Finding(
                at=found.at,
                says=f"`{found.loader}` reads a part of the training data set, with its random `{found.step}`",
                because=found.because,
                function=found.function,
            )
    for replaced in project.replaced_transforms:
        yield Finding(
            at=replaced.at,
            says=f"`{replaced.half}` shares its data set with `{replaced.other}`: this replaces its `{replaced.name}`",
            because=replaced.because,
            function=replaced.function,
        )
