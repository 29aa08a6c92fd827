"""What the rule pages claim of code: every mark is true, and nothing is reported where no mark stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from evallint import pages
from evallint.pages import Case, Page
from evallint.testing import Example, examples, found_by, linted, mended, problems, shown


def params(some: Iterable[Example]) -> list[Any]:
    """Cases as parameters."""
    return [pytest.param(*one, id=str(one)) for one in some]


CASES = params(examples())
FIXED = params(one for one in examples() if one.case.fixed)
PAGES = [pytest.param(page, id=page.name) for page in pages.load().values()]
LONGEST_MESSAGE = 100


@pytest.mark.parametrize(("page", "case"), CASES)
def test_a_rule_does_what_its_page_says_and_nothing_else(page: Page, case: Case) -> None:
    assert problems(Example(page, case)) == [], f"{page.path}:{case.line}"


@pytest.mark.parametrize(("page", "case"), FIXED)
def test_fixed_code_is_not_reported_again(page: Page, case: Case) -> None:
    repaired = linted(tuple({**case.files, **case.fixed}.items()))
    assert [shown(each) for each in repaired if each.finding.rule == page.name] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_fix_leaves_code_that_parses_without_the_finding_and_nothing_to_do(page: Page) -> None:
    for case in page.cases():
        made = dict(case.files)
        if any(each.finding.fix for each in found_by(page, case)):
            made |= mended(tuple(case.files.items()), page.name)
        if made == case.files:
            continue
        assert mended(tuple(made.items()), page.name) == {}, f"{page.path}:{case.line}"
        before, after = (
            Counter(one.finding.rule for one in linted(tuple(files.items()))) for files in (case.files, made)
        )
        assert after[page.name] < before[page.name], f"{page.path}:{case.line}"


@pytest.mark.parametrize("page", PAGES)
def test_a_finding_explains_itself_shortly(page: Page) -> None:
    for case in page.cases():
        for each in found_by(page, case):
            assert len(each.finding.says) < LONGEST_MESSAGE, f"{page.path}:{case.line}"
            assert not each.finding.says.endswith("."), f"{page.path}:{case.line}"
            assert page.category == "lint" or each.finding.because, f"{page.path}:{case.line}: no trace"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_rule_at_work_and_at_rest(page: Page) -> None:
    wrong = [case for case in page.cases() if case.section == "Wrong"]
    assert any(mark.claims == page.severity for case in wrong for mark in case.marks)
    assert [case.line for case in wrong if not case.marks] == []
    assert any(case.section == "Right" for case in page.cases())
    assert any(case.fixed for case in wrong) == (page.fix != "none"), "a rule that can fix shows how"
