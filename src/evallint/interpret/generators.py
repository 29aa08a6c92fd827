"""Generators, and context managers that are made of them or of classes: code that runs around other code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evallint.interpret import calls
from evallint.interpret.outcomes import together
from evallint.interpret.values import (
    UNKNOWN,
    Address,
    Arguments,
    Callee,
    Grad,
    Ref,
    State,
    Value,
    constant,
    in_order,
    joined,
    of,
)
from evallint.program import ClassSymbol, External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def generated(machine: Machine, value: Value, state: State) -> Value:
    """Run the generators that a value may be, which begin to run when they are iterated."""
    for address in value.refs():
        thing = state.heap[address]
        if thing.kind == "generator" and thing.call is not None:
            start(machine, address, state, None)
    return value


def start(
    machine: Machine, address: Address, state: State, on_yield: Callable[[State, Value], list[State]] | None
) -> None:
    thing = state.own(address)
    callee, given, thing.call, thing.pending = thing.call, thing.pending, None, None
    if callee is None or given is None or len(machine.frames) >= 16:
        return
    place = thing.born or machine.place()
    context = machine.context(machine.frame.context, place, callee.symbol, "running")
    before, own = state.grad, thing.grad
    if own is not None:
        state.grad = own
        on_yield = calls.suspended(on_yield, before) if on_yield is not None else None
    result = calls.run(machine, callee, given, place, ("frame", context), context, state, on_yield)
    if own is not None:
        state.grad = before
    rest = joined(state.heap[ref].elements() for ref in result.refs())
    state.own(address).rest = rest


def within(
    machine: Machine, value: Value, state: State, before: Grad, inner: Callable[[State, Value], list[State]]
) -> list[State]:
    """Run the block of a `with` statement in its context."""
    for address in value.refs():
        thing = state.heap[address]
        if thing.kind == "generator" and thing.call is not None:
            return within_generator(machine, address, state, before, inner)
        if thing.kind == "instance" and isinstance(thing.klass, ClassSymbol):
            return within_instance(machine, address, thing.klass, state, before, inner)
    grads = [
        state.heap[atom.address].grad or before if isinstance(atom, Ref) else before
        for atom in in_order(value.atoms)
        if not isinstance(atom, External)
    ]
    if grads and any(isinstance(atom, Ref) and state.heap[atom.address].grad is not None for atom in value.atoms):
        merged = grads[0]
        for grad in grads[1:]:
            merged = merged.join(grad)
        state.grad = merged
    return restored(leaving(machine, lambda: inner(state, value), before), before)


def leaving(machine: Machine, block: Callable[[], list[State]], grad: Grad) -> list[State]:
    """Run the block of a `with`; whoever leaves it by return, break or continue has the gradients of before, too."""
    early = early_ends(machine)
    ends = block()
    restored(early(), grad)
    return ends


def early_ends(machine: Machine) -> Callable[[], list[State]]:
    """Those that will have left a block by return, break or continue, from now on."""
    frame = machine.frame
    loop = frame.loops[-1] if frame.loops else None
    returns = len(frame.returns)
    breaks, continues = (len(loop.breaks), len(loop.continues)) if loop is not None else (0, 0)

    def ends() -> list[State]:
        found = [state for state, _ in frame.returns[returns:]]
        return found if loop is None else [*found, *loop.breaks[breaks:], *loop.continues[continues:]]

    return ends


def restored(states: list[State], grad: Grad) -> list[State]:
    for state in states:
        state.grad = grad
    return states


def within_generator(
    machine: Machine, address: Address, state: State, before: Grad, inner: Callable[[State, Value], list[State]]
) -> list[State]:
    """A `@contextmanager` function: its code, with the block in place of its `yield`. Where the block always returns,
    the code after the `yield` runs on what it returns with."""
    frame = machine.frame
    returns = len(frame.returns)
    left: list[Value] = []

    def block(moment: State, value: Value) -> list[State]:
        ends = inner(moment, value)
        early = frame.returns[returns:]
        if ends or not early:
            return ends
        left.append(joined(value for _, value in early))
        return together([one for one, _ in early])[:1]

    if not drive(machine, address, state, block):
        return restored(inner(state, UNKNOWN), before)
    if left:
        state.grad = before
        frame.returns[returns:] = [(state, left[-1])]
        return []
    return restored([state], before)


def pending_generator(value: Value, state: State) -> Address | None:
    """The generator of the program that a value is, not yet begun."""
    refs = list(value.refs())
    if len(refs) != 1 or len(value.atoms) != 1:
        return None
    thing = state.heap[refs[0]]
    return refs[0] if thing.kind == "generator" and thing.call is not None else None


def drive(machine: Machine, address: Address, state: State, inner: Callable[[State, Value], list[State]]) -> bool:
    """Run a generator with `inner` in place of each `yield`, in the frames of whoever drives it; whether it yielded."""
    depth = len(machine.frames)
    reached = []

    def body(moment: State, value: Value) -> list[State]:
        suspended = machine.frames[depth:]
        del machine.frames[depth:]
        reached.append(True)
        grad = moment.grad
        try:
            return restored(inner(moment, value), grad)
        finally:
            machine.frames.extend(suspended)

    start(machine, address, state, body)
    return bool(reached)


def within_instance(
    machine: Machine,
    address: Address,
    klass: ClassSymbol,
    state: State,
    before: Grad,
    inner: Callable[[State, Value], list[State]],
) -> list[State]:
    """An object with `__enter__` and `__exit__`."""
    enter, leave = (machine.program.method(klass, name) for name in ("__enter__", "__exit__"))
    span = machine.frame.span
    entered: Value = of(Ref(address))
    if enter is not None:
        entered = calls.call_function(machine, Callee(enter, address), Arguments(), span, state)
    early = early_ends(machine)
    states = inner(state, entered)
    if leave is not None:
        for one in (*states, *early()):
            calls.call_function(machine, Callee(leave, address), Arguments((constant(None),) * 3), span, one)
    else:
        restored(states, before)
    return states
