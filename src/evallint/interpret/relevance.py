"""Which functions are worth following: those from whose code, or whose callees' code, a model could be touched."""

from __future__ import annotations

import builtins
import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from evallint.apis import Dataset
from evallint.facts import Function
from evallint.memory import ByFile, Memo
from evallint.program import ClassSymbol, FunctionSymbol, Program, Symbol, VariableSymbol

Node = TypeVar("Node")


class Leads(NamedTuple):
    """Where a function leads to, each once: `surely`, by what its names stand for, and `perhaps`, to whatever has the
    name of an attribute. `acts`: it mentions itself a name by which something is done."""

    symbol: FunctionSymbol
    surely: frozenset[FunctionSymbol]
    perhaps: frozenset[FunctionSymbol]
    acts: bool


WORDS = frozenset(
    "eval train training backward manual_backward no_grad inference_mode set_grad_enabled enable_grad requires_grad "
    "requires_grad_ state_dict load_state_dict DataLoader random_split DataParallel DistributedDataParallel prepare "
    "compile script trace "
    "export Variable freeze unfreeze generate from_pretrained create_model deepcopy reveal_mode reveal_grad "
    "autograd hub models Compose Normalize Subset train_test_split ImageFolder create_transform fit_transform".split()
)
"""Names of which a call or attribute changes, reads or hands on a model, its mode, its gradients or its data."""

SPLITTING = frozenset(
    "eval train backward manual_backward no_grad inference_mode set_grad_enabled enable_grad requires_grad_ "
    "reveal_mode "
    "reveal_grad".split()
)
"""Names that make it worth keeping a function's paths apart."""


RESTORING = frozenset(("load_state_dict",))

VAGUE = frozenset("training models compile requires_grad".split())
"""Those of `WORDS` that by themselves do nothing."""

CONTEXTS = frozenset("no_grad inference_mode set_grad_enabled enable_grad".split())

ACTING = WORDS - VAGUE - CONTEXTS

BUILTINS = frozenset(dir(builtins))

OF_CONTAINERS = frozenset(name for kind in (dict, list, set, str) for name in dir(kind))
"""Methods of Python's own containers: `kwargs.update(…)` leads to no method of the program, whatever has one."""

AVERAGING = frozenset(("data", "copy_", "mul_", "lerp_"))


class Use(NamedTuple):
    """A function by what it is called by, its class's name for a constructor, with what it mentions. `is_plain`: it is
    no method that Python calls by itself."""

    name: str
    mentions: tuple[str, ...]
    is_plain: bool


class Said(NamedTuple):
    """What the code of one file says by names, whatever others say.

    `mentioned` are all names in it, `methods` what its methods are called by (`self.f()`), `uses` its functions. Those
    in `names` matter by themselves, those in `given` where an attribute of self that the function calls is no method.
    """

    mentioned: frozenset[str]
    methods: frozenset[str]
    uses: tuple[Use, ...]
    names: frozenset[str]
    given: tuple[tuple[str, frozenset[str]], ...]


