"""Ways of turning gradients off that do not do so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.mending import widest
from evallint.gather.code.sites import (
    Site,
    bindings,
    called,
    functions,
    gradients_off,
    header,
    mentions_any,
    of_self,
    root,
    sites,
    statements,
    turns_off,
)
from evallint.interpret.reading import last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import use_of, words
from evallint.program import External, FunctionSymbol, Program
from evallint.project import Forward, IneffectiveContext
from evallint.walk import within

MARKS = frozenset("no_grad inference_mode Variable volatile".split())

MOVES = frozenset(
    "cuda to cpu float double half long int eval train Variable view unsqueeze squeeze reshape permute contiguous size "
    "print format clone detach type_as repeat expand next iter".split()
)
"""Calls of which no graph is recorded, or none that anybody would mind."""

DIFFERENTIATING = frozenset("backward grad requires_grad_ requires_grad step manual_backward autograd".split())

LOSSES = frozenset("loss losses criterion metric accuracy score".split())
"""Words of what is given targets, and is no model."""

SINCE_0_4 = frozenset("no_grad item inference_mode set_grad_enabled autocast".split())
"""Names that only code for torch 0.4 and later mentions."""


def ineffective_contexts(program: Program, path: str, forwards: Iterable[Forward]) -> Iterator[IneffectiveContext]:
    """Ways of turning gradients off that do not. `forwards` are the runs of models in the file."""
    runs: dict[str, list[Forward]] = {}
    for forward in forwards:
        runs.setdefault(forward.function, []).append(forward)
    for symbol in functions(program, path):
        function = program.function(symbol)
        if any(gradients_off(program, symbol.path, decorator) for decorator in function.decorators):
            yield from lazy_results(program, symbol)
        if not mentions_any(function, MARKS | renamed(program, symbol.path)):
            continue
        seen = runs.get(function.qualname, [])
        for statement in statements(program.body(symbol)):
            if isinstance(statement, f.Evaluate):
                yield from bare_statement(program, symbol, statement)
            elif isinstance(statement, f.With):
                yield from wrong_with(program, symbol, statement, seen)
        yield from volatile(program, symbol)


def renamed(program: Program, path: str) -> frozenset[str]:
    """The names under which a file imports what turns gradients off."""
    return frozenset(one.bound for one in program.files[path].imports if one.name in MARKS)


# ---- statements, and blocks without parentheses -------------------------------------------------


def bare_statement(program: Program, symbol: FunctionSymbol, statement: f.Evaluate) -> Iterator[IneffectiveContext]:
    value = statement.value
    meaning = gradients_off(program, symbol.path, value)
    if meaning is None or meaning.immediate or (isinstance(value, f.Call) and value.arguments):
        return
    place = Place(symbol.path, statement.span)
    steps = (Step(place, "a context is made here, and dropped before it is entered"),)
    yield IneffectiveContext(place, program.function(symbol).qualname, "statement", code(value), steps)


def wrong_with(
    program: Program, symbol: FunctionSymbol, statement: f.With, seen: list[Forward]
) -> Iterator[IneffectiveContext]:
    function = program.function(symbol).qualname
    place = Place(symbol.path, header(statement, statement.body))
    for item in statement.items:
        context = item.context
        if isinstance(context, f.Logic):
            yield from of_which_one_is_entered(program, symbol, place, context)
        elif not isinstance(context, f.Call):
            if gradients_off(program, symbol.path, context) is not None:
                steps: tuple[Step, ...] = (Step(place, f"`{code(context)}` is the class, not a context"),)
                yield IneffectiveContext(place, function, "uncalled", code(context), steps)
        elif gradients_off(program, symbol.path, context) is not None and not computes(statement.body):
            outside = run_outside(program, symbol, statement, seen)
            if outside is not None:
                steps = (Step(place, "nothing that records a graph is in this block"), outside)
                run = widest(program, outside.at, ())
                yield IneffectiveContext(place, function, "around nothing", code(context), steps, run=run)


def of_which_one_is_entered(
    program: Program, symbol: FunctionSymbol, place: Place, context: f.Logic
) -> Iterator[IneffectiveContext]:
    """`with torch.no_grad() and autocast():` enters the last of several contexts alone."""
    several = operands(context)
    last = several.pop()
    for one in several:
        meaning = gradients_off(program, symbol.path, one)
        if meaning is not None and not meaning.immediate and isinstance(one, f.Call):
            steps = (Step(place, f"`and` gives `{render(last)}`, which alone is entered"),)
            together = ", ".join(map(code, (*several, last)))
            function = program.function(symbol).qualname
            yield IneffectiveContext(place, function, "and", code(context), steps, whole=together)


def operands(expression: Expr) -> list[Expr]:
    """`a`, `b` and `c` of `a and b and c`."""
    if isinstance(expression, f.Logic) and expression.operator == "and":
        return [*operands(expression.left), *operands(expression.right)]
    return [expression]


def computes(body: Block) -> bool:
    """Whether a block does anything of which a graph could be recorded."""
    for node in within(body):
        if isinstance(node, f.Call) and last_name(node.function) not in MOVES:
            return True
        if isinstance(node, f.Operation | f.Augment | f.Yield | f.Return | f.For | f.While):
            return True
    return False


def run_outside(program: Program, symbol: FunctionSymbol, block: f.With, seen: list[Forward]) -> Step | None:
    """The evaluation that runs after a block, in its function and with gradients."""
    after = [run for run in seen if run.at.span.line > block.span.end_line]
    if any(run.trains for run in seen):
        return None
    for run in after:
        if run.graph == "recorded" and run.evaluation is not None:
            return Step(run.at, f"`{run.model}` runs here, outside the block")
    if any(run.graph == "off" for run in after):
        return None
    return fed(program, symbol, block)


def fed(program: Program, symbol: FunctionSymbol, block: f.With) -> Step | None:
    """A later call, in the block's function, of something that is given what the block has renamed or moved."""
    function = program.function(symbol)
    if use_of(function.name) == "train" or mentions_any(function, DIFFERENTIATING):
        return None
    moved = {
        node.id
        for statement in statements(block.body)
        if isinstance(statement, f.Assign)
        for node in within(statement.targets)
        if isinstance(node, f.Name)
    }
    holders = {parameter.name for parameter in function.parameters} - {"self", "cls"}
    for site in sites(program.body(symbol)):
        call = site.call
        if call.span.line <= block.span.end_line or last_name(call.function) not in holders or of_self(call.function):
            continue
        if any(turns_off(program, symbol, context) for context in site.contexts):
            continue
        if any(last_name(root(given.value)) in moved for given in call.arguments):
            return Step(Place(symbol.path, call.span), f"`{code(call.function)}` runs here, outside the block")
    return None


