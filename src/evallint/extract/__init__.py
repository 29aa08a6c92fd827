"""One file's text becomes its facts: one LibCST parse and one walk, a pure function of the text."""

from __future__ import annotations

from evallint.extract.lower import NotPython, extract
from evallint.extract.triage import worth_parsing

__all__ = ["NotPython", "extract", "worth_parsing"]
