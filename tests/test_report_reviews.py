"""The formats that reviews are made of: GitLab's Code Quality, JUnit's XML and reviewdog's diagnostics."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator
from samples import CALL, FIX, TRACE, place, reported, run, text

from evallint.facts import Span
from evallint.findings import Place, Reported, Run, Step, Trouble

HOSTILE = "100%\r\n::x, \x00\x1b\u2028 <a b='c'>&amp;]]> \ufffe \udce9 \U0001f600"
BROKEN = (Trouble("bad file.py", 7, "invalid syntax"), Trouble("", 0, HOSTILE))
NOTEBOOK = reported(place(1, 8, 14, "nb.ipynb"), cell=3, because=(Step(place(1, 1, 2, "nb.ipynb"), "cell 1: built"),))

RUNS = {
    "one finding": run(reported(because=TRACE, fix=FIX)),
    "nothing": run(files=0),
    "troubles only": run(troubles=BROKEN, crashed=True),
    "no sources": run(reported(because=TRACE), sources=None),
    "a notebook": run(NOTEBOOK),
    "all severities": run(reported(), reported(severity="warning"), reported(severity="info"), troubles=BROKEN),
    "hostile text": run(
        replace(reported(place(1, 1, 2, HOSTILE), says=HOSTILE, because=(Step(CALL, HOSTILE),)), lines=(HOSTILE,))
    ),
}
every_run = pytest.mark.parametrize("what", RUNS.values(), ids=RUNS.keys())


def closed(**properties: object) -> dict[str, object]:
    """An object with no other properties; those whose name ends with `_` may be missing."""
    return {
        "type": "object",
        "properties": {name.rstrip("_"): schema for name, schema in properties.items()},
        "required": [name for name in properties if not name.endswith("_")],
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "integer", "minimum": 1}


def assert_valid(what: Run, form: str, schema: dict[str, Any]) -> None:
    validator = Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(json.loads(text(what, form)))] == []


# ---- gitlab -------------------------------------------------------------------------------------

GITLAB = {
    "type": "array",
    "items": closed(
        description=TEXT,
        check_name=TEXT,
        fingerprint={"type": "string", "pattern": "^[0-9a-f]{32}$"},
        severity={"enum": ["info", "minor", "major", "critical", "blocker"]},
        content_=closed(body={"type": "string"}),
        location={
            "oneOf": [
                closed(path=TEXT, lines=closed(begin=NUMBER)),
                closed(
                    path=TEXT,
                    positions=closed(begin=closed(line=NUMBER, column=NUMBER), end=closed(line=NUMBER, column=NUMBER)),
                ),
            ]
        },
    ),
}


@every_run
def test_a_report_for_gitlab_has_what_its_documentation_asks_for(what: Run) -> None:
    assert_valid(what, "gitlab", GITLAB)


def test_gitlab_gets_place_severity_trace_and_advice() -> None:
    (entry,) = json.loads(text(run(reported(because=TRACE, fix=FIX)), "gitlab"))
    assert entry == {
        "description": "`net` is still in training mode here",
        "check_name": "eval-missing",
        "fingerprint": "0123456789abcdef0123456789abcdef",
        "severity": "critical",
        "location": {
            "path": "app/train.py",
            "positions": {"begin": {"line": 6, "column": 9}, "end": {"line": 6, "column": 15}},
        },
        "content": {
            "body": "1. app/train.py:1: `net` is built: a new module is in training mode\n"
            "2. app/train.py:6: `net` scores a batch\n\nHelp: call `net.eval()` before the loop"
        },
    }


def test_fingerprints_for_gitlab_are_unique_and_those_of_the_findings_where_they_can_be() -> None:
    entries = json.loads(text(run(reported(), reported(place(6, 9, 15, "b.py")), reported()), "gitlab"))
    prints = [entry["fingerprint"] for entry in entries]
    assert len(set(prints)) == 3
    assert prints[0] == reported().fingerprint


def test_gitlab_is_told_the_cell_of_a_notebook_in_words() -> None:
    (entry,) = json.loads(text(run(NOTEBOOK), "gitlab"))
    assert entry["description"].startswith("cell 3, line 1: ")
    assert entry["location"] == {"path": "nb.ipynb", "lines": {"begin": 1}}


# ---- junit --------------------------------------------------------------------------------------

JUNIT = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"testcase"}),
    "testcase": ({"name", "classname"}, {"failure", "error", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "system-out": (set[str](), set[str]()),
}
"""The attributes and children of each element that Jenkins's schema knows and that are used here."""


