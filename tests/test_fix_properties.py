"""What holds of fixes whatever the code: five hundred small programs, made from numbers."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from command import Lint
from programs import Program

from evallint.config import Settings
from evallint.engine import fix_texts, lint_texts
from evallint.findings import Run

PROGRAMS = 500
AT_ONCE = 50
EVERYTHING = Settings(show_info=True)


def found(run: Run) -> Counter[str]:
    """The errors and warnings of a run by their rules; what is only worth knowing may come with a fix."""
    assert not run.troubles
    return Counter(one.finding.rule for one in run.reported if one.severity != "info")


def fixed(text: str) -> tuple[str, Counter[str]]:
    """A program after its fixes, and what is found in it then."""
    outcome = fix_texts({"a.py": text}, EVERYTHING, unsafe=True)
    for change in outcome.changes:
        text = change.after.decode()
    return text, found(outcome.run)


@pytest.mark.parametrize("start", range(0, PROGRAMS, AT_ONCE))
def test_fixed_programs_parse_with_fewer_findings_and_nothing_left_to_fix(start: int) -> None:
    mended = 0
    for number in range(start, start + AT_ONCE):
        before = Program(number).text()
        ast.parse(before)
        old = found(lint_texts({"a.py": before}, EVERYTHING))
        after, new = fixed(before)
        ast.parse(after)
        assert fixed(after) == (after, new), number
        assert not new - old, number
        assert old == new or before != after, number
        mended += (old - new).total()
        untouched = kept_lines(before, after)
        assert untouched > len(before.split("\n")) * 0.4, number
    assert mended > AT_ONCE


def kept_lines(before: str, after: str) -> int:
    """How many lines stay as they are but for their indentation."""
    old, new = ([line.strip() for line in text.split("\n")] for text in (before, after))
    return sum(match.size for match in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())


@pytest.mark.parametrize(
    ("newline", "mark"), [("\n", b""), ("\r\n", b""), ("\n", b"\xef\xbb\xbf"), ("\r\n", b"\xef\xbb\xbf")]
)
def test_a_diff_writes_nothing_and_fixes_change_what_it_shows(lint: Lint, newline: str, mark: bytes) -> None:
    Path("evallint.toml").write_text("unsafe-fixes = true\n")
    for number in range(60):
        Path(f"p{number}").mkdir()
        Path(f"p{number}/a.py").write_bytes(mark + Program(number).text().replace("\n", newline).encode())
    before = state()
    diff = lint("--diff").out
    assert state() == before
    lint("--fix", "-q")
    assert lint("--diff") == (0, "", "evallint: would fix 0 findings\n") or lint("--diff").out == ""
    for path in sorted(Path().glob("p*/a.py")):
        data = path.read_bytes()
        assert data.startswith(mark)
        assert data.count(b"\r") == (data.count(b"\n") if newline == "\r\n" else 0)
    changed = {line[4:] for line in diff.splitlines() if line.startswith("+++ ")}
    assert {str(path) for path, digest in state().items() if digest != before[path]} == changed


def state() -> dict[Path, tuple[str, int]]:
    """The contents of all files, and when they were written."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in Path().glob("p*/a.py")
    }
