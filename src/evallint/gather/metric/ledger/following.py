"""Follows functions, statement by statement, to what they make of the batches of an evaluation.

A function's own code is followed once, its branches joined, each loop taken as one pass; calls of the program's
functions are followed a few deep. What a number is comes from the tables, from how it is computed and, last, from
its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.findings import Place
from evallint.gather.metric.ledger import calls, entering, expressions
from evallint.gather.metric.ledger.book import Around, Division, Entry, Frame, Intaking
from evallint.gather.metric.ledger.seen import Seen
from evallint.gather.metric.ledger.words import NAMED, SAME, any_of, as_named, item_of
from evallint.gather.metric.meters import Meters
from evallint.gather.metric.passes import goes_over_batches, names_loader
from evallint.gather.metric.quantities import DATA, NUMBER, SAMPLE, UNKNOWN, Quantity, combined, joined, of_kind
from evallint.interpret.reading import gone_over, last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, FunctionSymbol, Program
from evallint.walk import within

DEEPEST = 4


MOST = 6000
"""Statements followed from one function."""


WRAPPERS = frozenset(("enumerate", "tqdm"))


class Ledger:
    """Follows functions."""

    def __init__(self, program: Program, seen: Seen) -> None:
        self.program = program
        self.seen = seen
        self.entries: list[Entry] = []
        self.meters = Meters(program)
        self.loops: list[Around] = []
        self.frames: list[Frame] = []
        self.left = MOST
        self.cores: dict[int, str] = {}
        self.additions: dict[tuple[int, str], dict[Place, Expr]] = defaultdict(dict)
        """What the statements add to a sum, by the loop and what the code calls the sum."""
        self.divisions: dict[tuple[int, str], Division] = {}
        """Where sums are divided, by the loop and the text of the average."""
        self.intakes: dict[tuple[int, str], Intaking] = {}
        """Where meters take in values without their weights, by the loop and the text of the call."""
        self.statements: dict[type, Callable[[Any], None]] = {
            f.Assign: self._assign,
            f.Augment: self._augment,
            f.Evaluate: lambda one: self._ignore(self.value(one.value)),
            f.Return: self._return,
            f.If: self._if,
            f.For: self._for,
            f.While: self._while,
            f.With: self._with,
            f.Try: self._try,
            f.Match: self._match,
        }
        self.expressions: dict[type, Callable[[Any], Quantity]] = {
            f.Name: partial(expressions.of_name, self),
            f.Attribute: partial(expressions.of_attribute, self),
            f.Call: partial(calls.of_call, self),
            f.Constant: lambda one: replace(NUMBER, value=one.value),
            f.Collection: partial(expressions.of_collection, self),
            f.Mapping: partial(expressions.of_mapping, self),
            f.Subscript: partial(expressions.of_subscript, self),
            f.Operation: partial(expressions.of_operation, self),
            f.Unary: lambda one: expressions.of_unary(self, one),
            f.Logic: lambda one: joined(self.value(one.left), self.value(one.right)),
            f.Comparison: partial(expressions.of_comparison, self),
            f.Choice: lambda one: joined(self.value(one.body), self.value(one.orelse)),
            f.Comprehension: partial(expressions.of_comprehension, self),
            f.Walrus: lambda one: self.bind(f.Name(one.name), self.value(one.value)),
            f.Starred: lambda one: self.value(one.value),
            f.Await: lambda one: self.value(one.value),
            f.Text: partial(expressions.of_text, self),
        }

    def follow(self, symbol: FunctionSymbol) -> tuple[Entry, ...]:
        """Follow one function from its beginning, its arguments unknown; what is wrong there."""
        self.left = MOST
        self.loops = []
        self.frames = []
        self.entries, self.cores = [], {}
        self.additions.clear()
        self.divisions, self.intakes = {}, {}
        self.run(symbol, self.program.class_of(symbol), {})
        return tuple(self.entries)

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def run(
        self,
        symbol: FunctionSymbol,
        klass: ClassSymbol | None,
        names: dict[str, Quantity],
        given: dict[str, str] | None = None,
    ) -> Quantity:
        self.frames.append(Frame(symbol, klass, names, given or {}, callers_loops=len(self.loops)))
        self.block(self.program.body(symbol))
        frame = self.frames.pop()
        if self.frames and klass is not None and self.frame.klass is not None:
            self.frame.names.update({key: one for key, one in frame.names.items() if key.startswith("self.")})
        results = frame.results
        if not results:
            return UNKNOWN
        found = results[0]
        for one in results[1:]:
            found = joined(found, one)
        return found

    def inline(self, symbol: FunctionSymbol, klass: ClassSymbol | None, call: f.Call, skip: bool) -> Quantity | None:
        """What a call of a function of the program gives; None where it is not followed."""
        function = self.program.function(symbol)
        if len(self.frames) >= DEEPEST or function.is_generator or self.left <= 0:
            return None
        if any(frame.symbol == symbol for frame in self.frames):
            return None
        parameters = [one for one in function.parameters if one.kind in ("", "/", "=")]
        if skip and parameters and parameters[0].name in ("self", "cls"):
            parameters = parameters[1:]
        names: dict[str, Quantity] = {}
        if klass is not None and klass == self.frame.klass:
            names.update({key: one for key, one in self.frame.names.items() if key.startswith("self.")})
        plain = [one for one in parameters if one.kind != "="]
        given: dict[str, str] = {}
        for index, argument in enumerate(call.arguments):
            value = self.value(argument.value)
            name = argument.keyword
            if not name and argument.stars == 0 and index < len(plain):
                name = plain[index].name
            if name:
                names[name] = value
                given[name] = entering.called_here(self, argument.value)
        for one in parameters:
            if one.default is not None and one.name not in names:
                names[one.name] = self.value(one.default)
        names = {key: one for key, one in names.items() if one.kind != "unknown"}
        return self.run(symbol, klass, names, given)

    def block(self, block: Block) -> None:
        for statement in block:
            run = self.statements.get(statement.__class__)
            self.left -= 1
            if run is None or self.left <= 0:
                continue
            if not isinstance(statement, f.Outer):
                self.frame.at = statement.span
            run(statement)

    def _ignore(self, value: Quantity) -> None:
        return None

    def _assign(self, statement: f.Assign) -> None:
        if statement.value is None:
            return
        value = statement.value
        if isinstance(value, f.Operation) and value.operator == "+" and len(statement.targets) == 1:
            target = code(statement.targets[0])
            for one, other in ((value.left, value.right), (value.right, value.left)):
                if code(one) == target:
                    self.add(statement.targets[0], self.value(other), other)
                    return
        found = self.value(value)
        for one in statement.targets:
            self.bind(one, found, reset=True)

    def bind(self, target: Expr, value: Quantity, reset: bool = False) -> Quantity:
        if isinstance(target, f.Collection):
            for index, item in enumerate(target.items):
                self.bind(item, item_of(value, index), reset)
            return value
        if isinstance(target, f.Starred):
            return self.bind(target.value, value, reset)
        name = code(target)
        value = as_named(value, last_name(target) or name)
        if value.kind == "loader" and not value.text:
            value = replace(value, text=name)
        if isinstance(target, f.Subscript):
            self.keep(target, value)
        self.frame.names[name] = value
        if reset:
            for loop in self.loops[0 if name.startswith("self.") else self.frame.callers_loops :]:
                loop.resets.add(name)
        return value

    def keep(self, target: f.Subscript, value: Quantity) -> None:
        """What a dict holds under any of its keys."""
        base = code(target.value)
        held = self.frame.names.get(base)
        key: object = target.key.value if isinstance(target.key, f.Constant) else "*"
        parts = dict(held.parts) if held is not None and held.kind == "parts" else {}
        parts[key] = value
        self.frame.names[base] = Quantity("parts", parts=tuple(parts.items()))

    def _augment(self, statement: f.Augment) -> None:
        if statement.operator == "+":
            self.add(statement.target, self.value(statement.value), statement.value)
            return
        before, by = self.value(statement.target), self.value(statement.value)
        if statement.operator in ("/", "//"):
            text = f"{render(statement.target)} /= {render(statement.value)}"
            found = entering.quotient(self, before, by, text, statement.value)
        else:
            found = combined(statement.operator, before, by)
            if found.kind == "stretched" and before.kind != "stretched":
                expressions.weighted(self, found, f"{render(statement.target)} *= {render(statement.value)}")
        self.bind(statement.target, found)

    def add(self, target: Expr, value: Quantity, added: Expr) -> None:
        """`target += value`."""
        name = code(target)
        loop = self.outliving(name)
        before = self.value(target)
        if loop is None:
            self.bind(target, combined("+", before, value) if before.kind != "unknown" else value)
            return
        value = self.of_pass(value, added, loop)
        if before.kind == "list" or (isinstance(added, f.Collection) and added.kind == "list"):
            items = added.items if isinstance(added, f.Collection) and len(added.items) == 1 else ()
            self.listed(target, self.value(items[0]) if items else UNKNOWN, loop)
            return
        found = self.summed(before, value, loop, name)
        if found.kind == "sum":
            self.additions[loop.number, name][entering.here(self)] = added
        self.bind(target, found)

    def summed(self, before: Quantity, value: Quantity, loop: Around, name: str) -> Quantity:
        if self.within_parts(loop):
            return UNKNOWN if value.kind != "size" else Quantity("samples")
        if value.kind == "number":
            counts = value.value == 1 and before.kind in ("number", "unknown", "batches")
            return Quantity("batches", loop=loop.number) if counts else UNKNOWN
        if value.kind == "size":
            return Quantity("samples")
        if value.kind == "nominal":
            return Quantity("capacity", loop=loop.number)
        if not value.is_of_batch:
            return UNKNOWN
        value = as_named(value, name)
        if before.kind == "sum" and before.loop == loop.number and before.inner is not None:
            value = joined(before.inner, value)
        return Quantity("sum", loop=loop.number, inner=value, text=name)

    def within_parts(self, loop: Around) -> bool:
        """Whether a loop over samples runs within a pass."""
        return any(one.parts for one in self.loops[self.loops.index(loop) :])

    def outliving(self, name: str) -> Around | None:
        """The innermost pass that a variable outlives, None where there is none."""
        for index in range(len(self.loops) - 1, -1, -1):
            loop = self.loops[index]
            if loop.number:
                renewed = name in loop.resets or name.partition(".")[0].partition("[")[0] in loop.resets
                local = not name.startswith("self.") and index < self.frame.callers_loops
                return None if renewed or local else loop
        return None

    def of_pass(self, value: Quantity, code: Expr, loop: Around) -> Quantity:
        """The same; what a loop finds, and leaves as it is, says nothing of its batches: the loss of another loop."""
        own = self.loops.index(loop) >= self.frame.callers_loops
        return UNKNOWN if own and not isinstance(code, f.Constant) and is_left_alone(code, loop.gives) else value

    def listed(self, target: Expr, value: Quantity, loop: Around) -> None:
        name = code(target)
        value = as_named(value, name)
        if self.within_parts(loop) or not (value.is_of_batch or value.kind == "parts"):
            value = UNKNOWN
        before = self.frame.names.get(name)
        if before is not None and before.kind == "list" and before.loop == loop.number and before.inner is not None:
            value = joined(before.inner, value)
        self.bind(target, Quantity("list", loop=loop.number, inner=value, text=name))

    def _return(self, statement: f.Return) -> None:
        if statement.value is not None:
            self.frame.results.append(self.value(statement.value))

    def _if(self, statement: f.If) -> None:
        self.value(statement.test)
        self._branches([statement.body, statement.orelse])

    def _branches(self, blocks: Iterable[Block]) -> None:
        before = self.frame.names
        ends: list[dict[str, Quantity]] = []
        for block in blocks:
            self.frame.names = dict(before)
            self.block(block)
            ends.append(self.frame.names)
        merged: dict[str, Quantity] = {}
        for key in dict.fromkeys(key for end in ends for key in end):
            found = [end[key] for end in ends if key in end]
            one = found[0]
            for other in found[1:]:
                one = joined(one, other)
            merged[key] = one
        self.frame.names = merged

    def _for(self, statement: f.For) -> None:
        core = gone_over(statement.iterable)
        if self._goes_over_batches(statement, core):
            source = entering.loader_text(self, core)
            self.cores[id(statement)] = source
            around = Around(id(statement), gives=given_in(statement))
            self.loops.append(around)
            self._bind_batch(statement, id(statement))
        else:
            element, parts = self.elements(statement.iterable)
            around = Around(0, parts)
            self.loops.append(around)
            self.bind(statement.target, element)
        self.block(statement.body)
        self.loops.pop()
        self.block(statement.orelse)

    def _goes_over_batches(self, statement: f.For, core: Expr) -> bool:
        if self.seen.evaluates_in(id(statement)) is not None or goes_over_batches(statement):
            return True
        return self.frame.names.get(code(core), UNKNOWN).kind == "loader" and not names_loader(statement.target)

    def _bind_batch(self, statement: f.For, number: int) -> None:
        target: Expr = statement.target
        iterable = statement.iterable
        while isinstance(iterable, f.Call) and last_name(iterable.function) != "enumerate" and iterable.arguments:
            iterable = iterable.arguments[0].value
        numbered = isinstance(iterable, f.Call) and last_name(iterable.function) == "enumerate"
        if numbered and isinstance(target, f.Collection) and len(target.items) == 2:
            start = iterable.arguments[1].value if isinstance(iterable, f.Call) and iterable.arguments[1:] else None
            one = start == f.Constant(1)
            self.bind(target.items[0], Quantity("batches" if one else "index", loop=number))
            target = target.items[1]
        self.bind(target, DATA)

    def elements(self, iterable: Expr) -> tuple[Quantity, bool]:
        """What an inner loop goes over, and whether that is samples, or out of sight."""
        if (
            isinstance(iterable, f.Call)
            and last_name(iterable.function) in ("enumerate", "tqdm")
            and iterable.arguments
        ):
            inner, parts = self.elements(iterable.arguments[0].value)
            if last_name(iterable.function) == "tqdm":
                return inner, parts
            return Quantity("parts", parts=((0, UNKNOWN), (1, inner))), parts
        if isinstance(iterable, f.Call) and isinstance(iterable.function, f.Attribute):
            base = self.value(iterable.function.value)
            if iterable.function.name == "items":
                value = base.part("*") if base.kind == "parts" else None
                if base.kind == "parts" and value is None and base.parts:
                    value = any_of(base)
                if base.is_of_batch:
                    value = of_kind("value")
                return Quantity("parts", parts=((0, UNKNOWN), (1, value or UNKNOWN))), False
            if iterable.function.name == "values":
                return (any_of(base) if base.kind == "parts" else base if base.is_of_batch else UNKNOWN), False
            if iterable.function.name == "keys":
                return UNKNOWN, False
        value = self.value(iterable)
        if value.kind == "loader":
            return Quantity("loader"), False
        if value.kind == "parts":
            keyed = all(isinstance(key, str) for key, _ in value.parts)
            return (UNKNOWN if keyed else any_of(value)), False
        if value.kind == "list":
            return value.inner or UNKNOWN, False
        if value.kind in ("data", "sample", "output", "each"):
            return SAMPLE, True
        literal = isinstance(iterable, f.Collection) or (
            isinstance(iterable, f.Name | f.Attribute)
            and bool(words(last_name(iterable)) & (NAMED | {"keys", "names"}))
        )
        return UNKNOWN, not literal

    def _while(self, statement: f.While) -> None:
        self.loops.append(Around(0, parts=True))
        self.block(statement.body)
        self.loops.pop()
        self.block(statement.orelse)

    def _with(self, statement: f.With) -> None:
        for item in statement.items:
            value = self.value(item.context)
            if item.target is not None:
                self.bind(item.target, value)
        self.block(statement.body)

    def _try(self, statement: f.Try) -> None:
        self.block(statement.body)
        self.block(statement.orelse)
        self.block(statement.final)

    def _match(self, statement: f.Match) -> None:
        self._branches([case.body for case in statement.cases] or [()])

    def value(self, expression: Expr) -> Quantity:
        """What an expression is; sums that it divides are entered."""
        read = self.expressions.get(expression.__class__)
        if read is not None:
            return read(expression)
        if isinstance(expression, f.Opaque):
            for part in expression.parts:
                self.value(part)
        return UNKNOWN


def given_in(loop: f.For) -> frozenset[str]:
    """The names to which a loop gives values, at its head or in its code."""
    given: list[object] = [loop.target]
    for node in within(loop.body):
        match node:
            case f.Assign(targets):
                given.append(targets)
            case f.Augment(target) | f.For(target):
                given.append(target)
            case f.With(items):
                given += [item.target for item in items]
            case f.Walrus(name):
                given.append(f.Name(name))
    return frozenset(node.id for one in given for node in within(one) if isinstance(node, f.Name))


def is_left_alone(value: Expr, given: frozenset[str]) -> bool:
    """Whether a value is that of a name which a loop gives none, perhaps made a number: `loss.item()`."""
    while True:
        match value:
            case f.Call(f.Attribute(inner, name), ()) if name in SAME:
                value = inner
            case f.Attribute(inner, "data"):
                value = inner
            case f.Call(f.Name("float"), (f.Argument(inner),)):
                value = inner
            case _:
                return isinstance(value, f.Name) and value.id != "self" and value.id not in given
