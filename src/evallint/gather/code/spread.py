"""What `**options` gives a call, where dict displays spell it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.gather.code.sites import called, of_self, statements
from evallint.program import FunctionSymbol, Program, VariableSymbol

Options: TypeAlias = Mapping[str, Expr]

DEEPEST = 4
"""How many names one after another stand for the dict that is meant."""


def spelled_out(program: Program, symbol: FunctionSymbol, call: f.Call) -> f.Call:
    """A function's call with the keywords of each `**options` of which every key is known."""
    if all(one.stars != 2 for one in call.arguments):
        return call
    arguments: list[f.Argument] = []
    for one in call.arguments:
        options = _of(program, symbol, one.value, DEEPEST) if one.stars == 2 else None
        if options is None:
            arguments.append(one)
        else:
            arguments += (f.Argument(value, key) for key, value in options.items())
    return f.Call(call.function, tuple(arguments), call.span)


def _of(program: Program, symbol: FunctionSymbol, expression: Expr, depth: int) -> Options | None:
    """What a dict may hold, by its keys; None where some of it is out of sight."""
    if depth == 0:
        return None
    match expression:
        case f.Mapping(keys, values):
            return _merged(
                _of(program, symbol, value, depth - 1)
                if key is None
                else {key.value: value}
                if isinstance(key, f.Constant) and isinstance(key.value, str)
                else None
                for key, value in zip(keys, values, strict=True)
            )
        case f.Choice(_, body, orelse):
            return _merged(_of(program, symbol, one, depth - 1) for one in (body, orelse))
        case f.Call(f.Name("dict"), arguments):
            return _merged({one.keyword: one.value} if one.keyword else None for one in arguments)
        case f.Name() | f.Attribute(f.Name("self")):
            return _merged(_named(program, symbol, expression, depth - 1))
    return None


def _named(program: Program, symbol: FunctionSymbol, name: Expr, depth: int) -> Iterator[Options | None]:
    """What each statement gives a dict of that name, or that attribute, or puts into it; nobody else is to know it."""
    assigned = False
    for owner, block in _scopes(program, symbol, name):
        for statement in statements(block):
            if isinstance(statement, f.Assign) and name in statement.targets and statement.value is not None:
                assigned = True
                yield _of(program, owner, statement.value, depth)
            elif isinstance(statement, f.Assign):
                yield from (_put(target, statement.value) for target in statement.targets if _is_in(target, name))
        for call in called(block):
            if isinstance(call.function, f.Attribute) and call.function.value == name:
                yield from _done(program, owner, call, depth)
    if not assigned:
        yield None


def _scopes(program: Program, symbol: FunctionSymbol, name: Expr) -> Iterator[tuple[FunctionSymbol, Block]]:
    """The functions in which a name, or an attribute, gets what it has."""
    klass = program.class_of(symbol)
    if of_self(name):
        yield from ((one, program.body(one)) for one in (program.methods(klass) if klass is not None else ()))
    elif isinstance(name, f.Name) and all(one.name != name.id for one in program.function(symbol).parameters):
        yield symbol, program.body(symbol)
        own = any(isinstance(one, f.Assign) and name in one.targets for one in statements(program.body(symbol)))
        if not own and isinstance(program.lookup(symbol.path, name.id), VariableSymbol):
            yield FunctionSymbol(symbol.path, 0), program.files[symbol.path].bodies[0]


def _is_in(target: Expr, name: Expr) -> bool:
    return isinstance(target, f.Subscript) and target.value == name


def _put(target: Expr, value: Expr | None) -> Options | None:
    """What `options["drop_last"] = True` puts into a dict."""
    match target:
        case f.Subscript(_, f.Constant(str() as key)) if value is not None:
            return {key: value}
    return None


def _done(program: Program, symbol: FunctionSymbol, call: f.Call, depth: int) -> Iterator[Options | None]:
    """What a method that is called on a dict puts into it."""
    assert isinstance(call.function, f.Attribute)
    if call.function.name == "update":
        for one in call.arguments:
            yield {one.keyword: one.value} if one.keyword else _of(program, symbol, one.value, depth)
    elif call.function.name not in ("get", "items", "keys", "values", "copy"):
        yield None


def _merged(several: Iterable[Options | None]) -> Options | None:
    """The keys of all, each with its value where they agree."""
    found: dict[str, Expr] = {}
    for options in several:
        if options is None:
            return None
        for key, value in options.items():
            found[key] = value if found.get(key, value) == value else f.Opaque((found[key], value))
    return found
