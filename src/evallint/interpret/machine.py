"""The interpreter: runs a function's facts on abstract states, following calls into the program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from evallint import facts as f
from evallint.facts import Block, Expr, Span, Stmt
from evallint.findings import Place, Step
from evallint.interpret import (
    calls,
    choosing,
    containers,
    data,
    enumerations,
    generators,
    library,
    modules,
    narrowing,
    states,
)
from evallint.interpret.costs import Costs
from evallint.interpret.events import (
    Accumulation,
    BareSwitch,
    Caller,
    Events,
    Exhausted,
    Figure,
    ForwardCall,
    LoaderPass,
)
from evallint.interpret.flags import Flags
from evallint.interpret.outcomes import (
    compared,
    flow_of,
    foldable,
    folded,
    from_end,
    holds_model,
    is_settled,
    limited,
    together,
    truth_of,
    with_role,
)
from evallint.interpret.reading import (
    Tests,
    adds,
    asked,
    bound_names,
    conditions,
    flat,
    gone_over,
    handed_on,
    is_method_call,
    is_short,
    is_switch,
    is_target,
    is_with_constant,
    names_in,
    reset_in,
    tests_in,
)
from evallint.interpret.relevance import Relevance
from evallint.interpret.render import code, render
from evallint.interpret.roles import Use, is_test_function, use_of, use_of_data, words
from evallint.interpret.running import RunningMethods
from evallint.interpret.sampling import SEEN, Doubt, makes_views
from evallint.interpret.terms import Applied, Pass, Term
from evallint.interpret.unchanged import Unchanged
from evallint.interpret.untaken import Untaken
from evallint.interpret.values import (
    NO_FLOW,
    UNKNOWN,
    UNKNOWN_MODE,
    Address,
    Anonymous,
    Arguments,
    Callee,
    Flow,
    Grad,
    Known,
    Ref,
    Role,
    State,
    Thing,
    Value,
    constant,
    in_order,
    joined,
    of,
)
from evallint.link.natures import within
from evallint.memory import Memo
from evallint.program import (
    ClassSymbol,
    External,
    FunctionSymbol,
    ModuleSymbol,
    Program,
    Symbol,
    VariableSymbol,
)

DEEPEST = 16
"""Calls are followed this deep."""

BUDGET = 80_000
"""Expressions and statements interpreted for one entry; an entry that needs more is given up, and says so."""

UNROLLED = 6
"""A loop over at most this many known elements is taken element by element."""


UNROLLED_ASIDE = 32
"""The same where a sample is run aside, through each transform of a pipeline."""


MOST_PARTS = 64
"""A graph of more calls than this is not told apart by the parts of their results: each would double their number."""


GROWING = frozenset("+-|")
"""Operators by which a sum, or a collection, grows; what is scaled in place does not."""


BUILT = (f.Call, f.Collection, f.Mapping, f.Comprehension)


HEAD = Span(1, 1, 1, 1)


@dataclass(slots=True)
class Loop:
    """One loop that is running. `resets` are what each of its passes assigns anew."""

    address: Address
    resets: frozenset[str] = frozenset()
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


@dataclass(slots=True)
class Frame:
    """One function that is running. A `hidden` one stands for a caller out of sight.

    `inside`: it is part of a model's run; `part_of` is that run's number, if it has one. `flags`: where variables were
    given a constant truth value.
    """

    caller: Caller
    address: Address
    path: str
    symbol: FunctionSymbol | None
    context: int
    tests: Tests
    inside: bool = False
    part_of: int | None = None
    hidden: bool = False
    returns: list[tuple[State, Value]] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)
    on_yield: Callable[[State, Value], list[State]] | None = None
    loops: list[Loop] = field(default_factory=list)
    raised: list[list[State]] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)
    flags: dict[str, set[Place]] = field(default_factory=dict)
    span: Span = HEAD


class Machine:
    """Interprets one entry after another; what it sees goes into `events`."""

    def __init__(self, program: Program, relevance: Relevance) -> None:
        self.program = program
        self.apis = program.apis
        self.relevance = relevance
        self.running_methods = RunningMethods(program, relevance)
        self.frames: list[Frame] = []
        self.events = Events("")
        self.budget = BUDGET
        self.coarse = False
        self.reached: set[FunctionSymbol] = set()
        self.untaken = Untaken(relevance)
        self.flags = Flags(program)
        self.costs = Costs()
        self._contexts: dict[tuple[object, ...], int] = {}
        self._numbers: dict[int, tuple[int, object]] = {}
        self._texts: dict[int, tuple[str, Expr]] = {}
        self._values: dict[Symbol, Value] = {}
        self._globals: dict[tuple[str, str], Value] = {}
        memory = program.memory
        self._sizes: Memo[FunctionSymbol, int] = memory.memo()
        self._tests: Memo[tuple[str, int], Tests] = memory.memo()
        self._parts_of: Memo[ClassSymbol, dict[str, tuple[str, Expr]]] = memory.memo()
        self._class_variables: Memo[ClassSymbol, dict[str, tuple[str, f.Assign]]] = memory.memo()
        self.ids: dict[tuple[object, ...], int] = {}
        self.notes: list[Pass] | None = None  # what is done to a sample that is run aside
        self.noted = 0  # how much was noted before these notes were begun, of which a way is taken
        self.applied: list[Applied] = []
        self.doubts: Counter[Doubt] = Counter()
        self.aside = 0
        self.sampled = Unchanged[tuple[Pass, ...] | None]()
        self.described = Unchanged[Term]()
        self.states: dict[Address, tuple[str, tuple[Address, ...]]] = {}
        self.made: dict[Address, tuple[Address, ...]] = {}  # modules: in which loops each pass has another
        self._statements: dict[type, Callable[[Any, State], list[State]]] = {
            f.Assign: self._assign,
            f.Augment: self._augment,
            f.Evaluate: self._evaluate,
            f.Return: self._return,
            f.If: self._if,
            f.For: self._for,
            f.While: self._while,
            f.With: self._with,
            f.Try: self._try,
            f.Match: self._match,
            f.Raise: self._raise,
            f.Assert: self._assert,
            f.Delete: lambda statement, state: [state],
            f.Leave: self._leave,
            f.Outer: self._outer,
            f.Import: self._import,
            f.Define: self._define,
            f.DefineClass: self._define_class,
        }
        self._expressions: dict[type, Callable[[Any, State], Value]] = {
            f.Name: self._name,
            f.Attribute: self._attribute,
            f.Call: lambda expression, state: calls.call(self, expression, state),
            f.Constant: lambda expression, state: constant(expression.value),
            f.Collection: self._collection,
            f.Mapping: self._mapping,
            f.Subscript: self._subscript,
            f.Operation: self._operation,
            f.Unary: self._unary,
            f.Logic: self._logic,
            f.Comparison: self._comparison,
            f.Choice: self._choice,
            f.Lambda: self._lambda,
            f.Comprehension: self._comprehension,
            f.Walrus: self._walrus,
            f.Yield: self._yield,
            f.Await: lambda expression, state: self.value(expression.value, state),
            f.Starred: lambda expression, state: self.value(expression.value, state),
            f.Text: self._text,
            f.Opaque: self._parts,
            f.Slice: self._slice,
        }

    # ---- places ---------------------------------------------------------------------------------

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def reach(self, symbol: FunctionSymbol) -> None:
        """Note that a function is run here, and need not be for its own sake. A test of the code itself runs it on
        made-up data, which tells nothing of it."""
        if not any(is_test_function(frame.path, frame.caller.function) for frame in self.frames):
            self.reached.add(symbol)

    def runs(self, symbol: FunctionSymbol) -> bool:
        """Whether a function is running, by itself or further out."""
        return symbol in [frame.symbol for frame in self.frames]

    def place(self, span: Span | None = None) -> Place:
        frame = self.frames[-1]
        return Place(frame.path, span if span is not None else frame.span)

    def callers(self) -> tuple[Caller, ...]:
        return tuple(frame.caller for frame in self.frames if not frame.hidden)

    def calls_so_far(self) -> tuple[Place, ...]:
        called = (frame.caller.called_at for frame in self._since_file()[1:])
        return tuple(place for place in called if place is not None)

    def loops(self) -> tuple[Address, ...]:
        return tuple(loop.address for frame in self._since_file() for loop in frame.loops)

    def _since_file(self) -> list[Frame]:
        """The frames from the innermost on that runs a file's own code, which nothing around it has called."""
        for index in range(len(self.frames) - 1, 0, -1):
            if self.frames[index].address[0] == "module":
                return self.frames[index:]
        return self.frames

    def context(self, *key: object) -> int:
        return self._contexts.setdefault(key, len(self._contexts))

    def number(self, code: object) -> int:
        """What tells a piece of code from others: the same in every run, which `id` is not.

        Loops alone keep their `id`, by which `gather` knows them; nothing is ordered by it.
        """
        known = self._numbers.get(id(code))
        if known is None:
            known = self._numbers[id(code)] = len(self._numbers), code  # kept, lest another gets its `id`
        return known[0]

    def text(self, test: Expr) -> str:
        """A test's code, written once."""
        known = self._texts.get(id(test))
        if known is None:
            known = self._texts[id(test)] = code(test), test  # kept, lest another gets its `id`
        return known[0]

    def class_variables(self, klass: ClassSymbol) -> dict[str, tuple[str, f.Assign]]:
        """The assignments in the bodies of a class and its bases, by the names they bind."""
        return self._class_variables.of(klass, self._find_class_variables, klass)

    def _find_class_variables(self, klass: ClassSymbol) -> dict[str, tuple[str, f.Assign]]:
        found: dict[str, tuple[str, f.Assign]] = {}
        for base in reversed(self.program.lineage(klass)):
            if isinstance(base, ClassSymbol):
                for statement in self.program.class_body(base):
                    if isinstance(statement, f.Assign) and statement.value is not None:
                        found.update(dict.fromkeys(bound_names(statement), (base.path, statement)))
        return found

    def doubtful(self, event: ForwardCall) -> int:
        """The number in a flow of a call that may be no model's: its result holds a graph only if a backward() says
        so."""
        number = -1 - self.context("doubtful", event.id, self.events.entry)
        self.events.doubtful[number] = event.id
        return number

    def parts_of(self, klass: ClassSymbol) -> dict[str, tuple[str, Expr]]:
        """The attributes that the constructors of a class and its bases set to the result of a call or to a
        container."""
        return self._parts_of.of(klass, self._find_parts, klass)

    def _find_parts(self, klass: ClassSymbol) -> dict[str, tuple[str, Expr]]:
        found: dict[str, tuple[str, Expr]] = {}
        for base in reversed(self.program.lineage(klass)):
            if not isinstance(base, ClassSymbol):
                continue
            for method in self.program.methods(base):
                if self.program.function(method).name != "__init__":
                    continue
                for statement in flat(self.program.body(method)):
                    if isinstance(statement, f.Assign) and isinstance(statement.value, BUILT):
                        for target in statement.targets:
                            if isinstance(target, f.Attribute) and target.value == f.Name("self"):
                                found[target.name] = base.path, statement.value
        return found

    def size(self, symbol: FunctionSymbol) -> int:
        """The number of a function's statements, those within others included."""
        return self._sizes.of(symbol, lambda: sum(1 for _ in flat(self.program.body(symbol))))

    def begin(self, name: str, coarse: bool) -> State:
        """Get ready for an entry. Nothing of those before is left that could tell in what it sees."""
        self.events = Events(name)
        self.budget = BUDGET
        self.coarse = coarse
        self.frames = []
        self.ids, self.states, self.made = {}, {}, {}
        self._contexts, self._numbers = {}, {}
        self._globals, self._texts = {}, {}
        self.sampled, self.described = Unchanged(), Unchanged()
        return State()

    def spent(self) -> int:
        """What the entry has cost so far."""
        return BUDGET - self.budget

    def spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise Exhausted

    # ---- statements -----------------------------------------------------------------------------

    def block(self, block: Block, states: list[State]) -> list[State]:
        """The states in which a block may be left at its end."""
        table = self._statements
        for statement in block:
            if not states:
                break
            run = table[statement.__class__]
            after: list[State] = []
            for state in states:
                self.spend()
                if statement.__class__ is not f.Outer:
                    self.frames[-1].span = statement.span  # type: ignore[union-attr]
                after += run(statement, state)
            states = limited(after)
        return states

    def _assign(self, statement: f.Assign, state: State) -> list[State]:
        if statement.value is None:
            return [state]
        value = self.value(statement.value, state)
        for target in statement.targets:
            if value.flow.graph and isinstance(statement.value, f.Operation) and adds(statement.value, code(target)):
                self.frames[-1].span = statement.span  # the calls in the value have left theirs
                value = Value(value.atoms, self.accumulate(code(target), value.flow, "added to"))
            self.bind(target, value, state)
            states.kept(self, target, statement.value, state)
            if isinstance(target, f.Name) and value.is_flag():
                self.frames[-1].flags.setdefault(target.id, set()).add(self.place(statement.span))
        return [state]

    def bind(self, target: Expr, value: Value, state: State) -> None:
        """`target = value`."""
        if value.flow.graph or value.flow.cut:
            self._note_figure(target, value.flow)
        match target:
            case f.Name(name):
                self.set_name(name, value, state)
            case f.Attribute(base, name):
                modules.set_attribute(self, self.value(base, state), name, value, state, code(base))
            case f.Subscript(base, index):
                held = self.value(base, state)
                self._set_item(held, self.value(index, state), value, state, base)
                if self.notes is not None and SEEN in value.flow.sources and SEEN not in held.flow.sources:
                    self.bind(base, held.with_flow(value.flow), state)  # the array holds the sample
                elif held.flow.synthetic and not (held.atoms or value.flow.synthetic or value.constant()):
                    filled = Value(flow=held.flow.join(value.flow))  # a tensor that is filled part by part
                    self.bind(base, filled, state)
                elif held.flow.graph and not held.atoms and not value.flow.graph <= held.flow.graph:
                    self.bind(base, Value(flow=held.flow.join(value.flow)), state)  # what a model gave gets more
            case f.Collection(_, items):
                self._unpack(items, value, state)
            case f.Starred(inner):
                self.bind(inner, value, state)

    def _note_figure(self, target: Expr, flow: Flow) -> None:
        if isinstance(target, f.Name | f.Attribute) and use_of(code(target).rpartition(".")[2]) == "eval":
            self.events.figures.append(Figure(self.place(), code(target), flow, self.callers()))

    def set_name(self, name: str, value: Value, state: State) -> None:
        frame = self.frames[-1]
        address = frame.address
        if name in frame.outer:
            address = self.module_frame(frame.path, state)
        state.own(address).attributes[name] = value
        if state.assumed:
            stale = {key for key in state.assumed if name in key[1] and key[0] == address}
            if stale:
                state.assumed = {key: truth for key, truth in state.assumed.items() if key not in stale}
        for ref in value.refs():
            if not state.heap[ref].label:
                state.own(ref).label = name
        data.named(self, value, name)

    def _unpack(self, items: tuple[Expr, ...], value: Value, state: State) -> None:
        for index, item in enumerate(items):
            if isinstance(item, f.Starred):
                self.bind(item.value, self.element(value, state), state)
            else:
                one = self.item(value, constant(index), state)
                self.bind(item, one if self.notes is None else data.part_of_sample(self, one, index), state)

    def _set_item(self, base: Value, index: Value, value: Value, state: State, expression: Expr) -> None:
        key = index.constant()
        kinds = {state.heap[address].kind for address in base.refs()}
        if value.flow.graph and key is None and self.loops() and kinds & {"list", "dict"}:
            value = Value(value.atoms, self.accumulate(render(expression), value.flow, "put into"))
        for address in base.refs():
            if calls.set_item(self, address, index, value, state):
                continue
            if state.heap[address].kind == "state":
                states.changed(address, state)
                continue
            thing = state.own(address)
            if key is not None:
                thing.items[key.value] = value
            elif thing.kind in ("list", "dict"):
                thing.rest = value if thing.rest is None else thing.rest.join(value)

    def _augment(self, statement: f.Augment, state: State) -> list[State]:
        value = self.value(statement.value, state)
        before = self.value(statement.target, state)
        own = [adder for ref in before.refs() if (adder := self._own_addition(ref, statement.operator, state))]
        if own:
            for adder in own:
                calls.call_function(self, adder, Arguments((value,)), statement.span, state)
            return [state]
        if self.notes is not None:
            data.by_hand(self, statement.operator, before, value, state)
        flow = before.flow.join(value.flow)
        self.frames[-1].span = statement.span  # the calls in the value have left theirs
        if value.flow.graph and statement.operator in GROWING:
            flow = self.accumulate(render(statement.target), value.flow, "added to").join(before.flow)
        atoms = before.atoms if any(isinstance(atom, Ref) for atom in before.atoms) else frozenset()
        if statement.operator == "+":
            for address in before.refs():
                if state.heap[address].kind == "list":
                    containers.extend(self, address, value, state)
        self.bind(statement.target, Value(atoms, flow), state)
        return [state]

    def _own_addition(self, address: Address, operator: str, state: State) -> Callee | None:
        """The method by which an object of the program takes `+=`."""
        klass = state.heap[address].klass
        method = self.program.method(klass, "__iadd__") if isinstance(klass, ClassSymbol) and operator == "+" else None
        return Callee(method, address) if method is not None else None

    def accumulate(self, target: str, flow: Flow, how: str) -> Flow:
        """Something with a graph is kept beyond the pass of the loop that made it; the flow of what keeps it."""
        loops = self.loops()
        frame = self.frame
        is_local = target.isidentifier() and target not in frame.outer
        if not loops or target == "_" or (is_local and not frame.loops):
            return flow
        root = target.split(".")[0].split("[")[0]
        if frame.loops and {target, root} & frame.loops[-1].resets:
            return flow
        place = self.place()
        renewed = frozenset(loop.address for loop in frame.loops if {target, root} & loop.resets)
        if (is_local and not self._is_parameter(target)) or self._begins(root):  # new in every call
            renewed |= frozenset(loop.address for outer in self.frames[:-1] for loop in outer.loops)
        self.events.accumulations.append(
            Accumulation(place, target, flow, how, place, self.callers(), loops, self.grad_now, renewed)
        )
        return replace(flow, sums=flow.sums | {place})

    def _begins(self, name: str) -> bool:
        """Whether the function that is running makes a variable of its own anew whenever it is called."""
        frame = self.frame
        return (
            frame.symbol is not None and name not in frame.outer and name in reset_in(self.program.body(frame.symbol))
        )

    def _is_parameter(self, name: str) -> bool:
        symbol = self.frame.symbol
        return symbol is not None and any(one.name == name for one in self.program.function(symbol).parameters)

    grad_now: Grad = Grad()

    def _evaluate(self, statement: f.Evaluate, state: State) -> list[State]:
        value = statement.value
        if isinstance(value, f.Yield):
            return self._yield_statement(value, state)
        found = self.value(value, state)
        if isinstance(value, f.Attribute) and value.name in ("eval", "train"):
            self._bare_switch(value, found, state)
        if calls.never_returns(self, value):
            self._leaves_by_exception(state)
            return []
        return [state]

    def _bare_switch(self, expression: f.Attribute, found: Value, state: State) -> None:
        """`model.eval` as a statement."""
        owners = frozenset(self.value(expression.value, state).refs())
        for address in owners:
            if address[0] == "loaded":
                library.note_use(self, address, expression.name, state)
        known = any(modules.is_model(state.heap[address]) or address[0] == "loaded" for address in owners)
        self.events.bare_switches.append(
            BareSwitch(self.place(), render(expression.value), expression.name, self.callers(), owners, known)
        )

    def _return(self, statement: f.Return, state: State) -> list[State]:
        value = self.value(statement.value, state) if statement.value is not None else constant(None)
        self.frame.returns.append((state, value))
        return []

    def _raise(self, statement: f.Raise, state: State) -> list[State]:
        if statement.value is not None:
            self.value(statement.value, state)
        self._leaves_by_exception(state)
        return []

    def _leaves_by_exception(self, state: State) -> None:
        if self.frame.raised:
            self.frame.raised[-1].append(state)

    def _leave(self, statement: f.Leave, state: State) -> list[State]:
        if self.frame.loops:
            loop = self.frame.loops[-1]
            (loop.breaks if statement.word == "break" else loop.continues).append(state)
        return []

    def _outer(self, statement: f.Outer, state: State) -> list[State]:
        if statement.word == "global":
            self.frame.outer.update(statement.names)
        return [state]

    def _import(self, statement: f.Import, state: State) -> list[State]:
        if self.frame.symbol is None or not statement.bound:
            return [state]  # at the top of a file: `lookup` knows it
        symbol = self.program.imported(self.frame.path, statement)
        value = self.symbol_value(symbol, state) if symbol is not None else UNKNOWN
        self.set_name(statement.bound, value, state)
        return [state]

    def _define(self, statement: f.Define, state: State) -> list[State]:
        frame = self.frame
        symbol = FunctionSymbol(frame.path, statement.function)
        function = self.program.function(symbol)
        if frame.symbol is None and function.owner < 0 and not function.qualname.count("."):
            state.own(frame.address).attributes.pop(function.name, None)
        within = frame.address if frame.symbol is not None else None
        if within is not None:
            self.set_name(function.name, of(Callee(symbol, None, within)), state)
        return [state]

    def _define_class(self, statement: f.DefineClass, state: State) -> list[State]:
        frame = self.frame
        if frame.symbol is not None:
            symbol = ClassSymbol(frame.path, statement.klass)
            self.set_name(self.program.klass(symbol).name, of(symbol), state)
        return [state]

    # ---- branches -------------------------------------------------------------------------------

    def _if(self, statement: f.If, state: State) -> list[State]:
        truth = self.truth(statement.test, state)
        if truth is None:
            self.untaken.undecided(statement, self.frame.path)
        elif self.untaken.decided(statement, self.frame.path, truth):
            return self.block(statement.body if truth else statement.orelse, [state])
        split = self._is_repeated(statement.test) or self._decides_mode(statement, state)
        other = state.fork()
        doubts = self._begin_doubts(statement.test, state)
        self.assume(statement.test, state, True)
        self.assume(statement.test, other, False)
        returned = len(self.frame.returns)
        ends = [self.block(statement.body, [state]), self.block(statement.orelse, [other])]
        self._end_doubts(doubts)
        if doubts:
            if not all(ends) and len(self.frame.returns) > returned:  # what follows is done to the others only
                self.doubts.update(doubts)
            return together([*ends[0], *ends[1]])
        found = ends[0] + ends[1]
        return found if split else together(found)

    def _decides_mode(self, statement: f.If, state: State) -> bool:
        """Whether a test that other functions may ask too decides what is switched."""
        if self.coarse or not any(is_switch(one) for one in (*statement.body, *statement.orelse)):
            return False
        return self._shared(statement.test, state) is not None

    def _begin_doubts(self, test: Expr, state: State) -> tuple[Doubt, ...]:
        """What follows happens or not: by chance, as the sample is, or as something unknown says."""
        if self.notes is None:
            return ()
        open_parts = [one for one in conditions(test) if self.truth(one, state) is None] or [test]
        doubts = tuple(dict.fromkeys(data.doubt(self._compared(one, state)) for one in open_parts))
        self.doubts.update(doubts)
        return doubts

    def _end_doubts(self, doubts: tuple[Doubt, ...]) -> None:
        self.doubts.subtract(doubts)

    def _compared(self, test: Expr, state: State) -> Value:
        """What a test hangs on."""
        if isinstance(test, f.Comparison | f.Logic):
            left, right = self._compared(test.left, state), self._compared(test.right, state)
            return Value(flow=left.flow.join(right.flow))
        return self._compared(test.operand, state) if isinstance(test, f.Unary) else self.value(test, state)

    def _match(self, statement: f.Match, state: State) -> list[State]:
        subject = self.value(statement.subject, state).constant()
        found: list[State] = []
        decided = False
        for case in statement.cases:
            if subject is not None and case.constants:
                if all(constant.value != subject.value for constant in case.constants):
                    continue
                decided = True
            one = state.fork()
            for name in case.binds:
                self.set_name(name, UNKNOWN, one)
            found += self.block(case.body, [one])
            if decided or (not case.constants and case.guard is None and subject is not None):
                decided = True
                break
        if not decided:
            found.append(state)
        return together(found)

    def truth(self, test: Expr, state: State) -> bool | None:
        """Whether a test holds, None where that is not known."""
        if isinstance(test, f.Unary) and test.operator == "not":
            inner = self.truth(test.operand, state)
            return None if inner is None else not inner
        if isinstance(test, f.Logic):
            left = self.truth(test.left, state)
            if left is not None and left == (test.operator == "or"):
                return left
            right = self.truth(test.right, state)
            if right is not None and right == (test.operator == "or"):
                return right
            return right if left is not None else None
        found = truth_of(self.value(test, state), state)
        if found is None:
            found = self._assumed(test, state) if state.assumed else None
        if found is None and isinstance(test, f.Attribute) and self.flags.is_true(test.name):
            return True
        if found is None and isinstance(test, f.Comparison) and is_with_constant(test):
            return False if self._is_another(test, state) else None
        return found

    def _assumed(self, test: Expr, state: State) -> bool | None:
        """What was assumed of a test on the way, here or in another function."""
        found = state.assumed.get((self.frames[-1].address, self.text(test)))
        if found is not None:
            return found
        shared = self._shared(test, state)
        return state.assumed.get(shared) if shared is not None else None

    def _is_another(self, test: f.Comparison, state: State) -> bool:
        """Whether what is compared with a constant was taken to be another one: `mode == "a"`, then `mode == "b"`."""
        equal = self.frame.tests.equal.get(code(test.left), ())
        return any(state.assumed.get((self.frame.address, text)) for text in equal)

    def assume(self, test: Expr, state: State, outcome: bool) -> None:
        """Go on as if a test had come out so."""
        if isinstance(test, f.Unary) and test.operator == "not":
            self.assume(test.operand, state, not outcome)
            return
        if isinstance(test, f.Logic):
            if outcome == (test.operator == "and"):
                self.assume(test.left, state, outcome)
                self.assume(test.right, state, outcome)
            return
        frame = self.frame
        shared = self._shared(test, state)
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
            narrowing.narrow(self, test, state, outcome)
        else:
            state.assumed[frame.address, self.text(test)] = outcome

    def _shared(self, test: Expr, state: State) -> tuple[Address, str] | None:
        """What other functions may ask in a plain test: a variable of the file, or an attribute of an object."""
        if isinstance(test, f.Comparison) and is_with_constant(test):
            left = self._shared(test.left, state)
            return (left[0], f"{left[1]} {test.operator} {code(test.right)}") if left is not None else None
        if isinstance(test, f.Attribute):
            base = self.value(test.value, state)
            return next(((ref, test.name) for ref in base.refs() if len(base.atoms) == 1), None)
        frame = self.frames[-1]
        outer: Address = ("module", frame.path)
        if not isinstance(test, f.Name) or outer not in state.heap or outer == frame.address:
            return None
        own, names = state.heap[frame.address].attributes, state.heap[outer].attributes
        return (outer, test.id) if test.id in names and test.id not in own else None

    def _is_repeated(self, test: Expr) -> bool:
        repeated = self.frames[-1].tests.repeated
        if self.coarse or not repeated:
            return False
        return any(text in repeated for text in asked(test))

    # ---- loops ----------------------------------------------------------------------------------

    def _for(self, statement: f.For, state: State) -> list[State]:
        iterable = self.iterable(statement.iterable, state)
        known = self._known_elements(iterable, state)
        if known is not None:
            return self._unrolled(statement, known, state)
        address = ("loop", self.frame.context, id(statement))
        self._note_pass(address, statement.iterable, iterable, state)
        if is_short(statement.iterable):
            self.events.short.add(address)
        self.events.takes[address] = frozenset(node.id for node in within(statement.target) if isinstance(node, f.Name))
        generator = generators.pending_generator(iterable, state)
        if generator is not None:
            return self._driven(statement, generator, address, state)

        def bind(head: State) -> None:
            self.frame.span = statement.span
            element = self.element(iterable, head)
            if holds_model(element, head):
                self.events.short.add(address)  # one model after the other: there are a few
                for ref in element.refs():
                    self.made[ref] = (*self.made.get(ref, ()), address)
            self.bind(statement.target, element, head)

        return self._loop(address, statement.body, statement.orelse, state, bind)

    def _note_pass(self, address: Address, expression: Expr, iterable: Value, state: State) -> None:
        """Remember which loaders a loop goes over, through `enumerate` and progress bars too."""
        core = gone_over(expression)
        value = self.value(core, state) if isinstance(core, f.Name | f.Attribute | f.Subscript) else iterable
        loaders = [one for one in value.refs() if one in self.events.created and one in state.heap]
        if loaders or any("loader" in words(name) for name in names_in(core)):
            self.events.batches.add(address)
        built = frozenset(origin.at for one in loaders if (origin := state.heap[one].origin) is not None)
        if built:
            self.events.passes.append(LoaderPass(address, built, len(loaders) == len(value.atoms)))

    def _while(self, statement: f.While, state: State) -> list[State]:
        address = ("loop", self.frame.context, id(statement))

        def test(head: State) -> None:
            self.value(statement.test, head)

        truth = self.truth(statement.test, state)
        if truth is False:
            return [state]
        endless = truth is True and isinstance(statement.test, f.Constant)
        return self._loop(address, statement.body, statement.orelse, state, test, endless)

    def _loop(
        self,
        address: Address,
        body: Block,
        orelse: Block,
        state: State,
        begin: Callable[[State], None],
        endless: bool = False,
    ) -> list[State]:
        """Once for the first pass, and again from what the first may leave behind. Taken at least once: a loop that
        never ran would leave every model as it was, and no evaluation is meant so."""
        frame = self.frame
        loop = Loop(address, reset_in(body))
        head = state
        ends: list[State] = []
        for attempt in range(2):
            before = head.fork()
            frame.loops.append(loop)
            loop.continues.clear()
            begin(head)
            ends = self.block(body, [head]) + loop.continues
            frame.loops.pop()
            if not ends or attempt:
                break
            merged = together([end.fork() for end in ends])[0]
            if not merged.differs(before):
                break
            head = before.join(merged)
        if endless:
            return together(loop.breaks)
        return together(self.block(orelse, ends) + loop.breaks) if orelse else together(ends + loop.breaks)

    def _driven(self, statement: f.For, generator: Address, address: Address, state: State) -> list[State]:
        """A loop over a generator of the program: its code, with the loop's body in place of each `yield`."""
        frame = self.frame
        loop = Loop(address, reset_in(statement.body))

        def body(moment: State, value: Value) -> list[State]:
            frame.loops.append(loop)
            loop.continues.clear()
            self.bind(statement.target, value, moment)
            ends = self.block(statement.body, [moment]) + loop.continues
            frame.loops.pop()
            return together(ends)

        generators.drive(self, generator, state, body)
        return together([state, *loop.breaks])

    def _unrolled(self, statement: f.For, elements: list[Value], state: State) -> list[State]:
        frame = self.frame
        states, left = [state], []
        for number, element in enumerate(elements):
            loop = Loop(("loop", frame.context, id(statement), number), reset_in(statement.body))
            for one in states:
                self.bind(statement.target, element, one)
                one.assumed[frame.address, f"pass {self.number(statement)}"] = bool(number % 2)
            frame.loops.append(loop)
            states = limited(self.block(statement.body, states) + loop.continues)
            frame.loops.pop()
            left += loop.breaks
        return together(states + left)

    def _known_elements(self, iterable: Value, state: State) -> list[Value] | None:
        """The elements of a short literal list or dict, where each is known."""
        if len(iterable.atoms) != 1:
            return None
        for atom in iterable.atoms:
            if isinstance(atom, ClassSymbol):
                members = [value for value, _ in enumerations.members(self, atom, state)]
                return members if 0 < len(members) <= UNROLLED else None
        for address in iterable.refs():
            thing = state.heap[address]
            most = UNROLLED if self.notes is None else UNROLLED_ASIDE
            if thing.kind in ("list", "dict") and thing.rest is None and 0 < len(thing.items) <= most:
                if thing.kind == "dict":
                    return [constant(key) for key in thing.items if isinstance(key, str | int | float | bool | None)]
                return list(thing.items.values())
        return None

    def iterable(self, expression: Expr, state: State) -> Value:
        """What a loop goes over, with what the names in it say of its use."""
        value = self.value(expression, state)
        if is_settled(value.flow.roles):
            return value
        for name in names_in(expression):
            use = use_of(name)
            if use is not None:
                return value.used_as(Role(use, False, name))
        return value

    # ---- with and try ---------------------------------------------------------------------------

    def _with(self, statement: f.With, state: State) -> list[State]:
        before = state.grad
        managers: list[tuple[Value, f.WithItem]] = []
        for item in statement.items:
            value = self.value(item.context, state)
            managers.append((value, item))
        return self._enter(managers, statement.body, state, before)

    def _enter(self, managers: list[tuple[Value, f.WithItem]], body: Block, state: State, before: Grad) -> list[State]:
        if not managers:
            return self.block(body, [state])
        (value, item), rest = managers[0], managers[1:]

        def inner(moment: State, entered: Value) -> list[State]:
            if item.target is not None:
                self.bind(item.target, entered, moment)
            return self._enter(rest, body, moment, moment.grad)

        return generators.within(self, value, state, before, inner)

    def _try(self, statement: f.Try, state: State) -> list[State]:
        frame = self.frame
        returned = len(frame.returns)
        left = [(loop, len(loop.breaks), len(loop.continues)) for loop in frame.loops[-1:]]
        raised = [state.fork()]
        frame.raised.append(raised)
        ends = self.block(statement.body, [state])
        frame.raised.pop()
        raised += [end.fork() for end in ends]
        ends = self.block(statement.orelse, ends)
        if statement.handlers:
            start = together(raised)[0]
            for handler in statement.handlers:
                one = start.fork()
                if handler.name:
                    self.set_name(handler.name, UNKNOWN, one)
                ends += self.block(handler.body, [one])
        ends = together(ends)
        if not statement.final:
            return ends
        early = frame.returns[returned:]
        del frame.returns[returned:]
        for one, value in early:
            frame.returns += [(end, value) for end in self.block(statement.final, [one])]
        for loop, breaks, continues in left:
            loop.breaks[breaks:] = self.block(statement.final, loop.breaks[breaks:])
            loop.continues[continues:] = self.block(statement.final, loop.continues[continues:])
        return self.block(statement.final, ends)

    # ---- generators -----------------------------------------------------------------------------

    def _yield_statement(self, expression: f.Yield, state: State) -> list[State]:
        value = self.value(expression.value, state) if expression.value is not None else constant(None)
        frame = self.frame
        frame.yields.append(value)
        if frame.on_yield is not None:
            return frame.on_yield(state, value)
        return [state]

    def _yield(self, expression: f.Yield, state: State) -> Value:
        if expression.value is not None:
            self.frame.yields.append(self.value(expression.value, state))
        return UNKNOWN

    # ---- expressions ----------------------------------------------------------------------------

    def value(self, expression: Expr, state: State) -> Value:
        """What an expression may be; calls in it take effect on the state."""
        self.budget -= 1
        if self.budget < 0:
            raise Exhausted
        self.grad_now = state.grad
        return self._expressions[expression.__class__](expression, state)

    def _name(self, expression: f.Name, state: State) -> Value:
        name = expression.id
        value = self.variable(name, state)
        use = use_of_data(name)
        return value if use is None else with_role(value, use, name)

    def variable(self, name: str, state: State) -> Value:
        frame = self.frames[-1]
        address: Address | None = frame.address if name not in frame.outer else None
        while address is not None:
            thing = state.heap.get(address)
            if thing is None:
                break
            found = thing.attributes.get(name)
            if found is not None:
                return found
            address = thing.inner
        return self.global_variable(frame.path, name, state)

    def global_variable(self, path: str, name: str, state: State) -> Value:
        module = state.heap.get(("module", path))
        if module is not None:
            assigned = module.attributes.get(name)
            if assigned is not None:
                return assigned
        known = self._globals.get((path, name))
        if known is not None:
            return known
        symbol = self.program.lookup(path, name)
        if isinstance(symbol, VariableSymbol):
            return self.static_variable(symbol.path, symbol.name, state)
        if symbol is not None:
            found = self.symbol_value(symbol, state)
        else:
            found = of(External(f"builtins.{name}")) if name in library.BUILTINS else UNKNOWN
        self._globals[path, name] = found
        return found

    def symbol_value(self, symbol: Symbol, state: State) -> Value:
        """What a symbol is as a value."""
        if isinstance(symbol, VariableSymbol):
            return self.static_variable(symbol.path, symbol.name, state)
        found = self._values.get(symbol)
        if found is None:
            found = self._values[symbol] = of(Callee(symbol) if isinstance(symbol, FunctionSymbol) else symbol)
        return found

    def static_variable(self, path: str, name: str, state: State) -> Value:
        """A variable of a file whose code is not running: its last plain assignment, and what is done to it after."""
        address = self.module_frame(path, state)
        found = state.heap[address].attributes.get(name)
        if found is not None:
            return found
        state.own(address).attributes[name] = UNKNOWN  # while it is evaluated, and should it fail
        if len(self.frames) >= DEEPEST:
            return UNKNOWN
        statements = list(flat(self.program.files[path].bodies[0]))
        assigned = [
            (number, statement.span)
            for number, statement in enumerate(statements)
            if isinstance(statement, f.Assign) and statement.value is not None and name in bound_names(statement)
        ]
        if not assigned:
            return UNKNOWN
        last, span = assigned[-1]
        with self.running(None, path, address, self.place(), span):
            self.block((statements[last],), [state])
            self._done_to(name, statements[last + 1 :], address, state)
        found = state.heap[address].attributes.get(name, UNKNOWN)
        if not found.atoms and not found.flow.roles:
            symbol = self.symbol(("global", path, name), name, state)
            state.own(address).attributes[name] = symbol
            return symbol
        return found

    def _done_to(self, name: str, statements: list[Stmt], address: Address, state: State) -> None:
        """What later statements of a file do to the model that a variable of it is.

        Its own methods are called, and libraries; the program's own code that gets hold of it may do anything.
        """
        held = state.heap[address].attributes.get(name, UNKNOWN)
        if not any(modules.is_model(state.heap[ref]) for ref in held.refs()):
            return
        for statement in statements:
            if is_method_call(statement, name):
                self.block((statement,), [state])
            elif name in handed_on(statement):
                if isinstance(statement, f.Evaluate) and self._calls_library(statement.value):
                    self.block((statement,), [state])
                    continue
                for ref in held.refs():
                    modules.switch(ref, UNKNOWN_MODE, state)

    def _calls_library(self, expression: Expr) -> bool:
        function = expression.function if isinstance(expression, f.Call) else expression
        found = self.program.resolve(self.frame.path, function)
        return isinstance(found, External) or (isinstance(function, f.Name) and function.id in library.BUILTINS)

    def module_frame(self, path: str, state: State) -> Address:
        address = ("module", path)
        if address not in state.heap:
            thing = Thing("frame", label=path)
            thing.attributes["__name__"] = constant(path)
            state.put(address, thing)
        return address

    def running(
        self,
        symbol: FunctionSymbol | None,
        path: str,
        address: Address,
        called_at: Place | None,
        span: Span,
        context: int | None = None,
        phase: Use | None = None,
    ) -> Running:
        """Code of a function or file runs until the `with` block ends."""
        if context is None:
            context = self.frame.context if self.frames else 0
        name = self.program.function(symbol).qualname if symbol is not None else "<module>"
        caller = Caller(path, name, symbol, called_at, phase)
        inside, part_of = (self.frames[-1].inside, self.frames[-1].part_of) if self.frames else (False, None)
        frame = Frame(caller, address, path, symbol, context, self.tests_of(path, symbol), inside, part_of, span=span)
        return Running(self, frame)

    def tests_of(self, path: str, symbol: FunctionSymbol | None) -> Tests:
        return self._tests.of((path, symbol.index if symbol is not None else 0), self._find_tests, path, symbol)

    def _find_tests(self, path: str, symbol: FunctionSymbol | None) -> Tests:
        body = self.program.files[path].bodies[0] if symbol is None else self.program.body(symbol)
        return tests_in(body, self.relevance.switches)

    def symbol(self, address: Address, label: str, state: State, mode: Any = UNKNOWN_MODE) -> Value:
        """An object out of sight, one for each address."""
        if address not in state.heap:
            state.put(address, Thing("symbol", label, born=self.place(), mode=mode))
        return of(Ref(address))

    def _attribute(self, expression: f.Attribute, state: State) -> Value:
        base = self.value(expression.value, state)
        value = modules.attribute(self, base, expression.name, state, expression)
        use = use_of_data(expression.name)
        return value if use is None else with_role(value, use, code(expression))

    def _collection(self, expression: f.Collection, state: State) -> Value:
        thing = Thing("list", born=self.place())
        flow: Flow | None = None
        position = 0
        for item in expression.items:
            value = self.value(item, state)
            if isinstance(item, f.Starred):
                element = self.element(value, state)
                thing.rest = element if thing.rest is None else thing.rest.join(element)
            else:
                thing.items[position] = value
                position += 1
            if value.flow is not NO_FLOW:
                flow = value.flow if flow is None else flow.join(value.flow)
        address = ("list", self.frame.context, self.number(expression))
        state.put(address, thing)
        return Value(frozenset((Ref(address),)), flow or NO_FLOW)

    def _mapping(self, expression: f.Mapping, state: State) -> Value:
        thing = Thing("dict", born=self.place())
        flow: Flow | None = None
        for key, item in zip(expression.keys, expression.values, strict=True):
            value = self.value(item, state)
            if key is None:
                for address in value.refs():
                    other = state.heap[address]
                    thing.items.update(other.items)
                    rest = of(Ref(address)) if other.kind == "state" else other.rest
                    if rest is not None:
                        thing.rest = rest if thing.rest is None else thing.rest.join(rest)
                if not any(True for _ in value.refs()):
                    thing.rest = UNKNOWN if thing.rest is None else thing.rest.join(UNKNOWN)
            else:
                known = self.value(key, state).constant()
                if known is not None:
                    thing.items[known.value] = value
                    data.named(self, value, str(known.value))
                else:
                    thing.rest = value if thing.rest is None else thing.rest.join(value)
            if value.flow is not NO_FLOW:
                flow = value.flow if flow is None else flow.join(value.flow)
        address = ("dict", self.frame.context, self.number(expression))
        state.put(address, thing)
        return Value(frozenset((Ref(address),)), flow or NO_FLOW)

    def _subscript(self, expression: f.Subscript, state: State) -> Value:
        base = self.value(expression.value, state)
        if expression.key == f.Name("__name__") and External("sys.modules") in base.atoms:
            return of(ModuleSymbol(self.frame.path))
        index = self.value(expression.key, state)
        if isinstance(expression.key, f.Slice):
            sliced = self._sliced(base, expression.key, state, self.number(expression))
            if sliced is not None:
                return sliced
        if self.notes is not None:
            data.by_hand(self, "[]", base, index, state)
            sample = data.objects(self, base, state)
            if sample is not None:
                return Value(flow=sample.join(index.flow))
        value = self.item(base, index, state, isinstance(expression.key, f.Slice))
        if self.notes is not None and (key := index.constant()) is not None:
            value = data.part_of_sample(self, value, key.value)
        if index.flow.graph or index.flow.cut:  # a model picks the item
            value = value.with_flow(Flow(cut=index.flow.graph | index.flow.cut))
        text = index.text()
        if text is None:
            return value
        whole = code(expression.value)
        use = use_of_data(f"{whole}_{text}")
        return value if use is None else with_role(value, use, f"{whole}[{text!r}]")

    def _sliced(self, base: Value, key: f.Slice, state: State, number: int) -> Value | None:
        """A slice of a container whose elements are known, None for others."""
        refs = list(base.refs())
        bounds = [self.value(part, state).constant() if part is not None else Known(None, type(None)) for part in key]
        if len(refs) != 1 or len(base.atoms) != 1 or any(bound is None for bound in bounds):
            return None
        thing = state.heap[refs[0]]
        values: list[Any] = [bound.value for bound in bounds if bound is not None]
        if thing.kind not in ("list", "module") or not thing.items or thing.rest is not None:
            return None
        if not all(value is None or type(value) is int for value in values) or values[2] == 0:
            return None
        part = Thing(thing.kind, "", thing.klass, thing.born, mode=thing.mode, marks=dict(thing.marks))
        part.items = dict(enumerate(list(thing.items.values())[slice(*values)]))
        address = state.put(("slice", self.frame.context, number), part)
        return Value(frozenset((Ref(address),)), base.flow)

    def item(self, base: Value, index: Value, state: State, is_slice: bool = False) -> Value:
        """`base[index]`."""
        found: list[Value] = []
        for atom in in_order(base.atoms):
            if isinstance(atom, External) and atom.name.endswith(".__dict__"):
                chosen = choosing.any_of(self, of(External(atom.name.removesuffix(".__dict__"))))
                found += [chosen] if chosen is not None else []
            elif isinstance(atom, ModuleSymbol):
                found += self._named_in(atom, index, state)
            elif isinstance(atom, ClassSymbol) and enumerations.is_enumeration(self, atom):
                found.append(enumerations.named(self, atom, index, state))
        key = index.constant()
        exact = len(base.atoms) > 0
        for address in base.refs():
            thing = state.heap[address]
            if is_slice and thing.kind in ("list", "module"):
                found.append(of(Ref(address)))
            elif thing.kind in ("list", "dict", "module"):
                position = key.value if key is not None else None
                if isinstance(position, int) and position < 0 and (last := from_end(thing, position)):
                    found += last
                    continue
                if key is not None and position in thing.items:
                    found.append(thing.items[position])
                    continue
                exact = False
                if thing.items or thing.rest is not None:
                    found.append(thing.elements())
                elif thing.kind == "module":
                    found.append(modules.child(self, address, "[]", state))
            elif thing.kind == "generator":
                exact = False
                found.append(thing.elements())
            elif thing.kind == "state":
                found.append(of(Ref(address)))
            elif thing.kind in ("symbol", "instance", "parts", "wrapper"):
                exact = False
                name = f"[{key.value!r}]" if key is not None else "[]"
                found.append(modules.child(self, address, name, state))
        value = joined(found) if found else UNKNOWN
        if exact and found:
            return value
        made = all(state.heap[address].kind == "symbol" for address in base.refs())  # by a call out of sight
        return value.with_flow(self._part(base.flow, key.value if key is not None else None) if made else base.flow)

    def _named_in(self, module: ModuleSymbol, index: Value, state: State) -> list[Value]:
        """What `module.__dict__[index]` may be."""
        name = index.text()
        if name is None:
            chosen = choosing.any_of(self, of(module))
            return [chosen] if chosen is not None else []
        symbol = self.program.member(module, name)
        return [self.symbol_value(symbol, state)] if symbol is not None else []

    def _part(self, flow: Flow, key: object) -> Flow:
        """One of several results of a call out of sight: whether it holds a graph says nothing of the others."""
        if len(flow.graph) > MOST_PARTS or not any(number < 0 for number in flow.graph):
            return flow
        parts = {number: -1 - self.context("part", number, key) for number in flow.graph if number < 0}
        if isinstance(key, int):  # of a tuple; what has a name of its own in a dict is there to be used
            self.events.parts |= {part: number for number, part in parts.items()}
        self.events.unfed |= {part for number, part in parts.items() if number in self.events.unfed}
        return replace(flow, graph=frozenset(parts.get(number, number) for number in flow.graph))

    def element(self, iterable: Value, state: State) -> Value:
        """What one element of an iterable may be."""
        generators.generated(self, iterable, state)
        found: list[Value] = []
        for atom in in_order(iterable.atoms):
            if isinstance(atom, Ref):
                thing = state.heap[atom.address]
                if thing.kind == "dict":
                    keys = [constant(key) for key in thing.items if isinstance(key, str | int | float | bool | None)]
                    found.append(joined(keys) if keys and thing.rest is None else UNKNOWN)
                elif thing.kind in ("list", "generator") or (thing.kind == "module" and thing.items):
                    found.append(thing.elements())
                elif thing.kind in ("symbol", "module", "wrapper", "parts") and not iterable.flow.roles:
                    found.append(modules.child(self, atom.address, "[]", state))
                elif thing.kind == "instance":
                    found.append(calls.iterate(self, atom.address, state))
        value = joined(found) if found else UNKNOWN
        return value.with_flow(iterable.flow)

    def _operation(self, expression: f.Operation, state: State) -> Value:
        left, right = self.value(expression.left, state), self.value(expression.right, state)
        if self.notes is not None:
            data.by_hand(self, expression.operator, left, right, state)
        if expression.operator == "*" and (left.atoms or right.atoms):
            repeated = containers.repeated(self, left, right, state, self.number(expression))
            if repeated is not None:
                return repeated
        if expression.operator == "+" and (left.atoms or right.atoms):
            added = containers.concatenated(self, left, right, state, self.number(expression))
            if added is not None:
                return added
        a, b = left.constant(), right.constant()
        if a is not None and b is not None:
            return (
                constant(folded(expression.operator, a.value, b.value))
                if foldable(expression.operator, a, b)
                else UNKNOWN
            )
        return Value(flow=flow_of(left, right))

    def _unary(self, expression: f.Unary, state: State) -> Value:
        if expression.operator == "not":
            truth = self.truth(expression.operand, state)
            return constant(not truth) if truth is not None else UNKNOWN
        return Value(flow=self.value(expression.operand, state).flow)

    def _logic(self, expression: f.Logic, state: State) -> Value:
        left = self.value(expression.left, state)
        truth = truth_of(left, state)
        if truth is not None and truth == (expression.operator == "or"):
            return left
        right = self.value(expression.right, state)
        if truth is not None:
            return right
        return left.join(right)

    def _comparison(self, expression: f.Comparison, state: State) -> Value:
        left, right = self.value(expression.left, state), self.value(expression.right, state)
        found = compared(expression.operator, left, right, state)
        if found is not None:
            return constant(found)
        outputs = left.flow.graph | left.flow.cut | right.flow.graph | right.flow.cut
        return Value(flow=Flow(cut=outputs)) if outputs else UNKNOWN

    def _choice(self, expression: f.Choice, state: State) -> Value:
        truth = self.truth(expression.test, state)
        if truth is not None:
            return self.value(expression.body if truth else expression.orelse, state)
        doubts = self._begin_doubts(expression.test, state)
        with narrowing.narrowed(self, expression.test, state, True):
            value = self.value(expression.body, state)
        with narrowing.narrowed(self, expression.test, state, False):
            value = value.join(self.value(expression.orelse, state))
        self._end_doubts(doubts)
        return value

    def _lambda(self, expression: f.Lambda, state: State) -> Value:
        within = self.frame.address
        return of(Anonymous(self.frame.path, expression, within))

    def _comprehension(self, expression: f.Comprehension, state: State) -> Value:
        frame = self.frame
        kept = dict(state.heap[frame.address].attributes)
        thing = Thing("dict" if expression.kind == "dict" else "list", born=self.place())
        loop = Loop(("loop", frame.context, id(expression)))
        frame.loops.append(loop)
        iterable = self.iterable(expression.clauses[0].iterable, state)
        known = self._known_elements(iterable, state) if len(expression.clauses) == 1 else None
        flow = Flow(roles=iterable.flow.roles, sources=iterable.flow.sources) if expression.kind != "dict" else NO_FLOW
        if known is not None and not expression.clauses[0].conditions:
            outer = frame.context
            for number, element in enumerate(known):
                frame.context = self.context(outer, "pass", number)  # each pass makes objects of its own
                self.bind(expression.clauses[0].target, element, state)
                key = self.value(expression.element, state)
                if expression.value is None:
                    thing.items[number] = key
                    flow = flow.join(key.flow)
                else:
                    name = key.constant()
                    value = self.value(expression.value, state)
                    thing.items[name.value if name is not None else number] = value
                    if name is not None:
                        data.named(self, value, str(name.value))
            frame.context = outer
        else:
            for clause in expression.clauses:
                self.bind(clause.target, self.element(self.iterable(clause.iterable, state), state), state)
                for condition in clause.conditions:
                    self.value(condition, state)
            before = len(self.notes or ())
            key = self.value(expression.element, state)
            if SEEN not in iterable.flow.sources and makes_views(self, before):
                key = key.join(self.value(expression.element, state))  # the next one
            value = self.value(expression.value, state) if expression.value is not None else key
            thing.rest = value
            if any(clause.conditions for clause in expression.clauses):
                thing.marks["filtered"] = None
            flow = flow.join(value.flow)
        frame.loops.pop()
        own = state.own(frame.address)
        own.attributes = kept | {
            name: value
            for name, value in own.attributes.items()
            if name not in kept and not is_target(name, expression)
        }
        address = ("list", frame.context, self.number(expression))
        state.put(address, thing)
        return Value(frozenset((Ref(address),)), flow)

    def _walrus(self, expression: f.Walrus, state: State) -> Value:
        value = self.value(expression.value, state)
        self.set_name(expression.name, value, state)
        return value

    def _text(self, expression: f.Text, state: State) -> Value:
        parts = [self.value(part, state).constant() for part in expression.parts]
        if all(part is not None for part in parts):
            return constant("".join(str(part.value) for part in parts if part is not None))
        return UNKNOWN

    def _parts(self, expression: f.Opaque, state: State) -> Value:
        return Value(flow=flow_of(*(self.value(part, state) for part in expression.parts)))

    def _slice(self, expression: f.Slice, state: State) -> Value:
        parts = [self.value(part, state) for part in expression if part is not None]
        return UNKNOWN if self.notes is None else Value(flow=flow_of(*parts))

    def _assert(self, statement: f.Assert, state: State) -> list[State]:
        self.value(statement.test, state)
        if isinstance(statement.test, f.Constant) and not statement.test.value:  # `assert False`, as good as a `raise`
            self._leaves_by_exception(state)
            return []
        self.assume(statement.test, state, True)
        return [state]

    # ---- steps of traces ------------------------------------------------------------------------

    def step(self, message: str, span: Span | None = None) -> Step:
        return Step(self.place(span), message)


class Running:
    """A frame that is on the stack while its block runs."""

    __slots__ = ("_frame", "_machine")

    def __init__(self, machine: Machine, frame: Frame) -> None:
        self._machine, self._frame = machine, frame

    def __enter__(self) -> Frame:
        self._machine.frames.append(self._frame)
        return self._frame

    def __exit__(self, *_: object) -> None:
        self._machine.frames.pop()
