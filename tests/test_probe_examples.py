"""Experiments on the examples: what is planted is confirmed, what is harmless is refuted, on the real modules."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_examples import BUGGY, EXAMPLES, PLANTED, place, place_of
from test_report_html import opened, page

from evallint import pages
from evallint.findings import Evidence


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    """What the command says with experiments of the buggy project, its clean twin, and the harmless one."""
    words = f"{sys.executable} -m evallint --isolated --no-cache --show-info --output-format json --probe"
    ran = subprocess.run(
        [*words.split(), "--python", sys.executable, "buggy", "clean", "harmless"],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 1, ran.stderr
    findings: list[dict[str, Any]] = json.loads(ran.stdout)["findings"]
    return findings


def test_every_planted_bug_with_an_experiment_is_confirmed(found: list[dict[str, Any]]) -> None:
    catalogue = pages.load()
    verdicts = {place(finding): finding["evidence"] for finding in found}
    bugs = [bug for bug in PLANTED if catalogue[bug.rule].probe != "none"]
    if importlib.util.find_spec("keras") is None:
        bugs = [bug for bug in bugs if not bug.rule.startswith("keras")]
    bugs = [bug for bug in bugs if bug.rule != "missing-keys-hidden"]  # what is missing is the checkpoint's business
    others = [(str(bug), evidence) for bug in bugs if (evidence := verdicts[place_of(bug)])["verdict"] != "confirmed"]
    assert others == []


def test_what_has_no_experiment_has_no_evidence(found: list[dict[str, Any]]) -> None:
    without = {finding["rule"] for finding in found if finding["evidence"] is None}
    assert without == {bug.rule for bug in PLANTED if pages.load()[bug.rule].probe == "none"}


def test_the_clean_twin_has_nothing_to_confirm(found: list[dict[str, Any]]) -> None:
    clean = [finding for finding in found if finding["path"].startswith("clean/")]
    assert {finding["evidence"]["verdict"] for finding in clean} <= {"refuted", "inconclusive"}


def test_one_harmless_finding_of_each_experiment_is_refuted(found: list[dict[str, Any]]) -> None:
    harmless = [finding for finding in found if finding["path"].startswith("harmless/")]
    assert {finding["evidence"]["experiment"] for finding in harmless} == {
        "mode",
        "grad",
        "state",
        "pipeline",
        "metric",
    }
    assert {finding["evidence"]["verdict"] for finding in harmless} == {"refuted"}
    assert {finding["severity"] for finding in harmless} == {"info"}


def test_numbers_come_from_the_real_thing(found: list[dict[str, Any]]) -> None:
    by_path = {finding["path"]: finding["evidence"] for finding in found if finding["rule"] != "eval-dtype-differs"}
    assert by_path["harmless/even.py"]["summary"] == "with 200 samples in batches of 50 the average is exact"
    pyramid = by_path["buggy/glyphs/models/pyramid.py"]["numbers"]
    assert (pyramid["hidden_parameters"], pyramid["deaf"]) == (23696, 3)
    moved = by_path["buggy/glyphs/models/distillation.py"]["numbers"]["moved"]
    assert moved and all(name.startswith("teacher.") for name in moved)


def test_a_page_shows_one_picture_through_both_pipelines(
    found: list[dict[str, Any]], browser: Any, tmp_path: Path
) -> None:
    by_rule = {finding["rule"]: finding["evidence"] for finding in found if finding["path"].startswith("buggy/")}
    rules = ("normalization-differs", "random-eval-augmentation", "eval-pipeline-unused", "hard-coded-normalization")
    told = [Evidence(**{**by_rule[rule], "assumed": tuple(by_rule[rule]["assumed"])}) for rule in rules]
    tab, complaints = opened(browser, tmp_path, page(*told))
    assert complaints == []
    assert tab.locator(".sides").count() == len(rules)
    shown = tab.locator("figure img")
    assert shown.evaluate_all("all => all.every((one) => 0 < one.naturalWidth && one.naturalWidth <= 64)")
    first, second = (shown.nth(index).get_attribute("src") for index in (0, 1))
    assert shown.count() == 2 * len(rules) and first != second
    assert len(json.dumps(by_rule)) < 400_000


def test_what_the_readmes_show_is_what_is_printed(found: list[dict[str, Any]]) -> None:
    readme = (EXAMPLES.parent / "README.md").read_text()
    for path, line, rule in (
        ("buggy/compress.py", 54, "mean-of-batch-means"),
        ("harmless/quiet.py", 26, "eval-missing"),
    ):
        (told,) = (one for one in found if (one["path"], one["line"], one["rule"]) == (path, line, rule))
        evidence = told["evidence"]
        assert (
            f"{path}:{line}:{told['column']}: {told['severity']}[{rule}] {told['message']}\n"
            f"  probe: {evidence['verdict']}: {evidence['summary']}\n"
            + "".join(f"    assumed: {one}\n" for one in evidence["assumed"])
        ) in readme
    table = (EXAMPLES / "README.md").read_text().splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:5]] for line in table if line.count("|") == 5]
    harmless = {one["path"]: one for one in found if one["path"].startswith("harmless/")}
    said = [(harmless[f"harmless/{row[0]}"], row) for row in rows if f"harmless/{row[0]}" in harmless]
    assert len(said) == len(harmless)
    for told, (_, rule, _, words) in said:
        assert told["rule"] == rule
        assert words in told["evidence"]["summary"]


def test_nothing_is_left_in_the_examples() -> None:
    assert not (BUGGY / "runs").exists()
