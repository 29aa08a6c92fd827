"""The hash by which GitHub recognises a line of code after other lines have moved.

GitHub computes it where a SARIF file has none, and warns where one differs, so it must be theirs exactly: a polynomial
hash, base 37 modulo 2**64, of the 100 UTF-16 units that follow the start of the line. Spaces and tabs don't count,
every newline is a line feed, 65535 marks the end of the file and zeros follow it. Equal hashes of a file are numbered.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections import Counter
from collections.abc import Set as AbstractSet
from itertools import accumulate

_UNITS = 100
_BASE = 37
_MASK = (1 << 64) - 1
_SHIFT = pow(_BASE, _UNITS, 1 << 64)
_LINE_FEED = 10
_END_OF_FILE = 65535

_NEWLINE = re.compile(r"\r\n?")


def line_hashes(text: str, wanted: AbstractSet[int]) -> dict[int, str]:
    """The hash of each wanted line (1-based) that the text has, as `hex:count`."""
    units = _units(text)
    # One pass: the hash of units i to j is prefixes[j] - prefixes[i] * base**(j - i).
    prefixes = list(accumulate([*units, *[0] * _UNITS], lambda value, unit: (value * _BASE + unit) & _MASK, initial=0))
    starts = [0, *(index + 1 for index, unit in enumerate(units) if unit == _LINE_FEED)]
    seen: Counter[int] = Counter()
    hashes: dict[int, str] = {}
    for number, start in enumerate(starts, 1):
        value = (prefixes[start + _UNITS] - prefixes[start] * _SHIFT) & _MASK
        seen[value] += 1
        if number in wanted:
            hashes[number] = f"{value:x}:{seen[value]}"
    return hashes


def _units(text: str) -> array[int]:
    kept = _NEWLINE.sub("\n", text).replace(" ", "").replace("\t", "")
    units = array("H", kept.encode("utf-16-le" if sys.byteorder == "little" else "utf-16-be", "surrogatepass"))
    units.append(_END_OF_FILE)
    return units
