"""Constructors that load weights into what they build, and may build a part of it once more after that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from evallint import facts as f
from evallint.facts import Block
from evallint.interpret.untaken import called_name
from evallint.program import ClassSymbol, FunctionSymbol, Program
from evallint.walk import within

Literal: TypeAlias = str | int | float | bool | None

MOST_CHOICES = 3
"""So many kinds of weights stand for all that a constructor offers."""


def choices(program: Program, path: str, restoring: frozenset[str]) -> Iterator[tuple[ClassSymbol, str, Literal]]:
    """The classes of modules in a file whose constructor does so, with a parameter that asks for weights and a value
    for it, by which the constructor tells what to load."""
    for index in range(len(program.files[path].classes)):
        klass = ClassSymbol(path, index)
        init = own_constructor(program, klass) if program.is_module(klass) else None
        if init is None or not restores_itself(program.body(init), restoring) or not rebuilds(program.body(init)):
            continue
        for parameter in program.function(init).parameters:
            if parameter.default in (f.Constant(None), f.Constant(False)):
                for value in values_of(program.body(init), parameter.name)[:MOST_CHOICES]:
                    yield klass, parameter.name, value


def own_constructor(program: Program, klass: ClassSymbol) -> FunctionSymbol | None:
    return next((method for method in program.methods(klass) if program.function(method).name == "__init__"), None)


def restores_itself(body: Block, restoring: frozenset[str]) -> bool:
    """`self.load_state_dict(…)`, or a function that does so with what it is given."""
    return any(
        isinstance(node, f.Call)
        and called_name(node) in restoring
        and (
            any(argument.value == f.Name("self") for argument in node.arguments)
            or (isinstance(node.function, f.Attribute) and node.function.value == f.Name("self"))
        )
        for node in within(body)
    )


def rebuilds(body: Block) -> bool:
    """`if a != b: self.head = …`"""
    return any(
        isinstance(node, f.If)
        and isinstance(node.test, f.Comparison)
        and node.test.operator == "!="
        and any(isinstance(inner, f.Assign) and isinstance(inner.value, f.Call) for inner in node.body)
        for node in within(body)
    )


def values_of(body: Block, name: str) -> list[Literal]:
    """What a constructor compares a parameter with."""
    return [
        node.right.value
        for node in within(body)
        if isinstance(node, f.Comparison)
        and node.operator == "=="
        and node.left == f.Name(name)
        and isinstance(node.right, f.Constant)
        and node.right.value
    ]
