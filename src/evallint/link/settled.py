"""Which branches are settled by the constants that a constructor or factory is called with."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from evallint.apis import UNKNOWN
from evallint.facts import (
    Assign,
    Attribute,
    Augment,
    Block,
    Choice,
    Clause,
    Collection,
    Comparison,
    Constant,
    Expr,
    If,
    Logic,
    Name,
    Operation,
    Unary,
)
from evallint.program import NOTHING, ClassSymbol, FunctionSymbol, Given, Program, Symbol
from evallint.walk import PARTS, within

Values: TypeAlias = Mapping[str, object]
"""What names, and attributes of self (`self.dropout`), are known to be."""

SELF = Name("self")

COMPARES: Mapping[str, Callable[[Any, Any], object]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "is": operator.is_,
    "is not": operator.is_not,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def bound(
    program: Program, symbol: Symbol | None, positional: Sequence[object], keywords: Mapping[str, object]
) -> Given:
    """The parameters that a call with these constants gives a known value, those left to their defaults included."""
    own = isinstance(symbol, ClassSymbol)
    called = program.method(symbol, "__init__") if isinstance(symbol, ClassSymbol) else symbol
    if not isinstance(called, FunctionSymbol):
        return NOTHING
    found = set()
    for position, parameter in enumerate(program.function(called).parameters[own:]):
        value: object = parameter.default.value if isinstance(parameter.default, Constant) else UNKNOWN
        if parameter.name in keywords:
            value = keywords[parameter.name]
        elif position < len(positional) and parameter.kind in ("", "/"):
            value = positional[position]
        if parameter.kind not in ("*", "**") and (value is None or isinstance(value, bool | int | float | str)):
            found.add((parameter.name, value))
    return frozenset(found)


def values_in(program: Program, symbol: FunctionSymbol, given: Given) -> Values:
    """The names of a function's own code that keep the value they were given."""
    if not given:
        return {}
    own = program.once(assigned, symbol)
    values = {name: value for name, value in given if name not in own}
    return {**values, **repeated(program.body(symbol), {name: value for name, value in given if name in own}, own)}


def repeated(body: Block, given: Values, own: frozenset[str]) -> Values:
    """The variables of comprehensions over what a parameter becomes that is a number where each layer wants one of its
    own: `if not isinstance(p, list): p = [p] * layers`. `own` are the names that the code binds itself."""
    found: dict[str, object] = {}
    nodes = list(within(body)) if given else []
    for name, value in given.items():
        spread = [one.value for one in nodes if isinstance(one, Assign) and name in targets_of(one)]
        if all(is_repetition(one, name) for one in spread):
            clauses = (one for one in nodes if isinstance(one, Clause) and one.iterable == Name(name))
            found.update((one.target.id, value) for one in clauses if isinstance(one.target, Name))
    bound_once = Counter(one.target.id for one in nodes if isinstance(one, Clause) and isinstance(one.target, Name))
    return {name: value for name, value in found.items() if bound_once[name] == 1 and name not in own}


def targets_of(statement: Assign) -> set[str]:
    return {target.id for target in statement.targets if isinstance(target, Name)}


def is_repetition(value: Expr | None, name: str) -> bool:
    """`[name] * number`"""
    return (
        isinstance(value, Operation)
        and value.operator == "*"
        and isinstance(value.left, Collection)
        and value.left.items == (Name(name),)
    )


def values_kept(program: Program, methods: Sequence[FunctionSymbol], constructor: Symbol, values: Values) -> Values:
    """The attributes of self that stay what the constructor makes of the values it is given: nothing else in the class
    assigns them."""
    found: dict[str, list[object]] = {}
    for method in methods if values else ():
        known = values if method == constructor else {}
        for name, expression in program.once(attributes_assigned, method):
            found.setdefault(name, []).append(UNKNOWN if expression is None else value_of(expression, known))
    return {f"self.{name}": given[0] for name, given in found.items() if len(given) == 1 and given[0] is not UNKNOWN}


def attributes_of_self(target: Expr) -> Iterator[str]:
    """The attributes of self that an assignment to this target sets."""
    if isinstance(target, Attribute):
        if target.value == SELF:
            yield target.name
    elif isinstance(target, Collection):
        for item in target.items:
            yield from attributes_of_self(item)


def assigned(program: Program, symbol: FunctionSymbol) -> frozenset[str]:
    """The names that a function's code binds anew."""
    return frozenset(
        target.id
        for node in within(program.body(symbol))
        if isinstance(node, Assign)
        for target in node.targets
        if isinstance(target, Name)
    )


def attributes_assigned(program: Program, method: FunctionSymbol) -> tuple[tuple[str, Expr | None], ...]:
    """The attributes of self that a method assigns, with what it assigns, None where it adds to them."""
    found: list[tuple[str, Expr | None]] = []
    for node in within(program.body(method)):
        if isinstance(node, Assign):
            found += [(name, node.value) for target in node.targets for name in attributes_of_self(target)]
        elif isinstance(node, Augment):
            found += [(name, None) for name in attributes_of_self(node.target)]
    return tuple(found)


def taken(node: object, values: Values) -> Iterator[object]:
    """Every fact in a fact or a tuple of such, itself first, but for what lies in branches that are ruled out."""
    todo: list[Any] = [node]
    while todo:
        here = todo.pop()
        kind = here.__class__
        if kind is tuple:
            todo.extend(here[::-1])
        elif values and (kind is If or kind is Choice) and (truth := holds(here.test, values)) is not None:
            todo.append(here.body if truth else here.orelse)
        elif (fields := PARTS.get(kind)) is not None:
            yield here
            for index in fields:
                if part := here[index]:
                    todo.append(part)


def holds(test: Expr, values: Values) -> bool | None:
    """Whether a test holds, None where the values don't tell."""
    if isinstance(test, Logic):
        left, right = holds(test.left, values), holds(test.right, values)
        decides = test.operator == "or"
        if decides in (left, right):
            return decides
        return None if None in (left, right) else not decides
    if isinstance(test, Unary) and test.operator == "not":
        inner = holds(test.operand, values)
        return None if inner is None else not inner
    if isinstance(test, Comparison):
        left_value, right_value = value_of(test.left, values), value_of(test.right, values)
        compare = COMPARES.get(test.operator)
        if compare is None or UNKNOWN in (left_value, right_value):
            return None
        try:
            return bool(compare(left_value, right_value))
        except TypeError:
            return None
    value = value_of(test, values)
    return None if value is UNKNOWN else bool(value)


def value_of(expression: Expr, values: Values) -> object:
    if isinstance(expression, Constant):
        return expression.value
    if isinstance(expression, Attribute):
        return values.get(f"self.{expression.name}", UNKNOWN) if expression.value == SELF else UNKNOWN
    return values.get(expression.id, UNKNOWN) if isinstance(expression, Name) else UNKNOWN
