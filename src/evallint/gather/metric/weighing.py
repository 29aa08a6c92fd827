"""How an average over batches becomes that of the data, where the code shows what a batch holds."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.facts import Expr
from evallint.findings import Place
from evallint.gather.code.mending import contains
from evallint.gather.code.sites import statements
from evallint.gather.metric.ledger import Entry
from evallint.gather.metric.ledger.book import Division
from evallint.gather.metric.passes import Pass
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.program import FunctionSymbol, Program
from evallint.project import Counted, Weighing
from evallint.walk import within

KEEP_LENGTH = frozenset("to cuda cpu float double half long int bool type contiguous clone detach".split())
"""Methods of a tensor whose result is as long."""


def weighing(program: Program, entry: Entry, found: Pass) -> Weighing | Counted | None:
    """What would make an average count every sample once; None where that is not in sight."""
    if entry.how == "unweighted":
        return counted(entry, found)
    return divided(program, entry, found)


def counted(entry: Entry, found: Pass) -> Counted | None:
    intake, size = entry.intake, batch_size(found.loop.statement)
    if intake is None or not size or intake.at.path != found.loop.symbol.path:
        return None
    if not contains(found.loop.statement.span, intake.at.span):
        return None
    return Counted(intake.at, intake.weight, intake.position, size)


def divided(program: Program, entry: Entry, found: Pass) -> Weighing | None:
    """What makes a sum and its divisor agree."""
    division = entry.division
    if division is None or division.at.path != found.loop.symbol.path:
        return None
    length, samples = f"len({entry.loader})", f"len({entry.loader}.dataset)"
    if entry.how == "nominal" and length in division.divisor:
        return Weighing((), division.at, division.divisor, samples)
    if entry.how == "batches" and division.divisor == length:
        additions = weighed(program, entry, found, division)
        return Weighing(additions, division.at, length, samples) if additions else None
    if entry.how == "samples":
        additions = weighed(program, entry, found, division)
        return Weighing(additions, division.at, "", samples) if additions else None
    return None


def weighed(program: Program, entry: Entry, found: Pass, division: Division) -> tuple[tuple[Place, str], ...]:
    """The statements that add up a sum, with what is to be added in place of `{}`.

    Empty where it is not added up in the loop alone, or is used for anything else than the division behind it.
    """
    symbol, loop = found.loop.symbol, found.loop.statement
    size = batch_size(loop)
    if not size or contains(loop.span, division.at.span) or uses(program, symbol, division) != len(entry.added) + 1:
        return ()
    if not all(at.path == symbol.path and contains(loop.span, at.span) for at, _ in entry.added):
        return ()
    return tuple((at, f"({{}}) * {size}" if is_loose(one) else f"{{}} * {size}") for at, one in entry.added)


def is_loose(expression: Expr) -> bool:
    """Whether an expression needs parentheses to be multiplied."""
    return isinstance(expression, f.Operation | f.Choice | f.Logic | f.Comparison)


def batch_size(loop: f.For) -> str:
    """The code of how many samples a batch has; "" where no part of it is sure to be one of them each."""
    target: Expr = loop.target
    if isinstance(target, f.Collection) and len(target.items) == 2 and isinstance(target.items[1], f.Collection):
        target = target.items[1]  # of enumerate()
    elif names_enumerate(loop.iterable):
        return ""
    if not isinstance(target, f.Collection):
        return ""
    names = [item.id for item in target.items if isinstance(item, f.Name) and item.id != "_"]
    return next((f"len({name})" for name in reversed(names) if keeps_length(loop, name)), "")


def names_enumerate(iterable: Expr) -> bool:
    return any(isinstance(one, f.Call) and last_name(one.function) == "enumerate" for one in within(iterable))


def keeps_length(loop: f.For, name: str) -> bool:
    """Whether a part of the batch is given no other meaning, but for its device or type."""
    return all(is_as_long(value, name) for value in given(loop, name))


def given(loop: f.For, name: str) -> Iterator[Expr | None]:
    """What is assigned to a name in a loop, None for what is not in sight."""
    for statement in statements(loop.body):
        match statement:
            case f.Assign(targets, value):
                for target in targets:
                    if target == f.Name(name):
                        yield value
                    elif isinstance(target, f.Collection) and f.Name(name) in target.items:
                        yield item_like(value, target, target.items.index(f.Name(name)))
            case f.For(target) | f.Augment(target):
                yield from (None for one in within(target) if one == f.Name(name))


def item_like(value: Expr | None, target: f.Collection, index: int) -> Expr | None:
    """What the item of a target is given, None where that is not in sight."""
    is_like = isinstance(value, f.Collection) and len(value.items) == len(target.items)
    return value.items[index] if isinstance(value, f.Collection) and is_like else None


def is_as_long(value: Expr | None, name: str) -> bool:
    while isinstance(value, f.Call) and isinstance(value.function, f.Attribute) and value.function.name in KEEP_LENGTH:
        value = value.function.value
    return value == f.Name(name)


def uses(program: Program, symbol: FunctionSymbol, division: Division) -> int:
    """How often a function names a sum, but for where it begins, until the division puts the average in its place."""
    times = 0
    for statement in statements(program.body(symbol)):
        times += times_named(statement, division.name)
        if is_put_in_place(statement, division):
            break
    return times


def is_put_in_place(statement: f.Stmt, division: Division) -> bool:
    match statement:
        case f.Assign(targets=targets, span=span):
            return span == division.at.span and any(code(one) == division.name for one in targets)
        case f.Augment(target=target, span=span):
            return span == division.at.span and code(target) == division.name
    return False


def times_named(statement: f.Stmt, name: str) -> int:
    """How often a statement itself names something; what assigns a constant to it names it not at all."""
    match statement:
        case f.Assign(_, f.Constant()):
            return 0
        case f.Assign(targets, value) if any(code(one) == name for one in targets):
            return 1 if any(code(one) == name for one in expressions(value)) else 0
        case f.If(test) | f.While(test):
            return count(test, name)
        case f.For(target, iterable):
            return count(target, name) + count(iterable, name)
        case f.With(items):
            return count(items, name)
        case f.Try() | f.Match():
            return 0
    return count(statement, name)


def count(node: object, name: str) -> int:
    return sum(code(one) == name for one in expressions(node))


def expressions(node: object) -> Iterator[Expr]:
    return (one for one in within(node) if isinstance(one, f.Name | f.Attribute | f.Subscript))
