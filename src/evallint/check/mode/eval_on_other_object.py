"""`eval()` switches one object, and the evaluation runs another."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for forward in project.forwards:
        twin = forward.switched_twin
        if not forward.evaluation or not forward.surely_trains_mode or twin is None or forward.nature.heeds == "no":
            continue
        if forward.deliberate == "yes":
            continue
        yield Finding(
            at=forward.at,
            says=f"`{forward.model}` is in training mode: eval() was called on another object",
            because=(*forward.mode_set, twin, *forward.way),
            function=forward.function,
        )
