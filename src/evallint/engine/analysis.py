"""A program that is judged again and again while its files change: only what a change can tell in is found out anew.

The files, the interpreter and the gatherer stay, with all that they have found out; see `memory` for how it is known
what stands on what. Where files come or go, or other settings hold, all begins anew.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from evallint import codec
from evallint.engine.judging import NO_FACTS, Judged, judgement, little_garbage
from evallint.facts import FileFacts
from evallint.memory import Memory, differing, watched

if TYPE_CHECKING:
    from evallint.engine.installed import Shelf
    from evallint.engine.tree import Tree
    from evallint.gather import Gatherer
    from evallint.interpret import Interpreter
    from evallint.program import Program


@functools.cache
def no_bytes() -> bytes:
    """What is written of a file that mentions nothing a rule could be about."""
    return codec.encode(NO_FACTS)


class Setting(NamedTuple):
    """What may not change: the shown and absolute paths of all files, in order ("" for those of installed packages),
    and the tables of its own that a project has."""

    places: tuple[tuple[str, str], ...]
    apis: tuple[str, ...]

    @classmethod
    def of(cls, encoded: Mapping[str, bytes], tree: Tree, shelf: Shelf) -> Setting:
        """That of these files, in their order."""
        places = {file.shown: file.path for file in tree.files}
        return cls(tuple((path, places.get(path, "")) for path in encoded), shelf.apis)


class Analyst:
    """Judges whatever it is given, with the help of what it was given last."""

    def __init__(self) -> None:
        self._analysis: Analysis | None = None

    def judged(self, setting: Setting, encoded: Mapping[str, bytes], rules: Collection[str]) -> Judged:
        """Return what these rules find in files, whose facts these are, in order. Raises `codec.Corrupt`."""
        from evallint.extract.deep import deep

        with little_garbage():
            return deep(lambda: self._judged(setting, encoded, rules))

    def _judged(self, setting: Setting, encoded: Mapping[str, bytes], rules: Collection[str]) -> Judged:
        analysis, self._analysis = self._analysis, None  # one that fails is used no more
        is_new = analysis is None or analysis.setting != setting
        if analysis is None or is_new:
            analysis = None  # what it holds goes before there is more
            gc.unfreeze()
            analysis = Analysis(setting, encoded)
        found = analysis.judged(encoded, rules)
        if is_new:
            gc.freeze()  # else looking for cycles in all that stays would stop every other edit for seconds
        self._analysis = analysis
        return found


class Analysis:
    """Judges the files of one setting."""

    def __init__(self, setting: Setting, encoded: Mapping[str, bytes]) -> None:
        """`encoded`: the facts of all files, in order. Raises `codec.Corrupt`."""
        from evallint.gather import Gatherer
        from evallint.interpret import Interpreter
        from evallint.link import link

        self.setting = setting
        self._encoded = {path: data or no_bytes() for path, data in encoded.items()}
        self._facts = {path: codec.decode(data) for path, data in self._encoded.items()}
        self._memory = Memory(records=True)
        self._files = {path: watched(self._memory, path, facts) for path, facts in self._facts.items()}
        self._program: Program = link(
            self._files, {shown: path for shown, path in setting.places if path}, setting.apis, self._memory
        )
        self._interpreter: Interpreter = Interpreter(self._program)
        self._gatherer: Gatherer = Gatherer(self._program)

    def judged(self, encoded: Mapping[str, bytes], rules: Collection[str]) -> Judged:
        """Return what these rules find in the files as they are now, whose facts these are."""
        self._renew(encoded)
        runs = list(self._interpreter.entries())
        return judgement(self._gatherer.project(runs), runs, rules)

    def _renew(self, encoded: Mapping[str, bytes]) -> None:
        """Take in the facts of the files that have changed, and forget what stood on those that differ."""
        changed = [path for path, data in encoded.items() if (data or no_bytes()) != self._encoded[path]]
        if not changed:
            return
        names: list[object] = []
        for path in changed:
            names += self._replaced(path, encoded[path] or no_bytes())
        for path in changed:
            names += self._program.symbols.renew(path)
        self._memory.forget(names)
        self._gatherer.renew()
        self._interpreter.renew()

    def _replaced(self, path: str, data: bytes) -> Iterator[object]:
        """Put facts in the place of a file's, and yield the names of the parts that differ.

        Bodies that are the same stay the same objects: loops are known by their identity.
        """
        names = list(differing(path, self._encoded[path], data))
        old, new = self._facts[path].bodies, codec.decode(data)
        same = {("bodies", path, index) for index in range(len(new.bodies))}.difference(names)
        bodies = tuple(old[i] if ("bodies", path, i) in same else body for i, body in enumerate(new.bodies))
        facts: FileFacts = new._replace(bodies=bodies)
        self._encoded[path], self._facts[path] = data, facts
        self._files[path] = watched(self._memory, path, facts)
        yield from names
