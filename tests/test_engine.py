"""What a run reports, in which order and under which settings, and what it does when something goes wrong."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import AT, BUG, FINE

from evallint import pages, read
from evallint.cache import NAME
from evallint.config import Configs, PathIgnores, Pattern, Settings
from evallint.engine import lint, lint_stdin, lint_texts
from evallint.engine.judging import NO_FACTS
from evallint.extract import extract
from evallint.findings import Finding, Run, Trouble
from evallint.project import Project
from evallint.read import File, Source

UNCALLED = """\
import torch


def use(model: torch.nn.Module):
    model.eval
"""
TAKES_FOR_EVER = "loss = '\\N{no such letter}'\nloss = " + "a + " * 30_000 + "a\n"
TAKES_LONG = "import torch\nx = " + " + ".join(["a"] * 30_000)


def places(run: Run) -> list[tuple[str, int, str]]:
    return [(one.finding.at.path, one.finding.at.span.line, one.finding.rule) for one in run.reported]


# ---- what is reported ----------------------------------------------------------------------------


def test_a_finding_comes_with_what_its_page_says() -> None:
    (one,) = lint_texts({"a.py": BUG}).reported
    page = pages.load()["eval-missing"]
    assert (one.finding.rule, one.category, one.precision) == ("eval-missing", "mode", page.precision)
    assert (one.finding.at.span.line, one.finding.at.span.column) == AT
    assert one.severity == one.finding.severity or page.severity
    assert one.lines == (BUG.splitlines()[AT[0] - 1],)
    assert one.finding.because


def test_findings_are_sorted_by_place() -> None:
    found = places(lint_texts({"b.py": BUG, "a.py": f"{BUG}\n{UNCALLED}"}))
    assert found == sorted(found)
    assert {path for path, *_ in found} == {"a.py", "b.py"}


def test_sources_are_those_of_files_with_findings() -> None:
    assert lint_texts({"a.py": BUG, "b.py": FINE}).sources == {"a.py": BUG}


def test_fine_code_gives_nothing() -> None:
    assert lint_texts({"a.py": FINE}) == Run((), (), 1, sources={})


def test_files_are_judged_together() -> None:
    model, use = BUG.split("\ndef validate", 1)
    files = {"net.py": model, "use.py": f"import torch\nfrom net import Net\n\ndef validate{use}"}
    assert [(path, rule) for path, _, rule in places(lint_texts(files))] == [("use.py", "eval-missing")]


def test_what_is_not_python_costs_that_file() -> None:
    run = lint_texts({"a.py": BUG, "b.py": "import torch\nprint 'two'\n"})
    assert places(run) == places(lint_texts({"a.py": BUG}))
    ((trouble),) = run.troubles
    assert (trouble.path, trouble.line) == ("b.py", 2)
    assert not run.crashed


def test_deep_code_is_judged() -> None:
    deep = "x = model" + ".a()" * 400 + "\n" + "y = " + " + ".join(["model"] * 1000)
    assert not lint_texts({"a.py": deep}).troubles


def test_files_that_mention_nothing_have_the_facts_of_an_empty_one() -> None:
    assert extract("") == NO_FACTS


# ---- which rules ---------------------------------------------------------------------------------


def test_only_selected_rules_report() -> None:
    assert lint_texts({"a.py": BUG}, Settings().selecting("grad")).reported == ()
    assert lint_texts({"a.py": BUG}, Settings().selecting("mode")).reported
    assert lint_texts({"a.py": BUG}, Settings().selecting("eval-missing")).reported


@pytest.mark.parametrize("name", ["eval-missing", "mode", "all"])
def test_files_may_ignore_rules(name: str) -> None:
    ignores = PathIgnores(Pattern(os.getcwd(), "old/*.py"), (name,))
    run = lint_texts({"old/a.py": BUG, "new/a.py": BUG}, Settings(per_file_ignores=(ignores,)))
    assert [path for path, *_ in places(run)] == ["new/a.py"]


HARMLESS = BUG.replace("nn.Dropout(0.5)", "nn.Linear(2, 2)")


def test_information_is_counted_but_not_shown_unless_asked_for() -> None:
    hidden = lint_texts({"a.py": HARMLESS})
    assert (hidden.reported, hidden.hidden_info) == ((), 1)
    shown = lint_texts({"a.py": HARMLESS}, Settings(show_info=True))
    assert ([one.severity for one in shown.reported], shown.hidden_info) == (["info"], 0)
    by_name = lint_texts({"a.py": HARMLESS}, Settings().selecting("eval-missing"))
    assert [one.severity for one in by_name.reported] == ["info"]


# ---- comments ------------------------------------------------------------------------------------


def silenced(name: str) -> str:
    lines = BUG.splitlines()
    lines[AT[0] - 1] += f"  # evallint: ignore[{name}]"
    return "\n".join(lines)


def test_a_comment_silences_a_finding() -> None:
    run = lint_texts({"a.py": silenced("eval-missing")})
    assert (run.reported, run.suppressed) == ((), 1)


def test_a_comment_that_silences_nothing_is_reported() -> None:
    run = lint_texts({"a.py": silenced("no-grad-missing")})
    assert {rule for *_, rule in places(run)} == {"eval-missing", "suppression-unused"}


def test_a_comment_is_not_unused_where_its_rule_is_off() -> None:
    settings = Settings().selecting("grad", "suppression-unused")
    assert lint_texts({"a.py": silenced("eval-missing")}, settings).reported == ()


def test_a_comment_is_not_unused_where_something_was_not_judged() -> None:
    run = lint_texts({"a.py": silenced("no-grad-missing"), "b.py": "import torch\n("})
    assert {rule for *_, rule in places(run)} == {"eval-missing"}


# ---- fingerprints --------------------------------------------------------------------------------


def prints(text: str, path: str = "a.py") -> list[str]:
    return [one.fingerprint for one in lint_texts({path: text}).reported]


def test_a_fingerprint_stays_when_lines_move() -> None:
    assert prints("# more\n\n" + BUG) == prints(BUG)
    assert prints(BUG.replace("correct += (", "correct  +=  (")) == prints(BUG)


def test_equal_statements_have_fingerprints_of_their_own() -> None:
    twice = f"{BUG}\n{BUG[BUG.index('def validate') :].replace('validate', 'test')}"
    first, second = prints(twice)
    assert first != second
    assert [first] == prints(BUG)


def test_a_fingerprint_tells_files_apart() -> None:
    assert prints(BUG, "b.py") != prints(BUG)
    assert all(len(one) == 32 for one in prints(BUG))


# ---- notebooks -----------------------------------------------------------------------------------


def notebook(*cells: str) -> str:
    shown = [{"cell_type": "markdown", "source": "# Title"}]
    return json.dumps({"cells": shown + [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4})


def test_lines_of_a_notebook_count_within_their_cell() -> None:
    model, use = BUG.split("\ndef validate", 1)
    run = lint_texts({"a.ipynb": notebook("%matplotlib inline", model, "def validate" + use)})
    (one,) = run.reported
    line = use[: use.index("correct +=")].count("\n") + 1
    assert (one.cell, one.finding.at.span.line, one.finding.at.span.column) == (4, line, AT[1])
    assert one.lines == ("            correct += (model(x) == y).sum()",)
    assert all(step.message.startswith("cell ") for step in one.finding.because)
    assert run.sources == {}


def test_what_is_not_python_in_a_notebook_is_told_by_the_cell() -> None:
    run = lint_texts({"a.ipynb": notebook("import torch", "x = 1\ny = (")})
    (trouble,) = run.troubles
    assert trouble.message.startswith("cell 3: ")
    assert trouble.line == 2


# ---- rules that fail -----------------------------------------------------------------------------


def test_a_rule_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from evallint.check.mode import eval_not_called

    def check(project: Project) -> Iterator[Finding]:
        raise KeyError("two\nlines")

    monkeypatch.setattr(eval_not_called, "check", check)
    run = lint_texts({"a.py": BUG})
    assert places(run) == [("a.py", AT[0], "eval-missing")]
    assert run.crashed
    (trouble,) = run.troubles
    assert trouble.message.startswith("the rule `eval-not-called` failed: KeyError: 'two\\nlines' (test_engine.py:")


# ---- from disk, with a cache ---------------------------------------------------------------------


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVALLINT_CACHE_DIR", raising=False)
    return tmp_path


def plant(**texts: str) -> None:
    """Write files that look as if they had been there for long."""
    for name, text in texts.items():
        Path(f"{name}.py").write_text(text)


def run_here(*paths: str, cached: bool = True, **options: Any) -> Run:
    return lint(paths or ["."], Configs(options={key.replace("_", "-"): options[key] for key in options}), cached)


def test_files_on_disk_are_judged_as_texts_are(work: Path) -> None:
    plant(a=BUG, b=FINE, c="import torch\nprint 'two'")
    texts = {f"{name}.py": Path(f"{name}.py").read_text() for name in "abc"}
    assert run_here(cached=False) == lint_texts(texts)
    assert not Path(NAME).exists()


def test_a_run_over_an_unchanged_tree_reports_the_same(work: Path) -> None:
    plant(a=BUG, b=FINE, c="import torch\nprint 'two'", d=silenced("grad"), e=HARMLESS)
    assert run_here() == run_here() == run_here(cached=False)


def test_changes_are_seen(work: Path) -> None:
    plant(a=BUG)
    assert run_here().reported
    plant(a=FINE)
    assert not run_here().reported
    plant(b=BUG)
    assert [path for path, *_ in places(run_here())] == ["b.py"]
    os.remove("b.py")
    assert not run_here().reported


def test_other_settings_are_seen(work: Path) -> None:
    plant(a=BUG, b=HARMLESS)
    assert len(run_here().reported) == 1
    assert len(run_here(show_info=True).reported) == 2
    assert len(run_here(select=["grad"]).reported) == 0
    assert len(run_here().reported) == 1


def test_files_of_equal_content_have_findings_of_their_own(work: Path) -> None:
    plant(a=BUG, b=BUG, c="import torch\n(", d="import torch\n(")
    for _ in range(2):
        run = run_here()
        assert [path for path, *_ in places(run)] == ["a.py", "b.py"]
        assert [trouble.path for trouble in run.troubles] == ["c.py", "d.py"]


WARM = """
import sys
from evallint import cli
code = cli.main(["--output-format", "concise", "."])
print(code, *({"libcst", "evallint.interpret", "evallint.link", "evallint.check"} & set(sys.modules)))
"""


def test_a_run_over_an_unchanged_tree_imports_neither_libcst_nor_the_interpreter(work: Path) -> None:
    plant(a=BUG, b=FINE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for loaded in (True, False):
        done = subprocess.run([sys.executable, "-c", WARM], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"a.py:{AT[0]}:{AT[1]}: error[eval-missing]")
        assert (len(done.stdout.splitlines()[-1].split()) > 1) == loaded


def test_unchanged_files_are_not_read(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(a=FINE, b=FINE)
    for name in ("a.py", "b.py"):
        os.utime(name, ns=(0, 0))
    run_here()
    seen: list[str] = []
    load = read.load

    def watched(file: File) -> Source | Trouble:
        seen.append(file.shown)
        return load(file)

    monkeypatch.setattr(read, "load", watched)
    assert_settled(work)
    run_here()
    seen.clear()
    run_here()
    assert seen == []


def assert_settled(work: Path) -> None:
    """Wait until the files here are old enough to be trusted by their looks."""
    import time

    newest = max(path.stat().st_ctime_ns for path in work.glob("*.py"))
    time.sleep(max(0.0, (newest + 2_100_000_000 - time.time_ns()) / 1e9))


def test_entries_that_make_no_sense_are_done_without(work: Path) -> None:
    plant(a=BUG)
    expected = run_here()
    for junk in (b"", b"fjunk", b"n", b"n[]", b"njunk", b"?"):
        database = sqlite3.connect(Path(NAME, "cache.sqlite"))
        database.execute("UPDATE facts SET data = ?", (junk,))
        database.execute("UPDATE runs SET data = ?", (junk,))
        database.commit()
        database.close()
        assert run_here() == expected
        assert run_here() == expected, "a new cache is started"


def test_a_file_that_evallint_fails_on_costs_that_file(work: Path) -> None:
    plant(a=BUG, bad=TAKES_FOR_EVER, c=BUG)
    for _ in range(2):
        run = run_here(deadline=1.0)
        assert [path for path, *_ in places(run)] == ["a.py", "c.py"]
        assert [trouble.path for trouble in run.troubles] == ["bad.py"]
        assert run.crashed


def test_that_a_file_took_too_long_is_not_kept(work: Path) -> None:
    plant(a=BUG, slow="import torch\n" + "x = [torch.a.b(c)]\n" * 6_000)
    assert run_here(deadline=0.1).crashed
    assert not run_here(deadline=120.0).crashed


def test_a_file_that_can_not_be_decoded_costs_that_file(work: Path) -> None:
    plant(a=BUG)
    Path("bad.py").write_bytes(b"import torch\n\xff\n")
    for _ in range(2):
        run = run_here()
        assert [path for path, *_ in places(run)] == ["a.py"]
        assert [(trouble.path, trouble.line) for trouble in run.troubles] == [("bad.py", 2)]
        assert not run.crashed


def test_a_file_too_large_is_told_though_an_earlier_run_read_it(work: Path) -> None:
    plant(a=BUG, b=FINE)
    assert_settled(work)
    assert not run_here().troubles
    assert {trouble.path for trouble in run_here(max_file_bytes=10).troubles} == {"a.py", "b.py"}


def test_missing_paths_are_told_and_the_rest_is_judged(work: Path) -> None:
    plant(a=BUG)
    run = run_here("a.py", "gone.py")
    assert run.reported
    assert run.troubles == (Trouble("gone.py", 0, "no such file or directory"),)


def test_nothing_to_judge_is_no_error(work: Path) -> None:
    assert run_here() == Run((), (), 0, sources={})


def test_standard_input_is_judged_under_a_name(work: Path) -> None:
    run = lint_stdin(BUG.encode(), "src/a.py", Configs())
    assert places(run) == [("src/a.py", AT[0], "eval-missing")]
    assert run.sources == {"src/a.py": BUG}
    assert replace(lint_stdin(FINE.encode(), "", Configs()), sources=None) == Run((), (), 1)


# ---- installed packages --------------------------------------------------------------------------

NETS = BUG[: BUG.index("def validate")].replace("Net(", "Dropping(") + (
    "class Plain(nn.Module):\n    def forward(self, x):\n        return 2 * x\n"
)
PACKAGE = {
    "__init__.py": "from .nets import (\n    Dropping,\n    Plain,\n)\nopen('imported', 'w')\n",
    "nets/__init__.py": "import torch\nfrom netlib.nets.small import Dropping, Plain\n",
    "nets/small.py": NETS,
    "nets/unrelated.py": "import torch\n(",
}


def use(model: str) -> str:
    return f"import torch\nfrom netlib import {model} as Net\n\n{BUG[BUG.index('def validate') :]}"


def install(environment: Path) -> None:
    for name, text in PACKAGE.items():
        path = environment / "lib" / "python3.11" / "site-packages" / "netlib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def severities(run: Run) -> list[tuple[str, str]]:
    return [(one.finding.at.path, one.severity) for one in run.reported]


def test_sources_of_installed_packages_tell_what_their_classes_are(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    plant(a=use("Dropping"), b=use("Plain"))
    assert ("a.py", "error") not in severities(run_here(show_info=True))
    install(work / ".venv")
    run = run_here(show_info=True)
    assert [found for found in severities(run) if found[0] == "a.py"] == [("a.py", "error")]
    assert ("b.py", "error") not in severities(run)
    assert not run.troubles
    assert run.files == 2
    assert run_here(show_info=True) == run
    assert not Path("imported").exists()


def test_the_active_environment_comes_first(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / ".venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    install(work / "active")
    monkeypatch.setenv("VIRTUAL_ENV", str(work / "active"))
    (work / "code").mkdir()
    Path("code/a.py").write_text(use("Dropping"))
    assert severities(run_here("code")) == [("code/a.py", "error")]


def test_progress_is_told_for_what_is_extracted(work: Path) -> None:
    plant(a=BUG, b=FINE)
    told: list[tuple[int, int]] = []
    lint(["."], Configs(), on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    lint(["."], Configs(), on_progress=lambda done, total: told.append((done, total)))
    assert len(told) == 2
