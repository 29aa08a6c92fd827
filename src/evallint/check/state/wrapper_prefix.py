"""A state is saved with a wrapper's prefix and loaded without it."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.prefixed:
        inner = f"{found.model}.{found.prefix}.state_dict()"
        yield Finding(
            at=found.at,
            says=f"`{found.model}` is {when(found.always)}wrapped when it is saved, and bare where it is loaded",
            because=found.because,
            function=found.function,
            fix=Replace(found.kept, inner, f"save `{inner}`") if found.always and found.kept is not None else None,
        )


def when(always: bool) -> str:
    return "" if always else "sometimes "
