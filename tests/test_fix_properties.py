"""What holds of fixes whatever the code: five hundred small programs, made from numbers."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

import pytest
from command import Lint
from programs import Program

from evallint.config import Selection, Settings
from evallint.engine import fix_texts, lint_texts
from evallint.findings import Run

PROGRAMS = 500
AT_ONCE = 50
TOGETHER = 10
EVERYTHING = Settings(show_info=True, selection=(Selection(select=("all",)),))


def found(run: Run) -> dict[str, Counter[str]]:
    """The errors and warnings of each file by their rules; what is only worth knowing may come with a fix."""
    assert not run.troubles
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in run.reported:
        counts[one.finding.at.path][one.finding.rule] += one.severity != "info"
    return counts


@pytest.mark.parametrize("start", range(0, PROGRAMS, AT_ONCE))
def test_fixed_programs_parse_with_fewer_findings_and_nothing_left_to_fix(start: int) -> None:
    programs = {f"p{number}.py": Program(number).text() for number in range(start, start + AT_ONCE)}
    fixed, old, new = dict(programs), found(lint_texts(programs, EVERYTHING)), defaultdict[str, Counter[str]](Counter)
    for first in range(0, AT_ONCE, TOGETHER):
        outcome = fix_texts(dict(islice(programs.items(), first, first + TOGETHER)), EVERYTHING, unsafe=True)
        new |= found(outcome.run)
        fixed |= {change.file.shown: change.after.decode() for change in outcome.changes}
    for path, before in programs.items():
        ast.parse(before)
        ast.parse(fixed[path])
        assert not new[path] - old[path], path
        assert new[path] == old[path] or fixed[path] != before, path
        assert kept_lines(before, fixed[path]) > len(before.split("\n")) * 0.4, path
        old[path] -= new[path]
    assert fix_texts(fixed, EVERYTHING, unsafe=True).changes == ()
    assert sum(mended.total() for mended in old.values()) > AT_ONCE


def kept_lines(before: str, after: str) -> int:
    """How many lines stay as they are but for their indentation."""
    old, new = ([line.strip() for line in text.split("\n")] for text in (before, after))
    return sum(match.size for match in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())


@pytest.mark.parametrize(
    ("start", "newline", "mark"),
    [(0, "\n", b""), (15, "\r\n", b""), (30, "\n", b"\xef\xbb\xbf"), (45, "\r\n", b"\xef\xbb\xbf")],
)
def test_a_diff_writes_nothing_and_fixes_change_what_it_shows(
    lint: Lint, start: int, newline: str, mark: bytes
) -> None:
    Path("evallint.toml").write_text("unsafe-fixes = true\n")
    for number in range(start, start + 15):
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
