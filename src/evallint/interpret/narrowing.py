"""What a test of a value's class says of the value: `isinstance(model, DataParallel)`, `hasattr(model, "module")`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Expr
from evallint.interpret.render import code
from evallint.interpret.values import Address, Arguments, Atom, State, Value
from evallint.program import External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

TESTS = ("isinstance", "hasattr")


def narrow(machine: Machine, test: Expr, state: State, outcome: bool) -> None:
    """Go on with the objects alone for which a test of their class has this outcome, where they can be told apart."""
    if isinstance(test, f.Unary) and test.operator == "not":
        narrow(machine, test.operand, state, not outcome)
        return
    place = place_of(machine, test, state)
    if place is not None and isinstance(test, f.Call):
        address, name, value = place
        if outcome and value.flow.graph and have_no_graph(machine, test, state):
            value = Value(value.atoms, value.flow.measured())
            state.own(address).attributes[name] = value
        if len(value.atoms) < 2:
            return
        kept = frozenset(atom for atom in value.atoms if may_be(machine, test, atom, state) in (outcome, None))
        if kept and kept != value.atoms:
            state.own(address).attributes[name] = Value(kept, value.flow)


def have_no_graph(machine: Machine, test: f.Call, state: State) -> bool:
    """Whether what is of the classes that a test asks for belongs to no graph: a number, a parameter, a module."""
    if code(test.function) != "isinstance":
        return False
    asked = [atom for one in classes(machine.value(test.arguments[1].value, state), state) for atom in one.atoms]
    names = [machine.apis.canonical(one.name) if isinstance(one, External) else "" for one in asked]
    return bool(names) and GRAPHLESS.issuperset(names)


GRAPHLESS = frozenset(
    "builtins.int builtins.float builtins.str builtins.bool numbers.Number numpy.ndarray torch.nn.Parameter "
    "torch.nn.parameter.Parameter torch.nn.Module".split()
)


@contextmanager
def narrowed(machine: Machine, test: Expr, state: State, outcome: bool) -> Iterator[None]:
    """The same for as long as one branch of an expression is evaluated."""
    inner = test.operand if isinstance(test, f.Unary) else test
    place = place_of(machine, inner, state)
    narrow(machine, test, state, outcome)
    try:
        yield
    finally:
        if place is not None:
            address, name, value = place
            state.own(address).attributes[name] = value


def place_of(machine: Machine, test: Expr, state: State) -> tuple[Address, str, Value] | None:
    """Where the value stands that a test of its class is about: a name of the function, or an attribute of self."""
    if not isinstance(test, f.Call) or not isinstance(test.function, f.Name) or test.function.id not in TESTS:
        return None
    if len(test.arguments) != 2:
        return None
    match test.arguments[0].value:
        case f.Name(name):
            address = machine.frame.address
        case f.Attribute(f.Name("self") as owner, name):
            refs = list(machine.value(owner, state).refs())
            if len(refs) != 1:
                return None
            address = refs[0]
        case _:
            return None
    value = state.heap[address].attributes.get(name)
    return (address, name, value) if value is not None else None


def may_be(machine: Machine, test: f.Call, atom: Atom, state: State) -> bool | None:
    """The outcome of a test for one of the objects it may be about, None where that is not known."""
    from evallint.interpret import specials

    one = Value(frozenset((atom,)))
    second = machine.value(test.arguments[1].value, state)
    asks = specials.SPECIAL[code(test.function)]
    found = {
        None if (known := asks(machine, Arguments((one, each)), test, state).constant()) is None else known.value
        for each in classes(second, state)
    }
    if True in found:
        return True
    return False if found == {False} else None


def classes(value: Value, state: State) -> Iterator[Value]:
    """The classes that `isinstance` takes, one or a tuple of them."""
    refs = list(value.refs())
    if len(refs) == 1 and state.heap[refs[0]].kind == "list" and state.heap[refs[0]].rest is None:
        yield from state.heap[refs[0]].items.values()
    else:
        yield value
