"""A file from elsewhere is read in a way that runs the code in it."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for load in project.unsafe_loads:
        yield Finding(
            at=load.at,
            says=(
                f"a file that `{load.comes_from}` gets from elsewhere may run any code as it is read"
                if load.comes_from
                else "`weights_only=False` lets the file run any code as it is read"
            ),
            because=load.because,
            function=load.function,
            fix=SetArgument(load.at, "weights_only", "True", "read weights only"),
            severity=None if load.comes_from else "info",
        )
