"""What the attributes of objects, classes and files are, and what comes of setting them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import ReturnsSelf, TensorSource, TensorUse
from evallint.facts import Expr
from evallint.interpret import calls, data, enumerations, modules, naming, states
from evallint.interpret.roles import words
from evallint.interpret.values import (
    NO_FLOW,
    UNKNOWN,
    UNKNOWN_MODE,
    Address,
    Arguments,
    Callee,
    Change,
    Known,
    Method,
    Mode,
    Ref,
    State,
    Super,
    Thing,
    Value,
    constant,
    in_order,
    joined,
    of,
)
from evallint.link.natures import constants, outside
from evallint.link.settled import bound
from evallint.program import (
    ClassSymbol,
    External,
    FunctionSymbol,
    ModuleSymbol,
    Nature,
    Symbol,
)

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

STATISTICS = frozenset("running_mean running_var".split())
"""What batch norm has learnt of its data."""


OF_CLASS = frozenset("__class__ __name__ __qualname__ __module__ __doc__".split())
"""What an object has by its class, and is no part of it."""


def read(machine: Machine, base: Value, name: str, state: State, expression: Expr) -> Value:
    """`base.name`."""
    found: list[Value] = []
    for atom in in_order(base.atoms):
        match atom:
            case Ref(address):
                found.append(of_thing(machine, address, name, state))
            case External(owner):
                found.append(of(External(f"{owner}.{name}")))
            case ModuleSymbol() if name == "__dict__":
                found.append(of(atom))
            case ModuleSymbol(path):
                symbol = machine.program.member(atom, name)
                found.append(naming.symbol_value(machine, symbol, state) if symbol is not None else UNKNOWN)
                if symbol is None and ("module", path) in state.heap:
                    found[-1] = state.heap["module", path].attributes.get(name, UNKNOWN)
            case ClassSymbol():
                found.append(of_class(machine, atom, name, state))
            case Super(bound, after):
                klass = state.heap[bound].klass
                method = machine.program.method(klass, name, after) if isinstance(klass, ClassSymbol) else None
                found.append(of(Callee(method, bound)) if method is not None else of(Method(bound, name)))
            case Callee() if name == "__wrapped__":
                found.append(of(atom))
            case Known(None) if len(base.atoms) > 1:
                pass  # `None` has none, and the program goes on with what has
            case Known():
                found.append(enumerations.of_member(machine, atom, name, state))
    value = joined(found) if found else UNKNOWN
    if base.flow is NO_FLOW:
        return value
    if machine.notes is not None and name in data.MEASURES:
        return Value(value.atoms, data.measured(base.flow))
    if name == "grad_fn":  # whoever walks a graph wants it
        note_differentiated(machine, base)
    use = machine.apis.method("torch.Tensor", name)
    if is_plain(name):
        return Value(value.atoms, base.flow.measured())
    if isinstance(use, TensorSource) or (isinstance(use, TensorUse) and use.graph == "detaches"):
        return Value(value.atoms, base.flow.detached())
    flow = base.flow
    if value.flow.sources:  # a loader that an object holds beside others
        flow = replace(flow, sources=frozenset())
    if value.flow.roles:
        flow = replace(flow, roles=frozenset())
    return value.with_flow(flow)


def note_differentiated(machine: Machine, base: Value) -> None:
    for number in base.flow.graph:
        for event in machine.events.behind(number):
            event.differentiated = True


def is_plain(name: str) -> bool:
    """Whether an attribute of a tensor, or of a batch that holds some, is a number or the like that has no graph."""
    return name in ("shape", "device", "dtype") or bool(words(name) & COUNTING)


COUNTING = frozenset("size ndim num count counts length".split())
"""Words of attributes that count: `ndim`, `batch_size`, `num_nodes`."""


def of_thing(machine: Machine, address: Address, name: str, state: State) -> Value:
    """An attribute of an object."""
    thing = state.heap[address]
    if name in thing.attributes:
        return thing.attributes[name]
    if name in OF_CLASS:
        return of(thing.klass) if name == "__class__" and isinstance(thing.klass, ClassSymbol | External) else UNKNOWN
    if thing.kind == "module" and name in thing.items:
        return thing.items[name]
    if thing.pending is not None and thing.kind == "module":
        part = unbuilt(machine, address, name, state)
        if part is not None:
            return part
    if thing.kind == "wrapper" and thing.inner is not None:
        return of(Ref(thing.inner)) if name in ("module", "_orig_mod") else of_thing(machine, thing.inner, name, state)
    if isinstance(thing.klass, ClassSymbol):
        method = machine.program.method(thing.klass, name)
        if method is not None:
            if is_property(machine, method):
                return calls.call_function(machine, Callee(method, address), Arguments(), machine.frame.span, state)
            return of(Callee(method, address))
        held = class_variable(machine, thing.klass, name, state)
        if held is not None:
            return held
    if name == "training" and thing.kind in ("module", "symbol"):
        return training(thing.mode)
    if name == "module" and thing.kind in ("module", "symbol") and "module" in thing.marks:
        return of(Ref(address))  # `model.module` of what may be wrapped elsewhere
    if thing.kind in ("list", "dict", "context", "frame", "partial", "generator"):
        return of(Method(address, name))
    if thing.kind == "module" and name in METHODS:
        return of(Method(address, name))
    return child(machine, address, name, state)


def unbuilt(machine: Machine, address: Address, name: str, state: State) -> Value | None:
    """A part of a module whose constructor was not run: of the class that the constructor would give it.

    Running the constructors of large models costs more than all else, and tells nothing more: their parts are new, and
    take the mode of their owner.
    """
    thing = state.heap[address]
    if not isinstance(thing.klass, ClassSymbol):
        return None
    found = machine.parts_of(thing.klass).get(name)
    if found is None:
        return None
    path, call = found
    if not isinstance(call, f.Call):  # a plain list or dict: what it holds does not follow its owner
        calls.initialise(machine, address, state)
        return state.heap[address].attributes.get(name)
    call = construction(machine, call)
    resolved = machine.program.resolve(path, call.function)
    part = Thing("symbol", f"{thing.label}.{name}", born=thing.born, mode=thing.mode)
    part.marks = {mark: step for mark, step in thing.marks.items() if mark in ("frozen", "loaded")}
    if machine.program.is_module(resolved):
        part.kind, part.klass = "module", resolved
        part.marks["module"] = None
        if isinstance(resolved, External):
            part.nature = outside(machine.program, resolved.name, *constants(call))
        else:
            part.pending = Arguments(spread=True)
            part.nature = nature_of(machine, resolved, call)
    elif isinstance(resolved, External | FunctionSymbol):
        part.nature = machine.program.nature(resolved)
    elif isinstance(resolved, ClassSymbol):
        part.klass = resolved  # no module: `eval()` does not reach it
    value = of(Ref(state.put((*address, ".", name), part)))
    state.own(address).attributes[name] = value
    return value


def nature_of(machine: Machine, klass: Symbol | None, call: f.Call) -> Nature | None:
    """The nature of what a call constructs, None where it is not known for sure."""
    if any(argument.stars for argument in call.arguments):
        return None
    found = machine.program.nature(klass, bound(machine.program, klass, *constants(call)))
    return None if found.heeds == "unknown" or found.statistics is None else found


def construction(machine: Machine, call: f.Call) -> f.Call:
    """The construction in `Encoder(8).to(device)`, which gives the module itself."""
    while isinstance(call.function, f.Attribute) and isinstance(call.function.value, f.Call):
        if not isinstance(machine.apis.method("torch.nn.Module", call.function.name), ReturnsSelf):
            break
        call = call.function.value
    return call


METHODS = frozenset(
    "eval train to cuda cpu half float double bfloat16 parameters named_parameters modules named_modules "
    "children named_children "
    "buffers named_buffers state_dict load_state_dict apply requires_grad_ zero_grad add_module register_buffer "
    "forward "
    "append extend insert items keys values".split()
)


def training(mode: Mode) -> Value:
    if mode.unknown or (mode.train and mode.eval):
        return UNKNOWN
    return constant(mode.train is not None)


def lacks(machine: Machine, address: Address, name: str, state: State) -> bool:
    """Whether an object can't have an attribute: all of its class is in sight, and nothing there mentions it."""
    klass = state.heap[address].klass
    if not isinstance(klass, ClassSymbol):
        return False
    own = [base for base in machine.program.lineage(klass) if isinstance(base, ClassSymbol)]
    if any(base is None for one in own for base in machine.program.bases(one)):
        return False
    if not PLAIN_BASES.issuperset(machine.program.externals(klass)):
        return False
    names = frozenset((name, "__getattr__"))
    return not any(
        machine.program.function(method).name in names or machine.relevance.mentions(method, names)
        for one in own
        for method in machine.program.methods(one)
    )


