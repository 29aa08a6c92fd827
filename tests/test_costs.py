"""Whether what an entry of a program found out still holds depends on what others have spent before it."""

from __future__ import annotations

from evallint.interpret.costs import MOST, Costs, Spent
from evallint.program import FunctionSymbol

STEP = FunctionSymbol("a.py", 1)


def spent(costs: Costs, *each: int) -> Spent:
    """What an entry spends that follows a function again and again, at these costs, until it may no more."""
    costs.begin()
    for cost in each:
        if costs.are_enough(STEP):
            break
        costs.add(STEP, cost)
    return costs.spent()


def after(cost: int) -> Costs:
    """What is left once another entry has spent this."""
    costs = Costs()
    costs.settle(Spent({STEP: cost}, {STEP: 0}, {}, 0))
    return costs


def test_an_entry_would_do_the_same_after_as_much() -> None:
    for each in ((1, 1), (MOST, 2), (MOST, 2, 1), (MOST + 5,), (MOST + 5, 1)):
        assert Costs().leave(spent(Costs(), *each)), each


def test_an_entry_would_be_cut_short_where_others_have_spent_more() -> None:
    twice = spent(Costs(), MOST // 2, 1)
    assert after(MOST // 2).leave(twice)
    assert not after(MOST // 2 + 1).leave(twice)
    assert after(MOST).leave(spent(Costs(), MOST * 2))


def test_an_entry_that_was_cut_short_might_not_be_after_less() -> None:
    cut = spent(after(10), MOST, 1)
    assert after(10).leave(cut)
    assert not after(9).leave(cut)
    refused = spent(after(MOST + 1), 1)
    assert after(MOST + 7).leave(refused)
    assert not after(MOST).leave(refused)
