"""Methods of a module other than `forward` that run it, and no more than that: `encode`, `sample`, `loss`."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.apis import ModuleClass
from evallint.facts import Expr
from evallint.interpret.relevance import Relevance
from evallint.interpret.roles import names_forward
from evallint.memory import Memo
from evallint.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol, Program, Symbol
from evallint.walk import within

TELLING = frozenset("detach item numpy tolist data requires_grad load_state_dict".split())
"""Names of what a method does to a graph or to weights, which only its own code tells."""

CUTTING = frozenset("detach item numpy tolist argmax argmin len() int() float()".split())


class RunningMethods:
    """Judges methods, each once for each class. `parts` gives the attributes that a class's constructors set."""

    def __init__(self, program: Program, relevance: Relevance) -> None:
        self._program = program
        self._relevance = relevance
        memory = program.memory
        self._runs: Memo[tuple[ClassSymbol, FunctionSymbol], bool] = memory.memo()
        self._plain: Memo[tuple[ClassSymbol, FunctionSymbol], bool] = memory.memo()
        self._cuts: Memo[tuple[ClassSymbol, FunctionSymbol], bool] = memory.memo()
        self._callees: Memo[tuple[ClassSymbol, FunctionSymbol], list[FunctionSymbol]] = memory.memo()

    def runs(self, klass: ClassSymbol, method: FunctionSymbol, parts: dict[str, tuple[str, Expr]]) -> bool:
        """Whether a method runs the module or parts that it built, and switches nothing on its way."""
        return self._runs.of((klass, method), self._judge, klass, method, parts)

    def is_plain(self, klass: ClassSymbol, method: FunctionSymbol) -> bool:
        """Whether nothing but its result tells that a running method has run."""
        return self._plain.of(
            (klass, method), lambda: not any(map(self._leaves_traces, self.with_callees(klass, method)))
        )

    def cuts_some(self, klass: ClassSymbol, method: FunctionSymbol, parts: dict[str, tuple[str, Expr]]) -> bool:
        """Whether a method gives several results, and takes its graph off some of what it computes, or has a part that
        does."""
        return self._cuts.of((klass, method), self._find_cuts, klass, method, parts)

    def _find_cuts(self, klass: ClassSymbol, method: FunctionSymbol, parts: dict[str, tuple[str, Expr]]) -> bool:
        if not self._gives_several(klass, method):
            return False
        return self._cuts_itself(klass, method) or any(
            self._gives_several(part, forward) and self._cuts_itself(part, forward)
            for part, forward in self._unpacked(method, parts)
        )

    def _gives_several(self, klass: ClassSymbol, method: FunctionSymbol) -> bool:
        methods = self.with_callees(klass, method)
        return any(self._returns_several(one) for one in (method, *self._passed_on(method, methods)))

    def _cuts_itself(self, klass: ClassSymbol, method: FunctionSymbol) -> bool:
        methods = self.with_callees(klass, method)
        return any(
            not CUTTING.isdisjoint(self._program.function(one).mentions)
            for one in (*methods, *(helper for own in methods for helper in self._helpers(own)))
        )

    def _unpacked(
        self, method: FunctionSymbol, parts: dict[str, tuple[str, Expr]]
    ) -> Iterator[tuple[ClassSymbol, FunctionSymbol]]:
        """The parts of which a method takes several results, each with its forward: `x, losses = self.codebook(z)`."""
        for node in within(self._program.body(method)):
            match node:
                case f.Assign((f.Collection(),), f.Call(f.Attribute(f.Name("self"), name))) if name in parts:
                    path, built = parts[name]
                    klass = self._program.resolve(path, built.function) if isinstance(built, f.Call) else None
                    forward = self._program.method(klass, "forward") if isinstance(klass, ClassSymbol) else None
                    if isinstance(klass, ClassSymbol) and forward is not None:
                        yield klass, forward

    def _helpers(self, method: FunctionSymbol) -> Iterator[FunctionSymbol]:
        """The functions of the program that a method calls by their names."""
        for node in within(self._program.body(method)):
            if isinstance(node, f.Call) and isinstance(node.function, f.Name):
                found = self._program.resolve(method.path, node.function)
                if isinstance(found, FunctionSymbol):
                    yield found

    def _returns_several(self, method: FunctionSymbol) -> bool:
        return any(isinstance(value, f.Collection | f.Mapping) for value in self._returned(method))

    def _passed_on(self, method: FunctionSymbol, methods: list[FunctionSymbol]) -> Iterator[FunctionSymbol]:
        """The methods of self whose results a method returns as they are: `return self.finish(x)`."""
        for value in self._returned(method):
            match value:
                case f.Call(f.Attribute(f.Name("self"), name)):
                    yield from (one for one in methods if self._program.function(one).name == name)

    def _returned(self, method: FunctionSymbol) -> Iterator[Expr | None]:
        """What a method returns; for a variable, what it is given."""
        nodes = list(within(self._program.body(method)))
        values = [node.value for node in nodes if isinstance(node, f.Return)]
        yield from values
        for node in nodes:
            if isinstance(node, f.Assign) and any(target in values for target in node.targets):
                yield node.value

    def _judge(self, klass: ClassSymbol, method: FunctionSymbol, parts: dict[str, tuple[str, Expr]]) -> bool:
        function = self._program.function(method)
        if function.decorators or function.is_generator or self._relevance.switches(function.name):
            return False
        methods = self.with_callees(klass, method)
        if any(self._relevance.switches(name) for one in methods for name in self._program.function(one).mentions):
            return False
        return any(self._runs_part(one, parts) for one in methods)

    def with_callees(self, klass: ClassSymbol, method: FunctionSymbol) -> list[FunctionSymbol]:
        """A method and the methods of self that it calls."""
        return self._callees.of((klass, method), self._program.reached, klass, (method,))

    def _runs_part(self, method: FunctionSymbol, parts: dict[str, tuple[str, Expr]]) -> bool:
        if "self()" in self._program.function(method).mentions:
            return True
        called = (*self._program.called_on_self(method), *self._run_by_method(method))
        return any(name in parts and self._is_module(*parts[name]) for name in called)

    def _run_by_method(self, method: FunctionSymbol) -> Iterator[str]:
        """The parts of which a method calls one by whose name models are run: `self.autoencoder.encode(x)`."""
        if not any(map(names_forward, self._program.function(method).mentions)):
            return
        for node in within(self._program.body(method)):
            match node:
                case f.Call(f.Attribute(f.Attribute(f.Name("self"), part), name)) if names_forward(name):
                    yield part

    def _is_module(self, path: str, built: Expr) -> bool:
        """Whether a part is built that has weights, or may have some: a sigmoid is no run of a model."""
        if not isinstance(built, f.Call):
            return False
        match built.function:
            case f.Call(f.Name("getattr"), (f.Argument(owner), *_)):
                return self._offers_models(self._program.resolve(path, owner))
        return self._has_weights(self._program.resolve(path, built.function))

    def _has_weights(self, symbol: Symbol | None) -> bool:
        meaning = self._program.apis.of(symbol.name) if isinstance(symbol, External) else None
        if isinstance(meaning, ModuleClass) and not meaning.parameters and not meaning.container:
            return meaning.dependence.default != "never"
        return isinstance(symbol, ClassSymbol | External) and self._program.is_module(symbol)

    def _offers_models(self, owner: Symbol | None) -> bool:
        """Whether what goes by a name that is made up while a program runs is one of a module's models."""
        return isinstance(owner, ModuleSymbol) and any(map(self._has_weights, self._program.exported(owner)))

    def _leaves_traces(self, method: FunctionSymbol) -> bool:
        if not TELLING.isdisjoint(self._program.function(method).mentions):
            return True
        return any(
            isinstance(node, f.Assign | f.Augment) and any(isinstance(one, f.Attribute) for one in targets(node))
            for node in within(self._program.body(method))
        )


def targets(node: f.Assign | f.Augment) -> tuple[Expr, ...]:
    return node.targets if isinstance(node, f.Assign) else (node.target,)
