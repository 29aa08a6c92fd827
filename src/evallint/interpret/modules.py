"""What happens to objects: attributes, the mode of a module and all it holds, freezing, copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import FlaggedFunction, LibraryClass, ModuleClass, ReturnsSelf, TensorSource, TensorUse
from evallint.facts import Expr
from evallint.findings import Step
from evallint.interpret import enumerations, naming
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
from evallint.link.natures import constants, is_settled, outside, walk
from evallint.link.settled import bound
from evallint.program import (
    MODULE,
    NOTHING,
    UNKNOWN_NATURE,
    ClassSymbol,
    External,
    FunctionSymbol,
    Given,
    ModuleSymbol,
    Nature,
    Program,
    Symbol,
)

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

MODELS = frozenset(("module", "wrapper", "symbol", "parts"))

SUMMARIES = ("all eval", "all train", "partly eval")
"""The marks that tell the modes of a module's parts, which its own `eval()` and `train()` settle anew."""

STATISTICS = frozenset("running_mean running_var".split())
"""What batch norm has learnt of its data."""


# ---- attributes ---------------------------------------------------------------------------------


OF_CLASS = frozenset("__class__ __name__ __qualname__ __module__ __doc__".split())
"""What an object has by its class, and is no part of it."""


def attribute(machine: Machine, base: Value, name: str, state: State, expression: Expr) -> Value:
    """`base.name`."""
    from evallint.interpret import data

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
    if value.flow.sources:  # a loader that an object holds beside others
        return value.with_flow(replace(base.flow, sources=frozenset()))
    return value.with_flow(base.flow)


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
    from evallint.interpret import calls

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
    from evallint.interpret import calls

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


def set_attribute(machine: Machine, base: Value, name: str, value: Value, state: State, text: str) -> None:
    """`base.name = value`."""
    from evallint.interpret import data, states

    if name == "requires_grad":
        require(machine, base, value, state, text)
        return
    targets = list(base.refs())
    if state.assumed:
        state.assumed = {
            key: truth for key, truth in state.assumed.items() if key[0] not in targets or key[1].split(" ")[0] != name
        }
    for address in targets:
        thing = state.own(address)
        if name in ("data", "momentum", "track_running_stats") and thing.kind == "parts":
            average(machine, address, state)
        if name in STATISTICS and thing.kind == "parts":
            take_buffers(address, state)
        if name == "training" and thing.kind in MODELS:
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


# ---- modes --------------------------------------------------------------------------------------


def switch(address: Address, mode: Mode, state: State) -> None:
    """Set the mode of a module and of all its submodules, as `train()` and `eval()` do."""
    for found in family(address, state):
        set_mode(found, mode, state)


def set_mode(address: Address, mode: Mode, state: State) -> None:
    thing = state.heap[address]
    if thing.mode is mode and "module" in thing.marks and not any(mark in thing.marks for mark in SUMMARIES):
        return
    thing = state.own(address)
    thing.mode = mode
    thing.marks["module"] = None
    for mark in SUMMARIES:
        thing.marks.pop(mark, None)


def lose(address: Address, state: State) -> None:
    """The mode of an object, and of everything that it holds, becomes unknown."""
    switch(address, UNKNOWN_MODE, state)
    for here in reached(address, state, held):
        thing = state.heap[here]
        if thing.kind in MODELS and thing.mode is not UNKNOWN_MODE:
            state.own(here).mode = UNKNOWN_MODE


def family(address: Address, state: State) -> list[Address]:
    """A module and its submodules: not what is held in plain lists and dicts, which PyTorch does not see."""
    heap = state.heap
    return [here for here in reached(address, state, submodules) if heap[here].kind in MODELS]


def reached(address: Address, state: State, next_of: Callable[[Thing], list[Address]]) -> list[Address]:
    """An object and all that it leads to, each once."""
    heap = state.heap
    seen: dict[Address, None] = {}
    todo = [address]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen[here] = None
            todo += next_of(heap[here])
    return list(seen)


def submodules(thing: Thing) -> list[Address]:
    """What a module holds, and what a wrapper wraps; nothing of what is no module."""
    if thing.kind not in MODELS:
        return []
    found = thing.children()
    return [thing.inner, *found] if thing.inner is not None and thing.kind == "wrapper" else found


