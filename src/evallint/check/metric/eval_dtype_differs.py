"""Evaluation runs in another number format than training."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import OtherPrecision, Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.other_precisions:
        yield Finding(at=found.at, says=says(found), because=found.because, function=found.function)


def says(found: OtherPrecision) -> str:
    if found.how == "layer":
        return f"`{found.what}` is half, whatever the number format of `{found.layer}` is"
    return f"`{found.what}` evaluates in another number format than it trains in"
