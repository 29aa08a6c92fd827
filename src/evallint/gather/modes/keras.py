"""Keras models that are told to train where they evaluate."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.findings import Place, Step
from evallint.gather.code.sites import Site, bindings, called, functions, sites
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import use_of, words
from evallint.program import INSTALLED, FunctionSymbol, Program
from evallint.project import TrainingFlag
from evallint.walk import within

PACKAGES = frozenset("keras tensorflow tf_keras".split())

SAMPLING = frozenset("mc montecarlo monte bayesian uncertainty dropout stochastic ensemble adversarial attack".split())
"""Words of functions that want the noise, or the gradients of a training pass."""


def training_flags(program: Program) -> Iterator[TrainingFlag]:
    """Keras models called with `training=True` where they evaluate."""
    asked = frozenset(program.each(in_keras_files))
    for symbol in sorted(asked, key=lambda symbol: (symbol.path, symbol.index)):
        yield from program.once(flags_in, symbol)


def in_keras_files(program: Program, path: str) -> Iterator[FunctionSymbol]:
    """The functions of a file that imports Keras, and those that its code calls."""
    if not any(map(is_keras, program.files[path].imports)):
        return
    for symbol in functions(program, path):
        yield symbol
        for call in called(program.body(symbol)):
            resolved = program.resolve(path, call.function)
            if isinstance(resolved, FunctionSymbol) and not resolved.path.startswith(INSTALLED):
                yield resolved


def is_keras(statement: f.Import) -> bool:
    return statement.module.partition(".")[0] in PACKAGES


def flags_in(program: Program, symbol: FunctionSymbol) -> tuple[TrainingFlag, ...]:
    """The calls with `training=True` of one function, where it or the loop around them evaluates."""
    return tuple(_flags_in(program, symbol))


def _flags_in(program: Program, symbol: FunctionSymbol) -> Iterator[TrainingFlag]:
    function = program.function(symbol)
    if words(function.name) & SAMPLING:
        return
    for site in sites(program.body(symbol)):
        call = site.call
        if not any(given.keyword == "training" and given.value == f.Constant(True) for given in call.arguments):
            continue
        why = evaluates(function, site)
        if not why or samples(site) or is_differentiated(site) or is_torch(program, symbol, call):
            continue
        place = Place(symbol.path, call.span)
        steps = (Step(place, f"this evaluates: {why}"), Step(place, "and the model is told to train"))
        yield TrainingFlag(place, function.qualname, code(call.function), steps)


def evaluates(function: f.Function, site: Site) -> str:
    """What says that a call evaluates: the data of the loop around it, or its own, else its function's name; "" nothing
    does."""
    for loop in reversed(site.loops):
        use = use_of(code(iterated(loop)))
        if use == "train":
            return ""
        if use == "eval":
            return f"it runs on `{code(iterated(loop))}`"
    for given in site.call.arguments[:1]:
        if not given.keyword and use_of(code(given.value)) == "eval":
            return f"it runs on `{code(given.value)}`"
    return f"it is in `{function.name}`" if use_of(function.name) == "eval" else ""


def samples(site: Site) -> bool:
    """Whether the innermost loop runs the same data so many times: Monte Carlo dropout."""
    if not site.loops:
        return False
    loop = site.loops[-1]
    data = iterated(loop)
    if not (isinstance(data, f.Call) and last_name(data.function) in ("range", "trange")):
        return False
    target = loop.target if isinstance(loop, f.For) else loop.clauses[0].target
    counters = {node for node in within(target) if isinstance(node, f.Name)}
    return not any(node in counters for node in within(site.call.arguments) if isinstance(node, f.Name))


def iterated(loop: f.For | f.Comprehension) -> f.Expr:
    return loop.iterable if isinstance(loop, f.For) else loop.clauses[0].iterable


def is_differentiated(site: Site) -> bool:
    """Whether a tape records the call."""
    return any(
        isinstance(item.context, f.Call) and last_name(item.context.function) == "GradientTape"
        for statement in site.contexts
        for item in statement.items
    )


def is_torch(program: Program, symbol: FunctionSymbol, call: f.Call) -> bool:
    """Whether what is called is, or may well be, a torch module."""
    imports = program.files[symbol.path].imports
    if any(one.module.partition(".")[0] == "torch" for one in imports) and not any(map(is_keras, imports)):
        return True
    known = bindings(program.body(symbol)).get(last_name(call.function), ())
    return any(
        isinstance(value, f.Call) and program.is_module(program.resolve(symbol.path, value.function)) for value in known
    )
