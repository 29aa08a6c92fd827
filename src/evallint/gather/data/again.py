"""Evaluations that run several times over, or a model on each sample: what chance does to the data is to be averaged,
or measured."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.findings import Place
from evallint.gather.code.mending import contains, function_around, is_counted, loops_around
from evallint.gather.code.sites import called
from evallint.interpret.events import Events, ForwardCall
from evallint.interpret.reading import called_in, last_name
from evallint.program import Program
from evallint.walk import within


def is_repeated(program: Program, events: Events, event: ForwardCall) -> bool:
    """Whether a whole evaluation is done again and again, with nothing learnt in between:
    `for _ in range(10): scores.append(predict(model, loader))`."""
    outside = 0
    for depth, at in enumerate(places_of(event)):
        others = {place for other in events.forwards if other.trained for place in beside(event, other, depth)}
        loops = list(loops_around(program, at))
        outside += len(loops)
        if len(event.loops) > outside + 1 and at not in others and is_in_comprehension(program, at):
            return True
        for number, loop in enumerate(loops, start=outside - len(loops) + 1):
            learns = any(contains(loop.span, other.span) for other in others)
            again = is_counted(loop) or (is_numbered(loop) and not is_filled(event, loop, at.path))
            if len(event.loops) > number and not learns and again and "next" not in called_in(loop.body):
                return True  # there are loops in it, which go over the data
    return False


def is_numbered(loop: f.For | f.While) -> bool:
    """Whether a loop goes on for so many passes, whose number is for names and messages only:
    `for i in range(5): save(f"view_{i}.pt", predict(model, loader))`."""
    if not isinstance(loop, f.For) or not isinstance(loop.iterable, f.Call) or not isinstance(loop.target, f.Name):
        return False
    texts = tuple(node for node in within(loop.body) if is_message(node))
    read = sum(node == loop.target for node in within(loop.body))
    return last_name(loop.iterable.function) == "range" and read == sum(node == loop.target for node in within(texts))


def is_message(node: object) -> bool:
    """Whether a text is made of something: `f"view {number}"`, `"view {}".format(number)`, `"view %d" % number`."""
    match node:
        case f.Text():
            return True
        case f.Call(f.Attribute(f.Constant(str()), "format")):
            return True
        case f.Operation("%", f.Constant(str())):
            return True
    return False


def is_filled(event: ForwardCall, loop: f.For | f.While, path: str) -> bool:
    """Whether each pass of a loop makes the model, or fills it with other weights."""
    made = event.built is not None and event.built.path == path and contains(loop.span, event.built.span)
    return made or any(name.startswith("load") for name in called_in(loop.body))


def is_applied_again(program: Program, event: ForwardCall) -> bool:
    """Whether the innermost loop around a model does the same in each of its passes, or goes over what is done to a
    sample: `for _ in range(10)`, `for view in views: model(view(image))`."""
    loops = list(loops_around(program, event.at))
    return bool(loops) and (is_counted(loops[-1]) or is_over_transforms(loops[-1], event.at))


def is_over_transforms(loop: f.For | f.While, at: Place) -> bool:
    """Whether each pass of a loop around a run of a model calls what it is given, and that is not the model."""
    target = loop.target if isinstance(loop, f.For) else None
    calls = (call for call in called(loop.body) if call.span != at.span)
    return isinstance(target, f.Name) and any(call.function == target for call in calls)


def places_of(event: ForwardCall) -> list[Place]:
    """The calls that lead to a run of a model, and that run, each in the function of the same number."""
    return [*(frame.called_at or event.at for frame in event.frames[1:]), event.at]


def beside(event: ForwardCall, other: ForwardCall, depth: int) -> Iterator[Place]:
    """Where in the same function another run of a model is, or what leads to it."""
    if other.frames[: depth + 1] == event.frames[: depth + 1]:
        yield places_of(other)[depth]


def is_in_comprehension(program: Program, at: Place) -> bool:
    """Whether a call is made for each of so many numbers, of which it knows none: `[predict() for _ in range(5)]`."""
    return any(
        isinstance(node, f.Comprehension)
        and is_of_numbers(node)
        and any(isinstance(call, f.Call) and call.span == at.span for call in within(node.element))
        for node in within(program.body(function_around(program, at)))
    )


def is_of_numbers(expression: f.Comprehension) -> bool:
    target, iterable = expression.clauses[0].target, expression.clauses[0].iterable
    if not isinstance(iterable, f.Call) or last_name(iterable.function) != "range":
        return False
    return isinstance(target, f.Name) and target not in within(expression.element)
