"""The facts of all files become one program."""

from __future__ import annotations

from collections.abc import Mapping

from evallint.apis import load
from evallint.facts import FileFacts
from evallint.link.names import FileNames
from evallint.link.natures import ClassNatures
from evallint.program import Program


def link(files: Mapping[str, FileFacts]) -> Program:
    """The program that these files, by their shown paths, make together."""
    return Program(files, load(), FileNames(files), ClassNatures())
