"""Plans the experiment for a finding: what is built, from where in the code, and what is measured on it.

Nothing of the project is imported here; a plan is what the child needs to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from evallint.findings import Finding, Place
from evallint.interpret.events import Events
from evallint.probe.callers import Callers, CallSite
from evallint.probe.subjects import Subject, Subjects
from evallint.program import ClassSymbol, Program

MOST_SITES: Final = 6
MOST_CALLERS: Final = 3

Job: TypeAlias = dict[str, Any]
"""What the child is told, as JSON."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The experiment for a finding: the job, or why there is none."""

    experiment: str
    job: Job | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """Where things are on disk: the project's folder, and the absolute path of each file by its shown one.

    `model`, `input` and `shapes` are what the project declares.
    """

    project: str
    absolute: Mapping[str, str]
    model: str = ""
    input: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()


MODES: Final[Mapping[str, Mapping[str, object]]] = {
    "functional-dropout-always-on": {"what": "deaf"},
    "layer-built-in-forward": {"what": "deaf"},
    "frozen-batchnorm-updates": {"what": "statistics"},
    "eval-dtype-differs": {"what": "precision"},
}
"""What the experiment `mode` looks at, where that is more special than the difference of the modes."""


def planned(
    program: Program, runs: Sequence[Events], findings: Sequence[tuple[Finding, str]], files: Files
) -> list[Plan]:
    """The plan for each finding, which comes with the name of the experiment that its rule's page gives."""
    planner = Planner(program, runs, files)
    return [planner.plan(finding, experiment) for finding, experiment in findings]


class Planner:
    """Plans experiments for the findings of one program."""

    def __init__(self, program: Program, runs: Sequence[Events], files: Files) -> None:
        self._program = program
        self._files = files
        self._subjects = Subjects(program, runs)
        self._callers = Callers(program)

    def plan(self, finding: Finding, experiment: str) -> Plan:
        options = dict(MODES.get(finding.rule, {}))
        declared: list[Job] = [{"kind": "declared", "ref": self._files.model}] if self._files.model else []
        targets = declared + [target for subject in self._subjects.of(finding) for target in self._targets(subject)]
        if not targets:
            return Plan(experiment, None, "which module it is about is not in sight")
        job = {
            "experiment": experiment,
            "rule": finding.rule,
            "project": self._files.project,
            "targets": list(_each_once(targets)),
            "options": options,
            "hints": {"input": self._files.input, "shapes": self._files.shapes},
            "callers": self._called(),
        }
        return Plan(experiment, job)

    def _targets(self, subject: Subject) -> Iterator[Job]:
        """The ways to build a module, the likeliest first."""
        klass = subject.klass
        if isinstance(klass, ClassSymbol) and klass.path in self._files.absolute:
            yield {
                "kind": "class",
                "file": self._files.absolute[klass.path],
                "name": self._program.klass(klass).qualname,
                "sites": [self._site(site) for site in self._built(klass, subject.built)],
            }
        elif subject.built is not None and (site := self._callers.at(subject.built)) is not None:
            yield {"kind": "call", **self._site(site)}
        if subject.code and subject.at is not None and subject.at.path in self._files.absolute:
            yield {
                "kind": "expression",
                "file": self._files.absolute[subject.at.path],
                "function": subject.function,
                "line": subject.at.span.line,
                "code": subject.code,
            }

    def _built(self, klass: ClassSymbol, built: Place | None) -> list[CallSite]:
        """The calls that build a class, the one at hand first, test code last."""
        first = self._callers.at(built) if built is not None else None
        others = [site for site in self._callers.of(klass) if site != first]
        sites = ([first] if first is not None else []) + others
        return [site for site in sites if site.at.path in self._files.absolute][:MOST_SITES]

    def _site(self, site: CallSite) -> Job:
        return {
            "file": self._files.absolute[site.at.path],
            "shown": site.at.path,
            "function": site.function,
            "line": site.at.span.line,
            "column": site.at.span.column,
        }

    def _called(self) -> list[Job]:
        absolute = self._files.absolute
        return [
            {
                "file": absolute[path],
                "of": qualname,
                "places": [
                    [absolute[site.at.path], site.function, site.at.span.line]
                    for site in calls[:MOST_CALLERS]
                    if site.at.path in absolute
                ],
            }
            for (path, qualname), calls in self._callers.of_functions().items()
            if path in absolute
        ]


def _each_once(targets: Sequence[Job]) -> Iterator[Job]:
    seen: list[Job] = []
    for target in targets:
        if target not in seen:
            seen.append(target)
            yield target
