"""What is wrong with an average, where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Expr, Span
from evallint.findings import Place
from evallint.gather.metric.ledger.book import Division, Entry, How
from evallint.gather.metric.ledger.words import other_use
from evallint.gather.metric.quantities import MEASURES, NUMBER, Quantity, combined
from evallint.interpret.library import is_transparent
from evallint.interpret.reading import last_name
from evallint.interpret.render import code

if TYPE_CHECKING:
    from evallint.gather.metric.ledger.following import Ledger


def quotient(ledger: Ledger, left: Quantity, right: Quantity, text: str, divisor: Expr) -> Quantity:
    """`left / right`, where `divisor` is the code of `right`."""
    if left.kind != "sum" or left.inner is None:
        return combined("/", left, right)
    ledger.divisions[left.loop, text] = Division(here(ledger), left.text, code(divisor))
    average = Quantity("average", loop=left.loop, inner=left.inner, text=text, at=there(ledger, left.loop))
    if right.kind == "batches":
        if right.loop == -1 and not is_own(ledger, right, left.loop):
            if other_use(right.text, ledger.cores.get(left.loop, "")):
                enter(ledger, "other loader", left.text, left.loop, other=right.text)
            return NUMBER
        if right.loop not in (-1, 0, left.loop) or left.inner.kind not in MEASURES:
            return NUMBER
        return averaged_sum(ledger, average)
    if right.kind == "capacity" and left.inner.kind == "total":
        enter(ledger, "nominal", text, left.loop, average.at)
        return NUMBER
    if right.kind == "samples" and left.inner.kind == "mean":
        enter(ledger, "samples", text, left.loop, average.at)
        return NUMBER
    if right.kind in ("number", "nominal"):
        return left
    return NUMBER


def averaged_sum(ledger: Ledger, average: Quantity) -> Quantity:
    if not is_running(ledger, average.loop):
        settle(ledger, average)
    return average


def there(ledger: Ledger, loop: int, span: Span | None = None) -> Place:
    """Where an average is made: the statement, or the call in the function of the loop that leads to it."""
    symbol = ledger.seen.evaluates_in(loop)
    frame = next((one for one in ledger.frames[:-1] if one.symbol == symbol), None)
    return Place(frame.symbol.path, frame.at) if frame is not None else here(ledger, span)


def here(ledger: Ledger, span: Span | None = None) -> Place:
    return Place(ledger.frame.symbol.path, span or ledger.frame.at)


def averaged_list(ledger: Ledger, listed: Quantity, text: str, span: Span) -> Quantity:
    """The mean of a list."""
    if listed.inner is None or listed.inner.kind not in MEASURES:
        return NUMBER
    average = Quantity("average", loop=listed.loop, inner=listed.inner, text=text, at=there(ledger, listed.loop, span))
    return averaged_sum(ledger, average)


def settle(ledger: Ledger, average: Quantity) -> None:
    assert average.inner is not None and average.at is not None
    how: How = "score" if average.inner.kind == "score" else "batches"
    enter(ledger, how, average.text, average.loop, average.at)


def is_running(ledger: Ledger, loop: int) -> bool:
    return any(one.number == loop for one in ledger.loops)


def is_own(ledger: Ledger, length: Quantity, loop: int) -> bool:
    """Whether the number of batches is that of the loader which a loop goes over, alone or times another."""
    return length.text == ledger.cores.get(loop) or (length.inner is not None and is_own(ledger, length.inner, loop))


def loader_text(ledger: Ledger, core: Expr) -> str:
    """What a loader is called, through the names it was given on the way."""
    value = ledger.value(core)
    while isinstance(core, f.Call) and is_transparent(last_name(core.function)) and core.arguments:
        core = core.arguments[0].value
    return value.text if value.kind == "loader" and value.text else called_here(ledger, core)


def called_here(ledger: Ledger, expression: Expr) -> str:
    """What is called so in a function, in the words of the one that began."""
    return ledger.frame.given.get(code(expression), code(expression))


def enter(ledger: Ledger, how: How, text: str, loop: int, at: Place | None = None, other: str = "") -> None:
    division = ledger.divisions.get((loop, text))
    added = ledger.additions.get((loop, division.name), {}) if division is not None else {}
    intake = ledger.intakes.get((loop, text))
    loader = ledger.cores.get(loop, "")
    ledger.entries.append(
        Entry(at or here(ledger), how, text, loop, loader, other, division, tuple(added.items()), intake)
    )
