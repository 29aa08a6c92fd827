"""Rules of one's own: what a new rule begins with, and packs of rules that an environment holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from command import FINE

from evallint import scaffold
from evallint.scaffold import Unplaced

PACKAGE = "acme_rules"
FILE = r"^`([^`\n]+)`\n\n(`{3,})\w+\n(.*?)^\2$"
"""A file that the documentation shows: its path, the fence of its code, its text."""


def installed(site: Path, package: str = PACKAGE) -> dict[str, str]:
    """The environment variables of a Python that finds a rule pack in a folder, as an installer would record it."""
    record = site / f"{package}-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (record / "entry_points.txt").write_text(f"[evallint.rules]\nacme = {package}\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(site)}


def run(words: list[str], environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages with a pack of one new rule."""
    package = tmp_path / "site" / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    scaffold.begin("house/our-rule", package)
    return package.parent


def test_a_new_rule_of_a_pack_passes_the_test_it_comes_with(site: Path) -> None:
    done = run(["pytest", "-q", "-p", "no:cacheprovider", "tests"], installed(site), site)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_rules_of_a_pack_are_like_all_others(site: Path, tmp_path: Path) -> None:
    environment = installed(site)
    (tmp_path / "model.py").write_text(FINE, encoding="utf-8")
    words = [
        "evallint",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "house",
        "--output-format",
        "json",
        "model.py",
    ]
    done = run([*words, "--show-info"], environment, tmp_path)
    [found] = json.loads(done.stdout)["findings"]
    assert (found["rule"], found["category"], found["severity"]) == ("our-rule", "house", "info")
    assert "An evaluation runs a model." in run(["evallint", "explain", "our-rule"], environment, tmp_path).stdout


def test_what_a_cache_holds_is_out_of_date_when_a_pack_changes(site: Path, tmp_path: Path) -> None:
    environment = installed(site)
    (tmp_path / "model.py").write_text(FINE, encoding="utf-8")
    words = ["evallint", "check", "--show-info", "--select", "our-rule", "--output-format", "concise", "model.py"]
    assert "`model` is evaluated" in run(words, environment, tmp_path).stdout
    module = site / PACKAGE / "house" / "our_rule.py"
    module.write_text(module.read_text(encoding="utf-8").replace("is evaluated", "is judged"), encoding="utf-8")
    assert "`model` is judged" in run(words, environment, tmp_path).stdout


def test_a_page_without_a_module_is_told_of(site: Path, tmp_path: Path) -> None:
    environment = installed(site)
    (tmp_path / "model.py").write_text(FINE, encoding="utf-8")
    (site / PACKAGE / "house" / "our_rule.py").unlink()
    done = run(["evallint", "check", "--isolated", "--no-cache", "model.py"], environment, tmp_path)
    assert "the rule `our-rule` failed" in done.stdout
    assert "no module `our_rule`" in done.stdout


@pytest.mark.parametrize(
    ("folder", "message"),
    [("acme_rules", "which is not an installed package"), ("acme_rules/rules", "the rule pack `acme` has no pages")],
)
def test_an_entry_point_that_leads_to_no_pack_is_an_error(
    folder: str, message: str, site: Path, tmp_path: Path
) -> None:
    environment = installed(site)
    (site / folder).rename(tmp_path / "elsewhere")
    done = run(["evallint", "rules"], environment, tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_that_is_none_is_an_error(site: Path, tmp_path: Path) -> None:
    (site / PACKAGE / "rules" / "house" / "our-rule.md").write_text("# our rule\n", encoding="utf-8")
    done = run(["evallint", "rules"], installed(site), tmp_path)
    assert done.returncode == 2
    assert "acme_rules/rules/house/our-rule.md:1: the first line must be: # `our-rule`" in done.stderr


def test_in_a_checkout_a_rule_is_a_page_and_a_module(tmp_path: Path) -> None:
    (tmp_path / "src" / "evallint" / "check" / "data").mkdir(parents=True)
    (tmp_path / "src" / "evallint" / "check" / "data" / "__init__.py").write_text("", encoding="utf-8")
    written = scaffold.begin("data/our-rule", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in written.files] == [
        "rules/data/our-rule.md",
        "src/evallint/check/data/our_rule.py",
    ]
    lint = run(["ruff", "check", "--isolated", "--select", "B,E,F,I,UP", "."], os.environ, tmp_path)
    assert lint.returncode == 0, lint.stdout


@pytest.mark.parametrize("rule", ["our-rule", "data/our_rule", "data/Our", "../x/our-rule", "data/", "/our-rule"])
def test_a_rule_has_a_category_and_a_plain_name(rule: str, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("", encoding="utf-8")
    with pytest.raises(Unplaced, match="is no rule: it must be a category and lower-case words"):
        scaffold.begin(rule, tmp_path)


def test_a_rule_that_is_there_is_not_overwritten(site: Path) -> None:
    with pytest.raises(Unplaced, match="is there already"):
        scaffold.begin("house/our-rule", site / PACKAGE)


def test_a_rule_needs_a_place(tmp_path: Path) -> None:
    done = run(["evallint", "new-rule", "data/our-rule"], os.environ, tmp_path)
    assert done.returncode == 2
    assert "is neither a checkout of evallint nor a package" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_who_begins_a_pack_is_told_how_it_is_found(tmp_path: Path) -> None:
    package = tmp_path / PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    done = run(["evallint", "new-rule", "data/our-rule", "--into", PACKAGE], os.environ, tmp_path)
    assert done.returncode == 0
    assert str(Path(PACKAGE, "data", "our_rule.py")) in done.stdout
    assert '[project.entry-points."evallint.rules"]' in done.stderr


def test_the_pack_of_the_documentation_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "own-rules.md").read_text(encoding="utf-8")
    files = {path: code for path, _, code in re.findall(FILE, text, re.MULTILINE | re.DOTALL)}
    assert len(files) == 4
    for path, code in {**files, "acme_rules/__init__.py": "", "acme_rules/data/__init__.py": ""}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code, encoding="utf-8")
    done = run(["pytest", "-q", "-p", "no:cacheprovider", "tests"], installed(tmp_path), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
