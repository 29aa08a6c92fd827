"""The data set of an evaluation is the training part."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import DataSource, Project


def check(project: Project) -> Iterator[Finding]:
    for loader in project.loaders:
        if loader.use != "eval" or loader.by == "arguments" or loader.applied or not loader.named:
            continue
        whole = [source for source in loader.sources if source.part == "training" and not source.half]
        if whole and len(whole) == len(loader.sources) and not loader.sampled:
            yield Finding(
                at=whole[0].at,
                says=f"`{loader.label}` reads the training part: {whole[0].part_because}",
                because=loader.way,
                function=loader.function,
                fix=fix(whole[0]),
            )


def fix(source: DataSource) -> SetArgument | None:
    if source.evaluating is None or source.own:
        return None
    keyword, position, value = source.evaluating
    return SetArgument(source.at, keyword, value, f"read the part for evaluation: `{keyword}={value}`", position)
