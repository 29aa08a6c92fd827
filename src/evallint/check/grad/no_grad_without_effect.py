"""Gradients look switched off for an evaluation that records them all the same."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Fix, Replace, Severity, Wrap, WrapRest
from evallint.project import IneffectiveContext, Project


def check(project: Project) -> Iterator[Finding]:
    for found in project.ineffective_contexts:
        yield Finding(
            at=found.at,
            says=says(found),
            because=found.because,
            function=found.function,
            fix=fix(found),
            severity=severity(found),
        )


def fix(found: IneffectiveContext) -> Fix | None:
    match found.kind:
        case "statement":
            return WrapRest(found.at, found.code, f"put what follows under `with {found.code}:`")
        case "uncalled":
            return Replace(found.at, "{}()", f"call `{found.code}()`", part=found.code)
        case "and" if "'" not in found.code:  # nobody knows which quotes stand there
            return Replace(found.at, found.whole, "enter all of them: put commas between them", part=found.code)
        case "around nothing" if found.run is not None:
            title = "run the evaluation under `torch.no_grad()`"
            return Wrap(found.run, "torch.no_grad()", title, ("torch.no_grad",))
    return None


def severity(found: IneffectiveContext) -> Severity | None:
    """`volatile=True` costs memory and time, no results; in code for torch before 0.4 it is right."""
    if found.kind != "volatile":
        return None
    return "info" if found.legacy else "warning"


def says(found: IneffectiveContext) -> str:
    match found.kind:
        case "statement":
            return f"`{found.code}` alone does nothing: it needs a `with` or a decorator"
        case "uncalled":
            return f"`with {found.code}` lacks its parentheses and fails when it is reached"
        case "and":
            return "`and` enters the last of these contexts alone: gradients are recorded"
        case "around nothing":
            return f"`{found.code}` holds nothing that computes: the model runs outside it"
        case "generator":
            return f"the generator that `{found.code}` returns runs after no_grad has ended"
        case "volatile":
            return "`volatile=True` has had no effect since torch 0.4: gradients are recorded"
