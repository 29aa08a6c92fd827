"""A checkpoint is read to the device it was saved from, which need not be there."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for load in project.unmapped_loads:
        yield Finding(
            at=load.at,
            says="without `map_location` a checkpoint saved on a GPU cannot be read where there is none",
            because=load.because,
            function=load.function,
            fix=SetArgument(load.at, "map_location", '"cpu"', "read the checkpoint to the CPU"),
        )
