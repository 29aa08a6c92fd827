"""Comments that silence findings: where they can stand in a text.

A comment goes to the end of a finding's first line, or of its last where a string or a backslash ends the first. Where
neither will do it goes on a line of its own above, inside the statement where that is possible.
"""

from __future__ import annotations

import io
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from evallint.facts import Span
from evallint.fix.edits import Edit, Lines, Unfixable, applied

_NO_CODE: Final = frozenset({tokenize.COMMENT, tokenize.NL})
_NO_START: Final = frozenset({*_NO_CODE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
_STRING_START: Final = getattr(tokenize, "FSTRING_START", -1)
_STRING_END: Final = getattr(tokenize, "FSTRING_END", -1)


class Silence(NamedTuple):
    """A rule that is not to be reported at a stretch of a text."""

    rule: str
    span: Span


class Comment(NamedTuple):
    """The edit that puts a comment in, and the numbers of those that it silences."""

    edit: Edit
    silences: tuple[int, ...]


class _Spot(NamedTuple):
    line: int
    above: bool


def is_reason(text: str) -> bool:
    """Whether a text can stand as the reason in a comment."""
    return bool(text.strip()) and text.isprintable() and "#" not in text


def ignoring(text: str, silences: Sequence[Silence], reason: str) -> list[Comment]:
    """Return the comments that silence all of these, one a line.

    Unfixable: the text is not Python throughout, or would say something else.
    """
    layout = _Layout(text)
    at: dict[_Spot, list[int]] = defaultdict(list)
    for number, silence in enumerate(silences):
        at[layout.spot(silence.span)].append(number)
    comments = [
        Comment(layout.edit(spot, _comment({silences[number].rule for number in some}, reason)), tuple(some))
        for spot, some in at.items()
    ]
    if _code(text) != _code(applied(text, (comment.edit for comment in comments))):
        raise Unfixable("a comment would change what the code says")
    return comments


def _comment(rules: Iterable[str], reason: str) -> str:
    return f"# evallint: ignore[{', '.join(sorted(rules))}] -- {reason.strip()}"


class _Layout:
    """Which lines of a text end outside of strings and backslashes, and where its statements begin."""

    def __init__(self, text: str) -> None:
        self._lines = Lines(text)
        self._ends: set[int] = set()
        self._starts: list[int] = []
        depth = 0
        begins = True
        for token in _tokens(text):
            depth += (token.type == _STRING_START) - (token.type == _STRING_END)
            if token.type in (tokenize.NEWLINE, tokenize.NL) and not depth:
                self._ends.add(token.start[0])
            if begins and token.type not in _NO_START:
                self._starts.append(token.start[0])
            begins = token.type == tokenize.NEWLINE or (begins and token.type in _NO_START)

    def spot(self, span: Span) -> _Spot:
        """Return where a comment goes that acts on what starts and ends here."""
        first, last = span.line, max(span.line, span.end_line)
        for line in (first, last):
            if line in self._ends:
                return _Spot(line, above=False)
        if first - 1 in self._ends:
            return _Spot(first, above=True)
        return _Spot(max((start for start in self._starts if start <= first), default=1), above=True)

    def edit(self, spot: _Spot, comment: str) -> Edit:
        if not spot.above:
            end = self._lines.end(spot.line)
            return Edit(end, end, f"  {comment}")
        code = self._lines.of(spot.line)
        indent = code[: len(code) - len(code.lstrip(" \t\f"))].lstrip("\f")
        start = self._lines.offset(spot.line, 0)
        return Edit(start, start, f"{indent}{comment}\n")


def _code(text: str) -> list[tuple[int, str]]:
    return [(token.type, token.string) for token in _tokens(text) if token.type not in _NO_CODE]


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        raise Unfixable("it is not Python throughout") from None
