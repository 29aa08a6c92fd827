"""Plans the experiment for a finding: what is built, from where in the code, and what is measured on it.

Nothing of the project is imported here; a plan is what the child needs to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

from evallint.findings import Finding, Place
from evallint.gather.code.sites import function_at
from evallint.interpret.events import Events
from evallint.probe.callers import Callers, CallSite
from evallint.probe.options import BEYOND, options
from evallint.probe.pipelines import Definitions
from evallint.probe.subjects import Subject, Subjects
from evallint.program import ClassSymbol, Program
from evallint.project import Project

MOST_SITES: Final = 6
MOST_CALLERS: Final = 3

SHARED: Final = frozenset({"torchvision"})
"""Libraries that take long to import."""

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

    `model`, `input` and `shapes` are what the project declares; `texts` is the code of notebooks, by absolute path.
    """

    project: str
    absolute: Mapping[str, str]
    model: str = ""
    input: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


class Seen(NamedTuple):
    """What the stages before saw: the program, its runs, and what was gathered of them."""

    program: Program
    runs: Sequence[Events]
    project: Project


def planned(seen: Seen, findings: Sequence[tuple[Finding, str]], files: Files) -> list[Plan]:
    """The plan for each finding, which comes with the name of the experiment that its rule's page gives."""
    planner = Planner(seen, files)
    return [planner.plan(finding, experiment) for finding, experiment in findings]


class Planner:
    """Plans experiments for the findings of one program."""

    def __init__(self, seen: Seen, files: Files) -> None:
        self._program = seen.program
        self._project = seen.project
        self._files = files
        self._subjects = Subjects(seen.program, seen.runs)
        self._callers = Callers(seen.program)
        self._definitions = Definitions(seen.program, seen.project, self._callers)

    def plan(self, finding: Finding, experiment: str) -> Plan:
        if finding.rule in BEYOND:
            return Plan(experiment, None, BEYOND[finding.rule])
        if experiment == "metric":
            loaders = sorted(self._loaders(finding), key=lambda target: str(target["kind"]) == "call")
            return self._job(finding, experiment, loaders)
        if experiment == "pipeline":
            return self._job(finding, experiment, list(self._pipelines(finding)))
        declared: list[Job] = [{"kind": "declared", "ref": self._files.model}] if self._files.model else []
        targets = declared + [target for subject in self._about(finding) for target in self._targets(subject)]
        return self._job(finding, experiment, targets)

    def _about(self, finding: Finding) -> list[Subject]:
        """The modules that a finding is about, the likeliest first."""
        flags = (one for one in self._project.training_flags if one.at == finding.at)
        flagged = [Subject(None, None, one.model, one.at, one.function) for one in flags]
        return flagged or self._subjects.of(finding)

    def _job(self, finding: Finding, experiment: str, targets: Sequence[Job]) -> Plan:
        if not targets:
            return Plan(experiment, None, "what it is about is not in sight")
        job = {
            "experiment": experiment,
            "rule": finding.rule,
            "project": self._files.project,
            "targets": list(_each_once(targets)),
            "options": self._options(finding),
            "hints": {"input": self._files.input, "shapes": self._files.shapes},
            "callers": self._called,
            "texts": dict(self._files.texts),
            "libraries": self._libraries,
        }
        return Plan(experiment, job)

    def _options(self, finding: Finding) -> Job:
        found = options(self._program, self._project, finding)
        made_at = found.pop("made_at", None)
        site = self._callers.at(made_at) if made_at is not None else None
        return {**found, "call": self._site(site)} if site is not None else found

    def _loaders(self, finding: Finding) -> Iterator[Job]:
        """The places where the loaders of a finding may be had: loops over them, and the calls that make them.

        A loop goes over one loader; a call may make several, of which it is not known which one is meant.
        """
        places = [finding.at, *(step.at for step in finding.because)]
        for place in places:
            if place.path not in self._files.absolute:
                continue
            site = self._callers.at(place)
            if site is not None:
                yield {"kind": "call", **self._site(site)}
            else:
                yield {
                    "kind": "loop",
                    "file": self._files.absolute[place.path],
                    "function": function_at(self._program, place),
                    "line": place.span.line,
                }

    def _pipelines(self, finding: Finding) -> Iterator[Job]:
        if finding.rule == "hard-coded-normalization":
            yield {"kind": "none", "role": "eval"}
        for found in self._definitions.of(finding):
            if found.site is not None and found.site.at.path in self._files.absolute:
                yield {"kind": "call", "role": found.role, **self._site(found.site)}
            elif found.at is not None and found.at.path in self._files.absolute:
                yield {
                    "kind": "expression",
                    "role": found.role,
                    "file": self._files.absolute[found.at.path],
                    "function": found.function,
                    "line": found.at.span.line,
                    "code": found.code,
                }

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
            "end_line": site.at.span.end_line,
            "end_column": site.at.span.end_column,
        }

    @cached_property
    def _libraries(self) -> list[str]:
        """Those that the child had better import once, before all jobs: the same for every job."""
        heads = {one.module.partition(".")[0] for file in self._program.files.values() for one in file.imports}
        return sorted(heads & SHARED)

    @cached_property
    def _called(self) -> list[Job]:
        """Where the program's functions are called: the same for every job."""
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
            for (path, qualname), calls in self._callers.of_functions.items()
            if path in absolute
        ]


def _each_once(targets: Sequence[Job]) -> Iterator[Job]:
    seen: list[Job] = []
    for target in targets:
        if target not in seen:
            seen.append(target)
            yield target