def effective(machine: Machine, address: Address, state: State) -> Mode:
    """The mode in which a call of a module computes: that of the parts which heed it."""
    return _effective(machine, address, state, frozenset())


def _effective(machine: Machine, address: Address, state: State, seen: frozenset[Address]) -> Mode:
    thing = state.heap[address]
    if thing.kind == "wrapper" and thing.inner is not None:
        return _effective(machine, thing.inner, state, seen)
    for mark in ("all eval", "all train"):
        step = thing.marks.get(mark)
        if step is not None:
            change = Change(step, "called")
            return Mode(eval=change) if mark == "all eval" else Mode(train=change)
    partly = "partly eval" in thing.marks and thing.mode.train is not None and thing.mode.eval is None
    if partly and nature(machine, address, state).statistics is not False:  # perhaps it is its batch norm that matters
        return thing.mode.join(UNKNOWN_MODE)
    fresh = thing.mode.train is not None and thing.mode.train.kind == "built" and thing.mode.eval is None
    if (
        thing.kind != "module"
        or address in seen
        or thing.pending is not None
        or not (is_container(machine, thing) or fresh)
    ):
        return thing.mode
    parts = [part for part in thing.children() if is_part(state.heap[part])]
    modes = [
        _effective(machine, part, state, seen | {address})
        for part in parts
        if nature(machine, part, state).heeds != "no"
    ]
    if not modes or (not is_container(machine, thing) and heeds_itself(machine, thing)):
        return thing.mode
    found = modes[0]
    for mode in modes[1:]:
        found = found.join(mode)
    if not is_container(machine, thing) and found.train is not None:
        return thing.mode
    return found


def is_part(thing: Thing) -> bool:
    """Whether an attribute is a module: known as one, or switched like one."""
    return thing.kind in ("module", "wrapper", "parts") or (thing.kind == "symbol" and thing.mode.eval is not None)


def held(thing: Thing) -> list[Address]:
    """What an object holds, what it wraps included."""
    found = thing.children()
    if thing.kind == "wrapper" and thing.inner is not None:
        found.append(thing.inner)
    return found


def is_container(machine: Machine, thing: Thing) -> bool:
    if not isinstance(thing.klass, External):
        return False
    meaning = machine.apis.of(thing.klass.name)
    return isinstance(meaning, ModuleClass) and meaning.container


def heeds_itself(machine: Machine, thing: Thing) -> bool:
    """Whether a class reads `self.training`, or drops out by function, itself."""
    if not isinstance(thing.klass, ClassSymbol):
        return True
    program = machine.program
    methods = list(program.methods(thing.klass))
    if any("training" in program.function(method).mentions for method in methods):
        return True
    return any("dropout" in program.function(method).mentions and program.once(drops_out, method) for method in methods)


def drops_out(program: Program, method: FunctionSymbol) -> bool:
    """Whether a method's own code drops out by a function that does not say itself whether it does."""
    for call in walk(program.body(method)):
        resolved = program.resolve(method.path, call.function) if isinstance(call, f.Call) else None
        if isinstance(call, f.Call) and isinstance(resolved, External):
            meaning = program.apis.of(resolved.name)
            if isinstance(meaning, FlaggedFunction) and not is_settled(meaning, *constants(call)):
                return True
    return False


def nature(machine: Machine, address: Address, state: State) -> Nature:
    """Whether a module heeds its mode."""
    return _nature(machine, address, state, {})


def clearest(*natures: Nature) -> Nature:
    """That of several modules by which it is clearest that the mode matters: each of them may be the one that runs."""
    heeding = (one for one in natures if one.heeds == "yes")
    best = min(heeding, key=lambda one: (one.arguable, one.by_own_code), default=None)
    unknown = next((one for one in natures if one.heeds == "unknown"), None)
    return replace(best or unknown or natures[0], statistics=any(one.statistics for one in natures))


def _nature(machine: Machine, address: Address, state: State, known: dict[Address, Nature]) -> Nature:
    """As `nature`; `known` are those of this moment: in a dense net each part is held by all that follow it."""
    if address not in known:
        known[address] = UNKNOWN_NATURE  # a module that holds itself tells nothing more of itself
        known[address] = _judged(machine, address, state, known)
    return known[address]


