"""What a run shows of the findings: confirmed, refuted or not reached."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from evallint.findings import Finding, Place, Reported
from evallint.pages import Page, Shown
from evallint.trace.recording import Frame, Site

Verdict: TypeAlias = Literal["confirmed", "refuted", "not reached"]


@dataclass(frozen=True, slots=True)
class Joined:
    """A finding with what the run shows of it: the verdict, the reason, and the call sites it comes from."""

    reported: Reported
    verdict: Verdict
    because: str
    sites: tuple[Site, ...]


def joined(reported: Iterable[Reported], sites: Sequence[Site], catalogue: Mapping[str, Page]) -> list[Joined]:
    """Return the verdict on each finding that a run can say something about: of rules whose page says what it shows."""
    return [
        _joined(one, catalogue[one.finding.rule].trace, sites)
        for one in reported
        if catalogue[one.finding.rule].trace != "none"
    ]


def _joined(reported: Reported, wanted: Shown, sites: Sequence[Site]) -> Joined:
    finding = reported.in_text or reported.finding
    reached = _reached(finding, sites)
    if not reached:
        return Joined(reported, "not reached", "no module was called at its places", ())
    showing = [site for site in reached if shows(site, wanted)]
    if showing:
        return Joined(reported, "confirmed", "; ".join(_told(showing, wanted)), tuple(showing))
    return Joined(reported, "refuted", "; ".join(_told(reached, wanted)), tuple(reached))


def shows(site: Site, wanted: Shown) -> bool:
    """Does a call site show what is wanted in at least one call?"""
    match wanted:
        case "train":
            return site.surely_trains
        case "eval":
            return site.mode == "eval"
        case "graph":
            return site.graphs > 0
        case "no-graph":
            return site.calls - site.raised > site.graphs
        case _:
            return False


# ---- which call sites a finding is about ---------------------------------------------------------


def _reached(finding: Finding, sites: Sequence[Site]) -> list[Site]:
    """The calls at the places of a finding.

    Best are those that its own place led to; where it stands elsewhere, at a decorator for instance, those at any place
    of its trace; and where a method of a model runs its layers one by one, those below the end of the trace.
    """
    places = [finding.at, *(step.at for step in finding.because)]
    here = [site for site in sites if any(_is_at(site.at, place) for place in places)]
    led = [site for site in here if any(_is_at(frame, finding.at) for frame in site.stack)]
    below = [site for site in sites if any(_is_at(frame, places[-1]) for frame in site.stack)]
    found = _exact(led or here or below, places)
    return [site for site in found if not site.is_inert] or found


def _is_at(frame: Frame, place: Place) -> bool:
    is_within = place.span.line <= frame.line <= max(place.span.end_line, place.span.line)
    return is_within and os.path.abspath(place.path) == frame.path


def _exact(sites: Sequence[Site], places: Sequence[Place]) -> list[Site]:
    """Of several calls on one line those that a place names to the column; all, where none does."""
    exact = [site for site in sites if any(_begins(site.at, place) for place in places)]
    return exact or list(sites)


def _begins(frame: Frame, place: Place) -> bool:
    return _is_at(frame, place) and (frame.line, frame.column) == (place.span.line, place.span.column)


# ---- in words ------------------------------------------------------------------------------------


def _told(sites: Sequence[Site], wanted: Shown) -> Iterator[str]:
    """What was seen of each class, the calls of all its sites together."""
    by_class: dict[str, list[Site]] = {}
    for site in sites:
        by_class.setdefault(site.module, []).append(site)
    for title, group in by_class.items():
        calls = sum(site.calls for site in group)
        times = f"in {number(calls, 'call')}"
        yield f"`{title}` {_seen(group, wanted, calls).format(times=times)}"


def _seen(group: Sequence[Site], wanted: Shown, calls: int) -> str:
    graphs = sum(site.graphs for site in group)
    if wanted == "no-graph":
        return f"recorded no graph in {calls - graphs} of {number(calls, 'call')}"
    if wanted == "graph":
        kept = max((site.kept for site in group if site.kept), default=0)
        aside = f", which kept {size(kept)} a call" if kept else ""
        return f"recorded a graph in {graphs} of {number(calls, 'call')}{aside}"
    modes = {site.mode for site in group}
    if modes == {"eval"}:
        return "ran in evaluation mode {times}"
    parts = dict.fromkeys(f"{training} {kind}" for site in group for kind, _, training in site.heeds_mode if training)
    within = f" ({', '.join(parts)} active)" if parts else " (no layer in it is known to heed that)"
    moved = {name for site in group for name in site.moved}
    aside = f"; {number(len(moved), 'buffer')} moved" if moved else ""
    where = "in training mode" if "mixed" not in modes else "partly in training mode"
    return f"ran {where} {{times}}{within}{aside}"


def number(many: int, noun: str) -> str:
    """Return "1 call", "2 calls"."""
    return f"{many:,} {noun}{'' if many == 1 else 's'}"


def size(many: float) -> str:
    """Return a number of bytes, rounded."""
    for unit in ("B", "KiB", "MiB"):
        if many < 1024:
            return f"{many:.0f} {unit}" if unit == "B" or many >= 10 else f"{many:.1f} {unit}"
        many /= 1024
    return f"{many:.1f} GiB"