class Relevance:
    """Judged by names, once for the program: a function that mentions one of `WORDS`, a class of modules, or the
    name of a function that is itself relevant, and one that calls what it is given or holds. Too much is followed
    rather than too little."""

    def __init__(self, program: Program) -> None:
        memory = program.memory
        self._program = program
        self._graph = Graph(program)
        self._said = ByFile(memory, program.files, self._say)
        self._known: Memo[FunctionSymbol, bool] = memory.memo()
        self._users = Users[str]()
        self._methods: Counter[str] = Counter()
        self._mentioned: Counter[str] = Counter()
        self._names = self._switching = self.restoring = frozenset[str]()
        self.renew()

    # ---- what all files say together -------------------------------------------------------------

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on names that mean something else than before."""
        self._graph.renew()
        changed = [(before, after) for _, before, after in self._said.renew() if before != after]
        if not changed:
            return
        former = self._meanings()
        for before, after in changed:
            if before is not None:
                self._count(before, -1)
            self._count(after, 1)
        every = self._said.known.values()
        own = (each for one in every for each in one.given)
        names = WORDS.union(*(one.names for one in every))
        names |= {name for name, called in own if not called <= self._methods.keys()}
        self._names, self._switching = self._users.closure(names), self._users.closure(SPLITTING)
        self.restoring = self._using(self._using(RESTORING))
        flipped = frozenset[str]().union(*map(operator.xor, former, self._meanings()))
        self._program.memory.forget(self._about(flipped))

    def _meanings(self) -> tuple[frozenset[str], ...]:
        return self._names, self._switching, self.restoring, frozenset(self._methods)

    def _using(self, names: frozenset[str]) -> frozenset[str]:
        """These names, and those of the functions that mention one of them."""
        every = (one for said in self._said.known.values() if not names.isdisjoint(said.mentioned) for one in said.uses)
        return names.union(one.name for one in every if one.is_plain and not names.isdisjoint(one.mentions))

    def _count(self, said: Said, number: int) -> None:
        for counter, names in ((self._methods, said.methods), (self._mentioned, said.mentioned)):
            for name in names:
                counter[name] += number
                if not counter[name]:
                    del counter[name]
        for one in said.uses:
            self._users.count(one.name, one.mentions, number)

    def _about(self, names: frozenset[str]) -> Iterator[object]:
        """The parts of all functions that mention one of these names, or have it: nothing else asks about it."""
        own = {f"self.{name}()" for name in names}
        for path, said in self._said.known.items() if names else ():
            if names.isdisjoint(said.mentioned) and own.isdisjoint(said.methods):
                continue
            for index, function in enumerate(self._program.files[path].functions):
                if function.name in names or not names.isdisjoint(function.mentions):
                    yield "functions", path, index
                    yield "bodies", path, function.body

    def _say(self, path: str) -> Said:
        """What the code of a file says."""
        facts = self._program.files[path]
        functions = facts.functions[1:]
        called = [facts.classes[one.owner].name if is_constructor(one) else one.name for one in functions]
        names = [klass.name for index, klass in enumerate(facts.classes) if self._counts(ClassSymbol(path, index))]
        given = []
        for name, function in zip(called, functions, strict=True):
            if function.name in ("__init__", "forward"):
                continue
            if calls_what_it_is_given(function):
                names.append(name)
            elif own := frozenset(one for one in function.mentions if one.startswith("self.")):
                given.append((name, own))
        return Said(
            frozenset(name for function in facts.functions for name in function.mentions),
            frozenset(f"self.{function.name}()" for function in facts.functions),
            tuple(
                Use(name, function.mentions, not function.name.startswith("__"))
                for name, function in zip(called, functions, strict=True)
            ),
            frozenset(names),
            tuple(given),
        )

    def _counts(self, symbol: ClassSymbol) -> bool:
        return self._program.is_module(symbol) or is_dataset(self._program, symbol)

    def is_mentioned(self, name: str) -> bool:
        """Whether any code of the program mentions a name."""
        return name in self._mentioned

    # ---- functions -------------------------------------------------------------------------------

    def matters(self, symbol: FunctionSymbol) -> bool:
        """Whether the function is to be followed."""
        return self._known.of(symbol, self._matters, symbol)

    def _matters(self, symbol: FunctionSymbol) -> bool:
        function = self._program.function(symbol)
        if not self._names.isdisjoint(function.mentions) or self._calls_variable(symbol.path, function):
            return True
        if function.name == "__init__":
            return False
        called = {one for one in function.mentions if one.startswith("self.")}
        return calls_what_it_is_given(function) or not called <= self._methods.keys()

    def named(self, name: str) -> list[FunctionSymbol]:
        """The functions of a name, in the order of their files."""
        return sorted(self._graph.named(name), key=lambda one: (one.path, one.index))

    def acts(self, symbol: FunctionSymbol) -> bool:
        """Whether a function, or what it can be seen to lead to, mentions a name by which something is done. What is
        computed without gradients matters to the function that turns them off."""
        return self.mentions(symbol, CONTEXTS) or self._graph.acts(symbol)

    def _calls_variable(self, path: str, function: Function) -> bool:
        """Whether a function calls a variable of its own or of its file, perhaps a model."""
        called = (name[:-2] for name in function.mentions if name.endswith("()") and not name.startswith("self."))
        return any(self._is_variable(path, name) for name in called)

    def _is_variable(self, path: str, name: str) -> bool:
        found = self._program.lookup(path, name)
        if found is not None or name in BUILTINS:
            return isinstance(found, VariableSymbol)
        return not any(one.path == path for one in self.named(name))  # defined within a function

    def switches(self, name: str) -> bool:
        """Whether a function of this name, or what it calls, sets modes or uses gradients."""
        return name in self._switching

    def mentions(self, symbol: FunctionSymbol, words: frozenset[str]) -> bool:
        """Whether the function's own code mentions one of these names."""
        return not words.isdisjoint(self._program.function(symbol).mentions)


