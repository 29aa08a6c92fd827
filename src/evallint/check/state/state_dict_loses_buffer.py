"""What a module learns as it runs is not in its `state_dict()`."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for lost in project.lost_buffers:
        yield Finding(
            at=lost.at,
            says=SAYS[lost.kind].format(lost.name),
            because=lost.because,
            function=lost.function,
            fix=(
                SetArgument(lost.at, "persistent", "True", f"save `{lost.name}` with the model")
                if lost.kind == "transient"
                else None
            ),
        )


SAYS = {
    "transient": "`{}` changes as the model trains, but is not saved: it is not persistent",
    "late": "`{}` is registered by the first forward: a new model cannot load it",
    "flag": "`{}` is not saved: a loaded model sets its weights from the data once more",
}