# ---- what runs after the context has ended ------------------------------------------------------


def lazy_results(program: Program, symbol: FunctionSymbol) -> Iterator[IneffectiveContext]:
    """Generators that a decorated function returns: they run when it has ended."""
    function = program.function(symbol)
    if function.is_generator:  # torch steps through a decorated generator function under the context
        return
    parameters = {parameter.name for parameter in function.parameters}
    for statement in statements(program.body(symbol)):
        if not isinstance(statement, f.Return) or not isinstance(statement.value, f.Comprehension):
            continue
        if statement.value.kind == "generator" and runs_something(statement.value, parameters):
            place = Place(symbol.path, statement.span)
            steps = (
                Step(Place(symbol.path, function.span), "gradients are off while this function runs"),
                Step(place, "the generator runs when somebody iterates over it, after that"),
            )
            yield IneffectiveContext(place, function.qualname, "generator", function.name, steps)


def runs_something(generator: f.Comprehension, parameters: set[str]) -> bool:
    """Whether each element is made by a call of what the function was given or holds: a model."""
    for node in within(generator.element):
        if isinstance(node, f.Call):
            base = root(node.function)
            if isinstance(base, f.Name) and base.id in parameters:
                return True
    return False


# ---- volatile -----------------------------------------------------------------------------------


def volatile(program: Program, symbol: FunctionSymbol) -> Iterator[IneffectiveContext]:
    """`volatile=True`, which did this before torch 0.4 and has done nothing since."""
    for site in sites(program.body(symbol)):
        if not any(one.keyword == "volatile" and one.value == f.Constant(True) for one in site.call.arguments):
            continue
        resolved = program.resolve(symbol.path, site.call.function)
        if not (isinstance(resolved, External) and resolved.name.startswith("torch.")):
            continue
        if any(turns_off(program, symbol, context) for context in site.contexts) or any(map(asks_version, site.guards)):
            continue
        place = Place(symbol.path, site.call.span)
        steps = (Step(place, "the flag is ignored: whatever a model computes of this is recorded"),)
        legacy = not is_modern(program, symbol.path) or not is_run_on(program, symbol, site)
        yield IneffectiveContext(
            place, program.function(symbol).qualname, "volatile", "volatile=True", steps, legacy=legacy
        )


def is_run_on(program: Program, symbol: FunctionSymbol, made: Site) -> bool:
    """Whether a function gives what it made so to something that it holds: a model. Targets need no flag."""
    body = program.body(symbol)
    holders = {parameter.name for parameter in program.function(symbol).parameters} | set(bindings(body))
    for call in called(body):
        if words(last_name(call.function)) & LOSSES:
            continue
        held = of_self(call.function) or (isinstance(call.function, f.Name) and call.function.id in holders)
        if (held or last_name(call.function) == "forward") and any(
            made.call is node or (made.name and node == f.Name(made.name)) for node in within(call.arguments)
        ):
            return True
    return False


def asks_version(test: Expr) -> bool:
    """Whether a test asks for torch's version, or for what came with 0.4."""
    return any(
        isinstance(node, f.Name | f.Attribute) and last_name(node).strip("_").lower() in ("version", "hasattr")
        for node in within(test)
    )


def is_modern(program: Program, path: str) -> bool:
    """Whether a file is written for torch 0.4 or later."""
    return any(mentions_any(function, SINCE_0_4) for function in program.files[path].functions)
