"""Splices in the JSON of a notebook: only the lines of source that change are written anew, as those around them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from evallint import read
from evallint.findings import Trouble
from evallint.fix.edits import Edit, Lines, Unfixable, applied
from evallint.read import Source

SPACE: Final = re.compile(r"[ \t\r\n]*")
SOURCES: Final = ("source", "input")


class _Value(NamedTuple):
    """A value of a JSON text: where it stands."""

    start: int
    end: int


def spliced(data: bytes, source: Source, edits: Sequence[Edit]) -> bytes:
    """Return the bytes of a notebook after edits of the text that its code cells make.

    Unfixable: an edit touches what only IPython understands, or the notebook is not written plainly.
    """
    text = data.decode("utf-8-sig")
    mark = len(text.encode()) < len(data)
    cells = list(_code_cells(text))
    assert source.notebook is not None
    if len(cells) != len(source.notebook.starts):
        raise Unfixable("its cells can't be told apart")
    of_cell = _by_cell(source, edits)
    changes = [
        change
        for index, some in of_cell.items()
        for change in _changes(text, cells[index], _lines_of(source, index), some)
    ]
    new = applied(text, changes)
    again = read.decode(new.encode(), source.path)
    if isinstance(again, Trouble) or not _differ_in_cells_only(text, new, len(of_cell)):
        raise Unfixable("its cells would not be read as they are written")
    return (read.BOM if mark else b"") + new.encode()


# ---- which cell an edit is in ----------------------------------------------------------------------


def _by_cell(source: Source, edits: Sequence[Edit]) -> dict[int, list[Edit]]:
    """Return the edits by the index of their code cell, with offsets that count from the start of its text."""
    assert source.notebook is not None
    lines = Lines(source.text)
    numbers = source.notebook.cells
    found: dict[int, list[Edit]] = {}
    for edit in sorted(edits):
        first, last = (source.notebook.locate(lines.line(at))[0] for at in (edit.start, edit.end))
        if first != last:
            raise Unfixable("the fix reaches from one cell into another")
        index = numbers.index(first)
        start = lines.offset(source.notebook.starts[index], 0)
        found.setdefault(index, []).append(Edit(edit.start - start, edit.end - start, edit.new))
    return found


def _lines_of(source: Source, index: int) -> list[str]:
    """Return the lines of a cell as Python reads them, with what only IPython understands masked."""
    assert source.notebook is not None
    lines = source.text.split("\n")
    starts = [*source.notebook.starts, len(lines)]
    return lines[starts[index] - 1 : starts[index + 1] - 1]


def _changes(text: str, value: _Value, masked: Sequence[str], edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield the edits of the JSON text that edits of one cell come to."""
    parts = list(_strings(text, value))
    written = "".join(one for one, _ in parts)
    newline = "\r\n" if "\r\n" in written else "\n"
    plain = written.replace("\r\n", "\n")
    if "\r" in plain:
        raise Unfixable("its lines end in an old way")
    new = applied(plain, _in_own(plain, masked, edits)).replace("\n", newline)
    escapes = text.isascii()
    if text[value.start] == '"':
        yield Edit(value.start, value.end, json.dumps(new, ensure_ascii=escapes))
        return
    yield from _of_list(text, value, parts, re.findall(r"[^\n]*\n|[^\n]+", new), escapes)


