"""Statistics of all data, which are split only later: in the function that fits, or in another."""

from __future__ import annotations

from dataclasses import replace

from evallint import facts as f
from evallint.apis import Split
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import root, statements
from evallint.gather.data.fits.learning import (
    Learning,
    callee,
    each_assigned,
    given_back,
    given_by,
    is_application,
    is_call_of,
    is_own,
    own_calls,
    targets_of,
    uses_of,
)
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import use_of, words
from evallint.program import External, FunctionSymbol, Program
from evallint.project import FittedOnTest
from evallint.walk import within

ROWS = frozenset("idx idxs index indexes indices id ids mask masks row rows selected selection keep kept i j".split())
"""Words of what picks samples, not columns."""

DEEPEST = 2
"""So many functions hand the data on to one that splits them."""

ONLY_HERE = "the data are split into training and evaluation only here"


def before_split(
    program: Program, symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]
) -> FittedOnTest | None:
    if uses_of(each.data) or is_part(each.data, body[: each.index]):
        return None
    learnt = given_by(each)
    if each.of and isinstance(each.data, f.Name) and is_used_after_split(program, symbol, each, body):
        learnt |= {each.data.id}
    steps = splits_at_once(program, symbol, replace(each, data=each.call)) if each.gives_data else ()
    steps = steps or splits(program, symbol, each, learnt, body[each.index + 1 :])
    steps = steps or split_by_callers(program, symbol, each, body)
    if not steps:
        return None
    at = Place(symbol.path, each.call.span)
    whole = Step(at, f"`{render(each.data)}` is all of the data")
    name = program.function(symbol).qualname
    return FittedOnTest(at, name, render(each.call.function), render(each.data), "all", (whole, *steps))


def splits(
    program: Program,
    symbol: FunctionSymbol,
    each: Learning,
    learnt: frozenset[str],
    after: tuple[f.Stmt, ...],
    depth: int = DEEPEST,
) -> tuple[Step, ...]:
    """Where statements split what the fit made of the data, by functions that are given it as well."""
    parts: dict[str, dict[str, f.Stmt]] = {}
    for statement in after:
        split = split_of(program, symbol, statement, each, learnt) or sliced(statement, learnt, parts)
        if split is not None:
            return (Step(Place(symbol.path, split), ONLY_HERE),)
        for call in own_calls(statement) if depth else ():
            steps = splits_within(program, symbol, call, each, learnt, depth)
            if steps:
                return steps
        learnt = spread(statement, each, learnt)
    return ()


# ---- in other functions -------------------------------------------------------------------------


def splits_within(
    program: Program, symbol: FunctionSymbol, call: f.Call, each: Learning, learnt: frozenset[str], depth: int
) -> tuple[Step, ...]:
    """Where a function that is given what the fit made of the data splits it."""
    if not any(mentions(one.value, each, learnt) for one in call.arguments):
        return ()
    inner = callee(program, symbol, call)
    if inner is None or inner == symbol:
        return ()
    parameters = program.function(inner).parameters
    parameters = parameters[1:] if parameters and parameters[0].name == "self" else parameters
    given = frozenset(
        one.name
        for position, one in enumerate(parameters)
        if (value := argument(call, one.name, position)) is not None and mentions(value, each, learnt)
    )
    steps = splits(program, inner, replace(each, of=""), given, tuple(statements(program.body(inner))), depth - 1)
    called = f"`{program.function(inner).name}` is given what is made of them"
    return (Step(Place(symbol.path, call.span), called), *steps) if steps else ()


def split_by_callers(
    program: Program, symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]
) -> tuple[Step, ...]:
    """Where those who call a function split what its fit makes of the data that they give it."""
    function = program.function(symbol)
    if not symbol.index or use_of(function.name) or not is_own(each, body):
        return ()
    back = next(filter(any, given_back(each, body)), None)
    if back is None:
        return ()
    for caller in program.users(function.name):
        lines = tuple(statements(program.body(caller)))
        for index, statement in enumerate(lines):
            call = next((one for one in own_calls(statement) if is_call_of(program, caller, one, symbol)), None)
            if (
                call is None
                or is_of_each(statement, call)
                or any(uses_of(one.value) or is_part(one.value, lines[:index]) for one in call.arguments)
            ):
                continue
            result = Learning(call, statement, index, "transform", "", call)
            names = received(statement, call, back)
            steps = splits_at_once(program, caller, result)
            steps = steps or splits(program, caller, result, names, lines[index + 1 :])
            if steps:
                return (Step(Place(caller.path, call.span), f"`{function.name}` gives them back here"), *steps)
    return ()


def is_of_each(statement: f.Stmt, call: f.Call) -> bool:
    """Whether a call is made for each of several things: `[normalized(image) for image in images]`."""
    return any(call in within(node) for node in within(statement) if isinstance(node, f.Comprehension))


def splits_at_once(program: Program, symbol: FunctionSymbol, result: Learning) -> tuple[Step, ...]:
    """`train_test_split(scaler.fit_transform(x), y)`, `loaders(scaler.fit_transform(x))`"""
    split = split_of(program, symbol, result.statement, result, frozenset())
    if split is not None:
        return (Step(Place(symbol.path, split), ONLY_HERE),)
    calls = (call for call in own_calls(result.statement) if call != result.data)
    found = (splits_within(program, symbol, call, result, frozenset(), DEEPEST) for call in calls)
    return next(filter(None, found), ())


