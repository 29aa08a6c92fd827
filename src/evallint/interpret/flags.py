"""Flags of a command line that can't be turned off: `add_argument("--ema", action="store_true", default=True)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evallint import facts as f
from evallint.memory import ByFile
from evallint.program import Program
from evallint.walk import within

ADDING = "add_argument"


class Added(NamedTuple):
    """The options that a file adds: those that are true whatever the user says, and all others."""

    fixed: frozenset[str]
    others: frozenset[str]


class Flags:
    """The attributes of parsed arguments that are true whatever the user says, as far as the program's code tells."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._added = ByFile(program.memory, program.files, self._add)
        self._assigned: ByFile[frozenset[str]] = ByFile(program.memory, program.files, self._assign)
        self._true = frozenset[str]()
        self.renew()

    def is_true(self, name: str) -> bool:
        self._program.memory.note(("flag", name))
        return name in self._true

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on options that are others now."""
        self._added.renew()
        fixed = frozenset[str]().union(*(one.fixed for one in self._added.known.values()))
        if fixed:
            self._assigned.renew()
            fixed = fixed.difference(*(one.others for one in self._added.known.values()))
            fixed = fixed.difference(*self._assigned.known.values())
        former, self._true = self._true, fixed
        self._program.memory.forget(("flag", name) for name in former ^ fixed)

    def _add(self, path: str) -> Added:
        facts = self._program.files[path]
        calls = [
            call
            for function in facts.functions
            if ADDING in function.mentions
            for call in within(facts.bodies[function.body])
            if isinstance(call, f.Call) and isinstance(call.function, f.Attribute) and call.function.name == ADDING
        ]
        fixed = frozenset(name for call in calls if is_fixed(call) for name in destinations(call))
        return Added(fixed, frozenset(name for call in calls if not is_fixed(call) for name in destinations(call)))

    def _assign(self, path: str) -> frozenset[str]:
        """The attributes that the code of a file assigns."""
        facts = self._program.files[path]
        return frozenset(
            target.name
            for function in facts.functions
            for node in within(facts.bodies[function.body])
            if isinstance(node, f.Assign)
            for target in node.targets
            if isinstance(target, f.Attribute)
        )


def is_fixed(call: f.Call) -> bool:
    given = {argument.keyword: argument.value for argument in call.arguments}
    return given.get("action") == f.Constant("store_true") and given.get("default") == f.Constant(True)


def destinations(call: f.Call) -> Iterator[str]:
    """The attribute that an option is stored in."""
    given = {argument.keyword: argument.value for argument in call.arguments}
    if isinstance(destination := given.get("dest"), f.Constant):
        yield str(destination.value)
        return
    options = [argument.value for argument in call.arguments if not argument.keyword]
    names = [option.value for option in options if isinstance(option, f.Constant) and isinstance(option.value, str)]
    long = [name for name in names if name.startswith("--")] or names
    yield from (name.lstrip("-").replace("-", "_") for name in long[:1])
