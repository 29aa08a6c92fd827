"""What the interpreter saw happen, each with the place, the calls that led there and the loops around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from evallint.facts import Attribute, Call, Name
from evallint.findings import Place, Step
from evallint.interpret.roles import Use
from evallint.interpret.terms import Term
from evallint.interpret.values import UNKNOWN_MODE, Address, Change, Flow, Grad, Mode
from evallint.program import FunctionSymbol, Nature, Symbol


class Exhausted(Exception):
    """The entry's budget is used up."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One running function: which, and from where it was called (None for the entry).

    `phase`: what the constants that it is called with say it is for (`phase="val"`, `train=False`).
    """

    path: str
    function: str
    symbol: FunctionSymbol | None
    called_at: Place | None
    phase: Use | None = None


def calls_of(frames: Iterable[Caller]) -> tuple[Place, ...]:
    """The calls by which one function leads to the next, outermost first."""
    return tuple(caller.called_at for caller in frames if caller.called_at is not None)


@dataclass(frozen=True, slots=True)
class FrozenPart:
    """A part of a model whose parameters are frozen while its batch norm still learns; `attributes` are those of the
    model that lead to it, `names` all by which it and what holds it is held."""

    address: Address
    label: str
    attributes: frozenset[str]
    names: frozenset[str]
    frozen_at: Step
    mode: Mode


@dataclass(frozen=True, slots=True)
class BareSwitch:
    """`model.eval` without its parentheses; `known`: one of the `owners` of the name is a module for sure."""

    at: Place
    receiver: str
    name: str
    frames: tuple[Caller, ...]
    owners: frozenset[Address]
    known: bool


@dataclass(slots=True)
class ForwardCall:
    """A call that runs a model, on one path: `frames` are the functions it ran in, the entry first.

    `trained`: a backward() went through what it returned. `differentiated`: its gradient was asked for otherwise.
    `inside`: it happened within the forward of another model. `escapes`: the entry returned it to whoever called.
    `sure`: what was called is known to be a module. `family`: it and its submodules; `own_mode`: that of the object
    called, where `mode` is that of the parts which heed it. `part_of`: the number of the run that this one is part of.
    `core`: the class beneath all wrappers; `built`: where that is built, None out of sight. `method`: that by which the
    model is run, "" where it is called. `data`: what its inputs came through, by number. `replaced`: where weights were
    loaded, and where a layer was exchanged for a new one since. `unseen`: whether the parts of which nothing is known
    that its own code calls may record a graph. `others`: the other models that the very call may run, with their
    submodules.
    """

    id: int
    at: Place
    receiver: str
    address: Address
    klass: Symbol | None
    nature: Nature
    mode: Mode
    grad: Grad
    inputs: Flow
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    inside: bool
    sure: bool
    marks: dict[str, Step | None]
    family: frozenset[Address] = frozenset()
    own_mode: Mode = UNKNOWN_MODE
    frozen: tuple[FrozenPart, ...] = ()
    trained: bool = False
    differentiated: bool = False
    escapes: bool = False
    part_of: int | None = None
    core: Symbol | None = None
    built: Place | None = None
    method: str = ""
    data: dict[int, Term] = field(default_factory=dict)
    replaced: tuple[Step, Step] | None = None
    unseen: frozenset[bool] = frozenset()
    others: frozenset[Address] = frozenset()


@dataclass(slots=True)
class Creation:
    """A loader or pipeline that was made: what of, in which functions, and the names it was given.

    `fed`: where a pipeline is given nothing but a fresh tensor. `decided`: where the arguments that are variables, or
    come from a dict, were given the constant that they are, by their keywords.
    """

    kind: Literal["loader", "pipeline"]
    term: Term
    frames: tuple[Caller, ...]
    names: dict[str, Place] = field(default_factory=dict)
    fed: Place | None = None
    decided: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backward:
    """`loss.backward()` and its like; `flow` is that of the loss."""

    at: Place
    flow: Flow
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    grad: Grad


@dataclass(frozen=True, slots=True)
class Accumulation:
    """A value added to, or put into, something that outlives a pass of the loop it happens in.

    `sum` names the accumulator in the flow of what it gives; `renewed` are the loops each pass of which begins it anew.
    """

    at: Place
    target: str
    flow: Flow
    how: str
    sum: Place
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    grad: Grad
    renewed: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure:
    """Something computed from models' outputs gets a name that says it is of an evaluation: `val_loss`."""

    at: Place
    name: str
    flow: Flow
    frames: tuple[Caller, ...]


