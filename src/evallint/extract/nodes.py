"""LibCST, imported in little more than half the time.

`dataclass` writes methods for some two hundred classes of nodes, each by a compiler run of its own. Most of them only
keep whoever has a node from changing it, or are thrown away, since a node brings its own. So here nodes are made
without: they are as before, but for an error where one would be changed, which nothing of ours does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["cst"]

OWN: Final = {"__eq__", "__hash__", "__repr__"}
"""What each node brings."""

_dataclass: Final[Any] = dataclasses.dataclass


@contextmanager
def _plain_nodes() -> Iterator[None]:
    """Have nodes that are defined meanwhile be plain; other threads may define what they like."""
    dataclasses.dataclass = _made
    try:
        yield
    finally:
        dataclasses.dataclass = _dataclass


def _made(cls: Any = None, /, **options: Any) -> Any:
    """What `dataclass` makes of a class, or of the next one."""
    if cls is None:
        return lambda cls: _made(cls, **options)
    # One below a class that is frozen has to be so too.
    if cls.__module__.startswith("libcst.") and vars(cls).keys() >= OWN and cls.__setattr__ is object.__setattr__:
        options |= {"eq": False, "repr": False, "frozen": False}
    return _dataclass(cls, **options)


with _plain_nodes():
    import libcst as cst
