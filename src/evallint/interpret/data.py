"""What libraries do to data: pipelines, data sets, splits and loaders come into being, and samples go through them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from evallint import facts as f
from evallint.apis import Chain, Data, Dataset, Draw, Fit, Loader, ModuleClass, Preset, Read, Sampler, Split, Transform
from evallint.findings import Place
from evallint.interpret import calls, describing, library
from evallint.interpret.events import Creation
from evallint.interpret.roles import DATA, words
from evallint.interpret.sampling import DRAWN, MEASURED, SEEN, Doubt
from evallint.interpret.terms import Applied, ByHand, Dark, Made, OneOf, Pass, Term
from evallint.interpret.values import (
    NO_FLOW,
    UNKNOWN,
    Address,
    Arguments,
    Callee,
    Flow,
    Origin,
    Ref,
    State,
    Thing,
    Value,
    constant,
    of,
)
from evallint.program import ClassSymbol, External, FunctionSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def call(
    machine: Machine, meaning: Data, name: str, given: Arguments, expression: f.Call, state: State
) -> Value | None:
    """The value of a call that the tables about data know; None where other tables say what comes out."""
    match meaning:
        case Split():
            return split(machine, meaning, name, given, expression, state)
        case Dataset() | Loader() | Sampler() | Chain() | Preset() | Transform(image=None):
            return make(machine, meaning, name, given, expression, state)
        case Fit():
            return fit(machine, meaning, name, given, expression, state)
        case Transform() | Read() | Draw() if machine.notes is not None:
            return note_call(machine, meaning, name, given, state)
    return None


# ---- what is made -------------------------------------------------------------------------------


def make(machine: Machine, meaning: Data, name: str, given: Arguments, expression: f.Call, state: State) -> Value:
    """A data set, loader, sampler, transform or pipeline."""
    origin = Origin(meaning.name, given, machine.place(expression.span))
    table = machine.apis.of(name)
    if isinstance(table, ModuleClass):
        value = library.new_module(machine, table, name, given, expression, state)
        (address,) = value.refs()
        state.own(address).origin = origin
    else:
        address = ("new", machine.frame.context, machine.number(expression), name)
        state.put(address, Thing("instance", "", External(meaning.name), origin.at, origin=origin))
        value = Value(frozenset((Ref(address),)), data_flow(name, given))
    if isinstance(meaning, Preset) and (meaning.train_item is not None or meaning.eval_item is not None):
        return several(machine, address, origin, state)
    hold(meaning, address, given, state)
    if isinstance(meaning, Dataset):
        value = Value(value.atoms, value.flow.through(source(machine, address)))
    elif isinstance(meaning, Loader):  # what its data set came through is its own business
        part = part_sampler(machine, meaning, given, state)  # of which what the whole was for says nothing
        roles = (value if part is None else part).flow.roles
        value = Value(value.atoms, Flow(roles=roles, sources=frozenset((source(machine, address),))))
        created(machine, "loader", address, state, decided(machine, expression, state))
    elif isinstance(meaning, Preset) or (isinstance(meaning, Chain) and not isinstance(table, ModuleClass)):
        created(machine, "pipeline", address, state)
    return value


def part_sampler(machine: Machine, meaning: Loader, given: Arguments, state: State) -> Value | None:
    """The sampler that gives a loader part of its data set, as a split by indices does. None for the whole."""
    sampler = library.argument(given, meaning.sampler)
    origins = [state.heap[address].origin for address in sampler.refs()] if sampler is not None else []
    tables = [machine.apis.data(origin.name) for origin in origins if origin is not None]
    return sampler if tables and all(isinstance(table, Sampler) and table.subset for table in tables) else None


def data_flow(name: str, given: Arguments) -> Flow:
    """What goes into a data set or loader, for the use that its arguments say, or else its own."""
    if not (words(name.rpartition(".")[2]) & DATA or ".datasets." in name):
        return NO_FLOW
    flow = given.flow()
    roles = calls.roles_of(name, given)
    if any(role.sure for role in roles) or not flow.roles:
        return Flow(roles=roles, sources=flow.sources)
    return Flow(roles=flow.roles, sources=flow.sources)


def hold(meaning: Data, address: Address, given: Arguments, state: State) -> None:
    """Keep the arguments that stay in reach as attributes: what may be read there, and replaced."""
    kept = {
        "dataset": meaning.dataset if isinstance(meaning, Loader | Split) else None,
        "transform": meaning.transform if isinstance(meaning, Dataset) else None,
        "transforms": meaning.steps if isinstance(meaning, Chain) and not meaning.spread else None,
    }
    for name, argument in kept.items():
        value = library.argument(given, argument)
        if value is not None:
            state.own(address).attributes[name] = value
        elif name == "transform" and argument is not None and not given.spread:
            state.own(address).attributes[name] = constant(None)


BASE = "super()"
"""The attribute under which a data set of the program has the library's data set that it is as well."""


