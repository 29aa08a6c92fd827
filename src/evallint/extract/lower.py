"""The walk from a LibCST tree to facts."""

from __future__ import annotations

import io
import re
import tokenize
import warnings
from ast import literal_eval
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from evallint.extract import NotPython, lean
from evallint.extract.apart import apart
from evallint.extract.nodes import cst
from evallint.extract.positions import ByNode, Disagreement, InOrder, Positions, TooDeep
from evallint.facts import (
    Argument,
    Assert,
    Assign,
    Attribute,
    Augment,
    Await,
    Block,
    Call,
    Case,
    Choice,
    Class,
    Clause,
    Collection,
    Comparison,
    Comprehension,
    Constant,
    Define,
    DefineClass,
    Delete,
    Evaluate,
    Expr,
    FileFacts,
    For,
    Function,
    Handler,
    If,
    Import,
    Lambda,
    Leave,
    Logic,
    Mapping,
    Match,
    Name,
    Opaque,
    Operation,
    Outer,
    Parameter,
    Raise,
    Return,
    Slice,
    Span,
    Starred,
    Stmt,
    Subscript,
    Text,
    Try,
    Unary,
    Walrus,
    While,
    With,
    WithItem,
    Yield,
)

LONGEST_STRING = 200
"""Longer strings are prose or data; no rule reads them."""

LONGEST_TABLE = 64
"""A longer display of nothing but constants is data; it is kept as `Opaque`."""

NOTHING = Opaque(())
SELF = Name("self")
Node: TypeAlias = Any


KEYWORD_ASYNC = re.compile(r"(?<=[(,\s])async(?=\s*=[^=])")
"""`cuda(async=True)`, a call's argument before Python 3.7; another name of its length lets the rest be read."""


def lowered(text: str) -> FileFacts:
    """The facts of a file's text. Raises `NotPython` where it does not parse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a text's own escapes deserve is another linter's business
        return _lowered(text)


def _lowered(text: str) -> FileFacts:
    positions = standard_positions(text)
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        renamed = KEYWORD_ASYNC.sub("Async", text)
        if renamed != text:
            return _lowered(renamed)
        if isinstance(positions, InOrder):
            return relaid(text, positions, not_python(positions, error))
        raise not_python(positions, error) from error
    if isinstance(positions, InOrder):
        try:
            return Lowering(positions).file(module)
        except Disagreement:
            pass
    with lean.whole():
        module = cst.parse_module(text)
        return Lowering(ByNode(module)).file(module)


def relaid(text: str, positions: InOrder, trouble: NotPython) -> FileFacts:
    """The facts of a text that Python reads and LibCST does not: it may be but its mix of tabs and spaces.

    The positions are those of the text as it is. Raises `trouble` where its indentation was not the cause.
    """
    try:
        return Lowering(positions).file(cst.parse_module(reindented(text)))
    except (cst.ParserSyntaxError, Disagreement, tokenize.TokenError, SyntaxError):
        raise trouble from None


def reindented(text: str) -> str:
    """Return a text, which Python reads, with its blocks indented by spaces alone, as deep as they are nested."""
    lines = text.split("\n")
    depth, begins = 0, True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            depth += 1 if token.type == tokenize.INDENT else -1
        elif token.type == tokenize.NEWLINE:
            begins = True
        elif begins and token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER):
            row, column = token.start
            lines[row - 1] = " " * depth + lines[row - 1][column:]
            begins = False
    return "\n".join(lines)


def standard_positions(text: str) -> InOrder | SyntaxError:
    """The positions that Python's own parser finds, or what it finds wrong, which a newer Python may understand.

    It goes first: where it gives up for depth, LibCST's parser crashes. Raises `NotPython` for what no Python runs.
    """
    if "\0" in text:
        raise NotPython(text.count("\n", 0, text.index("\0")) + 1, "there is a NUL character")
    try:
        return InOrder(text)
    except SyntaxError as error:
        if error.msg.startswith("too many"):
            raise NotPython(error.lineno or 1, error.msg) from error
        return error
    except TooDeep as error:
        raise NotPython(error.line, "nested too deeply for Python") from error
    except (RecursionError, MemoryError) as error:
        # A text that is no longer than this does not fill the memory: it is the parser's own stack that is full.
        if isinstance(error, MemoryError) and len(text) > 1_000_000:
            raise
        raise NotPython(1, "nested too deeply for Python") from error


def not_python(positions: InOrder | SyntaxError, error: cst.ParserSyntaxError) -> NotPython:
    """What is wrong with a text, in the words of Python's own parser: it knows the line better.

    Where that finds nothing wrong, the text is told to be none that can be read.
    """
    if isinstance(positions, SyntaxError):
        return NotPython(positions.lineno or error.raw_line, positions.msg or first_line(error.message))
    return NotPython(error.raw_line, "Python understands this, but the parser that evallint uses does not")


def first_line(message: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else "invalid syntax"


class Scope:
    """What is collected while one function's own code is walked."""

    __slots__ = ("mentions", "yields")

    def __init__(self) -> None:
        self.mentions: set[str] = set()
        self.yields = False


