"""Functions that drop out, or normalise, by an argument of theirs: do those that modules call hear the mode?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from evallint import facts as f
from evallint.apis import Apis, FlaggedFunction, ModuleClass
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.rates import is_never_set, own_values
from evallint.gather.code.running import FORWARD, Running
from evallint.gather.code.sites import (
    Bindings,
    Site,
    bindings,
    encloser,
    functions,
    hears_mode,
    mentions_any,
    of_self,
    sites,
)
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import use_of, words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import FlaggedCall

DECLARED = frozenset("mc bayesian bayes montecarlo stochastic variational".split())
"""Words of classes and functions that are there to be random in evaluation too."""


def flagged_calls(program: Program, path: str, running: Running, titles: frozenset[str]) -> Iterator[FlaggedCall]:
    """Calls of functional dropout, attention and batch norm that run when a module does; `titles` are their names."""
    names = titles | renamed(program, path, titles)
    for symbol in functions(program, path):
        function = program.function(symbol)
        if not mentions_any(function, names):
            continue
        body = program.body(symbol)
        known = bindings(body)
        for site in sites(body):
            meaning = meant(program, symbol, site) if last_name(site.call.function) in names else None
            if meaning is not None:
                yield from judged(program, running, symbol, site, known, meaning)


@lru_cache(maxsize=8)
def flagged_titles(apis: Apis) -> frozenset[str]:
    """The names of the functions of torch that have such a flag."""
    return frozenset(
        name.rpartition(".")[2] for name in apis.names("torch") if isinstance(apis.of(name), FlaggedFunction)
    )


def renamed(program: Program, path: str, titles: frozenset[str]) -> frozenset[str]:
    """The names under which a file imports these."""
    return frozenset(one.bound for one in program.files[path].imports if one.name in titles)


def meant(program: Program, symbol: FunctionSymbol, site: Site) -> FlaggedFunction | None:
    """What a call of a library's function means, None for whatever has no flag."""
    resolved = program.resolve(symbol.path, site.call.function)
    meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
    return meaning if isinstance(meaning, FlaggedFunction) else None


def judged(
    program: Program, running: Running, symbol: FunctionSymbol, site: Site, known: Bindings, meaning: FlaggedFunction
) -> Iterator[FlaggedCall]:
    """The call as a rule sees it; nothing where it does not run in a module's forward."""
    outer = encloser(program, symbol)
    klass = program.class_of(outer)
    tied = (
        guarded(site, known)
        or (meaning.rate is not None and is_never_set(program, running, klass, argument(site.call, *by(meaning.rate))))
        or follows_mode(program, klass, symbol, site, known, meaning)
        or is_declared(program, outer)
    )
    way = () if tied else route(program, running, symbol, site, meaning)
    if way is None:
        return
    flag = meaning.training.keyword if meaning.training is not None else ""
    meant_by = meaning.training or meaning.rate
    given = argument(site.call, *by(meant_by))
    in_module = klass is not None and program.is_module(klass)
    yield FlaggedCall(
        at=Place(symbol.path, site.call.span),
        function=program.function(symbol).qualname,
        name=meaning.name.rpartition(".")[2],
        flag=flag,
        value=render(given),
        tied=tied,
        fixable=in_module and (bool(flag) or (given is not None and code(given) == render(given) != "")),
        way=way,
        rate=by(meant_by)[0],
        position=by(meant_by)[1],
    )


def by(parameter: object) -> tuple[str, int | None]:
    """How a parameter of a library's function is given."""
    return getattr(parameter, "keyword", ""), getattr(parameter, "position", None)


def guarded(site: Site, known: Bindings) -> bool:
    return any(hears_mode(test, known) for test in site.guards)


