"""Which functions are worth following: those from whose code, or whose callees' code, a model could be touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from evallint.apis import Dataset
from evallint.facts import Function
from evallint.program import ClassSymbol, FunctionSymbol, Program, Symbol, VariableSymbol

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


VAGUE = frozenset("training models compile requires_grad".split())
"""Those of `WORDS` that by themselves do nothing."""

CONTEXTS = frozenset("no_grad inference_mode set_grad_enabled enable_grad".split())

ACTING = WORDS - VAGUE - CONTEXTS

AVERAGING = frozenset(("data", "copy_", "mul_", "lerp_"))


class Relevance:
    """Judged by names, once for the program: a function that mentions one of `WORDS`, a class of modules, or the
    name of a function that is itself relevant, and one that calls what it is given or holds. Too much is followed
    rather than too little."""

    def __init__(self, program: Program) -> None:
        names = set(WORDS)
        mentions: dict[str, list[tuple[str, ...]]] = {}
        methods = {f"self.{function.name}()" for facts in program.files.values() for function in facts.functions}
        for path, facts in program.files.items():
            for index, klass in enumerate(facts.classes):
                symbol = ClassSymbol(path, index)
                if program.is_module(symbol) or is_dataset(program, symbol):
                    names.add(klass.name)
            for function in facts.functions[1:]:
                name = function.name
                if name == "__init__" and function.owner >= 0:
                    name = facts.classes[function.owner].name
                mentions.setdefault(name, []).append(function.mentions)
                if function.name not in ("__init__", "forward") and calls_what_it_is_given(function, methods):
                    names.add(name)
        self._names = closure(names, mentions)
        self._switching = closure(set(SPLITTING), mentions)
        self._program = program
        self._methods = methods
        self._known: dict[FunctionSymbol, bool] = {}

    def matters(self, symbol: FunctionSymbol) -> bool:
        """Whether the function is to be followed."""
        if symbol not in self._known:
            self._known[symbol] = self._matters(symbol)
        return self._known[symbol]

    def _matters(self, symbol: FunctionSymbol) -> bool:
        function = self._program.function(symbol)
        if not self._names.isdisjoint(function.mentions) or self._calls_variable(symbol.path, function):
            return True
        return function.name != "__init__" and calls_what_it_is_given(function, self._methods)

    def acts(self, symbol: FunctionSymbol) -> bool:
        """Whether a function, or what it can be seen to lead to, mentions a name by which something is done. What is
        computed without gradients matters to the function that turns them off."""
        return symbol in self._acting or self.mentions(symbol, CONTEXTS)

    @cached_property
    def _acting(self) -> frozenset[FunctionSymbol]:
        graph = Graph(self._program)
        users: dict[FunctionSymbol, list[FunctionSymbol]] = {}
        todo = []
        for symbol in functions(self._program):
            if not ACTING.isdisjoint(self._program.function(symbol).mentions):
                todo.append(symbol)
            for used in graph.leads_to(symbol):
                users.setdefault(used, []).append(symbol)
        found = set(todo)
        while todo:
            for user in users.get(todo.pop(), ()):
                if user not in found:
                    found.add(user)
                    todo.append(user)
        return frozenset(found)

    def _calls_variable(self, path: str, function: Function) -> bool:
        """Whether a function calls a variable of its file, perhaps a model."""
        return any(
            name.endswith("()") and isinstance(self._program.lookup(path, name[:-2]), VariableSymbol)
            for name in function.mentions
        )

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
    """Which functions a function leads to: by what its names stand for where that is known, else by its names."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._named: dict[str, list[FunctionSymbol]] = {}
        for symbol in functions(program):
            self._named.setdefault(program.function(symbol).name, []).append(symbol)

    def leads_to(self, symbol: FunctionSymbol) -> Iterator[FunctionSymbol]:
        """The functions that one may call or hand on, some of them twice."""
        function = self._program.function(symbol)
        klass = self._program.class_of(symbol)
        mentioned = set(function.mentions)
        for name in function.mentions:
            if name.startswith("self."):
                yield from self._own(klass, name[5:-2])
            elif name.endswith("()"):
                yield from self._called(symbol.path, name[:-2])
            elif name.startswith("__") and klass is not None:
                yield from self._inherited(klass, name)
            elif f"{name}()" not in mentioned and f"self.{name}()" not in mentioned:
                found = self._program.lookup(symbol.path, name)
                yield from self._anywhere(symbol.path, name) if found is None else self._runs(found)

    def _own(self, klass: ClassSymbol | None, name: str) -> Iterable[FunctionSymbol]:
        """`self.name()`: a method; an attribute that is called is a part of the object, judged for itself."""
        method = self._program.method(klass, name) if klass is not None else None
        return (method,) if method is not None else () if klass is not None else self._named.get(name, ())

    def _called(self, path: str, name: str) -> Iterator[FunctionSymbol]:
        found = self._program.lookup(path, name)
        if found is not None:
            yield from self._runs(found)
            return
        for symbol in self._named.get(name, ()):
            if symbol.path == path:  # defined within a function
                yield symbol

    def _anywhere(self, path: str, name: str) -> Iterator[FunctionSymbol]:
        """What an attribute of this name may be; functions within others are known to their own file only."""
        for symbol in self._named.get(name, ()):
            if symbol.path == path or "<locals>" not in self._program.function(symbol).qualname:
                yield symbol

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


def functions(program: Program) -> Iterator[FunctionSymbol]:
    """Every function of the program, the files' own code left aside."""
    for path, facts in program.files.items():
        for index in range(1, len(facts.functions)):
            yield FunctionSymbol(path, index)


def calls_what_it_is_given(function: Function, methods: set[str]) -> bool:
    """Whether a function calls one of its parameters, or an attribute of self that is no method: perhaps a model. Or
    writes parameters by hand."""
    mentioned = set(function.mentions)
    if mentioned & AVERAGING and "parameters" in mentioned:
        return True
    if any(f"{parameter.name}()" in mentioned for parameter in function.parameters):
        return True
    return any(name.startswith("self.") and name not in methods for name in mentioned)


def closure(names: set[str], mentions: dict[str, list[tuple[str, ...]]]) -> frozenset[str]:
    """The names, and those of every function that mentions one of them, and so on."""
    users: dict[str, set[str]] = {}
    for user, groups in mentions.items():
        for group in groups:
            for name in group:
                users.setdefault(name, set()).add(user)
    todo = list(names)
    while todo:
        for user in users.get(todo.pop(), ()):
            if user not in names:
                names.add(user)
                todo.append(user)
    return frozenset(names)
