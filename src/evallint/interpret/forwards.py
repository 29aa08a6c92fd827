"""How a model is run: what is noted of it, its own code, and what its result holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import ModuleClass
from evallint.findings import Step
from evallint.interpret import attributes, calls, describing, library, modules, states
from evallint.interpret.events import ForwardCall, FrozenPart
from evallint.interpret.render import code, render
from evallint.interpret.values import (
    UNKNOWN_MODE,
    Address,
    Arguments,
    Callee,
    Flow,
    Origin,
    Ref,
    State,
    Thing,
    Value,
    is_plain,
    of,
)
from evallint.program import UNKNOWN_NATURE, ClassSymbol, External, FunctionSymbol, Nature

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def forward(
    machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State, method: str = ""
) -> Value:
    """A model is run: called, or by a method."""
    thing = state.heap[address]
    flow = given.flow()
    if isinstance(thing.klass, External):
        meaning = machine.apis.of(thing.klass.name)
        if isinstance(meaning, ModuleClass) and not meaning.parameters and meaning.dependence.default == "never":
            return Value(flow=library.kept(flow, state) if meaning.graph == "keeps" else flow.detached())
    event = record(machine, address, flow, expression, state, method)
    before = thing.mode
    inlined = run_forward(machine, address, given, expression, state, event)
    if state.heap[address].mode != before:  # its own code sees to the mode in which it runs
        event.mode = event.mode.join(UNKNOWN_MODE)
    return result_of(machine, event, inlined, given, expression, state)


def result_of(
    machine: Machine, event: ForwardCall, inlined: Value | None, given: Arguments, expression: f.Call, state: State
) -> Value:
    """What a model's run gives: what its code returns, where that was followed, and the graph that it records."""
    flow = given.flow()
    events = frozenset((event.id if event.sure else machine.doubtful(event),))
    if not (state.grad.on or state.grad.unknown):
        return Value(flow=Flow(cut=flow.graph | flow.cut | events, roles=flow.roles, sources=flow.sources))
    if inlined is not None:
        if not inlined.flow.graph and inlined.flow.cut:
            roles, sources = flow.roles | inlined.flow.roles, flow.sources | inlined.flow.sources
            return Value(inlined.atoms, Flow(cut=inlined.flow.cut | events, roles=roles, sources=sources))
        hold(inlined, events, state)
        flow = flow.join(inlined.flow)
        return Value(inlined.atoms, flow.holding(flow.graph | events))
    result = Value(flow=flow.holding(flow.graph | events))
    if event.sure:
        return result
    # perhaps a factory, not a model
    address: Address = ("made", machine.frame.context, machine.number(expression))
    states.forget(machine, address, state)
    made = machine.symbol(address, "", state)
    for address in made.refs():
        if state.heap[address].origin is None:
            origin = Origin(code(expression.function), given, machine.place(expression.span))
            state.own(address).origin = origin
    return Value(made.atoms, result.flow)


def hold(value: Value, events: frozenset[int], state: State) -> None:
    """Those of several results that have a graph belong to that of these runs; where none has, what gives them theirs
    is out of sight, and all do."""
    for address in value.refs():
        if state.heap[address].kind in ("list", "dict"):
            thing = state.own(address)
            known = any(item.flow.graph for item in thing.items.values())
            for key, item in thing.items.items():
                if item.flow.graph or not (known or item.flow.cut or is_plain(item)):
                    thing.items[key] = item.with_flow(item.flow.holding(item.flow.graph | events))


def run_forward(
    machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State, event: ForwardCall
) -> Value | None:
    """The model's own `forward`, where it, or what it calls of its own, touches modes or gradients, or keeps the graph
    of some of its results only."""
    thing = state.heap[address]
    if thing.kind == "wrapper" and thing.inner is not None:
        return run_forward(machine, thing.inner, given, expression, state, event)
    if not isinstance(thing.klass, ClassSymbol) or thing.kind != "module":
        return None
    found = machine.program.method(thing.klass, "forward")
    if found is None:
        return None
    methods = machine.running_methods
    if not methods.cuts_some(thing.klass, found, machine.parts_of(thing.klass)) and not any(
        machine.relevance.mentions(one, calls.SWITCHES) for one in methods.with_callees(thing.klass, found)
    ):
        return None
    return run_inside(machine, Callee(found, address), given, expression, state, event)


def run_inside(
    machine: Machine, callee: Callee, given: Arguments, expression: f.Call, state: State, event: ForwardCall
) -> Value | None:
    """Run a method as part of a model's run; None where calls are too deep."""
    if len(machine.frames) >= 12 or machine.runs(callee.symbol):
        return None
    place = machine.place(expression.span)
    context = machine.context(machine.frame.context, place, callee.symbol, callee.bound)
    return calls.run(machine, callee, given, place, ("frame", context), context, state, None, part_of=event.id)


