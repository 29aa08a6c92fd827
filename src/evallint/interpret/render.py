"""Facts as a reader writes them, for messages and for telling equal tests apart."""

from __future__ import annotations

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
    match expression:
        case None:
            return ""
        case Name(name):
            return name
        case Attribute(value, name):
            return f"{code(value)}.{name}"
        case Constant(value):
            return repr(value)
        case Subscript(value, index):
            return f"{code(value)}[{code(index)}]"
        case Call(function, arguments):
            shown = ", ".join(
                "*" * argument.stars + (f"{argument.keyword}=" if argument.keyword else "") + code(argument.value)
                for argument in arguments
            )
            return f"{code(function)}({shown})" if len(shown) <= LONGEST else f"{code(function)}(…)"
        case Unary(operator, operand):
            return f"not {code(operand)}" if operator == "not" else f"{operator}{code(operand)}"
        case Comparison(operator, left, right) | Operation(operator, left, right) | Logic(operator, left, right):
            return f"{code(left)} {operator} {code(right)}"
        case Collection("tuple", items):
            return f"({', '.join(map(code, items))})"
        case Collection(_, items):
            return f"[{', '.join(map(code, items))}]"
        case Await(value):
            return code(value)
    return "…"
