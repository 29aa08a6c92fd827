"""Functions that are known one by one, Python's own among them, and the methods of lists and dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.interpret import (
    assigning,
    attributes,
    calls,
    choosing,
    containers,
    data,
    generators,
    gradients,
    library,
    modules,
    picking,
    plain,
    sampling,
    states,
)
from evallint.interpret.outcomes import with_role
from evallint.interpret.render import render
from evallint.interpret.values import (
    UNKNOWN,
    Address,
    Anonymous,
    Arguments,
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


def _iterated(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`list(x)`, `sorted(x)`, `iter(x)` and the like: a container of the same elements."""
    if not given.positional:
        return _empty("list", machine, expression, state)
    source = generators.generated(machine, given.positional[0], state)
    refs = list(source.refs())
    if len(refs) == 1 and len(source.atoms) == 1 and state.heap[refs[0]].kind in ("list", "module"):
        held = state.heap[refs[0]]
        thing = Thing("list", held.label, rest=held.rest)
        thing.items = dict(enumerate(held.items.values()))
        if held.kind == "module" and not held.items and held.rest is None:
            thing.rest = picking.element(machine, source, state)
    else:
        thing = Thing("list", rest=picking.element(machine, source, state))
    address = state.put(("list", machine.frame.context, machine.number(expression)), thing)
    return Value(frozenset((Ref(address),)), source.flow)


def _empty(kind: str, machine: Machine, expression: f.Call, state: State) -> Value:
    return of(Ref(state.put((kind, machine.frame.context, machine.number(expression)), Thing(kind))))  # type: ignore[arg-type]


def _tuples(machine: Machine, parts: list[Value], expression: f.Call, state: State, flow: Flow) -> Value:
    """An iterable of tuples of these elements."""
    pair = Thing("list")
    pair.items = dict(enumerate(parts))
    ref = state.put(("pair", machine.frame.context, machine.number(expression)), pair)
    held = Thing("list", rest=Value(frozenset((Ref(ref),)), flow))
    return Value(frozenset((Ref(state.put(("list", machine.frame.context, machine.number(expression)), held)),)), flow)


