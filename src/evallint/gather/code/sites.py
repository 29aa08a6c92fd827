"""The calls in a function's own code, each with what stands around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from evallint import facts as f
from evallint.apis import GradContext
from evallint.facts import Block, Expr, Span
from evallint.findings import Place
from evallint.interpret.events import Caller
from evallint.interpret.reading import last_name
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.walk import within

MODE_WORDS = frozenset(
    "training train trains eval evaluating evaluation test testing deterministic stochastic infer inference sampling "
    "mode phase".split()
)
"""Words of names that say in which mode a module runs."""

REGISTERING = frozenset("add_module register_module setattr __setattr__ append extend insert update setdefault".split())
"""Functions and methods that keep what they are given."""

Bindings: TypeAlias = Mapping[str, tuple[Expr, ...]]
"""What a function's own names may stand for: the values they are given, and the tests that decide between these."""


@dataclass(frozen=True, slots=True)
class Site:
    """A call, and what stands around it in its function.

    `guards`: the tests that decide whether it is reached, those with an early return before it included. `contexts`:
    the `with` statements around it. `loops`: the `for` statements and comprehensions around it. `kept`: whether its
    result, or a part of it, goes into an attribute or a container of the program's. `name`: the local name its result
    gets, "" none. `deferred`: whether it stands in a lambda.
    """

    call: f.Call
    guards: tuple[Expr, ...] = ()
    contexts: tuple[f.With, ...] = ()
    loops: tuple[f.For | f.Comprehension, ...] = ()
    kept: bool = False
    name: str = ""
    deferred: bool = False


NOWHERE = Site(f.Call(f.Name(""), (), Span(0, 0, 0, 0)))


def sites(block: Block) -> Iterator[Site]:
    """Every call in a function's own code, in the order of the code; functions within it are left aside."""
    yield from _in_block(block, NOWHERE)


def _in_block(block: Block, around: Site) -> Iterator[Site]:
    for statement in block:
        match statement:
            case f.If(test, body, orelse):
                inner = guarded(around, test)
                yield from _in(test, around)
                yield from _in_block(body, inner)
                yield from _in_block(orelse, inner)
                if leaves(body):  # `if not self.training: return x` guards what follows
                    around = inner
            case f.With(items, body):
                for item in items:
                    yield from _in(item.context, around)
                yield from _in_block(body, replace(around, contexts=(*around.contexts, statement)))
            case f.For(_, iterable, body, orelse):
                yield from _in(iterable, around)
                yield from _in_block(body, replace(around, loops=(*around.loops, statement)))
                yield from _in_block(orelse, around)
            case f.While(test, body, orelse):
                yield from _in(test, around)
                yield from _in_block((*body, *orelse), around)
            case f.Try(body, handlers, orelse, final):
                for part in (body, *(handler.body for handler in handlers), orelse, final):
                    yield from _in_block(part, around)
            case f.Match(subject, cases):
                yield from _in(subject, around)
                for case in cases:
                    yield from _in_block(case.body, guarded(around, subject))
            case f.Assign(targets, value) if value is not None:
                for given, own in one_by_one(targets, value):
                    kept = any(isinstance(target, f.Attribute | f.Subscript) for target in given)
                    name = next((target.id for target in given if isinstance(target, f.Name)), "")
                    yield from _in(own, replace(around, kept=kept, name=name))
            case f.Define() | f.DefineClass() | f.Import() | f.Outer() | f.Leave():
                continue
            case _:
                for part in statement:
                    if isinstance(part, tuple) and not isinstance(part, Span):
                        yield from _in(part, around)


def one_by_one(targets: tuple[Expr, ...], value: Expr) -> Iterator[tuple[tuple[Expr, ...], Expr]]:
    """What is assigned to what: `a, b = x, y` are two."""
    if len(targets) == 1 and isinstance(targets[0], f.Collection) and isinstance(value, f.Collection):
        parts = targets[0].items, value.items
        if len(parts[0]) == len(parts[1]) and not any(isinstance(one, f.Starred) for one in (*parts[0], *parts[1])):
            yield from (((target,), own) for target, own in zip(*parts, strict=True))
            return
    yield targets, value


def _in(node: object, around: Site) -> Iterator[Site]:
    match node:
        case Span() | f.Parameter():
            return
        case f.Call(function, arguments):
            yield replace(around, call=node)
            same = isinstance(function, f.Attribute)  # what `Linear(8, 8).to(device)` is for, `Linear(8, 8)` is for
            yield from _in(function, around if same else replace(around, kept=False, name=""))
            inner = replace(around, kept=around.kept or keeps(function), name="")
            for argument in arguments:
                yield from _in(argument.value, inner)
        case f.Choice(test, body, orelse):
            inner = guarded(around, test)
            yield from _in(test, around)
            yield from _in(body, inner)
            yield from _in(orelse, inner)
        case f.Logic(_, left, right):
            yield from _in(left, around)
            yield from _in(right, guarded(around, left))
        case f.Comprehension(_, element, value, clauses):
            inner = replace(around, loops=(*around.loops, node))
            for clause in clauses:
                yield from _in(clause.iterable, around)
                yield from _in(clause.conditions, inner)
            yield from _in((element, value), inner)
        case f.Lambda(_, body):
            yield from _in(body, replace(around, kept=False, name="", deferred=True))
        case tuple():
            for part in node:
                yield from _in(part, around)


