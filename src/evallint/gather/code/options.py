"""What the options of a command line are where the user says nothing."""

from __future__ import annotations

from evallint import facts as f
from evallint.apis import UNKNOWN
from evallint.gather.code.sites import called
from evallint.interpret.flags import ADDING, destinations
from evallint.interpret.reading import last_name
from evallint.program import FunctionSymbol, Program


def default(program: Program, expression: f.Expr | None) -> object:
    """The constant that `args.batch_size` is by default; UNKNOWN where no option is called so, or they disagree."""
    if not isinstance(expression, f.Attribute):
        return UNKNOWN
    found = {
        value
        for symbol in program.users(ADDING)
        for name, value in program.once(defaults_in, symbol)
        if name == expression.name
    }
    return found.pop() if len(found) == 1 else UNKNOWN


def defaults_in(program: Program, symbol: FunctionSymbol) -> tuple[tuple[str, object], ...]:
    """The options that a function adds, with their defaults."""
    return tuple(
        (name, default_of(call))
        for call in called(program.body(symbol))
        if last_name(call.function) == ADDING
        for name in destinations(call)
    )


def default_of(call: f.Call) -> object:
    given = next((one.value for one in call.arguments if one.keyword == "default"), None)
    return given.value if isinstance(given, f.Constant) else UNKNOWN
