"""Evaluations on what a model learns from, though there are other data for them: they train, or go over the data of the
training."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, header, names_in, root, statements
from evallint.gather.modes.evaluating import ADAPTING, is_same, is_trained_on, role_of
from evallint.interpret.events import Backward, Events, ForwardCall, Stepped
from evallint.interpret.reading import gone_over
from evallint.interpret.render import code
from evallint.interpret.roles import names_data, use_of, use_of_data, words
from evallint.interpret.values import Address
from evallint.program import FunctionSymbol, Program
from evallint.project import LearntFrom
from evallint.walk import within


def learnt_from(program: Program, events: Events) -> Iterator[LearntFrom]:
    """Every evaluation of one run that trains, or goes over the training data in place of its own."""
    trained = [event for event in events.forwards if event.trained and not event.inside and event.loops]
    yield from _training(program, events, trained)
    yield from _on_training_data(program, events, trained)


# ---- it trains ----------------------------------------------------------------------------------


def _training(program: Program, events: Events, trained: list[ForwardCall]) -> Iterator[LearntFrom]:
    for event in trained:
        data = role_of(event.inputs.roles)
        if data is None or data.use != "eval" or not is_evaluation(event):
            continue
        partner = next((one for one in trained if is_same(one, event) and _learns(one)), None)
        back = next((one for one in events.backwards if event.id in one.flow.graph and is_there(one, event)), None)
        if partner is None or back is None or not _steps_alike(events, event, partner):
            continue
        if not is_unconditional(program, back):
            continue
        loop = _loop_of(program, event)
        label = code(gone_over(loop.iterable)) if loop is not None else data.label
        yield LearntFrom(
            at=back.at,
            function=event.frames[-1].function,
            how="trains",
            model=event.receiver,
            data=label,
            other="",
            because=(
                Step(partner.at, f"`{partner.receiver}` is trained here"),
                *((event.mode.eval.step,) if event.mode.eval is not None else ()),
                Step(event.at, f"`{event.receiver}` runs on `{label}`"),
                Step(back.at, "and is trained on that, too"),
            ),
        )


def is_evaluation(event: ForwardCall) -> bool:
    """Whether a training step is in eval mode by a call, or in a function that is there to evaluate."""
    if any(words(caller.function) & ADAPTING for caller in event.frames):
        return False
    mode = event.mode
    switched = mode.eval is not None and mode.eval.kind == "called" and mode.train is None and not mode.unknown
    return switched or use_of(event.frames[-1].function.rpartition(".")[2]) == "eval"


def _learns(event: ForwardCall) -> bool:
    data = role_of(event.inputs.roles)
    return event.mode.eval is None and data is not None and data.use == "train"


def is_there(back: Backward, event: ForwardCall) -> bool:
    """Whether a backward() stands in the function and in the loop of a model's run."""
    return back.frames[-1] == event.frames[-1] and back.loops == event.loops


def _steps_alike(events: Events, event: ForwardCall, other: ForwardCall) -> bool:
    """Whether one optimizer takes its steps in the loops of both."""
    here, there = (_optimizers(events, one.loops) for one in (event, other))
    return bool(here & there)


def _optimizers(events: Events, loops: tuple[Address, ...]) -> set[Address]:
    steps = (one for one in events.states if isinstance(one, Stepped) and one.owner.role == "optimizer")
    return {one.owner.address for one in steps if one.loops == loops}


def is_unconditional(program: Program, back: Backward) -> bool:
    """Whether a backward() is reached in every pass of its loop: no flag keeps evaluations from it."""
    number = back.loops[-1][2]
    loop = next((one for one in _loops(program, back.frames[-1].symbol, back.at.path) if id(one) == number), None)
    return loop is not None and any(_is_at(one, back.at) for one in _reached(loop.body))


def _reached(block: Block) -> Iterator[f.Stmt]:
    for statement in block:
        yield statement
        if isinstance(statement, f.With | f.Try):
            yield from _reached(statement.body)
        elif isinstance(statement, f.If) and _is_about_steps(statement.test):
            yield from _reached((*statement.body, *statement.orelse))


def _is_about_steps(test: Expr) -> bool:
    """Whether a test asks how to compute, not whether to learn: `if use_amp`, `if step % 4 == 0`."""
    names = {word for node in within(test) if isinstance(node, f.Name | f.Attribute) for word in words(code(node))}
    return bool(names & {"amp", "fp", "apex", "scaler", "step", "steps", "accumulation"})