class Lowering:
    """One walk over one tree, in source order: positions are handed out in that order."""

    def __init__(self, positions: Positions) -> None:
        self._at_statement = positions.statement
        self._at_call = positions.call
        self._positions = positions
        self._functions: list[Function | None] = []
        self._classes: list[Class | None] = []
        self._imports: list[Import] = []
        self._bodies: list[Block] = []
        self._scope = Scope()
        self._statement = Span(1, 1, 1, 1)
        self._in_text = 0
        self._qualifier = ""
        self._owner = -1
        self._expressions: dict[type, Callable[[Node], Expr]] = {
            cst.Name: lambda node: SINGLETONS.get(node.value) or Name(node.value),
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.SimpleString: self._string,
            cst.ConcatenatedString: self._concatenation,
            cst.Integer: lambda node: integer(node.value),
            cst.Float: lambda node: Constant(float(node.value.replace("_", ""))),
            cst.FormattedString: self._text,
            cst.Tuple: lambda node: self._collection("tuple", node.elements),
            cst.List: lambda node: self._collection("list", node.elements),
            cst.Set: lambda node: self._collection("set", node.elements),
            cst.Dict: self._mapping,
            cst.Subscript: self._subscript,
            cst.BinaryOperation: self._operation,
            cst.UnaryOperation: self._unary,
            cst.BooleanOperation: self._logic,
            cst.Comparison: self._comparison,
            cst.IfExp: self._choice,
            cst.Lambda: self._lambda,
            cst.ListComp: lambda node: self._comprehension("list", node),
            cst.SetComp: lambda node: self._comprehension("set", node),
            cst.DictComp: lambda node: self._comprehension("dict", node),
            cst.GeneratorExp: lambda node: self._comprehension("generator", node),
            cst.NamedExpr: self._walrus,
            cst.Yield: self._yield,
            cst.Await: lambda node: Await(self.expression(node.expression)),
            cst.StarredElement: lambda node: Starred(self.expression(node.value)),
            cst.Element: lambda node: self.expression(node.value),
            cst.From: lambda node: self.expression(node.item),
        }
        self._statements: dict[type, Callable[[Node], Iterable[Stmt]]] = {
            cst.Expr: self._evaluate,
            cst.Assign: self._assign,
            cst.AnnAssign: self._annotated,
            cst.AugAssign: self._augment,
            cst.Return: self._return,
            cst.If: self._if,
            cst.For: self._for,
            cst.While: self._while,
            cst.With: self._with,
            cst.Try: self._try,
            cst.TryStar: self._try,
            cst.Match: self._match,
            cst.Raise: self._raise,
            cst.Assert: self._assert,
            cst.Del: self._delete,
            cst.Break: lambda node: [Leave("break", self._place(node))],
            cst.Continue: lambda node: [Leave("continue", self._place(node))],
            cst.Global: lambda node: self._outer("global", node),
            cst.Nonlocal: lambda node: self._outer("nonlocal", node),
            cst.Import: self._import,
            cst.ImportFrom: self._import_from,
            cst.FunctionDef: self._define,
            cst.ClassDef: self._define_class,
        }

    def file(self, module: cst.Module) -> FileFacts:
        """The facts of a whole file. Raises `Disagreement` where the positions do not fit its tree."""
        self._functions.append(None)
        self._bodies.append(())
        body = self._block(module.body)
        self._positions.finish()
        self._bodies[0] = body
        end = body[-1].span.end_line if body and not isinstance(body[-1], Outer) else 1
        self._functions[0] = Function(
            "<module>", "<module>", -1, (), (), None, False, False, 0, mentions(self._scope), Span(1, 1, end, 1)
        )
        functions = tuple(function for function in self._functions if function is not None)
        classes = tuple(klass for klass in self._classes if klass is not None)
        return FileFacts(functions, classes, tuple(self._imports), tuple(self._bodies))

    # ---- statements -----------------------------------------------------------------------------

    def _block(self, nodes: Iterable[Node]) -> Block:
        found: list[Stmt] = []
        table = self._statements
        for node in nodes:
            if node.__class__ is cst.SimpleStatementLine:
                for small in node.body:
                    lower = table.get(small.__class__)
                    if lower is None:
                        self._place(small)
                    else:
                        found.extend(lower(small))
                continue
            lower = table.get(node.__class__)
            if lower is not None:
                found.extend(lower(node))
            else:
                self._place(node)
        return tuple(found)

    def _suite(self, node: Node) -> Block:
        """An indented block, or the statements behind a colon."""
        if node.__class__ is cst.IndentedBlock:
            return self._block(node.body)
        return self._block((cst.SimpleStatementLine(body=node.body),))

    def _place(self, node: Node) -> Span:
        self._statement = span = self._at_statement(node)
        return span

    def _evaluate(self, node: cst.Expr) -> Iterable[Stmt]:
        span = self._place(node)
        if node.value.__class__ in (cst.SimpleString, cst.Ellipsis):
            return ()
        return (Evaluate(self.expression(node.value), span),)

    def _assign(self, node: cst.Assign) -> Iterable[Stmt]:
        span = self._place(node)
        targets = tuple(self.expression(target.target) for target in node.targets)
        value = self.expression(node.value)
        pairs = apart(targets[0], value) if len(targets) == 1 else ()
        if pairs:
            return tuple(Assign((target,), part, None, span) for target, part in pairs)
        return (Assign(targets, value, None, span),)

    def _annotated(self, node: cst.AnnAssign) -> Iterable[Stmt]:
        span = self._place(node)
        target = self.expression(node.target)
        annotation = self.expression(node.annotation.annotation)
        value = self.expression(node.value) if node.value is not None else None
        return (Assign((target,), value, annotation, span),)

    def _augment(self, node: cst.AugAssign) -> Iterable[Stmt]:
        span = self._place(node)
        target = self.expression(node.target)
        return (
            Augment(target, OPERATORS.get(node.operator.__class__.__name__, "?"), self.expression(node.value), span),
        )

    def _return(self, node: cst.Return) -> Iterable[Stmt]:
        span = self._place(node)
        return (Return(self.expression(node.value) if node.value is not None else None, span),)

    def _if(self, node: cst.If) -> Iterable[Stmt]:
        span = self._place(node)
        test = self.expression(node.test)
        body = self._suite(node.body)
        return (If(test, body, self._orelse(node.orelse), span),)

    def _orelse(self, node: cst.If | cst.Else | None) -> Block:
        if node is None:
            return ()
        return tuple(self._if(node)) if isinstance(node, cst.If) else self._suite(node.body)

    def _for(self, node: cst.For) -> Iterable[Stmt]:
        span = self._place(node)
        target = self.expression(node.target)
        iterable = self.expression(node.iter)
        body = self._suite(node.body)
        return (For(target, iterable, body, self._orelse(node.orelse), span),)

    def _while(self, node: cst.While) -> Iterable[Stmt]:
        span = self._place(node)
        test = self.expression(node.test)
        body = self._suite(node.body)
        return (While(test, body, self._orelse(node.orelse), span),)

    def _with(self, node: cst.With) -> Iterable[Stmt]:
        span = self._place(node)
        items = []
        for item in node.items:
            context = self.expression(item.item)
            items.append(WithItem(context, self.expression(item.asname.name) if item.asname else None))
        return (With(tuple(items), self._suite(node.body), span),)

    def _try(self, node: cst.Try | cst.TryStar) -> Iterable[Stmt]:
        span = self._place(node)
        body = self._suite(node.body)
        handlers = []
        for handler in node.handlers:
            kind = self.expression(handler.type) if handler.type is not None else None
            bound = handler.name.name if handler.name else None
            name = bound.value if isinstance(bound, cst.Name) else ""
            handlers.append(Handler(kind, name, self._suite(handler.body)))
        orelse = self._orelse(node.orelse)
        final = self._suite(node.finalbody.body) if node.finalbody else ()
        return (Try(body, tuple(handlers), orelse, final, span),)

    def _match(self, node: cst.Match) -> Iterable[Stmt]:
        span = self._place(node)
        subject = self.expression(node.subject)
        cases = []
        for case in node.cases:
            constants, binds = self._pattern(case.pattern)
            guard = self.expression(case.guard) if case.guard is not None else None
            cases.append(Case(constants, binds, guard, self._suite(case.body)))
        return (Match(subject, tuple(cases), span),)

    def _pattern(self, node: cst.MatchPattern) -> tuple[tuple[Constant, ...], tuple[str, ...]]:
        """The literals a pattern is made of (none unless it is made of nothing else) and the names it binds."""
        if isinstance(node, cst.MatchValue):
            value = self.expression(node.value)
            return ((value,), ()) if isinstance(value, Constant) else ((), ())
        if isinstance(node, cst.MatchSingleton):
            return (SINGLETONS.get(node.value.value, Constant(None)),), ()
        if isinstance(node, cst.MatchAs):
            return (), (node.name.value,) if node.name is not None else ()
        if isinstance(node, cst.MatchOr):
            parts = [self._pattern(element.pattern) for element in node.patterns]
            known = all(constants for constants, _ in parts)
            return tuple(c for constants, _ in parts for c in constants) if known else (), parts[0][1]
        return (), ()

    def _raise(self, node: cst.Raise) -> Iterable[Stmt]:
        span = self._place(node)
        value = self.expression(node.exc) if node.exc is not None else None
        if node.cause is not None:
            self.expression(node.cause)
        return (Raise(value, span),)

    def _assert(self, node: cst.Assert) -> Iterable[Stmt]:
        span = self._place(node)
        test = self.expression(node.test)
        if node.msg is not None:
            self.expression(node.msg)
        return (Assert(test, span),)

    def _delete(self, node: cst.Del) -> Iterable[Stmt]:
        span = self._place(node)
        target = self.expression(node.target)
        return (Delete(target.items if isinstance(target, Collection) else (target,), span),)

    def _outer(self, word: Any, node: cst.Global | cst.Nonlocal) -> Iterable[Stmt]:
        self._place(node)
        return (Outer(word, tuple(item.name.value for item in node.names)),)

    def _import(self, node: cst.Import) -> Iterable[Stmt]:
        span = self._place(node)
        found = []
        for alias in node.names:
            module = dotted(alias.name)
            first = module.partition(".")[0]
            bound = alias_of(alias) or first or module
            package, _, name = module.rpartition(".")
            if alias.asname and bound == first != module:  # `import a.b as a` binds what `from a import b as a` does
                found.append(Import(package, name, bound, 0, span))
            else:
                found.append(Import(module, "", bound, 0, span))
        self._imports += found
        return found

    def _import_from(self, node: cst.ImportFrom) -> Iterable[Stmt]:
        span = self._place(node)
        module = dotted(node.module) if node.module is not None else ""
        level = len(node.relative)
        if isinstance(node.names, cst.ImportStar):
            found = [Import(module, "*", "", level, span)]
        else:
            found = []
            for alias in node.names:
                name = dotted(alias.name)
                found.append(Import(module, name, alias_of(alias) or name, level, span))
        self._imports += found
        return found

    # ---- definitions ----------------------------------------------------------------------------

    def _define(self, node: cst.FunctionDef) -> Iterable[Stmt]:
        index = len(self._functions)
        self._functions.append(None)
        body_index = len(self._bodies)
        self._bodies.append(())
        decorators = tuple(self.expression(decorator.decorator) for decorator in node.decorators)
        span = self._place(node)
        name = node.name.value
        parameters = self._parameters(node.params)
        returns = self.expression(node.returns.annotation) if node.returns is not None else None
        outer = self._scope, self._qualifier, self._owner
        qualname, owner = self._qualifier + name, self._owner
        self._scope, self._qualifier, self._owner = Scope(), f"{qualname}.<locals>.", -1
        self._bodies[body_index] = self._suite(node.body)
        scope = self._scope
        self._scope, self._qualifier, self._owner = outer
        self._functions[index] = Function(
            name,
            qualname,
            owner,
            parameters,
            decorators,
            returns,
            node.asynchronous is not None,
            scope.yields,
            body_index,
            mentions(scope),
            span,
        )
        return (Define(index, span),)

    def _define_class(self, node: cst.ClassDef) -> Iterable[Stmt]:
        index = len(self._classes)
        self._classes.append(None)
        body_index = len(self._bodies)
        self._bodies.append(())
        decorators = tuple(self.expression(decorator.decorator) for decorator in node.decorators)
        span = self._place(node)
        name = node.name.value
        bases = tuple(self._argument(base) for base in (*node.bases, *node.keywords))
        outer = self._qualifier, self._owner
        qualname = self._qualifier + name
        self._qualifier, self._owner = f"{qualname}.", index
        body = self._suite(node.body)
        self._qualifier, self._owner = outer
        self._bodies[body_index] = body
        methods = tuple(statement.function for statement in flat(body) if isinstance(statement, Define))
        self._classes[index] = Class(name, qualname, bases, decorators, body_index, methods, span)
        return (DefineClass(index, span),)

    def _parameters(self, node: cst.Parameters) -> tuple[Parameter, ...]:
        found = [self._parameter(part, "/") for part in node.posonly_params]
        found += [self._parameter(part, "") for part in node.params]
        if isinstance(node.star_arg, cst.Param):
            found.append(self._parameter(node.star_arg, "*"))
        found += [self._parameter(part, "=") for part in node.kwonly_params]
        if node.star_kwarg is not None:
            found.append(self._parameter(node.star_kwarg, "**"))
        return tuple(found)

    def _parameter(self, node: cst.Param, kind: Any) -> Parameter:
        annotation = self.expression(node.annotation.annotation) if node.annotation is not None else None
        default = self.expression(node.default) if node.default is not None else None
        return Parameter(node.name.value, kind, default, annotation)

    # ---- expressions ----------------------------------------------------------------------------

    def expression(self, node: Node) -> Expr:
        lower = self._expressions.get(node.__class__)
        return lower(node) if lower is not None else NOTHING

    def _attribute(self, node: cst.Attribute) -> Expr:
        name = node.attr.value
        self._scope.mentions.add(name)
        return Attribute(self.expression(node.value), name)

    def _call(self, node: cst.Call) -> Expr:
        span = self._statement if self._in_text else self._at_call(node)
        function = held = self.expression(node.func)
        if function.__class__ is Name:
            name = function.id
            self._scope.mentions.add(name)
            self._scope.mentions.add(f"{name}()")
        else:
            while held.__class__ is Subscript:  # one of several that are held: `self.nets[0](x)`
                held = held.value
            if held.__class__ is Attribute and held.value == SELF:
                self._scope.mentions.add(f"self.{held.name}()")
            elif held.__class__ is Name:
                self._scope.mentions.add(f"{held.id}()")
        return Call(function, tuple([self._argument(argument) for argument in node.args]), span)

    def _argument(self, node: cst.Arg) -> Argument:
        value = self.expression(node.value)
        if value.__class__ is Name:
            self._scope.mentions.add(value.id)
        return Argument(value, node.keyword.value if node.keyword is not None else "", len(node.star))

    def _string(self, node: cst.SimpleString) -> Expr:
        value = string(node)
        return Constant(value) if value is not None and len(value) <= LONGEST_STRING else NOTHING

    def _concatenation(self, node: cst.ConcatenatedString) -> Expr:
        left, right = self.expression(node.left), self.expression(node.right)
        if isinstance(left, Constant) and isinstance(right, Constant):
            return Constant(f"{left.value}{right.value}"[:LONGEST_STRING])
        return Text((left, right))

    def _text(self, node: cst.FormattedString) -> Expr:
        self._in_text += 1
        parts: list[Expr] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(Constant(part.value[:LONGEST_STRING]))
            elif isinstance(part, cst.FormattedStringExpression):
                parts.append(self.expression(part.expression))
        self._in_text -= 1
        return Text(tuple(parts))

    def _collection(self, kind: Any, elements: Iterable[cst.BaseElement]) -> Expr:
        items = tuple([self.expression(element) for element in elements])
        if len(items) > LONGEST_TABLE and all(is_plain(item) for item in items):
            return NOTHING
        return Collection(kind, items)

    def _mapping(self, node: cst.Dict) -> Expr:
        keys: list[Expr | None] = []
        values: list[Expr] = []
        for element in node.elements:
            keys.append(self.expression(element.key) if isinstance(element, cst.DictElement) else None)
            value = self.expression(element.value)
            if value.__class__ is Name:
                self._scope.mentions.add(value.id)  # a table of classes or functions hands them on
            values.append(value)
        if len(values) > LONGEST_TABLE and all(is_plain(value) for value in values):
            return NOTHING
        return Mapping(tuple(keys), tuple(values))

    def _subscript(self, node: cst.Subscript) -> Expr:
        value = self.expression(node.value)
        parts = tuple([self._index(element.slice) for element in node.slice])
        return Subscript(value, parts[0] if len(parts) == 1 else Collection("tuple", parts))

    def _index(self, node: cst.BaseSlice) -> Expr:
        if isinstance(node, cst.Index):
            return self.expression(node.value)
        assert isinstance(node, cst.Slice)
        lower, upper, step = (
            self.expression(part) if part is not None else None for part in (node.lower, node.upper, node.step)
        )
        return Slice(lower, upper, step)

    def _operation(self, node: cst.BinaryOperation) -> Expr:
        left = self.expression(node.left)
        return Operation(OPERATORS.get(node.operator.__class__.__name__, "?"), left, self.expression(node.right))

    def _unary(self, node: cst.UnaryOperation) -> Expr:
        operand = self.expression(node.expression)
        operator = OPERATORS.get(node.operator.__class__.__name__, "?")
        if operator == "-" and isinstance(operand, Constant) and type(operand.value) in (int, float):
            return Constant(-operand.value)  # type: ignore[operator]
        return Unary(operator, operand)

    def _logic(self, node: cst.BooleanOperation) -> Expr:
        left = self.expression(node.left)
        return Logic("and" if isinstance(node.operator, cst.And) else "or", left, self.expression(node.right))

    def _comparison(self, node: cst.Comparison) -> Expr:
        left = self.expression(node.left)
        found: Expr | None = None
        for target in node.comparisons:
            right = self.expression(target.comparator)
            one = Comparison(OPERATORS.get(target.operator.__class__.__name__, "?"), left, right)
            found = one if found is None else Logic("and", found, one)
            left = right
        return found if found is not None else left

    def _choice(self, node: cst.IfExp) -> Expr:
        body = self.expression(node.body)
        test = self.expression(node.test)
        return Choice(test, body, self.expression(node.orelse))

    def _lambda(self, node: cst.Lambda) -> Expr:
        parameters = self._parameters(node.params)
        return Lambda(parameters, self.expression(node.body))

    def _comprehension(self, kind: Any, node: Node) -> Expr:
        if kind == "dict":
            element, value = self.expression(node.key), self.expression(node.value)
        else:
            element, value = self.expression(node.elt), None
        clauses = []
        part: cst.CompFor | None = node.for_in
        while part is not None:
            target = self.expression(part.target)
            iterable = self.expression(part.iter)
            clauses.append(Clause(target, iterable, tuple([self.expression(condition.test) for condition in part.ifs])))
            part = part.inner_for_in
        return Comprehension(kind, element, value, tuple(clauses))

    def _walrus(self, node: cst.NamedExpr) -> Expr:
        target = node.target
        value = self.expression(node.value)
        return Walrus(target.value, value) if isinstance(target, cst.Name) else value

    def _yield(self, node: cst.Yield) -> Expr:
        self._scope.yields = True
        return Yield(self.expression(node.value) if node.value is not None else None)


