"""The functions that are running, and the loops in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evallint.facts import Span
from evallint.findings import Place
from evallint.interpret.ending import Ending
from evallint.interpret.events import Caller
from evallint.interpret.reading import Tests
from evallint.interpret.values import Address, State, Value
from evallint.program import FunctionSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

HEAD = Span(1, 1, 1, 1)


@dataclass(slots=True)
class Loop:
    """One loop that is running. `resets` are what each of its passes assigns anew; `ending` tells its last pass."""

    address: Address
    resets: frozenset[str] = frozenset()
    ending: Ending | None = None
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


@dataclass(slots=True)
class Frame:
    """One function that is running. A `hidden` one stands for a caller out of sight.

    `inside`: it is part of a model's run; `part_of` is that run's number, if it has one. `flags`: where variables were
    given a constant truth value.
    """

    caller: Caller
    address: Address
    path: str
    symbol: FunctionSymbol | None
    context: int
    tests: Tests
    inside: bool = False
    part_of: int | None = None
    hidden: bool = False
    returns: list[tuple[State, Value]] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)
    on_yield: Callable[[State, Value], list[State]] | None = None
    loops: list[Loop] = field(default_factory=list)
    raised: list[list[State]] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)
    flags: dict[str, set[Place]] = field(default_factory=dict)
    span: Span = HEAD


class Running:
    """A frame that is on the stack while its block runs."""

    __slots__ = ("_frame", "_machine")

    def __init__(self, machine: Machine, frame: Frame) -> None:
        self._machine, self._frame = machine, frame

    def __enter__(self) -> Frame:
        self._machine.frames.append(self._frame)
        return self._frame

    def __exit__(self, *_: object) -> None:
        self._machine.frames.pop()