def inherited(machine: Machine, address: Address, name: str, given: Arguments, state: State) -> Value | None:
    """What a library's class does that one of the program derives from: it is made, or asked for a sample."""
    klass = state.heap[address].klass
    if name == "__init__" and isinstance(klass, ClassSymbol):
        for base in machine.program.externals(klass):
            meaning = machine.apis.data(base)
            if isinstance(meaning, Dataset | Transform | Chain):
                whole: Address = (*address, BASE)
                origin = Origin(meaning.name, given, machine.place())
                state.put(whole, Thing("instance", "", External(meaning.name), origin.at, origin=origin))
                hold(meaning, whole, given, state)
                hold(meaning, address, given, state)
                state.own(address).attributes[BASE] = of(Ref(whole))
                return constant(None)
    base_of = state.heap[address].attributes.get(BASE)
    if name == "__getitem__" and machine.notes is not None and base_of is not None:
        read = note(machine, describing.describe(machine, base_of, state))
        return Value(flow=given.flow().through(SEEN).through(read))
    return None


def several(machine: Machine, address: Address, origin: Origin, state: State) -> Value:
    """The parts of a result that is a tuple, each by itself."""
    thing = Thing("list", born=origin.at)
    for index in range(SEVERAL):
        part = Origin(origin.name, origin.given, origin.at, origin.owner, index)
        one: Address = (*address, index)
        state.put(one, Thing("instance", "", External(origin.name), origin.at, origin=part))
        thing.items[index] = of(Ref(one))
    return of(Ref(state.put((*address, "all"), thing)))


SEVERAL = 4


def split(machine: Machine, meaning: Split, name: str, given: Arguments, expression: f.Call, state: State) -> Value:
    """Parts of a data set. What the whole was for says nothing of them: their names do."""
    origin = Origin(meaning.name, given, machine.place(expression.span))
    address: Address = ("half", machine.frame.context, machine.number(expression))
    if meaning.result == "one":
        return of(Ref(half(machine, meaning, address, origin, given, state)))
    wholes = given.positional if meaning.each else (library.argument(given, meaning.dataset),)
    thing = Thing("list", born=origin.at)
    parts = 2 if meaning.each else SEVERAL
    for index in range(parts * len(wholes)):
        part = Origin(origin.name, origin.given, origin.at, None, index)
        one = half(machine, meaning, (*address, index), part, given, state)
        thing.items[index] = of(Ref(one))
    return of(Ref(state.put((*address, "all"), thing)))


def half(machine: Machine, meaning: Split, address: Address, origin: Origin, given: Arguments, state: State) -> Address:
    state.put(address, Thing("instance", "", External(meaning.name), origin.at, origin=origin))
    if meaning.holds:
        hold(meaning, address, given, state)
    return address


def source(machine: Machine, address: Address) -> int:
    """The number by which flows name a loader, data set or transform."""
    number = machine.context("source", address)
    machine.events.sources[number] = address
    return number


