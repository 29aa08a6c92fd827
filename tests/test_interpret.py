"""What the interpreter sees in the programs of `tests/interpret`: modes and gradients, as their comments say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from evallint.interpret import reveal

FOLDER = Path(__file__).parent / "interpret"
BLOCK = re.compile(r"^(?:`(?P<path>[\w/]+\.py)`\n\n)?```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWER = re.compile(r"\breveal_(?:mode|grad)\(.*\)  # (?P<answer>[a-z |]+)$")


class Program(NamedTuple):
    """Its files by path. `line` is where it begins in its Markdown file."""

    line: int
    files: dict[str, str]


def programs(text: str) -> Iterator[Program]:
    """The programs of a Markdown file: a block, or named blocks with nothing between them."""
    open_until = -1
    program = Program(0, {})
    for block in BLOCK.finditer(text):
        if not block["path"] or text[open_until : block.start()].strip() or open_until < 0:
            if program.files:
                yield program
            program = Program(text.count("\n", 0, block.start()) + 1, {})
        program.files[block["path"] or "main.py"] = block["code"]
        open_until = block.end() if block["path"] else -1
    yield program


def answers(program: Program) -> list[str]:
    """The path, line and comment of every question."""
    return [
        f"{path}:{line}: {found['answer']}"
        for path, code in program.files.items()
        for line, text in enumerate(code.splitlines(), 1)
        if (found := ANSWER.search(text))
    ]


PROGRAMS = [
    pytest.param(program, id=f"{path.stem}:{program.line}")
    for path in sorted(FOLDER.glob("[a-z]*.md"))
    for program in programs(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_interpreter_sees_the_mode_and_the_gradients(program: Program) -> None:
    seen = [f"{path}:{line}: {text}" for path, line, text in reveal(program.files)]
    assert sorted(seen) == sorted(answers(program))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_question_has_its_answer(program: Program) -> None:
    asked = sum(code.count("reveal_mode(") + code.count("reveal_grad(") for code in program.files.values())
    assert asked == len(answers(program)) > 0