@dataclass(frozen=True, slots=True)
class ModeChange:
    """`eval()` or `train()` of a module. `undoes`: the eval() of single parts that a train() of the whole overrules."""

    at: Place
    receiver: str
    address: Address
    to: Mode
    before: Mode
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    undoes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ExportCall:
    """A model is traced, exported or written in the mode it has at this moment.

    `deliberate`: the call asks for training mode, or switches the model itself. `unsure`: which of these it does
    depends on the version of the exporter. `after`: so many forward calls had been seen before it.
    """

    at: Place
    function: str
    receiver: str
    address: Address
    klass: Symbol | None
    nature: Nature
    mode: Mode
    frames: tuple[Caller, ...]
    deliberate: bool
    unsure: bool
    after: int


class Owner(NamedTuple):
    """An object that has state. `wrapped`: its keys have this prefix of a wrapper. `statistics`: it holds batch norm.

    `loaded`: weights were loaded into it before. `family`: it and its submodules.
    """

    address: Address
    role: Literal["module", "optimizer", "scheduler", "scaler", "unknown"]
    label: str
    klass: Symbol | None
    wrapped: str
    statistics: bool | None
    loaded: bool
    family: frozenset[Address]


class Part(NamedTuple):
    """What a saved value holds under a key ("" none): somebody's state, its parameters only, or the object as a whole.

    `live`: the state shares its owner's tensors, which training has changed since where `overtaken` says so. `kept`:
    where it was taken, in the function `taken_in` and within these `loops`. `rekeyed`: its own keys are made anew;
    `filtered`: some may be left out, or exchanged.
    """

    key: str
    what: Literal["state", "parameters", "whole"]
    owner: Owner
    label: str
    kept: Place | None
    taken_in: str | None = None
    live: Step | None = None
    overtaken: Step | None = None
    rekeyed: bool = False
    filtered: bool = False
    loops: tuple[Address, ...] = ()


class Saved(NamedTuple):
    """A value with somebody's state in it is written to a file."""

    at: Place
    by: str
    parts: tuple[Part, ...]
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    call: Call


class Loaded(NamedTuple):
    """A file is read. `spread`: arguments that the call itself does not name are among those it is read with."""

    at: Place
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    call: Call
    spread: bool


class Unpickled(NamedTuple):
    """What came from the file read at `at` is used as a module: `name` says how."""

    at: Place
    used_at: Place
    label: str
    name: str
    frames: tuple[Caller, ...]


class Restored(NamedTuple):
    """`load_state_dict` of what stood under `key` in the file read at `source`, or of something else (None).

    `whole`: of all that stood there. `lenient`: with `strict=False`. `after`: so many forward calls had been seen
    before it.
    """

    at: Place
    owner: Owner
    source: Place | None
    key: str
    whole: bool
    lenient: bool
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    call: Call
    after: int


class StaleUse(NamedTuple):
    """A state is used that shares the tensors of its owner, which training has changed since it was taken at `at`."""

    at: Place
    function: str
    owner: Owner
    taken: Step
    overtaken: Step
    how: Literal["restored", "saved", "returned"]
    used_at: Place
    label: str


class KeptModel(NamedTuple):
    """A module gets another name, one of the best, in a `loop` that does not build it anew: `target = code`, or, under
    a key, `target = (code, score)`."""

    at: Place
    name: Name | Attribute
    target: str
    code: str
    family: frozenset[Address]
    loop: Address
    frames: tuple[Caller, ...]
    key: object = None


class Created(NamedTuple):
    """An optimizer, scheduler or scaler is made. `begins`: it is told where to begin; `moves`: whose rate it sets;
    `trains`: the modules whose parameters it is given, None where one of them may be out of sight."""

    at: Place
    owner: Owner
    begins: bool
    moves: frozenset[Address]
    trains: frozenset[Address] | None
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]
    call: Call


class Stepped(NamedTuple):
    """An optimizer, scheduler or scaler takes a step. `told`: it is given the epoch or a measure."""

    at: Place
    owner: Owner
    told: bool
    frames: tuple[Caller, ...]
    loops: tuple[Address, ...]


