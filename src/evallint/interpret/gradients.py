"""What functions of libraries do to gradients: contexts, backward(), exports, and tensors that are made anew."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import Argument, Export, GradContext, Gradient, LibraryClass, Runs, TensorSource
from evallint.interpret import branching, data, library, modules, reading, states
from evallint.interpret.events import Backward, Events, ExportCall
from evallint.interpret.render import code, render
from evallint.interpret.values import (
    GRAD_ON,
    NO_FLOW,
    SYNTHETIC,
    UNKNOWN,
    UNKNOWN_MODE,
    Address,
    Anonymous,
    Arguments,
    Callee,
    Flow,
    Grad,
    Origin,
    Ref,
    State,
    Thing,
    Value,
    in_order,
    joined,
    of,
)
from evallint.program import External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def grad_of(machine: Machine, meaning: GradContext, given: Arguments, state: State) -> Grad:
    """The state of gradients that a context sets."""
    name = meaning.name.rpartition(".")[2]
    step = machine.step(f"`{name}` turns gradients off here")
    if meaning.effect == "on":
        return GRAD_ON
    off = Grad(on=False, off=step)
    if meaning.argument is None:
        return off
    flag = library.truth_argument(given, meaning.argument, bool(meaning.argument.default), machine, state)
    if flag is None:
        return Grad(on=True, off=step)
    if meaning.effect == "negated":
        return off if flag else GRAD_ON
    return GRAD_ON if flag else off


def context(machine: Machine, meaning: GradContext, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) == 1 and meaning.effect != "argument":
        targets = [a for a in in_order(given.positional[0].atoms) if isinstance(a, Callee | Anonymous | Ref)]
        if targets and not any(True for value in given.keywords.values()):
            return given.positional[0]  # `torch.no_grad()(function)`
    grad = grad_of(machine, meaning, given, state)
    if grad.on and grad.off is not None and expression.arguments:
        truth = branching.holds(machine, expression.arguments[0].value, state)
        if truth is not None:
            grad = GRAD_ON if truth == (meaning.effect != "negated") else Grad(on=False, off=grad.off)
    if meaning.immediate:
        state.grad = grad
    thing = Thing("context", meaning.name, born=machine.place(expression.span), grad=grad)
    return of(Ref(state.put(("context", machine.frame.context, machine.number(expression)), thing)))


def context_method(address: Address, name: str, state: State) -> Value:
    thing = state.heap[address]
    if name == "__enter__" and thing.grad is not None:
        state.grad = thing.grad
    elif name == "__exit__":
        state.grad = GRAD_ON
    return of(Ref(address))


def decorate(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value:
    """`torch.no_grad()(function)`: what calls the function with the gradients that the context sets."""
    if not given.positional:
        return UNKNOWN
    thing = Thing("partial", "", rest=given.positional[0], grad=state.heap[address].grad)
    return of(Ref(state.put(("decorated", machine.frame.context, machine.number(expression)), thing)))


def backward(machine: Machine, flow: Flow, state: State) -> Value:
    """Gradients flow back through everything that went into a value."""
    events = machine.events
    states.trained(machine, flow, state)
    events.confirmed |= proved(flow.graph, events)
    for number in flow.graph:
        for event in events.behind(number):
            event.trained = event.trained or not is_stale(event.loops, machine.loops())
    events.summed_backwards |= flow.sums
    events.backwards.append(Backward(machine.place(), flow, machine.callers(), machine.loops(), state.grad))
    return UNKNOWN


def proved(graph: frozenset[int], events: Events) -> set[int]:
    """The calls out of sight whose result must hold a graph for a loss to have one: of several parts of one result any
    may be it."""
    from_model = any(number >= 0 for number in graph)
    shares = Counter(events.parts[number] for number in graph & events.parts.keys())
    return {
        number
        for number in graph
        if number < 0 and not (from_model and number in events.unfed) and shares[events.parts.get(number, 0)] < 2
    }


def is_stale(made: tuple[Address, ...], used: tuple[Address, ...]) -> bool:
    """Whether what was made in one pass over a few known elements gets to an earlier pass of the next round only: by a
    variable of that pass which nobody has set anew, such as the batch of the validation phase in the training phase."""
    for one, other in zip(made, used, strict=False):
        if one != other:
            return len(one) == len(other) == UNROLLED_PASS and one[:-1] == other[:-1] and one[-1] > other[-1]  # type: ignore[operator]
    return False


UNROLLED_PASS = 4
"""So many parts has the address of one pass of a loop that is taken element by element, its number the last."""


def differentiate(machine: Machine, meaning: Gradient, given: Arguments, state: State) -> Value:
    flow = given.flow()
    frame = machine.frame
    if meaning.kind == "backward":
        return backward(machine, flow, state)
    machine.events.differentiating.add((frame.path, frame.caller.function))
    library.callbacks(machine, given, state)
    for number in flow.graph:
        for event in machine.events.behind(number):
            event.differentiated = True
    return Value(flow=flow)


def run_given(machine: Machine, meaning: Runs, given: Arguments, state: State) -> Value:
    """A function or method that runs a model in its own way."""
    flow = given.flow()
    if meaning.leaves != "keeps":
        targets = (
            [library.argument(given, meaning.argument)] if meaning.argument is not None else list(given.positional)
        )
        for value in targets:
            for address in value.refs() if value is not None else ():
                if modules.is_model(state.heap[address]):
                    modules.switch(address, UNKNOWN_MODE, state)
    return Value(flow=flow.detached() if meaning.grad == "off" else library.kept(flow, state))


def export(
    machine: Machine,
    meaning: Export,
    given: Arguments,
    expression: f.Call,
    state: State,
    receiver: Value | None = None,
) -> Value:
    """A model is exported; `receiver` where the exporter is a method of it."""
    value = library.argument(given, meaning.argument) if receiver is None else receiver
    if value is None:
        return UNKNOWN
    for address in value.refs():
        if "exported" in state.heap[address].marks:
            continue
        if modules.is_model(state.heap[address]) and meaning.mode == "keeps":
            shown = written(expression, meaning.argument if receiver is None else None)
            machine.events.exports.append(exported(machine, meaning, address, given, expression, shown, state))
    if not meaning.returns_model:
        return Value(flow=value.flow)
    found = []
    for address in value.refs():
        thing = Thing("wrapper", "", External("torch.jit.ScriptModule"), machine.place(expression.span), inner=address)
        thing.mode = state.heap[address].mode
        thing.marks = {"module": None, "exported": None}
        found.append(of(Ref(state.put(("script", machine.frame.context, machine.number(expression), address), thing))))
    return joined(found) if found else value


def exported(
    machine: Machine,
    meaning: Export,
    address: Address,
    given: Arguments,
    expression: f.Call,
    shown: f.Expr | None,
    state: State,
) -> ExportCall:
    training, switches = library.argument(given, meaning.training), library.argument(given, meaning.switches)
    known = switches.constant() if switches is not None else None
    off = meaning.switches is not None and known is not None and known.value in meaning.switches.values
    return ExportCall(
        machine.place(expression.span),
        code(expression.function),
        render(shown) if isinstance(shown, f.Name | f.Attribute) else "the model",
        address,
        state.heap[address].klass,
        modules.nature(machine, address, state),
        modules.effective(machine, address, state),
        machine.callers(),
        deliberate=off or (training is not None and not is_false(training)),
        unsure=meaning.switches is not None and known is None,
        after=len(machine.events.forwards),
    )


def written(call: f.Call, wanted: Argument | None) -> f.Expr | None:
    """An argument of a call as it is written; what the call is a method of where none is wanted."""
    if wanted is None:
        return call.function.value if isinstance(call.function, f.Attribute) else None
    return reading.argument(call, wanted.keyword, wanted.position)


def is_false(value: Value) -> bool:
    known = value.constant()
    return known is not None and not known.value


def tensor_source(meaning: TensorSource, given: Arguments, state: State) -> Value:
    if meaning.contents in ("random", "constant") or (given.positional and is_literal(given.positional[0], state)):
        return Value(flow=SYNTHETIC)
    return Value(flow=given.flow().detached())


def is_literal(value: Value, state: State, depth: int = 0) -> bool:
    """Whether a value is written out in the code: numbers, and lists of them."""
    if value.constant() is not None:
        return True
    things = [state.heap[address] for address in value.refs()]
    return (
        len(things) == len(value.atoms) == 1
        and depth < 4
        and things[0].kind == "list"
        and things[0].rest is None
        and bool(things[0].items)
        and all(is_literal(item, state, depth + 1) for item in things[0].items.values())
    )


def library_object(
    machine: Machine, meaning: LibraryClass, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """An instance of a library's class that is no module."""
    flow = given.flow() if meaning.role == "tensor" else NO_FLOW
    if meaning.role == "optimizer" and given.positional:
        modules.optimize(machine, given.positional[0], state)
    if meaning.role == "other":
        flow = data.data_flow(name, given)
    place = machine.place(expression.span)
    thing = Thing("instance", "", External(meaning.name), place, origin=Origin(meaning.name, given, place))
    address: Address = ("new", machine.frame.context, machine.number(expression), name)
    state.put(address, thing)
    states.made(machine, address, given, expression, state)
    return Value(frozenset((Ref(address),)), flow)
