"""What happens to objects: the mode of a module and all it holds, freezing, copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import FlaggedFunction, LibraryClass, ModuleClass
from evallint.findings import Step
from evallint.interpret.values import (
    UNKNOWN_MODE,
    Address,
    Change,
    Known,
    Mode,
    Ref,
    State,
    Thing,
    Value,
)
from evallint.link.natures import constants, is_settled
from evallint.link.settled import bound
from evallint.program import (
    MODULE,
    NOTHING,
    UNKNOWN_NATURE,
    ClassSymbol,
    External,
    FunctionSymbol,
    Given,
    Nature,
    Program,
    Symbol,
)
from evallint.walk import within

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

MODELS = frozenset(("module", "wrapper", "symbol", "parts"))

SUMMARIES = ("all eval", "all train", "partly eval")
"""The marks that tell the modes of a module's parts, which its own `eval()` and `train()` settle anew."""


# ---- modes --------------------------------------------------------------------------------------


def switch(address: Address, mode: Mode, state: State) -> None:
    """Set the mode of a module and of all its submodules, as `train()` and `eval()` do."""
    for found in family(address, state):
        if found == address or not is_plain_object(state.heap[found]):
            set_mode(found, mode, state)


def switch_parts(address: Address, mode: Mode, step: Step, state: State) -> None:
    """Set the mode of what stands for each part of a module."""
    state.own(address).mode = mode
    inner = state.heap[address].inner
    if inner is None:
        return
    if mode.unknown and inner in state.heap:  # as what restores the modes that it found
        switch(inner, mode, state)
    for part in family(inner, state):
        state.own(part).marks["partly eval"] = step
    if not mode.unknown and "parameters" not in state.heap[address].marks:
        state.own(inner).marks["all train" if mode.train is not None else "all eval"] = step


def is_plain_object(thing: Thing) -> bool:
    """Whether the program itself says that what a model holds is no module: `config: Config`."""
    return thing.kind == "symbol" and isinstance(thing.klass, ClassSymbol) and "module" not in thing.marks


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
        or not (is_container(machine, thing) or fresh)
        or (thing.pending is not None and leaves_parts_alone(machine, address, state))
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


def leaves_parts_alone(machine: Machine, address: Address, state: State) -> bool:
    """Whether nothing, or not each part that heeds the mode, of a module whose constructor was not run was switched by
    itself."""
    thing = state.heap[address]
    switched = {
        name
        for name, value in thing.attributes.items()
        if any(state.heap[ref].mode.eval is not None for ref in value.refs())
    }
    if not switched or not isinstance(thing.klass, ClassSymbol):
        return True
    return any(may_heed(machine, *part) for name, part in machine.parts_of(thing.klass).items() if name not in switched)


def may_heed(machine: Machine, path: str, part: f.Expr) -> bool:
    """Whether what a constructor sets an attribute to may be a module that heeds its mode."""
    if not isinstance(part, f.Call):
        return any(isinstance(node, f.Call) for node in within(part))
    from evallint.interpret import library

    resolved = machine.program.resolve(path, part.function)
    if isinstance(resolved, ClassSymbol | External) and not machine.program.is_module(resolved):
        return False
    if resolved is None and isinstance(part.function, f.Name) and part.function.id in library.BUILTINS:
        return False
    return machine.program.nature(resolved).heeds != "no"


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
    mentioning = [method for method in methods if "training" in program.function(method).mentions]
    if any(program.once(asks_mode, method) for method in mentioning):
        return True
    return any("dropout" in program.function(method).mentions and program.once(drops_out, method) for method in methods)


def asks_mode(program: Program, method: FunctionSymbol) -> bool:
    """Whether a method's own code reads the flag of its object, and not just that of a part."""
    return any(
        isinstance(node, f.Attribute) and node.name == "training" and node.value == f.Name("self")
        for node in within(program.body(method))
    )


def drops_out(program: Program, method: FunctionSymbol) -> bool:
    """Whether a method's own code drops out by a function that does not say itself whether it does."""
    for call in within(program.body(method)):
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
    """The modules and parts that parameters belong to (fresh tensors: none); None where some are out of sight."""
    found: set[Address] = set()
    todo, seen = [parameters], set()
    while todo:
        value = todo.pop()
        addresses = list(value.refs())
        if not addresses and not value.atoms and value.flow.synthetic:
            continue
        if not addresses or len(addresses) < len(value.atoms):
            return None
        for address in (one for one in addresses if one not in seen):
            seen.add(address)
            thing = state.heap[address]
            if thing.kind == "parts" and thing.inner is not None and thing.inner in state.heap:
                found.update(family(thing.inner, state))
            elif thing.kind == "dict" and "params" in thing.items:  # a group, with a rate of its own
                todo.append(thing.items["params"])
            elif thing.kind == "list" and any(True for _ in thing.contents()):
                todo.extend(thing.contents())
            else:
                return None
    return frozenset(found)


def inmost(address: Address, state: State) -> Address:
    """What is in all wrappers of an object."""
    while state.heap[address].kind == "wrapper" and (inner := state.heap[address].inner) is not None:
        address = inner
    return address


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


def is_copy(address: Address) -> bool:
    """Whether an address is that of a copy; its last part is then the address of what was copied."""
    return len(address) == 4 and address[0] == "copy"


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
