"""The last pass of a loop, and tests that hold in no other: `if epoch == epochs - 1`. What is done there is followed by
no further pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.interpret import library
from evallint.interpret.outcomes import together
from evallint.interpret.reading import flat, gone_over, last_name
from evallint.interpret.render import code
from evallint.interpret.values import State

LAST = "last pass"
"""What is assumed of a loop in its last pass."""


class Count(NamedTuple):
    """A number in code: `base + shift`; a constant has no base."""

    base: str
    shift: int


class Ending(NamedTuple):
    """The variable that counts the passes of a loop, and what it is in the last one."""

    variable: str
    last: Count


def ending(statement: f.For, body: Block) -> Ending | None:
    """The end of a loop over `range()` or `enumerate()`, None where nothing counts its passes. `body` is that of the
    function it is in."""
    iterable = statement.iterable
    while isinstance(iterable, f.Call) and iterable.arguments and library.is_transparent(last_name(iterable.function)):
        iterable = iterable.arguments[0].value
    if not isinstance(iterable, f.Call) or not 0 < len(iterable.arguments) < 3:
        return None
    given = [argument.value for argument in iterable.arguments]
    match last_name(iterable.function), statement.target:
        case "range", f.Name(index):
            base, shift = count(given[-1], body)
            return Ending(index, Count(base, shift - 1))
        case "enumerate", f.Collection(_, (f.Name(index), *_)):
            start = count(given[1], body) if len(given) == 2 else Count("", 0)
            return None if start.base else Ending(index, Count(f"len({code(gone_over(given[0]))})", start.shift - 1))
    return None


def is_last(test: Expr, end: Ending, body: Block) -> bool:
    """Whether a test holds in the last pass of a loop only."""
    if isinstance(test, f.Logic) and test.operator == "and":
        return is_last(test.left, end, body) or is_last(test.right, end, body)
    if not isinstance(test, f.Comparison) or test.operator != "==":
        return False
    for one, other in ((test.left, test.right), (test.right, test.left)):
        base, shift = count(one, ())
        if base == end.variable:
            return count(other, body) == Count(end.last.base, end.last.shift + shift)
    return False


def by_last(states: list[State]) -> list[State]:
    """One state for all in which the same loops are in their last pass."""
    found: dict[frozenset[object], list[State]] = {}
    for state in states:
        found.setdefault(frozenset(key for key in state.assumed if key[1] == LAST), []).append(state)
    return [together(group)[0] for group in found.values()]


def count(expression: Expr, body: Block) -> Count:
    """A number as code tells it, by its only assignment in a function where it has one there."""
    match expression:
        case f.Constant(bool()):
            return Count(code(expression), 0)
        case f.Constant(int(number)):
            return Count("", number)
        case f.Operation("+" | "-" as operator, left, f.Constant(int(number))):
            base, shift = count(left, body)
            return Count(base, shift + number if operator == "+" else shift - number)
        case f.Name(name):
            values = list(values_of(name, body))
            if len(values) == 1 and isinstance(values[0], f.Call | f.Attribute | f.Constant):
                return count(values[0], ())
    return Count(code(expression), 0)


def values_of(name: str, body: Block) -> Iterator[Expr | None]:
    """What a variable is set to, None for what is no plain value."""
    for statement in flat(body):
        match statement:
            case f.Assign(targets, value):
                if f.Name(name) in targets:
                    yield value
                elif any(f.Name(name) in target.items for target in targets if isinstance(target, f.Collection)):
                    yield None
            case f.Augment(f.Name(target)) if target == name:
                yield None
