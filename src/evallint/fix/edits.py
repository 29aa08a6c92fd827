"""Splices: stretches of a text and what stands there instead, from decoded lines down to the bytes of the file."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from evallint import read
from evallint.findings import Trouble
from evallint.read import Source

NEWLINE: Final = re.compile(r"\r\n|\r|\n")


class Unfixable(Exception):
    """Why a fix is left alone; its text is a sentence without a full stop."""


class Edit(NamedTuple):
    """The characters from `start` to `end` of a text become `new`, whose newlines are `\\n`."""

    start: int
    end: int
    new: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text after edits that do not overlap."""
    parts = []
    done = 0
    for edit in sorted(edits):
        parts += [text[done : edit.start], edit.new]
        done = edit.end
    return "".join([*parts, text[done:]])


class Lines:
    """The lines of a text by number, and what becomes of their numbers."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(found.end() for found in NEWLINE.finditer(text))]
        self.text = text

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place: lines count from 1, columns from 0."""
        return self.starts[line - 1] + column

    def line(self, offset: int) -> int:
        """Return the number of the line that an offset is in."""
        return bisect.bisect_right(self.starts, offset)

    def end(self, line: int) -> int:
        """Return the offset at which a line ends, before its newline."""
        if line == len(self.starts):
            return len(self.text)
        return self.starts[line] - (2 if self.text.endswith("\r\n", 0, self.starts[line]) else 1)

    def of(self, line: int) -> str:
        return self.text[self.starts[line - 1] : self.end(line)]

    def moved(self, edits: Iterable[Edit], line: int, column: int) -> tuple[int, int]:
        """Return where a place is after edits; one within a stretch that is replaced goes to its start."""
        offset = self.offset(line, column)
        before = [edit for edit in edits if edit.start <= offset]
        if before and before[-1].end > offset:
            offset = before.pop().start
        text = applied(self.text[:offset], before)
        return text.count("\n") + 1, len(text) - text.rfind("\n") - 1


def spliced(data: bytes, source: Source, edits: Sequence[Edit]) -> bytes:
    """Return the bytes of a file after edits of the text that it was read as: all others are as they were.

    Unfixable: its encoding has no such letters, or what is written could not be read again.
    """
    spelling = read.spelled(data)
    lines, raw = Lines(source.text), Lines(spelling.text)
    mark = len(read.BOM) if spelling.marked else 0
    parts, done = [], 0
    try:
        for edit in sorted(_as_spelled(edit, lines, raw) for edit in edits):
            start, end = (mark + len(raw.text[:at].encode(spelling.encoding)) for at in edit[:2])
            parts += [data[done:start], edit.new.encode(spelling.encoding)]
            done = end
    except UnicodeEncodeError as error:
        raise Unfixable(f"{error.object[error.start]!r} can't be written in {spelling.encoding}") from None
    new = b"".join([*parts, data[done:]])
    again = read.decode(new, source.path)
    if isinstance(again, Trouble) or again.text != applied(source.text, edits):
        raise Unfixable(f"in {spelling.encoding} its text would not be read as it is written")
    return new


def _as_spelled(edit: Edit, lines: Lines, raw: Lines) -> Edit:
    """Return the edit for the text as the file has it, with the newlines that it has there."""
    start, end = (_moved(offset, lines, raw) for offset in (edit.start, edit.end))
    return Edit(start, end, edit.new.replace("\n", _newline(raw, raw.line(start))))


def _moved(offset: int, lines: Lines, raw: Lines) -> int:
    line = lines.line(offset)
    return raw.starts[line - 1] + offset - lines.starts[line - 1]


def _newline(raw: Lines, line: int) -> str:
    """Return what ends a line, or the one before where it is the last, or the first of all."""
    for number in (line, line - 1):
        if 1 <= number < len(raw.starts):
            found = re.search(r"(?:\r\n|\r|\n)\Z", raw.text[raw.starts[number - 1] : raw.starts[number]])
            if found:
                return found[0]
    return "\n"
