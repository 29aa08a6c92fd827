"""What the tests of the formats share: one finding, and runs made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evallint.facts import Span
from evallint.findings import Finding, Fix, InsertBefore, Place, Reported, Run, Severity, Step
from evallint.report import FORMATS, render

SOURCE = """\
net = Net()


def evaluate(loader):
    for x, y in loader:
        net(x)
"""


def place(line: int, column: int, end_column: int, path: str = "app/train.py") -> Place:
    return Place(path, Span(line, column, line, end_column))


CALL = place(6, 9, 15)
TRACE = (
    Step(place(1, 7, 12), "`net` is built: a new module is in training mode"),
    Step(CALL, "`net` scores a batch"),
)
FIX = InsertBefore(place(5, 5, 27), "net.eval()", "call `net.eval()` before the loop")


def reported(
    at: Place = CALL,
    says: str = "`net` is still in training mode here",
    rule: str = "eval-missing",
    severity: Severity = "error",
    because: tuple[Step, ...] = (),
    fix: Fix | None = None,
    cell: int | None = None,
    line: str = "        net(x)",
) -> Reported:
    return Reported(
        Finding(at=at, says=says, because=because, function="evaluate", fix=fix, rule=rule),
        category="mode",
        severity=severity,
        precision="high",
        fix_applicability="safe" if fix else None,
        lines=(line,),
        fingerprint="0123456789abcdef0123456789abcdef",
        cell=cell,
    )


def run(*findings: Reported, source: str = SOURCE, path: str = "app/train.py", **more: Any) -> Run:
    return replace(Run(reported=findings, troubles=(), files=3, sources={path: source}), **more)


def text(what: Run, form: str) -> str:
    return render(what, next(known for known in FORMATS if known == form), {}, "1.2.3")
