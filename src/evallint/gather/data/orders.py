"""Constants for blue, green and red, behind arithmetic that another function does with red, green and blue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evallint import facts as f
from evallint.facts import Expr, Span
from evallint.findings import Place, Step
from evallint.gather.code.sites import statements
from evallint.program import FunctionSymbol, Program
from evallint.statistics import Recognition
from evallint.walk import within

READING = frozenset(("imread", "imdecode"))
"""Functions of OpenCV, whose images are blue, green and red."""


def contrary(
    program: Program, defaults: Sequence[tuple[FunctionSymbol, tuple[str, str], Recognition]]
) -> Iterator[tuple[FunctionSymbol, Recognition, Step]]:
    """The functions whose parameters have the order of OpenCV by default, for images that they turn to the other.

    `defaults`: functions with the names of the two parameters, and what their constants are.
    """
    for symbol, names, seen in defaults:
        for other, same, known in defaults:
            if seen.kind != "bgr" or known.kind not in ("known", "rounded") or known.names != seen.names:
                continue
            if symbol.path != other.path or names != same or not does_the_same(program, symbol, other, names):
                continue
            at = Place(other.path, head(program, other))
            yield symbol, seen, Step(at, "the same is done here with red first, to images that OpenCV reads")


def does_the_same(program: Program, symbol: FunctionSymbol, other: FunctionSymbol, names: tuple[str, str]) -> bool:
    """Whether two functions normalise what they turn by equal code, and one of them reads images with OpenCV."""
    if not any(READING & set(program.function(one).mentions) for one in (symbol, other)):
        return False
    ours, theirs = ({bare(value) for value in turned(program, one, names)} for one in (symbol, other))
    return not ours.isdisjoint(theirs)


def turned(program: Program, symbol: FunctionSymbol, names: tuple[str, str]) -> Iterator[Expr]:
    """What a function computes with two of its parameters from images whose channels it turns: `img[..., ::-1]`."""
    for statement in statements(program.body(symbol)):
        if isinstance(statement, f.Assign) and statement.value is not None:
            nodes = list(within(statement.value))
            turns = any(isinstance(node, f.Slice) and node.step in TURNED for node in nodes)
            if turns and {f.Name(name) for name in names} <= {node for node in nodes if isinstance(node, f.Name)}:
                yield statement.value


TURNED = (f.Constant(-1), f.Unary("-", f.Constant(1)))


def bare(node: object) -> object:
    """A fact without its places."""
    if not isinstance(node, tuple):
        return node
    return (type(node).__name__, *(bare(part) for part in node if not isinstance(part, Span)))


def head(program: Program, symbol: FunctionSymbol) -> Span:
    """Where a function begins."""
    span = program.function(symbol).span
    return Span(span.line, span.column, span.line, span.column + len("def"))
