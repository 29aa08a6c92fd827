"""What those do who may call a method that nothing in sight calls for sure: by its name, or as one of a base class."""

from __future__ import annotations

from evallint import facts as f
from evallint.gather.code.sites import Site, gradients_off, last_name, of_self, sites, turns_off
from evallint.program import ClassSymbol, FunctionSymbol, Program

DEEPEST = 3


def may_run_without_graph(program: Program, symbol: FunctionSymbol, depth: int = DEEPEST) -> bool:
    """Whether some code calls a method of this name where gradients are off: `self.step(batch)` in a base class, whose
    subclasses say what a step is."""
    klass = program.class_of(symbol)
    if klass is None:
        return False
    name = program.function(symbol).name
    for caller in program.users(name):
        calls = [one for one in sites(program.body(caller)) if may_mean(program, one, name, caller, klass)]
        if not calls or caller == symbol:
            continue
        if any(gradients_off(program, caller.path, one) for one in program.function(caller).decorators):
            return True
        if any(turns_off(program, caller, block) for one in calls for block in one.contexts):
            return True
        if depth and may_run_without_graph(program, caller, depth - 1):
            return True
    return False


def may_mean(program: Program, site: Site, name: str, caller: FunctionSymbol, klass: ClassSymbol) -> bool:
    """Whether a call may be one of a class's method: on `self` only in the class itself, and those that it is of."""
    function = site.call.function
    if not isinstance(function, f.Attribute) or last_name(function) != name:
        return False
    return not of_self(function) or program.class_of(caller) in program.lineage(klass)
