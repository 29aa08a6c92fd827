"""Where forwards go wrong: the place at fault for a mode or a graph, and what could be put right there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from evallint.facts import Span
from evallint.findings import Place
from evallint.gather.code.mending import contains, names_along, widest
from evallint.program import ClassSymbol, Program
from evallint.project import Forward


def placed(program: Program, found: tuple[Forward, ...]) -> tuple[Forward, ...]:
    """The forwards with the places at which their mode, and their graph, go wrong.

    A call that other uses share and that is right for these is not at fault, its caller is. So is the caller of a
    method by which a model's forward works. A graph that a method for evaluation records is that method's own fault,
    unless some of its callers see to it.
    """
    shared = forward_methods(program)
    right_mode = {place for one in found if one.trains or one.mode == {"eval"} for place, _ in one.chain}
    without = [one for one in found if one.trains or one.graph == "off"]
    right_graph = {place for one in without for place, _ in one.chain}
    right_graph |= {one.own_run.at for one in without if one.own_run is not None}
    training = frozenset(place for one in found if one.trains for place, _ in one.chain)
    faulty = tuple(
        replace(one, mode_at=at_fault(one, right_mode, shared), graph_at=graph_at(one, right_graph, shared))
        for one in found
    )
    return tuple(_mendable(program, faulty, training))


def _mendable(program: Program, found: tuple[Forward, ...], training: frozenset[Place]) -> Iterator[Forward]:
    """The forwards with where their mode could be switched, and what could run without a graph."""
    blocks: dict[object, list[Place]] = {}
    for one in found:
        if needs_no_graph(one) and one.graph_at is not None:
            blocks.setdefault(_block(one), []).append(widest(program, one.graph_at[0], training))
    for one in found:
        if one.evaluation and one.surely_trains_mode and one.mode_at is not None:
            one = replace(one, evaluates_from=evaluates_from(program, one, training))
        if needs_no_graph(one) and one.graph_at is not None:
            one = replace(one, without_graph=without_graph(program, one, blocks[_block(one)], training))
        yield one


def _block(one: Forward) -> object:
    return one.graph_at and (one.graph_at[0].path, one.graph_at[1], one.block)


def needs_no_graph(one: Forward) -> bool:
    return one.evaluation is not None and one.graph == "recorded" and not one.frozen


def evaluates_from(program: Program, one: Forward, training: frozenset[Place]) -> tuple[Place, str] | None:
    """The statement before which a model should be in eval mode, and its name there; None where it has none."""
    assert one.mode_at is not None
    at, function = one.mode_at
    if at in training:
        return None
    places = [place for place, _ in one.chain]
    name = names_along(program, one.chain, one.module)[places.index(at)] if at in places else ""
    if not name or function.rpartition(".")[2] in ("forward", "__call__"):
        return None
    return widest(program, at, training | {step.at for step in one.mode_set}, name), name


def without_graph(
    program: Program, one: Forward, statements: list[Place], training: frozenset[Place]
) -> tuple[Place, Place] | None:
    """The first and the last statement of those that one context should be around; None where they train too."""
    assert one.graph_at is not None
    if one.graph_at[0] in training:
        return None
    own = widest(program, one.graph_at[0], training)
    first, last = min(statements, key=lambda at: at.span), max(statements, key=lambda at: at.span)
    between = Span(first.span.line, first.span.column, last.span.end_line, last.span.end_column)
    if any(place.path == own.path and contains(between, place.span) for place in training):
        return own, own
    return first, last


def graph_at(one: Forward, right: set[Place], shared: frozenset[tuple[str, str]]) -> tuple[Place, str]:
    if one.own_run is not None and one.own_run.at not in right:
        return one.own_run.at, one.own_run.function
    return at_fault(one, right, shared)


def at_fault(one: Forward, right: set[Place], shared: frozenset[tuple[str, str]]) -> tuple[Place, str]:
    for place, function in reversed(one.chain):
        if place not in right and (place.path, function) not in shared:
            return place, function
    return one.chain[-1]


def forward_methods(program: Program) -> frozenset[tuple[str, str]]:
    """The methods of modules that their `forward` reaches, by path and qualified name."""
    return frozenset(program.each(forward_methods_in))


def forward_methods_in(program: Program, path: str) -> Iterator[tuple[str, str]]:
    facts = program.files[path]
    for klass in facts.classes:
        named = {facts.functions[index].name: facts.functions[index] for index in klass.methods}
        if "forward" not in named or not program.is_module(ClassSymbol(path, facts.classes.index(klass))):
            continue
        todo, seen = ["forward"], {"forward"}
        while todo:
            function = named[todo.pop()]
            yield path, function.qualname
            new = (set(function.mentions) & named.keys()) - seen
            seen |= new
            todo += new
