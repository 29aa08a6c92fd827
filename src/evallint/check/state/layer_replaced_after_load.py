"""A layer is replaced after its weights were loaded, and not trained again."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for replaced in project.replaced_layers:
        yield Finding(
            at=replaced.at,
            says=SAYS[replaced.how].format(replaced.model),
            because=replaced.because,
            function=replaced.function,
        )


SAYS = {
    "evaluates": "this layer is new: the weights loaded before are lost, and `{}` evaluates with it",
    "by default": "with default arguments this new layer takes the place of one that was just loaded",
}
