"""Living with old code: what was found before is not reported again, in a file of findings and since a commit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import BUG, FINE, NET, Lint, Outcome, rules
from history import commit, git

from evallint.engine.since import changed_lines

JSON = ("--output-format", "json")
CALL = "            correct += (model(x) == y).sum()\n"
MORE = BUG.replace("def validate", "def validate_more").removeprefix(NET)
"""A second function with the same bug, statement for statement."""


def at(outcome: Outcome) -> list[tuple[str, int]]:
    """Path and line of each finding of a JSON report."""
    return [(finding["path"], finding["line"]) for finding in json.loads(outcome.out)["findings"]]


def planted(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.py").write_text(text)


# ---- a file of findings --------------------------------------------------------------------------

USE = 'baseline = "evallint-baseline.json"\n'


def test_a_baseline_silences_what_is_in_it_and_nothing_else(lint: Lint) -> None:
    code, out, err = lint("--write-baseline", files={"a.py": BUG})
    assert (code, out) == (0, "Found nothing in 1 file (1 known before).\n")
    assert err == (
        "evallint: wrote 1 finding to evallint-baseline.json; "
        '`baseline = "evallint-baseline.json"` in the config puts it to use\n'
    )
    assert lint().code == 1
    assert lint("--baseline", "evallint-baseline.json").code == 0
    planted(b=BUG)
    Path("evallint.toml").write_text(USE)
    outcome = lint(*JSON)
    assert (outcome.code, rules(outcome)) == (1, [("b.py", "eval-missing")])
    assert json.loads(outcome.out)["summary"]["known"] == 1


def test_known_findings_fail_no_run_in_any_format(lint: Lint) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "a.py": BUG})
    for form in ("full", "concise", "github", "gitlab", "json", "junit", "rdjson", "sarif"):
        code, out, _ = lint("--output-format", form)
        assert (code, "eval-missing" in out) == (0, False)


@pytest.mark.parametrize(
    "moved",
    [
        "import os\n\n\n" + BUG,
        BUG.replace("    correct = 0", "    # a comment\n    wrong = correct = 0"),
        BUG.replace("(model(x) == y)", "(model(x)  ==  y)"),
        BUG.replace("        for x, y", "        if True:\n         for x, y").replace(CALL, " " + CALL),
    ],
)
def test_a_baseline_knows_a_finding_whose_line_has_moved(lint: Lint, moved: str) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "a.py": BUG})
    planted(a=moved)
    assert lint("-q") == (0, "", "")


def test_a_second_finding_with_the_same_text_is_new(lint: Lint) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "a.py": BUG})
    planted(a=BUG + MORE)
    assert rules(lint(*JSON)) == [("a.py", "eval-missing")]


def test_a_baseline_is_found_from_every_directory(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "src/a.py": BUG})
    monkeypatch.chdir("src")
    assert lint("-q") == (0, "", "")
    assert lint("-q", "a.py") == (0, "", "")


def test_without_a_config_a_repository_is_what_paths_are_told_from(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    commit({"src/a.py": BUG})
    lint("--write-baseline")
    file = Path("evallint-baseline.json").absolute()
    monkeypatch.chdir("src")
    assert lint("-q", "--baseline", str(file)) == (0, "", "")


def test_what_is_gone_is_told_and_pruned(lint: Lint) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "a.py": BUG, "b.py": BUG, "c.py": BUG})
    planted(a=FINE)
    Path("b.py").unlink()
    told = "evallint: 2 findings of evallint-baseline.json no longer found; --prune-baseline takes such out\n"
    assert lint() == (0, "Found nothing in 2 files (1 known before).\n", told)
    assert lint("--prune-baseline").err == "evallint: took 2 findings out of evallint-baseline.json\n"
    assert lint().err == ""
    assert list(json.loads(Path("evallint-baseline.json").read_text())["findings"]) == ["c.py"]
    planted(a=BUG)
    assert rules(lint(*JSON)) == [("a.py", "eval-missing")]


def test_what_a_run_has_not_looked_at_is_not_gone(lint: Lint) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "a.py": BUG, "b.py": BUG})
    before = Path("evallint-baseline.json").read_text()
    assert lint("--prune-baseline", "a.py").err == ""
    assert lint("--prune-baseline", "--select", "grad").err == ""
    lint("--write-baseline", "a.py")
    planted(b="def (\n" + BUG)
    lint("--prune-baseline")
    assert Path("evallint-baseline.json").read_text() == before


def test_a_baseline_has_a_line_for_each_finding_in_an_order_that_moved_lines_keep(lint: Lint) -> None:
    lint("--write-baseline", files={"evallint.toml": USE, "b.py": BUG + MORE, "a.py": BUG})
    before = Path("evallint-baseline.json").read_text()
    assert before.count('{"rule": "eval-missing", "fingerprint": "') == 3
    planted(b="import os\n" + BUG + MORE)
    lint("--write-baseline")
    assert Path("evallint-baseline.json").read_text() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory"),
        ("{", "not JSON: "),
        ("[]", "not a baseline of evallint"),
        ('{"version": 1, "findings": {"a.py": [1]}}', "not a baseline of evallint"),
        ('{"version": 9, "findings": {}}', "has version 9, and this evallint knows 1"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_a_run_that_failed(lint: Lint, text: str | None, says: str) -> None:
    if text is not None:
        Path("b.json").write_text(text)
    code, out, err = lint("--baseline", "b.json", files={"a.py": BUG})
    assert (code, out) == (2, "")
    assert err.startswith(f"evallint: error: {Path('b.json').absolute()}: {says}")


# ---- since a commit ------------------------------------------------------------------------------


def test_only_what_is_new_since_a_commit_is_reported(lint: Lint) -> None:
    first = commit({"old.py": BUG, "fine.py": FINE})
    commit({"new.py": BUG, "old.py": "import os\n\n" + BUG})
    planted(untracked=BUG)
    outcome = lint(*JSON, "--baseline-commit", first)
    assert at(outcome) == [("new.py", 19), ("untracked.py", 19)]
    assert json.loads(outcome.out)["summary"]["known"] == 1
    assert lint("--baseline-commit", first, "--output-format", "sarif").code == 1
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == [("untracked.py", 19)]
    assert lint("-q", "--baseline-commit", "HEAD", "old.py") == (0, "", "")
    assert git("status", "--porcelain") == "?? untracked.py"
    assert git("worktree", "list").count("\n") == 0


def test_a_change_is_told_what_it_causes_in_files_that_it_leaves_alone(lint: Lint) -> None:
    harmless = NET.replace("nn.Dropout(0.5)", "nn.ReLU()")
    use = "from net import Net\n" + BUG.removeprefix(NET).replace("torch.no_grad()", "no_grad()")
    commit({"net.py": harmless, "use.py": "from torch import no_grad\n" + use})
    assert at(lint(*JSON)) == []
    planted(net=NET)
    ((path, _),) = at(lint(*JSON, "--diff-only"))
    assert path == "use.py"
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == at(lint(*JSON))


def test_of_findings_that_look_the_same_the_one_on_a_new_line_is_new(lint: Lint) -> None:
    commit({"a.py": BUG})
    planted(a=NET + MORE + BUG.removeprefix(NET))
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == [("a.py", 19)]
    assert len(at(lint(*JSON))) == 2


def test_diff_only_also_tells_what_stands_on_lines_that_were_touched(lint: Lint) -> None:
    commit({"a.py": BUG, "b.py": BUG})
    planted(a=BUG.replace(CALL, "  ".join(CALL.rsplit(" ", 1))))
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == []
    assert at(lint(*JSON, "--diff-only")) == [("a.py", 19)]


def test_a_file_that_was_renamed_keeps_what_is_known_of_it(lint: Lint) -> None:
    commit({"a.py": BUG, "pkg/__init__.py": ""})
    git("mv", "a.py", "pkg/b.py")
    Path("pkg/b.py").write_text(BUG + "\n# more\n")
    assert lint("-q", "--baseline-commit", "HEAD") == (0, "", "")
    assert at(lint(*JSON)) == [("pkg/b.py", 19)]


def test_a_branch_is_compared_with_where_it_began(lint: Lint) -> None:
    commit({"a.py": BUG})
    git("checkout", "-q", "-b", "topic")
    commit({"b.py": BUG})
    git("checkout", "-q", "main")
    commit({"a.py": FINE})
    git("checkout", "-q", "topic")
    assert at(lint(*JSON, "--baseline-commit", "main")) == [("a.py", 19), ("b.py", 19)]
    assert at(lint(*JSON, "--baseline-commit", "main...")) == [("b.py", 19)]


def test_the_past_is_judged_by_the_settings_of_today(lint: Lint) -> None:
    commit({"a.py": BUG, "evallint.toml": 'ignore = ["mode"]\n'})
    Path("evallint.toml").write_text("")
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == []


def test_a_comment_that_silenced_a_finding_is_missed_when_it_goes(lint: Lint) -> None:
    commit({"a.py": BUG.replace(CALL, f"{CALL[:-1]}  # evallint: ignore[eval-missing] -- wanted\n")})
    planted(a=BUG)
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == [("a.py", 19)]


def test_notebooks_and_files_that_are_no_python_have_a_past_too(lint: Lint) -> None:
    def notebook(*cells: str) -> str:
        return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]})

    commit({"nb.ipynb": notebook(BUG), "bad.py": "import torch\ndef (\n", "worse.py": "import torch\nx =\n"})
    Path("nb.ipynb").write_text(notebook("x = 1", BUG))
    assert lint("-q", "--baseline-commit", "HEAD") == (0, "", "")
    Path("nb.ipynb").write_text(notebook(BUG, MORE))
    Path("worse.py").write_text("import torch\n\n\ny = = 1\n")
    report = json.loads(lint(*JSON, "--diff-only").out)
    assert [(one["cell"], one["line"]) for one in report["findings"]] == [(2, 7)]
    assert [one["path"] for one in report["errors"]] == []


def test_a_run_from_a_subfolder_sees_the_past_of_that_folder(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    commit({"src/a.py": BUG, "b.py": BUG})
    monkeypatch.chdir("src")
    planted(new=BUG)
    assert at(lint(*JSON, "--baseline-commit", "HEAD")) == [("new.py", 19)]
    assert at(lint(*JSON, "--baseline-commit", "HEAD", "..")) == [("../src/new.py", 19)]


def test_links_and_submodules_count_as_unchanged(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    commit({"sub.py": BUG}, cwd=tmp_path / "other")
    commit({"a.py": BUG})
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "other"), "sub")
    Path("link.py").symlink_to(tmp_path / "other" / "sub.py")
    commit({})
    assert len(at(lint(*JSON))) == 3
    assert lint("-q", "--baseline-commit", "HEAD") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--baseline-commit", "nowhere"], "--baseline-commit: `nowhere` is no commit of this repository; a shallow"),
        (["--baseline-commit", "--all"], "argument --baseline-commit: expected one argument"),
        (["--baseline-commit=--all"], "--baseline-commit: `--all` is no commit of this repository"),
        (["--diff-only", "--write-baseline"], "a baseline can't be written from what is new since a commit alone"),
        (["--diff-only", "-"], "standard input (`-`) has no past, and no project around it"),
    ],
)
def test_a_past_that_cannot_be_looked_at_is_a_run_that_failed(lint: Lint, words: list[str], says: str) -> None:
    commit({"a.py": BUG})
    code, out, err = lint(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"evallint: error: {says}")


def test_outside_of_a_repository_there_is_no_past(lint: Lint) -> None:
    code, _, err = lint("--diff-only", files={"a.py": BUG})
    assert code == 2
    assert err.startswith("evallint: error: --diff-only: fatal: not a git repository")


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        ("abc", "abc", []),
        ("abc", "aXbc", [2]),
        ("abc", "Xbc", [1]),
        ("abc", "ac", []),
        ("", "ab", [1, 2]),
        ("aaa", "aaaa", [4]),
        ("abcabc", "abXcabY", [3, 7]),
    ],
)
def test_changed_lines_are_those_that_are_new_or_different(before: str, now: str, changed: list[int]) -> None:
    assert list(changed_lines(before, now)) == changed