class Replaced(NamedTuple):
    """A new layer takes the place of one whose weights were loaded before: `model.name`."""

    at: Place
    model: str
    load: Step
    new: Step


StateEvent: TypeAlias = Replaced | Saved | Loaded | Unpickled | Restored | StaleUse | KeptModel | Created | Stepped


@dataclass(frozen=True, slots=True)
class LoaderPass:
    """A loop goes over what the loaders built at these places give. `sure`: it goes over nothing else."""

    loop: Address
    loaders: frozenset[Place]
    sure: bool


@dataclass(frozen=True, slots=True)
class Reveal:
    """A `reveal_mode(model)` or `reveal_grad()` in a test's program."""

    at: Place
    text: str


@dataclass(slots=True)
class Events:
    """Everything that one entry's run saw.

    `complete`: it was followed to its end, not cut off by its budget; `failed`: how evallint itself failed on it.
    `orphan`: the entry is a function whose caller is out of sight. Negative numbers in a flow are calls out of sight:
    `doubtful` gives the forward calls behind some of them, which may be no models' at all; `parts` the calls of which
    others are one of several results, `items` those of whose results others are what stands under a name; `confirmed`
    are those whose result a backward() proved to hold a graph; `unfed` those that were given nothing with one, of
    which the backward() of a loss that is a model's too proves nothing.
    `thawed`: the modules whose parameters are to be trained again, each with a loop in which that is said.
    `short` are the loops that make a few passes only, `batches` those over data, as far as loaders and names tell;
    `takes` the variables that a loop sets.
    `sources`: the loaders, data sets and transforms that the numbers in flows stand for; `created`: the loaders and
    pipelines made;
    `built`: in which functions the program's own transforms were.
    `supposed`: it went into branches that constants in sight rule out; `by_default`: it built a class with its default
    arguments and the weights that this offers.
    """

    entry: str
    forwards: list[ForwardCall] = field(default_factory=list)
    backwards: list[Backward] = field(default_factory=list)
    accumulations: list[Accumulation] = field(default_factory=list)
    changes: list[ModeChange] = field(default_factory=list)
    exports: list[ExportCall] = field(default_factory=list)
    bare_switches: list[BareSwitch] = field(default_factory=list)
    passes: list[LoaderPass] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    reveals: list[Reveal] = field(default_factory=list)
    states: list[StateEvent] = field(default_factory=list)
    confirmed: set[int] = field(default_factory=set)
    unfed: set[int] = field(default_factory=set)
    parts: dict[int, int] = field(default_factory=dict)
    items: dict[int, int] = field(default_factory=dict)
    doubtful: dict[int, int] = field(default_factory=dict)
    orphan: bool = False
    differentiating: set[tuple[str, str]] = field(default_factory=set)
    thawed: set[tuple[Address, Address]] = field(default_factory=set)
    short: set[Address] = field(default_factory=set)
    batches: set[Address] = field(default_factory=set)
    takes: dict[Address, frozenset[str]] = field(default_factory=dict)
    summed_backwards: set[Place] = field(default_factory=set)
    complete: bool = True
    failed: str = ""
    supposed: bool = False
    by_default: bool = False
    sources: dict[int, Address] = field(default_factory=dict)
    created: dict[Address, Creation] = field(default_factory=dict)
    built: dict[Address, tuple[Caller, ...]] = field(default_factory=dict)

    def number(self) -> int:
        """How much was seen so far."""
        seen: tuple[Sized, ...] = (
            self.forwards,
            self.backwards,
            self.accumulations,
            self.changes,
            self.exports,
            self.bare_switches,
            self.passes,
            self.figures,
            self.reveals,
            self.states,
            self.sources,
            self.created,
            self.built,
        )
        return sum(map(len, seen))

    def tell_of_models(self) -> bool:
        """Whether anything was done with what is known to be a model, or with its data."""
        return bool(
            self.changes
            or self.exports
            or self.backwards
            or self.states
            or self.created
            or any(event.sure for event in self.forwards)
        )

    def behind(self, number: int) -> Iterator[ForwardCall]:
        """The run of a model that a number in a flow stands for, and those that it is part of."""
        seen: int | None = self.doubtful.get(number, number)
        while seen is not None and seen >= 0:
            yield self.forwards[seen]
            seen = self.forwards[seen].part_of
