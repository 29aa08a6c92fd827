"""Abstract interpretation: the mode of every module and the state of gradients, along every path through the
program."""

from __future__ import annotations

from evallint.interpret.run import Interpreter, interpret, reveal

__all__ = ["Interpreter", "interpret", "reveal"]
