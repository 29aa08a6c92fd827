"""The Python of a notebook: all code cells as one text, line for line, with what only IPython understands masked."""

from __future__ import annotations

import ast
import bisect
import json
import re
import warnings
from typing import Any, Final, NamedTuple

PYTHON_CELLS: Final = frozenset({"capture", "debug", "prun", "time", "timeit"})
"""IPython's cell magics whose cells hold Python that runs in the notebook's own namespace."""

STATEMENT_MAGICS: Final = ("%time", "%timeit", "%prun", "%memit", "%mprun", "%lprun")
"""The line magics that run the Python after them."""

AUTOMAGICS: Final = frozenset(
    {"cat", "cd", "clear", "conda", "cp", "dirs", "ls", "man", "mkdir", "mv", "pip", "pwd", "rm", "uv", "who", "whos"}
)
"""The magics people type without their `%`."""


MOST_MAGICS: Final = 100
"""So many lines of one cell are found to be magics one by one."""


MAGIC: Final = re.compile(r"\s*(?:[\w.,\[\]'\" ]+?=\s*)?[%!]")


class NotNotebook(Exception):
    """Bytes that are no notebook: `line` (0 where none is at fault) of the file, and why."""

    def __init__(self, line: int, says: str) -> None:
        super().__init__(says)
        self.line = line


class CellMap(NamedTuple):
    """Where the lines of a notebook's text come from: `starts[i]` is the first line of the code cell `cells[i]`.

    Lines are 1-based; cells are numbered from 1 over all cells, Markdown too.
    """

    starts: tuple[int, ...]
    cells: tuple[int, ...]

    def locate(self, line: int) -> tuple[int, int]:
        """The cell that a line of the text is in, and the line within that cell."""
        index = max(bisect.bisect_right(self.starts, line) - 1, 0)
        return (self.cells[index], line - self.starts[index] + 1) if self.starts else (0, line)


def python_of(data: bytes, cell_magics: tuple[str, ...] = ()) -> tuple[str, CellMap]:
    """The text of a notebook and where its lines come from; empty for a notebook in another language.

    Every line of a code cell is one line of the text. Magics and shell lines become `pass`, cells in other languages
    blank lines. What is no Python even so is left as it is, for the parser to say what is wrong with it.
    """
    notebook = _parsed(data)
    lines: list[str] = []
    starts: list[int] = []
    cells: list[int] = []
    if not _is_python(notebook):
        return "", CellMap((), ())
    for number, cell in enumerate(_cells(notebook), 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        starts.append(len(lines) + 1)
        cells.append(number)
        lines += masked(_source(cell), PYTHON_CELLS | {magic.lstrip("%") for magic in cell_magics})
    return "".join(f"{line}\n" for line in lines), CellMap(tuple(starts), tuple(cells))


def masked(source: str, python_cells: frozenset[str] = PYTHON_CELLS) -> list[str]:
    """The lines of a cell as Python: as many as it has, and columns as they are."""
    lines = re.split(r"\r\n|\r|\n", source)
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        magic = re.match(r"%%(\w*)", lines[first])
        if magic is None or magic[1] not in python_cells:
            return [""] * len(lines)
        lines[first] = ""
    # What only IPython understands is an error to Python at the very line, so every line that is no error is Python.
    rounds = 0
    while (index := _first_error(lines)) is not None:
        rounds += 1
        if rounds > MOST_MAGICS:
            # Going on one by one would take the square of their number; prose in a string may lose a line by this.
            return [_as_python(line) or line if MAGIC.match(line) else line for line in lines]
        replacement = _as_python(lines[index])
        if replacement is None or lines[index] == replacement:
            break
        continues = lines[index].rstrip().endswith("\\")
        lines[index] = replacement
        while continues and index + 1 < len(lines):
            index += 1
            continues = lines[index].rstrip().endswith("\\")
            lines[index] = ""
    return lines


def _first_error(lines: list[str]) -> int | None:
    """The index of the first line at which Python cannot parse a cell, None where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile("\n".join(lines), "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return min(max((error.lineno or 1) - 1, 0), len(lines) - 1)
    except (ValueError, MemoryError, RecursionError, OverflowError):
        return None
    return None


def _as_python(line: str) -> str | None:
    """A line that only IPython understands as a line of Python, with what Python it holds at the same columns."""
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.startswith(STATEMENT_MAGICS):
        # `%time step()` becomes `0    ; step()`, unless the magic takes options first.
        magic, _, statement = code.partition(" ")
        joined = f"{indent}0{' ' * (len(magic) - 1)};{statement}"
        if statement and not statement.lstrip().startswith("-") and _first_error([joined.strip()]) is None:
            return joined
    if code.startswith(("%", "!", "?")) or code.rstrip().endswith("?"):
        return f"{indent}pass"
    assigned = re.match(r"([\w.,\[\]'\" ]+?)=\s*[%!]", code)
    if assigned:
        return f"{indent}{assigned[1]}= None"
    if re.match(r"[A-Za-z]\w*", code) and code.split()[0] in AUTOMAGICS:
        return f"{indent}pass"
    return None


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotNotebook(data.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotNotebook(error.lineno, f"not JSON: {error.msg.lower()}") from None
    except RecursionError:
        raise NotNotebook(0, "nested too deeply") from None
    if not isinstance(notebook, dict):
        raise NotNotebook(0, "no object with cells")
    return notebook


def _is_python(notebook: dict[str, Any]) -> bool:
    metadata = notebook.get("metadata")
    for key, field in (("kernelspec", "language"), ("language_info", "name")):
        section = metadata.get(key) if isinstance(metadata, dict) else None
        language = section.get(field) if isinstance(section, dict) else None
        if isinstance(language, str):
            return language.lower() in ("python", "ipython")
    return True


def _cells(notebook: dict[str, Any]) -> list[Any]:
    """The cells of format 4, or those of format 3, which are in worksheets."""
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
    if not isinstance(cells, list):
        raise NotNotebook(0, "no list of cells")
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""
