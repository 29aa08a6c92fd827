"""Workflow commands, which GitHub shows as annotations of a pull request.

The runner shows ten annotations of a kind for a step, cuts messages at 4096 characters, and drops columns where the
lines differ; what is over its limits vanishes without a word. So the worst come first, and what has no place as an
annotation is still in the log, with a notice that says so.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from evallint.findings import Reported, Run, Severity, Trouble
from evallint.report.legible import legible
from evallint.report.paint import plain
from evallint.report.summary import evidence_line, evidence_lines, headline, trouble_line, verdict, where

_Kind: TypeAlias = Literal["error", "warning", "notice"]

_SHOWN_OF_A_KIND = 10
_LONGEST = 4096
_LONGEST_SUMMARY = 1_000_000
"""Bytes; GitHub drops a summary of more than 1 MiB as a whole."""

_KINDS: dict[Severity, _Kind] = {"error": "error", "warning": "warning", "info": "notice"}


def render(run: Run) -> str:
    """Annotations within the limits, then the rest as lines of the log, then a sentence."""
    commands: dict[_Kind, list[tuple[str, str]]] = {"error": [], "warning": [], "notice": []}
    for reported in run.reported:
        kind = _KINDS[reported.severity]
        commands[kind].append((_annotation(reported, kind), headline(reported, plain)))
    commands["error"] += [(_not_judged(trouble), trouble_line(trouble, plain)) for trouble in run.troubles]

    crowded = any(len(entries) > _SHOWN_OF_A_KIND for entries in commands.values())
    shown: list[str] = []
    rest: list[str] = []
    for kind, entries in commands.items():
        most = _SHOWN_OF_A_KIND - (1 if crowded and kind == "notice" else 0)
        shown += [command for command, _ in entries[:most]]
        rest += [line for _, line in entries[most:]]
    if rest:
        shown.append(_command("notice", {"title": "evallint"}, f"{len(rest)} more are in the log. {verdict(run)}"))
    return "\n".join([*shown, *map(_log_line, rest), verdict(run)]) + "\n"


def step_summary(run: Run) -> str:
    """Markdown for the summary of a job: every finding, as far as the summary takes them."""
    entries = [_entry(reported) for reported in run.reported]
    entries += [
        f"- **not judged** `{where(each.path, None, each.line)}`: {legible(each.message)}\n" for each in run.troubles
    ]
    text = [f"### evallint\n\n{verdict(run)}\n\n"]
    room = _LONGEST_SUMMARY
    for number, entry in enumerate(entries):
        room -= len(entry.encode("utf-8", "surrogateescape"))
        if room < 0:
            text.append(f"- {len(entries) - number} more are in the log\n")
            break
        text.append(entry)
    return "".join(text)


def _entry(reported: Reported) -> str:
    finding = reported.finding
    at = where(finding.at.path, reported.cell, finding.at.span.line, finding.at.span.column)
    said = evidence_line(reported)
    return f"- **{reported.severity}** `{at}` {finding.rule}: {legible(finding.says)}{f' ({said})' if said else ''}\n"


def _annotation(reported: Reported, kind: _Kind) -> str:
    finding = reported.finding
    span = finding.at.span
    place: dict[str, object] = {"title": f"evallint ({finding.rule})", "file": finding.at.path}
    message = finding.says
    if reported.cell is None:
        place |= {"line": span.line, "endLine": span.end_line}
        if span.line == span.end_line:
            place |= {"col": span.column, "endColumn": span.end_column}
    else:
        message = f"cell {reported.cell}, line {span.line}: {message}"
    steps = [
        f"{number}. {where(step.at.path, None, step.at.span.line)}: {step.message}"
        for number, step in enumerate(finding.because, 1)
    ]
    advice = [f"Help: {finding.fix.title}"] if finding.fix else []
    return _command(kind, place, "\n".join([message, *evidence_lines(reported), *steps, *advice]))


def _not_judged(trouble: Trouble) -> str:
    place: dict[str, object] = {"file": trouble.path, "line": trouble.line}
    known = {key: value for key, value in place.items() if value}
    return _command("error", {"title": "evallint (not judged)", **known}, trouble.message)


def _command(kind: _Kind, properties: dict[str, object], message: str) -> str:
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    short = message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"
    return f"::{kind} {listed}::{_data(short)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.encode("utf-8", "replace").decode()


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _log_line(line: str) -> str:
    """Not at the line's start, and never `##[`: the runner would read either as a command."""
    return "- " + line.replace("##[", "## [")
