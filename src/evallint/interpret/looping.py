"""Loops and comprehensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.interpret import (
    assigning,
    branching,
    containers,
    data,
    ending,
    enumerations,
    generators,
    picking,
    states,
)
from evallint.interpret.events import LoaderPass
from evallint.interpret.frames import Loop
from evallint.interpret.outcomes import holds_model, is_settled, limited, together
from evallint.interpret.reading import gone_over, is_short, is_target, names_in, own_calls, reset_in
from evallint.interpret.roles import use_of, words
from evallint.interpret.sampling import SEEN, makes_views
from evallint.interpret.values import NO_FLOW, Address, Atom, Flow, Ref, Role, State, Thing, Value, in_order
from evallint.program import ClassSymbol
from evallint.walk import within

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

UNROLLED = 6
"""A loop over at most this many known elements is taken element by element."""

UNROLLED_ASIDE = 32
"""The same where a sample is run aside, through each transform of a pipeline."""


def for_(machine: Machine, statement: f.For, state: State) -> list[State]:
    iterable = iterated(machine, statement.iterable, state)
    known = known_elements(machine, iterable, state)
    if known is not None:
        return unrolled(machine, statement, known, state)
    address = ("loop", machine.frame.context, id(statement))
    note_pass(machine, address, statement.iterable, iterable, state)
    if is_short(statement.iterable):
        machine.events.short.add(address)
    machine.events.takes[address] = frozenset(node.id for node in within(statement.target) if isinstance(node, f.Name))
    generator = generators.pending_generator(iterable, state)
    if generator is not None:
        return driven(machine, statement, generator, address, state)

    def bind(head: State) -> None:
        machine.frame.span = statement.span
        element = picking.element(machine, iterable, head)
        if holds_model(element, head):
            machine.events.short.add(address)  # one model after the other: there are a few
            for ref in element.refs():
                machine.made[ref] = (*machine.made.get(ref, ()), address)
        assigning.bind(machine, statement.target, element, head)

    end = ending.ending(statement, machine.body())
    return passes(machine, address, statement.body, statement.orelse, state, bind, end=end)


def note_pass(machine: Machine, address: Address, expression: Expr, iterable: Value, state: State) -> None:
    """Remember which loaders a loop goes over, through `enumerate` and progress bars too."""
    core = gone_over(expression)
    value = machine.value(core, state) if isinstance(core, f.Name | f.Attribute | f.Subscript) else iterable
    loaders = [one for one in value.refs() if one in machine.events.created and one in state.heap]
    if loaders or any("loader" in words(name) for name in names_in(core)):
        machine.events.batches.add(address)
    built = frozenset(origin.at for one in loaders if (origin := state.heap[one].origin) is not None)
    if built:
        machine.events.passes.append(LoaderPass(address, built, len(loaders) == len(value.atoms)))


def while_(machine: Machine, statement: f.While, state: State) -> list[State]:
    address = ("loop", machine.frame.context, id(statement))

    def test(head: State) -> None:
        machine.value(statement.test, head)

    truth = branching.holds(machine, statement.test, state)
    if truth is False:
        return [state]
    endless = truth is True and isinstance(statement.test, f.Constant)
    return passes(machine, address, statement.body, statement.orelse, state, test, endless)


def passes(
    machine: Machine,
    address: Address,
    body: Block,
    orelse: Block,
    state: State,
    begin: Callable[[State], None],
    endless: bool = False,
    end: ending.Ending | None = None,
) -> list[State]:
    """Once for the first pass, and again from what the first may leave behind. Taken at least once: a loop that
    never ran would leave every model as it was, and no evaluation is meant so."""
    frame = machine.frame
    loop = Loop(address, resets(machine, body), end)
    head = state
    ends: list[State] = []
    for attempt in range(2):
        before = head.fork()
        frame.loops.append(loop)
        loop.continues.clear()
        begin(head)
        ends = machine.block(body, [head]) + loop.continues
        frame.loops.pop()
        again = [one for one in ends if not one.assumed.pop((address, ending.LAST), False)]
        if not again or attempt:
            break
        merged = together([one.fork() for one in again])[0]
        if not merged.differs(before):
            break
        head = before.join(merged)
    if endless:
        return ending.by_last(loop.breaks)
    return ending.by_last((machine.block(orelse, ends) if orelse else ends) + loop.breaks)


def resets(machine: Machine, body: Block) -> frozenset[str]:
    """What each pass assigns anew, be it in a method of the same object: `self.reset()`."""
    found = reset_in(body)
    symbol = machine.frame.symbol
    klass = machine.program.class_of(symbol) if symbol is not None else None
    if klass is None:
        return found
    for name in own_calls(body):
        method = machine.program.method(klass, name)
        if method is not None:
            found |= {text for text in reset_in(machine.program.body(method)) if text.startswith("self.")}
    return found


def driven(machine: Machine, statement: f.For, generator: Address, address: Address, state: State) -> list[State]:
    """A loop over a generator of the program: its code, with the loop's body in place of each `yield`."""
    frame = machine.frame
    loop = Loop(address, resets(machine, statement.body))

    def body(moment: State, value: Value) -> list[State]:
        frame.loops.append(loop)
        loop.continues.clear()
        assigning.bind(machine, statement.target, value, moment)
        ends = machine.block(statement.body, [moment]) + loop.continues
        frame.loops.pop()
        return together(ends)

    generators.drive(machine, generator, state, body)
    return together([state, *loop.breaks])


