"""What names make of the numbers of an evaluation."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from evallint.apis.arguments import Argument


class Measure(NamedTuple):
    """A function that makes a number of a batch's outputs, or a class whose instances do.

    `gives`: the "mean" of its samples' numbers, their "total", "each" of them, or a "score" that no mean of parts of
    the data would give (an F1 or AUC of the batch alone). `reduction`: the argument that says which of the first three;
    in it "mean", "sum" and "none" mean them. `averages`: the older flag whose false value means the total.
    """

    name: str
    gives: Literal["mean", "total", "each", "score"]
    reduction: Argument | None = None
    averages: Argument | None = None


class Average(NamedTuple):
    """A function that takes the mean of what is in a sequence, weighted where `weights` are given."""

    name: str
    weights: Argument | None = None


class Meter(NamedTuple):
    """A method by which a meter takes in one more `value`, which counts `weight` times."""

    name: str
    value: Argument
    weight: Argument


Metric: TypeAlias = Measure | Average | Meter
"""What a name makes of the numbers of an evaluation."""
