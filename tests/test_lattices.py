"""The laws of the lattices that the interpreter is made of: a join has seen what either path saw, and no more."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evallint.facts import Span
from evallint.findings import Place, Step
from evallint.interpret import values
from evallint.interpret.values import (
    GRAD_ON,
    GRAD_UNKNOWN,
    MAY,
    NO_FLOW,
    OPEN,
    SYNTHETIC,
    UNKNOWN,
    UNKNOWN_MODE,
    WIDEST,
    Address,
    Arguments,
    Atom,
    Change,
    Flow,
    Grad,
    Known,
    Mode,
    Ref,
    Role,
    State,
    Thing,
    Value,
    constant,
    join_things,
    joined,
    of,
)
from evallint.program import ClassSymbol, Nature

examples = settings(max_examples=40, deadline=None)


class Joins(Protocol):
    def join(self, other: Any) -> Any: ...


Element = TypeVar("Element", bound=Joins)


def place(line: int) -> Place:
    return Place("main.py", Span(line, 1, line, 9))


def change(line: int) -> Change:
    return Change(Step(place(line), f"changed on line {line}"), "called")


def keeps_the_laws(one: Element, two: Element, three: Element, means: Callable[[Element], object]) -> None:
    """Joins of three elements, compared by what they mean."""
    assert means(one.join(one)) == means(one)
    assert means(one.join(two)) == means(two.join(one))
    assert means(one.join(two).join(three)) == means(one.join(two.join(three)))
    assert means(one.join(one.join(two))) == means(one.join(two))
    if means(one.join(two)) == means(two):
        assert means(one.join(three).join(two.join(three))) == means(two.join(three)), "join is monotone"


# ---- modes and gradients: over all elements -----------------------------------------------------

MODES = [
    Mode(train, eval_, unknown)
    for train in (None, change(1), change(2))
    for eval_ in (None, change(3), change(4))
    for unknown in (False, True)
]
GRADS = [Grad(on, off, unknown) for on in (False, True) for off in (None, change(5).step) for unknown in (False, True)]


@pytest.mark.parametrize("elements", [MODES, GRADS], ids=["modes", "grads"])
def test_all_elements_keep_the_laws(elements: list[Joins]) -> None:
    for one, two, three in itertools.product(elements, repeat=3):
        keeps_the_laws(one, two, three, str)


def test_a_join_of_modes_may_be_either_and_nothing_else() -> None:
    for one, two in itertools.product(MODES, repeat=2):
        both = one.join(two)
        assert set(str(both).split(" | ")) - {""} == set(f"{one} | {two}".split(" | ")) - {""}
        assert both.train in (one.train, two.train)
        assert both.eval in (one.eval, two.eval)


def test_what_may_be_unknown_stays_so() -> None:
    assert all(mode.join(UNKNOWN_MODE).unknown for mode in MODES)
    assert all(grad.join(GRAD_UNKNOWN).unknown for grad in GRADS)
    assert str(GRAD_ON.join(GRAD_UNKNOWN)) == "on | unknown"


def test_the_first_of_two_causes_is_told() -> None:
    assert Mode(train=change(1)).join(Mode(train=change(2))).train == change(1)
    assert Grad(False, change(1).step).join(Grad(False, change(2).step)).off == change(1).step


def test_modes_are_the_same_whatever_set_them() -> None:
    for one, two in itertools.product(MODES, repeat=2):
        bare = [(mode.train is None, mode.eval is None) for mode in (one, two)]
        assert one.same_modes(two) == (bare[0] == bare[1])


# ---- flow and values ----------------------------------------------------------------------------

NUMBERS = st.frozensets(st.integers(0, 3), max_size=2)
ROLES = st.frozensets(st.sampled_from([Role("train", True, "a"), Role("eval", True, "b"), Role("eval", False, "c")]))
FLOWS = st.sampled_from([NO_FLOW, SYNTHETIC]) | st.builds(
    Flow, NUMBERS, NUMBERS, ROLES, st.frozensets(st.integers(1, 2).map(place)), st.booleans()
)
ATOMS: st.SearchStrategy[Atom] = st.sampled_from(
    [Known(1, int), Known(1.0, float), Known(True, bool), Known(None, type(None)), Ref(("a",)), Ref(("b",)), OPEN]
)
VALUES = st.builds(Value, st.frozensets(ATOMS, max_size=3), FLOWS)
WIDE = st.frozensets(st.integers(0, 2 * WIDEST).map(lambda number: Known(number, int)), max_size=WIDEST).map(Value)


def may_be(value: Value) -> frozenset[Atom]:
    """What a value may be: no atoms mean as much as the open one."""
    return value.atoms or frozenset((OPEN,))


def meaning(value: Value) -> object:
    return may_be(value), value.flow


def outline(value: Value) -> object:
    """Of what may be anything, nothing more is told apart."""
    return None if OPEN in may_be(value) else value.atoms


@examples
@given(FLOWS, FLOWS, FLOWS)
def test_flows_keep_the_laws(one: Flow, two: Flow, three: Flow) -> None:
    keeps_the_laws(one, two, three, lambda flow: flow)


@examples
@given(FLOWS, FLOWS)
def test_a_join_of_flows_is_their_union(one: Flow, two: Flow) -> None:
    both = one.join(two)
    assert (both.graph, both.cut) == (one.graph | two.graph, one.cut | two.cut)
    assert (both.roles, both.sums) == (one.roles | two.roles, one.sums | two.sums)
    assert both.synthetic == (one.synthetic and two.synthetic)


@examples
@given(FLOWS, FLOWS)
def test_what_is_detached_depends_on_the_same_calls_without_a_graph(one: Flow, two: Flow) -> None:
    cut = one.detached()
    assert not cut.graph
    assert cut.cut == one.cut | one.graph
    assert cut.detached() == cut
    assert cut.join(two.detached()) == one.join(two).detached()


@examples
@given(VALUES, VALUES, VALUES)
def test_values_keep_the_laws(one: Value, two: Value, three: Value) -> None:
    keeps_the_laws(one, two, three, meaning)


@examples
@given(VALUES, VALUES)
def test_a_join_of_values_may_be_either_and_nothing_else(one: Value, two: Value) -> None:
    assert may_be(one.join(two)) == may_be(one) | may_be(two)


@examples
@given(WIDE, WIDE, WIDE)
def test_wide_values_keep_the_laws(one: Value, two: Value, three: Value) -> None:
    assert outline(one.join(two)) == outline(two.join(one))
    assert outline(one.join(two).join(three)) == outline(one.join(two.join(three)))
    if outline(one.join(two)) is not None:
        assert len(one.join(two).atoms) <= WIDEST


@examples
@given(VALUES)
def test_a_join_with_the_unknown_is_no_definite_constant(value: Value) -> None:
    for both in (value.join(UNKNOWN), UNKNOWN.join(value)):
        assert both.constant() is None
        assert both.text() is None
        assert set(value.refs()) == set(both.refs()), "what it may be is not forgotten"


@examples
@given(ATOMS, ATOMS)
def test_a_join_of_two_constants_is_one_only_where_they_are_equal(one: Atom, two: Atom) -> None:
    found = of(one).join(of(two)).constant()
    assert found == (one if one == two and isinstance(one, Known) else None)


def test_equal_numbers_of_different_kinds_are_different_constants() -> None:
    assert len({constant(1), constant(1.0), constant(True)}) == 3
    assert constant(1).join(constant(True)).constant() is None


@examples
@given(
    st.lists(VALUES, min_size=1, max_size=5).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))
)
def test_the_order_of_a_join_does_not_matter(both: tuple[list[Value], list[Value]]) -> None:
    assert meaning(joined(both[0])) == meaning(joined(both[1]))


def test_a_join_of_nothing_is_unknown() -> None:
    assert joined([]) == UNKNOWN


@examples
@given(VALUES, FLOWS)
def test_more_flow_changes_nothing_else(value: Value, flow: Flow) -> None:
    assert value.with_flow(flow).atoms == value.atoms
    assert value.with_flow(flow).flow in (value.flow.join(flow), value.flow)
    assert value.with_flow(flow).flow.graph == value.flow.graph | flow.graph


# ---- objects ------------------------------------------------------------------------------------

NAMES = ["x", "y"]
SURE_MARKS = ["frozen", "all eval"]
MARKS = [*SURE_MARKS, *sorted(MAY)[:2]]
PENDING = [None, Arguments(), Arguments(spread=True)]
SMALL_VALUES = st.sampled_from([constant(1), constant(2), of(OPEN), of(Ref(("a",)))])
THINGS = st.builds(
    Thing,
    kind=st.just("module"),
    klass=st.sampled_from([None, ClassSymbol("main.py", 0), ClassSymbol("main.py", 1)]),
    mode=st.sampled_from(MODES),
    attributes=st.dictionaries(st.sampled_from(NAMES), SMALL_VALUES),
    items=st.dictionaries(st.integers(0, 1), SMALL_VALUES),
    rest=st.none() | SMALL_VALUES,
    marks=st.dictionaries(st.sampled_from(MARKS), st.none()),
    pending=st.sampled_from(PENDING),
    nature=st.sampled_from([None, Nature("yes"), Nature("no")]),
    grad=st.sampled_from([None, *GRADS]),
)


def of_thing(thing: Thing) -> dict[str, object]:
    """What can be told of an object: not what set its mode, nor who owns it."""
    return {
        "klass": thing.klass,
        "nature": thing.nature,
        "pending": id(thing.pending),
        "mode": str(thing.mode),
        "grad": str(thing.grad),
        "attributes": {name: value.atoms for name, value in thing.attributes.items()},
        "items": {name: value.atoms for name, value in thing.items.items()},
        "rest": thing.rest and thing.rest.atoms,
        "marks": set(thing.marks),
    }


@dataclass(frozen=True)
class Joined:
    """Gives things the one method that the laws are about."""

    thing: Thing

    def join(self, other: Joined) -> Joined:
        return Joined(join_things(self.thing, other.thing, None))


@examples
@given(THINGS, THINGS, THINGS)
def test_things_keep_the_laws(one: Thing, two: Thing, three: Thing) -> None:
    keeps_the_laws(Joined(one), Joined(two), Joined(three), lambda joined: of_thing(joined.thing))


@examples
@given(THINGS, THINGS)
def test_a_join_of_things_has_what_either_has_and_surely_only_what_both_have(one: Thing, two: Thing) -> None:
    both = join_things(one, two, None)
    assert both.attributes.keys() == one.attributes.keys() | two.attributes.keys()
    assert both.items.keys() == one.items.keys() | two.items.keys()
    assert both.marks.keys() & MAY == (one.marks.keys() | two.marks.keys()) & MAY
    assert both.marks.keys() - MAY == (one.marks.keys() & two.marks.keys()) - MAY
    assert both.klass == (one.klass if one.klass == two.klass else None)


def test_a_copy_lacks_nothing() -> None:
    """Each field is copied by name, for speed: one that is forgotten is lost with the next change."""
    unlike: dict[str, Any] = {one.name: object() for one in fields(Thing)}
    unlike |= {"attributes": {"x": UNKNOWN}, "items": {0: UNKNOWN}, "marks": {"z": None}}
    thing = Thing(**unlike)
    assert all(getattr(thing.copy(thing.owner), name) == value for name, value in unlike.items())


@examples
@given(THINGS, THINGS)
def test_a_key_of_one_of_two_things_may_be_missing(one: Thing, two: Thing) -> None:
    both = join_things(one, two, None)
    assert all(key in both.maybe for key in one.items.keys() ^ two.items.keys())


@examples
@given(THINGS, THINGS)
def test_a_join_shares_nothing_that_may_be_changed_with_its_parts(one: Thing, two: Thing) -> None:
    both = join_things(one, two, None)
    before = of_thing(one), of_thing(two)
    both.attributes["z"] = UNKNOWN
    both.items["z"] = UNKNOWN
    both.marks["z"] = None
    assert (of_thing(one), of_thing(two)) == before


# ---- moments ------------------------------------------------------------------------------------


@dataclass
class Plain:
    """A moment as the definition has it: every fork copies the whole heap, and every join looks at all of it."""

    heap: dict[Address, Thing] = field(default_factory=dict)
    grad: Grad = GRAD_ON
    assumed: dict[tuple[Address, str], bool] = field(default_factory=dict)

    def fork(self) -> Plain:
        return Plain({address: thing.copy(None) for address, thing in self.heap.items()}, self.grad, dict(self.assumed))

    def join(self, other: Plain) -> Plain:
        heap = other.fork().heap
        for address, ours in self.heap.items():
            theirs = heap.get(address)
            heap[address] = ours if theirs is None else plain_join(ours, theirs)
        assumed = dict(self.assumed.items() & other.assumed.items())
        return Plain(heap, self.grad.join(other.grad), assumed)

    def differs(self, earlier: Plain) -> bool:
        for address, then in earlier.heap.items():
            now = self.heap[address]
            lost = [name for name, value in then.attributes.items() if now.attributes.get(name) != value]
            if lost or now.marks.keys() != then.marks.keys() or not now.mode.same_modes(then.mode):
                return True
        return False


def plain_join(ours: Thing, theirs: Thing) -> Thing:
    names = ours.attributes.keys() | theirs.attributes.keys()
    held = {name: [part.attributes[name] for part in (ours, theirs) if name in part.attributes] for name in names}
    sure = ours.marks.keys() & theirs.marks.keys()
    return Thing(
        ours.kind,
        mode=Mode(*(one or other for one, other in zip(modes_of(ours), modes_of(theirs), strict=True))),
        attributes={name: Value(frozenset().union(*(part.atoms for part in parts))) for name, parts in held.items()},
        marks={name: None for name in ours.marks.keys() | theirs.marks.keys() if name in MAY or name in sure},
    )


def modes_of(thing: Thing) -> tuple[Any, Any, Any]:
    return thing.mode.train, thing.mode.eval, thing.mode.unknown


def seen(state: State | Plain) -> object:
    """All that can be told of a moment."""
    return {address: of_thing(thing) for address, thing in state.heap.items()}, str(state.grad), state.assumed


ADDRESSES: list[Address] = [("a",), ("b",)]
SETTINGS = [Mode(train=change(1)), Mode(eval=change(2)), UNKNOWN_MODE]


@dataclass(frozen=True)
class Move:
    """One thing that an interpreter does with one of the moments it holds."""

    does: str
    moment: int
    other: int
    address: Address
    name: str
    number: int


KINDS = "fork fork join join bind bind mark mark unbind unmark switch put adopt grad assume".split()
MOVES = st.builds(
    Move,
    st.sampled_from(KINDS),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(ADDRESSES),
    st.sampled_from(NAMES),
    st.integers(0, 3),
)


def random_moves(seed: int) -> list[Move]:
    """Hypothesis would take as long for ten such programs as this for a hundred."""
    any_of = random.Random(seed)
    return [
        Move(
            any_of.choice(KINDS),
            any_of.randrange(4),
            any_of.randrange(4),
            any_of.choice(ADDRESSES),
            any_of.choice(NAMES),
            any_of.randrange(4),
        )
        for _ in range(40)
    ]


class Moments:
    """The same moments twice: as the interpreter keeps them, and as the definition has it."""

    def __init__(self) -> None:
        self.live: list[tuple[State, Plain]] = [(State(), Plain())]
        for address in ADDRESSES[:1]:
            self._put(*self.live[0], address)

    def make(self, move: Move) -> None:
        index = move.moment % len(self.live)
        state, plain = self.live[index]
        match move.does:
            case "fork":
                if len(self.live) < 4:
                    self.live.append((state.fork(), plain.fork()))
            case "join" | "adopt":
                self._merge(index, move.other % len(self.live), move.does)
            case "put":
                self._put(state, plain, move.address)
            case "grad":
                state.grad = plain.grad = GRADS[move.number]
            case "assume":
                state.assumed[move.address, move.name] = plain.assumed[move.address, move.name] = move.number > 1
            case _ if move.address in plain.heap:
                write(state.own(move.address), move)
                write(plain.heap[move.address], move)

    def agree(self) -> bool:
        return all(seen(state) == seen(plain) for state, plain in self.live)

    def agree_on_changes(self) -> bool:
        """Those that have all that the earlier had can be asked what has changed since."""
        return all(
            now.differs(then) == plainly_now.differs(plainly_then)
            for (now, plainly_now), (then, plainly_then) in itertools.product(self.live, repeat=2)
            if plainly_now.heap.keys() >= plainly_then.heap.keys()
        )

    def _merge(self, index: int, other: int, does: str) -> None:
        if index == other:
            return
        (state, plain), (their_state, their_plain) = self.live[index], self.live[other]
        if does == "adopt":
            state.adopt(their_state)
            self.live[index] = state, their_plain
        else:
            self.live[index] = state.join(their_state), plain.join(their_plain)
        del self.live[other]

    def _put(self, state: State, plain: Plain, address: Address) -> None:
        for heap_of in (state, plain):
            thing = Thing("module")
            if isinstance(heap_of, State):
                heap_of.put(address, thing)
            else:
                heap_of.heap[address] = thing


def write(thing: Thing, move: Move) -> None:
    match move.does:
        case "bind":
            thing.attributes[move.name] = constant(move.number)
        case "unbind":
            thing.attributes.pop(move.name, None)
        case "mark":
            thing.marks[MARKS[move.number]] = None
        case "unmark":
            thing.marks.pop(MARKS[move.number], None)
        case "switch":
            thing.mode = SETTINGS[move.number % len(SETTINGS)]


def follow(moves: Iterable[Move]) -> None:
    moments = Moments()
    for move in moves:
        moments.make(move)
    assert moments.agree()
    assert moments.agree_on_changes()
    while len(moments.live) > 1:
        moments.make(Move("join", 0, 1, (), "", 0))
        assert moments.agree()


@examples
@given(st.lists(MOVES, max_size=20), st.integers(1, 6))
def test_moments_agree_with_the_definition(moves: list[Move], longest_trail: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "LONGEST_TRAIL", longest_trail)
        follow(moves)


@pytest.mark.parametrize("longest_trail", [1, 3, 8, values.LONGEST_TRAIL])
def test_moments_agree_with_the_definition_in_many_programs(
    longest_trail: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "LONGEST_TRAIL", longest_trail)
    for seed in range(150):
        follow(random_moves(seed + 150 * longest_trail))


def test_a_fork_is_not_changed_by_its_sibling() -> None:
    one = State()
    one.put(("a",), Thing("module", attributes={"x": constant(1)}))
    two = one.fork()
    one.own(("a",)).attributes["x"] = constant(2)
    two.put(("b",), Thing("list"))
    two.grad = GRAD_UNKNOWN
    assert one.heap.keys() == {("a",)}
    assert one.grad == GRAD_ON
    assert two.heap["a",].attributes == {"x": constant(1)}


def test_a_join_sees_what_either_fork_wrote() -> None:
    one = State()
    one.put(("a",), Thing("module", attributes={"x": constant(1), "y": constant(1)}))
    two = one.fork()
    one.own(("a",)).attributes["x"] = constant(2)
    two.own(("a",)).attributes["y"] = constant(3)
    two.put(("b",), Thing("list"))
    both = one.join(two)
    assert both.heap["a",].attributes == {"x": constant(1).join(constant(2)), "y": constant(1).join(constant(3))}
    assert both.heap.keys() == {("a",), ("b",)}


def test_a_moment_from_before_many_forks_is_joined_whole() -> None:
    state, plain = State(), Plain()
    for heap in (state.heap, plain.heap):
        heap["a",] = Thing("module")
    early, plainly_early = state.fork(), plain.fork()
    for number in range(3 * values.LONGEST_TRAIL):
        address: Address = ("made", number % 7, number)
        state.fork()
        state.put(address, Thing("module", attributes={"x": constant(number)}))
        plain.heap[address] = Thing("module", attributes={"x": constant(number)})
        state.own(("a",)).attributes["x"] = constant(number)
        plain.heap["a",].attributes["x"] = constant(number)
        assert len(state.trail) <= values.LONGEST_TRAIL + 2
    assert seen(early.join(state)) == seen(plainly_early.join(plain))


def test_what_both_assumed_is_kept() -> None:
    one = State()
    two = one.fork()
    one.assumed = {(("a",), "x"): True, (("a",), "y"): True}
    two.assumed = {(("a",), "x"): True, (("a",), "y"): False}
    assert one.join(two).assumed == {(("a",), "x"): True}


def test_a_moment_has_not_changed_since_itself() -> None:
    state = State()
    state.put(("a",), Thing("module", attributes={"x": constant(1)}, mode=SETTINGS[0]))
    before = state.fork()
    assert not state.differs(before)
    state.own(("a",)).mode = Mode(train=change(9))
    assert not state.differs(before), "what set the mode is another, the mode is not"
    state.own(("a",)).mode = SETTINGS[1]
    assert state.differs(before)
