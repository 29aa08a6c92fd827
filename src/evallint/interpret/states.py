"""What becomes of the state of models, optimizers and schedulers: taken, kept, written to files, read and given back.

`model.state_dict()` gives an object of the heap that remembers whose state it is. It is "live" while its tensors are
those of its owner: whatever trains the owner then changes it too, and it is "overtaken". Each tensor in it is
represented by the whole. What `torch.load` gives remembers the file it came from, and so does each part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from evallint import facts as f
from evallint.apis import LibraryClass, ModuleClass, Wrapper
from evallint.findings import Step
from evallint.interpret import modules
from evallint.interpret.events import (
    Created,
    KeptModel,
    Loaded,
    Owner,
    Part,
    Replaced,
    Restored,
    Saved,
    StaleUse,
    Stepped,
    Unpickled,
)
from evallint.interpret.render import render
from evallint.interpret.roles import words
from evallint.interpret.values import (
    UNKNOWN,
    Address,
    Arguments,
    Flow,
    Ref,
    State,
    Thing,
    Value,
    of,
)
from evallint.program import ClassSymbol, External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

Role: TypeAlias = Literal["module", "optimizer", "scheduler", "scaler", "unknown"]

COPIES = frozenset("clone cpu cuda to float double half bfloat16 numpy contiguous tolist type_as pin_memory".split())
"""Methods that give a tensor of its own, or may: a tensor that stays on its device stays what it is."""

VIEWS = frozenset("detach data copy requires_grad_ view reshape".split())
"""What gives the same memory again: of a dict, `copy()` gives a dict of the same tensors."""

OF_PARAMETERS = frozenset("clone detach cpu cuda to float half numpy contiguous".split())
"""Methods of a parameter whose result is still no more than a parameter."""

PICKLED = frozenset("eval train parameters named_parameters modules children named_modules state_dict".split())
"""What is asked of a module only."""

OWNERS: dict[Role, frozenset[str]] = {
    "optimizer": frozenset("optimizer optimizers optim opt optimiser solver".split()),
    "scheduler": frozenset("scheduler sched schedulers".split()),
    "scaler": frozenset("scaler gradscaler".split()),
    "module": frozenset("model net network module generator discriminator encoder decoder backbone".split()),
}
"""What names say of objects whose classes are out of sight."""


# ---- whose state ------------------------------------------------------------------------------------------


def owner_of(machine: Machine, address: Address, state: State) -> Owner:
    """Whose state it is that is taken, stepped or restored."""
    thing = state.heap[address]
    inner, wrapped = address, ""
    while state.heap[inner].kind == "wrapper" and state.heap[inner].inner is not None:
        wrapped = wrapped or prefix(machine, state.heap[inner])
        inner = state.heap[inner].inner or inner
    held = state.heap[inner]
    role = role_of(machine, thing)
    statistics = modules.nature(machine, inner, state).statistics if role == "module" else None
    family = frozenset(modules.family(address, state)) if role in ("module", "unknown") else frozenset((address,))
    return Owner(address, role, thing.label, held.klass, wrapped, statistics, "loaded" in held.marks, family)


def prefix(machine: Machine, thing: Thing) -> str:
    """What a wrapper's state has before each key, "" nothing: the attribute that holds the model in it."""
    meaning = machine.apis.of(thing.klass.name) if isinstance(thing.klass, External) else None
    return meaning.inner if isinstance(meaning, Wrapper) else ""


def role_of(machine: Machine, thing: Thing) -> Role:
    """What an object is for: by its class, else by its name."""
    for name in classes(machine, thing):
        meaning = machine.apis.of(name)
        if isinstance(meaning, LibraryClass) and meaning.role in ("optimizer", "scheduler", "scaler"):
            return meaning.role
    if modules.is_model(thing):
        return "module"
    if thing.kind not in ("symbol", "instance"):
        return "unknown"
    return named_role(thing.label) or "unknown"


def named_role(label: str) -> Role | None:
    """What the last part of a name says that an object is for."""
    last = words(re.split(r"[.\[]", label)[-1])
    return next((role for role, names in OWNERS.items() if last & names), None)


def classes(machine: Machine, thing: Thing) -> Iterator[str]:
    if isinstance(thing.klass, External):
        yield thing.klass.name
    elif isinstance(thing.klass, ClassSymbol):
        yield from machine.program.externals(thing.klass)


# ---- taken and kept ---------------------------------------------------------------------------------------


