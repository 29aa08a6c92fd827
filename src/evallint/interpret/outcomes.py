"""How tests and sums of abstract values come out, and how paths are put together again."""

from __future__ import annotations

from typing import Any

from evallint.interpret import modules, plain
from evallint.interpret.roles import use_of_data
from evallint.interpret.values import (
    Anonymous,
    Arguments,
    Callee,
    Flow,
    Known,
    Method,
    Ref,
    Role,
    State,
    Super,
    Thing,
    Value,
)
from evallint.program import ClassSymbol, ModuleSymbol

MOST_STATES = 4
"""So many paths through one function are kept apart; further ones are joined."""


def limited(states: list[State]) -> list[State]:
    """Not more states than are kept apart."""
    while len(states) > MOST_STATES:
        last = states.pop()
        states[-1] = states[-1].join(last)
    return states


def together(states: list[State]) -> list[State]:
    """One state that may be any of these, none if there is none."""
    if len(states) < 2:
        return states
    first = states[0]
    for other in states[1:]:
        first = first.join(other)
    return [first]


def from_end(thing: Thing, position: int) -> list[Value]:
    """What an index from the end may give: one thing for each length that the list may have."""
    if thing.rest is not None or set(thing.items) != set(range(len(thing.items))):
        return []
    lengths = range(len(thing.items) - len(thing.maybe), len(thing.items) + 1)
    return [thing.items[length + position] for length in lengths if length + position >= 0]


def truth_of(value: Value, state: State) -> bool | None:
    """Whether a value is true, where all that it may be agree."""
    found: set[bool | None] = set()
    for atom in value.atoms:
        match atom:
            case Known(constant):
                found.add(bool(constant))
            case Ref(address):
                thing = state.heap[address]
                if thing.kind in ("module", "instance", "wrapper", "frame", "context"):
                    found.add(True)
                elif thing.kind in ("list", "dict") and thing.rest is None:
                    found.add(bool(thing.items))
                else:
                    found.add(None)
            case Callee() | Anonymous() | ClassSymbol() | ModuleSymbol() | Method() | Super():
                found.add(True)
            case _:
                found.add(None)
    return found.pop() if len(found) == 1 else None


def compared(operator: str, left: Value, right: Value, state: State) -> bool | None:
    """How a comparison comes out, None where that is not known."""
    a, b = left.constant(), right.constant()
    if operator in ("is", "==") and (a is None) != (b is None):
        other, one = (left, b) if a is None else (right, a)
        if (
            one is not None
            and one.value is None
            and other.atoms
            and all(is_something(atom, state) for atom in other.atoms)
        ):
            return False
        return None
    if operator in ("is not", "!="):
        found = compared("is" if operator == "is not" else "==", left, right, state)
        return None if found is None else not found
    if operator in ("in", "not in") and a is not None:
        options = list(right.refs())
        if len(right.atoms) == 1 and options:
            thing = state.heap[options[0]]
            if thing.kind == "dict" and thing.rest is None:
                return (a.value in thing.items) == (operator == "in")
            known = [item.constant() for item in thing.items.values()]
            if thing.kind == "list" and thing.rest is None and all(item is not None for item in known):
                return any(item is not None and item.value == a.value for item in known) == (operator == "in")
        if b is not None and isinstance(a.value, str) and isinstance(b.value, str):
            return (a.value in b.value) == (operator == "in")
        return None
    if (
        operator in ("==", "is")
        and left.atoms | right.atoms <= plain.CLASSES | {plain.TENSOR}
        and len(left.atoms) == len(right.atoms) == 1
    ):
        return left.atoms == right.atoms
    if a is None or b is None:
        return None
    if operator in ("==", "is"):
        return a.value == b.value
    if isinstance(a.value, int | float) and isinstance(b.value, int | float):
        return {"<": a.value < b.value, "<=": a.value <= b.value, ">": a.value > b.value, ">=": a.value >= b.value}.get(
            operator
        )
    return None


def is_something(atom: object, state: State) -> bool:
    """Whether this is certainly not None."""
    if isinstance(atom, Ref):
        return state.heap[atom.address].kind not in ("symbol",)
    if isinstance(atom, Known):
        return atom.value is not None
    return isinstance(atom, Callee | ClassSymbol | Anonymous | ModuleSymbol | Method)


def foldable(operator: str, a: Known, b: Known) -> bool:
    numbers = a.kind in (int, float) and b.kind in (int, float)
    if numbers and operator == "/":
        return b.value != 0
    return (numbers and operator in "+-*") or (operator == "+" and a.kind is b.kind is str)


def folded(operator: str, a: Any, b: Any) -> Any:
    if operator == "+":
        return a + b
    if operator == "/":
        return a / b
    return a - b if operator == "-" else a * b


def holds_model(element: Value, state: State) -> bool:
    """Whether an element of what a loop goes over is a model, or a pair with one, as of enumerate() or items()."""
    things = [state.heap[ref] for ref in element.refs()]
    held = [state.heap[ref] for thing in things if thing.kind == "list" for ref in thing.elements().refs()]
    return any(modules.is_model(thing) for thing in (*things, *held))


def with_role(value: Value, name: str, label: str) -> Value:
    """A value with what its name says of its use, where neither an argument nor names that agree say it better. `label`
    is how it is called in code."""
    use = use_of_data(name)
    return value if use is None or is_settled(value.flow.roles) else value.used_as(Role(use, False, label))


def renamed(value: Value, name: str, label: str, picked: bool = False) -> Value:
    """A value with what its newest name says of its use, unless an argument said it: whoever names it last knows better
    than the names that it had before. A part that is `picked` by hand is for something else than the whole may be."""
    use = use_of_data(name)
    if use is None or (not picked and any(role.sure for role in value.flow.roles)):
        return value
    return value.used_as(Role(use, False, label))


def is_settled(roles: frozenset[Role]) -> bool:
    """Whether it is known what data are for: an argument says so, or all names that they went by agree."""
    return bool(roles) and (any(role.sure for role in roles) or len({role.use for role in roles}) == 1)


def flow_of(*values: Value) -> Flow:
    return Arguments(values).flow()
