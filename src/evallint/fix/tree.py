"""The syntax tree of a text, asked by place: which statement or expression stands there, and how it is laid out."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias, cast

from libcst.metadata import CodeRange, PositionProvider
from libcst.metadata.position_provider import PositionProvidingCodegenState

from evallint.extract.nodes import cst
from evallint.facts import Span
from evallint.fix.edits import Lines, Unfixable

Statement: TypeAlias = "cst.BaseSmallStatement | cst.BaseCompoundStatement"
Definition: TypeAlias = "cst.FunctionDef | cst.ClassDef"

CLOSED: Final = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
"""What holds code that does not run where it stands."""


class Tree:
    """Raises Unfixable for what LibCST can't parse, or would not write as it is."""

    def __init__(self, text: str) -> None:
        parsed = text if text[-1:] not in " \t\f" else text.rstrip(" \t\f")  # which LibCST loses
        try:
            self.module = cst.parse_module(parsed)
        except cst.ParserSyntaxError as error:
            raise Unfixable(f"LibCST can't parse it: {error.message}") from None
        layout = _Layout()
        if layout.written(self.module) != parsed:
            raise Unfixable("LibCST would not write it as it is")
        self.text = text
        self.lines = Lines(text)
        self._ranges = layout.ranges
        self._parents = parents(self.module)
        self._at: dict[tuple[int, int], list[cst.CSTNode]] = defaultdict(list)
        for node, found in self._ranges.items():
            self._at[found.start.line, found.start.column].append(node)

    def range(self, node: cst.CSTNode) -> CodeRange:
        return self._ranges[node]

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
        found = self._ranges[node]
        start = self.lines.offset(found.start.line, found.start.column)
        end = self.lines.offset(found.end.line, found.end.column)
        before = sum(len(self.module.code_for_node(one)) for one in getattr(node, "lpar", ()))
        after = sum(len(self.module.code_for_node(one)) for one in getattr(node, "rpar", ()))
        return start - before, end + after

    def code(self, node: cst.CSTNode) -> str:
        start, end = self.extent(node)
        return self.text[start:end]

    # ---- what stands at a place ------------------------------------------------------------------

    def exact(self, span: Span) -> list[cst.CSTNode]:
        """Return the expressions and statements that stand at exactly this place."""
        end = (span.end_line, span.end_column - 1)
        return [
            node
            for node in self._at.get((span.line, span.column - 1), ())
            if (self._ranges[node].end.line, self._ranges[node].end.column) == end
        ]

    def call(self, span: Span) -> cst.Call:
        found = next((node for node in self.exact(span) if isinstance(node, cst.Call)), None)
        if found is None:
            raise Unfixable("no call stands there")
        return found

    def statement(self, span: Span) -> Statement:
        """Return the innermost statement that a place is in; of an `elif`, the whole `if`."""
        starting = [
            node
            for node in self._at.get((span.line, span.column - 1), ())
            if isinstance(node, cst.BaseSmallStatement | cst.BaseCompoundStatement)
        ]
        if starting:
            return self._whole(starting[-1])
        start, end = (span.line, span.column - 1), (span.end_line, span.end_column - 1)
        around = [
            node
            for node, found in self._ranges.items()
            if isinstance(node, cst.BaseSmallStatement | cst.BaseCompoundStatement)
            and self._start(node) <= start
            and end <= (found.end.line, found.end.column)
        ]
        if not around:
            raise Unfixable("no statement stands there")
        return self._whole(max(around, key=self._start))

    def _start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return where a statement begins, with its decorators."""
        if isinstance(node, cst.FunctionDef | cst.ClassDef) and node.decorators:
            node = node.decorators[0]
        return self._ranges[node].start.line, self._ranges[node].start.column

    def _whole(self, node: Statement) -> Statement:
        above = self.parent(node)
        while isinstance(node, cst.If) and isinstance(above, cst.If) and above.orelse is node:
            node, above = above, self.parent(above)
        return node

    # ---- how it is laid out ----------------------------------------------------------------------

    def first_line(self, node: cst.CSTNode) -> int:
        """Return the line that a statement begins on, with its decorators."""
        return self._start(node)[0]

    def top_line(self, node: cst.CSTNode) -> int:
        """Return the line that a statement begins on, with the comments above it that speak to linters of it."""
        line = self.first_line(node)
        while line > 1 and self.lines.of(line - 1).lstrip().startswith("#") and "evallint:" in self.lines.of(line - 1):
            line -= 1
        return line

    def last_line(self, node: cst.CSTNode) -> int:
        return self._ranges[node].end.line

    def indent(self, line: int) -> str:
        """Return what a line is indented by."""
        code = self.lines.of(line)
        return code[: len(code) - len(code.lstrip(" \t\f"))]

    def unit(self, line: int) -> str:
        """Return what one more level of indentation is below a line."""
        return "\t" if self.indent(line).strip("\f").startswith("\t") else self.module.default_indent

    def within_strings(self, first: int, last: int) -> set[int]:
        """Return the lines, of those from `first` to `last`, that begin within a string."""
        return {
            line
            for node, found in self._ranges.items()
            if isinstance(node, cst.SimpleString | cst.FormattedString) and first <= found.start.line <= last
            for line in range(found.start.line + 1, found.end.line + 1)
        }

    def functions(self, node: cst.CSTNode) -> list[cst.FunctionDef]:
        """Return the functions around a node, the innermost first."""
        return [above for above in self.above(node) if isinstance(above, cst.FunctionDef)]


class _Layout(PositionProvider):
    """Learns where each node stands from writing the module once.

    A `MetadataWrapper` would copy or visit the whole tree besides, and say nothing of the text that comes of it.
    """

    @property
    def ranges(self) -> Mapping[cst.CSTNode, CodeRange]:
        return cast("Mapping[cst.CSTNode, CodeRange]", self._computed)

    def written(self, module: cst.Module) -> str:
        """Return the text that LibCST writes of a module."""
        state = PositionProvidingCodegenState(module.default_indent, module.default_newline, self)
        module._codegen(state)
        return "".join(state.tokens)


def parents(module: cst.Module) -> dict[cst.CSTNode, cst.CSTNode]:
    """Return what each node stands in. LibCST's own provider visits the tree twice, and takes ten times as long."""
    found: dict[cst.CSTNode, cst.CSTNode] = {}
    todo: list[cst.CSTNode] = [module]
    while todo:
        node = todo.pop()
        below = children(node)
        found.update(dict.fromkeys(below, node))
        todo += below
    return found


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