# ---- small readings -----------------------------------------------------------------------------


def flat(block: Block) -> Iterable[Stmt]:
    """The statements of a class body, those under its `if`s included: methods are often defined by version."""
    for statement in block:
        yield statement
        if isinstance(statement, If):
            yield from flat(statement.body)
            yield from flat(statement.orelse)


def mentions(scope: Scope) -> tuple[str, ...]:
    return tuple(sorted(scope.mentions))


def is_plain(item: Expr) -> bool:
    return (
        item.__class__ is Constant
        or (isinstance(item, Collection) and all(map(is_plain, item.items)))
        or item == NOTHING
    )


def integer(text: str) -> Expr:
    try:
        return Constant(int(text.replace("_", ""), 0))
    except ValueError:  # "00", where only zeros may lead, or more digits than Python converts
        return Constant(0) if not text.strip("0_") else NOTHING


def string(node: cst.SimpleString) -> str | None:
    """The value of a string literal, or None for bytes."""
    text = node.value
    if "\\" not in text and text[0] in "'\"":
        width = 3 if text[:3] in ("'''", '"""') else 1
        return text[width:-width]
    try:
        value = literal_eval(text)
    except (SyntaxError, ValueError):  # an escape that Python refuses
        return None
    return value if isinstance(value, str) else None


