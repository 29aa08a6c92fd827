"""Whatever digit of published constants is mistyped, it is reported where it stands; no honest way to write them is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from evallint.check.data.hard_coded_normalization import check
from evallint.extract import extract
from evallint.gather.data.constants import typed_constants
from evallint.link import link
from evallint.project import Project
from evallint.statistics import NOISE, Numbers, Published, every_published

SETS = {each.key: each for each in every_published() if each.key != "half"}
FEW_DIGITS = frozenset(("fashion-mnist",))
"""Of two numbers with three digits, either may be anything."""


def told(constants: Sequence[tuple[Numbers, Numbers]]) -> list[list[str]]:
    """What is said of each mean and deviation, typed into a call on a line of its own; information left aside."""
    calls = (f"T.Normalize({list(mean)}, {list(std)})" for mean, std in constants)
    program = link({"data.py": extract("\n".join(["import torchvision.transforms as T", *calls]))})
    found: list[list[str]] = [[] for _ in constants]
    for finding in check(Project(typed_constants=tuple(typed_constants(program, ())))):
        if finding.severity != "info":
            found[finding.at.span.line - 2].append(finding.says)
    return found


def pairs(each: Published) -> Iterator[tuple[Numbers, Numbers]]:
    """Every mean of a set with every deviation that is published for as many channels."""
    for mean in each.means:
        yield from ((mean, std) for std in each.stds if len(std) == len(mean))


def mistyped(number: float, alike: Sequence[float]) -> Iterator[float]:
    """The number with another digit in one place; none that is published as well, or a way to round."""
    digits = json.dumps(number).partition(".")[2]
    for place, right in enumerate(digits):
        digit = (int(right) + 4) % 10 or 3
        slip = float(f"0.{digits[:place]}{digit}{digits[place + 1 :]}")
        if all(abs(slip - one) > NOISE + 1e-9 for one in alike):
            yield slip


@pytest.mark.parametrize("key", sorted(SETS.keys() - FEW_DIGITS))
def test_a_slip_in_any_digit_is_reported(key: str) -> None:
    each = SETS[key]
    mean, std = next(pairs(each))
    numbers, half = (*mean, *std), len(mean)
    alike = [(*one, *other) for one, other in pairs(each) if len(one) == half]
    published = [[one[place] for one in alike] for place in range(len(numbers))]
    slips = [(place, slip) for place, number in enumerate(numbers) for slip in mistyped(number, published[place])]
    typed = [(*numbers[:place], slip, *numbers[place + 1 :]) for place, slip in slips]
    assert {place for place, _ in slips} == set(range(len(numbers)))
    for (place, slip), says in zip(slips, told([(one[:half], one[half:]) for one in typed]), strict=True):
        assert says == [f"`{slip:g}` is `{numbers[place]:g}` in the statistics of {each.title}"]


WAYS: dict[str, Callable[[float], float]] = {
    "as published": lambda number: number,
    "with four decimals": lambda number: round(number, 4),
    "with two decimals": lambda number: round(number, 2),
    "cut off after three": lambda number: int(number * 1000 + 1e-6) / 1000,
    "of values to 255": lambda number: round(number * 255, 2),
    "of values to 255, rounded": lambda number: round(number * 255, 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_honest_way_to_write_them_is_reported(way: str) -> None:
    published = [pair for each in SETS.values() for pair in pairs(each)]
    shown = [(tuple(map(WAYS[way], mean)), tuple(map(WAYS[way], std))) for mean, std in published]
    in_order = [*shown, *((mean[::-1], std[::-1]) for mean, std in shown)]
    assert [(typed, says) for typed, says in zip(in_order, told(in_order), strict=True) if says] == []
