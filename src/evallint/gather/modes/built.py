"""Layers that a forward pass constructs: random each time, and in training mode."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from evallint import facts as f
from evallint.apis import Apis, Factory, ModuleClass
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.rates import is_never_set
from evallint.gather.code.running import FORWARD, Running
from evallint.gather.code.sites import (
    REGISTERING,
    Bindings,
    Site,
    bindings,
    called,
    encloser,
    function_of,
    functions,
    hears_mode,
    local_names,
    names_in,
    of_self,
    root,
    sites,
    statements,
)
from evallint.gather.code.substance import Substances
from evallint.interpret.reading import argument, last_name
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import BuiltInForward
from evallint.walk import within

FILLING = frozenset("load_state_dict copy_ fill_ constant_ zeros_ ones_ eye_ dirac_ set_".split())
"""Calls that give a layer weights from elsewhere, or constant ones."""

ONCE = frozenset("hasattr getattr none built build initialized initialised init initialize ready first setup".split())
"""Words of tests that are true at the first pass only."""

CACHES = frozenset("cache cached lazy memo memoize memoized once singleton".split())
"""Words of decorators that run a function once and keep what it returns."""


def built_in_forward(
    program: Program, path: str, running: Running, substances: Substances, titles: frozenset[str]
) -> Iterator[BuiltInForward]:
    """Layers that are constructed where a forward gets to, and those that a lambda builds and applies at once.

    `titles` are the names of torch's own classes of modules.
    """
    dead: set[FunctionSymbol] = set()
    for symbol in functions(program, path):
        function = program.function(symbol)
        klass = program.class_of(encloser(program, symbol))
        if function.name == "<module>" or not mentions_class(program, function, titles):
            continue
        way = route(program, running, symbol, dead)
        if way is None and not (klass is not None and program.is_module(klass) and has_lambda(program.body(symbol))):
            continue
        for site, substance in constructions(program, substances, symbol):
            steps = () if site.deferred and klass is not None else way
            rate = argument(site.call, "p", 0) if substance == "mode" else None
            if steps is not None and not is_never_set(program, running, klass, rate):
                title = last_name(site.call.function)
                yield BuiltInForward(Place(symbol.path, site.call.span), function.qualname, title, substance, steps)


def has_lambda(block: Block) -> bool:
    return any(isinstance(node, f.Lambda) for node in within(block))


@lru_cache(maxsize=8)
def module_titles(apis: Apis) -> frozenset[str]:
    """The names of every class of modules of torch."""
    return frozenset(name.rpartition(".")[2] for name in apis.names("torch") if name.startswith("torch.nn."))


def mentions_class(program: Program, function: f.Function, titles: frozenset[str]) -> bool:
    """Whether a function mentions a class of modules by one of these names, or a class of the program."""
    named = (name for name in function.mentions if name[:1].isupper())
    return any(name in titles or program.index.has_class(name) for name in named)


def constructions(
    program: Program, substances: Substances, symbol: FunctionSymbol
) -> Iterator[tuple[Site, Literal["parameters", "mode"]]]:
    """The outermost constructions in a function that lose something by being made anew."""
    body = program.body(symbol)
    known = bindings(body)
    seen: set[int] = set()
    kept = kept_names(body)
    applied = {id(substances.construction(call.function)) for call in called(body) if isinstance(call.function, f.Call)}
    local = local_names(program.function(symbol), body)
    for site in sites(body):
        if id(site.call) in seen or site.kept or site.name in kept or is_once(site, known):
            continue
        if root_name(site.call.function) in local or not is_class(program, symbol, site.call.function):
            continue
        seen |= {id(inner) for inner in within(site.call) if isinstance(inner, f.Call)}
        if site.deferred and id(site.call) not in applied:
            continue
        substance = substances.of(symbol, site.call)
        if substance == "parameters" or (substance == "mode" and not guarded(site, known)):
            yield site, substance


def root_name(function: Expr) -> str:
    base = root(function)
    return base.id if isinstance(base, f.Name) else ""


def is_class(program: Program, symbol: FunctionSymbol, function: Expr) -> bool:
    """Whether a call constructs an instance of a class of modules."""
    resolved = program.resolve(symbol.path, function)
    if isinstance(resolved, External):
        meaning = program.apis.of(resolved.name)
        return isinstance(meaning, ModuleClass) and not isinstance(meaning, Factory)
    return isinstance(resolved, ClassSymbol) and program.is_module(resolved)


def guarded(site: Site, known: Bindings) -> bool:
    return any(hears_mode(test, known) for test in site.guards)


def is_once(site: Site, known: Bindings) -> bool:
    """Whether a call is reached at the first pass only: `if self.head is None`, `if not hasattr(self, "head")`."""
    return any(is_first(test) for test in site.guards)


def is_first(test: Expr) -> bool:
    for node in within(test):
        match node:
            case f.Comparison("is" | "==" | "is not" | "!=", f.Attribute() | f.Subscript(), f.Constant(None)):
                return True
            case f.Comparison("not in" | "in", _, right) if of_self(right):
                return True
            case f.Call(f.Name("hasattr")):
                return True
            case f.Attribute(f.Name("self"), name) if words(name) & ONCE:
                return True
    return False


def kept_names(block: Block) -> frozenset[str]:
    """The local names of what outlives the call, is given weights from elsewhere, or is trained on the spot."""
    found = set()
    for statement in statements(block):
        if isinstance(statement, f.Assign) and statement.value is not None:
            for target in statement.targets:
                if isinstance(target, f.Attribute | f.Subscript):
                    found |= names_in(root(target)) | names_in(statement.value)
    for call in called(block):
        name = last_name(call.function)
        if name in FILLING or name == "parameters":
            found |= names_in(call.function) | {name for part in call.arguments for name in names_in(part.value)}
        elif name in REGISTERING:
            found |= {name for part in call.arguments for name in names_in(part.value)}
    return frozenset(found - {"self"})


def route(
    program: Program, running: Running, symbol: FunctionSymbol, dead: set[FunctionSymbol]
) -> tuple[Step, ...] | None:
    """How a forward pass gets to a function, None where it does not, or where the function is run once."""

    def is_root(method: FunctionSymbol) -> bool:
        klass = program.class_of(method)
        return klass is not None and program.function(method).name in FORWARD and program.is_module(klass)

    if any(words(last_name(function_of(decorator))) & CACHES for decorator in program.function(symbol).decorators):
        return None
    return running.way_to(symbol, is_root, lambda call, known: not call.kept and not is_once(call, known), dead)
