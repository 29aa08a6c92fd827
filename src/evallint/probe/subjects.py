"""Which modules a finding is about: their classes, where they are built, and what the code calls them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from evallint.findings import Finding, Place
from evallint.interpret.events import Events, ExportCall, ForwardCall
from evallint.program import ClassSymbol, FunctionSymbol, Program, Symbol


class Subject(NamedTuple):
    """A module. `built`: where; `code`: what it is called at `at`, in `function`; each may be unknown."""

    klass: Symbol | None
    built: Place | None = None
    code: str = ""
    at: Place | None = None
    function: str = ""


class Subjects:
    """The modules that the runs of a program saw, by the places at which something was done with them."""

    def __init__(self, program: Program, runs: Iterable[Events]) -> None:
        self._program = program
        self._seen: dict[Place, list[Subject]] = {}
        self._near: dict[tuple[str, str], list[Subject]] = defaultdict(list)
        for run in runs:
            for event in run.forwards:
                self._forward(event)
            for export in run.exports:
                self._keep(export.at, _of_export(export))
            for state in run.states:
                owner = getattr(state, "owner", None)
                if owner is not None and owner.role in ("module", "unknown"):
                    self._keep(state.at, Subject(owner.klass))
                for part in getattr(state, "parts", ()):
                    if part.owner.role == "module":
                        self._keep(state.at, Subject(part.owner.klass))
            for switch in run.bare_switches:
                self._keep(switch.at, Subject(None, None, switch.receiver, switch.at, switch.frames[-1].function))
            for sum_ in run.accumulations:
                for number in sum_.flow.graph:
                    for event in run.behind(number):
                        self._keep(sum_.at, _of_forward(event))

    def of(self, finding: Finding) -> list[Subject]:
        """The modules that a finding may be about, the likeliest first, each once."""
        owner = self._owner(finding)
        if owner is not None:
            return [Subject(owner)]
        for place in (finding.at, *(step.at for step in reversed(finding.because))):
            if place in self._seen:
                return self._seen[place]
        return self._near[finding.at.path, finding.function] or self._near[finding.at.path, ""]

    def _owner(self, finding: Finding) -> ClassSymbol | None:
        """The class of modules whose method a finding stands in."""
        facts = self._program.files.get(finding.at.path)
        for index, function in enumerate(facts.functions if facts is not None else ()):
            if function.qualname == finding.function:
                klass = self._program.class_of(FunctionSymbol(finding.at.path, index))
                return klass if klass is not None and self._program.is_module(klass) else None
        return None

    def _forward(self, event: ForwardCall) -> None:
        subject = _of_forward(event)
        self._keep(event.at, subject)
        if not event.inside:
            for function in (event.frames[-1].function, ""):
                near = self._near[event.at.path, function]
                near += [subject] if subject not in near else []
        for change in (event.mode.train, event.mode.eval):
            if change is not None:
                self._keep(change.step.at, subject)

    def _keep(self, place: Place, subject: Subject) -> None:
        known = self._seen.setdefault(place, [])
        if subject not in known:
            known.append(subject)


def _of_forward(event: ForwardCall) -> Subject:
    innermost = event.frames[-1]
    code = event.receiver.removesuffix(f".{event.method}") if event.method else event.receiver
    return Subject(event.core or event.klass, event.built, code, event.at, innermost.function)


def _of_export(event: ExportCall) -> Subject:
    return Subject(event.klass, None, event.receiver, event.at, event.frames[-1].function)
