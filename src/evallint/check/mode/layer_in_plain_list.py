"""Layers are held in a plain Python container, where their module does not see them."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace, Step
from evallint.project import Project

CONTAINERS = {"list": "nn.ModuleList", "tuple": "nn.ModuleList", "dict": "nn.ModuleDict"}


def check(project: Project) -> Iterator[Finding]:
    for held in project.plainly_held:
        container = CONTAINERS[held.container]
        steps = [Step(held.at, f"`{held.attribute}` is a plain {held.container} of layers")]
        if held.used_at is not None:
            steps.append(Step(held.used_at, f"`{held.attribute}` is used here"))
        yield Finding(
            at=held.at,
            says=f"the layers in `{held.attribute}` are not trained, moved or saved and don't hear eval()",
            because=tuple(steps),
            function=held.function,
            fix=Replace(held.at, f"{held.attribute} = {container}({{}})", f"hold them in an `{container}`"),
        )
