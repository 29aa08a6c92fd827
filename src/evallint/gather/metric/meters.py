"""Which classes of the program are meters: they average what their `update` is given."""

from __future__ import annotations

from dataclasses import dataclass

from evallint import facts as f
from evallint.facts import Expr
from evallint.gather.code.sites import of_self, statements
from evallint.interpret.reading import last_name
from evallint.memory import Memo
from evallint.program import ClassSymbol, FunctionSymbol, Program
from evallint.walk import within

UPDATES = frozenset("update add append push record log_value".split())
"""Names of methods by which a meter takes in a value."""


@dataclass(frozen=True, slots=True)
class Intake:
    """How a meter's method takes in a value. `weight`: the parameter that says how often the value counts ("" none).

    `positions`: of the value and of the weight among the arguments. `by_name`: it takes each keyword as a value, and
    hands it on to a meter without a weight.
    """

    value: str
    weight: str
    positions: tuple[int, int | None]
    by_name: bool = False


class Meters:
    """Judges methods of classes, each once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: Memo[tuple[ClassSymbol, str], Intake | None] = program.memory.circles(lambda key: None)

    def intake(self, klass: ClassSymbol, name: str) -> Intake | None:
        """How a method takes in a value, None where the class is no meter, or in a way that is not understood."""
        return self._known.of((klass, name), self._judge, klass, name) if name in UPDATES else None

    def _judge(self, klass: ClassSymbol, name: str) -> Intake | None:
        method = self.program.method(klass, name)
        if method is None:
            return None
        function = self.program.function(method)
        parameters = [one for one in function.parameters if one.name not in ("self", "cls")]
        if parameters and parameters[-1].kind == "**":
            handed = self._hands_on(klass, method)
            return Intake("", "", (0, None), by_name=True) if handed else None
        if not parameters or parameters[0].kind not in ("", "/") or not self._divides(klass):
            return None
        counted = [one for one in statements(self.program.body(method)) if counts(one)]
        names = [one.name for one in parameters]
        place = 1 if any(is_key(one, names[0]) for one in counted) else 0
        if place >= len(names) or (place and not any(reads(one, names[place]) for one in counted)):
            return None
        weight = next(
            (
                one
                for one in parameters[place + 1 :]
                if one.default == f.Constant(1) and any(reads(c, one.name) for c in counted)
            ),
            None,
        )
        if weight is not None:
            return Intake(names[place], weight.name, (place, parameters.index(weight)))
        plain = len(names) == place + 1 and any(
            isinstance(one, f.Augment) and one.value == f.Constant(1) for one in counted
        )
        return Intake(names[place], "", (place, None)) if plain else None

    def _divides(self, klass: ClassSymbol) -> bool:
        """Whether an instance divides one of its attributes by another."""
        return any(
            isinstance(node, f.Operation) and node.operator == "/" and held(node.left) and held(bare(node.right))
            for base in self.program.lineage(klass)
            if isinstance(base, ClassSymbol)
            for method in self.program.methods(base)
            for node in within(self.program.body(method))
        )

    def _hands_on(self, klass: ClassSymbol, method: FunctionSymbol) -> bool:
        """Whether `update(**values)` gives each value, and nothing else, to a meter of the same file."""
        calls = [
            node
            for node in within(self.program.body(method))
            if isinstance(node, f.Call)
            and last_name(node.function) == "update"
            and isinstance(node.function, f.Attribute)
            and isinstance(node.function.value, f.Subscript)
        ]
        if not calls or any(len(call.arguments) != 1 for call in calls):
            return False
        others = [ClassSymbol(klass.path, index) for index in range(len(self.program.files[klass.path].classes))]
        return any(self.intake(other, "update") for other in others if other != klass)


def counts(statement: f.Stmt) -> bool:
    """Whether a statement adds to an attribute, or to a part of one: `self.count += n`, `self.counts[key] += n`."""
    if isinstance(statement, f.Augment):
        return statement.operator == "+" and bool(held(statement.target))
    return isinstance(statement, f.Assign) and any(held(target) for target in statement.targets)


def held(expression: Expr) -> str:
    """The attribute of `self` that an expression is, or is a part of: `data` of `self.data.total[key]`; "" for none."""
    while not of_self(expression) and isinstance(expression, f.Subscript | f.Attribute):
        expression = expression.value
    return of_self(expression)


def is_key(statement: f.Stmt, name: str) -> bool:
    """Whether a statement adds to what stands under a name: `self.sums[name] += x`, `self.data.loc[name, "a"] += x`."""
    target = statement.target if isinstance(statement, f.Augment) else None
    if not isinstance(target, f.Subscript):
        return False
    return f.Name(name) in (target.key.items if isinstance(target.key, f.Collection) else (target.key,))


def reads(statement: f.Stmt, name: str) -> bool:
    return any(node == f.Name(name) for node in within(statement))


def bare(divisor: Expr) -> Expr:
    """`self.count` of `max(self.count, 1)`, `(self.count + 1e-8)` and `float(self.count)`."""
    if isinstance(divisor, f.Call) and divisor.arguments:
        parts: tuple[Expr, ...] = tuple(one.value for one in divisor.arguments)
        return next((part for part in parts if of_self(part)), divisor)
    if isinstance(divisor, f.Operation):
        return divisor.left
    return divisor
