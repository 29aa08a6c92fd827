"""Evaluates an expression where it stands in a function, without running the function.

What its names mean is found by slicing: the statements before it that make or change them, the arguments of a call of
the function, defaults, and stand-ins for what is left.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evallint.probe.child.assumed import Assumed
from evallint.probe.child.loading import Missing, Project, Slow, at_most, described
from evallint.probe.child.world import Absent

Function = ast.FunctionDef | ast.AsyncFunctionDef

NEUTRAL = frozenset("to cuda cpu eval train float requires_grad_ double".split())
"""Methods that give the module they are called on."""

DEEPEST = 6
LONGEST = 20
"""Seconds that one statement of a slice may take."""


class NoValue(Exception):
    """An expression cannot be evaluated; the text says why."""


class Place(NamedTuple):
    """A line of a file, and the qualified name of the function it is in ("<module>" none)."""

    file: str
    function: str
    line: int


class Scopes:
    """Evaluates expressions at places. `callers`: where functions are called, by file and qualified name."""

    def __init__(self, project: Project, assumed: Assumed, callers: Mapping[tuple[str, str], Sequence[Place]]) -> None:
        self.project = project
        self.assumed = assumed
        self._callers = callers
        self._depth = 0
        self._instances: dict[tuple[str, str], Any] = {}

    def value(self, expression: ast.expr, place: Place) -> Any:
        """What an expression gives at a place. Raises NoValue."""
        if self._depth > DEEPEST:
            raise NoValue("it is built too many calls deep")
        self._depth += 1
        mark = self.assumed.mark()
        try:
            found = self._value(expression, place)
            if isinstance(found, Absent):
                raise NoValue("it is read from a file that is not there")
            return found
        except NoValue:
            self.assumed.back_to(mark)
            raise
        finally:
            self._depth -= 1

    def _value(self, expression: ast.expr, place: Place) -> Any:
        names = self._names(expression, place)
        try:
            return self._run(ast.Expression(expression), names, place)
        except NoValue:
            found = self._looked_into(expression, names, place)
            if found is None:
                raise
            return found

    def _looked_into(self, expression: ast.expr, names: Mapping[str, Any], place: Place) -> Any:
        """What a call would give whose own run fails: what its function returns, evaluated there."""
        if not isinstance(expression, ast.Call) or self._depth > DEEPEST:
            return None
        if isinstance(expression.func, ast.Attribute) and expression.func.attr in NEUTRAL:
            with contextlib.suppress(NoValue):
                return self.value(expression.func.value, place)
        with contextlib.suppress(Exception):
            called = eval(compile(ast.Expression(expression.func), place.file, "eval"), dict(names))
            code = inspect.unwrap(called).__code__
            if self.project.holds(os.path.realpath(code.co_filename)):
                return self._returned(os.path.realpath(code.co_filename), called.__qualname__)
        return None

    def _returned(self, file: str, qualname: str) -> Any:
        """What a function returns, by its last statement that returns something."""
        function = self.definition(file, qualname)
        returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)] if function is not None else []
        for statement in reversed(returns):
            if statement.value is not None:
                with contextlib.suppress(NoValue):
                    return self.value(statement.value, Place(file, qualname, statement.lineno))
        return None

    def call_at(self, site: Mapping[str, Any]) -> ast.Call | None:
        """The call that takes a stretch of a file; of those that begin there the outermost, if none ends there."""
        starts = [
            node
            for node in ast.walk(self.project.tree(site["file"]))
            if isinstance(node, ast.Call) and (node.lineno, node.col_offset + 1) == (site["line"], site["column"])
        ]
        end = site["end_line"], site["end_column"]
        same = [node for node in starts if (node.end_lineno, (node.end_col_offset or 0) + 1) == end]
        return next(iter([*same, *starts]), None)

    def function(self, place: Place) -> Function | None:
        """The function that a place is in."""
        return self.definition(place.file, place.function)

    def definition(self, file: str, qualname: str) -> Function | None:
        """A function of a file by its qualified name."""
        body: Sequence[ast.stmt] = self.project.tree(file).body
        found: ast.stmt | None = None
        for part in (part for part in qualname.split(".") if part not in ("<locals>", "<module>")):
            found = next(
                (
                    node
                    for statement in body
                    for node in _own(statement)
                    if isinstance(node, Function | ast.ClassDef) and node.name == part
                ),
                None,
            )
            if found is None:
                return None
            body = found.body
        return found if isinstance(found, Function) else None

    # ---- names -----------------------------------------------------------------------------------

    def _names(self, expression: ast.AST, place: Place) -> dict[str, Any]:
        """The module's names, over them those of the function that an expression asks for."""
        module = self.project.module(place.file)
        names = dict(module.__dict__)
        function = self.function(place)
        body = function.body if function is not None else self.project.tree(place.file).body
        wanted = _loaded(expression) - set(dir(builtins))
        statements = _slice(body, wanted, place.line)
        wanted |= {name for statement in statements for name in _loaded(statement)}
        if function is not None:
            names.update(self._parameters(function, wanted, place))
        elif not any(name not in names for name in _loaded(expression)):
            statements = _changes(statements)  # the module has run the others
        self._execute(statements, names, place)
        for name in _loaded(expression):
            if name not in names and not hasattr(builtins, name):
                why = self.project.failures.why(self.project.module(place.file).__file__ or "", name)
                raise NoValue(why or f"what `{name}` is could not be found out")
        return names

    def _execute(self, statements: Iterable[ast.stmt], names: dict[str, Any], place: Place) -> None:
        for statement in statements:
            try:
                code = compile(ast.Module([_lenient(statement)], []), place.file, "exec", dont_inherit=True)
                with at_most(LONGEST):
                    exec(code, names)
            except Missing:
                raise
            except (Exception, SystemExit):
                self._bind_otherwise(statement, names, place)

    def _bind_otherwise(self, statement: ast.stmt, names: dict[str, Any], place: Place) -> None:
        """Gives a name its value where the assignment as a whole fails."""
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found = self._looked_into(statement.value, names, place)
            if found is not None:
                names[statement.targets[0].id] = found

    def _run(self, tree: ast.Expression, names: dict[str, Any], place: Place) -> Any:
        try:
            code = compile(ast.fix_missing_locations(tree), place.file, "eval", dont_inherit=True)
            with at_most(LONGEST):
                return eval(code, names)
        except Slow as error:
            raise NoValue(str(error)) from None
        except (Exception, SystemExit) as error:
            raise NoValue(described(error)) from error

    # ---- parameters ------------------------------------------------------------------------------

    def _parameters(self, function: Function, wanted: set[str], place: Place) -> dict[str, Any]:
        """What a function is given, for the parameters that are wanted."""
        from evallint.probe.child.standins import stand_in

        given = function.args
        parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        found: dict[str, Any] = {}
        module = self.project.module(place.file).__dict__
        if parameters and parameters[0].arg in ("self", "cls") and "." in place.function:
            first = parameters.pop(0).arg
            if first in wanted:
                found[first] = self._receiver(place, function, wanted)
        needed = [parameter for parameter in parameters if parameter.arg in wanted]
        passed = self._passed(function, place, {parameter.arg for parameter in needed})
        defaults = dict(_defaults(given))
        for parameter in needed:
            name = parameter.arg
            if name in passed:
                found[name] = passed[name]
            elif name in defaults:
                with contextlib.suppress(NoValue):
                    found[name] = self._run(ast.Expression(defaults[name]), dict(module), place)
            else:
                text = ast.unparse(parameter.annotation) if parameter.annotation is not None else ""
                value = stand_in(name, text)
                if value is not None:
                    self.assumed.add(f"`{name}={value!r}` in `{place.function}`")
                    found[name] = value
        return found

    def _passed(self, function: Function, place: Place, wanted: set[str]) -> dict[str, Any]:
        """What a caller in sight passes, argument by argument, as far as it can be evaluated."""
        names = [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]
        if names and names[0] in ("self", "cls"):
            names = names[1:]
        found: dict[str, Any] = {}
        for caller in self._callers.get((place.file, place.function), ())[:3]:
            called = place.function.removesuffix(".__init__").rpartition(".")[2]
            call = next(_calls_of(self.project.tree(caller.file), called, caller.line), None)
            if call is None:
                continue
            pairs = [*zip(names, call.args, strict=False), *((key.arg, key.value) for key in call.keywords)]
            for name, value in pairs:
                if name in wanted and name not in found and not isinstance(value, ast.Starred):
                    with contextlib.suppress(NoValue):
                        found[name] = self.value(value, caller)
            if wanted <= found.keys():
                break
        return found

    def _receiver(self, place: Place, function: Function, wanted: set[str]) -> Any:
        """An object that has the attributes of `self` which the constructor of its class sets."""
        owner = place.function.rpartition(".")[0]
        key = place.file, owner
        if key not in self._instances:
            self._instances[key] = Receiver(self, place.file, owner)
        return self._instances[key]


