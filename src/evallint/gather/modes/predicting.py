"""Where a module's own methods for evaluation run it: `predict`, which calls `self(x)`."""

from __future__ import annotations

from evallint import facts as f
from evallint.findings import Place
from evallint.gather.code.sites import called, of_self
from evallint.interpret.render import code
from evallint.interpret.roles import use_of
from evallint.memory import Memo
from evallint.program import ClassSymbol, FunctionSymbol, Program
from evallint.project import Run


class Predicting:
    """Looks into methods, into each once for each class."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: Memo[tuple[ClassSymbol, str], Run | None] = program.memory.memo()

    def run_of(self, klass: object, method: str) -> Run | None:
        """The run of the module by its method, or by others that this calls; None of one that is not for evaluation."""
        if not isinstance(klass, ClassSymbol) or use_of(method) != "eval":
            return None
        return self._known.of((klass, method), self._found, klass, method)

    def _found(self, klass: ClassSymbol, method: str) -> Run | None:
        todo, seen = [method], {method, "forward"}
        for name in todo:
            symbol = self.program.method(klass, name)
            if symbol is None:
                continue
            for call in called(self.program.body(symbol)):
                if self._runs_itself(symbol, call.function):
                    function = self.program.function(symbol).qualname
                    return Run(Place(symbol.path, call.span), function, code(call.function))
                if of_self(call.function) not in seen:
                    seen.add(of_self(call.function))
                    todo.append(of_self(call.function))
        return None

    def _runs_itself(self, symbol: FunctionSymbol, function: f.Expr) -> bool:
        parameters = self.program.function(symbol).parameters
        itself = f.Name(parameters[0].name) if parameters else None
        return function in (itself, f.Attribute(itself, "forward") if itself is not None else None)
