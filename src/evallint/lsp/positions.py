"""Where things stand in a text: characters, as the linter counts them, and code units, as clients do.

Lines are the same on both sides: nothing but a line feed, a carriage return or both together ends one. In between a
client may count the bytes of UTF-8, the pairs of UTF-16 or characters.
"""

from __future__ import annotations

import bisect
import re
from typing import Final

from lsprotocol.types import Position, PositionEncodingKind, Range

from evallint.facts import Span

NEWLINE: Final = re.compile(r"\r\n|\r|\n")
MARK: Final = "\ufeff"
"""The byte order mark, which some clients show as the first letter of a text and Python does not count."""


class Lines:
    """The lines of a text, as a client counts in them."""

    def __init__(self, text: str, encoding: PositionEncodingKind | str) -> None:
        self.text = text
        self._encoding = encoding
        self._starts = [0, *(found.end() for found in NEWLINE.finditer(text))]

    def range(self, span: Span) -> Range:
        """Return the range of what the linter says stands at a span."""
        return Range(self._position(span.line, span.column), self._position(span.end_line, span.end_column))

    def range_of(self, start: int, end: int) -> Range:
        """Return the range between two offsets into the text."""
        return Range(self.position(start), self.position(end))

    def position(self, offset: int) -> Position:
        line = bisect.bisect_right(self._starts, offset) - 1
        return Position(line, self._units(self.text[self._starts[line] : offset]))

    def offset(self, position: Position) -> int:
        """Return the offset of a place; the end of the line, or of the text, for one beyond it."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self._end(position.line)
        line = self.text[start:end]
        if line.isascii():
            return start + min(position.character, end - start)
        units = 0
        for index, letter in enumerate(line):
            if units >= position.character:
                return start + index
            units += self._units(letter)
        return end

    def line(self, number: int) -> Range:
        """Return the range of a whole line, counted from 1; of the first or the last where there is no such line."""
        number = min(max(number, 1), len(self._starts))
        start, end = self._starts[number - 1], self._end(number - 1)
        indent = len(self.text[start:end]) - len(self.text[start:end].lstrip())
        return self.range_of(start + indent if start + indent < end else start, end)

    def _position(self, line: int, column: int) -> Position:
        """Return the position of a place: lines and columns, of characters, count from 1."""
        line = min(max(line, 1), len(self._starts))
        start, end = self._starts[line - 1], self._end(line - 1)
        shift = line == 1 and self.text.startswith(MARK)
        return self.position(min(start + max(column - 1, 0) + shift, end))

    def _end(self, line: int) -> int:
        """Return the offset at which a line, counted from 0, ends before its newline."""
        if line + 1 == len(self._starts):
            return len(self.text)
        end = self._starts[line + 1]
        return end - (2 if self.text.endswith("\r\n", 0, end) else 1)

    def _units(self, text: str) -> int:
        if text.isascii() or self._encoding == PositionEncodingKind.Utf32:
            return len(text)
        if self._encoding == PositionEncodingKind.Utf8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
