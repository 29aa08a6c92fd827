"""Where statements and calls stand.

LibCST computes positions by regenerating the text of every node, which costs twice its parse. The standard parser
knows them for a tenth of it, and both see the same statements and calls in the same order: sorted by where they
start, the longer first. So the standard tree lends its positions, in order. Where it cannot (a grammar newer than
the running Python, or trees that disagree), LibCST's own, slower provider serves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol

from evallint.extract.nodes import cst
from evallint.facts import Span


class Disagreement(Exception):
    """The two parsers do not see the same statements and calls."""


class Positions(Protocol):
    """Asked once for each statement and call, in source order, outer before inner."""

    def statement(self, node: cst.CSTNode) -> Span: ...

    def call(self, node: cst.Call) -> Span: ...

    def finish(self) -> None:
        """Raises `Disagreement` where something was not asked for."""


class InOrder:
    """The standard parser's positions, handed out in order.

    Raises what `ast.parse` raises, and `TooDeep`.
    """

    def __init__(self, text: str) -> None:
        tree = ast.parse(text)
        columns = Columns(text)
        statements, calls = [], []
        for level in levels(tree):
            for node in level:
                kind = type(node)
                if kind is ast.Call:
                    calls.append(place(node))
                elif isinstance(node, ast.stmt):
                    statements.append(place(node))
        self._statements = columns.spans(statements)
        self._calls = columns.spans(calls)

    def statement(self, node: cst.CSTNode) -> Span:
        return self._next(self._statements)

    def call(self, node: cst.Call) -> Span:
        return self._next(self._calls)

    def _next(self, spans: Iterator[Span]) -> Span:
        span = next(spans, None)
        if span is None:
            raise Disagreement
        return span

    def finish(self) -> None:
        if next(self._statements, None) or next(self._calls, None):
            raise Disagreement


DEEPEST = 3000
"""Nodes within nodes that Python's own compiler follows. What LibCST takes for a node grows with its depth."""


class TooDeep(Exception):
    """Code is nested too deeply for Python to run it, at `line`."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def levels(tree: ast.AST) -> Iterator[list[ast.AST]]:
    """The nodes of a tree, those of equal depth together. Raises `TooDeep`."""
    level = [tree]
    for _ in range(DEEPEST):
        if not level:
            return
        yield level
        below: list[ast.AST] = []
        for node in level:
            for field in node._fields:
                value = getattr(node, field, None)
                if value.__class__ is list:
                    below.extend(part for part in value if isinstance(part, ast.AST) and part.__class__ not in SKIPPED)
                elif isinstance(value, ast.AST) and value.__class__ not in SKIPPED:
                    below.append(value)
        level = below
    raise TooDeep(getattr(level[0], "lineno", 1))


# Before Python 3.12 the positions within f-strings are not reliable: calls in them take their statement's place.
SKIPPED = {
    ast.JoinedStr,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.Store,
    ast.Del,
    getattr(ast, "TemplateStr", ast.JoinedStr),
}


def place(node: ast.AST) -> tuple[int, int, int, int]:
    """A sort key that is the place: first line, first byte, and the end, negated so that the outer comes first."""
    return node.lineno, node.col_offset, -(node.end_lineno or 0), -(node.end_col_offset or 0)  # type: ignore[attr-defined]


class Columns:
    """Turns the byte offsets of the standard parser into character columns."""

    def __init__(self, text: str) -> None:
        self._lines = None if text.isascii() else text.encode("utf-8", "surrogatepass").split(b"\n")

    def spans(self, places: list[tuple[int, int, int, int]]) -> Iterator[Span]:
        places.sort()
        if self._lines is None:
            return (Span(line, start + 1, -last, 1 - end) for line, start, last, end in places)
        return (
            Span(line, self._column(line, start), -last, self._column(-last, -end)) for line, start, last, end in places
        )

    def _column(self, line: int, offset: int) -> int:
        assert self._lines is not None
        prefix = self._lines[line - 1][:offset]
        return len(prefix.decode("utf-8", "replace")) + 1


class ByNode:
    """LibCST's own positions."""

    def __init__(self, module: cst.Module) -> None:
        from libcst.metadata import MetadataWrapper, PositionProvider

        self._ranges = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)

    def statement(self, node: cst.CSTNode) -> Span:
        found = self._ranges[node]
        return Span(found.start.line, found.start.column + 1, found.end.line, found.end.column + 1)

    def call(self, node: cst.Call) -> Span:
        return self.statement(node)

    def finish(self) -> None:
        return
