"""JUnit's XML, which most CI servers show as a list of tests: a file is a suite, a finding a test that failed.

The form is the one that Jenkins validates. A test is told by its rule and function, not by its line, so that a server
which compares two runs sees the same test after other lines have moved.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from evallint.findings import Reported, Run, Trouble
from evallint.report.legible import legible
from evallint.report.paint import plain
from evallint.report.summary import evidence_lines, headline, trouble_line, where

_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(run: Run) -> str:
    """One suite for each file with a finding or a trouble, or a suite with one test that passed."""
    of_file: dict[str, list[Reported | Trouble]] = defaultdict(list)
    for reported in run.reported:
        of_file[reported.finding.at.path].append(reported)
    for trouble in run.troubles:
        of_file[trouble.path].append(trouble)
    suites = [line for path, entries in of_file.items() for line in _suite(path, entries)] or _nothing(run)
    failures = sum(_fails(reported) for reported in run.reported)
    tests = sum(map(len, of_file.values())) or 1
    head = f'<testsuites name="evallint" tests="{tests}" failures="{failures}" errors="{len(run.troubles)}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>"]) + "\n"


def _suite(path: str, entries: list[Reported | Trouble]) -> Iterator[str]:
    troubles = sum(isinstance(entry, Trouble) for entry in entries)
    failures = sum(isinstance(entry, Reported) and _fails(entry) for entry in entries)
    counts = f'tests="{len(entries)}" failures="{failures}" errors="{troubles}"'
    yield f"  <testsuite name={_quoted(path or 'evallint')} {counts}>"
    seen: Counter[str] = Counter()
    for entry in entries:
        name = "not-judged" if isinstance(entry, Trouble) else f"{entry.finding.rule} in {_function(entry)}"
        seen[name] += 1
        number = f" ({seen[name]})" if seen[name] > 1 else ""
        yield f"    <testcase name={_quoted(name + number)} classname={_quoted(path or 'evallint')}>"
        yield f"      {_of_trouble(entry) if isinstance(entry, Trouble) else _of_finding(entry)}"
        yield "    </testcase>"
    yield "  </testsuite>"


def _nothing(run: Run) -> list[str]:
    """A report without any test is an error to some servers."""
    return [
        '  <testsuite name="evallint" tests="1" failures="0" errors="0">',
        f'    <testcase name="nothing found in {run.files} files" classname="evallint"/>',
        "  </testsuite>",
    ]


def _fails(reported: Reported) -> bool:
    return reported.severity != "info"


def _function(reported: Reported) -> str:
    function = reported.finding.function or "<module>"
    return f"cell {reported.cell}, {function}" if reported.cell else function


def _of_finding(reported: Reported) -> str:
    finding = reported.finding
    steps = [
        f"  {number}. {where(step.at.path, None, step.at.span.line, step.at.span.column)}: {legible(step.message)}"
        for number, step in enumerate(finding.because, 1)
    ]
    advice = [f"  help: {legible(finding.fix.title)}"] if finding.fix else []
    said = [f"  {line}" for line in evidence_lines(reported)]
    text = _text("\n".join([headline(reported, plain), *said, *steps, *advice]))
    if not _fails(reported):
        return f"<system-out>{text}</system-out>"
    return f"<failure type={_quoted(reported.severity)} message={_quoted(finding.says)}>{text}</failure>"


def _of_trouble(trouble: Trouble) -> str:
    text = _text(trouble_line(trouble, plain))
    return f'<error type="not-judged" message={_quoted(trouble.message)}>{text}</error>'


def _quoted(text: str) -> str:
    return quoteattr(_xml(legible(text)))


def _text(text: str) -> str:
    return escape(_xml(text))


def _xml(text: str) -> str:
    """The text without the few characters that XML can't hold even as references."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