def _judged(machine: Machine, address: Address, state: State, known: dict[Address, Nature]) -> Nature:
    thing = state.heap[address]
    if thing.kind == "wrapper" and thing.inner is not None:
        return _nature(machine, thing.inner, state, known)
    if thing.kind == "parts" and thing.inner is not None and thing.inner in state.heap:
        return _nature(machine, thing.inner, state, known)
    if is_container(machine, thing):
        parts = [_nature(machine, part, state, known) for part in thing.children() if part != address]
        if not parts:
            return UNKNOWN_NATURE
        return clearest(*parts)
    if thing.nature is not None:
        return thing.nature
    if thing.klass is None:
        return UNKNOWN_NATURE
    arguments = arguments_of(machine, thing)
    given = handed(arguments, state)
    named = frozenset((name, MODULE) for name in (*given, *objects(arguments, state)))
    known_values = frozenset(pair for pair in built_with(machine, thing) if (pair[0], MODULE) not in named)
    found = of_class_given(machine, thing.klass, known_values | named, defaults_of(machine, thing))
    if handed_in := [one for ones in given.values() for one in ones] + list(listed(arguments, state)):
        found = with_parts(found, [_nature(machine, one, state, known) for one in handed_in])
    if found.heeds != "unknown" and found.statistics is not None:
        return found
    held = [_nature(machine, part, state, known) for part in thing.children() if state.heap[part].kind == "module"]
    if found.heeds == "unknown":  # perhaps what was handed in tells
        found = next((part for part in held if part.heeds == "yes"), found)
    if found.statistics is None and any(part.statistics for part in held):
        return replace(found, statistics=True)
    return found


def of_class_given(machine: Machine, klass: Symbol, given: Given, assumed: Given) -> Nature:
    """The nature of an instance that was built with these values, and with others that are out of sight: what only
    such as differ from the defaults would bring with them is not known to be there."""
    found = machine.program.nature(klass, given)
    if not assumed or not (found.heeds == "yes" or found.statistics):
        return found
    by_default = machine.program.nature(klass, given | assumed)
    sure = found.heeds != "yes" or by_default.heeds == "yes"
    moves = None if found.statistics and by_default.statistics is False else found.statistics
    return replace(by_default, statistics=moves) if sure else replace(UNKNOWN_NATURE, statistics=moves)


def with_parts(own: Nature, parts: list[Nature]) -> Nature:
    """The nature of a module together with that of the modules it was given."""
    heeding = min((own, *parts), key=lambda one: (HEEDS.index(one.heeds), one is not own))
    moves = True if any(one.statistics for one in parts) else own.statistics
    return replace(heeding, statistics=moves)


HEEDS = ("yes", "unknown", "no")


def arguments_of(machine: Machine, thing: Thing) -> dict[str, Value]:
    """What an object's constructor was given, by its parameters."""
    given = thing.origin.given if thing.origin is not None else None
    init = machine.program.method(thing.klass, "__init__") if isinstance(thing.klass, ClassSymbol) else None
    if given is None or init is None:
        return {}
    names = [one.name for one in machine.program.function(init).parameters[1:] if one.kind in ("", "/")]
    return dict(zip(names, given.positional, strict=False)) | dict(given.keywords)


def handed(arguments: dict[str, Value], state: State) -> dict[str, tuple[Address, ...]]:
    """The modules among the arguments of a constructor, and nothing else in their place."""
    return {
        name: tuple(value.refs())
        for name, value in arguments.items()
        if value.atoms and all(isinstance(one, Ref) and is_module(state.heap[one.address]) for one in value.atoms)
    }


def listed(arguments: dict[str, Value], state: State) -> Iterator[Address]:
    """The modules in lists and dicts among the arguments of a constructor."""
    for value in arguments.values():
        for address in value.refs():
            thing = state.heap[address]
            if thing.kind in ("list", "dict"):
                yield from (one for one in thing.children() if is_module(state.heap[one]))


