"""`a, b = x, y` as two assignments, where that is the same."""

from __future__ import annotations

from evallint.facts import Attribute, Call, Collection, Expr, Name, Starred
from evallint.walk import within


def apart(target: Expr, value: Expr) -> list[tuple[Expr, Expr]]:
    """Each target with its own value, in order; none where a value may read what stands before it."""
    if not isinstance(target, Collection) or not isinstance(value, Collection) or value.kind == "set":
        return []
    pairs = list(zip(target.items, value.items, strict=False))
    if len(target.items) != len(value.items) or any(isinstance(item, Starred) for item in value.items):
        return []
    if not all(isinstance(item, Name | Attribute) for item in target.items):
        return []
    later = ((earlier, part) for index, (earlier, _) in enumerate(pairs) for _, part in pairs[index + 1 :])
    return [] if any(may_read(part, earlier) for earlier, part in later) else pairs


def may_read(value: Expr, target: Expr) -> bool:
    """Whether an expression may read what was assigned: by its name, or in a method of the object that has it."""
    for node in within(value):
        match target, node:
            case Name(), _ if node == target:
                return True
            case Attribute(_, name), Attribute(_, other) if name == other:
                return True
            case Attribute(owner, _), Call(Attribute(other, _)) if owner == other:
                return True
    return False
