"""The order of the steps of a pipeline: whether each can take what the one before it gives."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Step
from evallint.gather.data.pipelines import Pipelines, Steps
from evallint.interpret.events import Creation, Events
from evallint.program import Program
from evallint.project import PipelineFault, PipelineStep

KINDS = ("pil", "array", "tensor")
SHOWN = {"pil": "a PIL image", "array": "an array", "tensor": "a tensor"}


def pipeline_faults(program: Program, events: Events) -> Iterator[PipelineFault]:
    """The steps, in the pipelines that an entry made, that can't take what comes in."""
    pipelines = Pipelines(program)
    for creation in events.created.values():
        if creation.kind == "pipeline":
            for steps in pipelines.ways(creation.term):
                yield from _faults(creation, _fed(creation) + steps)


def _fed(creation: Creation) -> Steps:
    """The tensor that a pipeline is called with, as a step before its first."""
    if creation.fed is None:
        return ()
    call = f"{next(iter(creation.names), 'the pipeline')}(…)"
    return (PipelineStep(call, creation.fed, (), False, takes=("any",), gives="tensor"),)


def _faults(creation: Creation, steps: Steps) -> Iterator[PipelineFault]:
    """One at most: what comes after a fault follows from it."""
    now, since = "", None  # what the sample is, and the step that gave it or needed it first
    made = False
    for step in steps:
        if not step.known or step.own or step.in_code or step.at is None:
            now, since, made = "", None, False
            continue
        takes = set(step.takes)
        if now and since is not None and not takes & {now, "any"}:
            yield _fault(creation, step, since, now, made)
            return
        if not now and len(takes) == 1 and takes <= set(KINDS):
            now, since, made = takes.pop(), step, False
        if step.gives in KINDS and step.gives != now:
            now, since, made = step.gives, step, True
        elif step.gives == "several":
            now, since, made = "", None, False


def _fault(creation: Creation, step: PipelineStep, since: PipelineStep, now: str, made: bool) -> PipelineFault:
    """The later step is at fault where an earlier one made what it can't take; else the earlier one came too soon."""
    wrong, other = (step, since) if made else (since, step)
    assert wrong.at is not None and other.at is not None
    needed = SHOWN[now]
    if made:
        why = f"is given {needed} by `{other.name}`, which it can't take"
        reason = Step(other.at, f"{needed} comes from `{other.name}`")
    else:
        why = f"needs {needed}, but comes before `{other.name}`, which takes none"
        reason = Step(other.at, f"`{other.name}` comes after it and takes {_listed(other.takes)}")
    function = creation.frames[-1].function if creation.frames else "<module>"
    steps = (reason, Step(wrong.at, f"`{wrong.name}` stands here"))
    return PipelineFault(wrong.at, function, wrong.name, why, steps, other.at)


def _listed(kinds: tuple[str, ...]) -> str:
    return " or ".join(SHOWN.get(kind, "anything") for kind in kinds)