PLAIN_BASES = frozenset(("torch.nn.Module", "builtins.object", "object", "abc.ABC"))


def is_property(machine: Machine, method: FunctionSymbol) -> bool:
    return any(
        isinstance(decorator, f.Name | f.Attribute)
        and (decorator.id if isinstance(decorator, f.Name) else decorator.name).endswith("property")
        for decorator in machine.program.function(method).decorators
    )


def class_variable(machine: Machine, klass: ClassSymbol, name: str, state: State) -> Value | None:
    """A variable of a class's own body, evaluated in its file."""
    found = machine.class_variables(klass).get(name)
    if found is None:
        return None
    path, statement = found
    assert statement.value is not None
    address = naming.module_frame(machine, path, state)
    with machine.running(None, path, address, machine.place(), statement.span):
        return machine.value(statement.value, state)


def of_class(machine: Machine, klass: ClassSymbol, name: str, state: State) -> Value:
    method = machine.program.method(klass, name)
    if method is not None:
        return of(Callee(method))
    held = class_variable(machine, klass, name, state)
    if held is not None:
        return enumerations.member(machine, klass, name, held)
    for base in machine.program.externals(klass):
        if machine.apis.of(f"{base}.{name}") is not None:
            return of(External(f"{base}.{name}"))
    return UNKNOWN