def dotted(node: Node) -> str:
    if isinstance(node, cst.Attribute):
        return f"{dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def alias_of(node: cst.ImportAlias) -> str:
    """What follows `as`, "" where nothing does."""
    return dotted(node.asname.name) if node.asname is not None else ""


SINGLETONS = {"True": Constant(True), "False": Constant(False), "None": Constant(None)}

OPERATORS: dict[str, str] = {
    "Add": "+",
    "Subtract": "-",
    "Multiply": "*",
    "Divide": "/",
    "FloorDivide": "//",
    "Modulo": "%",
    "Power": "**",
    "MatrixMultiply": "@",
    "BitAnd": "&",
    "BitOr": "|",
    "BitXor": "^",
    "LeftShift": "<<",
    "RightShift": ">>",
    "AddAssign": "+",
    "SubtractAssign": "-",
    "MultiplyAssign": "*",
    "DivideAssign": "/",
    "FloorDivideAssign": "//",
    "ModuloAssign": "%",
    "PowerAssign": "**",
    "MatrixMultiplyAssign": "@",
    "BitAndAssign": "&",
    "BitOrAssign": "|",
    "BitXorAssign": "^",
    "LeftShiftAssign": "<<",
    "RightShiftAssign": ">>",
    "Minus": "-",
    "Plus": "+",
    "BitInvert": "~",
    "Not": "not",
    "Equal": "==",
    "NotEqual": "!=",
    "LessThan": "<",
    "LessThanEqual": "<=",
    "GreaterThan": ">",
    "GreaterThanEqual": ">=",
    "In": "in",
    "NotIn": "not in",
    "Is": "is",
    "IsNot": "is not",
}
