"""Walks through facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evallint import facts


def within(node: object) -> Iterator[object]:
    """Every fact in a fact or a tuple of such, itself first; places are none."""
    todo: list[Any] = [node]
    while todo:
        here = todo.pop()
        if here.__class__ is tuple:
            todo.extend(here[::-1])
            continue
        fields = PARTS.get(here.__class__)
        if fields is None:
            continue
        yield here
        for index in fields:
            part = here[index]
            if part:
                todo.append(part)


def holding(kind: type) -> tuple[int, ...]:
    """The positions, from the last, of the fields in which facts of a class hold others."""
    fields = enumerate(kind.__annotations__.values())
    return tuple(index for index, field in fields if not field.__forward_arg__.startswith(BARE))[::-1]


BARE = ("str", "int", "bool", "Span", "Literal", "tuple[str", "tuple[int")

PARTS: dict[type, tuple[int, ...]] = {
    kind: holding(kind)
    for kind in vars(facts).values()
    if isinstance(kind, type) and issubclass(kind, tuple) and kind is not facts.Span
}
"""Where facts are held: names, words and places would take most of the time of a walk."""
