"""What those do who may call a method that nothing in sight calls for sure: by its name, or as one of a base class."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.gather.code.sites import Site, gradients_off, last_name, of_self, sites, turns_off
from evallint.program import ClassSymbol, FunctionSymbol, Program

DEEPEST = 4
"""So many calls lead from where gradients are off to a method."""


def may_run_without_graph(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether some code calls a method of this name where gradients are off: `self.step(batch)` in a base class, whose
    subclasses say what a step is."""
    seen, level = {symbol}, [symbol]
    for _ in range(DEEPEST):
        found = [(caller, calls) for one in level for caller, calls in callers(program, one) if caller not in seen]
        if any(is_without_graph(program, caller, calls) for caller, calls in found):
            return True
        level = list(dict.fromkeys(caller for caller, _ in found))
        seen.update(level)
    return False


def callers(program: Program, symbol: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, list[Site]]]:
    """The functions that may call a method, with the calls."""
    klass, name = program.class_of(symbol), program.function(symbol).name
    if klass is None:
        return
    for caller in program.users(name):
        calls = [one for one in sites(program.body(caller)) if may_mean(program, one, name, caller, klass)]
        if calls:
            yield caller, calls


def is_without_graph(program: Program, caller: FunctionSymbol, calls: list[Site]) -> bool:
    """Whether gradients are off in a function, or around one of these calls in it."""
    if any(gradients_off(program, caller.path, one) for one in program.function(caller).decorators):
        return True
    return any(turns_off(program, caller, block) for one in calls for block in one.contexts)


def may_mean(program: Program, site: Site, name: str, caller: FunctionSymbol, klass: ClassSymbol) -> bool:
    """Whether a call may be one of a class's method: on `self` only in the class itself, and those that it is of."""
    function = site.call.function
    if not isinstance(function, f.Attribute) or last_name(function) != name:
        return False
    return not of_self(function) or program.class_of(caller) in program.lineage(klass)
