"""What is entered, and what is remembered while a function is followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evallint.facts import Expr, Span
from evallint.findings import Place
from evallint.gather.metric.quantities import Quantity
from evallint.program import ClassSymbol, FunctionSymbol

How: TypeAlias = Literal["batches", "score", "nominal", "scaled", "unweighted", "other loader", "samples"]


@dataclass(frozen=True, slots=True)
class Division:
    """The statement in which a sum, which code calls `name`, is divided, and by what."""

    at: Place
    name: str
    divisor: str


@dataclass(frozen=True, slots=True)
class Intaking:
    """A call by which a meter takes in a value, and the parameter that says how often the value counts."""

    at: Place
    weight: str
    position: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A number that is not what it seems, and in which pass: `other` is the loader whose length was taken.

    `division`: where a sum becomes an average, `added`: what the statements add to it. `intake`: the call that gives a
    value to a meter, without its weight.
    """

    at: Place
    how: How
    text: str
    loop: int
    loader: str
    other: str = ""
    division: Division | None = None
    added: tuple[tuple[Place, Expr], ...] = ()
    intake: Intaking | None = None


@dataclass(slots=True)
class Around:
    """A loop that is running: a pass over batches (`number` its identity), or one within it (0).

    `parts`: it goes over samples, or over nobody knows what. `resets`: what its passes assign anew, as far as they were
    followed. `gives`: the names to which its code gives values.
    """

    number: int
    parts: bool = False
    resets: set[str] = field(default_factory=set)
    gives: frozenset[str] = frozenset()


@dataclass(slots=True)
class Frame:
    """A function that is followed, with its variables by the text that names them. `given`: what its caller calls what
    it is given, where nothing else is known of that."""

    symbol: FunctionSymbol
    klass: ClassSymbol | None
    names: dict[str, Quantity]
    given: dict[str, str] = field(default_factory=dict)
    results: list[Quantity] = field(default_factory=list)
    callers_loops: int = 0
    at: Span = field(default_factory=lambda: Span(1, 1, 1, 1))
