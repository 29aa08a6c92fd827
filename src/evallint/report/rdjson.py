"""reviewdog's diagnostic format, which it turns into comments of a review.

Its columns count the bytes of UTF-8, and its ends are exclusive.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from evallint.facts import Span
from evallint.findings import Place, Reported, Run, Severity, Trouble
from evallint.report.frame import Sources
from evallint.report.summary import evidence_lines

_SEVERITIES: dict[Severity, str] = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def render(run: Run) -> str:
    """One object with all diagnostics: findings, then the files that were not judged."""
    sources = Sources(run.sources or {})
    whole = {
        "source": {"name": "evallint"},
        "severity": "WARNING",
        "diagnostics": [
            *(_of_finding(reported, sources) for reported in run.reported),
            *map(_of_trouble, run.troubles),
        ],
    }
    return json.dumps(whole, indent=2) + "\n"


def _of_finding(reported: Reported, sources: Sources) -> dict[str, object]:
    finding = reported.finding
    cell = f"cell {reported.cell}, line {finding.at.span.line}: " if reported.cell else ""
    help_ = [f"Help: {finding.fix.title}"] if finding.fix else []
    related = [
        {"message": step.message, "location": _location(step.at, sources.lines(step.at.path), 1)}
        for step in finding.because
    ]
    return {
        "message": "\n".join([f"{cell}{finding.says}", *evidence_lines(reported), *help_]),
        "location": _location(finding.at, reported.lines, finding.at.span.line),
        "severity": _SEVERITIES[reported.severity],
        "code": {"value": finding.rule},
        **({"related_locations": related} if related else {}),
    }


def _of_trouble(trouble: Trouble) -> dict[str, object]:
    place = {"range": {"start": {"line": trouble.line}}} if trouble.line else {}
    return {
        "message": f"not judged: {trouble.message}",
        "location": {"path": trouble.path or "evallint", **place},
        "severity": "ERROR",
        "code": {"value": "not-judged"},
    }


def _location(at: Place, lines: Sequence[str], first: int) -> dict[str, object]:
    """A place as a path and a range; `lines[0]` is line number `first` of the file.

    Lines of a notebook's cell are not those of its file, so there the path is all.
    """
    if at.path.endswith(".ipynb"):
        return {"path": at.path}
    return {"path": at.path, "range": _range(at.span, lines, first)}


def _range(span: Span, lines: Sequence[str], first: int) -> dict[str, object]:
    ends = ((span.line, span.column), (span.end_line, span.end_column))
    if any(not 0 <= line - first < len(lines) for line, _ in ends):
        return {"start": {"line": span.line}, "end": {"line": span.end_line}}
    start, end = ({"line": line, "column": _byte_column(lines[line - first], column)} for line, column in ends)
    return {"start": start, "end": end}


def _byte_column(line: str, column: int) -> int:
    return len(line[: column - 1].encode("utf-8", "surrogatepass")) + 1
