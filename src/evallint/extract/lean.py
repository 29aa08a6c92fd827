"""LibCST's parser makes plainer trees, for a process that does nothing but read facts out of them.

The parser looks each class up in `libcst` by name whenever it makes a node. Half of all nodes are spaces and commas,
and a third of the time goes into checks of what the parser itself has just written. So here classes that only hold what
they are given stand in for LibCST's, and one object for all spaces: a tree takes three quarters of the time. Nothing
else in the process may want LibCST's own trees, which `whole` brings back where they are needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

from evallint.extract.nodes import cst

SPACES: Final = (
    "AssignEqual Colon Comma Comment Dot EmptyLine LeftCurlyBrace LeftParen LeftSquareBracket Newline "
    "ParenthesizedWhitespace RightCurlyBrace RightParen RightSquareBracket Semicolon SimpleWhitespace "
    "TrailingWhitespace"
).split()
"""Nodes of which no fact is made."""

_whole: dict[str, Any] = {}
_lean: dict[str, Any] = {}


def install() -> None:
    """Let all trees of this process be plain from now on, unless this LibCST's parser makes its nodes otherwise."""
    nodes = {name: kind for name, kind in vars(cst).items() if _is_node(kind)}
    space = SimpleNamespace()
    _whole.update(nodes)
    _lean.update({name: _holder(kind) for name, kind in nodes.items()})
    _lean.update({name: lambda **_: space for name in SPACES if name in nodes})
    _use(_lean)
    if not _is_used():
        _use(_whole)
        _lean.clear()


@contextmanager
def whole() -> Iterator[None]:
    """Have LibCST's own trees meanwhile."""
    _use(_whole)
    try:
        yield
    finally:
        _use(_lean)


def _use(kinds: Mapping[str, Any]) -> None:
    for name, kind in kinds.items():
        setattr(cst, name, kind)


def _is_used() -> bool:
    return cst.parse_module("a = b").body[0].__class__ is _lean["SimpleStatementLine"]


def _is_node(kind: object) -> bool:
    is_one = isinstance(kind, type) and issubclass(kind, cst.CSTNode) and dataclasses.is_dataclass(kind)
    return is_one and kind is not cst.Module  # that of a whole file is asked for by `parse_module`


def _holder(kind: type[cst.CSTNode]) -> type[SimpleNamespace]:
    """A class that holds what it is given by name, and has the defaults of a node's class."""
    defaults: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory()
    return type(kind.__name__, (SimpleNamespace,), {**defaults, "__slots__": ()})
