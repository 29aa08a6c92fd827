"""Layers are held in a plain Python container, where their module does not see them."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace, Step
from evallint.project import PlainlyHeld, Project

CONTAINERS = {"list": "nn.ModuleList", "tuple": "nn.ModuleList", "dict": "nn.ModuleDict"}


def check(project: Project) -> Iterator[Finding]:
    for held in project.plainly_held:
        steps = [Step(held.at, f"`{held.attribute}` is a plain {held.container} of layers")]
        if held.used_at is not None:
            steps.append(Step(held.used_at, f"`{held.attribute}` is used here"))
        yield Finding(
            at=held.at,
            says=f"the layers in `{held.attribute}` are not trained, moved or saved and don't hear eval()",
            because=tuple(steps),
            function=held.function,
            fix=fix(held),
        )


def fix(held: PlainlyHeld) -> Replace | None:
    if held.nested:
        return None
    container = CONTAINERS[held.container]
    code = f"{held.attribute} = torch.{container}({{}})"
    return Replace(held.at, code, f"hold them in an `{container}`", (f"torch.{container}",))
