"""Published means and deviations that images are normalised by, and what a pair of given ones is.

    recognise((0.485, 0.465, 0.406), (0.229, 0.224, 0.225))   # kind "near", names ("imagenet",), off 1, right 0.456
    recognise((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)).kind   # "scaled"
    published("cifar10").stds[0]                              # the ones to use

The table is `statistics.toml`, with the sources.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import islice, product
from pathlib import Path
from typing import Final, Literal, TypeAlias

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Numbers: TypeAlias = tuple[float, ...]

TABLE: Final = Path(__file__).with_suffix(".toml")
NOISE: Final = 0.00025
"""Numbers of four and more decimals may differ by this much: they were computed from the data anew."""
APART: Final = 5
"""A mistyped number is so many times farther from that of a set than any other beside it."""

SAME: Final = 0.000001
"""Numbers that differ by less are the same number."""


@dataclass(frozen=True, slots=True)
class Published:
    """A set of statistics under its key. Channels are in the order red, green, blue, values go from 0 to 1.

    The first of `means` and `stds` are the ones to use, the others are right as well; `wrong` are deviations that are
    widely copied, but were averaged over single images.
    """

    key: str
    title: str
    of: Literal["data", "weights", "both"]
    means: tuple[Numbers, ...]
    stds: tuple[Numbers, ...]
    wrong: tuple[Numbers, ...]
    source: str


Kind: TypeAlias = Literal[
    "known",  # a published set, to the digit
    "rounded",  # one with fewer digits, or computed from the data anew
    "scaled",  # for values from 0 to 255
    "bgr",  # in the order blue, green, red
    "swapped",  # mean and deviation in each other's place
    "wrong-deviation",  # the deviation averaged over single images
    "crossed",  # the order is that of mean or deviation only
    "scales-differ",  # one of them is for 0 to 255, the other for 0 to 1
    "mixed",  # the mean of one set, the deviation of another
    "near",  # one number differs
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a mean and a deviation are.

    `names`: the keys of the sets they may belong to; for "mixed" the mean's and the deviation's. `mean` and `std`: what
    the set publishes, in the given order and scale. `off`: the place of the number that differs, counted through mean
    and deviation, with what stands there and what should. `scaled`, `reversed` and `inverse` go with any kind:
    for values to 255; in the order blue, green, red; to undo a normalisation (-mean/std and 1/std).
    """

    kind: Kind
    names: tuple[str, ...] = ()
    mean: Numbers = ()
    std: Numbers = ()
    off: int | None = None
    given: float = 0.0
    right: float = 0.0
    scaled: bool = False
    reversed: bool = False
    inverse: bool = False


UNKNOWN: Final = Recognition("unknown")


def recognise(mean: Sequence[float], std: Sequence[float]) -> Recognition:
    """What this mean and deviation are; a deviation of no numbers, or of ones, says that only a mean is subtracted."""
    return _recognised(tuple(map(float, mean)), tuple(map(float, std)))


@lru_cache(maxsize=4096)
def _recognised(mean: Numbers, std: Numbers) -> Recognition:
    means, stds = _single(mean, std)
    if _inverts(means, stds):
        stds = tuple(round(1 / each, 9) for each in stds)
        means = tuple(round(-each * other, 9) for each, other in zip(means, stds, strict=True))
        return replace(_recognise(means, stds), inverse=True)
    return _recognise(means, stds)


def published(key: str) -> Published | None:
    """The set under this key."""
    return next((each for each in every_published() if each.key == key), None)


def every_published() -> tuple[Published, ...]:
    """All sets, in the order of the table."""
    return _sets()


def _recognise(mean: Numbers, std: Numbers) -> Recognition:
    if not mean or not all(map(_is_finite, (*mean, *std))) or len(std) not in (0, len(mean)):
        return UNKNOWN
    if all(each == 1 for each in std):
        std = ()
    views = [view for view in VIEWS if len(mean) > 1 or not view.reversed]
    for find in (_whole, _wrong_deviation, _swapped, _crossed, _scales_differ, _near, _mixed):
        for view in views:
            found = next(find(mean, std, view), None)
            if found is not None:
                return found
    return UNKNOWN


# ---- the ways to look at numbers ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    scale: int
    reversed: bool

    def of(self, numbers: Numbers) -> Numbers:
        """Published numbers as they would be given."""
        return _shown(numbers, self.scale, self.reversed)


@lru_cache(maxsize=4096)
def _shown(numbers: Numbers, scale: int, is_reversed: bool) -> Numbers:
    ordered = numbers[::-1] if is_reversed else numbers
    return tuple(each * scale for each in ordered)


VIEWS: Final = tuple(_View(scale, reverse) for scale, reverse in product((1, 255), (False, True)))


