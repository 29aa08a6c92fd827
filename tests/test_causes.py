"""What `docs/causes.md` says of popular explanations: each program on it is linted, and reported as it is marked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evallint.config import Settings
from evallint.engine import lint_texts

PAGE = (Path(__file__).parents[1] / "docs" / "causes.md").read_text(encoding="utf-8")
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"  # (error|warning|info)\[([a-z-]+)\]$", re.MULTILINE)
PROGRAMS = [
    pytest.param(found[1], id=f"line-{PAGE.count(chr(10), 0, found.start()) + 1}") for found in PROGRAM.finditer(PAGE)
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_reported_where_it_is_marked(program: str) -> None:
    marked = {
        (number, found[1], found[2])
        for number, line in enumerate(program.splitlines(), 1)
        if (found := MARK.search(line))
    }
    run = lint_texts({"main.py": MARK.sub("", program)}, Settings(show_info=True))
    assert not run.troubles
    assert {(one.finding.at.span.line, one.severity, one.finding.rule) for one in run.reported} == marked


def test_programs_with_and_without_fault_are_shown() -> None:
    assert {bool(MARK.search(found[1])) for found in PROGRAM.finditer(PAGE)} == {True, False}
