"""What is assumed on the way to a measurement, each thing once, in the order it comes up."""

from __future__ import annotations


class Assumed:
    """Collects assumptions, in words a reader understands."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def add(self, text: str) -> None:
        self._told.setdefault(text)

    def all(self) -> list[str]:
        return list(self._told)

    def mark(self) -> int:
        return len(self._told)

    def back_to(self, mark: int) -> None:
        """Forgets what was assumed since: it led nowhere."""
        self._told = dict.fromkeys(list(self._told)[:mark])
