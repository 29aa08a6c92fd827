"""Statistics are learnt from the data that the evaluation is made on."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import FittedOnTest, Project


def check(project: Project) -> Iterator[Finding]:
    for fit in project.fitted_on_test:
        yield Finding(at=fit.at, says=says(fit), because=fit.because, function=fit.function)


def says(fit: FittedOnTest) -> str:
    match fit.of:
        case "test":
            return f"`{fit.what}` learns from `{fit.data}`, which is there to evaluate"
        case "both":
            return f"`{fit.what}` learns from training and evaluation data together"
        case "all":
            return f"`{fit.what}` learns from all data, before they are split"
