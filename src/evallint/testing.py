"""What the pages of rules claim, as tests: for evallint itself and for rule packs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from evallint import packs, pages
from evallint.config import Settings
from evallint.engine import fix_texts, lint_texts
from evallint.findings import Reported
from evallint.pages import Case, Mark, Page


class Example(NamedTuple):
    """One case of a rule's page."""

    page: Page
    case: Case

    def __str__(self) -> str:
        return f"{self.page.name}:{self.case.line}"


def examples(package: str = "") -> list[Example]:
    """Every case on the pages of a rule pack, which is named by its package; without one, of all installed packs."""
    known = {pack.package: f"{pack.shown}/" for pack in packs.installed()}
    if package and package not in known:
        raise packs.PackError(f"no entry point of the group `{packs.GROUP}` names `{package}`; install it first")
    catalogue = (page for page in pages.load().values() if page.path.startswith(known.get(package, "")))
    return [Example(page, case) for page in catalogue for case in page.cases()]


def problems(example: Example) -> list[str]:
    """In which ways a rule does not do what a case of its page says; none where all is well.

    Every mark must be true, nothing may be found where none stands, and the fixes must give what the page shows.
    """
    page, case = example
    found = found_by(page, case)
    broken = [problem for mark in case.marks for problem in _broken(mark, found)]
    broken += [shown(each) for each in found if not any(_stands_at(each, mark) for mark in case.marks)]
    if case.fixed and {**case.files, **mended(tuple(case.files.items()), page.name)} != {**case.files, **case.fixed}:
        broken.append("the fixes do not give what the page shows")
    return broken


def found_by(page: Page, case: Case) -> list[Reported]:
    """What a page's rule reports of a case as it stands, information included."""
    return [reported for reported in linted(tuple(case.files.items())) if reported.finding.rule == page.name]


@cache
def linted(files: tuple[tuple[str, str], ...]) -> tuple[Reported, ...]:
    """What all rules report of these texts, information included. AssertionError where one could not be judged."""
    run = lint_texts(dict(files), Settings(show_info=True))
    assert not run.troubles, run.troubles
    return run.reported


@cache
def mended(files: tuple[tuple[str, str], ...], rule: str) -> dict[str, str]:
    """The files that the fixes of a rule change, as they are then."""
    outcome = fix_texts(dict(files), Settings(show_info=True).selecting(rule), unsafe=True)
    assert not outcome.run.troubles, outcome.run.troubles
    return {change.file.shown: change.after.decode() for change in outcome.changes}


def shown(reported: Reported) -> str:
    """A finding in a line."""
    finding = reported.finding
    return f"{finding.at.path}:{finding.at.span.line}: {reported.severity}: {finding.says}"


def _broken(mark: Mark, found: list[Reported]) -> Iterator[str]:
    """In which way the findings of a case belie a mark."""
    here = [each for each in found if _stands_at(each, mark)]
    if mark.claims == "missed":
        yield from (f"a limit is cured ({mark.says}): {shown(each)}" for each in here)
    elif mark.claims == "spurious":
        if not here:
            yield f"a limit is cured ({mark.says}): nothing at {mark.path}:{mark.line}"
    elif not any(each.severity == mark.claims and mark.says in each.finding.says for each in here):
        yield f"not reported: {mark.path}:{mark.line}: {mark.claims}: {mark.says or 'any message'}"


def _stands_at(reported: Reported, mark: Mark) -> bool:
    return (reported.finding.at.path, reported.finding.at.span.line) == (mark.path, mark.line)
