"""What expressions give that are no calls, names or items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.interpret import attributes, branching, containers, data, picking, states
from evallint.interpret.outcomes import compared, flow_of, foldable, folded, truth_of, with_role
from evallint.interpret.render import code
from evallint.interpret.values import NO_FLOW, UNKNOWN, Anonymous, Flow, Ref, State, Thing, Value, constant, of

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def attribute(machine: Machine, expression: f.Attribute, state: State) -> Value:
    base = machine.value(expression.value, state)
    value = attributes.read(machine, base, expression.name, state, expression)
    return with_role(value, expression.name, code(expression))


def collection(machine: Machine, expression: f.Collection, state: State) -> Value:
    thing, flow = Thing("list", born=machine.place()), NO_FLOW
    position = 0
    for item in expression.items:
        value = machine.value(item, state)
        if isinstance(item, f.Starred):
            element = picking.element(machine, value, state)
            thing.rest = element if thing.rest is None else thing.rest.join(element)
        else:
            thing.items[position] = value
            position += 1
        flow = added(flow, value.flow)
    return written_down(machine, thing, expression, flow, state)


def mapping(machine: Machine, expression: f.Mapping, state: State) -> Value:
    thing, flow = Thing("dict", born=machine.place()), NO_FLOW
    for key, item in zip(expression.keys, expression.values, strict=True):
        value = machine.value(item, state)
        if key is None:
            for address in value.refs():
                other = state.heap[address]
                thing.items.update(other.items)
                rest = of(Ref(address)) if other.kind == "state" else other.rest
                if rest is not None:
                    thing.rest = rest if thing.rest is None else thing.rest.join(rest)
            if not any(True for _ in value.refs()):
                thing.rest = UNKNOWN if thing.rest is None else thing.rest.join(UNKNOWN)
        else:
            known = machine.value(key, state).constant()
            if known is not None:
                thing.items[known.value] = value
                data.named(machine, value, str(known.value))
            else:
                thing.rest = value if thing.rest is None else thing.rest.join(value)
        flow = added(flow, value.flow)
    return written_down(machine, thing, expression, flow, state)


def added(flow: Flow, other: Flow) -> Flow:
    """The flow of two things. One of which nothing is known takes nothing from what is known of the other."""
    if other is NO_FLOW:
        return flow
    return other if flow is NO_FLOW else flow.join(other)


def written_down(
    machine: Machine, thing: Thing, expression: f.Collection | f.Mapping, flow: Flow, state: State
) -> Value:
    """The list or dict that a display makes."""
    address = states.apart(machine, (thing.kind, machine.frame.context, machine.number(expression)), thing)
    return Value(frozenset((Ref(state.put(address, thing)),)), flow)


def operation(machine: Machine, expression: f.Operation, state: State) -> Value:
    left, right = machine.value(expression.left, state), machine.value(expression.right, state)
    if machine.notes is not None:
        data.by_hand(machine, expression.operator, left, right, state)
    if expression.operator == "*" and (left.atoms or right.atoms):
        repeated = containers.repeated(machine, left, right, state, machine.number(expression))
        if repeated is not None:
            return repeated
    if expression.operator == "+" and (left.atoms or right.atoms):
        added = containers.concatenated(machine, left, right, state, machine.number(expression))
        if added is not None:
            return added
    if expression.operator == "%" and left.text() is not None:  # a text with numbers in it
        return UNKNOWN
    a, b = left.constant(), right.constant()
    if a is not None and b is not None:
        return (
            constant(folded(expression.operator, a.value, b.value)) if foldable(expression.operator, a, b) else UNKNOWN
        )
    return Value(flow=flow_of(left, right))


def unary(machine: Machine, expression: f.Unary, state: State) -> Value:
    if expression.operator == "not":
        truth = branching.holds(machine, expression.operand, state)
        return constant(not truth) if truth is not None else UNKNOWN
    return Value(flow=machine.value(expression.operand, state).flow)


def logic(machine: Machine, expression: f.Logic, state: State) -> Value:
    left = machine.value(expression.left, state)
    truth = truth_of(left, state)
    if truth is not None and truth == (expression.operator == "or"):
        return left
    right = machine.value(expression.right, state)
    if truth is not None:
        return right
    return left.join(right)


def comparison(machine: Machine, expression: f.Comparison, state: State) -> Value:
    left, right = machine.value(expression.left, state), machine.value(expression.right, state)
    found = compared(expression.operator, left, right, state)
    if found is not None:
        return constant(found)
    outputs = left.flow.graph | left.flow.cut | right.flow.graph | right.flow.cut
    return Value(flow=Flow(cut=outputs)) if outputs else UNKNOWN


def lambda_(machine: Machine, expression: f.Lambda, state: State) -> Value:
    within = machine.frame.address
    return of(Anonymous(machine.frame.path, expression, within))


def formatted(machine: Machine, expression: f.Text, state: State) -> Value:
    parts = [machine.value(part, state).constant() for part in expression.parts]
    if all(part is not None for part in parts):
        return constant("".join(str(part.value) for part in parts if part is not None))
    return UNKNOWN


def parts(machine: Machine, expression: f.Opaque, state: State) -> Value:
    return Value(flow=flow_of(*(machine.value(part, state) for part in expression.parts)))


def slice_bounds(machine: Machine, expression: f.Slice, state: State) -> Value:
    parts = [machine.value(part, state) for part in expression if part is not None]
    return UNKNOWN if machine.notes is None else Value(flow=flow_of(*parts))
