"""The syntax tree of a text, asked by place: which statement or expression stands there, and how it is laid out."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

from libcst._nodes.internal import CodegenState

from evallint.extract.nodes import cst
from evallint.facts import Span
from evallint.fix.edits import Lines, Unfixable

Statement: TypeAlias = "cst.BaseSmallStatement | cst.BaseCompoundStatement"
Definition: TypeAlias = "cst.FunctionDef | cst.ClassDef"

STATEMENTS: Final = (cst.BaseSmallStatement, cst.BaseCompoundStatement)

CLOSED: Final = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
"""What holds code that does not run where it stands."""


class Place(NamedTuple):
    """Where something begins or ends: lines count from 1, columns from 0."""

    line: int
    column: int


class Range(NamedTuple):
    start: Place
    end: Place


class Tree:
    """Raises Unfixable for what LibCST can't parse, or would not write as it is."""

    def __init__(self, text: str) -> None:
        parsed = text if text[-1:] not in " \t\f" else text.rstrip(" \t\f")  # which LibCST loses
        try:
            self.module = cst.parse_module(parsed)
        except cst.ParserSyntaxError as error:
            raise Unfixable(f"LibCST can't parse it: {error.message}") from None
        layout = _Layout(self.module)
        if layout.text != parsed:
            raise Unfixable("LibCST would not write it as it is")
        self.text = text
        self.lines = Lines(text)
        self._stretches = layout.stretches
        self._parents = layout.parents
        self._at: dict[int, list[cst.CSTNode]] = defaultdict(list)
        for node, (start, _) in self._stretches.items():
            self._at[start].append(node)

    def range(self, node: cst.CSTNode) -> Range:
        start, end = self._stretches[node]
        return Range(self._place(start), self._place(end))

    def _place(self, offset: int) -> Place:
        line = self.lines.line(offset)
        return Place(line, offset - self.lines.starts[line - 1])

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield what a node stands in, the innermost first."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def extent(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the offsets between which a node stands, its own parentheses included."""
        start, end = self._stretches[node]
        before = sum(len(self.module.code_for_node(one)) for one in getattr(node, "lpar", ()))
        after = sum(len(self.module.code_for_node(one)) for one in getattr(node, "rpar", ()))
        return start - before, end + after

    def code(self, node: cst.CSTNode) -> str:
        start, end = self.extent(node)
        return self.text[start:end]

    # ---- what stands at a place ------------------------------------------------------------------

    def exact(self, span: Span) -> list[cst.CSTNode]:
        """Return the expressions and statements that stand at exactly this place."""
        start, end = self._offsets(span)
        return [node for node in self._at.get(start, ()) if self._stretches[node][1] == end]

    def _offsets(self, span: Span) -> tuple[int, int]:
        return (
            self.lines.offset(span.line, span.column - 1),
            self.lines.offset(span.end_line, span.end_column - 1),
        )

    def call(self, span: Span) -> cst.Call:
        found = next((node for node in self.exact(span) if isinstance(node, cst.Call)), None)
        if found is None:
            raise Unfixable("no call stands there")
        return found

    def statement(self, span: Span) -> Statement:
        """Return the innermost statement that a place is in; of an `elif`, the whole `if`."""
        start, end = self._offsets(span)
        starting = [node for node in self._at.get(start, ()) if isinstance(node, STATEMENTS)]
        if starting:
            return self._whole(starting[-1])
        around = [
            node
            for node, (_, last) in self._stretches.items()
            if end <= last and isinstance(node, STATEMENTS) and self._start(node) <= start
        ]
        if not around:
            raise Unfixable("no statement stands there")
        return self._whole(max(around, key=self._start))

    def _start(self, node: cst.CSTNode) -> int:
        """Return where a statement begins, with its decorators."""
        if isinstance(node, cst.FunctionDef | cst.ClassDef) and node.decorators:
            node = node.decorators[0]
        return self._stretches[node][0]

    def _whole(self, node: Statement) -> Statement:
        above = self.parent(node)
        while isinstance(node, cst.If) and isinstance(above, cst.If) and above.orelse is node:
            node, above = above, self.parent(above)
        return node

    # ---- how it is laid out ----------------------------------------------------------------------

    def first_line(self, node: cst.CSTNode) -> int:
        """Return the line that a statement begins on, with its decorators."""
        return self.lines.line(self._start(node))

    def top_line(self, node: cst.CSTNode) -> int:
        """Return the line that a statement begins on, with the comments above it that speak to linters of it."""
        line = self.first_line(node)
        while line > 1 and self.lines.of(line - 1).lstrip().startswith("#") and "evallint:" in self.lines.of(line - 1):
            line -= 1
        return line

    def last_line(self, node: cst.CSTNode) -> int:
        return self.lines.line(self._stretches[node][1])

    def indent(self, line: int) -> str:
        """Return what a line is indented by."""
        code = self.lines.of(line)
        return code[: len(code) - len(code.lstrip(" \t\f"))]

    def unit(self, line: int) -> str:
        """Return what one more level of indentation is below a line."""
        return "\t" if self.indent(line).strip("\f").startswith("\t") else self.module.default_indent

    def within_strings(self, first: int, last: int) -> set[int]:
        """Return the lines, of those from `first` to `last`, that begin within a string."""
        strings = (node for node in self._stretches if isinstance(node, cst.SimpleString | cst.FormattedString))
        return {
            line
            for start, end in map(self.range, strings)
            if first <= start.line <= last
            for line in range(start.line + 1, end.line + 1)
        }

    def functions(self, node: cst.CSTNode) -> list[cst.FunctionDef]:
        """Return the functions around a node, the innermost first."""
        return [above for above in self.above(node) if isinstance(above, cst.FunctionDef)]


