"""Gradients are meant to be off, but they stay on."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Step
from evallint.project import IneffectiveContext, Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.ineffective_contexts:
        yield Finding(
            at=found.at,
            says=says(found),
            because=found.because or (Step(found.at, f"`{found.code}` stands here"),),
            function=found.function,
            severity="info" if found.legacy else None,
        )


def says(found: IneffectiveContext) -> str:
    match found.kind:
        case "statement":
            return f"`{found.code}` alone does nothing: it needs a `with` or a decorator"
        case "uncalled":
            return f"`with {found.code}` lacks its parentheses and fails when it is reached"
        case "around nothing":
            return f"`{found.code}` holds nothing that computes: the model runs outside it"
        case "volatile":
            return "`volatile=True` has had no effect since torch 0.4: gradients are recorded"
