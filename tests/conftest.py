"""The command line and a browser as fixtures, and how tests are dealt out to processes."""

from __future__ import annotations

import gc
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


LONG = (
    "fix_properties trace probe_examples action site pre_commit docs pages cli fix_files cli_projects baseline engine "
    "pool server daemon determinism examples bounds packs probe_hostile shift probe_claims probe session"
).split()
"""Modules of tests that take long: they come first, so that no process is left alone with one of them in the end."""

APART = "cli docs fix_files fix_properties trace".split()
"""Those whose tests share nothing costly, and may go to several processes."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes run the tests, those that share something costly go to one: a module's fixture, or what
    is found in the cases of a rule's page. (xdist's own groups are lost on pytest 9.2.)"""
    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False
    scheduling: Any = importlib.import_module("xdist.scheduler").LoadScopeScheduling(config, log)
    scheduling._split_scope = group
    return scheduling


def group(nodeid: str) -> str:
    """What a test goes with: all tests of one group are run by one process."""
    if module(nodeid) == "pages":
        return nodeid.partition("[")[2].partition(":")[0].rstrip("]") or nodeid
    return nodeid if module(nodeid) in APART else nodeid.partition("::")[0]


def module(nodeid: str) -> str:
    return Path(nodeid.partition("::")[0]).stem.removeprefix("test_")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        ranks = {name: rank for rank, name in enumerate(LONG)}
        items.sort(key=lambda item: ranks.get(module(item.nodeid), len(LONG)))


def pytest_collection_finish() -> None:
    """Spares the collector of garbage all that is there for good."""
    gc.collect()
    gc.freeze()


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
