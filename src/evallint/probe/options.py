"""What exactly an experiment looks at, by the rule and by what was gathered of the finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from evallint import facts as f
from evallint.findings import Finding, Place
from evallint.gather.code.sites import sites
from evallint.probe.pipelines import constants
from evallint.program import External, Program
from evallint.project import Project
from evallint.walk import within

Options = dict[str, Any]

FIXED: Final[Mapping[str, Mapping[str, object]]] = {
    "functional-dropout-always-on": {"what": "deaf"},
    "layer-built-in-forward": {"what": "deaf"},
    "keras-training-flag": {"what": "flag"},
    "frozen-batchnorm-updates": {"what": "statistics"},
    "eval-dtype-differs": {"what": "precision"},
    "loss-keeps-graph": {"what": "loss"},
    "no-grad-around-training": {"what": "lost"},
    "layer-in-plain-list": {"what": "plain container"},
    "parameters-only-checkpoint": {"what": "parameters"},
    "best-state-by-reference": {"what": "reference"},
    "whole-model-pickle": {"what": "pickle"},
    "eval-pipeline-unused": {"what": "same"},
    "random-eval-augmentation": {"what": "repeats"},
    "split-shares-augmentation": {"what": "repeats"},
    "transform-order": {"what": "runs"},
}
"""By the rule alone; a rule that is not here gets what its experiment looks at in general."""

BEYOND: Final[Mapping[str, str]] = {
    "missing-keys-hidden": "which keys are missing depends on the checkpoint, which is not in the code",
}
"""Rules whose findings no experiment without the project's files can decide, and why."""


def options(program: Program, project: Project, finding: Finding) -> Options:
    """What the experiment for a finding looks at."""
    special = SPECIAL.get(finding.rule)
    return {**FIXED.get(finding.rule, {}), **(special(program, project, finding) if special is not None else {})}


def _plain_tensor(program: Program, project: Project, finding: Finding) -> Options:
    found = next((one for one in project.plain_tensors if one.at == finding.at), None)
    return {"what": "plain tensor", "name": found.name, "harm": found.harm} if found is not None else {}


def _prefix(program: Program, project: Project, finding: Finding) -> Options:
    found = next((one for one in project.prefixed if one.at == finding.at), None)
    return {"what": "prefix", "prefix": found.prefix if found is not None else "module"}


def _replaced(program: Program, project: Project, finding: Finding) -> Options:
    """The name of the layer, as the assignment at the finding's place gives it."""
    facts = program.files[finding.at.path]
    for block in facts.bodies:
        for statement in within(block):
            if isinstance(statement, f.Assign) and statement.span.line == finding.at.span.line:
                name = ".".join(_names(statement.targets[0])[1:])
                return {"what": "replaced", "name": name}
    return {"what": "replaced", "name": ""}


def _resume(program: Program, project: Project, finding: Finding) -> Options:
    """The optimizer that the file, or else the program, makes, and the call that makes it."""
    paths = [finding.at.path, *(path for path in program.linted if path != finding.at.path)]
    found = next((one for path in paths for one in _optimizers(program, path)), None)
    name, at = found if found is not None else ("Adam", None)
    role = next((one.role for one in project.lost_progress if one.at == finding.at), "optimizer")
    return {"what": "resume", "role": role, "optimizer": name, "made_at": at}


def _optimizers(program: Program, path: str) -> list[tuple[str, Place]]:
    found = []
    for block in program.files[path].bodies:
        for site in sites(block):
            symbol = program.resolve(path, site.call.function)
            if isinstance(symbol, External) and re.fullmatch(r"torch\.optim\.(?!lr_scheduler)\w+", symbol.name):
                found.append((symbol.name.rpartition(".")[2], Place(path, site.call.span)))
    return found


def _precision(program: Program, project: Project, finding: Finding) -> Options:
    words = " ".join(step.message for step in finding.because) + finding.says
    return {"dtype": "bfloat16" if "bfloat16" in words else "float64" if "double" in words else "float16"}


def _averaging(program: Program, project: Project, finding: Finding) -> Options:
    found = next((one for one in project.averaged if one.at == finding.at), None)
    return {"how": found.how if found is not None else "batches"}


def _dropping(program: Program, project: Project, finding: Finding) -> Options:
    dropping = (one for one in project.loaders if one.use == "eval" and one.drops)
    found = next((one for one in dropping if finding.at in (one.at, *(one.drops_by or ()))), None)
    return {"how": "drops", "batch_size": found.batch_size if found is not None else None}


def _constants(program: Program, project: Project, finding: Finding) -> Options:
    return constants(project, finding)


SPECIAL: Final[Mapping[str, Callable[[Program, Project, Finding], Options]]] = {
    "hard-coded-normalization": _constants,
    "tensor-not-registered": _plain_tensor,
    "wrapper-prefix": _prefix,
    "layer-replaced-after-load": _replaced,
    "incomplete-resume": _resume,
    "eval-dtype-differs": _precision,
    "mean-of-batch-means": _averaging,
    "eval-loader-drops-samples": _dropping,
}


def _names(target: f.Expr) -> list[str]:
    """The parts of a dotted name: `model.fc` as `model`, `fc`."""
    if isinstance(target, f.Attribute):
        return [*_names(target.value), target.name]
    return [target.id] if isinstance(target, f.Name) else [""]