def guarded(around: Site, test: Expr) -> Site:
    return replace(around, guards=(*around.guards, test))


def leaves(body: Block) -> bool:
    return bool(body) and isinstance(body[-1], f.Return | f.Raise)


def keeps(function: Expr) -> bool:
    """Whether what a function is given stays somewhere."""
    return last_name(function) in REGISTERING


def function_of(expression: Expr) -> Expr:
    """`f` of `f(x)`, anything else as it is: a decorator with or without parentheses."""
    return expression.function if isinstance(expression, f.Call) else expression


def of_self(expression: object) -> str:
    """`x` of `self.x`, "" of anything else."""
    if isinstance(expression, f.Attribute) and expression.value == f.Name("self"):
        return expression.name
    return ""


def names_in(node: object) -> set[str]:
    """The plain names in code."""
    return {one.id for one in within(node) if isinstance(one, f.Name)}


def root(expression: Expr) -> Expr:
    """The name, or other expression, that attributes and subscripts are taken of."""
    while isinstance(expression, f.Attribute | f.Subscript):
        expression = expression.value
    return expression


def statements(block: Block) -> Iterator[f.Stmt]:
    """Every statement of a function's own code, in order, each before those within it."""
    for statement in block:
        yield statement
        for inner in blocks(statement):
            yield from statements(inner)


def blocks(statement: f.Stmt) -> Iterator[Block]:
    """The blocks within a statement, in order."""
    match statement:
        case f.If(_, body, orelse) | f.For(_, _, body, orelse) | f.While(_, body, orelse):
            yield from (body, orelse)
        case f.With(_, body):
            yield body
        case f.Try(body, handlers, orelse, final):
            yield from (body, *(handler.body for handler in handlers), orelse, final)
        case f.Match(_, cases):
            yield from (case.body for case in cases)


def own_parts(statement: f.Stmt) -> tuple[object, ...]:
    """The expressions of a statement that are read, without the statements within it."""
    match statement:
        case f.Assign(targets, value):
            return (value, *(target for target in targets if isinstance(target, f.Subscript)))
        case f.If(test) | f.While(test):
            return (test,)
        case f.For(_, iterable):
            return (iterable,)
        case f.With(items):
            return tuple(item.context for item in items)
        case f.Try() | f.Match() | f.Define() | f.DefineClass() | f.Import() | f.Outer():
            return ()
    return tuple(part for part in statement if not isinstance(part, str))


def given_once(block: Block) -> dict[str, f.Assign]:
    """The plain assignments of names that have no other."""
    found: dict[str, list[f.Assign]] = {}
    for statement in statements(block):
        if isinstance(statement, f.Assign):
            for target in statement.targets:
                if isinstance(target, f.Name):
                    found.setdefault(target.id, []).append(statement)
    return {name: each[0] for name, each in found.items() if len(each) == 1}


def header(statement: f.Stmt, body: Block) -> Span:
    """Where the first line of a statement with a body is."""
    span = statement.span if not isinstance(statement, f.Outer) else NOWHERE.call.span
    first = body[0].span if body and not isinstance(body[0], f.Outer) else span
    if first.line > span.line:
        return Span(span.line, span.column, span.line, span.column + len("with"))
    return Span(span.line, span.column, first.line, first.column)


# ---- what decides -------------------------------------------------------------------------------


def bindings(block: Block) -> Bindings:
    """What a function's names may stand for."""
    found: dict[str, list[Expr]] = {}
    _bind(block, (), found)
    return {name: tuple(values) for name, values in found.items()}


def _bind(block: Block, guards: tuple[Expr, ...], found: dict[str, list[Expr]]) -> None:
    for statement in block:
        match statement:
            case f.Assign(targets, value) if value is not None:
                for name in (name for target in targets for name in _bound(target)):
                    found.setdefault(name, []).extend((value, *guards))
            case f.If(test, body, orelse):
                _bind(body, (*guards, test), found)
                _bind(orelse, (*guards, test), found)
            case f.With(_, body) | f.For(_, _, body) | f.While(_, body):
                _bind(body, guards, found)
            case f.Try(body, handlers, orelse, final):
                for part in (body, *(handler.body for handler in handlers), orelse, final):
                    _bind(part, guards, found)


def local_names(function: f.Function, block: Block) -> frozenset[str]:
    """The names that a function binds itself: its parameters, variables, and those of loops and comprehensions."""
    targets = [node.target for node in within(block) if isinstance(node, f.For | f.Clause | f.WithItem)]
    targets += [target for node in within(block) if isinstance(node, f.Assign) for target in node.targets]
    bound = {name for target in targets if target is not None for name in _bound(target)}
    return frozenset(bound.union(parameter.name for parameter in function.parameters))


