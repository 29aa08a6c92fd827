"""Statements that do not do what they say: gradients that stay on, Keras calls that train."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evallint import facts as f
from evallint.apis import GradContext
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.layers import sites
from evallint.interpret.render import code
from evallint.interpret.roles import use_of, words
from evallint.link.natures import walk
from evallint.program import External, FunctionSymbol, Program
from evallint.project import Forward, IneffectiveContext, TrainingFlag

HARMLESS = frozenset(
    "cuda to cpu float double half long int eval train Variable view unsqueeze squeeze reshape permute contiguous requires_grad_ "
    "size print format clone detach type_as repeat expand".split()
)


def functions(program: Program) -> Iterator[FunctionSymbol]:
    for path in sorted(program.files):
        for index in range(len(program.files[path].functions)):
            yield FunctionSymbol(path, index)


def ineffective_contexts(program: Program, forwards: Iterable[Forward]) -> Iterator[IneffectiveContext]:
    """Ways of turning gradients off that do not."""
    runs: dict[tuple[str, str], list[Forward]] = {}
    for forward in forwards:
        runs.setdefault((forward.at.path, forward.function), []).append(forward)
    for symbol in functions(program):
        function = program.function(symbol)
        if not {"no_grad", "inference_mode", "enable_grad", "Variable", "volatile"} & set(function.mentions):
            continue
        body = program.body(symbol)
        for statement in blocks(body):
            if isinstance(statement, f.Evaluate):
                yield from bare_statement(program, symbol, statement)
            elif isinstance(statement, f.With):
                yield from wrong_with(program, symbol, statement, runs.get((symbol.path, function.qualname), []))
        yield from volatile(program, symbol, body)


def blocks(block: Block) -> Iterator[f.Stmt]:
    for node in walk(block):
        if isinstance(node, f.Evaluate | f.With):
            yield node


def bare_statement(program: Program, symbol: FunctionSymbol, statement: f.Evaluate) -> Iterator[IneffectiveContext]:
    call = statement.value
    meaning = grad_context(program, symbol, call.function) if isinstance(call, f.Call) else None
    if meaning is None:
        meaning = grad_context(program, symbol, call) if isinstance(call, f.Attribute) else None
    if meaning is None or meaning.immediate or (isinstance(call, f.Call) and call.arguments and meaning.argument is None):
        return
    yield IneffectiveContext(
        Place(symbol.path, statement.span), program.function(symbol).qualname, "statement", code(call), ()
    )


def wrong_with(
    program: Program, symbol: FunctionSymbol, statement: f.With, forwards: list[Forward]
) -> Iterator[IneffectiveContext]:
    function = program.function(symbol).qualname
    for item in statement.items:
        context = item.context
        if not isinstance(context, f.Call):
            if grad_context(program, symbol, context) is not None:
                place = Place(symbol.path, header(statement))
                yield IneffectiveContext(place, function, "uncalled", code(context), ())
            continue
        meaning = grad_context(program, symbol, context.function)
        if meaning is None or meaning.effect != "off" or computes(statement.body):
            continue
        later = [
            forward
            for forward in forwards
            if forward.at.span.line > statement.span.end_line
            and forward.graph == "recorded"
            and not forward.trains
            and forward.evaluation is not None
        ]
        if later:
            place = Place(symbol.path, header(statement))
            yield IneffectiveContext(place, function, "around nothing", code(context), later[0].way)


def header(statement: f.With) -> f.Span:
    span = statement.span
    first = statement.body[0].span if statement.body and not isinstance(statement.body[0], f.Outer) else span
    if first.line > span.line:
        return f.Span(span.line, span.column, span.line, span.column + len("with"))
    return f.Span(span.line, span.column, first.line, first.column)


def computes(body: Block) -> bool:
    """Whether a block does anything that gradients could be recorded of."""
    for node in walk(body):
        if isinstance(node, f.Call):
            name = node.function.name if isinstance(node.function, f.Attribute) else getattr(node.function, "id", "")
            if name not in HARMLESS:
                return True
        if isinstance(node, f.Operation | f.Augment | f.Yield | f.Return | f.For | f.Subscript):
            return True
    return False


def volatile(program: Program, symbol: FunctionSymbol, body: Block) -> Iterator[IneffectiveContext]:
    """`volatile=True`, which did this before torch 0.4 and has done nothing since."""
    for site in sites(body):
        for argument in site.call.arguments:
            if argument.keyword == "volatile" and argument.value == f.Constant(True):
                resolved = program.resolve(symbol.path, site.call.function)
                if isinstance(resolved, External) and resolved.name.startswith("torch"):
                    yield IneffectiveContext(
                        Place(symbol.path, site.call.span),
                        program.function(symbol).qualname,
                        "volatile",
                        "volatile=True",
                        (),
                        legacy=not is_modern(program, symbol.path),
                    )


def is_modern(program: Program, path: str) -> bool:
    """Whether a file is written for torch 0.4 or later."""
    mentioned = {name for function in program.files[path].functions for name in function.mentions}
    return bool(mentioned & {"no_grad", "item", "inference_mode", "set_grad_enabled", "autocast"})


def grad_context(program: Program, symbol: FunctionSymbol, expression: Expr) -> GradContext | None:
    resolved = program.resolve(symbol.path, expression)
    meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
    return meaning if isinstance(meaning, GradContext) else None


# ---- Keras --------------------------------------------------------------------------------------


def training_flags(program: Program) -> Iterator[TrainingFlag]:
    """Keras models called with `training=True` where they evaluate."""
    for path in sorted(program.files):
        if not any(statement.module.split(".")[0] in ("keras", "tensorflow", "tf_keras") for statement in program.files[path].imports):
            continue
        for index, function in enumerate(program.files[path].functions):
            use = use_of(function.name)
            if index == 0 or use != "eval" or words(function.name) & {"mc", "uncertainty", "dropout", "bayesian"}:
                continue
            if {"GradientTape", "mean", "reduce_mean", "std", "var"} & set(function.mentions) and "GradientTape" in function.mentions:
                continue
            symbol = FunctionSymbol(path, index)
            yield from flags_in(program, symbol)


def flags_in(program: Program, symbol: FunctionSymbol) -> Iterator[TrainingFlag]:
    function = program.function(symbol)
    repeated = {
        id(call)
        for node in walk(program.body(symbol))
        if isinstance(node, f.Comprehension | f.For) and over_range(node)
        for call in walk((node,))  # type: ignore[arg-type]
        if isinstance(call, f.Call)
    }
    for site in sites(program.body(symbol)):
        call = site.call
        if id(call) in repeated or not any(
            argument.keyword == "training" and argument.value == f.Constant(True) for argument in call.arguments
        ):
            continue
        place = Place(symbol.path, call.span)
        yield TrainingFlag(place, function.qualname, code(call.function), (Step(place, "the model is told to train here"),))


def over_range(node: f.Comprehension | f.For) -> bool:
    """A loop of so many passes over the same data, whose outputs are averaged: Monte Carlo dropout."""
    iterable = node.iterable if isinstance(node, f.For) else node.clauses[0].iterable
    return isinstance(iterable, f.Call) and code(iterable.function).endswith("range")