def received(statement: f.Stmt, call: f.Call, back: tuple[bool, ...]) -> frozenset[str]:
    """The names that a caller gives to what is made of the data, of all that is returned to it."""
    if not isinstance(statement, f.Assign) or any(uses_of(target) for target in statement.targets):
        return frozenset()
    target = statement.targets[0]
    if len(back) > 1 and statement.value == call:
        if not isinstance(target, f.Collection) or len(target.items) != len(back):
            return targets_of(statement) if all(back) else frozenset()
        return frozenset(code(one) for one, made in zip(target.items, back, strict=True) if made)
    return targets_of(statement)


# ---- in one function ----------------------------------------------------------------------------


def is_used_after_split(program: Program, symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]) -> bool:
    """Whether the very data are split after the fit, and what was learnt is applied then."""
    name = code(each.data)
    for index, statement in enumerate(body[each.index + 1 :], each.index + 1):
        if split_of(program, symbol, statement, each, frozenset((name,))) is not None:
            later = (call for one in body[index + 1 :] for call in own_calls(one))
            return any(is_application(call, each.of) for call in later)
        if name in targets_of(statement):
            return False
    return False


def is_part(data: Expr, before: tuple[f.Stmt, ...], depth: int = 4) -> bool:
    """Whether some of the rows are left out of the data, by what is seen of where they come from."""
    if takes_rows(data):
        return True
    name = root(data)
    given = [index for index, one in enumerate(before) if name in getattr(one, "targets", ())]
    if not given or depth == 0:
        return False
    statement = before[given[-1]]
    value = statement.value if isinstance(statement, f.Assign) else None
    return value is not None and is_part(value, before[: given[-1]], depth - 1)


def takes_rows(node: object) -> bool:
    if isinstance(node, f.Subscript):
        return not is_columns(node) or takes_rows(node.value)
    return isinstance(node, tuple) and any(map(takes_rows, node))


def is_columns(taken: f.Subscript) -> bool:
    """Whether a subscript takes all rows: `x["price"]`, `x[["a", "b"]]`, `x[:, 1:]`."""
    key = taken.key
    if isinstance(key, f.Collection) and key.kind == "tuple":
        return bool(key.items) and key.items[0] == f.Slice(None, None, None)
    if isinstance(key, f.Collection):
        return all(isinstance(item, f.Constant) for item in key.items)
    if isinstance(key, f.Name | f.Attribute | f.Subscript):
        return not words(last_name(root_of(key))) & ROWS
    return isinstance(key, f.Constant) or key == f.Slice(None, None, None)


def root_of(key: Expr) -> Expr:
    """`x` of `x[0]`."""
    while isinstance(key, f.Subscript):
        key = key.value
    return key


def spread(statement: f.Stmt, each: Learning, learnt: frozenset[str]) -> frozenset[str]:
    """The names that hold what the fit made of the data, after one more statement."""
    if not isinstance(statement, f.Assign) or statement.value is None:
        return learnt
    given = targets_of(statement)
    if mentions(statement.value, each, learnt):
        return learnt | given
    whole = any(isinstance(target, f.Name | f.Attribute) for target in statement.targets)
    return learnt - given if whole else learnt


def mentions(value: object, each: Learning, learnt: frozenset[str]) -> bool:
    for node in within(value):
        if isinstance(node, f.Call) and is_application(node, each.of):
            return not any(uses_of(one.value) for one in node.arguments)
        if node == each.data and isinstance(node, f.Call):
            return True  # what a function gives back
        if isinstance(node, f.Name | f.Attribute) and code(node) in learnt:
            return True
    return False


def split_of(
    program: Program, symbol: FunctionSymbol, statement: f.Stmt, each: Learning, learnt: frozenset[str]
) -> f.Span | None:
    """The call of a statement that splits what the fit made of the data."""
    for call in own_calls(statement):
        resolved = program.resolve(symbol.path, call.function)
        meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
        if isinstance(meaning, Split) and meaning.result == "parts":
            data = [one.value for one in call.arguments if not one.keyword] if meaning.each else []
            whole = argument(call, meaning.dataset.keyword, meaning.dataset.position)
            if any(mentions(value, each, learnt) for value in (*data, whole)):
                return call.span
    return None


def sliced(statement: f.Stmt, learnt: frozenset[str], parts: dict[str, dict[str, f.Stmt]]) -> f.Span | None:
    """Where the second of two slices is taken whose names say training and evaluation."""
    for target, value in each_assigned(statement) if isinstance(statement, f.Assign) else ():
        if not isinstance(value, f.Subscript) or code(value.value) not in learnt or not is_slice(value.key):
            continue
        use = use_of(last_name(target))
        if use is not None:
            parts.setdefault(code(value.value), {})[use] = statement
    for found in parts.values():
        if len(found) == 2:
            return statement.span if isinstance(statement, f.Assign) else None
    return None


def is_slice(key: Expr) -> bool:
    first = key.items[0] if isinstance(key, f.Collection) and key.items else key
    return isinstance(first, f.Slice)
