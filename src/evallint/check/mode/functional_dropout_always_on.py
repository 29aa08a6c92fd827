"""A functional layer drops or normalises as in training, whatever the model's mode."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, SetArgument, Step
from evallint.project import FlaggedCall, Project


def check(project: Project) -> Iterator[Finding]:
    for call in project.flagged_calls:
        if call.tied:
            continue
        yield Finding(
            at=call.at,
            says=says(call),
            because=(*call.way, Step(call.at, f"`{call.name}` is called here, whatever the mode")),
            function=call.function,
            fix=fix(call) if call.fixable and "…" not in call.value else None,
        )


def fix(call: FlaggedCall) -> SetArgument:
    value = "self.training" if call.flag else f"{call.value} if self.training else 0.0"
    return SetArgument(call.at, call.rate, value, f"pass `{call.rate}={value}`", call.position)


def says(call: FlaggedCall) -> str:
    if call.name == "batch_norm":
        return "`batch_norm(training=True)` uses the batch's statistics in evaluation too"
    if not call.flag:
        return f"`{call.name}` drops out in evaluation too: `{call.value}` does not follow the mode"
    return f"`{call.name}` drops out in evaluation too: `{call.flag}` is True unless it is given"
