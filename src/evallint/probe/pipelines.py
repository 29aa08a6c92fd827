"""Which pipelines a finding about data is about, and where they are defined."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from evallint.findings import Finding, Place
from evallint.gather.code.mending import contains
from evallint.probe.callers import Callers, CallSite
from evallint.program import Program
from evallint.project import DataSource, LoaderUse, Project

Role = Literal["train", "eval"]


class Definition(NamedTuple):
    """Where a pipeline is defined: a call, or a name at a place."""

    role: Role
    site: CallSite | None = None
    code: str = ""
    at: Place | None = None
    function: str = ""


class Definitions:
    """Finds the pipelines of findings."""

    def __init__(self, program: Program, project: Project, callers: Callers) -> None:
        self._program = program
        self._project = project
        self._callers = callers

    def of(self, finding: Finding) -> Iterator[Definition]:
        """The definitions of the pipelines that a finding compares, or of the one that it is about."""
        if finding.rule == "eval-pipeline-unused":
            yield from self._unused(finding)
        elif finding.rule == "transform-order":
            yield from self._around(finding)
        else:
            yield from self._of_loaders(finding)

    def _unused(self, finding: Finding) -> Iterator[Definition]:
        found = next((one for one in self._project.unused_pipelines if one.at == finding.at), None)
        if found is None:
            return
        end = found.at.span._replace(line=found.at.span.end_line + 1)
        yield Definition("eval", None, found.name, Place(found.at.path, end), found.function)
        used = found.call or found.because[-1].at
        yield Definition("train", None, found.instead, used, found.function)

    def _around(self, finding: Finding) -> Iterator[Definition]:
        """The call that the steps of a finding are given to: the smallest that holds them all."""
        holding = self._holding([finding.at, *(step.at for step in finding.because)])
        if holding is not None:
            yield Definition("eval", holding)

    def _holding(self, places: Sequence[Place]) -> CallSite | None:
        """The smallest call that some places are within."""
        found = (site for site in self._callers.all() if all(_holds(site, place) for place in places))
        return min(found, key=_length, default=None)

    def _of_loaders(self, finding: Finding) -> Iterator[Definition]:
        places = {finding.at, *(step.at for step in finding.because)}
        for loader in self._project.loaders:
            if loader.use is not None and (loader.at in places or self._is_meant(loader, finding)):
                yield from self._of_loader(loader.use, loader)

    def _is_meant(self, loader: LoaderUse, finding: Finding) -> bool:
        return any(source.at == finding.at or source.pipeline_at == finding.at for source in loader.sources)

    def _of_loader(self, role: Role, loader: LoaderUse) -> Iterator[Definition]:
        for source in loader.sources:
            at = source.pipeline_at
            site = self._callers.at(at) if at is not None else None
            if site is not None:
                yield Definition(role, site)
            else:
                yield from self._of_steps(role, source)

    def _of_steps(self, role: Role, source: DataSource) -> Iterator[Definition]:
        """The calls that the steps of a pipeline without a place of its own are given to, and the random ones alone."""
        places = [step.at for step in source.steps if step.at is not None]
        holding = self._holding(places) if len(places) > 1 else None
        if holding is not None:
            yield Definition(role, holding)
        for step in source.steps if role == "eval" else ():
            alone = self._callers.at(step.at) if step.random and step.at is not None else None
            if alone is not None:
                yield Definition(role, alone)


def _holds(site: CallSite, place: Place) -> bool:
    return site.at.path == place.path and site.at != place and contains(site.at.span, place.span)


def _length(site: CallSite) -> tuple[int, int]:
    span = site.at.span
    return span.end_line - span.line, span.end_column - span.column


# ---- constants -----------------------------------------------------------------------------------

Numbers = list[float]


def constants(project: Project, finding: Finding) -> dict[str, Any]:
    """The constants as they are written and as they are meant; nothing where that is not known."""
    found = next((one for one in project.typed_constants if one.at == finding.at), None)
    tuples = [_numbers(text) for text in re.findall(r"\(([^()]*)\)", found.because[0].message)] if found else []
    if found is None or len(tuples) != 2 or found.how not in WRITTEN:
        return {"what": "constants"}
    mean, std = tuples
    written = WRITTEN[found.how](mean, std, found.given, found.right)
    return {"what": "constants", "written": written, "meant": [mean, std]}


def _numbers(text: str) -> Numbers:
    return [float(part) for part in text.split(",") if part.strip()]


def _near(mean: Numbers, std: Numbers, given: str, right: str) -> list[Numbers]:
    def wrong(numbers: Numbers) -> Numbers:
        return [float(given) if f"{one:g}" == right else one for one in numbers]

    is_of_mean = any(f"{one:g}" == right for one in mean)
    return [wrong(mean), std] if is_of_mean else [mean, wrong(std)]


WRITTEN: Final[Mapping[str, Callable[[Numbers, Numbers, str, str], list[Numbers]]]] = {
    "near": _near,
    "swapped": lambda mean, std, *_: [std, mean],
    "crossed": lambda mean, std, *_: [mean, std[::-1]],
}
"""How the constants must be written for each kind of mistake, from those that are published."""
