"""A checkpoint or an average is made of parameters only, without batch-norm statistics."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, ReplaceKept
from evallint.project import BareParameters, Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.bare_parameters:
        yield Finding(
            at=found.at,
            says=SAYS[found.how].format(found.model),
            because=found.because,
            function=found.function,
            fix=fix(found),
            severity=None if found.sure else "warning",
        )


def fix(found: BareParameters) -> ReplaceKept | None:
    code = f"{found.whose}.state_dict()"
    return ReplaceKept(found.at, code, f"save `{code}`") if found.whose else None


SAYS = {
    "saved": "the buffers of `{}`, such as batch-norm statistics, are not saved",
    "averaged": "the average that `{}` runs has parameters only: its batch-norm statistics are old",
    "sent": "the parameters of `{}` are sent without its buffers, such as batch-norm statistics",
}
