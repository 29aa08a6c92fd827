"""Items, elements and slices of what holds several things."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evallint import facts as f
from evallint.facts import Expr
from evallint.interpret import attributes, calls, choosing, containers, data, enumerations, generators, naming
from evallint.interpret.outcomes import from_end, is_settled, renamed
from evallint.interpret.render import code
from evallint.interpret.values import (
    UNKNOWN,
    Flow,
    Known,
    Ref,
    State,
    Thing,
    Value,
    constant,
    in_order,
    joined,
    of,
)
from evallint.program import ClassSymbol, External, ModuleSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

MOST_PARTS = 64
"""A graph of more calls than this is not told apart by the parts of their results: each would double their number."""


RANKING = frozenset("max min topk sort median mode kthvalue cummax cummin".split())
"""Methods and functions that give what they pick from a tensor, and where it stood, which has no gradient."""


def ranks(expression: Expr, value: Value) -> bool:
    """Whether an expression picks from a tensor along a dimension: `scores.max(1)`."""
    if not value.flow.graph or value.atoms or not isinstance(expression, f.Call):
        return False
    return isinstance(expression.function, f.Attribute) and expression.function.name in RANKING


def subscript(machine: Machine, expression: f.Subscript, state: State) -> Value:
    base = machine.value(expression.value, state)
    if expression.key == f.Name("__name__") and External("sys.modules") in base.atoms:
        return of(ModuleSymbol(machine.frame.path))
    index = machine.value(expression.key, state)
    if isinstance(expression.key, f.Slice):
        sliced = slice_of(machine, base, expression.key, state, machine.number(expression))
        if sliced is not None:
            return sliced
    if machine.notes is not None:
        data.by_hand(machine, "[]", base, index, state)
        sample = data.objects(machine, base, state)
        if sample is not None:
            return Value(flow=sample.join(index.flow))
    if expression.key == f.Constant(1) and ranks(expression.value, base):
        return Value(flow=base.flow.detached())
    value = item(machine, base, index, state, isinstance(expression.key, f.Slice))
    if machine.notes is not None and (key := index.constant()) is not None:
        value = data.part_of_sample(machine, value, key.value)
    if index.flow.graph or index.flow.cut:  # a model picks the item
        value = value.with_flow(Flow(cut=index.flow.graph | index.flow.cut))
    text = index.text()
    if text is None:
        return value
    whole = code(expression.value)
    return renamed(value, f"{whole}_{text}", f"{whole}[{text!r}]")


def slice_of(machine: Machine, base: Value, key: f.Slice, state: State, number: int) -> Value | None:
    """A slice of a container whose elements are known, None for others."""
    refs = list(base.refs())
    bounds = [machine.value(part, state).constant() if part is not None else Known(None, type(None)) for part in key]
    others = base.atoms - {Ref(ref) for ref in refs} - constant(None).atoms
    if len(refs) != 1 or others or any(bound is None for bound in bounds):
        return None
    thing = state.heap[refs[0]]
    values: list[Any] = [bound.value for bound in bounds if bound is not None]
    if thing.kind not in ("list", "module") or not thing.items or thing.rest is not None:
        return None
    if not all(value is None or type(value) is int for value in values) or values[2] == 0:
        return None
    part = Thing(thing.kind, "", thing.klass, thing.born, mode=thing.mode, marks=dict(thing.marks))
    part.items = dict(enumerate(list(thing.items.values())[slice(*values)]))
    address = state.put(("slice", machine.frame.context, number), part)
    return Value(frozenset((Ref(address),)), replace(base.flow, graph=frozenset(), sums=frozenset()))  # by its items


def item(machine: Machine, base: Value, index: Value, state: State, is_slice: bool = False) -> Value:
    """`base[index]`."""
    found: list[Value] = []
    for atom in in_order(base.atoms):
        if isinstance(atom, External) and atom.name.endswith(".__dict__"):
            chosen = choosing.any_of(machine, of(External(atom.name.removesuffix(".__dict__"))))
            found += [chosen] if chosen is not None else []
        elif isinstance(atom, ModuleSymbol):
            found += named_in(machine, atom, index, state)
        elif isinstance(atom, ClassSymbol) and enumerations.is_enumeration(machine, atom):
            found.append(enumerations.named(machine, atom, index, state))
    key = index.constant()
    exact = len(base.atoms) > 0
    for address in base.refs():
        thing = state.heap[address]
        if is_slice and thing.kind in ("list", "module"):
            found.append(of(Ref(address)))
        elif thing.kind in ("list", "dict", "module"):
            position = key.value if key is not None else None
            if isinstance(position, int) and position < 0 and (last := from_end(thing, position)):
                found += last
                continue
            if key is not None and position in thing.items:
                found.append(thing.items[position])
                continue
            module = containers.module_key(index, state)
            if module is not None and module in thing.items:
                found.append(thing.items[module])
                continue
            exact = False
            if key is not None and thing.kind == "dict" and thing.rest is not None:
                found.append(thing.rest)  # what has a name of its own is not what another name gives
            elif thing.items or thing.rest is not None:
                found.append(thing.elements())
            elif thing.kind == "module":
                found.append(attributes.child(machine, address, "[]", state))
        elif thing.kind == "generator":
            exact = False
            found.append(thing.elements())
        elif thing.kind == "state":
            found.append(of(Ref(address)))
        elif thing.kind in ("symbol", "instance", "parts", "wrapper"):
            exact = False
            name = f"[{key.value!r}]" if key is not None else "[]"
            found.append(attributes.child(machine, address, name, state))
    value = joined(found) if found else UNKNOWN
    value = called_as(base, value)
    if exact and found:
        return value
    made = all(state.heap[address].kind == "symbol" for address in base.refs())  # by a call out of sight
    flow = part(machine, base.flow, key.value if key is not None else None) if made else base.flow
    return value.with_flow(unclaimed(base, flow, state))


def unclaimed(base: Value, flow: Flow, state: State) -> Flow:
    """What has flowed into a value, but the graphs that are those of the items of a tuple which it may be: what else it
    may be has none of them."""
    if len(base.atoms) < 2 or not flow.graph:
        return flow
    tuples = [state.heap[address] for address in base.refs() if state.heap[address].kind == "list"]
    claimed = {
        number for thing in tuples if thing.rest is None for one in thing.items.values() for number in one.flow.graph
    }
    return replace(flow, graph=flow.graph - claimed) if claimed else flow


def named_in(machine: Machine, module: ModuleSymbol, index: Value, state: State) -> list[Value]:
    """What `module.__dict__[index]` may be."""
    name = index.text()
    if name is None:
        chosen = choosing.any_of(machine, of(module))
        return [chosen] if chosen is not None else []
    symbol = machine.program.member(module, name)
    return [naming.symbol_value(machine, symbol, state)] if symbol is not None else []


def part(machine: Machine, flow: Flow, key: object) -> Flow:
    """One of several results of a call out of sight: whether it holds a graph says nothing of the others."""
    if len(flow.graph) > MOST_PARTS or not any(number < 0 for number in flow.graph):
        return flow
    parts = {number: -1 - machine.context("part", number, key) for number in flow.graph if number < 0}
    if isinstance(key, int):  # of a tuple; what has a name of its own in a dict is there to be used
        machine.events.parts |= {part: number for number, part in parts.items()}
    elif isinstance(key, str):
        machine.events.items |= {part: number for number, part in parts.items()}
    machine.events.unfed |= {part for number, part in parts.items() if number in machine.events.unfed}
    return replace(flow, graph=frozenset(parts.get(number, number) for number in flow.graph))


def element(machine: Machine, iterable: Value, state: State) -> Value:
    """What one element of an iterable may be."""
    generators.generated(machine, iterable, state)
    found: list[Value] = []
    for atom in in_order(iterable.atoms):
        if isinstance(atom, Ref):
            thing = state.heap[atom.address]
            if thing.kind == "dict":
                keys = [containers.key_value(key) for key in thing.items]
                found.append(joined(keys) if keys and thing.rest is None else UNKNOWN)
            elif thing.kind in ("list", "generator") or (thing.kind == "module" and thing.items):
                found.append(thing.elements())
            elif thing.kind in ("symbol", "module", "wrapper", "parts") and not iterable.flow.roles:
                found.append(attributes.child(machine, atom.address, "[]", state))
            elif thing.kind == "instance":
                found.append(calls.iterate(machine, atom.address, state))
    value = joined(found) if found else UNKNOWN
    return called_as(iterable, value).with_flow(iterable.flow)


def called_as(whole: Value, part: Value) -> Value:
    """A part for what the name of the whole says: that is newer than the name which the part had once. What arguments
    say is of where the data are from, and older than any name."""
    roles = whole.flow.roles
    if not is_settled(roles) or any(role.sure for role in roles | part.flow.roles):
        return part
    return Value(part.atoms, replace(part.flow, roles=roles))
