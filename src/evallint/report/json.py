"""For programs: one object that holds the whole run.

Lines and columns are 1-based, columns count characters, ends are exclusive. Whatever is added later is a new key;
`schema_version` rises when a key goes or changes its meaning.
"""

from __future__ import annotations

import json
import re

from evallint.findings import (
    Decorate,
    Evidence,
    Fix,
    Place,
    Remove,
    Reported,
    Run,
    SetArgument,
    Step,
    Swap,
    Together,
    Trouble,
    Wrap,
    WrapRest,
)
from evallint.report.summary import counts

SCHEMA_VERSION = 1

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def render(run: Run) -> str:
    """The object, indented, in ASCII: what a path or message holds that is not Unicode survives as an escape."""
    whole = {
        "schema_version": SCHEMA_VERSION,
        "findings": [_finding(reported) for reported in run.reported],
        "errors": [_trouble(trouble) for trouble in run.troubles],
        "summary": {
            "files": run.files,
            "findings": counts(run.reported),
            "suppressed": run.suppressed,
            "known": run.known,
            "hidden_info": run.hidden_info,
            "fixed": run.fixed or 0,
            "crashed": run.crashed,
        },
    }
    return json.dumps(whole, indent=2) + "\n"


def _finding(reported: Reported) -> dict[str, object]:
    finding = reported.finding
    cell = {} if reported.cell is None else {"cell": reported.cell}
    return {
        "rule": finding.rule,
        "category": reported.category,
        "severity": reported.severity,
        "precision": reported.precision,
        **_place(finding.at),
        **cell,
        "function": finding.function,
        "message": finding.says,
        "trace": [_step(step) for step in finding.because],
        "fix": finding.fix and _fix(finding.fix, reported),
        "evidence": reported.evidence and _evidence(reported.evidence),
        "fingerprint": reported.fingerprint,
    }


def _place(place: Place) -> dict[str, object]:
    span = place.span
    return {
        "path": place.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _step(step: Step) -> dict[str, object]:
    span = step.at.span
    return {"path": step.at.path, "line": span.line, "column": span.column, "message": step.message}


def _fix(fix: Fix, reported: Reported) -> dict[str, object]:
    """`action` is what is done at the place: insert-before, insert-after, wrap, wrap-rest, decorate, set-argument,
    replace, replace-kept, remove, swap or together."""
    return {
        "title": fix.title,
        "applicability": reported.fix_applicability,
        "action": _CAPITAL.sub("-", type(fix).__name__).lower(),
        **_code(fix),
        **_place(fix.at),
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "experiment": evidence.experiment,
        "verdict": evidence.verdict,
        "summary": evidence.summary,
        "numbers": dict(evidence.numbers),
        "assumed": list(evidence.assumed),
        "seconds": evidence.seconds,
    }


def _code(fix: Fix) -> dict[str, object]:
    match fix:
        case SetArgument():
            return {"keyword": fix.keyword, "code": fix.value}
        case Wrap() | WrapRest():
            return {"code": fix.context}
        case Decorate():
            return {"code": fix.decorator}
        case Remove() | Swap():
            return {}
        case Together():
            return {"parts": [{"code": part.code, **_place(part.at)} for part in fix.parts]}
        case _:
            return {"code": fix.code}


def _trouble(trouble: Trouble) -> dict[str, object]:
    return {"path": trouble.path, "line": trouble.line, "message": trouble.message}
