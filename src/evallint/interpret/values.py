"""What the interpreter knows of a value, an object and a moment: small lattices and the state made of them.

Everything here only grows when two paths join: sets become their union. `tests/test_lattices.py` holds the laws.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from evallint.facts import Lambda
from evallint.findings import Place, Step
from evallint.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol, Nature, Symbol

Address: TypeAlias = tuple[object, ...]
"""Names an object by where it is made: equal addresses are one abstract object."""


# ---- atoms: the things a value may be -----------------------------------------------------------
# They are named tuples, like symbols, and no two classes have fields of the same types.


class Known(NamedTuple):
    """A constant. `kind` keeps `1`, `1.0` and `True` apart, which Python holds to be equal; a member of an enumeration
    is of that class, its value is its name."""

    value: str | int | float | bool | None
    kind: type | ClassSymbol


class Ref(NamedTuple):
    """An object of the heap."""

    address: Address


class Callee(NamedTuple):
    """A function of the program: `bound` to its receiver, `within` the frame whose variables it sees.

    `plain` marks the function beneath its decorators.
    """

    symbol: FunctionSymbol
    bound: Address | None = None
    within: Address | None = None
    plain: bool = False


class Anonymous(NamedTuple):
    """A lambda. `place` is that of the statement it stands in."""

    path: str
    code: Lambda
    within: Address | None


class Super(NamedTuple):
    """`super()` in a method of `after`, for the object at `bound`."""

    bound: Address
    after: ClassSymbol


class Method(NamedTuple):
    """A method of something outside the program, bound to an object: `model.eval`."""

    bound: Address
    name: str


@dataclass(frozen=True, slots=True)
class Open:
    """Something else, out of sight."""


OPEN = Open()

Atom: TypeAlias = Open | Known | Ref | Callee | Anonymous | Super | Method | ClassSymbol | ModuleSymbol | External


# ---- flow: what has gone into a value -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Role:
    """What data are for. `sure` where an argument says so (`train=False`), not only a name (`val_loader`)."""

    use: Literal["train", "eval"]
    sure: bool
    label: str


@dataclass(frozen=True, slots=True)
class Flow:
    """`graph`: the forward calls whose graph the value holds. `cut`: those it depends on without a graph.

    `roles`: what the data in it are for. `sums`: the accumulators it has gone through. `synthetic`: made of random
    or constant tensors only. `sources`: the loaders, data sets and transforms it has come through, by number.
    """

    graph: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    roles: frozenset[Role] = frozenset()
    sums: frozenset[Place] = frozenset()
    synthetic: bool = False
    sources: frozenset[int] = frozenset()

    def join(self, other: Flow) -> Flow:
        if self is other or (other is NO_FLOW and not self.synthetic):
            return self
        if self is NO_FLOW and not other.synthetic:
            return other
        return Flow(
            self.graph | other.graph,
            self.cut | other.cut,
            self.roles | other.roles,
            self.sums | other.sums,
            self.synthetic and other.synthetic,
            self.sources | other.sources,
        )

    def holding(self, graph: frozenset[int]) -> Flow:
        """The same with the graph of these calls, and computed: no mere constant or random tensor."""
        return Flow(graph, self.cut, self.roles, self.sums, sources=self.sources)

    def through(self, source: int) -> Flow:
        """The same after it has come through this loader, data set or transform."""
        return self if source in self.sources else replace(self, sources=self.sources | {source})

    def detached(self) -> Flow:
        """The same without a graph."""
        if not self.graph and not self.sums:
            return self
        return Flow(frozenset(), self.cut | self.graph, self.roles, frozenset(), self.synthetic, self.sources)

    def measured(self) -> Flow:
        """That of a size: where it comes from, and nothing of what was computed."""
        if not self.graph and not self.sums and not self.cut and not self.sources:
            return self
        return Flow(roles=self.roles, synthetic=self.synthetic)


NO_FLOW = Flow()
SYNTHETIC = Flow(synthetic=True)


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression may be. No atoms: nothing is known but its flow."""

    atoms: frozenset[Atom] = frozenset()
    flow: Flow = NO_FLOW

    def join(self, other: Value) -> Value:
        if self is other or (self.atoms == other.atoms and self.flow == other.flow):
            return self
        atoms = self.atoms | other.atoms
        if not self.atoms or not other.atoms:
            atoms = atoms | {OPEN} if atoms else atoms
        return Value(atoms if len(atoms) <= WIDEST else frozenset(), self.flow.join(other.flow))

    def with_flow(self, flow: Flow) -> Value:
        return self if flow is NO_FLOW else Value(self.atoms, self.flow.join(flow))

    def used_as(self, role: Role) -> Value:
        """The same, for this use alone."""
        return Value(self.atoms, replace(self.flow, roles=frozenset((role,))))

    def refs(self) -> Sequence[Address]:
        atoms = self.atoms
        if len(atoms) > 1:
            return [atom.address for atom in in_order(atoms) if isinstance(atom, Ref)]
        for atom in atoms:
            if isinstance(atom, Ref):
                return (atom.address,)
        return ()

    def constant(self) -> Known | None:
        """The constant that the value is, None where it may be another."""
        if len(self.atoms) == 1:
            for atom in self.atoms:
                return atom if isinstance(atom, Known) else None
        return None

    def is_flag(self) -> bool:
        """Whether it is True, or is False."""
        found = self.constant()
        return found is not None and found.kind is bool

    def text(self) -> str | None:
        found = self.constant()
        return found.value if found is not None and isinstance(found.value, str) else None