@every_run
def test_a_report_for_junit_is_xml_of_the_form_that_ci_servers_read(what: Run) -> None:
    root = ElementTree.fromstring(text(what, "junit").encode("utf-8"))
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert set(element.attrib) == attributes
        assert {child.tag for child in element} <= children
    for suite in (root, *root):
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(suite.attrib[count]) == len(list(suite.iter(tag)))
    names = [(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")]
    assert len(set(names)) == len(names) > 0


def test_junit_names_tests_by_rule_and_function_so_that_moved_lines_change_nothing() -> None:
    root = ElementTree.fromstring(text(run(reported(because=TRACE, fix=FIX), reported(severity="info")), "junit"))
    (suite,) = root
    assert suite.attrib == {"name": "app/train.py", "tests": "2", "failures": "1", "errors": "0"}
    assert [case.attrib["name"] for case in suite] == ["eval-missing in evaluate", "eval-missing in evaluate (2)"]
    failure = suite[0][0]
    assert failure.attrib == {"type": "error", "message": "`net` is still in training mode here"}
    assert failure.text == (
        "app/train.py:6:9: error[eval-missing] `net` is still in training mode here\n"
        "  1. app/train.py:1:7: `net` is built: a new module is in training mode\n"
        "  2. app/train.py:6:9: `net` scores a batch\n"
        "  help: call `net.eval()` before the loop"
    )
    assert suite[1][0].tag == "system-out"


# ---- rdjson -------------------------------------------------------------------------------------

POSITION = closed(line=NUMBER, column_=NUMBER)
RANGE = closed(start=POSITION, end_=POSITION)
LOCATION = closed(path=TEXT, range_=RANGE)
RDJSON = closed(
    source=closed(name=TEXT),
    severity={"enum": ["ERROR", "WARNING", "INFO"]},
    diagnostics={
        "type": "array",
        "items": closed(
            message=TEXT,
            location=LOCATION,
            severity={"enum": ["ERROR", "WARNING", "INFO"]},
            code=closed(value=TEXT),
            related_locations_={"type": "array", "items": closed(message=TEXT, location=LOCATION)},
            suggestions_={"type": "array", "items": closed(range=RANGE, text={"type": "string"})},
        ),
    },
)


@every_run
def test_a_report_for_reviewdog_has_the_form_that_it_defines(what: Run) -> None:
    assert_valid(what, "rdjson", RDJSON)


def diagnostic(finding: Reported, source: str | None = None) -> Any:
    what = run(finding) if source is None else run(finding, source=source)
    (only,) = json.loads(text(what, "rdjson"))["diagnostics"]
    return only


def test_reviewdog_gets_place_rule_trace_and_advice() -> None:
    assert diagnostic(reported(because=TRACE, fix=FIX)) == {
        "message": "`net` is still in training mode here\nHelp: call `net.eval()` before the loop",
        "location": {
            "path": "app/train.py",
            "range": {"start": {"line": 6, "column": 9}, "end": {"line": 6, "column": 15}},
        },
        "severity": "ERROR",
        "code": {"value": "eval-missing"},
        "related_locations": [
            {
                "message": "`net` is built: a new module is in training mode",
                "location": {
                    "path": "app/train.py",
                    "range": {"start": {"line": 1, "column": 7}, "end": {"line": 1, "column": 12}},
                },
            },
            {
                "message": "`net` scores a batch",
                "location": {
                    "path": "app/train.py",
                    "range": {"start": {"line": 6, "column": 9}, "end": {"line": 6, "column": 15}},
                },
            },
        ],
    }


def test_columns_for_reviewdog_count_bytes() -> None:
    line = "f('数据\U0001f600', net(x))"
    at = place(1, line.index("net") + 1, line.index("net") + 7)
    shown = diagnostic(reported(at, line=line, because=(Step(at, "here"),)), source=line)
    start = len(line[: line.index("net")].encode()) + 1
    expected = {"start": {"line": 1, "column": start}, "end": {"line": 1, "column": start + 6}}
    assert shown["location"]["range"] == expected
    assert shown["related_locations"][0]["location"]["range"] == expected


def test_a_place_whose_text_is_not_at_hand_is_given_by_lines() -> None:
    shown = diagnostic(reported(Place("app/train.py", Span(6, 9, 8, 2))))
    assert shown["location"]["range"] == {"start": {"line": 6}, "end": {"line": 8}}


def test_reviewdog_is_told_the_cell_of_a_notebook_in_words() -> None:
    shown = diagnostic(NOTEBOOK)
    assert shown["message"].startswith("cell 3, line 1: ")
    assert shown["location"] == {"path": "nb.ipynb"}
    assert shown["related_locations"] == [{"message": "cell 1: built", "location": {"path": "nb.ipynb"}}]