def _is_at(statement: f.Stmt, at: Place) -> bool:
    if isinstance(statement, f.Outer | f.With | f.If | f.For | f.While | f.Try | f.Match):
        return False
    return statement.span.line <= at.span.line <= statement.span.end_line


# ---- it goes over the training data -------------------------------------------------------------


def _on_training_data(program: Program, events: Events, trained: list[ForwardCall]) -> Iterator[LearntFrom]:
    for event in events.forwards:
        if event.trained or event.inside or not event.loops or not runs_without_graph(event):
            continue
        if is_trained_on(event, events, trained) or any(words(one.function) & ADAPTING for one in event.frames):
            continue
        symbol = event.frames[-1].symbol
        loop = _loop_of(program, event)
        if loop is None or symbol is None:
            continue
        data = gone_over(loop.iterable)
        twin = next((one for one in trained if is_same(one, event) and _goes_over(program, one, event, data)), None)
        other = _asked_for(program, symbol, loop) if twin is not None else _never_read(program, symbol, data)
        if not other:
            continue
        steps = (Step(twin.at, f"`{twin.receiver}` is trained on `{code(data)}` here"),) if twin is not None else ()
        at = Place(symbol.path, header(loop, loop.body))
        yield LearntFrom(
            at=at,
            function=event.frames[-1].function,
            how="goes over",
            model=event.receiver,
            data=code(data),
            other=other,
            because=(*steps, Step(event.at, f"`{event.receiver}` is evaluated here")),
        )


def runs_without_graph(event: ForwardCall) -> bool:
    return event.grad.off is not None and not event.grad.on and not event.grad.unknown


def _loop_of(program: Program, event: ForwardCall) -> f.For | None:
    loops = {id(one): one for one in _loops(program, event.frames[-1].symbol, event.at.path)}
    return next((loops[number] for *_, number in reversed(event.loops) if number in loops), None)


def _loops(program: Program, symbol: FunctionSymbol | None, path: str) -> Iterator[f.For]:
    body = program.body(symbol if symbol is not None else FunctionSymbol(path, 0))
    return (one for one in statements(body) if isinstance(one, f.For))


def _goes_over(program: Program, one: ForwardCall, event: ForwardCall, data: Expr) -> bool:
    """Whether a training step of the same function goes over the same data, in another loop."""
    if one.frames[-1] != event.frames[-1] or one.loops == event.loops:
        return False
    loop, other = _loop_of(program, one), _loop_of(program, event)
    if loop is None or other is None or not isinstance(data, f.Name | f.Attribute) or gone_over(loop.iterable) != data:
        return False
    first, last = sorted((loop.span.line, other.span.line))
    body = program.body(one.frames[-1].symbol or FunctionSymbol(one.at.path, 0))
    given = (each for each in statements(body) if isinstance(each, f.Assign) and data in each.targets)
    return not any(first < each.span.line < last for each in given)


def _asked_for(program: Program, symbol: FunctionSymbol, loop: f.For) -> str:
    """The data for evaluation that a test around a loop asks for, and that no loop of the function goes over."""
    body = program.body(symbol)
    for statement in statements(body):
        if not isinstance(statement, f.If) or loop not in tuple(statements(statement.body)):
            continue
        for name in names_in(statement.test):
            if use_of_data(name) == "eval" and not _is_gone_over(name, body) and not _is_handed_on(name, statement):
                return name
    return ""


def _is_gone_over(name: str, body: Block) -> bool:
    return any(name in names_in(one.iterable) for one in statements(body) if isinstance(one, f.For))


def _is_handed_on(name: str, statement: f.If) -> bool:
    """Whether something is called with the data, beyond their length."""
    calls = (call for call in called(statement.body) if call.function != f.Name("len"))
    return any(root(one.value) == f.Name(name) for call in calls for one in call.arguments)


def _never_read(program: Program, symbol: FunctionSymbol, data: Expr) -> str:
    """The data for evaluation that a function is given and never reads, where it goes over some for training."""
    if not isinstance(data, f.Name | f.Attribute) or use_of_data(code(data)) != "train":
        return ""
    function = program.function(symbol)
    given = [one.name for one in function.parameters if use_of_data(one.name) == "eval" and names_data(one.name)]
    read = names_in(program.body(symbol))
    return next((name for name in given if name not in read), "")
