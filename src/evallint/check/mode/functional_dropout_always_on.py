"""A functional layer drops or normalises as in training, whatever the model's mode."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument, Step
from evallint.project import FlaggedCall, Project


def check(project: Project) -> Iterator[Finding]:
    for call in project.flagged_calls:
        if call.tied:
            continue
        title = f"pass `{call.flag}=self.training`"
        yield Finding(
            at=call.at,
            says=says(call),
            because=(*call.way, Step(call.at, f"`{call.name}` is called here, whatever the mode")),
            function=call.function,
            fix=SetArgument(call.at, call.flag, "self.training", title) if call.fixable else None,
        )


def says(call: FlaggedCall) -> str:
    if call.name == "batch_norm":
        return "`batch_norm(training=True)` uses the batch's statistics in evaluation too"
    if not call.flag:
        return f"`{call.name}` drops out in evaluation too: `{call.value}` does not follow the mode"
    return f"`{call.name}` drops out in evaluation too: `{call.flag}` is True unless it is given"
