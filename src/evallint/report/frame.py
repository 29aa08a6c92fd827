"""A few lines of code with a stretch of them underlined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from evallint.facts import Span
from evallint.findings import Reported
from evallint.report.legible import columns
from evallint.report.paint import Paint, Style

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LIMIT = 140
"""Columns of code that are shown of a line."""
_LEAD = 20
"""Columns before the underlined part, where a line is too long to be shown from its start."""
_MOST = 4
"""Lines of a stretch that are shown."""


def lines_of(text: str) -> list[str]:
    """The lines as Python counts them: a form feed or a line separator ends none."""
    return _NEWLINE.split(text)


class Sources:
    """The source texts of a run by path. Each is split into lines once."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, list[str]] = {}

    def lines(self, path: str) -> Sequence[str]:
        """The lines of a file, none where its text is not there."""
        if path in self._texts and path not in self._lines:
            self._lines[path] = lines_of(self._texts[path])
        return self._lines.get(path, ())

    def around(self, reported: Reported, margin: int) -> tuple[Sequence[str], int, int]:
        """The lines to show a finding in, the number of the first, and how many around it: `margin` or none at hand."""
        whole = self.lines(reported.finding.at.path) if reported.cell is None else ()
        return (whole, 1, margin) if whole else (reported.lines, reported.finding.at.span.line, 0)


def frame(lines: Sequence[str], first: int, span: Span, above: int, style: Style, paint: Paint) -> list[str]:
    """The lines `span` covers, up to `above` lines before them, and carets. `lines[0]` is line number `first`.

    Lines are cut to what a terminal can hold, around the carets. A span outside of `lines` gives nothing.
    """
    last = min(span.end_line, span.line + _MOST - 1, first + len(lines) - 1)
    if not first <= span.line <= last:
        return []
    cells = {
        number: columns(lines[number - first].rstrip()) for number in range(max(first, span.line - above), last + 1)
    }
    left = _left(cells[span.line], span)
    gutter = max(4, len(str(last)))
    bar = paint("frame", f"{'':>{gutter}} |")
    shown = [bar]
    for number, line in cells.items():
        shown.append(f"{paint('frame', f'{number:>{gutter}} |')} {_cut(line, left)}".rstrip())
        if carets := _carets(line, number, span, left):
            shown.append(f"{bar} {carets[0]}{paint(style, carets[1])}")
    if last < span.end_line:
        shown.append(f"{bar} …")
    return shown


def _left(line: list[tuple[str, int]], span: Span) -> int:
    """How many columns are cut off at the left so that the start of the span is shown."""
    *starts, whole = _edges(line)
    start = starts[span.column - 1] if 0 < span.column <= len(starts) else whole
    end = starts[span.end_column - 1] if span.line == span.end_line and span.end_column <= len(starts) else whole
    return 0 if min(end, start + _LIMIT // 2) <= _LIMIT else start - _LEAD


def _edges(line: list[tuple[str, int]]) -> Iterator[int]:
    return accumulate((width for _, width in line), initial=0)


def _cut(line: list[tuple[str, int]], left: int) -> str:
    *starts, whole = _edges(line)
    inside = "".join(
        shown
        for (shown, width), start in zip(line, starts, strict=True)
        if left <= start and start + width <= left + _LIMIT
    )
    return f"{'…' if left else ''}{inside}{'…' if whole > left + _LIMIT else ''}"


def _carets(line: list[tuple[str, int]], number: int, span: Span, left: int) -> tuple[str, str] | None:
    """The blanks and the carets under a line of the span; None under other lines and under blank ones."""
    if not span.line <= number <= span.end_line:
        return None
    indent = next((index for index, (shown, _) in enumerate(line) if not shown.isspace()), len(line))
    begin = span.column - 1 if number == span.line else indent
    end = min(span.end_column - 1, len(line)) if number == span.end_line else len(line)
    if number > span.line and begin >= end:
        return None
    edges = list(_edges(line))
    start = edges[min(begin, len(line))]
    stop = min(max(edges[max(end, 0)], start + 1), left + _LIMIT)
    before = max(start - left, 0) + (1 if left else 0)
    return " " * before, "^" * max(stop - max(start, left), 1)
