"""For people: each finding with its code, the steps that lead to it, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evallint.findings import Place, Reported, Run
from evallint.report.frame import Sources, frame
from evallint.report.legible import legible
from evallint.report.paint import Paint, Style, plain
from evallint.report.summary import assumptions, evidence_line, headline, hint, trouble_line, verdict, where

_ABOVE = 2
"""Lines of context before a finding; a step of its trace shows its own lines only."""


def render(run: Run, paint: Paint = plain) -> str:
    """All findings, then the files that were not judged, then one sentence."""
    code = _Code(run.sources or {}, paint)
    blocks = ["\n".join(_block(reported, code, paint)) for reported in run.reported]
    if run.troubles:
        blocks.append("\n".join(trouble_line(trouble, paint) for trouble in run.troubles))
    end = "\n".join([paint("strong", verdict(run)), *filter(None, [hint(run)])])
    return "\n\n".join([*blocks, end]) + "\n"


def _block(reported: Reported, code: _Code, paint: Paint) -> Iterator[str]:
    finding = reported.finding
    yield headline(reported, paint)
    yield from code.of_finding(reported)
    for number, step in enumerate(finding.because, 1):
        at = where(step.at.path, None, step.at.span.line, step.at.span.column)
        yield f"  {number}. {paint('path', at)}: {legible(step.message)}"
        if step.at != finding.at:
            yield from code.of_place(step.at, 0, "frame")
    if reported.evidence is not None:
        yield f"  {paint(*_verdict(reported))}"
        yield from (f"    assumed: {text}" for text in assumptions(reported))
    if finding.fix:
        yield f"  {paint('help', 'help')}: {legible(finding.fix.title)}"


def _verdict(reported: Reported) -> tuple[Style, str]:
    assert reported.evidence is not None
    style: Style = "strong" if reported.evidence.verdict == "confirmed" else "help"
    return style, f"probe: {evidence_line(reported)}"


class _Code:
    """The code frames of one run."""

    def __init__(self, sources: Mapping[str, str], paint: Paint) -> None:
        self._sources = Sources(sources)
        self._paint = paint

    def of_finding(self, reported: Reported) -> list[str]:
        lines, first, above = self._sources.around(reported, _ABOVE)
        return frame(lines, first, reported.finding.at.span, above, reported.severity, self._paint)

    def of_place(self, at: Place, above: int, style: Style) -> list[str]:
        return frame(self._sources.lines(at.path), 1, at.span, above, style, self._paint)