def _enumerate(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if not given.positional:
        return UNKNOWN
    source = generators.generated(machine, given.positional[0], state)
    return _tuples(machine, [UNKNOWN, picking.element(machine, source, state)], expression, state, source.flow)


def _zip(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    rows = (given.rest,) if given.rest is not None else given.positional
    if len(expression.arguments) == 1 and expression.arguments[0].stars:
        things = [state.heap[address] for row in rows for address in row.refs()]
        if len(things) == len(rows) > 0 and all(one.kind == "list" and one.rest is None for one in things):
            return _columns(machine, things, given.rest is None, expression, state)
    parts = [picking.element(machine, generators.generated(machine, value, state), state) for value in given.positional]
    if sampling.is_sample(machine, given.positional):  # each channel gets the number that is its own
        parts = [
            whole if is_list_of_numbers(whole, state) else part
            for whole, part in zip(given.positional, parts, strict=True)
        ]
    return _tuples(machine, parts, expression, state, given.flow())


def is_list_of_numbers(value: Value, state: State) -> bool:
    things = [state.heap[address] for address in value.refs()]
    constants = [item.constant() for thing in things for item in thing.items.values()]
    return (
        len(things) == len(value.atoms)
        and all(thing.kind == "list" and thing.rest is None for thing in things)
        and bool(constants)
        and all(one is not None and isinstance(one.value, int | float) for one in constants)
    )


def _columns(machine: Machine, rows: list[Thing], counted: bool, expression: f.Call, state: State) -> Value:
    """`zip(*rows)`: what stands at each position of the rows, by itself. Not `counted` is one row for any number."""
    place, context, number = machine.place(), machine.frame.context, machine.number(expression)
    whole = Thing("list", born=place)
    for key, items in enumerate(zip(*(row.items.values() for row in rows), strict=False)):
        column = Thing("list", born=place, rest=None if counted else items[0])
        column.items = dict(enumerate(items)) if counted else {}
        address = state.put(("column", context, number, key), column)
        whole.items[key] = Value(frozenset((Ref(address),)), Arguments(items).flow())
    flow = Arguments(tuple(whole.items.values())).flow()
    return Value(frozenset((Ref(state.put(("columns", context, number), whole)),)), flow)


def _next(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if not given.positional:
        return UNKNOWN
    return picking.element(machine, generators.generated(machine, given.positional[0], state), state)


def _dict(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    thing = Thing("dict")
    rests: list[Value | None] = []
    for value in given.positional:
        for address in value.refs():
            held = state.heap[address]
            if held.kind == "list":
                for key, item in pairs(held, state):
                    if key is not None:
                        thing.items[key.value] = item
                    else:
                        rests.append(item)
                continue
            thing.items.update(held.items if held.kind == "dict" else {})
            rests.append(of(Ref(address)) if held.kind == "state" else held.rest)
    known = [rest for rest in rests if rest is not None]
    thing.rest = joined(known) if known else None
    thing.items.update(given.keywords)
    here: Address = ("dict", machine.frame.context, machine.number(expression))
    return of(Ref(state.put(states.apart(machine, here, thing), thing)))


def pairs(listed: Thing, state: State) -> Iterator[tuple[Known | None, Value]]:
    """What a list of pairs gives a dict, with its key where that is known: `[("fc", nn.Linear(8, 8)), …]`."""
    for value in (*listed.items.values(), *(() if listed.rest is None else (listed.rest,))):
        for address in value.refs():
            pair = state.heap[address]
            if pair.kind == "list" and len(pair.items) == 2 and value is not listed.rest:
                yield pair.items[0].constant(), pair.items[1]
            elif pair.kind == "list" and 1 in pair.items:
                yield None, pair.items[1]


def _defaultdict(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """A dict that makes an object of a class for each name that it is asked for: one stands for all of them."""
    factory = given.positional[0] if given.positional else UNKNOWN
    if any(isinstance(atom, ClassSymbol | Anonymous) for atom in factory.atoms):
        made = calls.invoke(machine, factory, Arguments(), expression, state)
        if made.refs() and all(state.heap[address].kind == "instance" for address in made.refs()):
            here: Address = ("defaultdict", machine.frame.context, machine.number(expression))
            return of(Ref(state.put(here, Thing("dict", rest=made))))
    return library.unknown(machine, "collections.defaultdict", given, expression, state)


def _getattr(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) < 2:
        return UNKNOWN
    name = given.positional[1].text()
    if name is None:
        found = choosing.any_of(machine, given.positional[0], expression.arguments[1].value)
        return found or machine.symbol(("getattr", machine.frame.context, machine.number(expression)), "", state)
    return with_role(attributes.read(machine, given.positional[0], name, state, expression), name, name)


def _globals(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    return of(ModuleSymbol(machine.frame.path))


def _vars(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`vars(options)`: a dict of what an object of a class out of sight has; others stand for theirs themselves."""
    if not given.positional:
        return _globals(machine, given, expression, state)
    found = []
    for atom in in_order(given.positional[0].atoms):
        thing = state.heap[atom.address] if isinstance(atom, Ref) else None
        if isinstance(atom, Ref) and thing is not None and thing.kind == "symbol" and thing.klass is None:
            held = Thing("dict", f"vars({thing.label})", rest=UNKNOWN)
            held.items.update(thing.attributes)
            atom = Ref(state.put((*atom.address, "vars"), held))
        found.append(of(atom))
    return joined(found) if found else UNKNOWN


def _eval(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`eval("Net")`: what goes by a name in the file."""
    name = given.positional[0].text() if given.positional else None
    if name is None or not name.isidentifier():
        return library.unknown(machine, "eval", given, expression, state)
    return picking.item(machine, of(ModuleSymbol(machine.frame.path)), given.positional[0], state)


def _setattr(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) == 3:
        name = given.positional[1].text()
        if name is not None:
            attributes.write(machine, given.positional[0], name, given.positional[2], state, "")
        else:
            for address in given.positional[0].refs():
                thing = state.own(address)
                value = given.positional[2]
                thing.rest = value if thing.rest is None else thing.rest.join(value)
    return constant(None)


def _hasattr(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) == 2 and given.positional[1].text() == "module":
        kinds = {state.heap[address].kind for address in given.positional[0].refs()}
        if len(given.positional[0].atoms) == 1 and kinds in ({"module"}, {"wrapper"}):
            return constant(kinds == {"wrapper"})
    if len(given.positional) == 2 and (name := given.positional[1].text()) is not None:
        what = given.positional[0]
        if what.atoms and all(
            isinstance(one, Ref) and has_method(machine, state.heap[one.address], name) for one in what.atoms
        ):
            return constant(True)
    return UNKNOWN


def has_method(machine: Machine, thing: Thing, name: str) -> bool:
    """Whether the class of an object says that it has a method of this name."""
    if thing.kind not in ("module", "instance") or not isinstance(thing.klass, ClassSymbol):
        return False
    return machine.program.method(thing.klass, name) is not None


def _isinstance(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) == 2 and given.positional[1].atoms and given.positional[1].atoms <= plain.TENSORS:
        return _is_tensor(machine, given, expression, state)
    if len(given.positional) != 2 or len(given.positional[0].atoms) != 1 or len(given.positional[1].atoms) != 1:
        return UNKNOWN
    (what,), (klass,) = given.positional[0].atoms, given.positional[1].atoms
    if isinstance(klass, Ref) and state.heap[klass.address].kind == "list":
        return _is_any(machine, given.positional[0], state.heap[klass.address], expression, state)
    of_builtin = plain.is_one_of(what, klass, state)
    if of_builtin is not None:
        return constant(of_builtin)
    if not isinstance(klass, External | ClassSymbol) or not isinstance(what, Ref):
        return UNKNOWN
    thing = state.heap[what.address]
    if thing.klass is None or thing.kind not in ("module", "instance", "wrapper"):
        return UNKNOWN
    if isinstance(thing.klass, ClassSymbol):
        lineage = machine.program.lineage(thing.klass)
        wanted = machine.apis.canonical(klass.name) if isinstance(klass, External) else ""
        names = {machine.apis.canonical(base.name) for base in lineage if isinstance(base, External)}
        return constant(klass in lineage or wanted in names)
    if isinstance(klass, External) and isinstance(thing.klass, External):
        return constant(machine.apis.canonical(klass.name) in machine.apis.lineage(thing.klass.name))
    return constant(False)


def _is_any(machine: Machine, value: Value, classes: Thing, expression: f.Call, state: State) -> Value:
    """`isinstance(x, (A, B))`"""
    found = [
        _isinstance(machine, Arguments((value, klass)), expression, state).constant()
        for klass in classes.items.values()
    ]
    if any(one is not None and one.value for one in found):
        return constant(True)
    return UNKNOWN if classes.rest is not None or not found or None in found else constant(False)


def _type(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) != 1:
        return UNKNOWN
    known = given.positional[0].constant()
    if known is None:
        return of(plain.TENSOR) if has_graph(machine, given.positional[0]) else UNKNOWN
    return of(plain.class_of(known.kind))


def _is_tensor(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    value = given.positional[0] if given.positional else UNKNOWN
    if has_graph(machine, value):
        return constant(True)
    return constant(False) if value.constant() is not None else UNKNOWN


def has_graph(machine: Machine, value: Value) -> bool:
    """Whether a value comes of a model's run that records a graph: what is asked for its class then is a tensor."""
    return any(number >= 0 or number in machine.events.doubtful for number in value.flow.graph)


def _float(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    known = given.positional[0].constant() if given.positional else None
    return Value(flow=given.flow().detached()) if known is None else UNKNOWN


def _len(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """A length tells of data, and nothing of what was computed of them."""
    flow = given.flow().measured()
    return Value(flow=flow if machine.notes is None else data.measured(flow))


def _bool(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    known = given.positional[0].constant() if len(given.positional) == 1 else None
    return _float(machine, given, expression, state) if known is None else constant(bool(known.value))


def _map(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if len(given.positional) < 2:
        return UNKNOWN
    elements = tuple(picking.element(machine, value, state) for value in given.positional[1:])
    element = calls.invoke(machine, given.positional[0], Arguments(elements), expression, state)
    thing = Thing("list", rest=element)
    flow = element.flow
    return Value(frozenset((Ref(state.put(("list", machine.frame.context, machine.number(expression)), thing)),)), flow)


def _partial(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    if not given.positional:
        return UNKNOWN
    thing = Thing("partial", "", rest=given.positional[0])
    thing.items = dict(enumerate(given.positional[1:]))
    thing.items.update(given.keywords)
    return of(Ref(state.put(("partial", machine.frame.context, machine.number(expression)), thing)))


def _in_place(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`torch._foreach_lerp_(parameters, others, 0.1)`: what a list of parameters belongs to is written by hand."""
    for address in given.positional[0].refs() if given.positional else ():
        for part in modules.parts_in(address, state) if state.heap[address].kind == "list" else (address,):
            if state.heap[part].kind == "parts":
                modules.average(machine, part, state)
    return constant(None)


def _deepcopy(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    return (
        modules.copied(machine, given.positional[0], state, machine.number(expression)) if given.positional else UNKNOWN
    )


def _copy(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`copy.copy`: of a state dict the same tensors, in another dict."""
    kinds = {state.heap[address].kind for address in given.positional[0].refs()} if given.positional else set()
    return given.positional[0] if kinds == {"state"} else _deepcopy(machine, given, expression, state)


def _save(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    value = given.get(0, "obj")
    if value is not None:
        states.saved(machine, value, "torch.save", expression, state)
    return constant(None)


def _sum(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    return Value(flow=library.kept(given.flow(), state))


def _is_grad_enabled(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    grad = state.grad
    if grad.unknown or (grad.on and grad.off is not None):
        return UNKNOWN
    return constant(grad.on)


def _variable(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`Variable(x, volatile=True)`: what is computed from it was without a graph, before torch 0.4."""
    value = given.positional[0] if given.positional else UNKNOWN
    flag = given.keywords.get("volatile")
    if flag is None or gradients.is_false(flag):
        return value
    flow = value.flow
    return Value(
        value.atoms, Flow(flow.graph, flow.cut, frozenset((library.VOLATILE,)), flow.sums, sources=flow.sources)
    )


def _load(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    return states.loaded(machine, given, expression, state)


def _quiet(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    return UNKNOWN


Special = Callable[["Machine", Arguments, f.Call, State], Value]

SPECIAL: dict[str, Special] = {
    "list": _iterated,
    "tuple": _iterated,
    "set": _iterated,
    "sorted": _iterated,
    "reversed": _iterated,
    "iter": _iterated,
    "itertools.cycle": _iterated,
    "itertools.chain": _iterated,
    "itertools.islice": _iterated,
    "enumerate": _enumerate,
    "zip": _zip,
    "itertools.zip_longest": _zip,
    "next": _next,
    "dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _defaultdict,
    "getattr": _getattr,
    "importlib.import_module": choosing.import_module,
    "__import__": choosing.import_module,
    "globals": _globals,
    "vars": _vars,
    "eval": _eval,
    "setattr": _setattr,
    "hasattr": _hasattr,
    "isinstance": _isinstance,
    "type": _type,
    "float": _float,
    "int": _float,
    "len": _len,
    "str": _float,
    "bool": _bool,
    "round": _float,
    "range": _float,
    "map": _map,
    **{f"torch._foreach_{name}_": _in_place for name in ("add", "mul", "lerp", "copy")},
    "functools.partial": _partial,
    "types.MethodType": _partial,
    "copy.deepcopy": _deepcopy,
    "copy.copy": _copy,
    "sum": _sum,
    "max": _sum,
    "min": _sum,
    "abs": _sum,
    "torch.load": _load,
    "torch.save": _save,
    "torch.is_tensor": _is_tensor,
    "torch.autograd.Variable": _variable,
    "torch.is_grad_enabled": _is_grad_enabled,
    "print": _quiet,
    "functools.wraps": _quiet,
    "contextlib.nullcontext": _quiet,
    "nullcontext": _quiet,
}


def _append(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    thing = state.own(address)
    if not given.positional:
        return UNKNOWN
    value = given.positional[-1]
    in_loop = bool(machine.loops())
    if value.flow.graph and in_loop and thing.kind == "list":
        receiver = expression.function.value if isinstance(expression.function, f.Attribute) else None
        value = Value(value.atoms, assigning.accumulate(machine, render(receiver), value.flow, "appended to"))
    if in_loop or thing.rest is not None:
        thing.rest = value if thing.rest is None else thing.rest.join(value)
    else:
        thing.items[len(thing.items)] = value
    return of(Ref(address)) if thing.kind == "module" else constant(None)


def _insert(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    position = given.positional[0].constant() if len(given.positional) == 2 else None
    place = position.value if position is not None else None
    thing = state.own(address)
    if not isinstance(place, int) or machine.loops() or thing.kind != "list" or thing.rest is not None or thing.maybe:
        return _append(machine, address, given, expression, state)
    items = list(thing.items.values())
    items.insert(place, given.positional[1])
    thing.items = dict(enumerate(items))
    return constant(None)


def _extend(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    if given.positional:
        containers.extend(machine, address, given.positional[0], state)
    return of(Ref(address))


def _values(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    thing = state.heap[address]
    if thing.kind == "generator":
        return None
    held = Thing("list", rest=thing.rest)
    held.items = dict(enumerate(thing.items.values()))
    return of(Ref(state.put(("list", machine.frame.context, machine.number(expression)), held)))


def _keys(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    thing = state.heap[address]
    held = Thing("list", rest=UNKNOWN if thing.rest is not None else None)
    keys = [key for key in thing.items if isinstance(key, str | int | float | bool | None | Ref)]
    held.items = {index: containers.key_value(key) for index, key in enumerate(keys)}
    return of(Ref(state.put(("list", machine.frame.context, machine.number(expression)), held)))


def _items(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    thing = state.heap[address]
    held = Thing("list")
    for index, (key, value) in enumerate(thing.items.items()):
        pair = Thing("list")
        pair.items = {0: containers.key_value(key), 1: value}
        held.items[index] = of(Ref(state.put(("pair", machine.frame.context, machine.number(expression), index), pair)))
    if thing.rest is not None:
        pair = Thing("list")
        pair.items = {0: UNKNOWN, 1: thing.rest}
        held.rest = of(Ref(state.put(("pair", machine.frame.context, machine.number(expression), "rest"), pair)))
    return of(Ref(state.put(("list", machine.frame.context, machine.number(expression)), held)))


def _get(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    if state.heap[address].kind != "dict" or not given.positional:
        return None
    found = picking.item(machine, of(Ref(address)), given.positional[0], state)
    default = given.get(1, "default")
    known = given.positional[0].constant()
    if known is not None and known.value in state.heap[address].items:
        return found
    return found.join(default if default is not None else constant(None))


def _update(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    thing = state.own(address)
    for value in given.positional:
        others = [state.heap[ref] for ref in value.refs()]
        if len(others) == 1 and others[0].kind == "dict":
            thing.items.update(others[0].items)
            thing.rest = thing.rest if others[0].rest is None else others[0].rest
        elif len(others) == 1 and others[0].kind == "state":
            thing.rest = value
        else:  # any key may have got another value
            thing.items = {key: item if any(item.refs()) else UNKNOWN for key, item in thing.items.items()}
            for key, item in joined_items(others).items():
                thing.items[key] = thing.items[key].join(item) if key in thing.items else item
            thing.rest = thing.rest or UNKNOWN
    thing.items.update(given.keywords)
    return constant(None)


def joined_items(things: list[Thing]) -> dict[object, Value]:
    found: dict[object, Value] = {}
    for thing in things:
        for key, item in thing.items.items():
            found[key] = found[key].join(item) if key in found else item
    return {key: item if len(things) == 1 else item.join(UNKNOWN) for key, item in found.items()}


def _pop(machine: Machine, address: Address, given: Arguments, expression: f.Call, state: State) -> Value | None:
    if not given.positional:
        return state.heap[address].elements()
    value = picking.item(machine, of(Ref(address)), given.positional[0], state)
    key = given.positional[0].constant()
    if key is not None and state.heap[address].kind == "dict" and key.value in state.heap[address].items:
        del state.own(address).items[key.value]
    return value


Container = Callable[["Machine", Address, Arguments, f.Call, State], "Value | None"]

CONTAINER: dict[str, Container] = {
    "append": _append,
    "add": _append,
    "insert": _insert,
    "extend": _extend,
    "values": _values,
    "keys": _keys,
    "items": _items,
    "get": _get,
    "update": _update,
    "pop": _pop,
}
