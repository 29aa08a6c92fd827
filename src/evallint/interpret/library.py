"""What lies outside the program does as the tables say, and what no table knows is unknown."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import (
    UNKNOWN as NOT_CONSTANT,
)
from evallint.apis import (
    Argument,
    Export,
    Factory,
    FlaggedFunction,
    GradContext,
    Gradient,
    LibraryClass,
    ModeSwitch,
    ModuleClass,
    ReturnsSelf,
    Runs,
    TensorSource,
    TensorUse,
    Wrapper,
)
from evallint.facts import Span
from evallint.interpret import (
    assigning,
    attributes,
    branching,
    calls,
    choosing,
    data,
    forwards,
    gradients,
    modules,
    specials,
    states,
)
from evallint.interpret.events import ModeChange
from evallint.interpret.render import code, render
from evallint.interpret.roles import DATA, keeps_modes, names_forward, names_what_is_there, use_of, words
from evallint.interpret.values import (
    NO_FLOW,
    SYNTHETIC,
    UNKNOWN,
    UNKNOWN_MODE,
    Address,
    Anonymous,
    Arguments,
    Callee,
    Change,
    Flow,
    Grad,
    Mode,
    Origin,
    Ref,
    Role,
    State,
    Thing,
    Value,
    constant,
    in_order,
    joined,
    of,
)
from evallint.link.natures import is_of_python, unseen_bases
from evallint.program import ClassSymbol, External, Nature

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

BUILTINS = frozenset(dir(builtins))
BACKWARD = frozenset(("backward", "manual_backward"))
OBSERVERS = frozenset(
    "builtins logging print wandb torchsummary torchinfo thop ptflops fvcore tensorboardX tensorboard mlflow comet_ml "
    "numpy torch torchvision math random os sys json time pathlib warnings copy itertools functools collections "
    "inspect".split()
)
"""Packages whose functions look at what they are given without changing a module's mode."""


VOLATILE = Role("eval", True, "volatile=True")


# ---- calls --------------------------------------------------------------------------------------


def call(
    machine: Machine, name: str, given: Arguments, expression: f.Call, state: State, klass: ClassSymbol | None = None
) -> Value:
    """Call something outside the program by its qualified name; `klass` the program's class it was reached through."""
    special = specials.SPECIAL.get(name.removeprefix("builtins."))
    if special is not None:
        return special(machine, given, expression, state)
    builders = choosing.of_any_module(machine, name)
    if builders is not None:
        return calls.invoke(machine, builders, given, expression, state)
    about_data = machine.apis.data(name)
    if about_data is not None:
        found = data.call(machine, about_data, name, given, expression, state)
        if found is not None:
            return found
    elif machine.notes is not None:
        data.note_unknown(machine, name, given, state)
    meaning = machine.apis.of(name) or machine.apis.method(*owner_and_name(name))
    match meaning:
        case ModuleClass():
            return new_module(machine, meaning, name, given, expression, state)
        case Factory():
            owner = External(owner_and_name(name)[0]) if klass is None else klass
            return from_factory(machine, meaning, given, expression, state, owner)
        case Wrapper():
            return wrap(machine, meaning, given, expression, state)
        case GradContext():
            return gradients.context(machine, meaning, given, expression, state)
        case Gradient():
            return gradients.differentiate(machine, meaning, given, state)
        case Export():
            return gradients.export(machine, meaning, given, expression, state)
        case FlaggedFunction():
            return Value(flow=kept(given.flow(), state))
        case TensorSource():
            return gradients.tensor_source(meaning, given, state)
        case TensorUse():
            flow = given.flow()
            return Value(flow=flow.detached() if meaning.graph == "detaches" else kept(flow, state))
        case LibraryClass():
            return gradients.library_object(machine, meaning, name, given, expression, state)
        case Runs():
            return gradients.run_given(machine, meaning, given, state)
    package = name.partition(".")[0]
    if package in ("torch", "torchmetrics"):
        return Value(flow=kept(given.flow(), state))
    return unknown(machine, name, given, expression, state)


def owner_and_name(name: str) -> tuple[str, str]:
    owner, _, last = name.rpartition(".")
    return owner, last


def kept(flow: Flow, state: State) -> Flow:
    """What an operation's result depends on: without a graph where none is recorded."""
    return flow if state.grad.on or state.grad.unknown else flow.detached()


