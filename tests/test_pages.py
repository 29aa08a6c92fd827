"""What the rule pages claim of code: every mark is true, and nothing is reported where no mark stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from evallint import pages
from evallint.config import Settings
from evallint.engine import fix_texts, lint_texts
from evallint.findings import Reported
from evallint.pages import Case, Mark, Page

EVERY_CASE = [(page, case) for page in pages.load().values() for case in page.cases()]
CASES = [pytest.param(page, case, id=f"{page.name}:{case.line}") for page, case in EVERY_CASE]
FIXED = [pytest.param(page, case, id=f"{page.name}:{case.line}") for page, case in EVERY_CASE if case.fixed]
LONGEST_MESSAGE = 100


@cache
def linted(files: tuple[tuple[str, str], ...]) -> tuple[Reported, ...]:
    """What all rules report of these texts, information included."""
    run = lint_texts(dict(files), Settings(show_info=True))
    assert not run.troubles
    return run.reported


@cache
def mended(files: tuple[tuple[str, str], ...], rule: str) -> dict[str, str]:
    """The files that the fixes of a rule change, as they are then."""
    outcome = fix_texts(dict(files), Settings(show_info=True).selecting(rule), unsafe=True)
    assert not outcome.run.troubles
    return {change.file.shown: change.after.decode() for change in outcome.changes}


def reports(page: Page, case: Case) -> list[Reported]:
    """What the page's rule reports of a case as it stands."""
    return [reported for reported in linted(tuple(case.files.items())) if reported.finding.rule == page.name]


def shown(reported: Reported) -> str:
    finding = reported.finding
    return f"{finding.at.path}:{finding.at.span.line}: {reported.severity}: {finding.says}"


def stands_at(reported: Reported, mark: Mark) -> bool:
    return (reported.finding.at.path, reported.finding.at.span.line) == (mark.path, mark.line)


def broken(mark: Mark, reported: list[Reported]) -> Iterator[str]:
    """In which way the findings of a case belie a mark."""
    here = [each for each in reported if stands_at(each, mark)]
    if mark.claims == "missed":
        yield from (f"a limit is cured ({mark.says}): {shown(each)}" for each in here)
    elif mark.claims == "spurious":
        if not here:
            yield f"a limit is cured ({mark.says}): nothing at {mark.path}:{mark.line}"
    elif not any(each.severity == mark.claims and mark.says in each.finding.says for each in here):
        yield f"not reported: {mark.path}:{mark.line}: {mark.claims}: {mark.says or 'any message'}"


@pytest.mark.parametrize(("page", "case"), CASES)
def test_a_rule_reports_what_its_page_marks_and_nothing_else(page: Page, case: Case) -> None:
    reported = reports(page, case)
    problems = [problem for mark in case.marks for problem in broken(mark, reported)]
    problems += [shown(each) for each in reported if not any(stands_at(each, mark) for mark in case.marks)]
    assert not problems, f"{page.path}:{case.line}\n" + "\n".join(problems)


@pytest.mark.parametrize(("page", "case"), FIXED)
def test_fixed_code_is_not_reported_again(page: Page, case: Case) -> None:
    repaired = linted(tuple({**case.files, **case.fixed}.items()))
    assert [shown(each) for each in repaired if each.finding.rule == page.name] == []


@pytest.mark.parametrize(("page", "case"), FIXED)
def test_the_fix_of_a_rule_makes_what_its_page_shows(page: Page, case: Case) -> None:
    made = mended(tuple(case.files.items()), page.name)
    assert {**case.files, **made} == {**case.files, **case.fixed}


@pytest.mark.parametrize(("page", "case"), CASES)
def test_a_fix_leaves_code_that_parses_without_the_finding_and_nothing_to_do(page: Page, case: Case) -> None:
    made = {**case.files, **mended(tuple(case.files.items()), page.name)}
    if made == case.files:
        return
    assert mended(tuple(made.items()), page.name) == {}
    before, after = (Counter(one.finding.rule for one in linted(tuple(files.items()))) for files in (case.files, made))
    assert after[page.name] < before[page.name]


@pytest.mark.parametrize(("page", "case"), CASES)
def test_a_finding_explains_itself_shortly(page: Page, case: Case) -> None:
    for each in reports(page, case):
        assert len(each.finding.says) < LONGEST_MESSAGE
        assert not each.finding.says.endswith(".")
        assert page.category == "lint" or each.finding.because, "a finding comes with its trace"


@pytest.mark.parametrize("page", pages.load().values(), ids=lambda page: page.name)
def test_a_page_shows_the_rule_at_work_and_at_rest(page: Page) -> None:
    wrong = [case for case in page.cases() if case.section == "Wrong"]
    assert any(mark.claims == page.severity for case in wrong for mark in case.marks)
    assert [case.line for case in wrong if not case.marks] == []
    assert any(case.section == "Right" for case in page.cases())
    assert any(case.fixed for case in wrong) == (page.fix != "none"), "a rule that can fix shows how"