def _in_own(plain: str, masked: Sequence[str], edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield edits of what Python reads of a cell as edits of what stands there: masked lines differ in length."""
    own, read_lines = Lines(plain), Lines("\n".join(masked))
    texts = plain.split("\n")
    for edit in edits:
        first, last = read_lines.line(edit.start), read_lines.line(edit.end)
        if last > len(masked) or texts[first - 1 : last] != masked[first - 1 : last]:
            raise Unfixable("it touches a line that only IPython understands")
        start, end = edit.start - read_lines.starts[first - 1], edit.end - read_lines.starts[last - 1]
        yield Edit(own.starts[first - 1] + start, own.starts[last - 1] + end, edit.new)


def _of_list(
    text: str, value: _Value, parts: Sequence[tuple[str, _Value]], new: Sequence[str], escapes: bool
) -> Iterator[Edit]:
    """Yield the one edit of a list of lines: those at its start and end that stay the same are not touched."""
    old = [one for one, _ in parts]
    if old != re.findall(r"[^\n]*\n|[^\n]+", "".join(old)):
        raise Unfixable("its source is not written line by line")
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    rest = min(len(old), len(new)) - same
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    if not old or same + tail == len(new):
        raise Unfixable("its source is empty")
    gap = _gap(text, value, parts)
    middle = gap.join(json.dumps(one, ensure_ascii=escapes) for one in new[same : len(new) - tail])
    if same < len(old) - tail:
        yield Edit(parts[same][1].start, parts[len(old) - tail - 1][1].end, middle)
    elif same < len(old):
        yield Edit(parts[same][1].start, parts[same][1].start, middle + gap)
    else:
        yield Edit(parts[-1][1].end, parts[-1][1].end, gap + middle)


def _gap(text: str, value: _Value, parts: Sequence[tuple[str, _Value]]) -> str:
    """Return what stands between two lines of a list."""
    if len(parts) > 1:
        return text[parts[0][1].end : parts[1][1].start]
    before = text[value.start + 1 : parts[0][1].start]
    return f",{before}" if before else ", "


def _differ_in_cells_only(before: str, after: str, most: int) -> bool:
    """Whether two notebooks are equal but for the sources of so many cells."""
    old, new = json.loads(before), json.loads(after)
    cells = list(zip(_all_cells(old), _all_cells(new), strict=True))
    changed = [pair for pair in cells if pair[0] != pair[1]]
    for one, other in changed:
        for name in SOURCES:
            if name in one:
                other[name] = one[name]
    return len(changed) <= most and bool(old == new)


def _all_cells(notebook: dict[str, object]) -> list[dict[str, object]]:
    cells = notebook.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = notebook.get("worksheets")
    return [cell for sheet in sheets for cell in sheet.get("cells", [])] if isinstance(sheets, list) else []


# ---- where values stand in a JSON text -------------------------------------------------------------


def _code_cells(text: str) -> Iterator[_Value]:
    """Yield where the sources of code cells stand, in order."""
    top = dict(_members(text, _start(text, 0)))
    lists = [top["cells"]] if "cells" in top else []
    if not lists and "worksheets" in top:
        lists = [dict(_members(text, sheet.start))["cells"] for sheet in _items(text, top["worksheets"].start)]
    for cells in lists:
        for cell in _items(text, cells.start):
            members = dict(_members(text, cell.start)) if text[cell.start] == "{" else {}
            kind = members.get("cell_type")
            if kind is None or json.loads(text[kind.start : kind.end]) != "code":
                continue
            name = next((name for name in SOURCES if name in members), None)
            if name is None:
                raise Unfixable("a cell of it has no source")
            yield members[name]


def _start(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    return found.end() if found else at


def _end(text: str, start: int) -> int:
    return json.JSONDecoder().raw_decode(text, start)[1]


def _members(text: str, start: int) -> Iterator[tuple[str, _Value]]:
    """Yield the members of the object that starts at an offset. Unfixable: two have one name."""
    seen = set()
    at = _start(text, start + 1)
    while text[at] != "}":
        name, at = json.JSONDecoder().raw_decode(text, at)
        at = _start(text, _start(text, at) + 1)
        end = _end(text, at)
        if name in seen:
            raise Unfixable(f"`{name}` is in it twice")
        seen.add(name)
        yield name, _Value(at, end)
        at = _start(text, end)
        at = _start(text, at + 1) if text[at] == "," else at


def _items(text: str, start: int) -> Iterator[_Value]:
    """Yield the items of the array that starts at an offset."""
    at = _start(text, start + 1)
    while text[at] != "]":
        end = _end(text, at)
        yield _Value(at, end)
        at = _start(text, end)
        at = _start(text, at + 1) if text[at] == "," else at


def _strings(text: str, value: _Value) -> Iterator[tuple[str, _Value]]:
    """Yield the strings of a list of them, or the one that a value is."""
    for one in _items(text, value.start) if text[value.start] == "[" else [value]:
        string = json.loads(text[one.start : one.end])
        if not isinstance(string, str):
            raise Unfixable("its source is no text")
        yield string, one
