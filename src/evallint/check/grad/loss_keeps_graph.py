"""An accumulator over batches keeps the graph of every batch alive."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, ReplaceKept
from evallint.project import Accumulated, Project


def check(project: Project) -> Iterator[Finding]:
    meant = {(found.at.path, found.function) for found in project.ineffective_contexts}  # `no-grad-without-effect`'s
    for kept in project.accumulated:
        if (kept.at.path, kept.function) in meant:
            continue
        yield Finding(
            at=kept.at,
            says=f"what is {kept.how} `{kept.target}` keeps the graph of every iteration in memory",
            because=kept.because,
            function=kept.function,
            fix=fix(kept),
        )


def fix(kept: Accumulated) -> ReplaceKept:
    if kept.number:
        return ReplaceKept(kept.at, "{}.item()", "keep the number: `.item()`", kept.argument)
    return ReplaceKept(kept.at, "{}.detach()", "keep it without its graph: `.detach()`", kept.argument)