class _Layout(CodegenState):
    """Learns where each node stands, and in what, from writing a module once.

    LibCST's own providers visit the tree several times besides, take places for offsets, and say nothing of the text
    that comes of it.
    """

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.stretches: dict[cst.CSTNode, tuple[int, int]] = {}
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.offset = 0
        self._open: list[tuple[cst.CSTNode, int]] = []
        module._codegen(self)
        self.text = "".join(self.tokens)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        if self._open:
            self.parents[node] = self._open[-1][0]
        self._open.append((node, self.offset))

    def after_codegen(self, node: cst.CSTNode) -> None:
        _, start = self._open.pop()
        self.stretches.setdefault(node, (start, self.offset))

    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Any:
        return _Recording(self, node, start_node, end_node)


class _Recording:
    """The stretch of a node without the space around it; it may begin or end as others do."""

    __slots__ = ("_first", "_last", "_layout", "_node", "_start")

    def __init__(self, layout: _Layout, node: cst.CSTNode, first: cst.CSTNode | None, last: cst.CSTNode | None) -> None:
        self._layout, self._node, self._first, self._last = layout, node, first, last

    def __enter__(self) -> None:
        self._start = self._layout.offset

    def __exit__(self, *_: object) -> None:
        known = self._layout.stretches
        start = self._start if self._first is None else known[self._first][0]
        end = self._layout.offset if self._last is None else known[self._last][1]
        known[self._node] = start, end


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the nodes that a node consists of, as `node.children` does without visitors."""
    found: list[cst.CSTNode] = []
    for name in _fields(type(node)):
        value: Any = getattr(node, name)
        if _is_node(value.__class__):
            found.append(value)
        elif value.__class__ is tuple or value.__class__ is list:
            found += [one for one in value if _is_node(one.__class__)]
    return found


@cache
def _is_node(kind: type) -> bool:
    """Whether things of a class are nodes: asking each of them takes far longer, since theirs is an abstract class."""
    return issubclass(kind, cst.CSTNode)


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def own(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and all that runs where it stands: not what functions, classes and lambdas within it hold."""
    yield node
    if not isinstance(node, CLOSED):
        for child in children(node):
            yield from own(child)


def yields(node: cst.CSTNode) -> bool:
    return any(isinstance(one, cst.Yield) for one in own(node))
