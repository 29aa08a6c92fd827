"""Where what would mend a finding belongs: before or around the loops about it, by the names that are known there."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from evallint import facts as f
from evallint.facts import Span
from evallint.findings import Place
from evallint.gather.code.sites import Site, called, names_in, root, sites, statements
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.program import FunctionSymbol, Program
from evallint.walk import within

UNSAID = "…"
PARTS = (f.Name, f.Attribute, f.Subscript)


def widest(program: Program, at: Place, apart: Collection[Place], name: str = "") -> Place:
    """The outermost loop around a place, in its function, that holds none of the places `apart` and changes nothing
    that a name speaks of; the place itself where there is none."""
    found = at
    for loop in reversed(list(loops_around(program, at))):
        if any(place.path == at.path and contains(loop.span, place.span) for place in apart):
            break
        if name and changes(loop, name):
            break
        found = Place(at.path, loop.span)
    return found


def loops_around(program: Program, at: Place) -> Iterator[f.For | f.While]:
    """The loops of a function that a place is in, the outermost first."""
    for statement in statements(program.body(function_around(program, at))):
        if isinstance(statement, f.For | f.While) and contains(statement.span, at.span):
            yield statement


def is_counted(loop: f.For | f.While) -> bool:
    """Whether a loop goes on for so many passes, of which none knows which it is."""
    if not isinstance(loop, f.For) or not isinstance(loop.iterable, f.Call) or not isinstance(loop.target, f.Name):
        return False
    read = any(node == loop.target for node in within(loop.body))
    return last_name(loop.iterable.function) == "range" and not read


def contains(outer: Span, inner: Span) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def function_around(program: Program, at: Place) -> FunctionSymbol:
    """The innermost function that a place is in, the file itself where it is in none."""
    around = [
        (function.span[:2], index)
        for index, function in enumerate(program.files[at.path].functions)
        if index and contains(function.span, at.span)
    ]
    return FunctionSymbol(at.path, max(around)[1] if around else 0)


def changes(loop: f.For | f.While, name: str) -> bool:
    """Whether a loop gives another meaning to something that a name speaks of."""
    parts = mentioned(name)
    targets = [loop.target] if isinstance(loop, f.For) else []
    for statement in statements((*loop.body, *loop.orelse)):
        match statement:
            case f.Assign(several):
                targets += several
            case f.For(target) | f.Augment(target):
                targets.append(target)
            case f.With(items):
                targets += [item.target for item in items if item.target is not None]
    return any(code(node) in parts for target in targets for node in within(target) if isinstance(node, PARTS))


def mentioned(name: str) -> set[str]:
    """The parts of a dotted name that may change its meaning: `self.nets[i]` speaks of `self.nets`, `self` and `i`."""
    try:
        tree = ast.parse(name, mode="eval")
    except SyntaxError:
        return {name}
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)}


# ---- what something is called further out ----------------------------------------------------------


def names_along(program: Program, chain: Sequence[tuple[Place, str]], name: str) -> tuple[str, ...]:
    """What something is called at each call that leads to where it has a name; "" where it has none."""
    found = [name if is_known(program, chain[-1][0], name) else ""]
    for (outer, _), (inner, _) in zip(reversed(chain[:-1]), reversed(chain[1:]), strict=True):
        name = outside(program, outer, function_around(program, inner), name) if name else ""
        found.append(name if name and is_known(program, outer, name) else "")
    return tuple(reversed(found))


def outside(program: Program, at: Place, symbol: FunctionSymbol, name: str) -> str:
    """What the caller of a function, at a place, calls what is called so within it."""
    call = call_at(program, at)
    function = program.function(symbol)
    first = name.replace("[", ".").partition(".")[0]
    rest = name[len(first) :]
    parameters = [parameter.name for parameter in function.parameters]
    if call is None:
        return ""
    if first in parameters:
        is_method = function.owner >= 0 and parameters[0] in ("self", "cls")
        if is_method and first == parameters[0]:
            return receiver(call, function.name, rest)
        given = argument(call, first, parameters.index(first) - is_method)
        return said(given, rest) if isinstance(given, f.Name | f.Attribute | f.Subscript) else ""
    return name if at.path == symbol.path and first in bound(program.body(FunctionSymbol(at.path, 0))) else ""


def receiver(call: f.Call, method: str, rest: str) -> str:
    """What a call's object is called, with what follows."""
    if method == "__init__":
        return ""
    if method in ("forward", "__call__") and not (
        isinstance(call.function, f.Attribute) and call.function.name == method
    ):
        return said(call.function, rest)
    if not isinstance(call.function, f.Attribute):
        return ""
    base = call.function.value
    if isinstance(base, f.Call) and base.function == f.Name("super"):
        return f"self{rest}"
    return said(base, rest) if not isinstance(base, f.Call) else ""


