"""A recording and what it shows of the findings, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from evallint.report.legible import legible
from evallint.report.paint import Paint, Style, plain
from evallint.report.summary import where
from evallint.trace.joining import Joined, Verdict, number, size
from evallint.trace.recording import Frame, Process, Recording, Site, relative

SCHEMA_VERSION: Final = 1
_VERDICTS: Final[tuple[Verdict, ...]] = ("confirmed", "refuted", "not reached")
_TITLES: Final = ("called at", "module", "mode", "gradients", "calls", "kept", "buffers moved", "on")
_MOST_NAMES: Final = 3


def table(recording: Recording, findings: Sequence[Joined], paint: Paint = plain) -> str:
    """Return what was recorded for people: a row a call site, then what it shows of each finding."""
    lines = [*_sites(recording, paint), *_findings(findings, paint), *_failures(recording)]
    return "\n".join(lines) + "\n"


def document(recording: Recording, findings: Sequence[Joined], command: Sequence[str], code: int) -> str:
    """Return all that was recorded for programs. `code`: as Python puts it, negative for a signal."""
    numbers = {site: index for index, site in enumerate(recording.sites)}
    whole = {
        "schema_version": SCHEMA_VERSION,
        "command": list(command),
        "exit_code": code,
        "processes": [_process(process) for process in recording.processes],
        "sites": [_site(site) for site in recording.sites],
        "findings": [_finding(joined, [numbers[site] for site in joined.sites]) for joined in findings],
        "summary": {verdict: sum(one.verdict == verdict for one in findings) for verdict in _VERDICTS},
        "failures": list(recording.failures),
    }
    return json.dumps(whole, indent=2) + "\n"


# ---- for people ----------------------------------------------------------------------------------


def _sites(recording: Recording, paint: Paint) -> Iterator[str]:
    shown = [site for site in recording.sites if not site.is_inert]
    ranks = {site_rank for site in recording.sites for site_rank in site.ranks}
    among = f" ({number(len(ranks), 'rank')})" if ranks else ""
    if not recording.processes:
        yield "no Python process imported torch while it was recorded"
        return
    processes = number(len(recording.processes), "process").replace("processs", "processes")
    yield f"{processes}{among} imported torch; modules were called at {number(len(shown), 'site')}"
    if not shown:
        return
    rows = [_TITLES, *(_row(site) for site in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    for index, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        yield paint("strong", line) if not index else line


def _row(site: Site) -> tuple[str, ...]:
    names = [*site.moved[:_MOST_NAMES], *(["…"] if len(site.moved) > _MOST_NAMES else [])]
    on = " ".join(filter(None, [site.device, site.dtype, f"autocast {site.autocast}" if site.autocast else ""]))
    return (
        legible(_at(site.at)),
        legible(" in ".join([site.module, *reversed(site.wrapped_in)])),
        _mode(site),
        site.gradients if site.gradients != "on" or site.graphs else "on, no graph",
        f"{site.calls:,}" + (f" ({site.raised} raised)" if site.raised else ""),
        "?" if site.kept is None else size(site.kept) if site.kept else "-",
        legible(", ".join(names)) or "-",
        legible(on),
    )


def _mode(site: Site) -> str:
    if site.mode != "mixed":
        return site.mode
    others = "eval" if site.own_mode == "train" else "train"
    names = ", ".join(site.differing[:_MOST_NAMES]) + (", …" if len(site.differing) > _MOST_NAMES else "")
    return legible(f"{site.own_mode}, but {others}: {names}")


def _at(frame: Frame) -> str:
    return where(relative(frame.path), None, frame.line)


def _findings(findings: Sequence[Joined], paint: Paint) -> Iterator[str]:
    yield ""
    if not findings:
        yield "no finding that a run could confirm"
        return
    wide = max(len(verdict) for verdict in _VERDICTS)
    for verdict in _VERDICTS:
        style: Style = "error" if verdict == "confirmed" else "help" if verdict == "refuted" else "info"
        for one in findings:
            if one.verdict == verdict:
                finding, span = one.reported.finding, one.reported.finding.at.span
                at = where(finding.at.path, one.reported.cell, span.line, span.column)
                label = paint(style, verdict) + " " * (wide - len(verdict))
                yield f"{label}  {at}: [{finding.rule}] {legible(finding.says)}"
                if one.sites:
                    yield f"{' ' * wide}  {legible(one.because)}"


def _failures(recording: Recording) -> Iterator[str]:
    for failure in recording.failures:
        yield f"the recorder of a process failed, and recorded nothing more: {legible(failure.strip())}"


# ---- for programs --------------------------------------------------------------------------------


def _process(process: Process) -> dict[str, object]:
    return {
        "pid": process.number,
        "command": list(process.command),
        "rank": process.rank or None,
        "python": process.python,
        "torch": process.torch,
    }


def _site(site: Site) -> dict[str, object]:
    return {
        **_frame(site.at),
        "module": site.module,
        "defined_in": site.defined_in,
        "wrapped_in": list(site.wrapped_in),
        "mode": site.mode,
        "in_training": site.in_training,
        "modules": site.modules,
        "differing": list(site.differing),
        "heeds_mode": {kind: {"all": all_, "in_training": training} for kind, all_, training in site.heeds_mode},
        "gradients": site.gradients,
        "calls": site.calls,
        "graphs": site.graphs,
        "raised": site.raised,
        "kept_bytes": site.kept,
        "not_measured": site.unmeasured or None,
        "buffers_moved": list(site.moved),
        "parameters": site.parameters,
        "trainable": site.trainable,
        "device": site.device or None,
        "dtype": site.dtype or None,
        "autocast": site.autocast or None,
        "input": site.input or None,
        "ranks": list(site.ranks),
        "processes": site.processes,
        "caller": _frame(site.caller),
        "stack": [_frame(frame) for frame in site.stack],
    }


def _frame(frame: Frame) -> dict[str, object]:
    return {
        "path": relative(frame.path),
        "line": frame.line,
        "end_line": frame.end_line,
        "column": frame.column,
        "function": frame.function,
    }


def _finding(joined: Joined, sites: list[int]) -> dict[str, object]:
    reported, finding = joined.reported, joined.reported.finding
    return {
        "rule": finding.rule,
        "severity": reported.severity,
        "path": finding.at.path,
        "line": finding.at.span.line,
        "column": finding.at.span.column,
        **({} if reported.cell is None else {"cell": reported.cell}),
        "message": finding.says,
        "fingerprint": reported.fingerprint,
        "verdict": joined.verdict,
        "because": joined.because,
        "sites": sites,
    }
