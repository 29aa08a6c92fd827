"""Values as they were at one moment, to be read when the interpreter is done: what loaders, data sets and pipelines are
made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from evallint.findings import Place
from evallint.program import ClassSymbol, FunctionSymbol


@dataclass(frozen=True, slots=True)
class Plain:
    """A constant."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple or dict: what is known to stand in it, by index or key; `rest` may be there besides."""

    items: tuple[tuple[object, Term], ...]
    rest: Term | None = None

    def values(self) -> tuple[Term, ...]:
        return tuple(value for _, value in self.items)


@dataclass(frozen=True, slots=True)
class Applied:
    """A transform of the program whose code is running: its class, where it was made, and what is equal for it."""

    name: str
    at: Place
    identity: object


@dataclass(frozen=True, slots=True)
class Pass:
    """Something that is done to a sample: which, and where in the method that is asked for the sample.

    `within`: where in what this method calls. `by`: the transforms in whose code it is, the outermost first. `sure`:
    every sample that comes this way gets it. `chance`: whether, or how, it is done hangs on a random number. `number`:
    by which what comes of it is known, 0 where nothing tells it apart; `on`: what it is done to. `some`: samples of a
    certain kind get it for sure, such as large ones.
    """

    what: Term
    at: Place
    within: Place
    sure: bool = True
    chance: bool = False
    by: tuple[Applied, ...] = ()
    number: int = field(default=0, compare=False)
    on: frozenset[int] = field(default=frozenset(), compare=False)
    some: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """The result of a call: an object, or what a function out of sight returned.

    `name`: what was called, by its qualified name, or the class of the program by its own; `owner`: the object whose
    method it was. `identity`: equal for one and the same object. `attributes`: what it holds now. `passes`: what its
    `__call__`, `forward` or `__getitem__` does to a sample, None where that is not known. `part`: the position of the
    object in the result, None where it is the whole. `label`: the name it went by first.
    """

    name: str
    klass: ClassSymbol | None
    at: Place
    identity: object
    positional: tuple[Term, ...] = ()
    keywords: tuple[tuple[str, Term], ...] = ()
    spread: bool = False
    owner: Term | None = None
    attributes: tuple[tuple[str, Term], ...] = ()
    passes: tuple[Pass, ...] | None = None
    part: int | None = None
    label: str = ""

    def attribute(self, name: str) -> Term | None:
        return next((value for key, value in self.attributes if key == name), None)


@dataclass(frozen=True, slots=True)
class Named:
    """A function or class itself."""

    name: str
    symbol: ClassSymbol | FunctionSymbol | None = None


@dataclass(frozen=True, slots=True)
class ByHand:
    """Arithmetic with, or a slice of, a sample: `operator` is `-`, `/`, `*`, `+` or `[]`."""

    operator: str
    operand: Term


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these is done to a sample."""

    ways: tuple[tuple[Pass, ...], ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these."""

    options: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Dark:
    """Something out of sight. `identity`: equal where it is certainly the same, None where nothing is known."""

    label: str = ""
    identity: object = None


Term: TypeAlias = "Plain | Items | Made | Named | ByHand | OneOf | AnyOf | Dark"

DARK = Dark()


def options(term: Term | None) -> tuple[Term, ...]:
    """Each thing that a term may be, alternatives within alternatives included."""
    if term is None:
        return ()
    return tuple(_options(term))


def _options(term: Term) -> Iterator[Term]:
    if isinstance(term, AnyOf):
        for one in term.options:
            yield from _options(one)
    else:
        yield term