def said(expression: f.Expr, rest: str) -> str:
    text = code(expression)
    return "" if UNSAID in text else text + rest


def call_at(program: Program, at: Place) -> f.Call | None:
    return program.once(calls_in, function_around(program, at)).get(at.span)


def calls_in(program: Program, symbol: FunctionSymbol) -> dict[Span, f.Call]:
    """The calls in a function's own code, by where they stand."""
    return {call.span: call for call in reversed(list(called(program.body(symbol))))}


def is_known(program: Program, at: Place, name: str) -> bool:
    """Whether a statement beside a place may use a name: it is no variable of a comprehension or lambda around it."""
    if UNSAID in name or not name:
        return False
    parts = mentioned(name)
    symbol = function_around(program, at)
    site = program.once(sites_in, symbol).get(at.span)
    if site is None:
        return True
    targets = [clause.target for loop in site.loops if isinstance(loop, f.Comprehension) for clause in loop.clauses]
    own = names_in(targets)
    return not site.deferred and not own & parts


def bound(body: f.Block) -> set[str]:
    """The names that a file's own code assigns or imports."""
    found: set[str] = set()
    for statement in statements(body):
        if isinstance(statement, f.Import):
            found.add(statement.bound)
        elif isinstance(statement, f.Assign):
            found |= {node.id for node in map(root, statement.targets) if isinstance(node, f.Name)}
    return found


def sites_in(program: Program, symbol: FunctionSymbol) -> dict[Span, Site]:
    """The calls in a function's own code with what stands around them, by where they stand."""
    return {site.call.span: site for site in reversed(list(sites(program.body(symbol))))}


# ---- code that stands elsewhere --------------------------------------------------------------------


def written(expression: f.Expr) -> str:
    """An expression in full, "" where a part of it has no code of its own."""
    text = _written(expression)
    return "" if UNSAID in text else text


def _written(expression: f.Expr) -> str:
    match expression:
        case f.Call(function, arguments):
            return f"{_written(function)}({', '.join(map(_given, arguments))})"
        case f.Attribute(value, name):
            return f"{_written(value)}.{name}"
        case f.Collection("tuple", items) if len(items) == 1:
            return f"({_written(items[0])},)"
        case f.Collection(kind, items):
            shown = ", ".join(map(_written, items))
            return f"({shown})" if kind == "tuple" else f"[{shown}]"
    return code(expression)


def _given(argument: f.Argument) -> str:
    return "*" * argument.stars + (f"{argument.keyword}=" if argument.keyword else "") + _written(argument.value)


def alike(program: Program, at: Place, other: Place) -> str:
    """The call at a place with the arguments of another call of the same function, "" where that can't be written."""
    ours, theirs = call_at(program, at), call_at(program, other)
    if ours is None or theirs is None or not is_same_function(program, at, other):
        return ""
    if at == other or not is_seen_from(program, at, other, theirs.arguments):
        return ""
    return written(theirs._replace(function=ours.function))


def with_numbers(program: Program, at: Place, other: Place, numbers: Sequence[Sequence[float]]) -> str:
    """The call at a place with a mean and a deviation in place of those that it is given, "" where it has other
    arguments too, or the numbers of the other call of the same function are not known."""
    call = call_at(program, at)
    if call is None or at == other or not all(numbers) or not is_same_function(program, at, other):
        return ""
    if [given.keyword for given in call.arguments] not in (["", ""], ["mean", "std"]):
        return ""
    values = (f.Collection("tuple", tuple(map(f.Constant, several))) for several in numbers)
    arguments = tuple(given._replace(value=value) for given, value in zip(call.arguments, values, strict=True))
    return written(call._replace(arguments=arguments))


def is_same_function(program: Program, at: Place, other: Place) -> bool:
    """Whether the calls at two places call one function."""
    calls = [(place.path, call_at(program, place)) for place in (at, other)]
    meant = [program.resolve(path, call.function) if call is not None else None for path, call in calls]
    return meant[0] is not None and meant[0] == meant[1]


def repeated(program: Program, at: Place, other: Place) -> str:
    """The call at another place as it could be written at a place, "" where it can't."""
    theirs = call_at(program, other)
    if theirs is None or at.path != other.path or not is_seen_from(program, at, other, theirs):
        return ""
    return written(theirs)


def is_seen_from(program: Program, at: Place, other: Place, what: object) -> bool:
    """Whether all names in code at another place mean the same at a place: constants always do."""
    names = names_in(what)
    if at.path == other.path and function_around(program, at) == function_around(program, other):
        return at.span > other.span or names <= bound(program.body(FunctionSymbol(at.path, 0)))
    return not names or (at.path == other.path and names <= bound(program.body(FunctionSymbol(at.path, 0))))