def unknown(machine: Machine, name: str, given: Arguments, expression: f.Call, state: State) -> Value:
    """A call out of sight: functions it is given may be called, modules it is given may have any mode after it."""
    _package, _, last = name.rpartition(".")
    observes = name.partition(".")[0] in OBSERVERS or keeps_modes(last)
    callbacks(machine, given, state)
    states.saves_by_name(machine, last, given, expression, state)
    for value in given.all():
        for address in value.refs():
            if not observes and modules.is_model(state.heap[address]) and not has_table(machine, name):
                modules.switch(address, UNKNOWN_MODE, state)
    if is_transparent(last):
        return given.positional[0] if given.positional else UNKNOWN
    return opaque_result(machine, name, given, expression.span, state)


def joined_flow(given: Arguments, state: State) -> Flow:
    """What goes into a call, with the graphs in the lists and dicts that it is given."""
    flow = given.flow()
    things = [state.heap[ref] for value in given.all() for ref in value.refs()]
    for one in (one for thing in things if thing.kind in ("list", "dict") for one in thing.contents()):
        if not (one.flow.graph <= flow.graph and one.flow.cut <= flow.cut):
            flow = flow.join(Flow(one.flow.graph, one.flow.cut, sums=one.flow.sums))
    return flow


def opaque_result(machine: Machine, name: str, given: Arguments, span: Span, state: State) -> Value:
    """The result of a call that was not followed: an object of its own, with what went in."""
    flow = kept(joined_flow(given, state), state)
    if not flow.roles and (words(name.rpartition(".")[2]) & DATA or ".datasets." in name):
        roles = calls.roles_of(name, given)
        if roles:
            flow = Flow(flow.graph, flow.cut, roles, flow.sums, sources=flow.sources)
    last = name.rpartition(".")[2]
    runs = state.grad.on and (names_forward(last) or last.endswith("step") or "loss" in last)
    frame = machine.frames[-1]
    if flow.graph or runs:  # whether its result holds the graph is not known
        number = -1 - machine.context("opaque", frame.context, frame.path, span, name)
        if not flow.graph:
            machine.events.unfed.add(number)
        flow = flow.holding(flow.graph | {number})
        if not runs:
            return Value(flow=flow)
    if (flow.cut or flow.synthetic) and not flow.graph:
        return Value(flow=flow)
    address: Address = ("result", machine.context(frame.context, frame.path, span, name))
    states.forget(machine, address, state)
    value = machine.symbol(address, "", state)
    if state.heap[address].origin is None:
        state.own(address).origin = Origin(name, given, machine.place(span))
    return value.with_flow(flow)


def is_transparent(last: str) -> bool:
    """Progress bars hand on what they are given."""
    return last in ("tqdm", "trange", "track", "progress_bar", "tqdm_notebook", "auto_tqdm", "alive_it", "ProgressBar")


def has_table(machine: Machine, name: str) -> bool:
    return machine.apis.library(name.partition(".")[0]) is not None


def callbacks(machine: Machine, given: Arguments, state: State) -> None:
    """Functions that are handed over may be called: `optimizer.step(closure)`, `mp.spawn(worker, …)`."""
    handed = given.keywords.get("args")
    for value in given.all():
        for atom in in_order(value.atoms):
            if isinstance(atom, Callee) and machine.relevance.matters(atom.symbol):
                passed = Arguments(spread=True)
                if handed is not None:
                    items = [state.heap[address] for address in handed.refs()]
                    if len(items) == 1 and items[0].rest is None:
                        passed = Arguments(tuple(items[0].items.values()), spread=True)
                calls.call_function(machine, atom, passed, machine.frame.span, state)
            elif isinstance(atom, Anonymous) and len(machine.frames) < 12:
                calls.call_lambda(machine, atom, Arguments(), state)


# ---- modules ------------------------------------------------------------------------------------


def table_arguments(given: Arguments) -> tuple[tuple[object, ...], Mapping[str, object]]:
    """Arguments as the tables take them: constants, or the mark for what is none."""

    def plain(value: Value) -> object:
        known = value.constant()
        return known.value if known is not None else NOT_CONSTANT

    if given.spread:
        return (NOT_CONSTANT,) * 12, {name: plain(value) for name, value in given.keywords.items()}
    return tuple(plain(value) for value in given.positional), {
        name: plain(value) for name, value in given.keywords.items()
    }


def argument(given: Arguments, wanted: Argument | None) -> Value | None:
    return given.get(wanted.position, wanted.keyword) if wanted is not None else None


def truth_argument(
    given: Arguments, wanted: Argument | None, default: bool, machine: Machine, state: State
) -> bool | None:
    """A flag among the arguments: its truth, its default, or None where it is not known."""
    value = argument(given, wanted)
    if value is None:
        return None if given.spread else default
    known = value.constant()
    return bool(known.value) if known is not None else None