def created(
    machine: Machine,
    kind: Literal["loader", "pipeline"],
    address: Address,
    state: State,
    decided: dict[str, Place] | None = None,
) -> None:
    if machine.notes is None:
        term = describing.describe(machine, of(Ref(address)), state)
        machine.events.created[address] = Creation(kind, term, machine.callers(), decided=decided or {})


def decided(machine: Machine, expression: f.Call, state: State) -> dict[str, Place]:
    """Where the flags that a call is given by variables, or by a dict, were decided on."""
    found: dict[str, Place] = {}
    for argument in expression.arguments:
        if argument.stars == 2:
            for address in machine.value(argument.value, state).refs():
                thing = state.heap[address]
                at = thing.born or machine.frame.caller.called_at
                if at is not None:
                    found |= {key: at for key in thing.items if isinstance(key, str)}
        elif argument.keyword and isinstance(argument.value, f.Name):
            places = machine.frame.flags.get(argument.value.id, set())
            if len(places) == 1:
                found[argument.keyword] = next(iter(places))
    return found


def named(machine: Machine, value: Value, name: str) -> None:
    """Something is given a name: a variable, an attribute, a key, a parameter."""
    for address in value.refs():
        creation = machine.events.created.get(address)
        if creation is not None:
            creation.names.setdefault(name, machine.place())


def fit(machine: Machine, meaning: Fit, name: str, given: Arguments, expression: f.Call, state: State) -> Value:
    """Statistics are learnt from data; what comes out are the data themselves, or what learnt."""
    value = library.argument(given, meaning.data) or UNKNOWN
    place = machine.place(expression.span)
    address: Address = ("fit", machine.frame.context, machine.number(expression))
    state.put(address, Thing("symbol", "", born=place, origin=Origin(meaning.name, given, place)))
    return Value(frozenset((Ref(address),)), value.flow)


def by_program(machine: Machine, address: Address, symbol: FunctionSymbol, given: Arguments, state: State) -> Value:
    """Run a method of a transform of the program, through which a sample goes."""
    thing = state.heap[address]
    assert isinstance(thing.klass, ClassSymbol)
    outer = machine.applied
    if thing.origin is not None:
        machine.applied = [*outer, Applied(machine.program.klass(thing.klass).name, thing.origin.at, address)]
    try:
        return calls.call_function(machine, Callee(symbol, address), given, machine.frame.span, state)
    finally:
        machine.applied = outer


# ---- what samples go through --------------------------------------------------------------------


def apply(machine: Machine, address: Address, given: Arguments, state: State) -> Value | None:
    """Call an object of a library; None where it is none that transforms samples."""
    thing = state.heap[address]
    if thing.kind != "instance" and machine.notes is None:
        return None  # a model may be an `nn.Sequential`, too
    origin = thing.origin
    meaning = machine.apis.data(origin.name) if origin is not None else None
    if not isinstance(meaning, Transform | Chain | Preset):
        return None
    flow = given.flow()
    if machine.notes is not None:
        term = describing.describe(machine, of(Ref(address)), state)
        on = flow.sources - {DRAWN} or out_of_sight(machine, given, state)
        number = note(machine, term, given.all(), on)
        return Value(flow=library.kept(flow, state).through(SEEN).through(number))
    creation = machine.events.created.get(address)
    if creation is not None and flow.synthetic:
        creation.fed = creation.fed or machine.place()
    return Value(flow=library.kept(flow, state).through(source(machine, address)))


def out_of_sight(machine: Machine, given: Arguments, state: State) -> frozenset[int]:
    """Numbers for what is given that comes of calls out of sight: by them it is known again."""
    refs = {ref for value in given.positional for ref in value.refs() if state.heap[ref].kind == "symbol"}
    return frozenset(machine.context("out of sight", ref) for ref in refs)


