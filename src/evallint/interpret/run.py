"""Which entries are interpreted: the code of every file, then every function that nothing in sight has called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from evallint.apis import Hook
from evallint.codec import Corrupt
from evallint.interpret import calls, generators, modules, naming, states
from evallint.interpret.costs import Costs, Spent
from evallint.interpret.defaults import Literal, choices
from evallint.interpret.events import Caller, Events, Exhausted, Replaced
from evallint.interpret.frames import Frame
from evallint.interpret.heirs import Heirs
from evallint.interpret.machine import Machine
from evallint.interpret.reading import NO_TESTS
from evallint.interpret.relevance import Relevance
from evallint.interpret.roles import is_test_file
from evallint.interpret.untaken import Branch, Noted
from evallint.interpret.values import GRAD_ON, UNKNOWN_MODE, Address, Arguments, Callee, State, Thing, Value, constant
from evallint.interpret.variants import Variants
from evallint.memory import ByFile, Memo
from evallint.program import ClassSymbol, External, FunctionSymbol, Program


class Outcome(NamedTuple):
    """What came of one entry: what it saw, the functions it ran, and what else the entries after it go by."""

    events: Events
    reached: frozenset[FunctionSymbol]
    noted: Noted
    spent: Spent


class Orphan(NamedTuple):
    """A function that nothing in sight calls; a method with the class whose object it is run with."""

    symbol: FunctionSymbol
    klass: ClassSymbol | None


Entry: TypeAlias = str | Orphan
"""The code of a file, by its path, or a function."""

Key: TypeAlias = tuple[object, ...]


class Interpreter:
    """Runs the entries of a program. Where its memory records, an entry is run again only when something has changed
    that it has read."""

    def __init__(self, program: Program) -> None:
        self.machine = Machine(program, Relevance(program))
        memory = program.memory
        self._program = program
        self._outcomes: Memo[Key, Outcome] = memory.memo()
        self._asked: set[Key] = set()
        self._orphans = ByFile(memory, program.linted, self._orphans_in)
        self._choices = ByFile(memory, program.linted, lambda path: tuple(choices(program, path, self._restoring)))
        self._variants = Variants(program)
        self._heirs = Heirs(program, self.machine.relevance, self.machine.running_methods)

    @property
    def _restoring(self) -> frozenset[str]:
        return self.machine.relevance.restoring

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on anything that is otherwise by that."""
        self.machine.relevance.renew()
        self.machine.flags.renew()
        self.machine.variables.renew()
        self.machine.untaken.renew()

    def entries(self) -> Iterator[Events]:
        """What every entry of the program saw, in the order of the files."""
        machine = self.machine
        machine.costs, machine.untaken.open = Costs(), frozenset()
        self._asked.clear()
        reached: set[FunctionSymbol] = set()
        taken: set[Branch] = set()
        passed: dict[Branch, Entry] = {}

        def settled(entry: Entry) -> Events:
            found = self._outcome(entry)
            reached.update(found.reached)
            taken.update(found.noted.taken)
            for branch in found.noted.passed:
                passed.setdefault(branch, entry)
            return found.events

        for path in self._program.linted:
            yield settled(path)
        is_one_more = self._variants.counted()
        for symbol, classes in self._in_order():
            if symbol not in reached and not is_one_more(symbol):
                for klass in classes:
                    yield settled(Orphan(symbol, klass))
        machine.untaken.open = frozenset(passed.keys() - taken)
        for entry in dict.fromkeys(entry for branch, entry in passed.items() if branch in machine.untaken.open):
            yield self._outcome(entry).events
        self._choices.renew()
        for path in self._program.linted:
            for choice in self._choices.known[path]:
                yield self._of(("choice", *choice), partial(run_constructor, machine, *choice)).events
        self._outcomes.drop_others(self._asked)

    def _in_order(self) -> list[tuple[FunctionSymbol, tuple[ClassSymbol | None, ...]]]:
        """The functions worth an entry of their own, with the classes whose objects methods are run with: those whose
        names nobody mentions first, and of the others those that run steps of subclasses."""
        self._orphans.renew()
        self._heirs.renew()
        receivers, is_mentioned = self._heirs.receivers, self.machine.relevance.is_mentioned
        found = []
        for name, symbol in chain.from_iterable(self._orphans.known.values()):
            classes, is_own = receivers(symbol)
            mentioned = is_mentioned(name)
            found.append((mentioned, mentioned and is_own, symbol, classes))
        found.sort()
        return [(symbol, classes) for _, _, symbol, classes in found]

    def _orphans_in(self, path: str) -> tuple[tuple[str, FunctionSymbol], ...]:
        return tuple(orphans(self.machine, path))

    def _outcome(self, entry: Entry) -> Outcome:
        """What comes of the code of a file, or of a function that nothing in sight calls."""
        machine = self.machine

        def run() -> Events:
            events = run_file(machine, entry) if isinstance(entry, str) else run_orphan(machine, *entry)
            events.supposed = bool(machine.untaken.open)
            return events

        return self._of((entry, machine.untaken.open), run)

    def _of(self, key: Key, run: Callable[[], Events]) -> Outcome:
        if not self._program.memory.records:
            found = self._run(run)
        else:
            self._asked.add(key)
            known = self._outcomes.get(key)
            if known is not None and not self.machine.costs.leave(known.spent):
                self._outcomes.drop(key)
                known = None
            found = known or self._outcomes.of(key, self._run, run)
        self.machine.costs.settle(found.spent)
        return found

    def _run(self, run: Callable[[], Events]) -> Outcome:
        machine = self.machine
        machine.reached = set()
        machine.costs.begin()
        machine.untaken.begin()
        events = run()
        return Outcome(events, frozenset(machine.reached), machine.untaken.noted(), machine.costs.spent())


