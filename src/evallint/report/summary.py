"""The words and numbers that the formats share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from evallint.findings import SEVERITIES, Reported, Run, Severity, Trouble
from evallint.report.legible import legible
from evallint.report.paint import Paint


def headline(reported: Reported, paint: Paint) -> str:
    """`path:line:col: severity[rule] message`, with `path:cell N:line:col` in a notebook."""
    finding, severity = reported.finding, reported.severity
    label = paint(severity, f"{severity}[{finding.rule}]")
    span = finding.at.span
    at = where(finding.at.path, reported.cell, span.line, span.column)
    return f"{paint('path', at)}: {label} {legible(finding.says)}"


def where(path: str, cell: int | None, line: int, column: int = 0) -> str:
    """A place as editors and terminals know it; parts that are 0 or None are left out."""
    parts = [legible(path), f"cell {cell}" if cell else "", str(line or ""), str(column or "")]
    return ":".join(part for part in parts if part)


def trouble_line(trouble: Trouble, paint: Paint) -> str:
    at = where(trouble.path or "evallint", None, trouble.line)
    return f"{paint('path', at)}: {paint('error', 'not judged')}: {legible(trouble.message)}"


def evidence_line(reported: Reported) -> str:
    """What an experiment says of a finding, `confirmed: …`; "" where none was done."""
    evidence = reported.evidence
    return f"{evidence.verdict}: {legible(evidence.summary)}" if evidence is not None else ""


def evidence_lines(reported: Reported) -> list[str]:
    """The same as lines of a longer text, with what was assumed: none where no experiment was done."""
    said = evidence_line(reported)
    return [f"Probe: {said}", *(f"Assumed: {text}" for text in assumptions(reported))] if said else []


def assumptions(reported: Reported) -> list[str]:
    """What the experiment took for granted, a line each."""
    return [legible(one) for one in reported.evidence.assumed] if reported.evidence is not None else []


def counts(reported: Iterable[Reported]) -> dict[Severity, int]:
    """How many findings of each severity, the worst first."""
    counter = Counter(one.severity for one in reported)
    return {severity: counter[severity] for severity in reversed(SEVERITIES)}


def verdict(run: Run) -> str:
    """One sentence on the whole run."""
    found = [_number(n, _NOUNS[severity]) for severity, n in counts(run.reported).items() if n]
    sentence = f"Found {_enumeration(found)} in {_number(run.files, 'file')}" if found else _silence(run)
    aside = [f"{run.fixed} fixed"] if run.fixed else []
    if run.suppressed:
        aside.append(f"{run.suppressed} suppressed")
    if run.known:
        aside.append(f"{run.known} known before")
    if run.hidden_info:
        aside.append(f"{run.hidden_info} more with --show-info")
    if run.troubles:
        aside.append(f"{_number(len(run.troubles), 'problem')} kept code from being judged")
    return f"{sentence} ({', '.join(aside)})." if aside else f"{sentence}."


def hint(run: Run) -> str:
    """How many findings could be fixed, and by which options; "" where that is none, or where they just were."""
    if run.fixed is not None:
        return ""
    safe, unsafe = (sum(one.fix_applicability == kind for one in run.reported) for kind in ("safe", "unsafe"))
    more = f"{unsafe} more" if safe else f"{unsafe}"
    words = [f"{safe} with --fix"] if safe else []
    words += [f"{more} with --fix --unsafe-fixes"] if unsafe else []
    return f"Can be fixed: {', '.join(words)}." if words else ""


_NOUNS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "info"}


def _silence(run: Run) -> str:
    return f"Found nothing in {_number(run.files, 'file')}"


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _enumeration(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
