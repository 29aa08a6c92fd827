"""Evaluation records a graph that nothing will back-propagate through."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Step, Wrap
from evallint.project import Forward, Project


def check(project: Project) -> Iterator[Finding]:
    told = set()
    meant = {(found.at.path, found.function) for found in project.ineffective_contexts}  # `no-grad-without-effect`'s
    for forward in project.forwards:
        if not forward.evaluation or forward.graph != "recorded" or forward.frozen or forward.graph_at is None:
            continue
        if forward.escapes and forward.mode != {"eval"}:
            continue  # whoever gets the result may differentiate it
        at, function = forward.graph_at
        own = forward.own_run if forward.own_run is not None and forward.own_run.at == at else None
        once = at.path, function, forward.block if own is None else (), forward.legacy
        if (at.path, function) in meant or once in told:
            continue
        told.add(once)
        model = forward.model if own is None else own.model
        yield Finding(
            at=at,
            says=f"`{model}` records a graph though it only evaluates {forward.evaluation.because}",
            because=forward.because if own is None else (*forward.because, Step(at, f"`{model}` runs here")),
            function=function,
            fix=fix(forward),
            severity="info" if forward.legacy else None,
        )


def fix(forward: Forward) -> Wrap | None:
    if forward.without_graph is None:
        return None
    first, last = forward.without_graph
    title = "run the evaluation under `torch.no_grad()`"
    return Wrap(first, "torch.no_grad()", title, ("torch.no_grad",), last)
