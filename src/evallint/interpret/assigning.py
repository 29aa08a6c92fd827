"""What is bound to names, attributes and items, and what sums keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Expr
from evallint.interpret import attributes, calls, containers, data, naming, picking, states
from evallint.interpret.events import Accumulation, Figure
from evallint.interpret.outcomes import renamed
from evallint.interpret.reading import adds, last_name, reset_in
from evallint.interpret.render import code, render
from evallint.interpret.roles import use_of, use_of_data
from evallint.interpret.sampling import SEEN
from evallint.interpret.values import Address, Arguments, Callee, Flow, Ref, State, Value, constant
from evallint.program import ClassSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

GROWING = frozenset("+-|")
"""Operators by which a sum, or a collection, grows; what is scaled in place does not."""


def assign(machine: Machine, statement: f.Assign, state: State) -> list[State]:
    if statement.value is None:
        return [state]
    value = machine.value(statement.value, state)
    for target in statement.targets:
        if value.flow.graph and isinstance(statement.value, f.Operation) and adds(statement.value, code(target)):
            machine.frames[-1].span = statement.span  # the calls in the value have left theirs
            value = Value(value.atoms, accumulate(machine, code(target), value.flow, "added to"))
        bind(machine, target, newly_named(target, statement.value, value), state)
        if isinstance(target, f.Collection) and len(target.items) == 2 and picking.ranks(statement.value, value):
            bind(machine, target.items[1], Value(flow=value.flow.detached()), state)
        states.kept(machine, target, statement.value, state)
        if isinstance(target, f.Name) and value.is_flag():
            machine.frames[-1].flags.setdefault(target.id, set()).add(machine.place(statement.span))
    return [state]


def bind(machine: Machine, target: Expr, value: Value, state: State) -> None:
    """`target = value`."""
    if value.flow.graph or value.flow.cut:
        note_figure(machine, target, value.flow)
    match target:
        case f.Name(name):
            naming.set_name(machine, name, data.maybe_drawn(machine, value), state)
        case f.Attribute(base, name):
            attributes.write(machine, machine.value(base, state), name, value, state, code(base))
        case f.Subscript(base, index):
            held = machine.value(base, state)
            set_item(machine, held, machine.value(index, state), value, state, base)
            if machine.notes is not None and SEEN in value.flow.sources and SEEN not in held.flow.sources:
                bind(machine, base, held.with_flow(value.flow), state)  # the array holds the sample
            elif held.flow.synthetic and not (held.atoms or value.flow.synthetic or value.constant()):
                filled = Value(flow=held.flow.join(value.flow))  # a tensor that is filled part by part
                bind(machine, base, filled, state)
            elif held.flow.graph and not held.atoms and not value.flow.graph <= held.flow.graph:
                bind(machine, base, Value(flow=held.flow.join(value.flow)), state)  # what a model gave gets more
        case f.Collection(_, items):
            unpack(machine, items, value, state)
        case f.Starred(inner):
            bind(machine, inner, value, state)


def note_figure(machine: Machine, target: Expr, flow: Flow) -> None:
    if isinstance(target, f.Name | f.Attribute) and use_of(last_name(target)) == "eval":
        machine.events.figures.append(Figure(machine.place(), code(target), flow, machine.callers()))


def unpack(machine: Machine, items: tuple[Expr, ...], value: Value, state: State) -> None:
    """Bind the parts of a value; in `train_data, valid_data = split(train_data)` each is what its new name says."""
    parted = are_told_apart(items)
    for index, item in enumerate(items):
        if isinstance(item, f.Starred):
            bind(machine, item.value, picking.element(machine, value, state), state)
        else:
            one = picking.item(machine, value, constant(index), state)
            one = one if machine.notes is None else data.part_of_sample(machine, one, index)
            bind(machine, item, renamed(one, item.id, item.id) if parted and isinstance(item, f.Name) else one, state)


def newly_named(target: Expr, expression: Expr, value: Value) -> Value:
    """A part of data that is picked by hand is for what its name says (`valid_images = train_images[50_000:]`), and so
    is what a call has made."""
    if not value.flow.roles or not isinstance(target, f.Name | f.Attribute):
        return value
    if not isinstance(expression, f.Subscript | f.Comprehension | f.Call):
        return value
    name = last_name(target)
    return renamed(value, name, name, picked=not isinstance(expression, f.Call))


def are_told_apart(items: tuple[Expr, ...]) -> bool:
    """Whether data are split here, by their names for training and for evaluation."""
    return len({use_of_data(item.id) for item in items if isinstance(item, f.Name)} - {None}) > 1


def set_item(machine: Machine, base: Value, index: Value, value: Value, state: State, expression: Expr) -> None:
    key = index.constant()
    kinds = {state.heap[address].kind for address in base.refs()}
    if value.flow.graph and key is None and machine.loops() and kinds & {"list", "dict"}:
        value = Value(value.atoms, accumulate(machine, render(expression), value.flow, "put into"))
    for address in base.refs():
        if calls.set_item(machine, address, index, value, state):
            continue
        if state.heap[address].kind == "state":
            states.changed(address, state)
            continue
        thing = state.own(address)
        module = containers.module_key(index, state)
        if key is not None:
            thing.items[key.value] = value
        elif module is not None and thing.kind == "dict":
            thing.items[module] = value
        elif thing.kind in ("list", "dict"):
            thing.rest = value if thing.rest is None else thing.rest.join(value)


def augment(machine: Machine, statement: f.Augment, state: State) -> list[State]:
    value = machine.value(statement.value, state)
    before = machine.value(statement.target, state)
    own = [adder for ref in before.refs() if (adder := own_addition(machine, ref, statement.operator, state))]
    if own:
        for adder in own:
            calls.call_function(machine, adder, Arguments((value,)), statement.span, state)
        return [state]
    if machine.notes is not None:
        data.by_hand(machine, statement.operator, before, value, state)
    flow = before.flow.join(value.flow)
    machine.frames[-1].span = statement.span  # the calls in the value have left theirs
    if value.flow.graph and statement.operator in GROWING:
        flow = accumulate(machine, render(statement.target), value.flow, "added to").join(before.flow)
    atoms = before.atoms if any(isinstance(atom, Ref) for atom in before.atoms) else frozenset()
    if statement.operator == "+":
        for address in before.refs():
            if state.heap[address].kind == "list":
                containers.extend(machine, address, value, state)
    bind(machine, statement.target, Value(atoms, flow), state)
    return [state]


def own_addition(machine: Machine, address: Address, operator: str, state: State) -> Callee | None:
    """The method by which an object of the program takes `+=`."""
    klass = state.heap[address].klass
    method = machine.program.method(klass, "__iadd__") if isinstance(klass, ClassSymbol) and operator == "+" else None
    return Callee(method, address) if method is not None else None


def accumulate(machine: Machine, target: str, flow: Flow, how: str) -> Flow:
    """Something with a graph is kept beyond the pass of the loop that made it; the flow of what keeps it."""
    loops = machine.loops()
    frame = machine.frame
    is_local = target.isidentifier() and target not in frame.outer
    if not loops or target == "_" or (is_local and not frame.loops):
        return flow
    holder = target.split("[")[0]
    names = {target, holder, holder.split(".")[0]}
    if frame.loops and names & frame.loops[-1].resets:
        return flow
    place = machine.place()
    renewed = frozenset(loop.address for loop in frame.loops if names & loop.resets)
    if (is_local and not is_parameter(machine, target)) or any(begins(machine, one) for one in names):  # new in a call
        renewed |= frozenset(loop.address for outer in machine.frames[:-1] for loop in outer.loops)
    machine.events.accumulations.append(
        Accumulation(place, target, flow, how, place, machine.callers(), loops, machine.grad_now, renewed)
    )
    return replace(flow, sums=flow.sums | {place})


def begins(machine: Machine, name: str) -> bool:
    """Whether the running function makes a variable of its own, or of its object, anew whenever it is called."""
    frame = machine.frame
    return frame.symbol is not None and name not in frame.outer and name in reset_in(machine.program.body(frame.symbol))


def is_parameter(machine: Machine, name: str) -> bool:
    symbol = machine.frame.symbol
    return symbol is not None and any(one.name == name for one in machine.program.function(symbol).parameters)


def walrus(machine: Machine, expression: f.Walrus, state: State) -> Value:
    value = machine.value(expression.value, state)
    naming.set_name(machine, expression.name, value, state)
    return value