def unrolled(machine: Machine, statement: f.For, elements: list[Value], state: State) -> list[State]:
    frame = machine.frame
    states, left, again = [state], [], resets(machine, statement.body)
    digits = range((len(elements) - 1).bit_length())
    for number, element in enumerate(elements):
        loop = Loop(("loop", frame.context, id(statement), number), again)
        for one in states:
            assigning.bind(machine, statement.target, element, one)
            for digit in digits:  # what runs in one pass is told from what runs in the others
                one.assumed[frame.address, f"{machine.number(statement)}#{digit}"] = bool(number >> digit & 1)
        frame.loops.append(loop)
        states = limited(machine.block(statement.body, states) + loop.continues)
        frame.loops.pop()
        left += loop.breaks
    return together(states + left)


def known_elements(machine: Machine, iterable: Value, state: State) -> list[Value] | None:
    """The elements of a short literal list or dict, where each is known; of several that it may be, those of one that
    has the elements of all: of `["train", "val"] if validates else ["train"]` both."""
    found = [known_elements_of(machine, atom, state) for atom in in_order(iterable.atoms)]
    longest = max((one or [] for one in found), key=len, default=[])
    return longest if longest and all(one is not None and is_among(one, longest) for one in found) else None


def is_among(some: list[Value], elements: list[Value]) -> bool:
    return some is elements or all(one in elements for one in some)


def known_elements_of(machine: Machine, atom: Atom, state: State) -> list[Value] | None:
    if isinstance(atom, ClassSymbol):
        members = [value for value, _ in enumerations.members(machine, atom, state)]
        return members if 0 < len(members) <= UNROLLED else None
    if not isinstance(atom, Ref):
        return None
    thing = state.heap[atom.address]
    most = UNROLLED if machine.notes is None else UNROLLED_ASIDE
    if thing.kind in ("list", "dict") and thing.rest is None and 0 < len(thing.items) <= most:
        if thing.kind == "dict":
            return [containers.key_value(key) for key in thing.items]
        return list(thing.items.values())
    return None


def iterated(machine: Machine, expression: Expr, state: State) -> Value:
    """What a loop goes over, with what the names in it say of its use."""
    value = machine.value(expression, state)
    if is_settled(value.flow.roles):
        return value
    for name in names_in(expression):
        use = use_of(name)
        if use is not None:
            return value.used_as(Role(use, False, name))
    return value


def comprehension(machine: Machine, expression: f.Comprehension, state: State) -> Value:
    frame = machine.frame
    kept = dict(state.heap[frame.address].attributes)
    thing = Thing("dict" if expression.kind == "dict" else "list", born=machine.place())
    frame.loops.append(Loop(("loop", frame.context, id(expression))))
    iterable = iterated(machine, expression.clauses[0].iterable, state)
    known = known_elements(machine, iterable, state) if len(expression.clauses) == 1 else None
    if known is not None and not expression.clauses[0].conditions:
        flow = fill(machine, thing, expression, known, state)
    else:
        flow = fill_with_one(machine, thing, expression, iterable, state)
    if expression.kind != "dict":
        flow = flow.join(Flow(roles=iterable.flow.roles, sources=iterable.flow.sources))
    frame.loops.pop()
    own = state.own(frame.address)
    own.attributes = kept | {
        name: value for name, value in own.attributes.items() if name not in kept and not is_target(name, expression)
    }
    address = states.apart(machine, ("list", frame.context, machine.number(expression)), thing)
    state.put(address, thing)
    return Value(frozenset((Ref(address),)), flow)


def fill(machine: Machine, thing: Thing, expression: f.Comprehension, elements: list[Value], state: State) -> Flow:
    """Put into a list or dict what each of these elements gives; the flow of a list's."""
    frame, flow = machine.frame, NO_FLOW
    outer = frame.context
    for number, element in enumerate(elements):
        frame.context = machine.context(outer, "pass", number)  # each pass makes objects of its own
        assigning.bind(machine, expression.clauses[0].target, element, state)
        key = machine.value(expression.element, state)
        if expression.value is None:
            thing.items[number] = key
            flow = flow.join(key.flow)
            continue
        name = key.constant()
        value = machine.value(expression.value, state)
        thing.items[name.value if name is not None else containers.module_key(key, state) or number] = value
        if name is not None:
            data.named(machine, value, str(name.value))
    frame.context = outer
    return flow


def fill_with_one(machine: Machine, thing: Thing, expression: f.Comprehension, iterable: Value, state: State) -> Flow:
    """Put into a list or dict what any of its elements may be; the flow of that."""
    for clause in expression.clauses:
        element = picking.element(machine, iterated(machine, clause.iterable, state), state)
        assigning.bind(machine, clause.target, element, state)
        for condition in clause.conditions:
            machine.value(condition, state)
    before = len(machine.notes or ())
    key = machine.value(expression.element, state)
    if SEEN not in iterable.flow.sources and makes_views(machine, before):
        key = key.join(machine.value(expression.element, state))  # the next one
    value = machine.value(expression.value, state) if expression.value is not None else key
    module = containers.module_key(key, state) if expression.value is not None else None
    if module is not None:
        thing.items[module] = value
    else:
        thing.rest = value
    if any(clause.conditions for clause in expression.clauses):
        thing.marks["filtered"] = None
    return NO_FLOW.join(value.flow)