def taken(machine: Machine, address: Address, expression: f.Call, state: State) -> Value:
    """`model.state_dict()`: its tensors are the model's own."""
    shown = render(expression)
    step = machine.step(f"`{shown}` gives the tensors that training goes on to change", expression.span)
    thing = Thing("state", shown, born=machine.place(expression.span), inner=address)
    thing.marks["live"] = step
    number = len(machine.states)  # what was taken here before is another state
    here: Address = ("state", machine.frame.context, machine.number(expression), address, number)
    machine.states[here] = machine.frame.caller.function, machine.loops()
    return of(Ref(state.put(here, thing)))


def apart(machine: Machine, address: Address, thing: Thing) -> Address:
    """Where a container is put: one that holds states is another than what was made there of earlier ones."""
    if not machine.states:
        return address
    refs = [ref for value in thing.contents() for ref in value.refs()]
    held = {number for ref in refs for number in numbers_of(ref)}
    return ("of states", tuple(sorted(held)), *address) if held else address


def numbers_of(address: Address) -> tuple[int, ...]:
    """The numbers of the states that are, or stand in, what has this address."""
    match address:
        case ("state", _, _, _, int(number), *_):
            return (number,)
        case ("of states", tuple(numbers), *_):
            return numbers
    return ()


def method(machine: Machine, address: Address, name: str, given: Arguments, key: int, state: State) -> Value | None:
    """A method of a state dict, or of a tensor in it; None for those that tell nothing."""
    here = of(Ref(address))
    if name in VIEWS or name in ("get", "setdefault"):
        return here
    if name in COPIES:
        return copied(machine, address, key, state, on_cpu=name == "cpu" or any(v.text() == "cpu" for v in given.all()))
    if name == "values":
        return of(Ref(state.put((*address, "values"), Thing("list", rest=here))))
    if name == "items":
        pair = Thing("list", items={0: UNKNOWN, 1: here})
        held = Thing("list", rest=of(Ref(state.put((*address, "pair"), pair))))
        return of(Ref(state.put((*address, "items"), held)))
    if name in ("update", "pop", "popitem", "clear", "copy_", "mul_", "add_", "fill_"):
        changed(address, state)
    return None


def copied(machine: Machine, address: Address, key: object, state: State, *, on_cpu: bool = False) -> Value:
    """The same state, with tensors of its own."""
    thing = state.heap[address].copy(None)
    if on_cpu:
        thing.label = f"{thing.label}.cpu()"
    thing.marks.pop("live", None)
    thing.marks.pop("overtaken", None)
    here: Address = ("copy", machine.frame.context, key, address)
    machine.states[here] = machine.frame.caller.function, machine.loops()
    return of(Ref(state.put(here, thing)))


def changed(address: Address, state: State) -> None:
    """Tensors in it are exchanged for others: which of them its owner still shares is not known."""
    thing = state.own(address)
    thing.marks.pop("live", None)
    thing.marks["changed"] = None


def built(machine: Machine, address: Address, state: State) -> None:
    """A module is about to be built, another one in each pass of the loops around."""
    forget(machine, address, state)
    machine.made[address] = machine.loops()


def forget(machine: Machine, address: Address, state: State) -> None:
    """A new object takes the place of one made there before: what was taken of that one shares nothing any more."""
    if address not in state.heap:
        return
    for here in machine.states:
        if here in state.heap and state.heap[here].inner == address and "live" in state.heap[here].marks:
            state.own(here).marks.pop("live", None)


def kept(machine: Machine, target: f.Expr, source: f.Expr, state: State) -> None:
    """`best_model = model` in a loop that does not build it anew: another name, and no copy."""
    if isinstance(target, f.Collection) and isinstance(source, f.Collection):
        for one, other in zip(target.items, source.items, strict=False):
            kept(machine, one, other, state)
    for key, part in under_keys(source) if isinstance(target, f.Name | f.Attribute) else ():
        kept_as(machine, target, part, key, state)


def under_keys(source: f.Expr) -> Iterator[tuple[object, f.Expr]]:
    """What a name is given, alone (None) or under which key: `best = (model, score)`, `best = {"model": model}`."""
    if isinstance(source, f.Collection) and source.kind in ("tuple", "list"):
        yield from enumerate(source.items)
    elif isinstance(source, f.Mapping):
        for key, value in zip(source.keys, source.values, strict=True):
            if isinstance(key, f.Constant):
                yield key.value, value
    else:
        yield None, source