def is_dataset(program: Program, klass: ClassSymbol) -> bool:
    """Whether a class derives from a library's class of data sets."""
    return any(isinstance(program.apis.data(name), Dataset) for name in program.externals(klass))


class Graph:
    """Which functions a function leads to: by what its names stand for where that is known, else by its names.

    Where only a name leads on, it does once: every other attribute is called like some function of a large program, and
    whoever followed all of them would get from any function to any other.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._named = Named(program)
        self._leads = ByFile(program.memory, program.files, self._lead)
        self._sure, self._possible = Users[FunctionSymbol](), Users[FunctionSymbol]()
        self._acting: frozenset[FunctionSymbol] | None = None

    def acts(self, symbol: FunctionSymbol) -> bool:
        """Whether a function, or what it can be seen to lead to, mentions a name by which something is done."""
        if self._acting is None:
            self._added_up()
            self._acting = self._found()
        self._program.memory.note(("functions", symbol.path, symbol.index))
        return symbol in self._acting

    def named(self, name: str) -> Iterator[FunctionSymbol]:
        """Every function of a name, in no particular order."""
        return (one.symbol for one in self._named.of(name))

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on functions that lead elsewhere."""
        self._named.renew()
        if self._acting is not None and self._added_up():
            former, self._acting = self._acting, self._found()
            flipped = former ^ self._acting
            self._program.memory.forget(("functions", symbol.path, symbol.index) for symbol in flipped)

    def _added_up(self) -> bool:
        """Count what files say now; whether any says something else."""
        changed = [(before, after) for _, before, after in self._leads.renew() if before != after]
        for before, after in changed:
            if before is not None:
                self._count(before, -1)
            self._count(after, 1)
        return bool(changed)

    def _found(self) -> frozenset[FunctionSymbol]:
        every = self._leads.known.values()
        acting = self._sure.closure(one.symbol for leads in every for one in leads if one.acts)
        return self._sure.closure(self._possible.of(acting))

    def _count(self, leads: tuple[Leads, ...], number: int) -> None:
        for one in leads:
            self._sure.count(one.symbol, one.surely, number)
            self._possible.count(one.symbol, one.perhaps, number)

    def _lead(self, path: str) -> tuple[Leads, ...]:
        symbols = (FunctionSymbol(path, index) for index in range(1, len(self._program.files[path].functions)))
        return tuple(map(self._leads_of, symbols))

    def _leads_of(self, symbol: FunctionSymbol) -> Leads:
        function = self._program.function(symbol)
        klass = self._program.class_of(symbol)
        mentioned = set(function.mentions)
        surely: set[FunctionSymbol] = set()
        perhaps: set[FunctionSymbol] = set()
        for name in function.mentions:
            if name.startswith("self."):
                surely.update(self._own(klass, name[5:-2]))
            elif name.endswith("()"):
                surely.update(self._called(symbol.path, name[:-2]))
            elif name.startswith("__") and klass is not None:
                surely.update(self._inherited(klass, name))
            elif f"{name}()" not in mentioned and f"self.{name}()" not in mentioned:
                found = self._program.lookup(symbol.path, name)
                if found is not None:
                    surely.update(self._runs(found))
                elif name not in OF_CONTAINERS:
                    perhaps.update(self._anywhere(symbol.path, name))
        return Leads(symbol, frozenset(surely), frozenset(perhaps), not ACTING.isdisjoint(mentioned))

    def _own(self, klass: ClassSymbol | None, name: str) -> Iterable[FunctionSymbol]:
        """`self.name()`: a method; an attribute that is called is a part of the object, judged for itself."""
        if klass is None:
            return self.named(name)
        method = self._program.method(klass, name)
        return (method,) if method is not None else ()

    def _called(self, path: str, name: str) -> Iterator[FunctionSymbol]:
        found = self._program.lookup(path, name)
        if found is not None:
            yield from self._runs(found)
            return
        for one in self._named.of(name):
            if one.symbol.path == path:  # defined within a function
                yield one.symbol

    def _anywhere(self, path: str, name: str) -> Iterator[FunctionSymbol]:
        """What an attribute of this name may be; functions within others are known to their own file only."""
        for one in self._named.of(name):
            if one.symbol.path == path or not one.is_inner:
                yield one.symbol

    def _inherited(self, klass: ClassSymbol, name: str) -> Iterator[FunctionSymbol]:
        for base in self._program.lineage(klass):
            method = self._program.method(base, name) if isinstance(base, ClassSymbol) else None
            if method is not None:
                yield method

    def _runs(self, symbol: Symbol) -> Iterator[FunctionSymbol]:
        """What calling a symbol runs."""
        if isinstance(symbol, FunctionSymbol):
            yield symbol
        elif isinstance(symbol, ClassSymbol):
            for name in ("__init__", "__call__"):
                method = self._program.method(symbol, name)
                if method is not None:
                    yield method


