"""The command line from end to end: what is printed where, and the exit code."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import AT, BUG, FINE, Lint, rules

from evallint import __version__, cli
from evallint.config import OUTPUT_FORMATS

# ---- findings and exit codes ---------------------------------------------------------------------


def test_a_bug_is_printed_with_its_code_and_its_steps_and_fails_the_run(lint: Lint) -> None:
    code, out, err = lint(".", files={"a.py": BUG, "b.py": FINE})
    assert code == 1
    assert "a.py:19:25: error[eval-missing]" in out
    assert "correct += (model(x) == y).sum()" in out
    assert "  1. a.py:15:13: " in out
    assert "b.py" not in out
    assert err == ""


def test_nothing_found_is_exit_code_0(lint: Lint) -> None:
    assert lint(".", files={"a.py": FINE})[:2] == (0, "Found nothing in 1 file.\n")


def test_check_may_be_said_or_left_out_and_so_may_the_path(lint: Lint) -> None:
    outcome = lint("--output-format=concise", ".", files={"a.py": BUG})
    assert lint("check", "--output-format=concise", ".") == lint("check", "--output-format=concise") == outcome


def test_concise_output_is_one_line_a_finding(lint: Lint) -> None:
    first, *_ = lint("--output-format", "concise", files={"a.py": BUG}).out.splitlines()
    assert first.startswith("a.py:19:25: error[eval-missing] ")


def test_json_output_is_one_object_of_the_agreed_shape(lint: Lint) -> None:
    outcome = lint("--output-format", "json", files={"a.py": BUG, "bad.py": "import torch\ndef (\n"})
    report = json.loads(outcome.out)
    assert set(report) == {"schema_version", "findings", "errors", "summary"}
    (finding,) = report["findings"]
    assert (finding["path"], finding["line"], finding["column"]) == ("a.py", *AT)
    assert (finding["rule"], finding["category"], finding["severity"]) == ("eval-missing", "mode", "error")
    assert finding["function"] == "validate"
    assert [step["path"] for step in finding["trace"]] == ["a.py"] * len(finding["trace"])
    assert finding["trace"]
    (error,) = report["errors"]
    assert (error["path"], error["line"]) == ("bad.py", 2)


def test_github_and_sarif_outputs_are_produced(lint: Lint) -> None:
    assert lint("--output-format", "github", files={"a.py": BUG}).out.startswith("::error ")
    assert json.loads(lint("--output-format", "sarif").out)["version"] == "2.1.0"


def test_a_job_of_github_gets_a_summary_of_all_that_is_found(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(Path("summary.md").absolute()))
    Path("summary.md").write_text("before\n")
    files = {f"{number:02}.py": BUG for number in range(12)} | {"bad.py": "import torch\ndef (\n"}
    lint("--output-format", "github", files=files)
    head, *entries = Path("summary.md").read_text().split("\n- ")
    assert head == "before\n### evallint\n\nFound 12 errors in 13 files (1 problem kept code from being judged).\n"
    assert len(entries) == 13
    assert entries[0].startswith("**error** `00.py:19:25` eval-missing: `model` is still in training mode")
    assert entries[-1] == "**not judged** `bad.py:2`: invalid syntax\n"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/such/folder")
    assert lint("--output-format", "github").err.startswith("evallint: warning: GITHUB_STEP_SUMMARY no/such/folder: ")
    lint("--output-format", "json")
    assert Path("summary.md").read_text().count("###") == 1


def test_the_format_can_come_from_the_environment_and_an_option_beats_it(
    lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALLINT_OUTPUT_FORMAT", "json")
    assert rules(lint(files={"a.py": BUG})) == [("a.py", "eval-missing")]
    assert lint("--output-format", "github").out.startswith("::error ")
    monkeypatch.setenv("EVALLINT_OUTPUT_FORMAT", "concise,json:a.json")
    assert lint().out.startswith("a.py:19:25: error")
    assert json.loads(Path("a.json").read_text())["findings"]
    monkeypatch.setenv("EVALLINT_OUTPUT_FORMAT", "jsn")
    assert lint() == (2, "", "evallint: error: EVALLINT_OUTPUT_FORMAT: `jsn` is no format; did you mean `json`?\n")


def test_statistics_count_by_rule(lint: Lint) -> None:
    assert lint("--statistics", files={"a.py": BUG, "b.py": BUG}).out == "2\terror\teval-missing\n"


def test_findings_can_go_to_a_file(lint: Lint) -> None:
    outcome = lint("-o", "report.json", "--output-format", "json", files={"a.py": BUG})
    assert outcome == (1, "", "")
    assert json.loads(Path("report.json").read_text())["findings"]


def test_one_run_writes_several_formats(lint: Lint) -> None:
    wanted = ("--output-format", "sarif:a,b.sarif,junit:c.xml,concise", "--output-format", "json:d.json")
    code, out, _ = lint(*wanted, files={"a.py": BUG})
    assert code == 1
    assert out.startswith("a.py:19:25: error[eval-missing]")
    assert json.loads(Path("a,b.sarif").read_text())["version"] == "2.1.0"
    assert json.loads(Path("d.json").read_text())["findings"]
    assert "<failure" in Path("c.xml").read_text()
    assert lint("--output-format", "json:d.json").out == ""
    assert lint("--output-format", "json:d.json", "--statistics").out == "1\terror\teval-missing\n"
    assert lint("--output-format", "json:d.json,concise", "-o", "e.txt").out == ""
    assert Path("e.txt").read_text() == out


def test_exit_zero_says_that_findings_are_no_failure(lint: Lint) -> None:
    outcome = lint("--exit-zero", files={"a.py": BUG})
    assert outcome.code == 0
    assert "eval-missing" in outcome.out


def test_fail_on_sets_the_least_severity_that_fails(lint: Lint) -> None:
    comment = {"a.py": "x = 1  # evallint: ignore\n"}
    assert lint(files=comment).code == 1
    assert lint("--fail-on", "error").code == 0
    assert lint("--fail-on", "warning").code == 1


def test_quiet_says_nothing_where_nothing_is_found(lint: Lint) -> None:
    assert lint("-q", ".", files={"a.py": FINE}) == (0, "", "")
    assert "eval-missing" in lint("-q", files={"a.py": BUG}).out


def test_verbose_says_on_standard_error_what_was_done(lint: Lint) -> None:
    assert "1 files in" in lint("-v", files={"a.py": FINE}).err


def test_colours_come_when_they_are_asked_for_and_not_into_a_pipe(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in lint(files={"a.py": BUG}).out
    assert "\x1b[" in lint("--color", "always").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in lint().out
    assert "\x1b[" not in lint("-o", "report.txt").out + Path("report.txt").read_text()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in lint().out


# ---- choosing rules and files --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--select", "mode"], True),
        (["--select", "grad,eval-missing"], True),
        (["--select", "grad"], False),
        (["--ignore", "mode"], False),
        (["--ignore", "mode", "--extend-select", "eval-missing"], True),
        (["--per-file-ignores", "a.py:mode"], False),
        (["--per-file-ignores", "b.py:mode,*:grad"], True),
        (["--config", "ignore = ['mode']"], False),
        (["--exclude", "a.py"], False),
        (["--extend-exclude", "*.py"], False),
    ],
)
def test_options_choose_rules_and_files(lint: Lint, options: list[str], found: bool) -> None:
    outcome = lint("--output-format", "json", *options, files={"a.py": BUG})
    assert rules(outcome) == [("a.py", "eval-missing")] * found
    assert outcome.code == int(found)


def test_config_files_choose_rules_for_their_own_files(lint: Lint) -> None:
    files = {"a/x.py": BUG, "b/x.py": BUG, "a/evallint.toml": 'ignore = ["mode"]\n'}
    assert rules(lint("--output-format", "json", files=files)) == [("b/x.py", "eval-missing")]
    assert len(rules(lint("--output-format", "json", "--isolated"))) == 2


def test_a_suppressed_finding_fails_no_run_in_any_format(lint: Lint) -> None:
    files = {"a.py": BUG.replace(".sum()", ".sum()  # evallint: ignore[eval-missing]")}
    for form in OUTPUT_FORMATS:
        assert lint("--output-format", form, files=files).code == 0
    assert json.loads(lint("--output-format", "json").out)["findings"] == []


def test_info_is_hidden_unless_it_is_asked_for(lint: Lint) -> None:
    harmless = {"a.py": BUG.replace("nn.Dropout(0.5)", "nn.ReLU()")}
    assert rules(lint("--output-format", "json", files=harmless)) == []
    assert rules(lint("--output-format", "json", "--show-info")) == [("a.py", "eval-missing")]
    assert rules(lint("--output-format", "json", "--select", "eval-missing")) == [("a.py", "eval-missing")]
    assert lint("--show-info").code == 0
    assert lint("--show-info", "--fail-on", "info").code == 1


def test_a_notebook_is_linted_by_cells(lint: Lint) -> None:
    cells = [{"cell_type": "markdown", "source": "# title"}] + [
        {"cell_type": "code", "source": text} for text in ("%matplotlib inline", BUG)
    ]
    outcome = lint("--output-format", "json", files={"a.ipynb": json.dumps({"cells": cells})})
    (finding,) = json.loads(outcome.out)["findings"]
    assert (finding["path"], finding["cell"], finding["line"], finding["column"]) == ("a.ipynb", 3, *AT)


def test_standard_input_is_linted_under_the_name_it_is_given(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("evallint.toml").write_text("per-file-ignores = { 'quiet.py' = ['mode'] }\n")
    for name, found in [("src/a.py", True), ("quiet.py", False)]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BUG.encode())))
        outcome = lint("--output-format", "json", "-", "--stdin-filename", name)
        assert rules(outcome) == [(name, "eval-missing")] * found


def test_show_files_lists_what_would_be_linted(lint: Lint) -> None:
    files = {"a.py": BUG, "b/c.py": "", ".venv/d.py": "", "gen.py": "", ".gitignore": "gen.py\n"}
    assert lint("--show-files", files=files) == (0, "a.py\nb/c.py\n", "")
    assert lint("--show-files", "--no-respect-gitignore").out == "a.py\nb/c.py\ngen.py\n"


def test_force_exclude_passes_over_files_given_by_name(lint: Lint) -> None:
    assert lint("--show-files", ".venv/d.py", files={".venv/d.py": ""}).out == ".venv/d.py\n"
    assert lint("--show-files", "--force-exclude", ".venv/d.py").out == ""


def test_show_settings_gives_the_settings_of_each_path_and_where_they_come_from(lint: Lint) -> None:
    code, out, _ = lint(
        "--show-settings", "a", ".", files={"a/x.py": "", "a/evallint.toml": 'select = ["eval-missing"]'}
    )
    of_a, of_here = out.split("# .\n")
    assert code == 0
    assert f'file = "{Path.cwd() / "a" / "evallint.toml"}"' in of_a
    assert 'rules = ["eval-missing"]' in of_a
    assert f'root = "{Path.cwd()}"' in of_here
    assert "no-grad-missing" in of_here


# ---- other commands ------------------------------------------------------------------------------


def test_version(lint: Lint, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"evallint {__version__}\n"


def test_explain_prints_a_page(lint: Lint) -> None:
    code, out, _ = lint("explain", "eval-missing")
    assert code == 0
    assert out.startswith("# eval-missing\n")
    assert "## Wrong" in out
    assert "mode · error · high precision · safe fix" in out


def test_rules_are_listed_as_text_and_as_json(lint: Lint) -> None:
    assert "mode\teval-missing\terror\tsafe\t" in lint("rules").out
    listed = {rule["name"]: rule for rule in json.loads(lint("rules", "--output-format", "json").out)}
    assert listed["no-grad-missing"]["severity"] == "warning"


def test_config_explains_its_keys(lint: Lint) -> None:
    assert "\nfail-on\t" in lint("config").out
    assert lint("config", "jobs").out == "jobs\tworker processes; 0 for one a core\n"


def test_clean_removes_the_cache_and_nothing_else(lint: Lint) -> None:
    lint("--cache-dir", "cache", files={"a.py": BUG})
    assert Path("cache").is_dir()
    assert lint("clean", "--cache-dir", "cache").code == 0
    assert not Path("cache").exists()
    assert Path("a.py").exists()
    assert lint("clean", "--cache-dir", "cache").code == 0


def test_no_cache_leaves_none(lint: Lint) -> None:
    lint("--cache-dir", "cache", "--no-cache", files={"a.py": BUG})
    assert not Path("cache").exists()


# ---- as a process --------------------------------------------------------------------------------


COMMAND = (sys.executable, "-m", "evallint")
ENV = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).resolve().parents[2])}


def test_modules_of_the_working_directory_are_never_imported(tmp_path: Path) -> None:
    trap = "import pathlib\npathlib.Path('trapped').touch()\nraise SystemExit('trapped')\n"
    for name in (
        "libcst",
        "ast",
        "pathspec",
        "json",
        "tokenize",
        "multiprocessing",
        "sitecustomize",
    ):
        (tmp_path / f"{name}.py").write_text(trap)
    (tmp_path / "conftest.py").write_text(trap)
    (tmp_path / "bug.py").write_text(BUG)
    command = [*COMMAND, "--output-format", "json", "."]
    done = subprocess.run(command, cwd=tmp_path, env=ENV, capture_output=True, text=True, check=False)
    assert not (tmp_path / "trapped").exists(), done.stderr
    assert [finding["path"] for finding in json.loads(done.stdout)["findings"]] == ["bug.py"], done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="streams are closed in another way there")
@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_leads_nowhere(tmp_path: Path, streams: str) -> None:
    (tmp_path / "bug.py").write_text(BUG)
    done = subprocess.run(
        ["sh", "-c", f'"$@" {streams}', "sh", *COMMAND, "."], cwd=tmp_path, env=ENV, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == b""
    assert (b"eval-missing" in done.stdout) == (">&-" not in streams.replace("2>&-", ""))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("words", [["."], ["explain", "eval-missing"]])
def test_output_that_cannot_be_written_is_a_run_that_failed(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "bug.py").write_text(BUG)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, env=ENV, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "evallint: error: standard output: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a directory that is in use can't be removed there")
def test_a_working_directory_that_is_gone_is_a_run_that_failed(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = 'rmdir "$PWD" && "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *COMMAND, "."],
        cwd=tmp_path / "gone",
        env=ENV,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "evallint: error: the working directory: No such file or directory\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent in another way there")
def test_ctrl_c_ends_a_run_without_a_word(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"bug_{number}.py").write_text(BUG + f"# {number}\n" + "x = 1\n" * 2000)
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, "."], cwd=tmp_path, env=ENV, stdout=pipe, stderr=pipe) as run:
        while not (tmp_path / ".evallint_cache").exists() and run.poll() is None:
            time.sleep(0.01)
        time.sleep(0.2)  # files are being read by now
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
    assert (run.returncode, out, err) == (-signal.SIGINT, b"", b"")


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"bug_{number}.py").write_text("x = 1  # evallint: ignore\n" * 20)
    command = [*COMMAND, "--output-format", "concise", "."]
    with subprocess.Popen(command, cwd=tmp_path, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