def _single(mean: Numbers, std: Numbers) -> tuple[Numbers, Numbers]:
    """One number for all channels where they have the same, and no set of three that says the same."""
    gray = len(set(mean)) == 1 and len(set(std)) <= 1
    if gray and len(mean) > 1 and not next(_whole(mean, std, VIEWS[0]), None):
        return mean[:1], std[:1]
    return mean, std


def _inverts(mean: Numbers, std: Numbers) -> bool:
    return len(mean) == len(std) and all(each < 0 for each in mean) and all(each > 1 for each in std) and mean != ()


def _is_finite(number: float) -> bool:
    return abs(number) < 1e6  # neither infinite nor nan


# ---- kinds --------------------------------------------------------------------------------------


def _whole(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    """Both are those of a set."""
    found = [pair for pair in _pairs(mean, std, view) if _agree(mean, pair[1], view) and _agree(std, pair[2], view)]
    same = [pair for pair in found if _is_same(mean, pair[1], view) and _is_same(std, pair[2], view)]
    best = same or found
    if best and (_is_telling((*mean, *std), view) or same):
        kind: Kind = "bgr" if view.reversed else "scaled" if view.scale > 1 else "known" if same else "rounded"
        names = tuple(dict.fromkeys(each.key for each, _, _ in best))
        yield Recognition(kind, names, best[0][1], best[0][2], scaled=view.scale > 1, reversed=view.reversed)


def _wrong_deviation(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    for each, right, _ in _pairs(mean, std, view):
        if any(_agree(std, view.of(wrong), view) for wrong in each.wrong if std) and _agree(mean, right, view):
            yield _of(each, "wrong-deviation", mean, view)


def _swapped(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    if std and _is_telling((*mean, *std), view):
        for each, right, other in _pairs(mean, std, view):
            if _agree(mean, other, view) and _agree(std, right, view) and mean != std:
                yield _of(each, "swapped", mean, view)


def _crossed(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    """The mean's order is that of the view, the deviation's the other."""
    if len(std) > 1 and _is_telling(mean, view) and _is_telling(std, view):
        for each, right, other in _pairs(mean, std, view):
            if _agree(mean, right, view) and _agree(std, other[::-1], view):
                yield _of(each, "crossed", mean, view)


def _scales_differ(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    """The mean's scale is that of the view, the deviation's the other."""
    other_view = _View(256 - view.scale, view.reversed)
    if std and _is_telling(mean, view) and _is_telling(std, other_view):
        for each in _sets():
            stds = [view.of(other) for other in each.stds if len(other) == len(std)]
            means = [view.of(right) for right in each.means if len(right) == len(mean)]
            if any(_agree(mean, right, view) for right in means) and any(
                _agree(std, tuple(one / view.scale * other_view.scale for one in other), other_view) for other in stds
            ):
                yield _of(each, "scales-differ", mean, view)


def _mixed(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    if not std or not (_is_telling(mean, view) and _is_telling(std, view)):
        return
    ours = [each for each in _sets() if any(_agree(mean, view.of(right), view) for right in each.means)]
    others = [each for each in _sets() if any(_agree(std, view.of(other), view) for other in (*each.stds, *each.wrong))]
    if ours and others:
        found = _of(ours[0], "mixed", mean, view)
        yield replace(found, names=(ours[0].key, others[0].key))


def _near(mean: Numbers, std: Numbers, view: _View) -> Iterator[Recognition]:
    """All numbers but one are those of a set, and that one is a slip away, or the others are beyond doubt."""
    given = (*mean, *std)
    for each, right, other in (*_pairs(mean, std, view), *_pairs(mean, std, view, copied=True)):
        expected = (*right, *other)
        every = (place for place, number in enumerate(given) if not _agrees(number, expected[place], given, view))
        off = list(islice(every, 2))
        if len(off) != 1 or len(given) < 2:
            continue
        place = off[0]
        is_copied = other in map(view.of, each.wrong)
        if is_copied and place >= len(mean):
            continue
        rest = [number for index, number in enumerate(given) if index != place]
        beyond_doubt = len(given) >= 6
        telling = sum(_decimals(number) >= _enough(view, 3 if len(given) > 2 else 4) for number in rest)
        slip = _decimals(given[place]) >= _enough(view, 3) and _is_slip(given[place], expected[place])
        if telling < max(1, len(rest) - 1) or not (slip or beyond_doubt):
            continue
        others = (abs(number - expected[index]) for index, number in enumerate(given) if index != place)
        if not slip and abs(given[place] - expected[place]) < APART * max(others):
            continue  # none is quite that of the set: somebody has measured data that are much like it
        found = _of(each, "near", mean, view)
        yield replace(
            found,
            mean=right,
            std=found.std if is_copied else other,
            off=place,
            given=given[place],
            right=expected[place],
        )


def _pairs(
    mean: Numbers, std: Numbers, view: _View, copied: bool = False
) -> tuple[tuple[Published, Numbers, Numbers], ...]:
    """Every mean with every deviation of a set, of as many channels as given, as they would be given. `copied`: with
    those deviations that are widely copied, and were averaged over single images."""
    return _pairs_of(len(mean), len(std), view, copied)


@lru_cache(maxsize=64)
def _pairs_of(means: int, stds: int, view: _View, copied: bool) -> tuple[tuple[Published, Numbers, Numbers], ...]:
    return tuple(
        (each, view.of(right), view.of(other))
        for each in _sets()
        for right, other in product(each.means, each.wrong if copied else each.stds if stds else ((),))
        if len(right) == means and len(other) == stds
    )


def _of(each: Published, kind: Kind, mean: Numbers, view: _View) -> Recognition:
    """A set recognised, with the constants to use."""
    right = next(view.of(one) for one in each.means if len(one) == len(mean))
    other = next(view.of(one) for one in each.stds if len(one) == len(mean))
    return Recognition(kind, (each.key,), right, other, scaled=view.scale > 1, reversed=view.reversed)


# ---- numbers ------------------------------------------------------------------------------------


def _agree(given: Numbers, expected: Numbers, view: _View) -> bool:
    """Are all numbers those expected, each rounded in its way, or all cut off at the same place?"""
    if len(given) != len(expected):
        return False
    farthest = 10.0 ** -_enough(view, 2)
    for number, right in zip(given, expected, strict=True):
        if abs(number - right) > farthest:
            return False  # no rounding leads there; most sets are told apart by this alone
    if all(_agrees(number, right, given, view) for number, right in zip(given, expected, strict=True)):
        return True
    step = 10.0 ** -max(map(_decimals, given))
    cut = all(0 <= right - number < step for number, right in zip(given, expected, strict=True))
    return cut and step <= 10.0 ** -_enough(view, 2)


def _agrees(number: float, right: float, given: Numbers, view: _View) -> bool:
    """Is a number the one expected, rounded as it is, or as precisely as the most precise of its companions?"""
    decimals = _decimals(number)
    if decimals < _enough(view, 2):
        decimals = max(map(_decimals, given))
    difference = abs(number - right)
    if difference <= SAME * view.scale or decimals < _enough(view, 2):
        return difference <= SAME * view.scale
    noise = NOISE * view.scale if decimals >= _enough(view, 4) else 0.0
    return difference <= max(noise, 0.5 * 10.0**-decimals + 1e-9)


def _is_same(given: Numbers, expected: Numbers, view: _View) -> bool:
    return all(abs(number - right) <= SAME * view.scale for number, right in zip(given, expected, strict=True))


def _is_telling(given: Numbers, view: _View) -> bool:
    """Do the numbers have enough digits to be taken for a certain set?"""
    return max(map(_decimals, given)) >= _enough(view, 2)


def _enough(view: _View, decimals: int) -> int:
    """So many decimals of numbers to 1, as decimals of numbers to 255."""
    return decimals if view.scale == 1 else decimals - 2


@lru_cache(maxsize=4096)
def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _is_slip(number: float, right: float) -> bool:
    """Is one number the other with a digit mistyped, left out, added or moved?"""
    decimals = max(_decimals(number), 1)
    digits = _digits(number, decimals)
    return any(_is_one_slip(digits, _digits(right, places)) for places in {decimals - 1, decimals, decimals + 1})


def _digits(number: float, decimals: int) -> str:
    return f"{number:.{decimals}f}".replace(".", "")


def _is_one_slip(one: str, other: str) -> bool:
    if len(one) == len(other):
        places = [place for place in range(len(one)) if one[place] != other[place]]
        moved = len(places) == 2 and one[places[0]] == other[places[1]] and one[places[1]] == other[places[0]]
        return len(places) == 1 or moved
    short, long = sorted((one, other), key=len)
    return len(long) - len(short) == 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


# ---- the table ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _sets() -> tuple[Published, ...]:
    table = tomllib.loads(TABLE.read_text("utf-8"))
    return tuple(
        Published(
            each["key"],
            each["title"],
            each["of"],
            _numbers(each["means"]),
            _numbers(each["stds"]),
            _numbers(each.get("wrong", ())),
            each["source"],
        )
        for each in table["set"]
    )


def _numbers(lists: Sequence[Sequence[float]]) -> tuple[Numbers, ...]:
    return tuple(tuple(map(float, numbers)) for numbers in lists)
