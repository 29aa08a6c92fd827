"""Where a pipeline is made: what stands around it, and whether that says that it is for training or evaluation."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from evallint import facts as f
from evallint.facts import Block, Expr, Span
from evallint.findings import Place
from evallint.gather.code.mending import contains
from evallint.gather.code.sites import leaves, statements
from evallint.interpret.reading import last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import Use, use_of
from evallint.program import ClassSymbol, FunctionSymbol, Program, Symbol
from evallint.walk import within

OPPOSITE: dict[Use, Use] = {"train": "eval", "eval": "train"}


class File(NamedTuple):
    """A file, its name without what comes after a dot, and what it imports of the project's files that have models."""

    path: str
    name: str
    models: frozenset[Symbol]


class Definition(NamedTuple):
    """A function or class, by where it stands."""

    span: Span
    name: str
    body: int


class Branch(NamedTuple):
    """One of the blocks of a statement, which is run for this use."""

    span: Span
    number: int
    use: Use | None = None
    test: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a call stands in, the outermost first: the folder, the file, classes and functions, statements and their
    branches.

    `tests`: what the tests around it say that it is for, each with its code, the outermost first. `names`: of the file,
    the classes and the functions, the outermost first. `key`: the code by which a dict's entry is reached that it is.
    `made`: the names of what the functions around make of it, or of what they hand it to by its own names: data sets.
    """

    layers: tuple[object, ...]
    tests: tuple[tuple[Use, str], ...]
    names: tuple[str, ...]
    key: str
    made: tuple[str, ...]


def standing(program: Program, at: Place, called: Collection[str]) -> Standing:
    """What the call at a place stands in, whose result is called so."""
    facts = program.files[at.path]
    definitions: tuple[f.Function | f.Class, ...] = (*facts.functions[1:], *facts.classes)
    around = sorted(Definition(one.span, one.name, one.body) for one in definitions if contains(one.span, at.span))
    block = facts.bodies[around[-1].body if around else 0]
    folder, _, name = at.path.rpartition("/")
    file = File(at.path, name.partition(".")[0], models_of(program, at.path))
    names = (file.name, *(one.name for one in around))
    layers: list[object] = [folder, file, *around]
    layers += _within(block, at.span)
    tests = tuple((layer.use, layer.test) for layer in layers if isinstance(layer, Branch) and layer.use is not None)
    assigns = [layer for layer in layers if isinstance(layer, f.Assign)]
    key, made = (_key(assigns[-1], at.span), _made_of(assigns[-1], at.span)) if assigns else ("", "")
    return Standing(tuple(layers), tests, names, key, (made,) if made else tuple(_made_with(block, called)))


def models_of(program: Program, path: str) -> frozenset[Symbol]:
    """What a file imports of files of the project in which classes of modules stand."""
    found = {program.resolve(path, f.Name(one.bound)) for one in program.files[path].imports if one.bound}
    return frozenset(
        one for one in found if isinstance(one, ClassSymbol | FunctionSymbol) and has_models(program, one.path)
    )


def has_models(program: Program, path: str) -> bool:
    return any(program.is_module(ClassSymbol(path, index)) for index in range(len(program.files[path].classes)))


def _within(block: Block, span: Span) -> Iterator[object]:
    """The statements around a call, and the branches of these."""
    for statement in block:
        if isinstance(statement, f.Outer):
            continue
        if not contains(statement.span, span):
            if isinstance(statement, f.If) and leaves(statement.body) and not statement.orelse:
                yield statement.span  # `if training: return a` decides on what follows
                yield _branch(statement, 1)
            continue
        yield statement if isinstance(statement, f.Assign) else statement.span
        if isinstance(statement, f.Assign) and isinstance(statement.value, f.Mapping):
            yield from _outer_keys(statement.value, span)
        for number, part in enumerate(_parts(statement)):
            if any(not isinstance(one, f.Outer) and contains(one.span, span) for one in part):
                yield _branch(statement, number)
                yield from _within(part, span)
                return
        for choice in (node for node in within(statement) if isinstance(node, f.Choice)):
            for number, chosen in enumerate((choice.body, choice.orelse)):
                if any(isinstance(node, f.Call) and node.span == span for node in within(chosen)):
                    yield Branch(statement.span, number, use_where(choice.test, number == 0), render(choice.test))
        return


def _outer_keys(mapping: f.Mapping, span: Span) -> Iterator[object]:
    """The keys of the dicts in a dict that lead to the one in which a call stands."""
    for key, value in zip(mapping.keys, mapping.values, strict=True):
        if isinstance(value, f.Mapping) and any(
            isinstance(node, f.Call) and node.span == span for node in within(value)
        ):
            yield key
            yield from _outer_keys(value, span)


def _branch(statement: f.Stmt, number: int) -> Branch:
    assert not isinstance(statement, f.Outer)
    if isinstance(statement, f.If):
        return Branch(statement.span, number, use_where(statement.test, number == 0), render(statement.test))
    return Branch(statement.span, number)


def _parts(statement: f.Stmt) -> tuple[Block, ...]:
    match statement:
        case f.If(_, body, orelse) | f.For(_, _, body, orelse) | f.While(_, body, orelse):
            return body, orelse
        case f.With(_, body):
            return (body,)
        case f.Try(body, handlers, orelse, final):
            return body, *(handler.body for handler in handlers), orelse, final
        case f.Match(_, cases):
            return tuple(case.body for case in cases)
    return ()


def _key(assign: f.Assign, span: Span) -> str:
    """`pipelines['val']` of the call that a dict has under that key."""
    if isinstance(assign.value, f.Mapping) and len(assign.targets) == 1:
        for key, value in zip(assign.value.keys, assign.value.values, strict=True):
            if isinstance(key, f.Constant) and isinstance(value, f.Call) and value.span == span:
                return f"{code(assign.targets[0])}[{key.value!r}]"
    return ""


def _made_of(assign: f.Assign, span: Span) -> str:
    """The name of what is made with a call: a data set, or a loader of it; "" for the result of the call itself."""
    value = assign.value
    if isinstance(value, f.Call) and value.span != span and len(assign.targets) == 1:
        return last_name(assign.targets[0])
    return ""


def _made_with(block: Block, called: Collection[str]) -> Iterator[str]:
    """The names of what calls make that are given one of these names."""
    for statement in statements(block):
        if isinstance(statement, f.Assign) and isinstance(statement.value, f.Call) and len(statement.targets) == 1:
            given = {one.value.id for one in statement.value.arguments if isinstance(one.value, f.Name)}
            if not given.isdisjoint(called):
                yield last_name(statement.targets[0])


# ---- what tests say -----------------------------------------------------------------------------


def use_where(test: Expr, holds: bool) -> Use | None:
    """What is in use where a test holds, or fails: `is_train`, `split != "val"`; None where that says nothing."""
    match test:
        case f.Unary("not", operand):
            return use_where(operand, not holds)
        case f.Logic(operator, left, right):
            found = use_where(left, holds), use_where(right, holds)
            if (operator == "and") == holds:  # both hold, or both fail
                return found[0] if found[1] in (None, found[0]) else found[1] if found[0] is None else None
            return found[0] or found[1] if None in found else found[0] if found[0] == found[1] else None  # among others
        case f.Comparison(operator, left, right):
            return _compared(operator, left, right, holds)
        case f.Name() | f.Attribute():
            return _turned(use_of(last_name(test)), holds)
    return None


def _compared(operator: str, left: Expr, right: Expr, holds: bool) -> Use | None:
    if operator in ("!=", "not in", "is not"):
        holds = not holds
    elif operator not in ("==", "in", "is"):
        return None
    if isinstance(right, f.Constant) and isinstance(right.value, bool):
        return use_where(left, holds == right.value)
    texts = [one for side in (left, right) for one in (side.items if isinstance(side, f.Collection) else (side,))]
    found = {use_of(one.value) for one in texts if isinstance(one, f.Constant) and isinstance(one.value, str)}
    return _turned(found.pop(), holds) if len(found) == 1 else None


def _turned(use: Use | None, holds: bool) -> Use | None:
    return use if use is None or holds else OPPOSITE[use]