WIDEST = 60
"""A value that may be more than this many things is unknown."""

UNKNOWN = Value()


@lru_cache(maxsize=4096)
def _constant(value: str | int | float | bool | None, kind: type) -> Value:
    return Value(frozenset((Known(value, kind),)))


def constant(value: str | int | float | bool | None) -> Value:
    kind: type = type(value)
    return _constant(value, kind)


def of(*atoms: Atom) -> Value:
    return Value(frozenset(atoms))


def references(values: Iterable[Value]) -> list[Address]:
    """The objects that values may be."""
    found: list[Address] = []
    for value in values:  # `refs` would do, but this is where walks through large models spend their time
        atoms = value.atoms
        if len(atoms) == 1:
            for atom in atoms:
                if atom.__class__ is Ref:
                    found.append(atom.address)
        elif atoms:
            found += value.refs()
    return found


def in_order(atoms: frozenset[Atom]) -> tuple[Atom, ...]:
    """The atoms in an order that is the same in every run: what is told of several is told of the first."""
    return _in_order(atoms) if len(atoms) > 1 else tuple(atoms)


@lru_cache(maxsize=65536)
def _in_order(atoms: frozenset[Atom]) -> tuple[Atom, ...]:
    return tuple(sorted(atoms, key=repr))


def joined(values: Iterable[Value]) -> Value:
    found: Value | None = None
    for value in values:
        found = value if found is None else found.join(value)
    return found if found is not None else UNKNOWN


# ---- mode and gradients -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """What set a mode, and from where: the calls that led there, outermost first, and the loops around it."""

    step: Step
    kind: Literal["built", "called", "loaded", "entered"]
    calls: tuple[Place, ...] = ()
    loops: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Mode:
    """The modes a module may be in, each with what set it. `unknown`: someone out of sight decides."""

    train: Change | None = None
    eval: Change | None = None
    unknown: bool = False

    def join(self, other: Mode) -> Mode:
        if self is other:
            return self
        return Mode(told(self.train, other.train), told(self.eval, other.eval), self.unknown or other.unknown)

    def same_modes(self, other: Mode) -> bool:
        return (self.train is None) == (other.train is None) and (self.eval is None) == (other.eval is None)

    def says_more(self, earlier: Mode) -> bool:
        """Whether a call has set what the module only came with earlier."""
        pairs = ((earlier.train, self.train), (earlier.eval, self.eval))
        return any(told(then, now) is not then for then, now in pairs if then is not None)

    def __str__(self) -> str:
        parts = [word for word, on in (("train", self.train), ("eval", self.eval), ("unknown", self.unknown)) if on]
        return " | ".join(parts)