def new_module(
    machine: Machine, meaning: ModuleClass, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    title = meaning.name.rpartition(".")[2]
    mode = modules.built(machine, title)
    if meaning.starts == "eval":
        mode = Mode(eval=mode.train)
    thing = Thing("module", "", External(meaning.name), machine.place(expression.span), mode=mode)
    thing.marks["module"] = None
    heeds = meaning.dependence.on(*table_arguments(given))
    kind = {True: "yes", False: "no"}.get(heeds, "yes" if meaning.dependence.default == "always" else "unknown")  # type: ignore[arg-type]
    if meaning.dependence.default != "children":
        moves = meaning.statistics if kind != "no" else False
        thing.nature = Nature(kind, f"`{title}`", moves, meaning.arguable)  # type: ignore[arg-type]
    address: Address = ("new", machine.frame.context, machine.number(expression), meaning.name)
    states.built(machine, address, state)
    state.put(address, thing)
    if meaning.container or meaning.children:
        fill(machine, address, given, state)
    return of(Ref(address))


def fill(machine: Machine, address: Address, given: Arguments, state: State) -> None:
    """Give a container the modules it is built with: one by one, or all of a list or dict."""
    thing = state.own(address)
    for value in given.positional:
        for ref in value.refs():
            held = state.heap[ref]
            if held.kind in ("list", "generator") or (held.kind == "dict"):
                for key, item in held.items.items():
                    thing.items[key if isinstance(key, str) else len(thing.items)] = item
                if held.rest is not None:
                    thing.rest = held.rest if thing.rest is None else thing.rest.join(held.rest)
            else:
                thing.items[len(thing.items)] = value
    if given.rest is not None:
        thing.rest = given.rest if thing.rest is None else thing.rest.join(given.rest)
    for value in given.keywords.values():
        if any(modules.is_model(state.heap[ref]) for ref in value.refs()):
            thing.items[len(thing.items)] = value


def from_factory(
    machine: Machine,
    meaning: Factory,
    given: Arguments,
    expression: f.Call,
    state: State,
    klass: ClassSymbol | External | None,
) -> Value:
    title = meaning.name.rpartition(".")[2]
    positional, keywords = table_arguments(given)
    chosen = meaning
    if meaning.chooser is not None:
        text = meaning.chooser.given(positional, keywords)
        found = machine.apis.chosen(meaning, text) if isinstance(text, str) else None
        chosen = found or meaning
    step = machine.step(f"`{title}` returns a model in {meaning.mode} mode")
    change = Change(step, "built" if meaning.mode == "train" else "loaded", machine.calls_so_far(), machine.loops())
    mode = {"train": Mode(train=change), "eval": Mode(eval=change)}.get(meaning.mode, UNKNOWN_MODE)
    known = klass if meaning.returns == "class" else External(meaning.returns) if meaning.returns else None
    thing = Thing("module", "", known, machine.place(expression.span), mode=mode)
    thing.marks["module"] = None
    if (
        "pretrained" in title
        or "checkpoint" in title
        or any(
            name in ("pretrained", "weights") and (value.constant() is None or value.constant().value)  # type: ignore[union-attr]
            for name, value in given.keywords.items()
        )
    ):
        thing.marks["loaded"] = step
    heeds = (
        chosen.dependence.on(positional, keywords)
        if chosen is not meaning
        else meaning.dependence.on(positional, keywords)
    )
    if isinstance(known, ClassSymbol):
        thing.pending = Arguments(spread=True)  # its constructor gets what the file has
    else:
        kind = "unknown" if heeds is None else "yes" if heeds else "no"
        thing.nature = Nature(kind, f"`{title}`", chosen.statistics, chosen.arguable)  # type: ignore[arg-type]
    address: Address = ("new", machine.frame.context, machine.number(expression), meaning.name)
    states.built(machine, address, state)
    value = of(Ref(state.put(address, thing)))
    if meaning.item is None:
        return value
    results = Thing("list", born=thing.born, rest=None)
    results.items = {
        index: value if index == meaning.item else machine.symbol((*address, index), "", state)
        for index in range(meaning.item + 4)
    }
    return of(Ref(state.put((*address, "all"), results)))


def wrap(machine: Machine, meaning: Wrapper, given: Arguments, expression: f.Call, state: State) -> Value:
    if meaning.result == "each":
        wrapped = [
            wrap_one(machine, meaning, value, expression, state, index) for index, value in enumerate(given.positional)
        ]
        if len(wrapped) == 1 and not given.spread:
            return wrapped[0]
        if given.spread and not wrapped:
            return given.rest if given.rest is not None else UNKNOWN
        thing = Thing("list", born=machine.place(expression.span), rest=given.rest)
        thing.items = dict(enumerate(wrapped))
        return of(Ref(state.put(("list", machine.frame.context, machine.number(expression)), thing)))
    value = argument(given, meaning.argument)
    if value is None:
        return UNKNOWN if meaning.name != "torch.compile" else of(External("torch.compile"))
    one = wrap_one(machine, meaning, value, expression, state, 0)
    if meaning.result == "first":
        thing = Thing("list", born=machine.place(expression.span))
        thing.items = {
            0: one,
            **{index: machine.symbol(("part", machine.number(expression), index), "", state) for index in (1, 2, 3)},
        }
        return of(Ref(state.put(("list", machine.frame.context, machine.number(expression)), thing)))
    return one


def wrap_one(machine: Machine, meaning: Wrapper, value: Value, expression: f.Call, state: State, index: int) -> Value:
    """What one wrapped thing becomes; what is no module is handed on."""
    targets = [address for address in value.refs() if state.heap[address].kind in modules.MODELS]
    if meaning.unwraps:
        return joined([of(Ref(modules.inmost(address, state))) for address in targets]) if targets else value
    if not targets or meaning.same:
        return value
    if meaning.result == "each" and not any(modules.is_model(state.heap[address]) for address in targets):
        return value
    if not meaning.shares:
        value = modules.copied(machine, value, state, (machine.number(expression), index))
        targets = list(value.refs())
    found = []
    for target in targets:
        thing = Thing("wrapper", "", External(meaning.name), machine.place(expression.span), inner=target)
        thing.marks["module"] = None
        if not modules.is_model(state.heap[target]):
            state.own(target).marks["module"] = None
        mode = state.heap[target].mode
        if meaning.mode in ("train", "eval"):
            step = machine.step(f"`{meaning.name.rpartition('.')[2]}` sets {meaning.mode} mode")
            change = Change(step, "called", machine.calls_so_far(), machine.loops())
            mode = Mode(train=change) if meaning.mode == "train" else Mode(eval=change)
            modules.switch(target, mode, state)
        elif meaning.mode == "unknown":
            modules.switch(target, UNKNOWN_MODE, state)
        thing.mode = mode
        found.append(
            of(Ref(state.put(("wrap", machine.frame.context, machine.number(expression), index, target), thing)))
        )
    return joined(found).with_flow(value.flow)


# ---- methods ------------------------------------------------------------------------------------


def method(machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State) -> Value:
    """`object.name(…)` where the program defines no such method."""
    thing = state.heap[address]
    if thing.kind == "context":
        return gradients.context_method(address, name, state)
    if thing.kind == "state":
        of_state = states.method(machine, address, name, given, machine.number(expression), state)
        return UNKNOWN if of_state is None else of_state
    if thing.kind == "parts" and "parameters" in thing.marks and name in states.OF_PARAMETERS:
        return of(Ref(address))
    about = about_state(machine, address, name, given, expression, state)
    if about is not None:
        return about
    if thing.kind == "parts" and name in ("copy_", "mul_", "add_", "lerp_", "data"):
        modules.average(machine, address, state)
    container = specials.CONTAINER.get(name)
    if container is not None and thing.kind in ("list", "dict", "module", "generator"):
        found = container(machine, address, given, expression, state)
        if found is not None:
            return found
    if thing.kind in modules.MODELS:
        found = module_method(machine, address, name, given, expression, state)
        if found is not None:
            return found
    for owner in owners(machine, thing):
        about_data = machine.apis.data(f"{owner}.{name}")
        if about_data is not None:
            found = data.call(machine, about_data, f"{owner}.{name}", given, expression, state)
            if found is not None:
                return found
        meaning = machine.apis.method(owner, name)
        if meaning is not None:
            return by_meaning(machine, address, meaning, name, given, expression, state)
    if thing.kind == "instance" and isinstance(thing.klass, ClassSymbol) and may_be_module(machine, thing.klass):
        if isinstance(machine.apis.method("torch.nn.Module", name), ReturnsSelf):
            return of(Ref(address))
        if name in ("eval", "train"):  # a switch, or what a trainer does
            modules.lose(address, state)
    if name == "enter_context" and given.positional:
        for ref in given.positional[0].refs():
            if state.heap[ref].grad is not None:
                state.grad = state.heap[ref].grad or state.grad
        return given.positional[0]
    if isinstance(thing.klass, External) and thing.kind == "instance":
        return unknown(machine, f"{thing.klass.name}.{name}", given, expression, state)
    if thing.kind == "module" and name not in attributes.METHODS:
        return method_out_of_sight(machine, address, name, given, expression, state)
    if "module" in thing.marks and names_forward(name):
        return method_out_of_sight(machine, address, name, given, expression, state)
    value = method_of_unknown(machine, address, name, given, expression, state)
    return perhaps_learnt(machine, name, value, expression, state) if "module" in thing.marks else value


def may_be_module(machine: Machine, klass: ClassSymbol) -> bool:
    """Whether a base of a class is out of sight."""
    for base in machine.program.lineage(klass):
        if isinstance(base, External):
            if not is_of_python(base.name) and machine.apis.of(base.name) is None:
                return True
        elif unseen_bases(machine.program, base):
            return True
    return False


def perhaps_learnt(machine: Machine, name: str, value: Value, expression: f.Call, state: State) -> Value:
    """What a method of a model out of sight gives: it may be a layer that was put there, and that learns from what has
    no graph."""
    if not state.grad.on or not value.flow.cut or value.flow.graph or "loss" in name:
        return value
    frame = machine.frame
    number = -1 - machine.context("opaque", frame.context, frame.path, expression.span, name)
    machine.events.unfed.add(number)
    return value.with_flow(value.flow.holding(frozenset((number,))))


def about_state(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value | None:
    """Methods by which state is taken, given back and changed; None for others, and where more is to be done."""
    thing = state.heap[address]
    if name == "state_dict" and thing.kind in ("module", "wrapper", "symbol", "instance"):
        note_use(machine, address, name, state)
        return states.taken(machine, address, expression, state)
    if name == "load_state_dict" and thing.kind in ("module", "wrapper", "symbol", "instance"):
        note_use(machine, address, name, state)
        states.restored(machine, address, given, expression, state)
        return None if thing.kind in modules.MODELS else UNKNOWN
    if name == "step" and thing.kind in ("instance", "symbol"):
        states.stepped(machine, address, given, expression, state)
    if name in ("get", "pop") and "file" in thing.marks and given.positional:
        key = given.positional[0].text()
        return attributes.child(machine, address, f"[{key!r}]", state) if key is not None else None
    if name in ("buffers", "named_buffers") and thing.kind in modules.MODELS:
        for part in modules.family(address, state):
            state.own(part).marks["buffers"] = None
    if name in states.PICKLED:
        note_use(machine, address, name, state)
    return None


def note_use(machine: Machine, address: Address, name: str, state: State) -> None:
    """What is asked of modules only is asked of something out of sight."""
    thing = state.heap[address]
    if thing.kind != "symbol" or states.role_of(machine, thing) in ("optimizer", "scheduler", "scaler"):
        return
    if "file" in thing.marks:
        states.unpickled(machine, address, name, state)
    if "used as module" not in thing.marks:
        state.own(address).marks["used as module"] = None


def owners(machine: Machine, thing: Thing) -> list[str]:
    """The library classes that an object derives from."""
    if isinstance(thing.klass, External):
        return [thing.klass.name]
    if isinstance(thing.klass, ClassSymbol):
        return list(machine.program.externals(thing.klass))
    return []


def by_meaning(
    machine: Machine, address: Address, meaning: object, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    receiver = of(Ref(address))
    match meaning:
        case Runs():
            if meaning.mode != "keeps" or meaning.grad not in ("keeps", "off") or meaning.trains:
                return gradients.run_given(machine, meaning, given, state)
            if meaning.grad == "off":
                return without_graph(machine, address, name, given, expression, state)
            return forward_like(machine, address, name, given, expression, state)
        case ReturnsSelf():
            return receiver
        case Wrapper():
            return wrap(machine, meaning, given, expression, state)
        case Gradient():
            return gradients.differentiate(machine, meaning, given, state)
        case GradContext():
            return gradients.context(machine, meaning, given, expression, state)
        case Export():
            return gradients.export(machine, meaning, given, expression, state, receiver)
        case Factory():
            klass = state.heap[address].klass
            return from_factory(
                machine, meaning, given, expression, state, klass if isinstance(klass, ClassSymbol) else None
            )
        case ModeSwitch():
            return switch(machine, address, meaning.to, given, meaning.argument, expression, state)
    return Value(flow=kept(given.flow(), state))


def module_method(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value | None:
    """The methods that every module has; None for others."""
    thing = state.heap[address]
    sure = modules.is_model(thing)
    receiver = of(Ref(address))
    if name in ("eval", "train"):
        plain = (not given.positional and not given.keywords) or (name == "train" and is_flag(given))
        if not plain and not (sure and name == "train" and len(given.positional) <= 1):
            return None
        to = "eval" if name == "eval" else "argument"
        return switch(machine, address, to, given, TRAIN_ARGUMENT, expression, state)
    meaning = machine.apis.method("torch.nn.Module", name)
    if isinstance(meaning, ReturnsSelf):
        if name == "requires_grad_":
            value = given.get(0, "requires_grad") or constant(True)
            modules.require(machine, receiver, value, state, code(expression.function))
        if name == "apply":
            callbacks_on_parts(machine, address, given, state)
        note_precision(machine, address, name, given, expression, state)
        return receiver
    if name in OF_MODULE:
        return parts(machine, address, name, expression, state)
    if name == "forward":
        return forwards.forward(machine, address, given, expression, state, name)
    if name == "load_state_dict":
        state.own(address).marks["loaded"] = machine.step("weights are loaded here")
        state.own(address).marks["module"] = None
        return UNKNOWN
    if name == "zero_grad":
        return UNKNOWN
    if name in ("add_module", "register_module") and len(given.positional) == 2:
        key = given.positional[0].constant()
        held = state.own(address)
        if key is not None:
            held.items[key.value] = given.positional[1]
        else:
            held.rest = given.positional[1] if held.rest is None else held.rest.join(given.positional[1])
        return UNKNOWN
    return None


PRECISIONS = {
    "half": "half",
    "float16": "half",
    "bfloat16": "bfloat16",
    "double": "double",
    "float64": "double",
    "float": "",
    "float32": "",
}
"""Methods and types, and the mark that they leave on a module: "" takes it away."""


def note_precision(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> None:
    """Mark a module whose parameters are cast: `model.half()`, `model.to(torch.float16)`."""
    if name in ("to", "type"):
        types = [atom.name for value in given.all() for atom in in_order(value.atoms) if isinstance(atom, External)]
        name = next((one.rpartition(".")[2] for one in types if one.startswith("torch.")), "")
    precision = PRECISIONS.get(name)
    if precision is None:
        return
    marks = state.own(address).marks
    marks.pop("cast", None)
    if precision:
        marks["cast"] = machine.step(f"`{code(expression.function)}` makes it {precision}", expression.span)


TRAIN_ARGUMENT = Argument("mode", 0, True)


def is_flag(given: Arguments) -> bool:
    """Whether a call's arguments are those of `train(mode)`."""
    if set(given.keywords) - {"mode"} or len(given.positional) + len(given.keywords) > 1:
        return False
    return all(not any(True for _ in value.refs()) or len(value.atoms) > 1 for value in given.all())


def switch(
    machine: Machine,
    address: Address,
    to: str,
    given: Arguments,
    wanted: Argument | None,
    expression: f.Call,
    state: State,
) -> Value:
    """`model.eval()`, `model.train()` or `model.train(flag)`."""
    trains: bool | None = to == "train"
    if to == "argument":
        trains = truth_argument(given, wanted, True, machine, state)
        if trains is None and expression.arguments:
            trains = branching.holds(machine, expression.arguments[0].value, state)
    receiver = render(expression.function.value) if isinstance(expression.function, f.Attribute) else ""
    text = f"{receiver}.{'eval' if trains is False else 'train'}()" if receiver else ""
    step = machine.step(f"`{render(expression) if len(receiver) < 40 else text}` is called", expression.span)
    change = Change(step, "called", machine.calls_so_far(), machine.loops())
    before = state.heap[address].mode
    if trains is None:
        known = Mode(train=change, eval=change, unknown=True)
    else:
        known = Mode(train=change) if trains else Mode(eval=change)
    undone = undone_by(machine, address, known, before, state)
    if state.heap[address].kind == "parts":
        modules.switch_parts(address, known, step, state)
        return of(Ref(address))
    modules.switch(address, known, state)
    machine.events.changes.append(
        ModeChange(
            machine.place(expression.span), receiver, address, known, before, machine.callers(), machine.loops(), undone
        )
    )
    return of(Ref(address))


def undone_by(machine: Machine, address: Address, to: Mode, before: Mode, state: State) -> tuple[Change, ...]:
    """The eval() of single parts with batch norm that a train() of the whole undoes."""
    if to.train is None or to.eval is not None or before.train is None:
        return ()
    found = []
    for part in modules.family(address, state):
        thing = state.heap[part]
        if "frozen" in thing.marks:
            continue
        step = thing.marks.get("all eval") or thing.marks.get("partly eval")
        if step is not None and modules.nature(machine, part, state).statistics:
            found.append(Change(step, "called"))
        elif (
            part != address
            and thing.mode.eval is not None
            and thing.mode.eval.kind == "called"
            and not thing.mode.train
        ) and modules.nature(machine, part, state).statistics:
            found.append(thing.mode.eval)
    return tuple(dict.fromkeys(found))


def parts(machine: Machine, address: Address, name: str, expression: f.Call, state: State) -> Value:
    """The parameters or submodules of a module, as one object that stands for each of them."""
    thing = state.heap[address]
    if thing.kind == "wrapper" and thing.inner is not None:
        return parts(machine, thing.inner, name, expression, state)
    if "parameters" not in name and name != "buffers" and thing.items and thing.kind == "module" and thing.rest is None:
        return known_parts(machine, address, name, state)
    element = Thing("parts", f"{thing.label}.{name}()", born=thing.born, mode=thing.mode, inner=address)
    element.marks = {mark: step for mark, step in thing.marks.items() if mark in ("loaded", "frozen")}
    if "parameters" in name:
        element.marks["parameters"] = None
    ref = of(Ref(state.put((*address, name, "each"), element)))
    if name.startswith("named"):
        pair = Thing("list")
        pair.items = {0: UNKNOWN, 1: ref}
        ref = of(Ref(state.put((*address, name, "pair"), pair)))
    held = Thing("list", rest=ref)
    if name not in ("parameters", "named_parameters", "buffers"):
        own = state.own(address)
        own.attributes.setdefault(f"<{name}>", of(Ref((*address, name, "each"))))
    return of(Ref(state.put((*address, name), held)))


def known_parts(machine: Machine, address: Address, name: str, state: State) -> Value:
    """The submodules of a container, each known."""
    if "children" in name:
        found = [(str(key), value) for key, value in state.heap[address].items.items()]
    else:
        found = [("", of(Ref(part))) for part in modules.family(address, state)]
    held = Thing("list")
    for index, (key, value) in enumerate(found):
        if name.startswith("named"):
            pair = Thing("list")
            pair.items = {0: constant(key), 1: value}
            value = of(Ref(state.put((*address, name, index), pair)))
        held.items[index] = value
    return of(Ref(state.put((*address, name), held)))


def callbacks_on_parts(machine: Machine, address: Address, given: Arguments, state: State) -> None:
    """`model.apply(function)`: for each submodule that is known, else once for a submodule in general."""
    thing = state.heap[address]
    if thing.kind == "module" and thing.items and thing.rest is None:
        refs = [of(Ref(part)) for part in modules.family(address, state)]
    else:
        element = Thing("parts", "", mode=thing.mode, inner=address)
        refs = [of(Ref(state.put((*address, "apply", "each"), element)))]
    for atom in (atom for value in given.positional for atom in in_order(value.atoms)):
        for ref in refs:
            if isinstance(atom, Callee) and machine.relevance.matters(atom.symbol):
                calls.call_function(machine, atom, Arguments((ref,)), machine.frame.span, state)
            elif isinstance(atom, Anonymous):
                calls.call_lambda(machine, atom, Arguments((ref,)), state)


def method_out_of_sight(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A method of a model whose code is not to be seen; what its class lacks, it is not asked for.

    One that is there for evaluation, by its name, may see to mode and gradients itself.
    """
    if attributes.lacks(machine, address, name, state):
        return UNKNOWN
    if not name[0].isupper():  # a class that the model keeps to make tensors with
        note_unseen_part(machine, state)
    if use_of(name) != "eval":
        value = forward_like(machine, address, name, given, expression, state)
        return value if names_forward(name) else perhaps_learnt(machine, name, value, expression, state)
    if state.heap[address].mode.train is not None:
        modules.switch(address, UNKNOWN_MODE, state)
    return opaque_result(machine, name, given, expression.span, state)


def note_unseen_part(machine: Machine, state: State) -> None:
    """A part of which nothing is known is called: of the model's run that this belongs to."""
    part_of = machine.frames[-1].part_of
    if part_of is not None:
        machine.events.forwards[part_of].unseen |= {state.grad.on or state.grad.unknown}


def forward_like(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A method by which a model is run: `model.encode(x)`."""
    if names_forward(name) and (given.spread or any(True for _ in given.all()) or not names_what_is_there(name)):
        return forwards.forward(machine, address, given, expression, state, name)
    return Value(flow=kept(given.flow(), state))


def without_graph(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A method that runs the model in the mode it has, and turns gradients off for itself: `model.generate(x)`."""
    before = state.grad
    if before.on or before.unknown:
        state.grad = Grad(on=False)
    value = forward_like(machine, address, name, given, expression, state)
    state.grad = before
    return Value(value.atoms, value.flow.detached())


def method_of_unknown(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A method of something out of sight."""
    thing = state.heap[address]
    if thing.kind in ("dict", "list") and name == "get":
        return state.heap[address].elements()
    if names_forward(name) and machine.text(expression.function).startswith("self."):
        note_unseen_part(machine, state)
    if is_reader(name) and thing.kind in ("symbol", "instance", "dict", "list"):
        return unknown_quietly(machine, address, name, given, expression, state)
    return unknown(machine, f"{thing.label}.{name}", given, expression, state)


def is_reader(name: str) -> bool:
    return name.startswith(
        ("log", "print", "write", "update", "info", "debug", "append", "add_", "format", "save", "watch")
    )


def unknown_quietly(
    machine: Machine, address: Address, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A call that keeps what it is given without touching it."""
    flow = given.flow()
    if flow.graph and name == "append" and isinstance(expression.function, f.Attribute):
        assigning.accumulate(machine, render(expression.function.value), flow, "appended to")
    return opaque_result(machine, name, given, expression.span, state)


def filled(machine: Machine, expression: f.Call, given: Arguments, state: State) -> None:
    """`batch.data.resize_(size).copy_(images)`: what was made up holds data."""
    target: f.Expr = expression
    while isinstance(target, f.Call) and isinstance(target.function, f.Attribute):
        target = target.function.value
        if isinstance(target, f.Attribute) and target.name == "data":
            target = target.value
    if isinstance(target, f.Name | f.Attribute):
        held = machine.value(target, state)
        if held.flow.synthetic and not held.atoms:
            assigning.bind(machine, target, Value(flow=held.flow.join(joined_flow(given, state))), state)


def tensor_method(
    machine: Machine, base: Value, name: str, given: Arguments, expression: f.Call, state: State
) -> Value:
    """A method of a value of which only its flow is known: mostly a tensor."""
    if machine.notes is not None:
        data.note_method(machine, base, name, given, state)
        if name in data.MEASURES:
            return Value(flow=data.measured(base.flow))
    if name == "to" and any(value.text() == "meta" for value in given.all()):
        return Value(flow=SYNTHETIC)  # a shape is left of the data
    if name in ("parameters", "named_parameters") and not base.flow.graph:
        return parts_of_unknown(machine, name, expression, state)
    if name in ("requires_grad_", "retain_grad"):
        frame = machine.frame
        machine.events.differentiating.add((frame.path, frame.caller.function))
    callbacks(machine, given, state)
    if name == "update" and base.flow.graph and isinstance(expression.function, f.Attribute):  # a dict of tensors
        assigning.bind(machine, expression.function.value, base.with_flow(joined_flow(given, state)), state)
    if name == "copy_":
        filled(machine, expression, given, state)
    moved = name.startswith("to") or name == "cuda"
    flow = base.flow if moved or not given.positional else Arguments((base, *given.all())).flow()
    meaning = machine.apis.method("torch.Tensor", name)
    if isinstance(meaning, TensorSource):
        return gradients.tensor_source(meaning, given, state)
    if detaches(machine, name):
        return Value(flow=flow.detached())
    if flow is NO_FLOW:
        frame = machine.frames[-1]
        address: Address = ("result", machine.context(frame.context, frame.path, expression.span, name))
        return machine.symbol(address, "", state)
    return Value(flow=kept(flow, state))


def parts_of_unknown(machine: Machine, name: str, expression: f.Call, state: State) -> Value:
    """The parameters of a module of which nothing else is known."""
    address: Address = ("parameters", machine.frame.context, machine.number(expression))
    ref = of(Ref(state.put(address, Thing("parts", f"{name}()", marks={"parameters": None}))))
    if name.startswith("named"):
        pair = Thing("list")
        pair.items = {0: UNKNOWN, 1: ref}
        ref = of(Ref(state.put((*address, "pair"), pair)))
    return of(Ref(state.put((*address, "all"), Thing("list", rest=ref))))


OF_MODULE = frozenset("parameters named_parameters modules named_modules children named_children buffers".split())
"""What gives the parts of a module, which belong to no graph, whatever made the module."""


def detaches(machine: Machine, name: str) -> bool:
    meaning = machine.apis.method("torch.Tensor", name)
    return isinstance(meaning, TensorSource) or (
        isinstance(meaning, TensorUse) and meaning.graph in ("detaches", "raises")
    )