def objects(arguments: dict[str, Value], state: State) -> list[str]:
    """The parameters that a constructor was given objects for of which it is known that they are no modules."""
    return [
        name
        for name, value in arguments.items()
        if value.atoms
        and all(isinstance(one, Ref) and state.heap[one.address].kind == "instance" for one in value.atoms)
    ]


def is_module(thing: Thing) -> bool:
    return thing.kind in ("module", "wrapper")


def built_with(machine: Machine, thing: Thing) -> Given:
    """The parameters of the constructor whose values are known for this object."""
    given = thing.origin.given if thing.origin is not None else None
    if given is None or given.spread or given.rest is not None or not isinstance(thing.klass, ClassSymbol):
        return NOTHING
    from evallint.interpret import library

    positional, keywords = library.table_arguments(given)
    return bound(machine.program, thing.klass, positional, keywords)


def defaults_of(machine: Machine, thing: Thing) -> Given:
    """The defaults of the parameters that may have been among what a constructor was given out of sight: `**config`."""
    given = thing.origin.given if thing.origin is not None else None
    if given is None or not (given.spread or given.rest is not None) or not isinstance(thing.klass, ClassSymbol):
        return NOTHING
    return bound(machine.program, thing.klass, given.positional, given.keywords)


def is_model(thing: Thing) -> bool:
    """Whether an object is known to be a module."""
    return thing.kind in ("module", "wrapper") or "module" in thing.marks


def built(machine: Machine, what: str) -> Mode:
    """The mode of a module that was just constructed."""
    step = machine.step(f"`{what}` is built: a new module is in training mode")
    return Mode(train=Change(step, "built", machine.calls_so_far(), machine.loops()))


# ---- freezing and copying -----------------------------------------------------------------------


def require(machine: Machine, base: Value, value: Value, state: State, text: str) -> None:
    """`base.requires_grad = value`: of parameters, or of data whose gradient is wanted."""
    known = value.constant()
    addresses = [address for address in base.refs() if is_learned(address, state)]
    if not addresses:
        if known is None or known.value:
            frame = machine.frame
            machine.events.differentiating.add((frame.path, frame.caller.function))
        return
    for address in addresses:
        thing = state.heap[address]
        target = thing.inner if thing.kind == "parts" and thing.inner is not None else address
        freeze(machine, target, known, state)


def is_learned(address: Address, state: State) -> bool:
    """Whether an object is no data, but a module, its parameters, or a part of it that nobody in sight has set."""
    if state.heap[address].kind in ("parts", "module", "wrapper"):
        return True
    owner = address[:-2]
    return address[-2:-1] == (".",) and owner in state.heap and is_model(state.heap[owner])


def freeze(machine: Machine, address: Address, wanted: Known | None, state: State) -> None:
    """`requires_grad` of all parameters of a module."""
    step: Step | None = machine.step("its parameters are frozen here")
    for found in family(address, state):
        thing = state.own(found)
        if wanted is not None and not wanted.value:
            thing.marks["frozen"] = step
            thing.marks["partly frozen"] = step
            continue
        thing.marks.pop("frozen", None)
        if wanted is not None:
            machine.events.thawed.update((found, loop) for loop in machine.loops())


def optimize(machine: Machine, parameters: Value, state: State) -> None:
    """An optimizer is to train these parameters."""
    step = machine.step("an optimizer is to train its parameters")
    todo, seen = list(parameters.refs()), set()
    while todo:
        address = todo.pop()
        if address in seen:
            continue
        seen.add(address)
        thing = state.heap[address]
        if thing.kind == "parts" and thing.inner is not None and thing.inner in state.heap:
            for part in family(thing.inner, state):
                state.own(part).marks["optimized"] = step
        elif thing.kind in ("list", "dict"):
            todo.extend(thing.children())


def of_parameters(parameters: Value, state: State) -> frozenset[Address] | None:
    """The modules, and their parts, that parameters belong to; None where some are out of sight."""
    found: set[Address] = set()
    todo, seen = [parameters], set()
    while todo:
        value = todo.pop()
        addresses = list(value.refs())
        if not addresses or len(addresses) < len(value.atoms):
            return None
        for address in (one for one in addresses if one not in seen):
            seen.add(address)
            thing = state.heap[address]
            if thing.kind == "parts" and thing.inner is not None and thing.inner in state.heap:
                found.update(family(thing.inner, state))
            elif thing.kind == "dict" and "params" in thing.items:  # a group, with a rate of its own
                todo.append(thing.items["params"])
            elif thing.kind == "list":
                todo.extend(thing.contents())
            else:
                return None
    return frozenset(found) if found else None