def told(one: Change | None, other: Change | None) -> Change | None:
    """The change worth telling of two: a call of eval() or train() before the mode that an object came with."""
    if one is None or other is None:
        return one or other
    return other if other.kind == "called" and one.kind != "called" else one


UNKNOWN_MODE = Mode(unknown=True)


@dataclass(frozen=True, slots=True)
class Grad:
    """Whether graphs are recorded: `on`, `off` with what turned it off, or `unknown` (the caller decides)."""

    on: bool = True
    off: Step | None = None
    unknown: bool = False

    def join(self, other: Grad) -> Grad:
        if self is other:
            return self
        return Grad(self.on or other.on, self.off or other.off, self.unknown or other.unknown)

    def __str__(self) -> str:
        parts = [word for word, on in (("on", self.on), ("off", self.off), ("unknown", self.unknown)) if on]
        return " | ".join(parts)


GRAD_ON = Grad()
GRAD_UNKNOWN = Grad(on=False, unknown=True)


# ---- objects ------------------------------------------------------------------------------------

Kind: TypeAlias = Literal[
    "module",  # an nn.Module
    "instance",  # of a class that is none
    "list",
    "dict",
    "symbol",  # something out of sight
    "wrapper",  # of a module: DataParallel, compile
    "parts",  # the submodules of a module, in general: what `modules()` gives
    "context",  # a context manager that sets the grad mode
    "frame",  # the variables of a function that is running
    "partial",
    "generator",
    "state",  # what `state_dict()` gives, or a tensor of it
]


MAY = frozenset(
    {
        "module",
        "loaded",
        "partly frozen",
        "partly eval",
        "averaged",
        "written",
        "buffers",
        "optimized",
        "live",
        "overtaken",
        "changed",
        "filtered",
        "used as module",
    }
)
"""Marks that say what may have happened; the others (`frozen`) say what must have."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call. `spread`: a `*part` or `**part` of unknown length was among them."""

    positional: tuple[Value, ...] = ()
    keywords: Mapping[str, Value] = field(default_factory=dict)
    spread: bool = False
    rest: Value | None = None

    def all(self) -> Iterator[Value]:
        yield from self.positional
        yield from self.keywords.values()
        if self.rest is not None:
            yield self.rest

    def flow(self) -> Flow:
        flow: Flow | None = None
        for value in self.all():
            if value.flow is NO_FLOW and is_plain(value):
                continue
            flow = value.flow if flow is None else flow.join(value.flow)
        return flow if flow is not None else NO_FLOW

    def get(self, position: int | None, keyword: str) -> Value | None:
        if keyword in self.keywords:
            return self.keywords[keyword]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return None