class Ways:
    """Alternatives of which a sample that is run aside takes one."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._before = machine, machine.notes
        self._noted = machine.noted
        self._ways: list[list[Pass]] = []

    def begin(self) -> None:
        if self._before is not None:
            self._machine.noted = self._noted + len(self._before)
            self._machine.notes = []
            self._ways.append(self._machine.notes)

    def end(self) -> None:
        if self._before is None:
            return
        self._machine.notes, self._machine.noted = self._before, self._noted
        ways = tuple(dict.fromkeys(map(tuple, self._ways)))
        if len(ways) == 1:
            self._before += ways[0]
        elif ways:
            note(self._machine, OneOf(ways))


def note(machine: Machine, what: Term, given: Iterable[Value] = (), on: frozenset[int] = frozenset()) -> int:
    """Something is done, with these arguments, to the sample that is run aside: the number of what comes of it."""
    assert machine.notes is not None
    chance = machine.doubts["chance"] > 0 or any(is_drawn(value) for value in given)
    some = not machine.doubts["unknown"]
    sure = some and not machine.doubts["sample"]
    asked = machine.frames[1]
    at = Place(asked.path, asked.span)
    number = machine.context("pass", machine.place(), on, machine.noted + len(machine.notes))
    machine.notes.append(Pass(what, at, machine.place(), sure, chance, tuple(machine.applied), number, on, some))
    return number


def note_call(
    machine: Machine, meaning: Transform | Read | Draw, name: str, given: Arguments, state: State
) -> Value | None:
    flow = given.flow()
    if isinstance(meaning, Draw):
        only = only_choice(name, given, state)
        if only is not None:
            return only
        return Value(flow=Flow(sources=frozenset((DRAWN,))))
    if isinstance(meaning, Transform) and SEEN not in flow.sources and IDLE.issuperset(meaning.does):
        return None  # labels are made into arrays and tensors as well
    positional = tuple(describing.describe(machine, value, state) for value in given.positional)
    keywords = tuple((key, describing.describe(machine, value, state)) for key, value in given.keywords.items())
    what = Made(meaning.name, None, machine.place(), None, positional, keywords, given.spread)
    number = note(machine, what, given.all())
    kept = library.kept(flow, state).through(SEEN)
    return Value(flow=kept.through(number) if isinstance(meaning, Read) else kept)


def only_choice(name: str, given: Arguments, state: State) -> Value | None:
    """What is drawn where there is but one choice: of a list of one, or between equal ends."""
    last = name.rpartition(".")[2]
    if last == "choice" and given.positional:
        things = [state.heap[address] for address in given.positional[0].refs()]
        if len(things) == 1 and things[0].kind == "list" and things[0].rest is None and len(things[0].items) == 1:
            return things[0].elements()
    if last in ("randint", "uniform") and len(given.positional) == 2:
        low, high = (value.constant() for value in given.positional)
        if low is not None and low == high:
            return given.positional[0]
    return None


IDLE = frozenset(("none", "tensor"))
IMAGE = "PIL.Image.Image"
ARITHMETIC = {"div": "/", "div_": "/", "mul": "*", "mul_": "*", "sub": "-", "sub_": "-", "add": "+", "add_": "+"}
SHAPING = frozenset(
    "convert copy clone load float double half astype to cuda cpu numpy contiguous permute transpose swapaxes type "
    "unsqueeze unsqueeze_ squeeze squeeze_ reshape view detach repeat expand".split()
)
"""Methods that leave the values of an image, or of an array or tensor, as they are."""


def measured(flow: Flow) -> Flow:
    """What is asked of a sample, as its size: no sample itself, and not random where that was changed at random. Nor is
    that of what was drawn: of several filters, say, that are as long."""
    if SEEN in flow.sources:
        return Flow(roles=flow.roles, sources=frozenset((MEASURED,)))
    return replace(flow, sources=flow.sources - {DRAWN}) if DRAWN in flow.sources else flow


def maybe_drawn(machine: Machine, value: Value) -> Value:
    """A value that is given a name, where nobody knows whether it is: what is drawn then is not surely random after."""
    if machine.notes is None or not machine.doubts["unknown"] or not is_drawn(value):
        return value
    return Value(value.atoms, replace(value.flow, sources=value.flow.sources - {DRAWN}))


MEASURES = frozenset("size shape width height ndim mode dtype dim numel getbands getbbox".split())
"""Attributes and methods of an image, array or tensor that tell of it, and are no image."""


def part_of_sample(machine: Machine, value: Value, key: object) -> Value:
    """One of several things that a sample consists of: the image, or the mask."""
    if value.atoms or SEEN not in value.flow.sources:
        return value
    return Value(flow=value.flow.through(machine.context("part", value.flow.sources, key)))


def note_method(machine: Machine, base: Value, name: str, given: Arguments, state: State) -> None:
    """A method of the sample that is run aside: of an image, an array or a tensor."""
    if SEEN not in base.flow.sources or name in MEASURES:
        return
    meaning = machine.apis.data(f"{IMAGE}.{name}")
    first = given.positional[0] if given.positional else given.keywords.get("method", UNKNOWN)
    flips = any(isinstance(atom, External) and "FLIP" in atom.name for atom in first.atoms)
    if isinstance(meaning, Transform) and (name not in SHAPING or flips):
        positional = tuple(describing.describe(machine, value, state) for value in given.positional)
        keywords = tuple((key, describing.describe(machine, value, state)) for key, value in given.keywords.items())
        what = Made(meaning.name, None, machine.place(), None, positional, keywords, given.spread)
        note(machine, what, given.all())
    elif name in ARITHMETIC and given.positional:
        by_hand(machine, ARITHMETIC[name], base, given.positional[0], state)
    elif name not in SHAPING:
        note(machine, Made(name, None, machine.place(), None), given.all())


def note_unknown(machine: Machine, name: str, given: Arguments, state: State) -> None:
    """A function that no table about data knows is given the sample."""
    flow = given.flow()
    if machine.notes is not None and SEEN in flow.sources and name.partition(".")[0] not in SPECTATORS:
        positional = tuple(describing.describe(machine, value, state) for value in given.positional)
        note(machine, Made(name, None, machine.place(), None, positional), given.all())


def has_sample(machine: Machine, given: Arguments) -> bool:
    """Whether a call is given the sample that is run aside."""
    return machine.notes is not None and any(SEEN in value.flow.sources for value in given.all())


def note_unseen(machine: Machine, name: str, given: Arguments) -> None:
    """Code that is not in sight, or not followed, is given the sample."""
    if has_sample(machine, given):
        note(machine, Dark(name), given.all())


SPECTATORS = frozenset("builtins print logging os sys time pathlib warnings json".split())


def by_hand(machine: Machine, operator: str, left: Value, right: Value, state: State) -> None:
    """Arithmetic with a sample that is run aside, or a slice of it."""
    if any(state.heap[address].kind == "list" for address in left.refs()):
        return  # a list that is repeated, or another one after it
    drawn = DRAWN in right.flow.sources and DRAWN not in left.flow.sources
    if SEEN in left.flow.sources and (drawn or SEEN not in right.flow.sources):
        note(machine, ByHand(operator, describing.describe(machine, right, state)), (right,))


def doubt(value: Value) -> Doubt:
    """By what it hangs whether something happens, where a test asks for a value."""
    if is_drawn(value):
        return "chance"
    return "unknown" if value.flow.sources.isdisjoint((SEEN, MEASURED)) else "sample"


def is_drawn(value: Value) -> bool:
    """Whether a value is random by itself, not a sample that something random was done to before."""
    return DRAWN in value.flow.sources and SEEN not in value.flow.sources


def objects(machine: Machine, value: Value, state: State) -> Flow | None:
    """Note the data sets among what an index picks from; the flow of what they give, None where there are none."""
    flow: Flow | None = None
    for address in value.refs():
        thing = state.heap[address]
        if thing.kind == "instance" and (isinstance(thing.klass, ClassSymbol) or thing.origin is not None):
            read = note(machine, describing.describe(machine, of(Ref(address)), state))
            flow = (flow or value.flow).through(SEEN).through(read)
    return flow
