"""Whether what a model makes of random numbers is put to use, as a generator's pictures are, or only measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evallint import facts as f
from evallint.findings import Place
from evallint.gather.code.mending import function_around
from evallint.gather.code.sites import called, names_in, statements
from evallint.interpret.reading import last_name
from evallint.program import Program
from evallint.walk import PARTS, within

TELLING = frozenset("print len type isinstance str repr format info debug".split())
"""Calls that tell of a tensor, and do no more."""

MEASURES = frozenset("shape size dim ndim numel dtype device element_size".split())


def is_put_to_use(program: Program, at: Place, made: bool = False) -> bool:
    """Whether more than its shape is asked of what the call at a place gives, in the function that the call is in.

    `made`: what only becomes an array or the like that gets a name is not put to use by that.
    """
    body = program.body(function_around(program, at))
    names: set[str] = set()
    chained: set[f.Span] = set()
    for statement in statements(body):
        if isinstance(statement, f.Assign) and is_part(statement.value, names, at):
            names |= {name for target in statement.targets for name in names_in(target)}
            chained |= {one.span for one in chain_of(statement.value)} if made else set()
        elif isinstance(statement, f.Return) and is_part(statement.value, names, at):
            return True
    return any(
        last_name(call.function) not in TELLING | MEASURES
        and is_part((call.arguments, owner_of(call) if call.span not in chained else None), names, at)
        for call in called(body)
    )


def chain_of(value: f.Expr | None) -> Iterator[f.Call]:
    """The methods that are called on each other: `model(x).cpu().numpy()`."""
    while isinstance(value, f.Call):
        yield value
        value = owner_of(value)


def is_never_read(program: Program, at: Place) -> bool:
    """Whether what the call at a place gives gets a name that nothing in its function reads: it was run to see that it
    runs."""
    return reads(program, at) == (0, 0)


def is_only_measured(program: Program, at: Place) -> bool:
    """Whether what the call at a place gives gets a name of which its function asks for sizes alone: it was run to see
    what comes out."""
    found = reads(program, at)
    return found is not None and found[0] == found[1] > 0


def is_tried_once(program: Program, at: Place) -> bool:
    """Whether what the call at a place gives is dropped in a loop that ends in its first pass: lazy layers learn their
    sizes from it."""
    loops = [one for one in statements(program.body(function_around(program, at))) if isinstance(one, f.For)]
    once = [
        one for one in loops if isinstance(last := one.body[-1] if one.body else None, f.Leave) and last.word == "break"
    ]
    alone = [one.value for loop in once for one in loop.body if isinstance(one, f.Evaluate)]
    return any(isinstance(one, f.Call) and one.span == at.span for one in alone)


def reads(program: Program, at: Place) -> tuple[int, int] | None:
    """How often a function reads the name of what the call at a place gives, and how often for its size. None where it
    gets none."""
    body = program.body(function_around(program, at))
    for statement in statements(body):
        if isinstance(statement, f.Assign) and isinstance(statement.value, f.Call) and statement.value.span == at.span:
            names = {target.id for target in statement.targets if isinstance(target, f.Name)}
            if len(names) < len(statement.targets):
                return None
            nodes = list(within(body))
            named = [node for node in nodes if isinstance(node, f.Name) and node.id in names]
            sizes = [
                node
                for node in nodes
                if isinstance(node, f.Attribute) and node.name in MEASURES and node.value in named
            ]
            return len(named) - len(names), len(sizes)
    return None


def owner_of(call: f.Call) -> f.Expr | None:
    return call.function.value if isinstance(call.function, f.Attribute) else None


def is_part(node: object, made: set[str], at: Place) -> bool:
    """Whether what the call at a place gives is a part of something, and not only a measure of it."""
    todo: list[Any] = [node]
    while todo:
        here = todo.pop()
        match here:
            case f.Call(span=span) if span == at.span:
                return True
            case f.Name(id=name) if name in made:
                return True
            case f.Attribute(name=name) if name in MEASURES:
                continue
            case f.Call(function=function) if last_name(function) in TELLING | MEASURES:
                continue
        todo += here if here.__class__ is tuple else [here[index] for index in PARTS.get(here.__class__, ())]
    return False