def kept_as(machine: Machine, target: f.Expr, source: f.Expr, key: object, state: State) -> None:
    if not isinstance(target, f.Name | f.Attribute) or not isinstance(source, f.Name | f.Attribute):
        return
    name = target.id if isinstance(target, f.Name) else target.name
    if "best" not in words(name):
        return
    given, loops = render(source), machine.loops()
    if not loops or "best" in words(given):
        return
    refs = list(machine.value(source, state).refs())
    if not refs or not all(modules.is_model(state.heap[ref]) or state.heap[ref].kind == "symbol" for ref in refs):
        return
    renewed = frozenset[str]().union(*(loop.resets for loop in machine.frame.loops))
    if renewed & {given, given.split(".")[0]} or any(loops[-1] in machine.made.get(ref, ()) for ref in refs):
        return
    family = frozenset[Address]().union(*(modules.family(ref, state) for ref in refs))
    machine.events.states.append(
        KeptModel(machine.place(), target, render(target), given, family, loops[-1], machine.callers(), key)
    )


def overtake(machine: Machine, family: frozenset[Address] | None, step: Step, state: State) -> None:
    """Tensors of these objects change (None: which is not known), and with them every live state of theirs."""
    for here in machine.states:
        thing = state.heap.get(here)
        if thing is None or "live" not in thing.marks or thing.inner is None:
            continue
        if role_of(machine, state.heap[thing.inner]) in ("optimizer", "scheduler", "scaler"):
            continue
        if family is None or not family.isdisjoint(modules.family(thing.inner, state)):
            state.own(here).marks.setdefault("overtaken", step)


def trained(machine: Machine, flow: Flow, state: State) -> None:
    """backward() of a value: what it was computed with is about to change."""
    if not machine.states:
        return
    events = machine.events
    numbers = {events.doubtful.get(number, number) for number in flow.graph}
    families = [events.forwards[number].family for number in numbers if number >= 0]
    overtake(
        machine,
        frozenset[Address]().union(*families) if families else None,
        machine.step("training goes on here, and the kept state with it"),
        state,
    )


def used(machine: Machine, value: Value, how: Literal["restored", "saved", "returned"], state: State) -> None:
    """Something is done with a state; one that training has overtaken is not what it was taken for."""
    place = machine.place()
    parts = list(parts_of(machine, value, state))
    copies = [part for part in parts if part.what == "state" and part.live is None]
    for part in parts:
        if any(is_first(part, copy) for copy in copies):
            continue
        live, overtaken = part.live, part.overtaken
        if part.kept is None or part.taken_in is None or live is None or overtaken is None or overtaken.at == place:
            continue
        machine.events.states.append(
            StaleUse(part.kept, part.taken_in, part.owner, live, overtaken, how, place, part.label)
        )


def is_first(part: Part, copy: Part) -> bool:
    """Whether a state is kept only until a copy of a later one takes its place."""
    same = part.key == copy.key and not part.owner.family.isdisjoint(copy.owner.family)
    return same and len(part.loops) < len(copy.loops)


# ---- written to files -------------------------------------------------------------------------------------


def saved(machine: Machine, value: Value, by: str, expression: f.Call, state: State) -> None:
    """A value is written to a file."""
    parts = tuple(parts_of(machine, value, state))
    if not parts:
        return
    machine.frame.span = expression.span
    used(machine, value, "saved", state)
    machine.events.states.append(
        Saved(machine.place(expression.span), by, parts, machine.callers(), machine.loops(), expression)
    )


def saves_by_name(machine: Machine, name: str, given: Arguments, expression: f.Call, state: State) -> None:
    """A function out of sight that is named for saving, and given somebody's state, or `save` and given parameters."""
    if "save" in words(name):
        for value in given.all():
            held = {part.what for part in parts_of(machine, value, state)}
            if "state" in held or (name == "save" and "parameters" in held):
                saved(machine, value, name, expression, state)


