"""Facts as a reader writes them, for messages and for telling equal tests apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evallint.facts import (
    Attribute,
    Await,
    Call,
    Collection,
    Comparison,
    Constant,
    Expr,
    Logic,
    Name,
    Operation,
    Subscript,
    Unary,
)

LONGEST = 60


def render(expression: Expr | None) -> str:
    """The expression's code, `…` where it is long or nobody needs it."""
    text = code(expression)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def code(expression: Expr | None) -> str:
    write = WRITERS.get(expression.__class__)
    return write(expression) if write is not None else "…"


def _call(call: Call) -> str:
    shown = ", ".join(
        "*" * argument.stars + (f"{argument.keyword}=" if argument.keyword else "") + code(argument.value)
        for argument in call.arguments
    )
    return f"{code(call.function)}({shown})" if len(shown) <= LONGEST else f"{code(call.function)}(…)"


def _unary(unary: Unary) -> str:
    return f"not {code(unary.operand)}" if unary.operator == "not" else f"{unary.operator}{code(unary.operand)}"


def _binary(pair: Comparison | Operation | Logic) -> str:
    return f"{code(pair.left)} {pair.operator} {code(pair.right)}"


def _collection(collection: Collection) -> str:
    items = ", ".join(map(code, collection.items))
    return f"({items})" if collection.kind == "tuple" else f"[{items}]"


WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda nothing: "",
    Name: lambda name: str(name.id),
    Attribute: lambda attribute: f"{code(attribute.value)}.{attribute.name}",
    Constant: lambda constant: repr(constant.value),
    Subscript: lambda subscript: f"{code(subscript.value)}[{code(subscript.key)}]",
    Call: _call,
    Unary: _unary,
    Comparison: _binary,
    Operation: _binary,
    Logic: _binary,
    Collection: _collection,
    Await: lambda awaited: code(awaited.value),
}
