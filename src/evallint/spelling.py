"""What somebody may have meant by a word that is unknown."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean …?` with the closest of some words, or nothing where none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), sorted(words), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
