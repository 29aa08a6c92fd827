"""The arguments of calls, as tables speak of them: what a call gives, and the values that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

Value: TypeAlias = str | int | float | bool | tuple[float, ...] | None


class Mark:
    """What stands for values that are no constants."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


REQUIRED: Final = Mark("REQUIRED")
"""The default of an argument that has none."""
UNKNOWN: Final = Mark("UNKNOWN")
"""The value of an argument that is given, but not as a constant."""
NUMBER: Final = Mark("NUMBER")
"""Among an argument's values: any one number, where two would be the ends of a range."""
EQUAL: Final = Mark("EQUAL")
"""Among an argument's values: a range whose ends are equal."""


class Argument(NamedTuple):
    """One argument of a call. `position` counts from 0 without `self`, None where only the keyword gives it.

    `values` are those that matter to whoever holds the argument, see there.
    """

    keyword: str
    position: int | None = None
    default: Value | Mark = REQUIRED
    values: tuple[Value | Mark, ...] = ()

    def given(self, positional: Sequence[object], keywords: Mapping[str, object]) -> object:
        """The argument's value in a call, else its default, which is REQUIRED where it has none."""
        if self.keyword in keywords:
            return keywords[self.keyword]
        if self.position is not None and self.position < len(positional):
            return positional[self.position]
        return self.default


def is_one_of(value: object, values: tuple[Value | Mark, ...]) -> bool:
    """Python's `in`, but a bool equals only a bool, and None only None; NUMBER and EQUAL stand for many."""
    return any(_is_as(value, other) for other in values)


def _is_as(value: object, other: Value | Mark) -> bool:
    if other is NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if other is EQUAL:
        return isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] and value[0] is not UNKNOWN
    return value == other and isinstance(value, bool) == isinstance(other, bool)