def is_constructor(function: Function) -> bool:
    return function.name == "__init__" and function.owner >= 0


def calls_what_it_is_given(function: Function) -> bool:
    """Whether a function calls one of its parameters, perhaps a model, or writes parameters by hand."""
    mentioned = set(function.mentions)
    if mentioned & AVERAGING and "parameters" in mentioned:
        return True
    return any(f"{parameter.name}()" in mentioned for parameter in function.parameters)


class Defined(NamedTuple):
    """A function, and whether it is defined within another. Who asks for those of a name need not read any of them."""

    symbol: FunctionSymbol
    is_inner: bool


class Named:
    """The functions of a program by their names, the files' own code left aside."""

    def __init__(self, program: Program) -> None:
        self._memory = program.memory
        self._program = program
        self._defined = ByFile(program.memory, program.files, self._define)
        self._known: dict[str, dict[str, list[Defined]]] = {}
        self.renew()

    def of(self, name: str) -> Iterator[Defined]:
        """Every function of a name, in no particular order."""
        self._memory.note(("named", name))
        return chain.from_iterable(self._known.get(name, {}).values())

    def renew(self) -> None:
        """Take in what files define now, and forget what stands on names that others have now."""
        for path, before, after in self._defined.renew():
            for name in {**(before or {}), **after}:
                self._known.setdefault(name, {}).pop(path, None)
                if name in after:
                    self._known[name][path] = after[name]
            differing = (name for name in {**(before or {}), **after} if (before or {}).get(name) != after.get(name))
            self._memory.forget(("named", name) for name in differing)

    def _define(self, path: str) -> dict[str, list[Defined]]:
        found: dict[str, list[Defined]] = {}
        for index, function in enumerate(self._program.files[path].functions):
            if index:
                is_inner = "<locals>" in function.qualname
                found.setdefault(function.name, []).append(Defined(FunctionSymbol(path, index), is_inner))
        return found


class Users(Generic[Node]):
    """Who uses what, each use counted, so that it can be taken back."""

    def __init__(self) -> None:
        self._users: dict[Node, dict[Node, int]] = {}

    def count(self, user: Node, used: Iterable[Node], number: int) -> None:
        """Count so many uses more, or, where negative, less."""
        for one in used:
            users = self._users.setdefault(one, {})
            users[user] = users.get(user, 0) + number
            if not users[user]:
                del users[user]

    def of(self, nodes: frozenset[Node]) -> frozenset[Node]:
        """These, and all that use one of them."""
        return nodes.union(*(self._users.get(node, ()) for node in nodes))

    def closure(self, nodes: Iterable[Node]) -> frozenset[Node]:
        """These, and all that use one of them, and so on."""
        found = set(nodes)
        todo = list(found)
        while todo:
            for user in self._users.get(todo.pop(), ()):
                if user not in found:
                    found.add(user)
                    todo.append(user)
        return frozenset(found)
