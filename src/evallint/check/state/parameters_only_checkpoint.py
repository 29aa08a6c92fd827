"""A checkpoint or an average is made of parameters only, without batch-norm statistics."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.bare_parameters:
        yield Finding(
            at=found.at,
            says=(
                f"the buffers of `{found.model}`, such as batch-norm statistics, are not saved"
                if found.how == "saved"
                else f"the average that `{found.model}` runs has parameters only: its batch-norm statistics are old"
            ),
            because=found.because,
            function=found.function,
            severity=None if found.sure else "warning",
        )
