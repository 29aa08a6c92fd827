"""One line a finding: `path:line:col: severity[rule] message`."""

from __future__ import annotations

from evallint.findings import Reported, Run
from evallint.report.paint import Paint, plain
from evallint.report.summary import evidence_line, headline, hint, trouble_line, verdict


def render(run: Run, paint: Paint = plain) -> str:
    lines = [_line(reported, paint) for reported in run.reported]
    lines += [trouble_line(trouble, paint) for trouble in run.troubles]
    return "\n".join([*lines, paint("strong", verdict(run)), *filter(None, [hint(run)])]) + "\n"


def _line(reported: Reported, paint: Paint) -> str:
    said = evidence_line(reported)
    return f"{headline(reported, paint)} ({said})" if said else headline(reported, paint)
