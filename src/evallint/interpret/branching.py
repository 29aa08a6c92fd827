"""Tests: how they come out, and what holds on the way that each of them opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import Draw
from evallint.facts import Expr
from evallint.interpret import data, ending, entering, naming, narrowing
from evallint.interpret.frames import Loop
from evallint.interpret.outcomes import together, truth_of
from evallint.interpret.reading import asked, conditions, is_among_constants, is_switch, is_with_constant
from evallint.interpret.render import code
from evallint.interpret.sampling import Doubt
from evallint.interpret.values import UNKNOWN, Address, State, Value, constant
from evallint.program import External

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine


def if_(machine: Machine, statement: f.If, state: State) -> list[State]:
    if freezes_what_learns(statement):
        return machine.block(statement.body, [state])
    truth = holds(machine, statement.test, state)
    if truth is None:
        machine.untaken.undecided(statement, machine.frame.path)
    elif machine.untaken.decided(statement, machine.frame.path, truth):
        return machine.block(statement.body if truth else statement.orelse, [state])
    split = is_repeated(machine, statement.test) or decides_mode(machine, statement, state)
    other = state.fork()
    doubts = begin_doubts(machine, statement.test, state)
    assume(machine, statement.test, state, True)
    assume(machine, statement.test, other, False)
    for loop in machine.frame.loops:
        if holds_last(machine, loop, statement.test):
            state.assumed[loop.address, ending.LAST] = split = True
    returned = len(machine.frame.returns)
    ends = [machine.block(statement.body, [state]), machine.block(statement.orelse, [other])]
    end_doubts(machine, doubts)
    if ends_open(statement):
        ends[1] = together(ends[1])
    if doubts:
        if not all(ends) and len(machine.frame.returns) > returned:  # what follows is done to the others only
            machine.doubts.update(doubts)
        return together([*ends[0], *ends[1]])
    found = ends[0] + ends[1]
    return found if split else together(found)


def ends_open(statement: f.If) -> bool:
    """Whether what an `if` names, and the last `elif`, are all that there is to choose from, as far as one can see:
    then nobody means the way past both, `if kind == "mlp": …` and `elif kind == "resnet": …`."""
    match statement.test, statement.orelse:
        case f.Comparison() as first, (f.If(f.Comparison() as last, _, ()),):
            return is_with_constant(first) and is_with_constant(last) and code(first.left) == code(last.left)
    return False


def freezes_what_learns(statement: f.If) -> bool:
    """Whether parameters are frozen if they are not frozen yet: `if p.requires_grad: p.requires_grad = False`."""
    test = statement.test
    if not isinstance(test, f.Attribute) or test.name != "requires_grad" or statement.orelse:
        return False
    match statement.body:
        case (f.Assign((target,), f.Constant(False)),):
            return code(target) == code(test)
        case (f.Evaluate(f.Call(f.Attribute(owner, "requires_grad_"), (f.Argument(f.Constant(False)),))),):
            return code(owner) == code(test.value)
    return False


def holds_last(machine: Machine, loop: Loop, test: Expr) -> bool:
    """Whether a test holds in the last pass of a loop only."""
    return loop.ending is not None and ending.is_last(test, loop.ending, machine.body())


def decides_mode(machine: Machine, statement: f.If, state: State) -> bool:
    """Whether a test that other functions may ask too decides what is switched."""
    if machine.coarse or not any(is_switch(one) for one in (*statement.body, *statement.orelse)):
        return False
    return asked_by_others(machine, statement.test, state) is not None


def begin_doubts(machine: Machine, test: Expr, state: State) -> tuple[Doubt, ...]:
    """What follows happens or not: by chance, as the sample is, or as something unknown says."""
    if machine.notes is None:
        return ()
    open_parts = [one for one in conditions(test) if holds(machine, one, state) is None] or [test]
    doubts = tuple(dict.fromkeys(data.doubt(hangs_on(machine, one, state)) for one in open_parts))
    machine.doubts.update(doubts)
    return doubts


def end_doubts(machine: Machine, doubts: tuple[Doubt, ...]) -> None:
    machine.doubts.subtract(doubts)


def hangs_on(machine: Machine, test: Expr, state: State) -> Value:
    """What a test hangs on."""
    if isinstance(test, f.Comparison | f.Logic):
        left, right = hangs_on(machine, test.left, state), hangs_on(machine, test.right, state)
        return Value(flow=left.flow.join(right.flow))
    return hangs_on(machine, test.operand, state) if isinstance(test, f.Unary) else machine.value(test, state)


def match(machine: Machine, statement: f.Match, state: State) -> list[State]:
    subject = machine.value(statement.subject, state).constant()
    found: list[State] = []
    decided = False
    for case in statement.cases:
        if subject is not None and case.constants:
            if all(constant.value != subject.value for constant in case.constants):
                continue
            decided = True
        one = state.fork()
        for name in case.binds:
            naming.set_name(machine, name, UNKNOWN, one)
        found += machine.block(case.body, [one])
        if decided or (not case.constants and case.guard is None and subject is not None):
            decided = True
            break
    if not decided:
        found.append(state)
    return together(found)


def holds(machine: Machine, test: Expr, state: State) -> bool | None:
    """Whether a test holds, None where that is not known."""
    if isinstance(test, f.Unary) and test.operator == "not":
        inner = holds(machine, test.operand, state)
        return None if inner is None else not inner
    if isinstance(test, f.Logic):
        left = holds(machine, test.left, state)
        if left is not None and left == (test.operator == "or"):
            return left
        right = holds(machine, test.right, state)
        if right is not None and right == (test.operator == "or"):
            return right
        return right if left is not None else None
    found = truth_of(machine.value(test, state), state)
    if found is None:
        found = assumed(machine, test, state) if state.assumed else None
    if found is None and isinstance(test, f.Attribute) and machine.flags.is_true(test.name):
        return True
    if found is None and isinstance(test, f.Comparison) and machine.notes is not None:
        found = by_chance(machine, test, state)
    if found is None and isinstance(test, f.Comparison) and is_with_constant(test):
        return False if is_another(machine, test, state) else None
    return found


def by_chance(machine: Machine, test: f.Comparison, state: State) -> bool | None:
    """What comes of a number between 0 and 1 that is drawn, beside a probability of 0 or 1."""
    for drawn, operator, other in (
        (test.left, test.operator, test.right),
        (test.right, MIRRORED.get(test.operator, ""), test.left),
    ):
        if not draws_unit(machine, drawn):
            continue
        bound = machine.value(other, state).constant()
        if bound is None or not isinstance(bound.value, int | float) or 0 < bound.value < 1:
            return None
        return {"<": bound.value >= 1, "<=": bound.value >= 1, ">": bound.value <= 0, ">=": bound.value <= 0}.get(
            operator
        )
    return None


MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def draws_unit(machine: Machine, drawn: Expr) -> bool:
    """Whether an expression is a number that is drawn between 0 and 1: `random.random()`, `torch.rand(1).item()`."""
    if isinstance(drawn, f.Call) and isinstance(drawn.function, f.Attribute) and drawn.function.name == "item":
        drawn = drawn.function.value
    called = machine.program.resolve(machine.frame.path, drawn.function) if isinstance(drawn, f.Call) else None
    meaning = machine.apis.data(called.name) if isinstance(called, External) else None
    return isinstance(meaning, Draw) and meaning.unit


def assumed(machine: Machine, test: Expr, state: State) -> bool | None:
    """What was assumed of a test on the way, here or in another function."""
    found = state.assumed.get((machine.frames[-1].address, machine.text(test)))
    if found is not None:
        return found
    shared = asked_by_others(machine, test, state)
    return state.assumed.get(shared) if shared is not None else None


def is_another(machine: Machine, test: f.Comparison, state: State) -> bool:
    """Whether what is compared with a constant was taken to be another one: `mode == "a"`, then `mode == "b"`."""
    equal = machine.frame.tests.equal.get(code(test.left), ())
    return any(state.assumed.get((machine.frame.address, text)) for text in equal)


def assume(machine: Machine, test: Expr, state: State, outcome: bool) -> None:
    """Go on as if a test had come out so."""
    if isinstance(test, f.Unary) and test.operator == "not":
        assume(machine, test.operand, state, not outcome)
        return
    if isinstance(test, f.Logic):
        if outcome == (test.operator == "and"):
            assume(machine, test.left, state, outcome)
            assume(machine, test.right, state, outcome)
        return
    frame = machine.frame
    shared = asked_by_others(machine, test, state)
    if shared is not None:
        state.assumed[shared] = outcome
    if isinstance(test, f.Name) and test.id not in frame.tests.used:
        value = constant(True) if outcome else constant(False).join(constant(None))
        state.own(frame.address).attributes[test.id] = value
        return
    if (
        outcome
        and isinstance(test, f.Comparison)
        and test.operator == "=="
        and (
            isinstance(test.left, f.Name)
            and isinstance(test.right, f.Constant)
            and test.left.id not in frame.tests.used
        )
    ):
        state.own(frame.address).attributes[test.left.id] = constant(test.right.value)
        return
    if isinstance(test, f.Call):
        narrowing.narrow(machine, test, state, outcome)
    else:
        state.assumed[frame.address, machine.text(test)] = outcome


def asked_by_others(machine: Machine, test: Expr, state: State) -> tuple[Address, str] | None:
    """What other functions may ask in a plain test: a variable of the file, or an attribute of an object."""
    if isinstance(test, f.Comparison) and (is_with_constant(test) or is_among_constants(test)):
        left = asked_by_others(machine, test.left, state)
        return (left[0], f"{left[1]} {test.operator} {code(test.right)}") if left is not None else None
    if isinstance(test, f.Attribute):
        base = machine.value(test.value, state)
        return next(((ref, test.name) for ref in base.refs() if len(base.atoms) == 1), None)
    frame = machine.frames[-1]
    outer: Address = ("module", frame.path)
    if not isinstance(test, f.Name) or outer not in state.heap or outer == frame.address:
        return None
    own, names = state.heap[frame.address].attributes, state.heap[outer].attributes
    return (outer, test.id) if test.id in names and test.id not in own else None


def is_repeated(machine: Machine, test: Expr) -> bool:
    repeated = machine.frames[-1].tests.repeated
    if machine.coarse or not repeated:
        return False
    return any(text in repeated for text in asked(test))


def choice(machine: Machine, expression: f.Choice, state: State) -> Value:
    truth = holds(machine, expression.test, state)
    if truth is not None:
        return machine.value(expression.body if truth else expression.orelse, state)
    doubts = begin_doubts(machine, expression.test, state)
    with narrowing.narrowed(machine, expression.test, state, True):
        value = machine.value(expression.body, state)
    with narrowing.narrowed(machine, expression.test, state, False):
        value = value.join(machine.value(expression.orelse, state))
    end_doubts(machine, doubts)
    return value


def assert_(machine: Machine, statement: f.Assert, state: State) -> list[State]:
    machine.value(statement.test, state)
    if isinstance(statement.test, f.Constant) and not statement.test.value:  # `assert False`, as good as a `raise`
        entering.leaves_by_exception(machine, state)
        return []
    assume(machine, statement.test, state, True)
    return [state]