def parts_of(machine: Machine, value: Value, state: State, key: str = "", depth: int = 0) -> Iterator[Part]:
    """What a value that is saved or restored is made of, as far as that is somebody's state."""
    for address in value.refs():
        thing = state.heap[address]
        if thing.kind in ("list", "dict") and depth < 4:
            filtered = "filtered" in thing.marks
            for name, item in thing.items.items():
                for part in parts_of(machine, item, state, str(name) if thing.kind == "dict" else key, depth + 1):
                    yield part._replace(filtered=part.filtered or filtered)
            if thing.rest is not None:
                for part in parts_of(machine, thing.rest, state, key, depth + 1):
                    yield part._replace(rekeyed=True, filtered=part.filtered or filtered)
        elif thing.kind == "state" and thing.inner is not None:
            owner = owner_of(machine, thing.inner, state)
            yield Part(
                key,
                "state",
                owner,
                thing.label,
                thing.born,
                machine.states.get(address, ("", ()))[0] or None,
                thing.marks.get("live"),
                thing.marks.get("overtaken"),
                filtered="changed" in thing.marks,
                loops=machine.states.get(address, ("", ()))[1],
            )
        elif thing.kind == "parts" and "parameters" in thing.marks and thing.inner is not None:
            yield Part(key, "parameters", owner_of(machine, thing.inner, state), thing.label, thing.born)
        elif is_whole(thing, is_part=address[-2:-1] == (".",)):
            yield Part(key, "whole", owner_of(machine, address, state), thing.label, thing.born)


def is_whole(thing: Thing, is_part: bool) -> bool:
    """Whether this is a module itself, which only pickling its class can save.

    Of a part of a module that nobody in sight has set only its use tells: it may be a list of numbers, or a name.
    """
    if "exported" in thing.marks or "file" in thing.marks:
        return False
    return thing.kind in ("module", "wrapper") or (
        thing.kind == "symbol" and ("used as module" in thing.marks or ("module" in thing.marks and not is_part))
    )


# ---- read from files, and given back ----------------------------------------------------------------------