def is_plain(value: Value) -> bool:
    """Only constants: they neither carry data nor keep it from being synthetic."""
    return bool(value.atoms) and all(isinstance(atom, Known | External) for atom in value.atoms)


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that made an object: of what, by its qualified name, with what, where.

    `owner`: the object whose method it was. `part`: the object's position in what was returned, None for the whole.
    """

    name: str
    given: Arguments
    at: Place
    owner: Address | None = None
    part: int | None = None


@dataclass(slots=True)
class Thing:
    """An object of the heap. Changed in place only by the state that owns it.

    `maybe`: the keys of its items that it may lack.
    """

    kind: Kind
    label: str = ""
    klass: Symbol | None = None
    born: Place | None = None
    mode: Mode = UNKNOWN_MODE
    attributes: dict[str, Value] = field(default_factory=dict)
    items: dict[object, Value] = field(default_factory=dict)
    maybe: frozenset[object] = frozenset()
    rest: Value | None = None
    inner: Address | None = None
    marks: dict[str, Step | None] = field(default_factory=dict)
    pending: Arguments | None = None
    call: Callee | None = None
    nature: Nature | None = None
    grad: Grad | None = None
    origin: Origin | None = None
    owner: object = None

    def copy(self, owner: object) -> Thing:
        return Thing(  # `replace` would take four times as long
            kind=self.kind,
            label=self.label,
            klass=self.klass,
            born=self.born,
            mode=self.mode,
            attributes=dict(self.attributes),
            items=dict(self.items),
            maybe=self.maybe,
            rest=self.rest,
            inner=self.inner,
            marks=dict(self.marks),
            pending=self.pending,
            call=self.call,
            nature=self.nature,
            grad=self.grad,
            origin=self.origin,
            owner=owner,
        )

    def children(self) -> list[Address]:
        """What an object holds, by attributes and as a container."""
        found = references(self.attributes.values())
        if self.items:
            found += references(self.items.values())
        if self.rest is not None:
            found += self.rest.refs()
        return found

    def contents(self) -> Iterator[Value]:
        """The values of a container: those of its known places, and of all others."""
        yield from self.items.values()
        if self.rest is not None:
            yield self.rest

    def elements(self) -> Value:
        """What an element of a container may be."""
        return joined(self.contents())


class Heap(dict[Address, Thing]):
    """The objects of a moment. One that this moment has not seen made is out of sight."""

    def __missing__(self, address: Address) -> Thing:
        thing = self[address] = Thing("symbol")
        return thing


class State:
    """A moment: the heap, whether graphs are recorded, and what was assumed on the way.

    `trail` lists what was written since each fork that led here, so that joining two moments looks only at what has
    changed since they parted, not at the whole heap.
    """

    __slots__ = ("assumed", "grad", "heap", "owner", "trail")

    def __init__(self) -> None:
        self.heap = Heap()
        self.grad: Grad = GRAD_ON
        self.assumed: dict[tuple[Address, str], bool] = {}
        self.owner = object()
        self.trail: list[tuple[object, set[Address]]] = [(ORIGIN, set())]

    def adopt(self, other: State) -> None:
        """Become another moment."""
        if other is not self:
            self.heap, self.grad, self.assumed, self.trail = other.heap, other.grad, other.assumed, other.trail
            self.owner = other.owner
            other.owner = object()

    def fork(self) -> State:
        """The same moment, to go on from separately."""
        twin = State.__new__(State)
        twin.heap = Heap(self.heap)
        twin.grad = self.grad
        twin.assumed = dict(self.assumed)
        twin.owner, self.owner = object(), object()
        if len(self.trail) > LONGEST_TRAIL:
            half = len(self.trail) // 2
            older = set().union(*(written for _, written in self.trail[:half]))
            self.trail = [(self.trail[0][0], older), *self.trail[half:]]
        token = object()
        twin.trail = [*self.trail, (token, set())]
        self.trail = [*self.trail, (token, set())]
        return twin

    def keep(self) -> None:
        """From now on change copies: someone else keeps the objects as they are."""
        self.owner = object()

    def own(self, address: Address) -> Thing:
        """The object, to be changed."""
        thing = self.heap[address]
        if thing.owner is not self.owner:
            thing = thing.copy(self.owner)
            self.heap[address] = thing
            self.trail[-1][1].add(address)
        return thing

    def put(self, address: Address, thing: Thing) -> Address:
        thing.owner = self.owner
        self.heap[address] = thing
        self.trail[-1][1].add(address)
        return address

    def written_since(self, other: State) -> tuple[int, set[Address]]:
        """Where the trails part, and what either has written since."""
        tokens = {token for token, _ in other.trail}
        mine = next(index for index in range(len(self.trail) - 1, -1, -1) if self.trail[index][0] in tokens)
        token = self.trail[mine][0]
        theirs = next(index for index in range(len(other.trail) - 1, -1, -1) if other.trail[index][0] is token)
        parts = (*self.trail[mine:], *other.trail[theirs:])
        return mine, set().union(*(written for _, written in parts))

    def join(self, other: State) -> State:
        """A moment that may be either. Both must run the same frame; this one is used up."""
        if other is self:
            return self
        heap = self.heap
        self.owner = object()
        parted, written = self.written_since(other)
        for address in written:
            ours, theirs = heap.get(address), other.heap.get(address)
            if theirs is None or ours is theirs:
                continue
            heap[address] = theirs if ours is None else join_things(ours, theirs, self.owner)
        self.trail = [*self.trail[:parted], (self.trail[parted][0], written)]
        self.grad = self.grad.join(other.grad)
        self.assumed = {key: value for key, value in self.assumed.items() if other.assumed.get(key) == value}
        return self

    def differs(self, earlier: State) -> bool:
        """Whether anything that was there earlier is another by now: a mode, a variable, an attribute. What has flowed
        into it counts only where it is another model's output in the place of one: a first pass has seen the first."""
        for address in self.written_since(earlier)[1]:
            then, now = earlier.heap.get(address), self.heap.get(address)
            if now is None or then is None or now is then:
                continue
            if (
                not now.mode.same_modes(then.mode)
                or now.mode.says_more(then.mode)
                or now.marks.keys() != then.marks.keys()
            ):
                return True
            if changed(now.attributes, then.attributes) or changed(now.items, then.items):
                return True
            if now.rest is not then.rest and (
                now.rest is None or then.rest is None or now.rest.atoms != then.rest.atoms
            ):
                return True
        return False