def is_declared(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether a function, or its class, is there to be random in evaluation too."""
    return bool(words(program.function(symbol).qualname) & DECLARED)


# ---- the arguments ------------------------------------------------------------------------------


def follows_mode(
    program: Program,
    klass: ClassSymbol | None,
    symbol: FunctionSymbol,
    site: Site,
    known: Bindings,
    meaning: FlaggedFunction,
) -> bool:
    """Whether by its arguments a call hears the mode, does nothing, or is told what to do by whoever knows."""
    call = site.call
    if any(given.stars for given in call.arguments):
        return True
    rate = argument(call, *by(meaning.rate)) if meaning.rate is not None else None
    if rate is not None and (hears_mode(rate, known) or is_property(program, klass, rate)):
        return True
    if meaning.rate is not None and is_quiet(rate, meaning):
        return True
    if meaning.training is None:
        return rate is None or not is_fixed(program, klass, rate, known)
    flag = argument(call, *by(meaning.training))
    if flag is None:
        return meaning.training.default is False
    always = isinstance(flag, f.Constant) and flag.value is True
    return not (always and keeps_statistics(call, meaning, known))


def is_quiet(rate: Expr | None, meaning: FlaggedFunction) -> bool:
    """Whether a function does nothing at this rate, its default included."""
    assert meaning.rate is not None
    value = meaning.rate.default if rate is None else rate.value if isinstance(rate, f.Constant) else meaning.rate
    return any(value == quiet and isinstance(value, bool) == isinstance(quiet, bool) for quiet in meaning.rate.values)


def keeps_statistics(call: f.Call, meaning: FlaggedFunction, known: Bindings) -> bool:
    """Whether a normalising function is given the module's own running statistics, which it moves and never uses.

    A copy (`self.running_mean.repeat(n)`) is thrown away: then each instance's own statistics are what is wanted.
    """
    if not meaning.name.endswith("batch_norm"):
        return False
    mean = argument(call, "running_mean", 1)
    values = known.get(mean.id, ()) if isinstance(mean, f.Name) else (mean,)
    return any(of_self(value) for value in values)


def is_property(program: Program, klass: ClassSymbol | None, rate: Expr) -> bool:
    """Whether a rate is a property of the class that looks at the mode."""
    name = of_self(rate.function if isinstance(rate, f.Call) else rate)
    method = program.method(klass, name) if klass is not None and name else None
    return method is not None and "training" in program.function(method).mentions


def is_fixed(program: Program, klass: ClassSymbol | None, rate: Expr, known: Bindings) -> bool:
    """Whether a rate is the same in both modes: a number, a dropout layer's own, or what the constructor gets."""
    if isinstance(rate, f.Name) and rate.id in known:
        return any(is_fixed(program, klass, value, {}) for value in known[rate.id])
    if isinstance(rate, f.Constant):
        return isinstance(rate.value, int | float) and rate.value > 0
    if klass is None or not isinstance(rate, f.Attribute):
        return False
    if rate.name == "p" and of_self(rate.value):
        return any(
            builds_dropout(program, method.path, value)
            for method, value in own_values(program, klass, of_self(rate.value))
        )
    values = list(own_values(program, klass, of_self(rate))) if of_self(rate) else []
    return bool(values) and all(program.function(method).name == "__init__" for method, _ in values)


def builds_dropout(program: Program, path: str, value: Expr) -> bool:
    resolved = program.resolve(path, value.function) if isinstance(value, f.Call) else None
    meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
    return isinstance(meaning, ModuleClass) and "Dropout" in meaning.name


# ---- the way there ------------------------------------------------------------------------------


def route(
    program: Program, running: Running, symbol: FunctionSymbol, site: Site, meaning: FlaggedFunction
) -> tuple[Step, ...] | None:
    """How a module's run gets to the call without asking for the mode, None where it does not."""
    rate = argument(site.call, *by(meaning.rate)) if meaning.rate is not None else None
    function = program.function(symbol)
    handed = parameter_position(function, rate)

    def is_root(method: FunctionSymbol) -> bool:
        klass = program.class_of(method)
        name = program.function(method).name
        if klass is None or not program.is_module(klass):
            return False
        if name == "__init__":
            return site.deferred and method == symbol
        return name in FORWARD or (use_of(name) != "train" and not running.edges(method))

    def opens(call: Site, known: Bindings) -> bool:
        if guarded(call, known) or (
            handed is not None and leads_here(call) and is_left_out(function, handed, call.call)
        ):
            return False
        given = argument(call.call, *handed) if handed is not None and leads_here(call) else None
        return given is None or not (hears_mode(given, known) or is_quiet(given, meaning))

    def leads_here(call: Site) -> bool:
        return last_name(call.call.function) == program.function(symbol).name

    return running.way_to(symbol, is_root, opens)


def is_left_out(function: f.Function, handed: tuple[str, int | None], call: f.Call) -> bool:
    """Whether a call gives a function no rate, which then has none: its default is None."""
    if argument(call, *handed) is not None or any(given.stars for given in call.arguments):
        return False
    defaults = {parameter.name: parameter.default for parameter in function.parameters}
    return defaults.get(handed[0]) == f.Constant(None)


def parameter_position(function: f.Function, rate: Expr | None) -> tuple[str, int | None] | None:
    """Where callers give the rate, if it is a parameter of the function."""
    names = [parameter.name for parameter in function.parameters]
    if not isinstance(rate, f.Name) or rate.id not in names:
        return None
    offset = 1 if names[0] in ("self", "cls") else 0
    return rate.id, names.index(rate.id) - offset
