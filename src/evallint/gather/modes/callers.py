"""What those do who may call a method that nothing in sight calls for sure: by its name, or as one of a base class."""

from __future__ import annotations

from typing import NamedTuple

from evallint import facts as f
from evallint.gather.code.sites import Site, gradients_off, of_self, sites, turns_off
from evallint.program import FunctionSymbol, Program

DEEPEST = 4
"""So many calls lead from where gradients are off to a method."""


class MayCall(NamedTuple):
    """A function that may call a method, and whether gradients are off where it does."""

    caller: FunctionSymbol
    is_without_graph: bool


def may_run_without_graph(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether some code calls a method of this name where gradients are off: `self.step(batch)` in a base class, whose
    subclasses say what a step is."""
    seen, level = {symbol}, [symbol]
    for _ in range(DEEPEST):
        found = [one for called in level for one in program.once(callers, called) if one.caller not in seen]
        if any(one.is_without_graph for one in found):
            return True
        level = list(dict.fromkeys(one.caller for one in found))
        seen.update(level)
    return False


def callers(program: Program, symbol: FunctionSymbol) -> tuple[MayCall, ...]:
    """The functions that may call a method: on `self` only those of its class, and of those that this derives from."""
    klass, name = program.class_of(symbol), program.function(symbol).name
    if klass is None:
        return ()
    lineage = program.lineage(klass)
    found = []
    for caller in program.users(name):
        is_kin = program.class_of(caller) in lineage
        calls = [one for one in program.once(method_calls, caller).get(name, ()) if is_kin or not is_on_self(one)]
        if calls:
            found.append(MayCall(caller, is_without_graph(program, caller, calls)))
    return tuple(found)


def method_calls(program: Program, symbol: FunctionSymbol) -> dict[str, list[Site]]:
    """The calls of attributes in a function, by the names of these."""
    found: dict[str, list[Site]] = {}
    for site in sites(program.body(symbol)):
        if isinstance(site.call.function, f.Attribute):
            found.setdefault(site.call.function.name, []).append(site)
    return found


def is_on_self(site: Site) -> bool:
    return isinstance(site.call.function, f.Attribute) and bool(of_self(site.call.function))


def is_without_graph(program: Program, caller: FunctionSymbol, calls: list[Site]) -> bool:
    """Whether gradients are off in a function, or around one of these calls in it."""
    if any(gradients_off(program, caller.path, one) for one in program.function(caller).decorators):
        return True
    return any(turns_off(program, caller, block) for one in calls for block in one.contexts)