def _bound(target: Expr) -> Iterator[str]:
    """The names that an assignment gives something new to stand for, or to hold: not the object of an attribute."""
    match target:
        case f.Name(name):
            yield name
        case f.Collection(_, items):
            for item in items:
                yield from _bound(item)
        case f.Starred(value) | f.Subscript(value, _):
            yield from _bound(value)


def hears_mode(expression: Expr, known: Bindings, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an expression names the mode, itself or by way of the function's own names."""
    for node in within(expression):
        match node:
            case f.Name(name):
                if words(name) & MODE_WORDS:
                    return True
                if name not in seen and any(hears_mode(value, known, seen | {name}) for value in known.get(name, ())):
                    return True
            case f.Attribute(_, name):
                if words(name) & MODE_WORDS:
                    return True
            case f.Constant(str() as text):
                if text in ("train", "eval", "test", "val"):
                    return True
    return False


def gradients_off(program: Program, path: str, context: Expr) -> GradContext | None:
    """What turns gradients off, called (`torch.no_grad()`) or not (`torch.no_grad`); None for anything else."""
    resolved = program.resolve(path, function_of(context))
    meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
    if not isinstance(meaning, GradContext):
        return None
    if meaning.effect == "off":
        return meaning
    by_default = meaning.argument is not None and meaning.argument.default is True
    given = isinstance(context, f.Call) and bool(context.arguments)
    return meaning if meaning.effect == "negated" and by_default and not given else None


def turns_off(program: Program, symbol: FunctionSymbol, statement: f.With) -> bool:
    """Whether a block runs with gradients off."""
    return any(
        isinstance(item.context, f.Call) and gradients_off(program, symbol.path, item.context) is not None
        for item in statement.items
    )


# ---- where to look ------------------------------------------------------------------------------


def functions(program: Program, path: str) -> Iterator[FunctionSymbol]:
    """Every function of a file, the file's own code included."""
    return (FunctionSymbol(path, index) for index in range(len(program.files[path].functions)))


def module_classes(program: Program, path: str) -> Iterator[ClassSymbol]:
    """Every class of modules of a file that has methods."""
    for index, klass in enumerate(program.files[path].classes):
        symbol = ClassSymbol(path, index)
        if klass.methods and program.is_module(symbol):
            yield symbol


def reached(program: Program, klass: ClassSymbol, starts: Iterable[FunctionSymbol]) -> frozenset[FunctionSymbol]:
    """Methods of a class, and all that these get to through `self`."""
    return frozenset(program.reached(klass, starts))


def encloser(program: Program, symbol: FunctionSymbol) -> FunctionSymbol:
    """The outermost function or method that a function is defined in, itself where it is in none."""
    facts = program.files[symbol.path]
    outer, _, within = facts.functions[symbol.index].qualname.partition(".<locals>")
    if not within:
        return symbol
    return next(
        (
            FunctionSymbol(symbol.path, index)
            for index, function in enumerate(facts.functions)
            if function.qualname == outer
        ),
        symbol,
    )


def called(block: Block) -> Iterator[f.Call]:
    """Every call in a function's own code, without what stands around it."""
    return (node for node in within(block) if isinstance(node, f.Call))


def covers(block: Block, span: Span) -> bool:
    """Whether a place is in one of these statements."""
    return any(
        statement.span.line <= span.line <= statement.span.end_line
        for statement in block
        if not isinstance(statement, f.Outer)
    )


def functions_of(program: Program, frames: Iterable[Caller]) -> Iterator[FunctionSymbol]:
    """The functions that were running, the code of a file as its function 0."""
    for caller in frames:
        yield caller.symbol if caller.symbol is not None else FunctionSymbol(caller.path, 0)


def function_at(program: Program, place: Place) -> str:
    """The qualified name of the innermost function that a place is in."""
    around = [
        function
        for function in program.files[place.path].functions[1:]
        if function.span.line <= place.span.line <= function.span.end_line
    ]
    return max(around, key=lambda function: function.span.line).qualname if around else "<module>"


def mentions_any(function: f.Function, names: frozenset[str]) -> bool:
    return not names.isdisjoint(function.mentions)


def in_branches(body: f.Block, first: Span, second: Span) -> bool:
    """Whether two places stand in the two branches of one `if`."""
    return any(
        isinstance(statement, f.If)
        and any(
            covers(one, first) and covers(other, second)
            for one, other in ((statement.body, statement.orelse), (statement.orelse, statement.body))
        )
        for statement in statements(body)
    )


def branch_of(body: f.Block, span: Span) -> tuple[tuple[Span, bool], ...]:
    """The branches that a place is in, each by the `if` and by whether it is the first of the two."""
    return tuple(
        (statement.span, first)
        for statement in statements(body)
        if isinstance(statement, f.If)
        for first, block in ((True, statement.body), (False, statement.orelse))
        if covers(block, span)
    )
