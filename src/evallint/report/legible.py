"""Any text made safe to print, and as wide as a terminal will show it."""

from __future__ import annotations

from unicodedata import category, combining, east_asian_width

_TAB = 4

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They reorder what follows, so that a reader sees other code than Python runs."""


def legible(text: str) -> str:
    """One line without tabs and without anything that steers a terminal or cannot be encoded."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def columns(text: str) -> list[tuple[str, int]]:
    """Each character of a line as it is printed, with the number of columns it takes: 0, 1, 2, or 4 for a tab."""
    return [(_shown(character), _width(character)) for character in text]


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character == "\t":
        return " " * _TAB
    if character < " ":
        return chr(0x2400 + ord(character))
    if character in _DIRECTIONS or category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return "\N{REPLACEMENT CHARACTER}"
    return character


def _width(character: str) -> int:
    if character == "\t":
        return _TAB
    if character.isascii():
        return 1
    if east_asian_width(character) in "WF":
        return 2
    joins = combining(character) or category(character) in ("Mn", "Me", "Cf")
    return 0 if joins and character not in _DIRECTIONS else 1
