"""The command line and a browser as fixtures, and how tests are dealt out to processes."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import Lint, Outcome

from evallint import cli

# What tests start compiles evallint once and for all, as users' runs do, and not each time anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


TOGETHER = "action determinism examples pre_commit probe_claims probe_examples probe_hostile site".split()
"""Modules of tests that share a costly fixture."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes run the tests, those that share something costly go to one: a module's fixture, or what
    is found in the cases of a rule's page. (xdist's own groups are lost on pytest 9.2.)"""
    if config.getoption("dist") != "load":
        return None
    scheduling: Any = importlib.import_module("xdist.scheduler").LoadScopeScheduling(config, log)
    scheduling._split_scope = group
    return scheduling


def group(nodeid: str) -> str:
    """What a test goes with: all tests of one group are run by one process."""
    path, _, test = nodeid.partition("::")
    name = Path(path).stem.removeprefix("test_")
    if name == "pages":
        return test.partition("[")[2].partition(":")[0] or test
    return path if name in TOGETHER else nodeid


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Runs the command line in a directory of its own, where the given files are planted first."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("NO_COLOR", "FORCE_COLOR", "EVALLINT_OUTPUT_FORMAT", "EVALLINT_CACHE_DIR", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, files: dict[str, str] | None = None) -> Outcome:
        for name, text in (files or {}).items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)
        code = cli.main(words)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")  # its event loop stands in the way of tests that have their own
def browser() -> Iterator[Any]:
    """A real one, where there is one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("EVALLINT_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield browser
        browser.close()
