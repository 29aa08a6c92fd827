"""The examples: every planted bug is found, where it is and with what leads to it, and nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evallint import pages

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
BUGGY = EXAMPLES / "buggy"
CLEAN = EXAMPLES / "clean"


class Bug(NamedTuple):
    """One entry of `planted.toml`. `info`: it is information, and shown only where it is asked for."""

    rule: str
    path: str
    function: str
    code: str
    through: tuple[str, ...] = ()
    cell: int | None = None
    info: bool = False

    def line(self) -> int:
        """The line at which `code` begins: in the file, or in its notebook cell."""
        text = (BUGGY / self.path).read_text()
        if self.cell is not None:
            text = "".join(json.loads(text)["cells"][self.cell - 1]["source"])
        code = self.code.strip()
        assert text.count(code) == 1, f"{code!r} occurs {text.count(code)} times in {self.path}"
        return text.count("\n", 0, text.index(code)) + 1

    def __str__(self) -> str:
        return f"{self.path}: {self.function}: {self.rule}"


def planted() -> list[Bug]:
    with open(EXAMPLES / "planted.toml", "rb") as file:
        entries = tomllib.load(file)["bug"]
    return [Bug(**{**entry, "through": tuple(entry.get("through", ()))}) for entry in entries]


PLANTED = planted()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where runs leave what each file says for those that come after."""
    return tmp_path_factory.mktemp("cache")


def lint(cache: Path, *paths: Path, select: str = "") -> list[dict[str, Any]]:
    """The findings of the command, run in `examples/` by its own Python, without settings."""
    command = [sys.executable, "-m", "evallint", "--isolated", "--cache-dir", str(cache), "--output-format", "json"]
    ran = subprocess.run(
        [*command, *(["--select", select] if select else []), *(str(path.relative_to(EXAMPLES)) for path in paths)],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode in (0, 1), ran.stderr
    report = json.loads(ran.stdout)
    assert report["errors"] == []
    found: list[dict[str, Any]] = report["findings"]
    return found


def place(finding: Mapping[str, Any]) -> tuple[str, str, int | None, int]:
    return finding["rule"], finding["path"], finding.get("cell"), finding["line"]


def place_of(bug: Bug) -> tuple[str, str, int | None, int]:
    return bug.rule, f"buggy/{bug.path}", bug.cell, bug.line()


@pytest.fixture(scope="module")
def found(cache: Path) -> list[dict[str, Any]]:
    return lint(cache, BUGGY)


@pytest.fixture(scope="module")
def informed(cache: Path) -> list[dict[str, Any]]:
    return lint(cache, BUGGY, select=",".join(sorted({bug.rule for bug in PLANTED if bug.info})))


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if bug.info], ids=str)
def test_planted_information_is_found_by_name(bug: Bug, informed: list[dict[str, Any]]) -> None:
    assert [finding["function"] for finding in informed if place(finding) == place_of(bug)] == [bug.function]


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if not bug.info], ids=str)
def test_a_planted_bug_is_found(bug: Bug, found: list[dict[str, Any]]) -> None:
    (finding,) = [finding for finding in found if place(finding) == place_of(bug)]
    assert finding["function"] == bug.function
    assert finding["trace"]
    steps = {step["path"] for step in finding["trace"]}
    assert steps >= {f"buggy/{path}" for path in bug.through}


def test_nothing_else_is_reported_in_buggy(found: list[dict[str, Any]]) -> None:
    assert {place(finding) for finding in found} - {place_of(bug) for bug in PLANTED} == set()


def test_clean_is_silent(cache: Path) -> None:
    assert [(place(finding), finding["message"]) for finding in lint(cache, CLEAN)] == []


def test_both_at_once_keep_their_packages_apart(found: list[dict[str, Any]], cache: Path) -> None:
    assert [place(finding) for finding in lint(cache, BUGGY, CLEAN)] == [place(finding) for finding in found]


def test_every_rule_about_code_that_warns_is_planted() -> None:
    rules = {page.name for page in pages.load().values() if page.category != "lint" and page.severity != "info"}
    assert {bug.rule for bug in PLANTED} >= rules


def test_the_table_lists_what_is_planted() -> None:
    rows = [
        tuple(cell.strip(" `") for cell in line.split("|")[1:4])
        for line in (EXAMPLES / "README.md").read_text().splitlines()
        if line.startswith("|") and line.count("|") == 6
    ]
    names = [bug.function if bug.cell is None else f"cell {bug.cell}" for bug in PLANTED]
    assert rows[2:] == [(bug.path, name, bug.rule) for bug, name in zip(PLANTED, names, strict=True)]


def test_every_buggy_file_has_a_clean_twin() -> None:
    files = {path.relative_to(BUGGY) for suffix in ("*.py", "*.ipynb") for path in BUGGY.rglob(suffix)}
    assert files
    assert [path for path in sorted(files) if not (CLEAN / path).is_file()] == []
