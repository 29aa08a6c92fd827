"""For reading and sending on: one page that holds everything it shows, and asks no network for anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from evallint.facts import Span
from evallint.findings import Evidence, Place, Reported, Run, Trouble
from evallint.pages import Page
from evallint.report.charts import layers, pipelines
from evallint.report.frame import Sources
from evallint.report.legible import legible
from evallint.report.summary import counts, hint, verdict, where

_AROUND: Final = 2
"""Lines of context around a finding; a step of its trace shows its own lines only."""
_MOST: Final = 12
"""Lines of a stretch that are shown."""
_DRAWN: Final = ("layers", "train", "eval", "used", "unused", "first", "again", "as_written", "as_published")
"""Numbers of an experiment that are drawn, and so not listed."""


def render(run: Run, pages: Mapping[str, Page], version: str) -> str:
    """Return the page: findings with their code, traces and evidence, then what was not judged, then the rules."""
    here = Path(__file__)
    code = _Code(run.sources or {})
    body = "\n".join(
        [
            f"<header><h1>evallint</h1><p class=verdict>{_prose(verdict(run))}</p>{_controls(run)}</header>",
            "<main>",
            *(_finding(reported, code) for reported in run.reported),
            *_troubles(run.troubles),
            *_rules(run.reported, pages),
            "</main>",
            f"<footer>evallint {escape(version)}. {_prose(hint(run))}</footer>",
        ]
    )
    return _PAGE.format(
        style=here.with_name("html.css").read_text(encoding="utf-8"),
        script=here.with_name("html.js").read_text(encoding="utf-8"),
        body=body,
    )


_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>evallint</title>
<style>
{style}</style>
</head>
<body>
{body}
<script>
{script}</script>
</body>
</html>
"""


def _controls(run: Run) -> str:
    """Boxes that show and hide severities, and a field that finds words."""
    if not run.reported:
        return ""
    boxes = [
        f'<label><input type=checkbox name="{severity}" checked> <b class="{severity}">{number}</b> {severity}</label>'
        for severity, number in counts(run.reported).items()
        if number
    ]
    return f'<form>{"".join(boxes)}<input type=search aria-label="find" placeholder="rule, file or word"></form>'


# ---- findings ------------------------------------------------------------------------------------


def _finding(reported: Reported, code: _Code) -> str:
    finding, severity = reported.finding, reported.severity
    span = finding.at.span
    at = where(finding.at.path, reported.cell, span.line, span.column)
    parts = [
        f'<article id="f-{reported.fingerprint}" class="finding {severity}" data-severity="{severity}">',
        f'<h2><span class="badge {severity}">{severity}</span> {_prose(finding.says)}</h2>',
        f'<p class=place><code>{escape(at)}</code> <a href="#r-{finding.rule}">{finding.rule}</a>'
        + (f" in <code>{escape(legible(finding.function))}</code>" if finding.function else "")
        + "</p>",
        code.of_finding(reported),
        *_trace(reported, code),
        f"<p class=fix><b>fix</b> {_prose(finding.fix.title)}</p>" if finding.fix else "",
        _evidence(reported.evidence) if reported.evidence else "",
        "</article>",
    ]
    return "\n".join(filter(None, parts))


def _trace(reported: Reported, code: _Code) -> Iterator[str]:
    if not reported.finding.because:
        return
    yield "<details open><summary>why</summary><ol class=trace>"
    for step in reported.finding.because:
        at = where(step.at.path, None, step.at.span.line, step.at.span.column)
        shown = code.of_place(step.at, 0) if step.at != reported.finding.at else ""
        yield f"<li><code>{escape(at)}</code> {_prose(step.message)}{shown}</li>"
    yield "</ol></details>"


