"""What is entered, and what is remembered while a function is followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evallint.facts import Span
from evallint.findings import Place
from evallint.gather.metric.quantities import (
    Quantity,
)
from evallint.program import ClassSymbol, FunctionSymbol

How: TypeAlias = Literal["batches", "score", "nominal", "scaled", "unweighted", "other loader", "samples"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A number that is not what it seems, and in which pass: `other` is the loader whose length was taken."""

    at: Place
    how: How
    text: str
    loop: int
    loader: str
    other: str = ""


@dataclass(slots=True)
class Around:
    """A loop that is running: a pass over batches (`number` its identity), or one within it (0).

    `parts`: it goes over samples, or over nobody knows what. `resets`: what its passes assign anew.
    """

    number: int
    parts: bool = False
    resets: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Frame:
    """A function that is followed, with its variables by the text that names them."""

    symbol: FunctionSymbol
    klass: ClassSymbol | None
    names: dict[str, Quantity]
    results: list[Quantity] = field(default_factory=list)
    callers_loops: int = 0
    at: Span = field(default_factory=lambda: Span(1, 1, 1, 1))
