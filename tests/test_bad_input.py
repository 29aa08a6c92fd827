"""What cannot be followed, read or parsed costs a clear message and the right exit code, never the rest of the run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from command import BUG, FINE, Lint, rules

from evallint.config import OUTPUT_FORMATS

# ---- options and config --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--selct", "mode"], "unknown option `--selct`; did you mean `--select`?"),
        (["--selct=mode", "."], "unknown option `--selct`; did you mean `--select`?"),
        (["--zzz"], "unknown option `--zzz`"),
        (["--select", "evall-missing"], "--select: unknown rule `evall-missing`; did you mean `eval-missing`?"),
        (["--ignore", "E501"], "--ignore: unknown rule `E501`"),
        (["--per-file-ignores", "a.py"], "argument --per-file-ignores: `a.py` is not of the form PATTERN:NAME,…"),
        (["--per-file-ignores", "a.py:mod"], "--per-file-ignores: unknown rule `mod`; did you mean `mode`?"),
        (["--output-format", "xml"], "argument --output-format: `xml` is no format"),
        (["--output-format", "jsn:a.json"], "argument --output-format: `jsn` is no format; did you mean `json`?"),
        (["--output-format", "sarif:"], "argument --output-format: `sarif:` names no file"),
        (["--output-format", "json,full"], "`json` and `full` can't both be the output; write `full:FILE`"),
        (["--output-format", "json:a.json", "-o", "b"], "--output-file: every format has a file already"),
        (["--output-format", "json:no/such/folder"], "no/such/folder: No such file or directory"),
        (["--fail-on", "never"], "argument --fail-on: invalid choice: 'never'"),
        (["--jobs", "many"], "argument -j/--jobs: invalid int value: 'many'"),
        (["--jobs", "-1"], "--jobs: takes a whole number of at least 0, not -1"),
        (["--config", "none.toml"], "none.toml: cannot be read: No such file or directory"),
        (["--config", "jobs = "], "--config 'jobs = ': not TOML: Invalid value"),
        (["--config", "a.py"], "a.py:1: not TOML: "),
        (["-", "a.py"], "standard input (`-`) cannot be linted together with paths"),
        (["-o", "no/such/folder"], "no/such/folder: No such file or directory"),
        (["explain", "evall-missing"], "unknown rule `evall-missing`; did you mean `eval-missing`?"),
        (["explain"], "the following arguments are required: RULE"),
        (["explain", "eval-missing", "more"], "`more` is one argument too many"),
        (["config", "job"], "unknown key `job`; did you mean `jobs`?"),
    ],
)
def test_what_cannot_be_followed_is_exit_code_2_and_one_line(lint: Lint, words: list[str], says: str) -> None:
    code, out, err = lint(*words, files={"a.py": FINE})
    assert (code, out) == (2, "")
    assert err.startswith(f"evallint: error: {says}")
    assert err.count("\n") == 1


def test_a_format_of_the_environment_that_does_not_exist_is_told(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLINT_OUTPUT_FORMAT", "jsn")
    code, _, err = lint(files={"a.py": FINE})
    assert code == 2
    assert "did you mean `json`?" in err


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("evallint.toml", "jobs = 1\nselect = mode\n", "evallint.toml:2: not TOML: Invalid value"),
        ("pyproject.toml", "[tool.evallint]\nselect = ['mod']\n", "pyproject.toml:2: `select`: unknown rule `mod`"),
        ("evallint.toml", 'cache-dir = "a\\u0000"\n', "evallint.toml:1: `cache-dir`: holds a NUL character"),
        ("evallint.toml", f"exclude = ['{'*a' * 7}']\n", f"evallint.toml:1: `exclude`: `{'*a' * 7}` has more than 6"),
        ("sub/evallint.toml", "jobz = 1\n", "sub/evallint.toml:1: unknown key `jobz`; did you mean `jobs`?"),
    ],
)
def test_a_config_that_cannot_be_followed_is_exit_code_2_with_its_line(
    lint: Lint, name: str, text: str, says: str
) -> None:
    code, out, err = lint(files={"sub/a.py": BUG, name: text})
    assert (code, out) == (2, "")
    assert err.startswith(f"evallint: error: {says}")


def test_a_config_that_wants_another_version_is_exit_code_2(lint: Lint) -> None:
    code, _, err = lint(files={"a.py": BUG, "evallint.toml": "required-version = '>=99'"})
    assert code == 2
    assert "asks for evallint >=99" in err


def test_a_deadline_without_end_is_one(lint: Lint) -> None:
    outcome = lint("--output-format", "json", files={"a.py": BUG, "evallint.toml": "deadline = inf"})
    assert rules(outcome) == [("a.py", "eval-missing")]


# ---- paths ---------------------------------------------------------------------------------------


def errors(outcome_out: str) -> list[tuple[str, int]]:
    return [(error["path"], error["line"]) for error in json.loads(outcome_out)["errors"]]


def test_a_missing_path_is_told_and_the_rest_is_linted(lint: Lint) -> None:
    outcome = lint("--output-format", "json", "none.py", "a.py", files={"a.py": BUG})
    assert outcome.code == 1
    assert errors(outcome.out) == [("none.py", 0)]
    assert rules(outcome) == [("a.py", "eval-missing")]
    assert lint("none.py").code == 1
    assert "none.py: not judged: no such file or directory" in lint("none.py").out


def test_an_empty_directory_is_a_warning_and_no_failure(lint: Lint) -> None:
    Path("empty").mkdir()
    code, _, err = lint("empty")
    assert code == 0
    assert err == "evallint: warning: no Python files found under empty\n"
    assert lint("-q", "empty") == (0, "", "")
    assert json.loads(lint("--output-format", "json", "empty").out)["findings"] == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable here")
def test_an_unreadable_file_is_told_and_the_rest_is_linted(lint: Lint) -> None:
    lint(files={"a.py": BUG, "b.py": FINE})
    os.chmod("b.py", 0)
    outcome = lint("--output-format", "json")
    assert outcome.code == 1
    assert errors(outcome.out) == [("b.py", 0)]
    assert rules(outcome) == [("a.py", "eval-missing")]


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"import torch\nprint 'python 2'\n", 2, ""),
        (b"import torch\n\ndef f(:\n", 3, ""),
        (b"import torch\nx = '\xe9'\n", 2, "not utf-8"),
        (b"# coding: klingon\nimport torch\n", 1, "unknown encoding"),
        (b"x = '''import torch\n", 1, "unterminated"),
        (b"if torch:\n\ty\n        z\n", None, "tabs"),
        (b"import torch\n\x00\n", 2, "NUL"),
        (b"import torch\n(x): int\n", 2, "Python understands this, but the parser that evallint uses does not"),
        (b"import torch\nx = " + b"(" * 9000 + b"1" + b")" * 9000, 2, "too many nested parentheses"),
        (b"import torch\nx = " + b"[" * 9000, 2, "too many nested parentheses"),
        (b"import torch\nx = " + b"-" * 100_000 + b"1\n", None, "nested too deeply for Python"),
        (b"import torch\n" + b"".join(b" " * n + b"if x:\n" for n in range(200)), None, "too many levels"),
        (b"import torch\nx = " + b"a + " * 4000 + b"a\n", 2, "nested too deeply for Python"),
        (b"import torch\nx = a" + b".b()" * 4000 + b"\n", 2, "nested too deeply for Python"),
        (b"import torch\nif x: y\n" + b"elif x: y\n" * 4000, None, "nested too deeply for Python"),
    ],
    ids=[
        "python 2",
        "syntax",
        "not utf-8",
        "encoding",
        "open string",
        "tabs",
        "nul",
        "parser",
        "parentheses",
        "open brackets",
        "minus",
        "blocks",
        "sum",
        "calls",
        "branches",
    ],
)
def test_a_file_that_is_no_python_is_told_with_its_line_and_the_rest_is_linted(
    lint: Lint, data: bytes, line: int | None, says: str
) -> None:
    Path("bad.py").write_bytes(data)
    outcome = lint("--output-format", "json", files={"a.py": BUG})
    (error,) = json.loads(outcome.out)["errors"]
    assert error["path"] == "bad.py"
    assert line in (None, error["line"])
    assert says in error["message"]
    assert rules(outcome) == [("a.py", "eval-missing")]
    assert outcome.code == 1


def test_a_notebook_that_is_none_is_told_and_a_cell_that_is_no_python_has_its_cell_named(lint: Lint) -> None:
    cells = [{"cell_type": "code", "source": text} for text in ("import torch", "x = 1\nprint 2")]
    files = {"broken.ipynb": "{", "old.ipynb": json.dumps({"cells": cells})}
    outcome = lint("--output-format", "json", files=files)
    assert outcome.code == 1
    broken, old = json.loads(outcome.out)["errors"]
    assert (broken["path"], old["path"]) == ("broken.ipynb", "old.ipynb")
    assert "not a notebook" in broken["message"]
    assert "cell 2" in old["message"]
    assert old["line"] == 2


def test_a_file_that_is_too_large_is_told(lint: Lint) -> None:
    outcome = lint("--output-format", "json", "--config", "max-file-bytes = 20", files={"a.py": BUG})
    assert errors(outcome.out) == [("a.py", 0)]
    assert outcome.code == 1


def test_a_name_that_is_no_text_can_be_told(lint: Lint) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    try:
        Path(name).write_text(BUG)
    except OSError:
        pytest.skip("the file system takes names of text only")
    for form in OUTPUT_FORMATS:
        outcome = lint("--output-format", form)
        assert outcome.code == 1
        assert "eval-missing" in outcome.out
