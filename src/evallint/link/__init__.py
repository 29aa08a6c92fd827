"""The facts of all files become one program."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from evallint.apis import load
from evallint.facts import FileFacts
from evallint.link.families import Families
from evallint.link.index import NameIndex
from evallint.link.names import FileNames
from evallint.link.natures import ClassNatures
from evallint.link.places import Places
from evallint.memory import Memory
from evallint.program import Program

NOWHERE: Mapping[str, str] = MappingProxyType({})


def link(
    files: Mapping[str, FileFacts],
    places: Mapping[str, str] = NOWHERE,
    own_apis: tuple[str, ...] = (),
    memory: Memory | None = None,
) -> Program:
    """The program that these files, by their shown paths, make together; `places` are their absolute paths.

    `own_apis` are the texts of tables about libraries that hold before evallint's; `memory` keeps what is found out.
    """
    apis = load(own_apis)
    memory = memory or Memory()
    names = FileNames(files, Places(files, places, apis.packages()), apis.knows, memory)
    families = Families(files, names, memory)
    memos = memory.memo(), memory.memo(), memory.memo()
    return Program(files, apis, names, families, ClassNatures(memory), NameIndex(files, memory), memory, *memos)