def changed(now: Mapping[Any, Value], then: Mapping[Any, Value]) -> bool:
    if now is then:
        return False
    for name, value in then.items():
        found = now.get(name)
        if found is value:
            continue
        if found is None or found.atoms != value.atoms:
            return True
        if value.flow.graph and not found.flow.graph <= value.flow.graph:
            return True
    return False


ORIGIN = object()
LONGEST_TRAIL = 48


def join_things(ours: Thing, theirs: Thing, owner: object) -> Thing:
    maybe = ours.maybe | theirs.maybe
    if ours.items or theirs.items:
        maybe |= ours.items.keys() ^ theirs.items.keys()
    return Thing(
        kind=ours.kind,
        label=ours.label,
        klass=ours.klass if ours.klass == theirs.klass else None,
        born=ours.born,
        mode=ours.mode.join(theirs.mode),
        attributes=join_maps(ours.attributes, theirs.attributes),
        items=join_items(ours, theirs) if ours.items or theirs.items else {},
        maybe=maybe,
        rest=join_rests(ours.rest, theirs.rest),
        inner=ours.inner or theirs.inner,
        marks=join_marks(ours.marks, theirs.marks),
        pending=ours.pending if ours.pending is theirs.pending else None,
        call=ours.call,
        nature=ours.nature if ours.nature == theirs.nature else None,
        grad=join_grads(ours.grad, theirs.grad),
        origin=ours.origin or theirs.origin,
        owner=owner,
    )


def join_maps(ours: Mapping[Any, Value], theirs: Mapping[Any, Value]) -> dict[Any, Value]:
    found: dict[Any, Value] = dict(theirs)
    if not found:
        return dict(ours)
    for name, value in ours.items():
        other = found.get(name)
        if other is not value:
            found[name] = value if other is None else value.join(other)
    return found


def join_items(ours: Thing, theirs: Thing) -> dict[Any, Value]:
    """The elements of either; one that the other does not know by its key may be among its other elements.

    Of what is out of sight nobody knows the other elements: what is set in one of them only may be anything.
    """
    found = join_maps(ours.items, theirs.items)
    for key in ours.items.keys() ^ theirs.items.keys():
        value, other = found[key], theirs if key in ours.items else ours
        if other.kind == "dict" and other.rest is not None:
            found[key] = value.join(other.rest)
        elif other.kind == "symbol" and not any(value.refs()):
            found[key] = value.join(UNKNOWN)
    return found


def join_marks(ours: dict[str, Step | None], theirs: dict[str, Step | None]) -> dict[str, Step | None]:
    """A mark that must hold survives only where both have it."""
    if ours == theirs:
        return dict(ours)
    found = {**theirs, **ours}
    return {name: step for name, step in found.items() if name in MAY or (name in ours and name in theirs)}


def join_rests(ours: Value | None, theirs: Value | None) -> Value | None:
    if ours is None or theirs is None:
        return ours or theirs
    return ours.join(theirs)


def join_grads(ours: Grad | None, theirs: Grad | None) -> Grad | None:
    if ours is None or theirs is None:
        return ours or theirs
    return ours.join(theirs)
