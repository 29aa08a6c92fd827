"""Files that are read in a way that runs the code in them."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.findings import Place, Step
from evallint.gather.code.sites import bindings, called, functions
from evallint.interpret.reading import argument, last_name
from evallint.interpret.roles import words
from evallint.program import External, FunctionSymbol, Program
from evallint.project import UnsafeLoad
from evallint.walk import within

FETCHES = frozenset("download downloads downloaded fetch url urlretrieve wget gdown hub".split())
"""Words of functions that get a file from elsewhere."""


def unsafe_loads(program: Program, path: str) -> Iterator[UnsafeLoad]:
    """Files read with `weights_only=False`: any code may be in them."""
    for symbol in functions(program, path):
        if "load" not in program.function(symbol).mentions:
            continue
        for call in called(program.body(symbol)):
            if is_load(program, symbol, call) and argument(call, "weights_only", None) == f.Constant(False):
                yield unsafe_load(program, symbol, call)


def is_load(program: Program, symbol: FunctionSymbol, call: f.Call) -> bool:
    return bool(call.arguments) and program.resolve(symbol.path, call.function) == External("torch.load")


def unsafe_load(program: Program, symbol: FunctionSymbol, call: f.Call) -> UnsafeLoad:
    at = Place(symbol.path, call.span)
    fetch = fetched(program, symbol, call)
    last = Step(at, "the file may run any code as it is read here")
    function = program.function(symbol).qualname
    if fetch is None:
        return UnsafeLoad(at, function, "", (last,))
    name = last_name(fetch.function)
    return UnsafeLoad(at, function, name, (Step(Place(symbol.path, fetch.span), f"`{name}` gets the file"), last))


def fetched(program: Program, symbol: FunctionSymbol, call: f.Call) -> f.Call | None:
    """The call by which the file that is read was got from elsewhere, None where none is in sight."""
    known = bindings(program.body(symbol))
    todo, seen = [call.arguments[0].value], set[str]()
    while todo:
        for node in within(todo.pop()):
            if isinstance(node, f.Call) and words(last_name(node.function)) & FETCHES:
                return node
            if isinstance(node, f.Name) and node.id not in seen:
                seen.add(node.id)
                todo.extend(known.get(node.id, ()))
    return next((one for one in called(program.body(symbol)) if one.span < call.span and writes(one, seen)), None)


def writes(call: f.Call, names: set[str]) -> bool:
    """Whether a call gets a file from elsewhere, to one of these paths: `urlretrieve(url, path)`."""
    given = {node.id for one in call.arguments for node in within(one) if isinstance(node, f.Name)}
    return bool(words(last_name(call.function)) & FETCHES and given & names)
