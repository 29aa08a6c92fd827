"""Flags of a command line that can't be turned off: `add_argument("--ema", action="store_true", default=True)`."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.link.natures import walk
from evallint.program import FunctionSymbol, Program

ADDING = "add_argument"


def always_true(program: Program) -> frozenset[str]:
    """The attributes of parsed arguments that are true whatever the user says, as far as the program's code tells."""
    added = [
        call
        for symbol in codes(program)
        if ADDING in program.function(symbol).mentions
        for call in walk(program.body(symbol))
        if isinstance(call, f.Call) and isinstance(call.function, f.Attribute) and call.function.name == ADDING
    ]
    fixed = {name for call in added if is_fixed(call) for name in destinations(call)}
    others = {name for call in added if not is_fixed(call) for name in destinations(call)}
    return frozenset(fixed - others - set_elsewhere(program) if fixed else ())


def codes(program: Program) -> Iterator[FunctionSymbol]:
    """Every function of the program, and the code of every file."""
    for path, facts in program.files.items():
        yield from (FunctionSymbol(path, index) for index in range(len(facts.functions)))


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


def set_elsewhere(program: Program) -> set[str]:
    """The attributes that code assigns."""
    return {
        target.name
        for symbol in codes(program)
        for node in walk(program.body(symbol))
        if isinstance(node, f.Assign)
        for target in node.targets
        if isinstance(target, f.Attribute)
    }