def loaded(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`torch.load(…)`: something out of sight that knows its file."""
    place = machine.place(expression.span)
    told = {argument.keyword for argument in expression.arguments}
    spread = given.spread or any(name not in told for name in given.keywords)
    machine.events.states.append(Loaded(place, machine.callers(), machine.loops(), expression, spread))
    address: Address = ("loaded", machine.frame.context, machine.number(expression))
    step = Step(place, "the file is read here")
    thing = Thing("symbol", "", born=place, marks={"file": step})
    return of(Ref(state.put(address, thing)))


def unpickled(machine: Machine, address: Address, name: str, state: State) -> None:
    """What came from a file is used as a module, or as an optimizer could be too."""
    step = state.heap[address].marks.get("file")
    if step is not None and named_role(state.heap[address].label) in (None, "module"):
        machine.events.states.append(
            Unpickled(step.at, machine.place(), state.heap[address].label, name, machine.callers())
        )


def is_own(value: Value, owner: Owner, state: State) -> bool:
    """Whether what is loaded into an object are the very tensors it has: nothing changes then."""
    things = [state.heap[ref] for ref in value.refs()]
    return bool(things) and all(
        thing.kind == "state"
        and "live" in thing.marks
        and thing.inner is not None
        and not owner.family.isdisjoint(modules.family(thing.inner, state))
        for thing in things
    )


def is_state_of_another(value: Value, owner: Owner, state: State) -> bool:
    """Whether what is loaded into an object is the present state of another, which it follows."""
    things = [state.heap[ref] for ref in value.refs()]
    return bool(things) and all(
        thing.kind == "state" and thing.inner is not None and thing.inner not in owner.family for thing in things
    )


def restored(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> None:
    """`owner.load_state_dict(value, …)`"""
    value = given.positional[0] if given.positional else given.keywords.get("state_dict", UNKNOWN)
    used(machine, value, "restored", state)
    owner = owner_of(machine, address, state)
    files = list(files_behind(value, state))
    strict = given.get(1, "strict")
    known = strict.constant() if strict is not None else None
    step = files[0].marks["file"] if files else None
    machine.events.states.append(
        Restored(
            machine.place(expression.span),
            owner,
            step.at if step is not None else None,
            key_of(files[0].label) if files else "",
            all(state.heap[ref].kind in ("symbol",) for ref in value.refs()) and bool(files),
            known is not None and known.value is False,
            machine.callers(),
            machine.loops(),
            expression,
            len(machine.events.forwards),
        )
    )
    if machine.loops() and is_state_of_another(value, owner, state):
        step = machine.step("it takes over the weights of another model here")
        for part in owner.family:
            state.own(part).marks |= {"written": step, "buffers": None}
    if owner.role in ("module", "unknown") and not is_own(value, owner, state):
        step = machine.step("other weights are loaded into the same tensors here")
        overtake(machine, owner.family, step, state)
        for part in owner.family:
            if "replacing" in state.heap[part].marks:
                state.own(part).marks.pop("replacing", None)


def files_behind(value: Value, state: State) -> Iterator[Thing]:
    """What came from a file: the value itself, what a container holds, or whose state it is."""
    things = [state.heap[ref] for ref in value.refs()]
    held = [state.heap[ref] for thing in things if thing.kind in ("list", "dict") for ref in thing.elements().refs()]
    owners = [state.heap[thing.inner] for thing in things if thing.kind == "state" and thing.inner is not None]
    return (thing for thing in (*things, *held, *owners) if "file" in thing.marks)


def key_of(label: str) -> str:
    """The key under which something stood in its file: `model` of `checkpoint['model']`."""
    found = re.search(r"\[['\"]([^'\"]*)['\"]\]$", label)
    return found[1] if found is not None else ""


# ---- made and stepped -------------------------------------------------------------------------------------


def made(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> None:
    """An optimizer, scheduler or scaler is made."""
    role = role_of(machine, state.heap[address])
    if role in ("optimizer", "scheduler", "scaler"):
        begins = "last_epoch" in given.keywords
        first = given.get(0, "optimizer") if role == "scheduler" else None
        moves = frozenset(first.refs()) if first is not None else frozenset()
        parameters = given.get(0, "params") if role == "optimizer" else None
        machine.events.states.append(
            Created(
                machine.place(expression.span),
                owner_of(machine, address, state),
                begins,
                moves,
                modules.of_parameters(parameters, state) if parameters is not None else None,
                machine.callers(),
                machine.loops(),
                expression,
            )
        )


def stepped(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> None:
    """`scheduler.step()` and its like."""
    owner = owner_of(machine, address, state)
    if owner.role in ("optimizer", "scheduler", "scaler"):
        machine.events.states.append(
            Stepped(
                machine.place(expression.span),
                owner,
                bool(given.positional or given.keywords),
                machine.callers(),
                machine.loops(),
            )
        )


# ---- layers exchanged -------------------------------------------------------------------------------------


def replaced(machine: Machine, address: Address, name: str, value: Value, state: State) -> None:
    """`model.head = new`: what was loaded for the old layer is lost."""
    thing = state.heap[address]
    step = thing.marks.get("loaded")
    if step is None or thing.kind not in ("module", "symbol") or not had(machine, thing, name):
        return
    refs = list(value.refs())
    if len(refs) != 1 or len(value.atoms) != 1 or not weighs(machine, refs[0], state):
        return
    new = state.own(refs[0])
    if new.kind == "module" and "loaded" not in new.marks and not new.attributes:
        taking = machine.step(f"a new layer takes the place of `{thing.label}.{name}`")
        new.marks["replacing"], new.marks["replaced after"] = taking, step
        machine.events.states.append(Replaced(taking.at, thing.label, step, taking))


def had(machine: Machine, thing: Thing, name: str) -> bool:
    """Whether a module has had a part of this name before."""
    if name in thing.attributes or name in thing.items:
        return True
    if isinstance(thing.klass, ClassSymbol):
        return not is_being_built(machine, thing.klass) and name in machine.parts_of(thing.klass)
    return name in ("fc", "classifier", "head", "last_linear")


def is_being_built(machine: Machine, klass: ClassSymbol) -> bool:
    """Whether the constructor of a class, or of one of its bases, is running."""
    lineage = machine.program.lineage(klass)
    return any(
        frame.symbol is not None
        and machine.program.function(frame.symbol).name == "__init__"
        and machine.program.class_of(frame.symbol) in lineage
        for frame in machine.frames
    )


def weighs(machine: Machine, address: Address, state: State, depth: int = 0) -> bool:
    """Whether a module surely has parameters of its own."""
    thing = state.heap[address]
    if thing.kind != "module" or depth > 4:
        return False
    if isinstance(thing.klass, External):
        meaning = machine.apis.of(thing.klass.name)
        if isinstance(meaning, ModuleClass) and meaning.container:
            return any(weighs(machine, part, state, depth + 1) for part in thing.children())
        return isinstance(meaning, ModuleClass) and bool(meaning.parameters)
    return False


def replaced_in(family: frozenset[Address], state: State) -> tuple[Step, Step] | None:
    """The loading and the replacement of a layer of a model that nothing has given weights since."""
    exchanged = [part for part in family if "replacing" in state.heap[part].marks]
    for part in sorted(exchanged, key=repr):
        thing = state.heap[part]
        new, load = thing.marks.get("replacing"), thing.marks.get("replaced after")
        if new is not None and load is not None and not {"weight", "bias"} & thing.attributes.keys():
            return load, new
    return None
