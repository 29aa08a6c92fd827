"""The loops over batches in which a model evaluates, and what is known of the batches they go over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evallint import facts as f
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import functions, statements
from evallint.gather.modes.forwards import chain
from evallint.interpret.events import Events, ForwardCall
from evallint.interpret.reading import gone_over, last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import FunctionSymbol, Program
from evallint.project import Evaluation

LOADERS = frozenset("loader loaders dataloader dataloaders dl dls iterator batches".split())
"""Words of what gives batches."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A `for` statement, and the function it stands in. `over_batches`: it goes over what looks like a loader;
    `sampled`: it leaves off by itself, so that it takes a sample of the batches, all of them full."""

    symbol: FunctionSymbol
    statement: f.For
    over_batches: bool
    sampled: bool


@dataclass(frozen=True, slots=True)
class Pass:
    """A loop over batches in which a model evaluates, on one or several paths.

    `runs`: the calls, in this loop, that lead to the model. `loaders`: the places where the loaders it goes over are
    built; `followed`: whether all of them are known.
    """

    loop: Loop
    evaluation: Evaluation
    runs: frozenset[Place]
    loaders: frozenset[Place]
    followed: bool

    @property
    def core(self) -> Expr:
        """What gives the batches: `val_loader` of `enumerate(val_loader)`."""
        return gone_over(self.loop.statement.iterable)


class Loops(NamedTuple):
    """What a run saw of loops, by the identities of their statements: those that went over loaders, and the calls in
    them that train models."""

    over_loaders: frozenset[int]
    training: tuple[tuple[int, Place], ...]


def loops_of(run: Events) -> Loops:
    trained = (event for event in run.forwards if event.trained)
    training = dict.fromkeys((number, event.at) for event in trained for number in numbers(event))
    return Loops(frozenset(one.loop[2] for one in run.passes if isinstance(one.loop[2], int)), tuple(training))


def evaluating_passes(
    every: Iterable[tuple[int, Loop]],
    runs: Sequence[Events],
    evaluations: Sequence[Mapping[int, Evaluation]],
    seen: Sequence[Loops],
) -> Iterator[Pass]:
    """Those of all loops over batches in which a model evaluates. Of each run: what it saw, why models evaluate in it,
    by the numbers of their calls, and its loops."""
    known = frozenset[int]().union(*(one.over_loaders for one in seen))
    loops = {number: loop for number, loop in every if number in known or loop.over_batches}
    training: dict[int, set[Place]] = {}
    for loop, place in (call for one in seen for call in one.training):
        training.setdefault(loop, set()).add(place)
    found: dict[int, Pass] = {}
    for events, evaluates in zip(runs, evaluations, strict=True):
        for event in events.forwards if evaluates else ():
            because = evaluates.get(event.id)
            number = next((number for number in numbers(event) if number in loops), None) if because else None
            if because is None or number is None or loops[number].sampled or because.by == "training data":
                continue
            if number in training and event.at not in training[number]:
                continue  # an evaluation between two steps of training: the loop is not its own
            new = one_pass(loops[number], number, because, events, event)
            found[number] = new if number not in found else together(found[number], new)
    return iter(found.values())


def loops_over_batches(program: Program) -> dict[int, Loop]:
    """The `for` statements that go over what looks like a loader, by the identity of their statement."""
    return {number: loop for number, loop in program.each(loops_in) if loop.over_batches}


def loops_in(program: Program, path: str) -> Iterator[tuple[int, Loop]]:
    for symbol in functions(program, path):
        for statement in statements(program.body(symbol)):
            if isinstance(statement, f.For):
                over_batches = goes_over_batches(statement)
                yield id(statement), Loop(symbol, statement, over_batches, stops_early(statement))


def goes_over_batches(statement: f.For) -> bool:
    """Whether a loop goes over batches, not over several loaders."""
    if words(last_name(statement.target)) & LOADERS:
        return False
    return names_loader(gone_over(statement.iterable))


def stops_early(statement: f.For) -> bool:
    """Whether a loop leaves off by itself."""
    return any(
        isinstance(one, f.Leave) and one.word == "break" for one in statements(statement.body) if not is_inner(one)
    )


def is_inner(statement: f.Stmt) -> bool:
    return isinstance(statement, f.For | f.While)


def names_loader(expression: Expr) -> bool:
    """Whether an expression goes by the name of a loader: `self.val_loader`, `loaders["val"]`, `get_loader(…)`."""
    if isinstance(expression, f.Subscript):
        return names_loader(expression.value)
    if isinstance(expression, f.Call):
        return names_loader(expression.function)
    return bool(words(last_name(expression)) & LOADERS)


def numbers(event: ForwardCall) -> Iterator[int]:
    """The identities of the loops around a forward call, innermost first."""
    return (number for address in reversed(event.loops) if isinstance(number := address[2], int))


def one_pass(loop: Loop, number: int, because: Evaluation, events: Events, event: ForwardCall) -> Pass:
    span = loop.statement.span
    way = [place for place, _ in chain(event)]
    while way and not (way[0].path == loop.symbol.path and span.line <= way[0].span.line <= span.end_line):
        way.pop(0)
    within = frozenset(way)
    around = [one for one in events.passes if one.loop in event.loops and one.loop[2] == number]
    built = frozenset(place for one in around for place in one.loaders)
    return Pass(loop, because, within, built, bool(around) and all(one.sure for one in around))


def together(one: Pass, other: Pass) -> Pass:
    because = one.evaluation if one.evaluation.sure or not other.evaluation.sure else other.evaluation
    return Pass(one.loop, because, one.runs | other.runs, one.loaders | other.loaders, one.followed and other.followed)


def entered(found: Pass) -> Step:
    """The step of a trace at which an evaluation's loop begins."""
    statement = found.loop.statement
    first = statement.body[0].span if statement.body and not isinstance(statement.body[0], f.Outer) else statement.span
    span = statement.span
    if first.line > span.line:
        span = f.Span(span.line, span.column, span.line, span.column + len("for"))
    place = Place(found.loop.symbol.path, span)
    return Step(place, f"this loop over `{code(found.core)}` evaluates {found.evaluation.because}")
