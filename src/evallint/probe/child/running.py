"""Runs one job: reaches the module, finds an input, does the experiment."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from evallint.probe.child import feeding, reaching, world
from evallint.probe.child.assumed import Assumed
from evallint.probe.child.experiments import data, grad, metric, mode, pipeline, state
from evallint.probe.child.experiments.subject import Subject
from evallint.probe.child.loading import Missing, Project, described
from evallint.probe.child.scope import NoValue, Place, Scopes

MOST_FEEDS: Final = 6
"""Inputs that an experiment is tried with, where its passes fail for those before."""

Experiment = Callable[[Subject, Mapping[str, Any]], dict[str, Any]]

OF_MODULES: Final[Mapping[str, Experiment]] = {"mode": mode.measured, "grad": grad.measured, "state": state.measured}


OF_CODE: Final[Mapping[str, Callable[[Mapping[str, Any], Scopes, Assumed], dict[str, Any]]]] = {
    "data": data.measured,
    "metric": metric.measured,
    "pipeline": pipeline.measured,
}
"""Experiments that need no module."""


def answered(job: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a job: a verdict, numbers or a reason, and what was assumed. It raises nothing."""
    assumed = Assumed()
    try:
        found = _answered(job, assumed)
    except (Missing, data.Unmeasurable) as error:
        found = inconclusive(str(error))
    except ImportError as error:
        found = inconclusive(f"it cannot be imported: {described(error)}")
    except MemoryError:
        found = inconclusive("it needs more memory than it may have")
    except RecursionError:
        found = inconclusive("it calls itself without end")
    except (Exception, SystemExit) as error:
        found = inconclusive(described(error))
    return {**found, "assumed": list(dict.fromkeys([*found.get("assumed", ()), *assumed.all()]))}


def inconclusive(reason: str) -> dict[str, Any]:
    return {"verdict": "inconclusive", "reason": reason}


def _answered(job: Mapping[str, Any], assumed: Assumed) -> dict[str, Any]:
    try:
        import_module("torch")
    except ImportError as error:
        return inconclusive(f"torch cannot be imported by this Python: {described(error)}")
    world.prepare(assumed)
    project = Project(job["project"], assumed, job.get("texts", {}))
    callers = {
        (caller["file"], caller["of"]): [Place(*place) for place in caller["places"]]
        for caller in job.get("callers", ())
    }
    scopes = Scopes(project, assumed, callers)
    if job["experiment"] in OF_CODE:
        project.stubs.is_strict = True
        return OF_CODE[job["experiment"]](job, scopes, assumed)
    job = {**job, "options": _resolved(job["options"], scopes)}
    return _with_module(OF_MODULES[job["experiment"]], job, project, scopes, assumed)


def _resolved(options: Mapping[str, Any], scopes: Scopes) -> Mapping[str, Any]:
    """The options with the settings that a call in the code is given, and the names of those out of sight."""
    call = scopes.call_at(options["call"]) if "call" in options else None
    if call is None:
        return options
    place = Place(options["call"]["file"], options["call"]["function"], options["call"]["line"])
    settings: dict[str, Any] = {}
    unknown = []
    for keyword in call.keywords:
        name = keyword.arg or "**"
        if name == "params":
            continue
        try:
            value = scopes.value(keyword.value, place)
        except (NoValue, Missing):
            unknown.append(name)
            continue
        settings.update(value if name == "**" and isinstance(value, dict) else {name: value})
    return {**options, "settings": settings, "unknown": unknown}


def _with_module(
    experiment: Experiment, job: Mapping[str, Any], project: Project, scopes: Scopes, assumed: Assumed
) -> dict[str, Any]:
    """Does the experiment with the module of each target, until one confirms the finding."""
    reach = reaching.Reach(project, scopes, assumed)
    reasons = reaching.Reasons()
    best: dict[str, Any] | None = None
    started = time.monotonic()
    for target in job["targets"]:
        if best is not None and time.monotonic() - started > job["seconds"] / 3:
            break  # another module would take as long, and the answer at hand would be lost with the time
        mark = assumed.mark()
        found = _with_target(experiment, job, project, reach.modules(target), reasons)
        if found is None:
            continue
        found["assumed"] = list(dict.fromkeys([*found["assumed"], *assumed.all()[mark:]]))
        if found["verdict"] == "confirmed":
            return found
        if best is None or (best["verdict"] == "inconclusive" and found["verdict"] == "refuted"):
            best = found
        assumed.back_to(mark)
    return best or inconclusive(reasons.first() or reach.reasons.first() or "nothing in sight builds the module")


def _with_target(
    experiment: Experiment,
    job: Mapping[str, Any],
    project: Project,
    modules: Iterator[reaching.Reached],
    reasons: reaching.Reasons,
) -> dict[str, Any] | None:
    """Does the experiment with the first module that is reached and can be fed."""
    for reached in itertools.islice(modules, reaching.MOST_TRIALS):
        found = _with_feeds(experiment, job, reached, _feeds(reached.module, job, project), reasons)
        if found is not None:
            return found
    return None


def _with_feeds(
    experiment: Experiment,
    job: Mapping[str, Any],
    reached: reaching.Reached,
    feeds: Iterator[feeding.Feed],
    reasons: reaching.Reasons,
) -> dict[str, Any] | None:
    """Does the experiment with the first input for which all its passes succeed: one may be too small to train on."""
    try:
        for feed in itertools.islice(feeds, MOST_FEEDS):
            try:
                found = experiment(Subject(reached, feed, job["seconds"] / 6), job)
            except (Missing, MemoryError):
                raise
            except Exception as error:
                reasons.add(f"a pass fails: {described(error)}")
                continue
            return {**found, "assumed": [f"the module: {reached.how}", f"the input: {feed}", *_cures(reached.module)]}
    except feeding.NoFeed as error:
        reasons.add(str(error))
    return None


def _feeds(module: Any, job: Mapping[str, Any], project: Project) -> Iterator[feeding.Feed]:
    """The input that the project declares, or those that are found."""
    if job["options"].get("what") in state.WITHOUT_PASSES:
        yield feeding.NO_INPUT
        return
    hints = job.get("hints", {})
    if not hints.get("input"):
        yield from feeding.find(module, hints, job["seconds"] / 6)
        return
    yield feeding.declared(reaching.function_of(project, hints["input"]), hints["input"])


def _cures(module: Any) -> list[str]:
    """What had to be cured of the libraries that a module stands on."""
    uses = any(type(part).__module__.startswith("torchvision") for part in module.modules())
    return [world.CURED] if uses and world.is_cured() else []