class Receiver:
    """Stands in for `self`: each attribute is what the constructor of the class would set it to."""

    def __init__(self, scopes: Scopes, file: str, owner: str) -> None:
        self.__dict__["_of"] = (scopes, file, owner)

    def __getattr__(self, name: str) -> Any:
        scopes, file, owner = self.__dict__["_of"]
        for method in ("__init__", "setup", "build", "_build_model", "build_model"):
            function = scopes.definition(file, f"{owner}.{method}")
            for statement in reversed(list(_assignments(function)) if function is not None else []):
                for target in statement.targets:
                    if ast.unparse(target) == f"self.{name}":
                        place = Place(file, f"{owner}.{method}", statement.lineno)
                        value = scopes.value(statement.value, place)
                        self.__dict__[name] = value
                        return value
        raise AttributeError(f"`self.{name}` is set out of sight")


def _assignments(function: Function) -> Iterator[ast.Assign]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Assign))


# ---- slicing -------------------------------------------------------------------------------------


def _slice(body: Sequence[ast.stmt], wanted: set[str], line: int) -> list[ast.stmt]:
    """The statements before a line that make or change names, and those that these stand on, in order."""
    names = set(wanted)
    kept: list[ast.stmt] = []
    for statement in reversed(list(_before(body, line))):
        if _touched(statement) & names:
            kept.append(statement)
            names |= _loaded(statement)
    return kept[::-1]


