"""What a number in an evaluation is: of a batch, of all batches, a count; and what arithmetic makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from evallint.findings import Place
from evallint.program import ClassSymbol

Kind: TypeAlias = Literal[
    "data",  # a part of the batch
    "sample",  # of one sample, or of a part of the batch, at a time
    "output",  # the model's, or computed from it in a way out of sight
    "each",  # one number for each sample
    "value",  # a number of the batch, a mean by its name only
    "mean",  # the mean over the batch
    "score",  # a number of the batch that no mean of parts would give
    "total",  # the sum over the batch
    "stretched",  # a mean times the size that batches nominally have
    "scaled",  # something divided by the size that batches nominally have
    "size",  # how many samples are in this batch
    "nominal",  # how many samples a batch has, by the settings
    "index",  # the number of the batch, from 0
    "batches",  # how many batches there are, or were so far
    "samples",  # how many samples there are, or were so far
    "capacity",  # batches times their nominal size
    "loader",  # what gives the batches
    "sum",  # of something over the batches of a loop
    "list",  # of something from each batch of a loop
    "average",  # such a sum, divided by the number of batches
    "parts",  # a tuple, list or dict of quantities
    "object",  # an instance of a class of the program
    "number",  # a constant
    "unknown",
]

MEASURES = frozenset(("value", "mean", "score"))
"""What averages over batches are made of."""

OF_BATCH = MEASURES | {"output", "each", "total", "stretched", "scaled"}
"""What depends on the model's output for one batch."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`loop`: the loop over batches that a sum, list, average or count goes over (0: any). `inner`: what is summed or
    listed. `parts`: what stands under which key, "*" for any. `text`: what the code calls a loader or a sum. `at`:
    the statement that adds. `klass`: the class of an object.
    """

    kind: Kind
    loop: int = 0
    inner: Quantity | None = None
    parts: tuple[tuple[object, Quantity], ...] = ()
    text: str = ""
    at: Place | None = None
    klass: ClassSymbol | None = None
    value: object = None

    def part(self, key: object) -> Quantity | None:
        """What stands under a key, else under any."""
        found = dict(self.parts)
        return found.get(key, found.get("*"))

    @property
    def is_of_batch(self) -> bool:
        return self.kind in OF_BATCH


UNKNOWN = Quantity("unknown")
NUMBER = Quantity("number")
OUTPUT = Quantity("output")
DATA = Quantity("data")
SAMPLE = Quantity("sample")


def of_kind(kind: Kind) -> Quantity:
    return Quantity(kind)


GIVEN = {kind: Quantity(kind) for kind in ("mean", "total", "each", "score", "value", "output")}
"""What measures give, by the words of the tables."""


def joined(one: Quantity, other: Quantity) -> Quantity:
    """What may be either, on two paths."""
    if one == other or other.kind in ("unknown", "number"):
        return one
    if one.kind in ("unknown", "number"):
        return other
    if one.kind == other.kind and one.kind in ("stretched", "scaled"):
        return one
    if one.kind in MEASURES and other.kind in MEASURES | {"output"}:
        return of_kind("value")
    if other.kind in MEASURES and one.kind == "output":
        return of_kind("value")
    if one.kind == other.kind and one.inner is not None and other.inner is not None:
        return replace(one, inner=joined(one.inner, other.inner))
    if one.kind == other.kind == "parts":
        keys = dict.fromkeys([*dict(one.parts), *dict(other.parts)])
        return Quantity(
            "parts", parts=tuple((key, joined(one.part(key) or UNKNOWN, other.part(key) or UNKNOWN)) for key in keys)
        )
    return one if one.kind == other.kind else UNKNOWN


def combined(operator: str, left: Quantity, right: Quantity) -> Quantity:
    """What an operation on two quantities gives."""
    kinds = {left.kind, right.kind}
    if "sample" in kinds:
        return SAMPLE
    if operator in ("+", "-"):
        return added(left, right)
    if operator == "*":
        return multiplied(left, right)
    if operator in ("/", "//"):
        return divided(left, right)
    if operator == "**":
        return of_kind("score") if left.kind == "mean" and right.value == 0.5 else left
    return OUTPUT if any(one.is_of_batch for one in (left, right)) else UNKNOWN


def added(left: Quantity, right: Quantity) -> Quantity:
    if left.is_of_batch and right.is_of_batch:
        if left.kind == right.kind:
            return left
        kinds = {left.kind, right.kind}
        for kind in ("total", "each", "stretched", "scaled", "output", "score"):
            if kind in kinds:
                return of_kind(kind)
        return of_kind("value")
    for one, other in ((left, right), (right, left)):
        if one.is_of_batch or (one.kind in ("sum", "samples") and other.kind in ("number", "unknown", "sum")):
            return one
        if one.kind == "index" and other.value == 1:
            return Quantity("batches", loop=one.loop)
    if left.kind == right.kind == "number":
        return NUMBER
    return DATA if "data" in (left.kind, right.kind) else UNKNOWN


def multiplied(left: Quantity, right: Quantity) -> Quantity:
    for one, other in ((left, right), (right, left)):
        if one.kind in MEASURES:
            if other.kind == "size":
                return of_kind("total")
            if other.kind == "nominal":
                return Quantity("stretched", inner=one)
            if other.kind == "number":
                return one
            if other.is_of_batch:
                return of_kind("value")
            return UNKNOWN
        if one.kind == "batches" and other.kind == "nominal":
            return Quantity("capacity", loop=one.loop)
        if one.kind == "batches" and other.kind == "batches":
            return Quantity("batches", loop=one.loop, text=one.text, inner=other)
        if one.kind == "batches" and other.kind == "number":
            return one
        if one.kind in ("sum", "average") and other.kind in ("number", "unknown"):
            return one  # whatever a sum is scaled by, each batch counts as much as before
        if one.is_of_batch and other.kind == "size":
            return of_kind("total")
        if one.is_of_batch:
            return one
    return DATA if "data" in (left.kind, right.kind) else NUMBER if left.kind == right.kind == "number" else UNKNOWN


def divided(left: Quantity, right: Quantity) -> Quantity:
    """What is left of a division; that of a sum is the ledger's business."""
    if left.kind in MEASURES:
        if right.kind == "nominal":
            return Quantity("scaled", inner=left)
        return of_kind("value") if left.kind == "mean" and right.kind != "number" else left
    if left.kind == "total":
        if right.kind == "size":
            return of_kind("mean")
        if right.kind == "nominal":
            return Quantity("scaled", inner=left)
        if right.kind == "number":
            return left
        return of_kind("score") if right.is_of_batch else of_kind("value") if right.kind == "data" else UNKNOWN
    if left.is_of_batch:
        return of_kind("value") if right.kind == "size" else left
    if left.kind == "samples" and right.kind == "nominal":
        return Quantity("batches")
    if left.kind in ("sum", "average", "batches") and right.kind == "number":
        return left
    return DATA if left.kind == "data" else NUMBER if left.kind == right.kind == "number" else UNKNOWN
