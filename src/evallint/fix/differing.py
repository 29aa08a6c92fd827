"""What fixes change, as a unified diff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from evallint.read import Source

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def unified(before: Source, after: Source) -> str:
    """Return the difference of two texts of one file; of a notebook, cell by cell."""
    if before.notebook is None or after.notebook is None:
        return "".join(_diff(before.text, after.text, before.path))
    return "".join(
        part
        for number, cell in _cells(before).items()
        for part in _diff(cell, _cells(after).get(number, ""), f"{before.path}:cell {number}")
    )


def _diff(before: str, after: str, name: str) -> Iterator[str]:
    for line in difflib.unified_diff(_LINE.findall(before), _LINE.findall(after), name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _cells(source: Source) -> dict[int, str]:
    assert source.notebook is not None
    lines = source.text.split("\n")
    starts = [*source.notebook.starts, len(lines)]
    return {
        number: "".join(f"{line}\n" for line in lines[start - 1 : end - 1])
        for number, start, end in zip(source.notebook.cells, starts, starts[1:], strict=False)
    }
