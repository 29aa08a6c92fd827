"""The interpreter: runs a function's facts on abstract states, following calls into the program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from evallint import facts as f
from evallint.facts import Block, Expr, Span
from evallint.findings import Place, Step
from evallint.interpret import assigning, branching, calls, computing, entering, looping, naming, picking
from evallint.interpret.costs import Costs
from evallint.interpret.events import Caller, Events, Exhausted, ForwardCall
from evallint.interpret.flags import Flags
from evallint.interpret.frames import Frame, Running
from evallint.interpret.outcomes import limited
from evallint.interpret.reading import NO_TESTS, Tests, bound_names, flat, tests_in
from evallint.interpret.relevance import Relevance
from evallint.interpret.render import code
from evallint.interpret.roles import Use, is_test_function
from evallint.interpret.running import RunningMethods
from evallint.interpret.sampling import Doubt
from evallint.interpret.terms import Applied, Pass, Term
from evallint.interpret.unchanged import Unchanged
from evallint.interpret.untaken import Untaken
from evallint.interpret.values import UNKNOWN_MODE, Address, Grad, Ref, State, Thing, Value, constant, of
from evallint.interpret.variables import Variables
from evallint.memory import Memo
from evallint.program import ClassSymbol, FunctionSymbol, Program, Symbol

BUDGET = 80_000
"""Expressions and statements interpreted for one entry; an entry that needs more is given up, and says so."""

BUILT = (f.Call, f.Collection, f.Mapping, f.Comprehension)


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
        self.variables = Variables(program)
        self.costs = Costs()
        self._contexts: dict[tuple[object, ...], int] = {}
        self._numbers: dict[int, tuple[int, object]] = {}
        self._texts: dict[int, tuple[str, Expr]] = {}
        self.symbol_values: dict[Symbol, Value] = {}
        self.globals: dict[tuple[str, str], Value] = {}
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
        self.grad_now = Grad()
        self.aside = 0
        self.sampled = Unchanged[tuple[Pass, ...] | None]()
        self.described = Unchanged[Term]()
        self.states: dict[Address, tuple[str, tuple[Address, ...]]] = {}
        self.made: dict[Address, tuple[Address, ...]] = {}  # modules: in which loops each pass has another

    # ---- places ---------------------------------------------------------------------------------

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def body(self) -> Block:
        """The code of the function that is running, or of its file."""
        frame = self.frames[-1]
        return self.program.body(frame.symbol) if frame.symbol else self.program.files[frame.path].bodies[0]

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
        self.globals, self._texts = {}, {}
        self.sampled, self.described = Unchanged(), Unchanged()
        return State()

    def spent(self) -> int:
        """What the entry has cost so far."""
        return BUDGET - self.budget

    def spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise Exhausted

    # ---- code -----------------------------------------------------------------------------------

    def block(self, block: Block, states: list[State]) -> list[State]:
        """The states in which a block may be left at its end."""
        table = STATEMENTS
        for statement in block:
            if not states:
                break
            run = table[statement.__class__]
            after: list[State] = []
            for state in states:
                self.spend()
                if statement.__class__ is not f.Outer:
                    self.frames[-1].span = statement.span  # type: ignore[union-attr]
                after += run(self, statement, state)
            states = limited(after)
        return states

    def value(self, expression: Expr, state: State) -> Value:
        """What an expression may be; calls in it take effect on the state."""
        self.budget -= 1
        if self.budget < 0:
            raise Exhausted
        self.grad_now = state.grad
        return EXPRESSIONS[expression.__class__](self, expression, state)

    # ---- frames ---------------------------------------------------------------------------------

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
        """Code of a function, or one statement of a file's own, runs until the `with` block ends."""
        if context is None:
            context = self.frame.context if self.frames else 0
        name = self.program.function(symbol).qualname if symbol is not None else "<module>"
        caller = Caller(path, name, symbol, called_at, phase)
        inside, part_of = (self.frames[-1].inside, self.frames[-1].part_of) if self.frames else (False, None)
        tests = self.tests_of(path, symbol) if symbol is not None else NO_TESTS
        frame = Frame(caller, address, path, symbol, context, tests, inside, part_of, span=span)
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

    # ---- steps of traces ------------------------------------------------------------------------

    def step(self, message: str, span: Span | None = None) -> Step:
        return Step(self.place(span), message)


STATEMENTS: Mapping[type, Callable[[Machine, Any, State], list[State]]] = {
    f.Assign: assigning.assign,
    f.Augment: assigning.augment,
    f.Evaluate: entering.evaluate,
    f.Return: entering.return_,
    f.If: branching.if_,
    f.For: looping.for_,
    f.While: looping.while_,
    f.With: entering.with_,
    f.Try: entering.try_,
    f.Match: branching.match,
    f.Raise: entering.raise_,
    f.Assert: branching.assert_,
    f.Delete: lambda machine, statement, state: [state],
    f.Leave: entering.leave,
    f.Outer: naming.outer,
    f.Import: naming.import_,
    f.Define: naming.define,
    f.DefineClass: naming.define_class,
}
"""What runs a statement: it gives the states in which what follows may begin, none where nothing does."""

EXPRESSIONS: Mapping[type, Callable[[Machine, Any, State], Value]] = {
    f.Name: naming.named,
    f.Attribute: computing.attribute,
    f.Call: calls.call,
    f.Constant: lambda machine, expression, state: constant(expression.value),
    f.Collection: computing.collection,
    f.Mapping: computing.mapping,
    f.Subscript: picking.subscript,
    f.Operation: computing.operation,
    f.Unary: computing.unary,
    f.Logic: computing.logic,
    f.Comparison: computing.comparison,
    f.Choice: branching.choice,
    f.Lambda: computing.lambda_,
    f.Comprehension: looping.comprehension,
    f.Walrus: assigning.walrus,
    f.Yield: entering.yield_,
    f.Await: lambda machine, expression, state: machine.value(expression.value, state),
    f.Starred: lambda machine, expression, state: machine.value(expression.value, state),
    f.Text: computing.formatted,
    f.Opaque: computing.parts,
    f.Slice: computing.slice_bounds,
}
"""What evaluates an expression."""
