"""The files in which programs keep the weights of their models: what one saves and another reads is one model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evallint import facts as f
from evallint.findings import Place
from evallint.gather.code.mending import call_at
from evallint.gather.code.options import default
from evallint.gather.code.sites import given_once, of_self, statements
from evallint.interpret.events import Caller, Events, Loaded, Restored, Saved, Unpickled
from evallint.interpret.reading import argument, last_name
from evallint.program import FunctionSymbol, Program, VariableSymbol

JOINING = frozenset("join joinpath Path PurePath str abspath realpath expanduser".split())
"""Functions whose last argument ends the path that they make."""

DEEPEST = 8
"""Through so many names a path is followed."""


Files = tuple[tuple[str, Place], ...]
"""The names of files, each with the place at which it is written or read."""


def saved_by(program: Program, events: Events) -> Files:
    """The files to which a run writes models or states of models."""
    found = {
        written_to(program, one): one.at
        for one in events.states
        if isinstance(one, Saved) and any(part.owner.role == "module" for part in one.parts)
    }
    return tuple((name, at) for name, at in found.items() if name)


def written_to(program: Program, saved: Saved) -> str:
    """The name of the file to which something is saved, "" where it is not known."""
    return name_of(program, saved.frames, argument(saved.call, "f", 1))


def read_by(program: Program, events: Events) -> Files:
    """The files from which a run takes models or their states; none where one of them is not known."""
    files = {found.at: found for found in events.states if isinstance(found, Loaded)}
    sources = {
        found.source if isinstance(found, Restored) else found.at
        for found in events.states
        if isinstance(found, Unpickled) or (isinstance(found, Restored) and found.owner.role == "module")
    }
    found = {
        name_of(program, files[at].frames, argument(files[at].call, "f", 0)) if at in files else "": at
        for at in sorted({at for at in sources if at is not None}, key=lambda at: (at.path, at.span))
    }
    return () if "" in found or None in sources else tuple(found.items())


def name_of(program: Program, frames: Sequence[Caller], path: f.Expr | None, depth: int = 0) -> str:
    """The last part of a path, where it is written down somewhere and has an ending; "" where it is not known."""
    if path is None or not frames or depth > DEEPEST:
        return ""
    match path:
        case f.Constant(str() as text):
            return last_part(text)
        case f.Text((*_, f.Constant(str() as text))) if "/" in text:
            return last_part(text)
        case f.Operation("/", _, right):
            return name_of(program, frames, right, depth + 1)
        case f.Operation("+", _, f.Constant(str() as text)) if "/" in text:
            return last_part(text)
        case f.Call(f.Attribute(f.Constant(str() as text), "format")):
            return last_part(text)
        case f.Call(function, (*_, f.Argument() as last)) if last_name(function) in JOINING and not last.stars:
            return name_of(program, frames, last.value, depth + 1)
        case f.Name() | f.Attribute():
            return next(
                (
                    name
                    for around, value in values_of(program, frames, path)
                    if (name := name_of(program, around, value, depth + 1))
                ),
                "",
            )
    return ""


def last_part(text: str) -> str:
    name = text.rpartition("/")[2]
    return name if "." in name[1:] and "{" not in name else ""


def values_of(
    program: Program, frames: Sequence[Caller], name: f.Name | f.Attribute
) -> Iterator[tuple[Sequence[Caller], f.Expr]]:
    """What a name stands for where it is given only once: with the functions that run where it is."""
    symbol = frames[-1].symbol or FunctionSymbol(frames[-1].path, 0)
    if isinstance(name, f.Name):
        own = given_once(program.body(symbol)).get(name.id)
        if own is not None and own.value is not None:
            yield frames, own.value
            return
        yield from given_for(program, frames, symbol, name.id)
    else:
        option = default(program, name)
        if isinstance(option, str):
            yield frames, f.Constant(option)
        yield from ((frames, value) for value in held(program, symbol, of_self(name)))
    resolved = program.resolve(symbol.path, name)
    if isinstance(resolved, VariableSymbol):
        found = given_once(program.body(FunctionSymbol(resolved.path, 0))).get(resolved.name)
        if found is not None and found.value is not None:
            yield (Caller(resolved.path, "<module>", None, None),), found.value


def given_for(
    program: Program, frames: Sequence[Caller], symbol: FunctionSymbol, name: str
) -> Iterator[tuple[Sequence[Caller], f.Expr]]:
    """What a function's parameter was given by its caller, or else its default."""
    parameters = program.function(symbol).parameters
    index = next((index for index, one in enumerate(parameters) if one.name == name), None)
    if index is None:
        return
    at = frames[-1].called_at
    call = call_at(program, at) if at is not None else None
    bound = program.class_of(symbol) is not None and bool(parameters) and parameters[0].name == "self"
    given = argument(call, name, index - bound) if call is not None else None
    if given is not None:
        yield frames[:-1], given
    elif call is not None and parameters[index].default is not None:
        yield frames, parameters[index].default or f.Constant(None)


def held(program: Program, symbol: FunctionSymbol, name: str) -> Iterator[f.Expr]:
    """What the class of a method keeps under a name, where it does so only once."""
    klass = program.class_of(symbol) if name else None
    found = [
        statement.value
        for method in (program.methods(klass) if klass is not None else ())
        for statement in statements(program.body(method))
        if isinstance(statement, f.Assign) and any(of_self(target) == name for target in statement.targets)
    ]
    if len(found) == 1 and found[0] is not None:
        yield found[0]
