"""Painters: what a style looks like, kept out of the formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

Style: TypeAlias = Literal["error", "warning", "info", "path", "frame", "help", "strong"]
Paint: TypeAlias = Callable[[Style, str], str]

_CODES: dict[Style, str] = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "path": "1",
    "frame": "34",
    "help": "1;32",
    "strong": "1",
}


def plain(style: Style, text: str) -> str:
    """No colour."""
    return text


def ansi(style: Style, text: str) -> str:
    """Colours of a terminal."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"
