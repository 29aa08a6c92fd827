"""How code is entered and left: `with`, `try`, `yield`, `return`, `raise`, `break`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Block
from evallint.interpret import assigning, calls, generators, library, modules, naming
from evallint.interpret.events import BareSwitch
from evallint.interpret.outcomes import together
from evallint.interpret.render import render
from evallint.interpret.values import UNKNOWN, Grad, State, Value, constant

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def evaluate(machine: Machine, statement: f.Evaluate, state: State) -> list[State]:
    value = statement.value
    if isinstance(value, f.Yield):
        return yield_statement(machine, value, state)
    found = machine.value(value, state)
    if isinstance(value, f.Attribute) and value.name in ("eval", "train"):
        bare_switch(machine, value, found, state)
    if calls.never_returns(machine, value):
        leaves_by_exception(machine, state)
        return []
    return [state]


def bare_switch(machine: Machine, expression: f.Attribute, found: Value, state: State) -> None:
    """`model.eval` as a statement."""
    owners = frozenset(machine.value(expression.value, state).refs())
    for address in owners:
        if address[0] == "loaded":
            library.note_use(machine, address, expression.name, state)
    known = any(modules.is_model(state.heap[address]) or address[0] == "loaded" for address in owners)
    machine.events.bare_switches.append(
        BareSwitch(machine.place(), render(expression.value), expression.name, machine.callers(), owners, known)
    )


def return_(machine: Machine, statement: f.Return, state: State) -> list[State]:
    value = machine.value(statement.value, state) if statement.value is not None else constant(None)
    machine.frame.returns.append((state, value))
    return []


def raise_(machine: Machine, statement: f.Raise, state: State) -> list[State]:
    if statement.value is not None:
        machine.value(statement.value, state)
    leaves_by_exception(machine, state)
    return []


def leaves_by_exception(machine: Machine, state: State) -> None:
    if machine.frame.raised:
        machine.frame.raised[-1].append(state)


def leave(machine: Machine, statement: f.Leave, state: State) -> list[State]:
    if machine.frame.loops:
        loop = machine.frame.loops[-1]
        (loop.breaks if statement.word == "break" else loop.continues).append(state)
    return []


def with_(machine: Machine, statement: f.With, state: State) -> list[State]:
    before = state.grad
    managers: list[tuple[Value, f.WithItem]] = []
    for item in statement.items:
        value = machine.value(item.context, state)
        managers.append((value, item))
    return enter(machine, managers, statement.body, state, before)


def enter(
    machine: Machine, managers: list[tuple[Value, f.WithItem]], body: Block, state: State, before: Grad
) -> list[State]:
    if not managers:
        return machine.block(body, [state])
    (value, item), rest = managers[0], managers[1:]

    def inner(moment: State, entered: Value) -> list[State]:
        if item.target is not None:
            assigning.bind(machine, item.target, entered, moment)
        return enter(machine, rest, body, moment, moment.grad)

    return generators.within(machine, value, state, before, inner)


def try_(machine: Machine, statement: f.Try, state: State) -> list[State]:
    frame = machine.frame
    returned = len(frame.returns)
    left = [(loop, len(loop.breaks), len(loop.continues)) for loop in frame.loops[-1:]]
    raised = [state.fork()]
    frame.raised.append(raised)
    ends = machine.block(statement.body, [state])
    frame.raised.pop()
    raised += [end.fork() for end in ends]
    ends = machine.block(statement.orelse, ends)
    if statement.handlers:
        start = together(raised)[0]
        for handler in statement.handlers:
            one = start.fork()
            if handler.name:
                naming.set_name(machine, handler.name, UNKNOWN, one)
            ends += machine.block(handler.body, [one])
    ends = together(ends)
    if not statement.final:
        return ends
    early = frame.returns[returned:]
    del frame.returns[returned:]
    for one, value in early:
        frame.returns += [(end, value) for end in machine.block(statement.final, [one])]
    for loop, breaks, continues in left:
        loop.breaks[breaks:] = machine.block(statement.final, loop.breaks[breaks:])
        loop.continues[continues:] = machine.block(statement.final, loop.continues[continues:])
    return machine.block(statement.final, ends)


def yield_statement(machine: Machine, expression: f.Yield, state: State) -> list[State]:
    value = machine.value(expression.value, state) if expression.value is not None else constant(None)
    frame = machine.frame
    frame.yields.append(value)
    if frame.on_yield is not None:
        return frame.on_yield(state, value)
    return [state]


def yield_(machine: Machine, expression: f.Yield, state: State) -> Value:
    if expression.value is not None:
        machine.frame.yields.append(machine.value(expression.value, state))
    return UNKNOWN
