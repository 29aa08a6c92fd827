"""One file's text becomes its facts: one LibCST parse and one walk, a pure function of the text.

LibCST is imported when a text is read: whoever has that done by workers needs none of it, and it takes longer to import
than a small project to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint.extract.triage import worth_parsing

if TYPE_CHECKING:
    from evallint.facts import FileFacts

__all__ = ["NotPython", "extract", "worth_parsing"]


class NotPython(Exception):
    """The text does not parse as Python 3. `line` is 1-based."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def extract(text: str) -> FileFacts:
    """The facts of a file's text. Raises `NotPython` where it does not parse."""
    from evallint.extract.lower import lowered

    return lowered(text)
