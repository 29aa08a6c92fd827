"""Comments that silence findings, and what is wrong with such comments.

    loss = model(x)  # evallint: ignore[eval-missing] -- dropout is wanted here
    # evallint: ignore[eval-missing, no-grad-missing]
    scores = model(x)
    # evallint: file-ignore[grad]

A comment after code acts on the findings that start or end on its line. One alone on its line acts on the whole next
statement (of a compound statement: on its header, with its decorators). Names are rules or categories.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from evallint.facts import Span
from evallint.findings import Finding, Place
from evallint.spelling import did_you_mean

CATEGORY: Final = "lint"
BARE: Final = "suppression-bare"
UNKNOWN: Final = "suppression-unknown-rule"
UNUSED: Final = "suppression-unused"

_COMMENT = re.compile(
    r"#\s*evallint:\s*(?P<word>file-ignore|ignore|noqa|disable|skip)\b"
    r"\s*(?:\[(?P<rules>[^\]]*)\])?(?:\s*--\s*(?P<reason>[^#]*))?"
)


class Suppression(NamedTuple):
    """One comment: the names it lists (none: it silences nothing), the lines it acts on, the reason it gives."""

    span: Span
    rules: tuple[str, ...]
    first: int
    last: int
    reason: str

    def covers(self, span: Span) -> bool:
        """Whether it acts on a finding at a span."""
        return self.first <= span.line <= self.last or span.end_line == self.first == self.last


class Judged(NamedTuple):
    """The findings of one file that no comment silences, how many are silenced, and what is wrong with the comments."""

    kept: tuple[Finding, ...]
    suppressed: int
    hygiene: tuple[Finding, ...]


def suppressions(text: str) -> tuple[Suppression, ...]:
    """The comments of a file that silence findings, or mean to. Text within strings is no comment."""
    if "evallint:" not in text:
        return ()
    layout = _layout(text)
    return tuple(
        _suppression(match, comment, layout)
        for comment in layout.comments
        for match in _COMMENT.finditer(comment.string)
    )


def judge(
    path: str,
    found: Sequence[Finding],
    comments: Sequence[Suppression],
    catalogue: Mapping[str, str],
    was_judged: Callable[[str], bool],
) -> Judged:
    """Applies the comments of a file to all its findings, those that will not be shown too.

    `catalogue` gives the category of every rule. `was_judged` says whether a rule ran with all it needs on this file:
    only then can a comment be called unused. What is wrong with comments can itself be silenced.
    """
    kept: list[Finding] = []
    used: set[tuple[Suppression, str]] = set()
    for finding in found:
        uses = set(_uses(comments, finding, catalogue))
        used |= uses
        if not uses:
            kept.append(finding)
    hygiene = [
        finding
        for comment in comments
        for finding in _wrong_with(comment, path, catalogue, was_judged, used)
        if not any(_uses(comments, finding, catalogue))
    ]
    return Judged(tuple(kept), len(found) - len(kept), tuple(hygiene))


def _uses(
    comments: Sequence[Suppression], finding: Finding, catalogue: Mapping[str, str]
) -> Iterator[tuple[Suppression, str]]:
    """The comments, with the names in them, that silence a finding."""
    for comment in comments:
        for name in comment.rules:
            if name in (finding.rule, catalogue.get(finding.rule)) and comment.covers(finding.at.span):
                yield comment, name


def _wrong_with(
    comment: Suppression,
    path: str,
    catalogue: Mapping[str, str],
    was_judged: Callable[[str], bool],
    used: set[tuple[Suppression, str]],
) -> Iterator[Finding]:
    at = Place(path, comment.span)
    if not comment.rules:
        yield Finding(at, "this comment silences nothing: `# evallint: ignore[rule-name]` would", (), rule=BARE)
    known = {*catalogue, *catalogue.values()}
    for name in comment.rules:
        if name not in known:
            yield Finding(at, f"`{name}` is not a rule{did_you_mean(name, known)}", (), rule=UNKNOWN)
        elif (comment, name) not in used and _could_be_reported(name, catalogue, was_judged):
            yield Finding(at, f"`{name}` is not reported here, so nothing is silenced", (), rule=UNUSED)


def _could_be_reported(name: str, catalogue: Mapping[str, str], was_judged: Callable[[str], bool]) -> bool:
    """Whether every rule that a name stands for was judged; those about comments are not asked for."""
    rules = [rule for rule, category in catalogue.items() if name in (rule, category)]
    return all(catalogue[rule] != CATEGORY and was_judged(rule) for rule in rules)


# ---- where comments and statements stand -----------------------------------------------------------


class _Comment(NamedTuple):
    line: int
    column: int
    string: str
    alone: bool


class _Layout(NamedTuple):
    """The comments of a text, the first and last lines of its logical lines, and its lines that hold code."""

    comments: list[_Comment]
    logical: list[tuple[int, int]]
    code: list[int]


def _suppression(match: re.Match[str], comment: _Comment, layout: _Layout) -> Suppression:
    named = match["rules"] if match["word"] in ("ignore", "file-ignore") else None
    rules = tuple(name.strip() for name in (named or "").split(",") if name.strip())
    first, last = (0, sys.maxsize) if match["word"] == "file-ignore" else _reach(comment, layout)
    column = comment.column + match.start() + 1
    end = column + len(match[0].rstrip())
    return Suppression(
        Span(comment.line, column, comment.line, end), rules, first, last, (match["reason"] or "").strip()
    )


def _reach(comment: _Comment, layout: _Layout) -> tuple[int, int]:
    """The lines that an `ignore` acts on."""
    line = comment.line
    if not comment.alone:
        return line, line
    if any(first < line <= last for first, last in layout.logical):
        below = next((code for code in layout.code if code > line), line)
        return below, below
    return next((reach for reach in layout.logical if reach[0] > line), (line, line))


def _layout(text: str) -> _Layout:
    """Reads a text up to where it stops being Python."""
    import io
    import tokenize

    lines = text.split("\n")
    comments: list[_Comment] = []
    logical: list[tuple[int, int]] = []
    code: list[int] = []
    first = 0
    decorates = decorated = False
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            row, column = token.start
            if token.type == tokenize.COMMENT:
                comments.append(_Comment(row, column, token.string, not lines[row - 1][:column].strip()))
            elif token.type == tokenize.NEWLINE:
                logical.append((logical.pop()[0] if decorated else first, row))
                first = 0
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
                if not first:
                    first = row
                    decorated, decorates = decorates, token.string == "@"
                code += [number for number in range(row, token.end[0] + 1) if not code or number > code[-1]]
    except (tokenize.TokenError, SyntaxError):
        pass
    return _Layout(comments, logical, code)