def child(machine: Machine, address: Address, name: str, state: State) -> Value:
    """A part of an object that nobody in sight has set: one object for each name, in its owner's mode."""
    thing = state.heap[address]
    if thing.kind == "wrapper" and thing.inner is not None:
        return child(machine, thing.inner, name, state)
    found = thing.attributes.get(name)
    if found is not None:
        return found
    if len(address) > 12:
        return UNKNOWN
    label = f"{thing.label}{name}" if name.startswith("[") else f"{thing.label}.{name}"
    follows = thing.kind in ("module", "parts") or "module" in thing.marks
    part = Thing(
        "parts" if thing.kind == "parts" else "symbol",
        label,
        born=thing.born,
        mode=thing.mode if follows else UNKNOWN_MODE,
        inner=thing.inner if thing.kind == "parts" else None,
        marks={mark: step for mark, step in thing.marks.items() if mark in ("frozen", "parameters", "loaded", "file")},
    )
    value = of(Ref(state.put((*address, ".", name), part)))
    state.own(address).attributes[name] = value
    return value


def write(machine: Machine, base: Value, name: str, value: Value, state: State, text: str) -> None:
    """`base.name = value`."""
    if name == "requires_grad":
        modules.require(machine, base, value, state, text)
        return
    targets = list(base.refs())
    if state.assumed:
        state.assumed = {
            key: truth for key, truth in state.assumed.items() if key[0] not in targets or key[1].split(" ")[0] != name
        }
    for address in targets:
        thing = state.own(address)
        if name in ("data", "momentum", "track_running_stats") and thing.kind == "parts":
            modules.average(machine, address, state)
        if name in STATISTICS and thing.kind == "parts":
            modules.take_buffers(address, state)
        if name == "training" and thing.kind == "parts":
            modules.switch_parts(address, flag_mode(machine, value), machine.step("`training` is set here"), state)
        elif name == "training" and thing.kind in modules.MODELS:
            thing.mode = flag_mode(machine, value)
        elif thing.kind == "wrapper" and thing.inner is not None and name in ("module",):
            continue
        elif len(targets) == 1:
            states.replaced(machine, address, name, value, state)
            state.own(address).attributes[name] = value
        else:
            before = thing.attributes.get(name)
            thing.attributes[name] = value if before is None else before.join(value)
        for ref in value.refs():
            if not state.heap[ref].label:
                state.own(ref).label = f"{text}.{name}"
        data.named(machine, value, name)


def flag_mode(machine: Machine, value: Value) -> Mode:
    """The mode that `module.training = value` gives the module itself."""
    known = value.constant()
    if known is None:
        return UNKNOWN_MODE
    change = Change(machine.step("`training` is set here"), "called", machine.calls_so_far(), machine.loops())
    return Mode(train=change) if known.value else Mode(eval=change)
