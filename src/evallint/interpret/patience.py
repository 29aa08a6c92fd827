"""How far calls are followed in an entry that has cost much already.

An entry that is given up tells nothing, and took all that it may cost. So the more it has cost, the less is followed:
first no call of what can do nothing to a model any more, in the end none. What is not followed may do anything to what
it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from evallint.facts import Span
from evallint.interpret import data, library, modules
from evallint.interpret.values import Arguments, Callee, State, Value
from evallint.program import FunctionSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

Patience: TypeAlias = tuple[int, int]
"""What an entry may cost until no more than calls that act are followed, and until none are: expressions and
statements."""

WITH_FILES: Patience = 12_000, 20_000
"""The patience with a file's own code in which nothing has happened yet to any model or its data."""

WITH_FUNCTIONS: Patience = 6_000, 10_000
"""That with a function that nobody in sight calls: no command line is read before it begins."""

AT_LAST: Patience = 48_000, 64_000
"""That with all others, at the second attempt to follow them to their end."""


def follows(machine: Machine, symbol: FunctionSymbol) -> bool:
    """Whether a call of a function is worth its cost."""
    if machine.costs.are_enough(symbol):
        return False
    spent = machine.spent()
    if spent <= WITH_FUNCTIONS[0] or machine.notes is not None:
        return True
    patience = patience_with(machine)
    if patience is None:
        return True
    all_calls, acting_calls = patience
    return spent <= all_calls or (spent <= acting_calls and machine.relevance.acts(symbol))


def patience_with(machine: Machine) -> Patience | None:
    """None where there is no end to it but that of the entry's budget."""
    if machine.events.tell_of_models():
        return AT_LAST if machine.coarse else None
    return WITH_FUNCTIONS if machine.events.orphan else WITH_FILES


def unfollowed(machine: Machine, callee: Callee, given: Arguments, span: Span, state: State) -> Value:
    """What a call gives that is not followed."""
    name = machine.program.function(callee.symbol).name
    data.note_unseen(machine, name, given)
    if machine.relevance.acts(callee.symbol):
        for value in given.all():
            for address in value.refs():
                modules.lose(address, state)
        if callee.bound is not None:
            modules.lose(callee.bound, state)
    return library.opaque_result(machine, name, given, span, state)