class _Code:
    """The code frames of one run."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = Sources(sources)

    def of_finding(self, reported: Reported) -> str:
        lines, first, around = self._sources.around(reported, _AROUND)
        return _frame(lines, first, reported.finding.at.span, around)

    def of_place(self, at: Place, around: int) -> str:
        return _frame(self._sources.lines(at.path), 1, at.span, around)


def _frame(lines: Sequence[str], first: int, span: Span, around: int) -> str:
    """The lines of a span with those around it. `lines[0]` is line number `first`."""
    end = min(max(span.end_line, span.line), span.line + _MOST - 1)
    numbers = range(max(first, span.line - around), min(end + around, first + len(lines) - 1) + 1)
    if span.line not in numbers:
        return ""
    rows = (
        f"<span class=line data-line={number}>{_line(lines[number - first], number, span)}</span>" for number in numbers
    )
    return f"<pre><code>{''.join(rows)}</code></pre>"


def _line(text: str, number: int, span: Span) -> str:
    """A line of code in which what the span covers is marked."""
    text = text.rstrip()
    if not span.line <= number <= max(span.end_line, span.line):
        return _code(text)
    begin = span.column - 1 if number == span.line else len(text) - len(text.lstrip())
    end = span.end_column - 1 if number == span.end_line else len(text)
    begin, end = max(min(begin, len(text)), 0), max(min(end, len(text)), 0)
    if begin >= end:
        return _code(text)
    return f"{_code(text[:begin])}<mark>{_code(text[begin:end])}</mark>{_code(text[end:])}"


# ---- evidence ------------------------------------------------------------------------------------


def _evidence(evidence: Evidence) -> str:
    """What an experiment said: the verdict, charts of what can be drawn, the other numbers, and what was assumed."""
    parts = [
        f'<section class="evidence {evidence.verdict}">',
        f'<h3><span class="badge {evidence.verdict}">{evidence.verdict}</span> {_prose(evidence.summary)}</h3>',
        layers(evidence.numbers),
        pipelines(evidence.numbers),
        _numbers(evidence.numbers),
        _assumed(evidence),
        "</section>",
    ]
    return "\n".join(filter(None, parts))


def _numbers(numbers: Mapping[str, object]) -> str:
    rows = "".join(
        f"<tr><th>{escape(legible(name.replace('_', ' ')))}<td>{_value(value)}"
        for name, value in numbers.items()
        if name not in _DRAWN and value not in ([], {}, "", None)
    )
    return f"<details><summary>numbers</summary><table>{rows}</table></details>" if rows else ""


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{escape(legible(str(name)))} {_value(one)}" for name, one in value.items())
    return escape(legible(str(value)))


def _assumed(evidence: Evidence) -> str:
    items = "".join(f"<li>{_prose(one)}</li>" for one in evidence.assumed)
    seconds = f"experiment `{evidence.experiment}`, {evidence.seconds:.1f} s"
    assumed = f"<details><summary>assumed</summary><ul>{items}</ul></details>" if items else ""
    return f"{assumed}<p class=aside>{_prose(seconds)}</p>"


# ---- the rest ------------------------------------------------------------------------------------


def _troubles(troubles: Iterable[Trouble]) -> Iterator[str]:
    items = [
        f"<li><code>{escape(where(one.path or 'evallint', None, one.line))}</code> {_prose(one.message)}</li>"
        for one in troubles
    ]
    if items:
        yield f"<section id=troubles><h2>Not judged</h2><ul>{''.join(items)}</ul></section>"


def _rules(reported: Iterable[Reported], pages: Mapping[str, Page]) -> Iterator[str]:
    described = [pages[name] for name in sorted({one.finding.rule for one in reported}) if name in pages]
    if not described:
        return
    yield "<section id=rules><h2>Rules</h2>"
    for page in described:
        name = page.name
        prose = "".join(f"<p>{_prose(text)}</p>" for text in page.description.split("\n\n") if text)
        yield f'<details id="r-{name}"><summary><b>{name}</b> {_prose(page.summary)}</summary>{prose}</details>'
    yield "</section>"


def _prose(text: str) -> str:
    """A sentence in which what stands between backticks is code."""
    parts = legible(text.replace("\n", " ")).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return "".join(f"<code>{escape(part)}</code>" if index % 2 else escape(part) for index, part in enumerate(parts))


def _code(text: str) -> str:
    return escape(legible(text))