def _before(body: Sequence[ast.stmt], line: int) -> Iterator[ast.stmt]:
    """The statements that run before a line, those around it opened up."""
    for statement in body:
        if isinstance(statement, Function | ast.ClassDef):
            if statement.lineno < line and not _holds(statement, line):
                yield statement
            continue
        if statement.lineno >= line:
            continue
        if not _holds(statement, line):
            yield statement
            continue
        yield from _before(next((block for block in _blocks(statement) if _spans(block, line)), []), line)


def _holds(statement: ast.stmt, line: int) -> bool:
    return statement.lineno <= line <= (statement.end_lineno or statement.lineno) and bool(list(_blocks(statement)))


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if block:
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _spans(block: Sequence[ast.stmt], line: int) -> bool:
    return block[0].lineno <= line <= (block[-1].end_lineno or block[-1].lineno)


def _own(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those in it that are not in a definition of their own."""
    yield statement
    if not isinstance(statement, Function | ast.ClassDef):
        for block in _blocks(statement):
            for inner in block:
                yield from _own(inner)


def _touched(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose objects it changes: `x = …`, `x.y = …`, `x.append(…)`."""
    if isinstance(statement, Function | ast.ClassDef):
        return {statement.name}
    found = set()
    for node in _own(statement):
        if isinstance(node, Function | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Attribute) and function.attr not in WORK:
                found.add(_root(function))
        for child in _targets(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                found.add(child.id)
            elif isinstance(child, ast.Attribute | ast.Subscript) and isinstance(child.ctx, ast.Store):
                found.add(_root(child))
    return found - {""}


WORK = frozenset("backward step zero_grad fit train_epoch save update write close show".split())
"""Methods whose calls change nothing that a model is built from."""


def _targets(node: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement's own line, without those of its blocks."""
    todo: list[ast.AST] = [
        child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.ExceptHandler)
    ]
    while todo:
        child = todo.pop()
        yield child
        if not isinstance(child, ast.Lambda):
            todo.extend(ast.iter_child_nodes(child))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _changes(statements: Iterable[ast.stmt]) -> list[ast.stmt]:
    """Those statements that an import passes over: calls at the top of a file."""
    return [statement for statement in statements if isinstance(statement, ast.For | ast.While | ast.With)]


def _loaded(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def _lenient(statement: ast.stmt) -> ast.stmt:
    """A statement that can be run outside its function."""
    if not any(isinstance(node, ast.Return) for node in _own(statement)):
        return statement
    changed: ast.stmt = WithoutReturns().visit(copy.deepcopy(statement))
    return changed


class WithoutReturns(ast.NodeTransformer):
    def visit_Return(self, node: ast.Return) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node


def _defaults(given: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    plain = [*given.posonlyargs, *given.args]
    if given.defaults:
        yield from ((one.arg, value) for one, value in zip(plain[-len(given.defaults) :], given.defaults, strict=True))
    for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if value is not None:
            yield one.arg, value


def _calls_of(tree: ast.Module, name: str, line: int) -> Iterator[ast.Call]:
    """The calls on a line of something of this name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno == line:
            function = node.func
            called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            if called == name:
                yield node
