"""GitLab's Code Quality report: what a merge request shows beside the changed lines.

GitLab shows one of all entries with the same fingerprint, and takes an entry whose fingerprint changes for a new one:
so they are unique within a report and know nothing of line numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from evallint.facts import Span
from evallint.findings import Reported, Run, Severity, Trouble
from evallint.report.summary import evidence_lines, where

_SEVERITIES: dict[Severity, str] = {"error": "critical", "warning": "major", "info": "info"}


def render(run: Run) -> str:
    """A list with one entry for each finding and each file that was not judged."""
    entries = [*map(_of_finding, run.reported), *map(_of_trouble, run.troubles)]
    return json.dumps(list(_unique(entries)), indent=2) + "\n"


def _of_finding(reported: Reported) -> dict[str, object]:
    finding = reported.finding
    cell = f"cell {reported.cell}, line {finding.at.span.line}: " if reported.cell else ""
    return {
        "description": f"{cell}{finding.says}",
        "check_name": finding.rule,
        "fingerprint": reported.fingerprint,
        "severity": _SEVERITIES[reported.severity],
        "location": {"path": finding.at.path, **_stretch(finding.at.span, reported.cell)},
        "content": {"body": _body(reported)},
    }


def _stretch(span: Span, cell: int | None) -> dict[str, object]:
    """Where a finding stands; lines of a notebook's cell are not those of its file."""
    if cell:
        return {"lines": {"begin": 1}}
    begin = {"line": span.line, "column": span.column}
    return {"positions": {"begin": begin, "end": {"line": span.end_line, "column": span.end_column}}}


def _body(reported: Reported) -> str:
    """The trace and the advice as a list in Markdown."""
    finding = reported.finding
    steps = [
        f"{number}. {where(step.at.path, None, step.at.span.line)}: {step.message}"
        for number, step in enumerate(finding.because, 1)
    ]
    return "\n".join([*evidence_lines(reported), *steps, *([f"\nHelp: {finding.fix.title}"] if finding.fix else [])])


def _of_trouble(trouble: Trouble) -> dict[str, object]:
    return {
        "description": f"not judged: {trouble.message}",
        "check_name": "not-judged",
        "fingerprint": _digest(trouble.path, trouble.message),
        "severity": "blocker",
        "location": {"path": trouble.path or "evallint", "lines": {"begin": trouble.line or 1}},
    }


def _unique(entries: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """The entries with fingerprints made unique: two projects in one repository may have the same file."""
    seen: set[object] = set()
    for entry in entries:
        again = 0
        own = fingerprint = entry["fingerprint"]
        while fingerprint in seen:
            again += 1
            fingerprint = _digest(str(own), str(entry["location"]), str(again))
        seen.add(fingerprint)
        yield {**entry, "fingerprint": fingerprint}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