def by_method(
    machine: Machine, address: Address, symbol: FunctionSymbol, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A model is run by another method than `forward`: one run, whatever parts of it the method calls."""
    klass = state.heap[address].klass
    assert isinstance(klass, ClassSymbol)
    flow = given.flow()
    event = record(machine, address, flow, expression, state, machine.program.function(symbol).name)
    inlined = None
    if not machine.coarse and not machine.running_methods.is_plain(klass, symbol):
        inlined = run_inside(machine, Callee(symbol, address), given, expression, state, event)
    machine.reach(symbol)
    return result_of(machine, event, inlined, given, expression, state)


def is_run_by(machine: Machine, address: Address, symbol: FunctionSymbol, state: State) -> bool:
    """Whether a method that is called on a module, from outside of it, runs the module and does no more."""
    thing = state.heap[address]
    if thing.kind != "module" or not isinstance(thing.klass, ClassSymbol) or machine.frame.inside:
        return False
    if not machine.running_methods.runs(thing.klass, symbol, machine.parts_of(thing.klass)):
        return False
    owner = machine.frame.symbol
    return owner is None or machine.program.class_of(owner) not in machine.program.lineage(thing.klass)


def record(
    machine: Machine, address: Address, flow: Flow, expression: f.Call, state: State, method: str = ""
) -> ForwardCall:
    """The event of a model's run: one for each place, each way there, and each set of assumptions."""
    thing = state.heap[address]
    parts = modules.family(address, state)
    family = frozenset(parts)
    frames = {frame.address for frame in machine.frames}
    phase = frozenset((key[1], truth) for key, truth in state.assumed.items() if key[0] in frames)
    key = (machine.frame.context, machine.number(expression), phase, flags(machine, state))
    number = machine.ids.get(key)
    mode = modules.effective(machine, address, state)
    if number is not None:
        event = machine.events.forwards[number]
        if address != event.address:
            event.others |= family
        event.replaced = event.replaced and states.replaced_in(family, state)
        event.mode = event.mode.join(mode)
        nature = nature_of_run(machine, address, method, state) if modules.is_model(thing) else event.nature
        if nature != event.nature:  # one of several models runs here
            event.nature = modules.clearest(event.nature, nature)
        marks = marks_of(machine, thing, address, parts, state) if address != event.address else {}
        if "loaded" in marks:
            event.marks.setdefault("loaded", marks["loaded"])
        if "written" in thing.marks:  # a pass before has averaged it
            event.marks.setdefault("written", thing.marks["written"])
        event.grad = event.grad.join(state.grad)
        event.inputs = event.inputs.join(flow)
        came_through(machine, event, flow, state)
        still = {part.label for part in frozen_parts(machine, parts, state)}
        event.frozen = tuple(part for part in event.frozen if part.label in still)
        return event
    number = len(machine.events.forwards)
    machine.ids[key] = number
    known = modules.is_model(thing)
    event = ForwardCall(
        number,
        machine.place(expression.span),
        render(expression.function),
        address,
        thing.klass,
        nature_of_run(machine, address, method, state) if known else UNKNOWN_NATURE,
        mode,
        state.grad,
        flow,
        machine.callers(),
        machine.loops(),
        machine.frame.inside,
        known,
        marks_of(machine, thing, address, parts, state),
        family,
        thing.mode,
        frozen_parts(machine, parts, state),
        part_of=machine.frame.part_of,
        core=(beneath := core(address, state)).klass,
        built=beneath.born if beneath.kind == "module" else None,
        method=method,
        replaced=states.replaced_in(family, state),
    )
    machine.events.forwards.append(event)
    came_through(machine, event, flow, state)
    return event


def nature_of_run(machine: Machine, address: Address, name: str, state: State) -> Nature:
    """Whether a run of a model heeds its mode: of a method of its own class, such as `decode`, only what that mentions
    can matter."""
    whole = modules.nature(machine, address, state)
    klass = state.heap[address].klass
    method = machine.program.method(klass, name) if name and isinstance(klass, ClassSymbol) else None
    if method is None or whole.heeds != "yes" or not isinstance(klass, ClassSymbol):
        return whole
    mentioned = machine.program.mentioned(klass, method)
    if not mentioned.isdisjoint((*ANY_PART, "self()", "training")):
        return whole
    built = machine.parts_of(klass)
    held = {name for name in state.heap[address].attributes if name in mentioned} | (built.keys() & mentioned)
    refs = [ref for name in held for ref in attributes.of_thing(machine, address, name, state).refs()]
    parts = [modules.nature(machine, ref, state) for ref in refs if modules.is_model(state.heap[ref])]
    if not parts or len(parts) < len(held) or any(part.heeds != "no" for part in parts):
        return whole
    return Nature("no", f"`{name}`", statistics=False)


ANY_PART = frozenset("children named_children modules named_modules _modules getattr __dict__ super super()".split())
"""What code mentions that may run any of its parts."""


def core(address: Address, state: State) -> Thing:
    """What is beneath all wrappers."""
    return state.heap[modules.inmost(address, state)]


def came_through(machine: Machine, event: ForwardCall, flow: Flow, state: State) -> None:
    """Keep what the inputs of a model's run came through, as it is now."""
    for number in flow.sources:
        address = machine.events.sources.get(number)
        if address is not None and number not in event.data and machine.notes is None:
            event.data[number] = describing.describe(machine, of(Ref(address)), state)


def marks_of(
    machine: Machine, thing: Thing, address: Address, family: list[Address], state: State
) -> dict[str, Step | None]:
    """The marks of a model; it is loaded where one of its parts is, and partly in eval mode where it wraps what is."""
    marks = dict(thing.marks)
    if "partly eval" in (wrapped := core(address, state)).marks:
        marks["partly eval"] = wrapped.marks["partly eval"]
    if "frozen" in wrapped.marks:
        marks.setdefault("frozen", wrapped.marks["frozen"])
    for part in family:
        if "loaded" in state.heap[part].marks:
            marks.setdefault("loaded", state.heap[part].marks["loaded"])
    if "frozen" not in marks and all_frozen(machine, thing, state):
        marks["all frozen"] = None
    if not marks.keys().isdisjoint(FROZEN) and any(has_thawed_weights(machine, state.heap[part]) for part in family):
        marks = {mark: step for mark, step in marks.items() if mark not in FROZEN}  # a new head learns
    return marks


FROZEN = frozenset(("frozen", "all frozen"))
"""Marks of a model none of whose parameters get gradients."""


def has_thawed_weights(machine: Machine, thing: Thing) -> bool:
    """Whether a module of a library has parameters that are not frozen."""
    if thing.kind != "module" or "frozen" in thing.marks or not isinstance(thing.klass, External):
        return False
    meaning = machine.apis.of(thing.klass.name)
    return isinstance(meaning, ModuleClass) and meaning.parameters is True and not meaning.container


def all_frozen(machine: Machine, thing: Thing, state: State) -> bool:
    """Whether a module that was built in sight holds frozen parts only, and no parameters of its own."""
    if thing.kind != "module" or thing.pending is not None or not isinstance(thing.klass, ClassSymbol):
        return False
    parts = [state.heap[part] for part in thing.children()]
    init = machine.program.method(thing.klass, "__init__")
    learns = init is None or machine.relevance.mentions(init, frozenset(("Parameter", "ParameterList")))
    return bool(parts) and not learns and all("frozen" in part.marks for part in parts)


def frozen_parts(machine: Machine, family: list[Address], state: State) -> tuple[FrozenPart, ...]:
    """The frozen parts of a model that is not frozen as a whole, whose batch norm a forward in train mode still
    moves."""
    things = [(part, state.heap[part]) for part in family]
    if not any("frozen" in thing.marks for _, thing in things):
        return ()
    if all("frozen" in thing.marks for _, thing in things if thing.kind == "module"):
        return ()
    found = []
    holders = held_by(things)
    for part, thing in things:
        step = thing.marks.get("frozen")
        if thing.kind not in ("module", "wrapper", "symbol"):
            continue
        if (
            step is not None
            and "written" not in thing.marks
            and thing.mode.train is not None
            and "partly eval" not in thing.marks
        ) and modules.nature(machine, part, state).statistics:
            found.append(
                FrozenPart(
                    part,
                    thing.label,
                    leading_to(part, core(family[0], state), state),
                    names_above(part, holders),
                    step,
                    thing.mode,
                )
            )
    return tuple(found)


def held_by(things: list[tuple[Address, Thing]]) -> dict[Address, list[tuple[Address, str]]]:
    """What each part of a model is held by, and by which name."""
    found: dict[Address, list[tuple[Address, str]]] = {}
    for address, thing in things:
        for name, value in (*thing.attributes.items(), *thing.items.items()):
            for ref in value.refs():
                found.setdefault(ref, []).append((address, str(name)))
        if thing.inner is not None:
            found.setdefault(thing.inner, []).append((address, ""))
    return found


def names_above(part: Address, holders: dict[Address, list[tuple[Address, str]]]) -> frozenset[str]:
    """The names by which a part, and what holds it, is held."""
    names, todo, seen = set[str](), [part], {part}
    while todo:
        for holder, name in holders.get(todo.pop(), ()):
            names.add(name)
            if holder not in seen:
                seen.add(holder)
                todo.append(holder)
    return frozenset(names)


def leading_to(part: Address, model: Thing, state: State) -> frozenset[str]:
    """The attributes of a model through which a part of it is reached."""
    return frozenset(
        name
        for name, value in model.attributes.items()
        if any(part in modules.family(ref, state) for ref in value.refs())
    )


def flags(machine: Machine, state: State) -> frozenset[tuple[str, object]]:
    """The variables of the running function that were settled by a test: they tell its passes apart."""
    frame = machine.frame
    names = state.heap[frame.address].attributes
    return frozenset(
        (text, known.value)
        for text in frame.tests.repeated
        if text in names and (known := names[text].constant()) is not None
    )
