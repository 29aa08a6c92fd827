"""What objects take in and give: measures, meters, instances of classes of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import Measure, Meter, ReturnsSelf
from evallint.facts import Expr
from evallint.findings import Place
from evallint.gather.code.sites import of_self, root, statements
from evallint.gather.metric.ledger import entering
from evallint.gather.metric.ledger.book import Around, Intaking
from evallint.gather.metric.ledger.words import argument_of, as_named, reduced
from evallint.gather.metric.quantities import MEASURES, UNKNOWN, Quantity
from evallint.interpret.reading import last_name
from evallint.interpret.render import render
from evallint.program import ClassSymbol, External, VariableSymbol

if TYPE_CHECKING:
    from evallint.gather.metric.ledger.following import Ledger


def object_of(ledger: Ledger, expression: Expr, base: Quantity) -> Quantity | None:
    """What an expression is an instance of, by what builds it."""
    if base.kind == "object":
        return base
    if isinstance(expression, f.Call):
        return instance_of(ledger, expression)
    if base.kind not in ("unknown", "number"):
        return None
    built = builder_of(ledger, expression)
    if built is None and isinstance(expression, f.Name) and (gives := ledger.seen.named_loss(expression.id)):
        return Quantity("object", text=gives)
    if isinstance(built, f.Call):
        return instance_of(ledger, built)
    return None


def instance_of(ledger: Ledger, built: f.Call) -> Quantity | None:
    path = ledger.frame.symbol.path
    symbol = ledger.program.resolve(path, built.function)
    if last_name(built.function) == "defaultdict" and built.arguments:
        symbol = ledger.program.resolve(path, built.arguments[0].value)
    if isinstance(symbol, ClassSymbol):
        return Quantity("object", klass=symbol)
    if isinstance(symbol, External):
        meaning = ledger.program.apis.metric(symbol.name)
        if isinstance(meaning, Measure):
            return Quantity("object", text=reduced(meaning, built))
        return Quantity("object", value=symbol.name)
    return None


def builder_of(ledger: Ledger, expression: Expr) -> Expr | None:
    """The one value that a class or file gives to an attribute or a name."""
    own = of_self(expression)
    if own and ledger.frame.klass is not None:
        values = [
            statement.value
            for base in ledger.program.lineage(ledger.frame.klass)
            if isinstance(base, ClassSymbol) and base.path == ledger.frame.symbol.path
            for method in ledger.program.methods(base)
            for statement in statements(ledger.program.body(method))
            if isinstance(statement, f.Assign) and any(of_self(one) == own for one in statement.targets)
        ]
        return values[0] if len(values) == 1 else None
    if isinstance(expression, f.Name) and isinstance(
        ledger.program.lookup(ledger.frame.symbol.path, expression.id), VariableSymbol
    ):
        values = [
            statement.value
            for statement in statements(ledger.program.files[ledger.frame.symbol.path].bodies[0])
            if isinstance(statement, f.Assign) and expression in statement.targets
        ]
        return values[0] if len(values) == 1 else None
    return None


def method_of(ledger: Ledger, base: Quantity, name: str, call: f.Call) -> Quantity | None:
    """A method of an object: a meter's, or out of sight."""
    if isinstance(ledger.program.apis.method("torch.nn.Module", name), ReturnsSelf):
        return base
    loop = next((one for one in reversed(ledger.loops) if one.number), None)
    values = [ledger.value(one.value) for one in call.arguments]
    if base.klass is not None:
        intake = ledger.meters.intake(base.klass, name)
        if intake is not None and loop is not None and not ledger.within_parts(loop):
            taken(ledger, call, intake.value, intake.weight, intake.positions, intake.by_name, loop)
            return UNKNOWN
    elif isinstance(base.value, str):
        meaning = ledger.program.apis.metric(f"{ledger.program.apis.canonical(base.value)}.{name}")
        if isinstance(meaning, Meter) and loop is not None and not ledger.within_parts(loop):
            places = meaning.value.position or 0, meaning.weight.position
            taken(ledger, call, meaning.value.keyword, meaning.weight.keyword, places, False, loop)
            return UNKNOWN
    return UNKNOWN if not any(one.is_of_batch for one in values) else None


def taken(
    ledger: Ledger,
    call: f.Call,
    value: str,
    weight: str,
    positions: tuple[int, int | None],
    by_name: bool,
    loop: Around,
) -> None:
    """A meter takes in a value."""
    if any(one.stars for one in call.arguments):
        return
    if by_name:
        values = [as_named(ledger.value(one.value), one.keyword) for one in call.arguments if one.keyword]
        if any(one.kind in MEASURES for one in values):
            entering.enter(ledger, "unweighted", render(call), loop.number)
        return
    given = argument_of(call, value, positions[0])
    counted = argument_of(call, weight, positions[1]) if weight else None
    if given is None:
        return
    found = as_named(ledger.value(given), last_name(root(given)))
    if found.kind not in MEASURES:
        return
    if counted is None or counted == f.Constant(1):
        if weight:
            place = Place(ledger.frame.symbol.path, call.span)
            ledger.intakes[loop.number, render(call)] = Intaking(place, weight, positions[1])
        entering.enter(ledger, "score" if found.kind == "score" else "unweighted", render(call), loop.number)
    elif ledger.value(counted).kind == "nominal":
        entering.enter(ledger, "nominal", render(call), loop.number)
