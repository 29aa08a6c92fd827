"""What a mean and a deviation are, with every slip of a digit and every way to round."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallint.apis import Dataset, load
from evallint.statistics import Numbers, published, recognise

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR10 = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CIFAR100 = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SVHN = (0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)
MNIST = (0.1307,), (0.3081,)
KNOWN = {"imagenet": IMAGENET, "cifar10": CIFAR10, "cifar100": CIFAR100, "clip": CLIP, "svhn": SVHN, "mnist": MNIST}
KEYS = "imagenet half clip caffe cifar10 cifar100 mnist fashion-mnist kmnist emnist omniglot svhn stl10 tiny-imagenet"


@pytest.mark.parametrize(
    ("mean", "std", "kind", "names"),
    [
        (*IMAGENET, "known", ("imagenet",)),
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "known", ("half",)),
        ((0.5,), (0.5,), "known", ("half",)),
        ((0.1307, 0.1307, 0.1307), (0.3081, 0.3081, 0.3081), "known", ("mnist",)),
        ((0.449,), (0.226,), "known", ("imagenet",)),
        ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225), "known", ("kinetics",)),
        ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761), "known", ("cifar100",)),
        ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), "known", ("cifar100",)),
        ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), "known", ("cifar10",)),
        ((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261), "rounded", ("cifar10",)),
        ((0.4914, 0.48216, 0.44653), (0.2470, 0.24349, 0.26159), "rounded", ("cifar10",)),
        ((0.48, 0.46, 0.41), (0.23, 0.22, 0.23), "rounded", ("imagenet",)),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "scaled", ("imagenet",)),
        ((124, 116, 104), (58, 57, 57), "scaled", ("imagenet",)),
        ((127.5, 127.5, 127.5), (128.0, 128.0, 128.0), "scaled", ("half",)),
        ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7), "scaled", ("cifar10",)),
        ((0.406, 0.456, 0.485), (0.225, 0.224, 0.229), "bgr", ("imagenet",)),
        ((103.939, 116.779, 123.68), (), "bgr", ("caffe",)),
        ((103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "bgr", ("caffe",)),
        ((0.40760392, 0.45795686, 0.48501961), (1 / 255, 1 / 255, 1 / 255), "bgr", ("caffe",)),
        ((0.406, 0.456, 0.485), (0.229, 0.224, 0.225), "crossed", ("imagenet",)),
        ((0.229, 0.224, 0.225), (0.485, 0.456, 0.406), "swapped", ("imagenet",)),
        ((123.675, 116.28, 103.53), (0.229, 0.224, 0.225), "scales-differ", ("imagenet",)),
        ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), "wrong-deviation", ("cifar10",)),
        ((0.5071, 0.4866, 0.4409), (0.2009, 0.1984, 0.2023), "wrong-deviation", ("cifar100",)),
        ((0.4914, 0.4822, 0.4465), (0.2673, 0.2564, 0.2762), "mixed", ("cifar10", "cifar100")),
        ((0.485, 0.465, 0.406), (0.229, 0.224, 0.225), "near", ("imagenet",)),
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.255), "near", ("imagenet",)),
        ((132.675, 116.28, 103.53), (58.395, 57.12, 57.375), "near", ("imagenet",)),
        ((0.1307,), (0.3801,), "near", ("mnist",)),
        ((0.651, 0.4391, 0.2991), (0.1046, 0.0846, 0.0611), "unknown", ()),
        ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "unknown", ()),
        ((0.4, 0.4, 0.4), (0.2, 0.2, 0.2), "unknown", ()),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "unknown", ()),
        ((0.4914, 0.4822, 0.4465), (0.4914, 0.4822, 0.4465), "unknown", ()),
        ((0.485, 0.456), (0.229, 0.224, 0.225), "unknown", ()),
        ((float("nan"),), (float("inf"),), "unknown", ()),
        ((), (), "unknown", ()),
    ],
)
def test_what_constants_are(mean: Numbers, std: Numbers, kind: str, names: tuple[str, ...]) -> None:
    found = recognise(mean, std)
    assert (found.kind, found.names) == (kind, names)


def test_the_number_that_is_off_is_told_with_the_right_one() -> None:
    found = recognise((0.485, 0.465, 0.406), (0.229, 0.224, 0.225))
    assert (found.off, found.given, found.right) == (1, 0.465, 0.456)
    assert (found.mean, found.std) == IMAGENET
    found = recognise((0.406, 0.456, 0.485), (0.255, 0.224, 0.229))
    assert (found.off, found.right, found.reversed) == (3, 0.225, True)


def test_a_normalisation_that_undoes_another_is_recognised() -> None:
    means, stds = IMAGENET
    undone = recognise([-m / s for m, s in zip(means, stds, strict=True)], [1 / s for s in stds])
    assert (undone.kind, undone.inverse) == ("known", True)
    slip = recognise((-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.255), (1 / 0.229, 1 / 0.224, 1 / 0.255))
    assert (slip.kind, slip.inverse, slip.off, slip.right) == ("near", True, 5, 0.225)


def test_the_right_deviations_go_with_the_wrong_ones() -> None:
    assert recognise((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)).std == (0.2470, 0.2435, 0.2616)


@pytest.mark.parametrize("key", KEYS.split())
def test_whatever_is_published_is_recognised(key: str) -> None:
    each = published(key)
    assert each is not None
    for mean in each.means:
        for std in each.stds:
            if len(mean) == len(std):
                found = recognise(mean, std)
                assert found.kind == "known"
                assert key in found.names


def test_no_set_is_another_with_a_slip() -> None:
    everything = [each for key in KEYS.split() if (each := published(key))]
    for one, other in combinations(everything, 2):
        found = recognise(one.means[0], other.stds[0])
        assert found.kind in ("mixed", "unknown"), (one.key, other.key, found)


def test_every_data_set_of_the_tables_has_its_statistics() -> None:
    apis = load()
    meanings = [apis.data(name) for package in apis.packages() for name in apis.data_names(package) if "*" not in name]
    named = {meaning.statistics for meaning in meanings if isinstance(meaning, Dataset) and meaning.statistics}
    assert [key for key in sorted(named) if published(key) is None] == []


# ---- slips and roundings ------------------------------------------------------------------------


def slips(number: float) -> Iterator[float]:
    """The number with a digit mistyped, left out, added, or exchanged for its neighbour."""
    digits = json.dumps(number)[2:]
    for place in range(min(len(digits), 4)):
        for digit in "0123456789":
            yield float(f"0.{digits[:place]}{digit}{digits[place + 1 :]}")
            yield float(f"0.{digits[:place]}{digit}{digits[place:]}")
        yield float(f"0.{digits[:place]}{digits[place + 1 :]}0")
        yield float(f"0.{digits[:place]}{digits[place : place + 2][::-1]}{digits[place + 2 :]}")


def is_rounding(number: float, right: float) -> bool:
    """A slip may happen to be a way to round, or to differ by less than another computation from the data would."""
    decimals = len(json.dumps(number)) - 2
    return abs(number - right) <= max(
        0.00025 if decimals > 3 else 0, 0.5 * 10.0**-decimals + 1e-9 if decimals > 1 else 0
    )


@pytest.mark.parametrize("key", KNOWN)
def test_a_slip_in_any_number_is_found(key: str) -> None:
    numbers = (*KNOWN[key][0], *KNOWN[key][1])
    half = len(numbers) // 2
    each = published(key)
    assert each is not None
    for place, right in enumerate(numbers):
        lists = each.means if place < half else (*each.stds, *each.wrong)
        fine = [right, *(one[place % half] for one in lists if len(one) == half)]
        for slip in slips(right):
            typed = (*numbers[:place], slip, *numbers[place + 1 :])
            if (half == 1 and len(json.dumps(slip)) < 5) or any(is_rounding(slip, one) for one in fine):
                continue
            found = recognise(typed[:half], typed[half:])
            assert found.kind == "near", (typed, found)
            assert (found.names, found.off) == ((key,), place), (typed, found)


@pytest.mark.parametrize("key", KNOWN)
@pytest.mark.parametrize("decimals", [2, 3, 4, 8])
@pytest.mark.parametrize("cut", [False, True])
def test_no_way_to_round_is_taken_for_a_slip(key: str, decimals: int, cut: bool) -> None:
    for scale in (1, 255):
        shown = [
            tuple(
                shortened(number * scale, decimals if scale == 1 else max(decimals - 2, 1), cut) for number in numbers
            )
            for numbers in KNOWN[key]
        ]
        found = recognise(*shown)
        coarse = ("unknown",) if decimals == 2 else ()
        assert found.kind in ("known", "rounded", "scaled", *coarse), (shown, found)
        assert key in found.names or found.kind in coarse


def shortened(number: float, decimals: int, cut: bool) -> float:
    return int(number * 10**decimals + 1e-6) / 10**decimals if cut else round(number, decimals)


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-300, 300).map(float)


@given(st.lists(numbers, max_size=4), st.lists(numbers, max_size=4))
def test_any_numbers_get_an_answer(mean: list[float], std: list[float]) -> None:
    assert recognise(mean, std).kind


@given(st.lists(st.integers(1, 999), min_size=6, max_size=6))
def test_numbers_by_chance_are_no_slip(digits: list[int]) -> None:
    values = [digit / 1000 for digit in digits]
    if sum(value in (*IMAGENET[0], *IMAGENET[1]) for value in values) < 3:
        assert recognise(values[:3], values[3:]).kind in ("unknown", "rounded")
