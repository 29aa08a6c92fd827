"""Training goes on from a checkpoint without the state of optimizer, scheduler or scaler."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for lost in project.lost_progress:
        yield Finding(
            at=lost.at,
            says=SAYS[lost.where].format(lost.what or f"the {lost.role}"),
            because=lost.because,
            function=lost.function,
        )


SAYS = {
    "saved": "the checkpoint lacks the state of `{}`: a resumed training begins it anew",
    "loaded": "training resumes here, but `{}` begins anew: its state is not restored",
    "remade": "the restored state of `{}` is lost: another optimizer takes its place here",
}