def interpret(program: Program) -> list[Events]:
    """What every entry of the program saw, in the order of the files."""
    return list(Interpreter(program).entries())


def reveal(texts: Mapping[str, str]) -> list[tuple[str, int, str]]:
    """What `reveal_mode(model)` and `reveal_grad()` in these files see: path, line and text, in order."""
    from evallint.extract import extract
    from evallint.link import link

    program = link({path: extract(text) for path, text in texts.items()})
    seen: dict[tuple[str, int], list[str]] = {}
    for events in (events for events in interpret(program) if not events.supposed):
        for found in events.reveals:
            parts = seen.setdefault((found.at.path, found.at.span.line), [])
            parts += found.text.split(" | ")
    order = ("train", "eval", "on", "off", "unknown")
    return [
        (path, line, " | ".join(word for word in order if word in parts))
        for (path, line), parts in sorted(seen.items())
    ]


# ---- entries ------------------------------------------------------------------------------------


def attempt(machine: Machine, name: str, run: Callable[[State], None]) -> Events:
    """Run an entry; where its paths are too many to be kept apart, once more with all of them joined."""
    for coarse in (False, True):
        state = machine.begin(name, coarse)
        try:
            run(state)
            break
        except (Exhausted, RecursionError):
            machine.events.complete = False
        except Corrupt:
            raise
        except Exception as error:  # our own failure: it costs this entry, not the run
            machine.events.complete = False
            machine.events.failed = f"{type(error).__name__}: {' '.join(str(error).split())}"
    machine.frames = []
    return machine.events


def run_file(machine: Machine, path: str) -> Events:
    """The code of a file, as when it is run as a script."""

    def run(state: State) -> None:
        machine.frames = [file_frame(machine, path, state)]
        machine.frame.tests = machine.tests_of(path, None)
        state.own(("module", path)).attributes["__name__"] = constant("__main__")
        machine.block(machine.program.files[path].bodies[0], [state])

    return attempt(machine, f"{path}:<module>", run)


def file_frame(machine: Machine, path: str, state: State) -> Frame:
    address = naming.module_frame(machine, path, state)
    caller = Caller(path, "<module>", None, None)
    return Frame(caller, address, path, None, machine.context("file", path), NO_TESTS)


def orphans(machine: Machine, path: str) -> Iterator[tuple[str, FunctionSymbol]]:
    """The functions of a file that are worth an entry of their own unless they are run by others, with their names."""
    program = machine.program
    for index, function in enumerate(program.files[path].functions):
        symbol = FunctionSymbol(path, index)
        if not index or ".<locals>." in function.qualname or is_unit_test(path, function.qualname):
            continue
        if is_overwritten(program, symbol):
            continue
        if machine.relevance.matters(symbol) and tells_by_itself(machine, symbol):
            yield function.name, symbol


def tells_by_itself(machine: Machine, symbol: FunctionSymbol) -> bool:
    """Whether an entry of its own could tell anything of a function. The parts of a module whose method is run by
    someone out of sight are in unknown modes: nothing is known of them until something is done to them."""
    klass = machine.program.class_of(symbol)
    if klass is None or not machine.program.is_module(klass) or machine.relevance.acts(symbol):
        return True
    return hook_of(machine, klass, machine.program.function(symbol).name) is not None


