"""Findings probed: each one whose rule names an experiment gets the evidence of one on the real thing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from evallint import cache, pages, read
from evallint.cache import Cache
from evallint.config import Configs, Settings
from evallint.engine.extraction import extracted, in_workers
from evallint.engine.installed import shelf_of, sources_for
from evallint.engine.judging import decoded, little_garbage
from evallint.engine.tree import identified
from evallint.findings import Evidence, Finding, Reported, Run
from evallint.read import Discovery, File, Source

if TYPE_CHECKING:
    from evallint.facts import FileFacts
    from evallint.probe import Files, Plan

NONE: Final = "none"


class Wish(NamedTuple):
    """What the user asks of experiments: the Python they run under ("" the one that has torch), seconds for each."""

    python: str = ""
    seconds: float = 60.0
    told: Callable[[int, int], None] | None = None


def probed(run: Run, paths: Sequence[str], configs: Configs, wish: Wish, cached: bool = True) -> Run:
    """Return the run with the evidence that experiments give. Those refuted become information.

    Raises `probe.NoPython`, and ConfigError as `read.discover` does.
    """
    from evallint import probe

    chosen = [one for one in run.reported if experiment_of(one) != NONE]
    if not chosen:
        return run
    settings = configs.of_run()
    found = read.discover(paths, configs)
    project = project_of(found.files, configs)
    python = probe.interpreter(wish.python, project)
    absolute = {file.shown: file.path for file in found.files}
    files = probe.Files(project, absolute, *settings.probe, texts=_notebooks(found))
    plans = _plans(chosen, found, files, settings, cached)
    jobs = [plan.job for plan in plans if plan.job is not None]
    answers = iter(probe.run(jobs, python, probe.Bounds(seconds=wish.seconds), wish.told))
    evidence = {}
    for one, plan in zip(chosen, plans, strict=True):
        answer = next(answers) if plan.job is not None else {"verdict": "inconclusive", "reason": plan.why_not}
        evidence[one.fingerprint] = probe.evidence(plan.experiment, answer)
    return replace(run, reported=tuple(_with(one, evidence.get(one.fingerprint)) for one in run.reported))


def _notebooks(found: Discovery) -> dict[str, str]:
    """The code of notebooks by their absolute paths."""
    notebooks = ((file, read.load(file)) for file in found.files if file.shown.endswith(".ipynb"))
    return {file.path: source.text for file, source in notebooks if isinstance(source, Source)}


def _with(one: Reported, evidence: Evidence | None) -> Reported:
    if evidence is None:
        return one
    severity = "info" if evidence.verdict == "refuted" else one.severity
    return replace(one, evidence=evidence, severity=severity)


def experiment_of(one: Reported) -> str:
    """The experiment that the page of a finding's rule names."""
    page = pages.load().get(one.finding.rule)
    return page.probe if page is not None else NONE


def project_of(files: Sequence[File], configs: Configs) -> str:
    """The folder of the project that files belong to, which holds them all."""
    first = files[0]
    root = read.project_of(first.path, first.settings) or configs.directory
    return os.path.commonpath([root, *(os.path.dirname(file.path) for file in files)])


def _plans(chosen: Sequence[Reported], found: Discovery, files: Files, settings: Settings, cached: bool) -> list[Plan]:
    """The plan for each finding, from the facts of the program they were found in."""
    from evallint.extract.deep import deep

    shelf, extract = shelf_of(settings), in_workers(settings)
    with Cache(cache.folder_of(settings) if cached else "") as store:
        tree = identified(found, read.load, store)
        facts = decoded(extracted(tree, read.load, extract, store).encoded)
        installed = identified(Discovery(sources_for(facts, shelf), ()), read.load, store)
        facts |= decoded(extracted(installed, read.load, extract, store).encoded)
    wanted = [(one.in_text or one.finding, experiment_of(one)) for one in chosen]
    with little_garbage():
        return deep(lambda: _planned(facts, wanted, files, shelf.apis))


def _planned(
    facts: dict[str, FileFacts], wanted: list[tuple[Finding, str]], files: Files, own_apis: tuple[str, ...]
) -> list[Plan]:
    from evallint import gather, interpret, link, probe

    program = link.link(facts, files.absolute, own_apis)
    runs = interpret.interpret(program)
    return probe.planned(probe.Seen(program, runs, gather.gather(program, runs)), wanted, files)
