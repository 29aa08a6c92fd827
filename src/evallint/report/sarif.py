"""SARIF 2.1.0, as GitHub's code scanning reads it.

Traces are code flows, and also related locations linked from the message, since GitHub shows only linked ones. Regions
are narrowed to one line: an alert is shown in a pull request only if all of its lines are part of the change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from evallint.facts import Span
from evallint.findings import Place, Reported, Run, Severity, Trouble
from evallint.pages import Page
from evallint.report.frame import Sources
from evallint.report.linehash import line_hashes
from evallint.report.summary import evidence_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "recommendation"}
_LONGEST_DESCRIPTION = 1024


def render(run: Run, pages: Mapping[str, Page], version: str) -> str:
    """One log with one run."""
    examples = {reported.finding.rule: reported for reported in run.reported}
    rules = sorted(examples)
    sources = _Code(run)
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "evallint",
                        "version": version,
                        "semanticVersion": version,
                        "rules": [_rule(examples[rule], pages.get(rule)) for rule in rules],
                    }
                },
                "automationDetails": {"id": "evallint/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not run.crashed,
                        "toolExecutionNotifications": [_notification(trouble) for trouble in run.troubles],
                    }
                ],
                "results": [
                    _result(reported, rules.index(reported.finding.rule), sources) for reported in run.reported
                ],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(reported: Reported, page: Page | None) -> dict[str, object]:
    """What a rule's page says of it; a rule without a page (one about suppressions) is described by its name."""
    name = reported.finding.rule
    text = {
        "shortDescription": {"text": page.summary if page else name},
        "fullDescription": {"text": _shortened(page.description or page.summary) if page else name},
        **({"help": {"text": page.help, "markdown": page.help}} if page else {}),
    }
    severity = page.severity if page else reported.severity
    return {
        "id": name,
        "name": name,
        **text,
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {
            "tags": [reported.category, "correctness", "machine-learning"],
            "precision": page.precision if page else reported.precision,
            "problem.severity": _PROBLEMS[severity],
        },
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_DESCRIPTION else text[: _LONGEST_DESCRIPTION - 1] + "…"


def _result(reported: Reported, rule: int, sources: _Code) -> dict[str, object]:
    finding = reported.finding
    primary = {
        "physicalLocation": sources.primary(reported),
        "logicalLocations": [{"fullyQualifiedName": finding.function, "kind": "function"}] if finding.function else [],
    }
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": _LEVELS[reported.severity],
        "message": {"text": _message(reported)},
        "locations": [primary],
        "partialFingerprints": sources.line_hash(reported) | {"evallint/v1": reported.fingerprint},
        "properties": {"evallint": {"confidence": reported.precision, **_probe(reported)}},
    }
    if finding.because:
        steps = [_location(sources.physical(step.at), step.message) for step in finding.because]
        result["relatedLocations"] = [{"id": number, **step} for number, step in enumerate(steps, 1)]
        flow = [*steps, _location(sources.primary(reported), finding.says)]
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": at} for at in flow]}]}]
    return result


def _probe(reported: Reported) -> dict[str, object]:
    """What an experiment said. A verdict alone is a word; what was measured stands beside it."""
    evidence = reported.evidence
    if evidence is None:
        return {"probe": "not-run"}
    return {
        "probe": evidence.verdict,
        "evidence": {
            "experiment": evidence.experiment,
            "summary": evidence.summary,
            "numbers": _without_pictures(evidence.numbers),
            "assumed": list(evidence.assumed),
        },
    }


def _without_pictures(numbers: Mapping[str, object]) -> dict[str, object]:
    """Numbers without what only a page can show: services limit how long a result may be."""
    return {
        name: {key: one for key, one in value.items() if key != "picture"} if isinstance(value, Mapping) else value
        for name, value in numbers.items()
    }


def _message(reported: Reported) -> str:
    """The finding as a sentence that stands alone, then its trace as links to the related locations."""
    finding = reported.finding
    cell = f"Cell {reported.cell}, line {finding.at.span.line}: " if reported.cell else ""
    probe = f". Probe: {evidence_line(reported)}" if reported.evidence is not None else ""
    says = cell + _plain(finding.says + probe)
    links = "; ".join(f"[{_link_text(step.message)}]({number})" for number, step in enumerate(finding.because, 1))
    return f"{says}. Trace: {links}." if links else says


def _link_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _plain(text: str) -> str:
    """Brackets mean themselves unless they would make a link."""
    return text.replace("](", "\\](")


def _location(physical: Mapping[str, object], message: str) -> dict[str, object]:
    return {"physicalLocation": physical, "message": {"text": _plain(message)}}


def _notification(trouble: Trouble) -> dict[str, object]:
    notification: dict[str, object] = {"level": "error", "message": {"text": trouble.message}}
    if trouble.path:
        region = {"region": {"startLine": trouble.line}} if trouble.line else {}
        place = {"artifactLocation": _artifact(trouble.path), **region}
        notification["locations"] = [{"physicalLocation": place}]
    return notification


def _artifact(path: str) -> dict[str, object]:
    if path.startswith("/"):
        return {"uri": "file://" + _encoded(path)}
    if path[1:3] == ":/":
        return {"uri": f"file:///{path[:2]}{_encoded(path[2:])}"}
    return {"uri": _encoded(path), "uriBaseId": "%SRCROOT%"}


def _encoded(path: str) -> str:
    """Percent-encoded; a byte that is no UTF-8 and came in as a surrogate goes out as that byte."""
    return quote(path, errors="surrogateescape")


class _Code:
    """The texts of one run: what a region and a line's hash are made of."""

    def __init__(self, run: Run) -> None:
        texts = run.sources or {}
        self._sources = Sources(texts)
        wanted: dict[str, set[int]] = {}
        for reported in run.reported:
            if reported.cell is None:
                wanted.setdefault(reported.finding.at.path, set()).add(reported.finding.at.span.line)
        self._hashes = {path: line_hashes(texts[path], numbers) for path, numbers in wanted.items() if path in texts}

    def primary(self, reported: Reported) -> dict[str, object]:
        at = reported.finding.at
        return {"artifactLocation": _artifact(at.path), "region": _region(at.span, 0, reported.lines)}

    def physical(self, place: Place) -> dict[str, object]:
        lines = self._sources.lines(place.path)
        return {"artifactLocation": _artifact(place.path), "region": _region(place.span, place.span.line - 1, lines)}

    def line_hash(self, reported: Reported) -> dict[str, str]:
        """What GitHub itself would compute from the file, or nothing: a notebook's file is not its code."""
        at = reported.finding.at
        found = {} if reported.cell else self._hashes.get(at.path, {})
        return {"primaryLocationLineHash": found[at.span.line]} if at.span.line in found else {}


def _region(span: Span, index: int, lines: Sequence[str]) -> dict[str, int]:
    """The span, or where it takes several lines, its part on the first one, which is `lines[index]`."""
    end_line, end_column = span.end_line, span.end_column
    if end_line > span.line and index < len(lines):
        end_line, end_column = span.line, max(len(lines[index].rstrip()) + 1, span.column)
    return {"startLine": span.line, "startColumn": span.column, "endLine": end_line, "endColumn": end_column}