def is_overwritten(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether its class defines another method of the same name after it, which makes this one dead code."""
    klass = program.class_of(symbol)
    if klass is None:
        return False
    last = program.method(klass, program.function(symbol).name)
    return last is not None and last.index > symbol.index and not program.function(last).decorators


def is_unit_test(path: str, qualname: str) -> bool:
    """A test of the code itself: what it calls is analysed for its own sake."""
    return is_test_file(path) and any(part.lower().startswith("test") for part in qualname.split("."))


def run_orphan(machine: Machine, symbol: FunctionSymbol, klass: ClassSymbol | None) -> Events:
    """A function that nothing in sight calls: its arguments are unknown, and so is what its caller has set."""
    program = machine.program
    function = program.function(symbol)
    hook = hook_of(machine, klass, function.name)

    def run(state: State) -> None:
        frame = file_frame(machine, symbol.path, state)
        frame.hidden, frame.span = True, function.span
        frame.inside = klass is not None and function.name == "forward" and program.is_module(klass)
        machine.frames = [frame]
        state.grad = GRAD_ON
        bound = receiver(machine, klass, symbol, state, hook) if klass is not None else None
        machine.events.orphan = True
        value = calls.call_function(machine, Callee(symbol, bound), Arguments(spread=True), function.span, state)
        returned(machine, generators.generated(machine, value, state), hook is not None and hook.steps)
        if len(machine.states) and function.name != "state_dict":
            states.used(machine, value, "returned", state)

    return attempt(machine, f"{symbol.path}:{function.qualname}", run)


def run_constructor(machine: Machine, klass: ClassSymbol, parameter: str, value: Literal) -> Events:
    """A class built by a caller who asks for weights, and for nothing else; what is seen of it concerns these alone."""
    init = machine.program.method(klass, "__init__")
    assert init is not None

    def run(state: State) -> None:
        frame = file_frame(machine, klass.path, state)
        frame.hidden, frame.span = True, machine.program.function(init).span
        machine.frames = [frame]
        given = Arguments(keywords={parameter: constant(value)})
        address: Address = ("receiver", klass)
        state.put(address, Thing("module", "self", klass, pending=given, marks={"module": None}))
        calls.initialise(machine, address, state)

    events = attempt(machine, f"{klass.path}:{machine.program.title(klass)}({parameter}={value!r})", run)
    events.states = [found for found in events.states if isinstance(found, Replaced)]
    events.supposed = events.by_default = True
    return events


def returned(machine: Machine, value: Value, steps: bool) -> None:
    """What an entry returns goes to whoever called it; a framework may train with it."""
    for number in value.flow.graph:
        for event in machine.events.behind(number):
            event.escapes = True
            event.trained = event.trained or steps


def hook_of(machine: Machine, klass: ClassSymbol | None, name: str) -> Hook | None:
    """What a framework does around a method of this name, None where none calls it."""
    if klass is None:
        return None
    for base in machine.program.lineage(klass):
        hook = machine.apis.hook(base.name, name) if isinstance(base, External) else None
        if hook is not None:
            return hook
    return None


def receiver(machine: Machine, klass: ClassSymbol, symbol: FunctionSymbol, state: State, hook: Hook | None) -> Address:
    """An instance of a class that nobody in sight builds: as its constructor leaves it.

    The mode of a module that is its own method's receiver is its owner's business. That of what an object holds is
    known only where no other entry of the class may have changed it before. A framework's training hook finds its model
    as it was built: what the constructor left in training mode is in training mode.
    """
    program = machine.program
    address: Address = ("receiver", klass)
    is_module = program.is_module(klass)
    thing = Thing(
        "module" if is_module else "instance", "self", klass, pending=Arguments(spread=True), mode=UNKNOWN_MODE
    )
    if is_module:
        thing.marks["module"] = None
    state.put(address, thing)
    function = program.function(symbol)
    if function.name == "__init__":
        state.own(address).pending = None
        return address
    calls.initialise(machine, address, state, is_receiver=True)
    if is_module and hook is not None and hook.phase == "train":
        if hooks_switch(machine, klass, symbol):
            modules.lose(address, state)
        return address
    if is_module:
        for part in modules.family(address, state):
            if state.heap[part].mode.eval is None:
                state.own(part).mode = UNKNOWN_MODE
    elif others_switch(machine, klass, symbol):
        modules.lose(address, state)
    return address


def hooks_switch(machine: Machine, klass: ClassSymbol, symbol: FunctionSymbol) -> bool:
    """Whether another hook of the class, which a framework may have called before, puts parts into evaluation mode."""
    program = machine.program
    methods = [one for base in program.lineage(klass) if isinstance(base, ClassSymbol) for one in program.methods(base)]
    hooks = [(one, hook_of(machine, klass, program.function(one).name)) for one in methods if one != symbol]
    before = [one for one, hook in hooks if hook is not None and hook.phase in ("train", "setup")]
    return any(machine.relevance.mentions(one, frozenset(("eval",))) for one in program.reached(klass, before))


def others_switch(machine: Machine, klass: ClassSymbol, symbol: FunctionSymbol) -> bool:
    """Whether another method of the class, which may have run before, sets modes."""
    program = machine.program
    return any(
        isinstance(base, ClassSymbol)
        and any(
            method != symbol
            and program.function(method).name != "__init__"
            and machine.relevance.mentions(method, frozenset(("eval", "train")))
            for method in program.methods(base)
        )
        for base in program.lineage(klass)
    )