def average(machine: Machine, address: Address, state: State) -> None:
    """The parameters of a module are written by hand: a moving average or a momentum encoder, where those of another
    module are at hand, else such as a mask."""
    inner = whole(address, state)
    if inner is None:
        return
    mixed = any(other != inner for other in at_hand(machine, state))
    step = machine.step(f"its parameters are {'averaged' if mixed else 'written'} by hand here")
    for part in family(inner, state):
        marks = state.own(part).marks
        marks["written"] = step
        if mixed:
            marks["averaged"] = step


def take_buffers(address: Address, state: State) -> None:
    """The statistics of a module are written by hand too."""
    inner = whole(address, state)
    for part in family(inner, state) if inner is not None else ():
        state.own(part).marks["buffers"] = None


def whole(address: Address, state: State) -> Address | None:
    """The module whose parts, in general, an object stands for."""
    inner = state.heap[address].inner
    while inner is not None and inner in state.heap and state.heap[inner].kind == "parts":
        inner = state.heap[inner].inner
    return inner if inner in state.heap else None


def at_hand(machine: Machine, state: State) -> Iterator[Address | None]:
    """The modules whose parts the variables of the running function hold, by themselves or in a list or dict."""
    for value in state.heap[machine.frame.address].attributes.values():
        for address in value.refs():
            thing = state.heap[address]
            if thing.kind == "parts":
                yield whole(address, state)
            elif thing.kind in ("list", "dict"):
                yield from (whole(one, state) for one in parts_in(address, state))


def parts_in(address: Address, state: State, depth: int = 2) -> Iterator[Address]:
    """The objects in a list or dict, and in those it holds, that stand for parts of a module."""
    for one in state.heap[address].elements().refs():
        if state.heap[one].kind == "parts":
            yield one
        elif depth and state.heap[one].kind in ("list", "dict"):
            yield from parts_in(one, state, depth - 1)


def copied(machine: Machine, value: Value, state: State, key: object) -> Value:
    """What `copy.deepcopy(value)` gives: the same objects at other addresses."""
    moved: dict[Address, Address] = {}
    todo = list(value.refs())
    while todo:
        address = todo.pop()
        if address in moved or len(moved) > 200:
            continue
        moved[address] = ("copy", machine.frame.context, key, address)
        todo.extend(state.heap[address].children())
        inner = state.heap[address].inner
        if inner is not None and inner in state.heap and state.heap[address].kind not in ("frame", "state"):
            todo.append(inner)

    def move(part: Value) -> Value:
        atoms = frozenset(Ref(moved.get(a.address, a.address)) if isinstance(a, Ref) else a for a in part.atoms)
        return Value(atoms, part.flow)

    for address, target in moved.items():
        thing = state.heap[address].copy(None)
        thing.attributes = {name: move(part) for name, part in thing.attributes.items()}
        thing.items = {name: move(part) for name, part in thing.items.items()}
        thing.rest = move(thing.rest) if thing.rest is not None else None
        thing.inner = moved.get(thing.inner, thing.inner) if thing.inner is not None else None
        thing.label = ""
        thing.marks.pop("optimized", None)
        if thing.kind == "state":
            thing.inner, thing.label = state.heap[address].inner, state.heap[address].label
            for mark in ("live", "overtaken"):
                thing.marks.pop(mark, None)
            machine.states[target] = machine.frame.caller.function, machine.loops()
        machine.made[target] = machine.loops()
        state.put(target, thing)
    return move(value)


def manages(machine: Machine, klass: object) -> str:
    """The framework class that a class of the program derives from and that runs its methods, "" if there is none."""
    if not isinstance(klass, ClassSymbol):
        return ""
    for name in machine.program.externals(klass):
        meaning = machine.apis.of(name)
        if isinstance(meaning, LibraryClass) and meaning.manages:
            return name
    return ""
