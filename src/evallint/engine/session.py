"""The findings of a project, again and again while its files are edited: what a language server holds.

    with Session(["."], lambda: Configs("/project")) as session:
        run = session.check()  # everything, as it is on disk
        run = session.check({"/project/a.py": b"..."})  # with a buffer that is not saved
        session.reload()  # something has changed on disk, be it a config file
        run = session.check()

A check gives what `lint` would of the same texts and settings, whatever was checked before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from evallint import cache, read
from evallint.cache import Cache
from evallint.config import Configs
from evallint.engine.extraction import LONGEST, Answer, extracted
from evallint.engine.installed import shelf_of, sources_for
from evallint.engine.judging import Judged, decoded, judged
from evallint.engine.reporting import Texts, reported, rules_of
from evallint.engine.tree import Load, Tree, identified, overlaid
from evallint.findings import Run, Trouble
from evallint.read import Discovery, File, Source

if TYPE_CHECKING:
    from evallint.extract.pool import Workers

NO_BUFFERS: Final[Mapping[str, bytes]] = MappingProxyType({})


class Session:
    """Checks all files that `paths` name or hold, as often as it is asked to.

    A context: it keeps a process to read files in, and the cache open. `configs` makes the settings, at first and
    whenever they may have changed. For one thread at a time. ConfigError: see `read.discover`.
    """

    def __init__(self, paths: Sequence[str], configs: Callable[[], Configs], cached: bool = True) -> None:
        self._paths, self._configs, self._cached = tuple(paths), configs, cached
        self._workers: Workers | None = None
        self.reload()
        self._store = Cache(cache.folder_of(self._settings) if cached else "")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write down what was learnt of files, and end the process."""
        if self._workers is not None:
            self._workers.__exit__()
        self._store.__exit__(None, None, None)

    def reload(self) -> None:
        """Look at the disk again: files may be there or gone, or have changed, and so may settings.

        ConfigError: a config file can't be followed; then the session goes on as before.
        """
        configs = self._configs()
        found = read.discover(self._paths, configs)
        self._found, self._made, self._settings = found, configs, configs.of_run()
        self._shelf = shelf_of(self._settings)
        self._on_disk: Tree | None = None

    def check(self, buffers: Mapping[str, bytes] = NO_BUFFERS) -> Run:
        """Return what the rules report of all files. `buffers`: what stands in files, by absolute path, in place of
        what is on disk; those that are not there yet are linted if `paths` hold them."""
        found = self._with_new(buffers)

        def load(file: File) -> Source | Trouble:
            return read.buffered(file, buffers[file.path]) if file.path in buffers else read.load(file)

        tree = self._identified(found, buffers, load)
        texts = Texts(tree.files, load)
        facts = extracted(tree, load, self._extract, self._store)
        run = reported(tree, facts, self._judged(tree, facts.encoded), texts)
        return replace(run, sources=texts.shown_in(run))

    def _with_new(self, buffers: Mapping[str, bytes]) -> Discovery:
        """Return the files found, and those buffers that nobody has saved yet."""
        known = {file.path for file in self._found.files}
        tops = [os.path.abspath(os.path.join(self._made.directory, path)) for path in self._paths]
        new = [read.to_be_found(path, tops, self._made) for path in sorted(buffers) if path not in known]
        files = [file for file in new if file is not None]
        if not files:
            return self._found
        return Discovery(tuple(sorted((*self._found.files, *files), key=lambda file: file.shown)), self._found.troubles)

    def _identified(self, found: Discovery, buffers: Mapping[str, bytes], load: Load) -> Tree:
        """Return the tree of these files. What is on disk is looked at once after each `reload`."""
        if self._on_disk is None:
            self._on_disk = identified(self._found, read.load, self._store)
        if not buffers:
            return self._on_disk
        return overlaid(self._on_disk, found, buffers, load)

    def _extract(self, sources: Iterable[Source], total: int) -> Iterator[Answer]:
        from evallint.extract.pool import Limits, Workers

        if self._workers is None:
            self._workers = Workers(self._settings.jobs, Limits(min(self._settings.deadline, LONGEST)))
        return self._workers.extract(sources)

    def _judged(self, tree: Tree, encoded: Mapping[str, bytes]) -> Judged:
        rules = rules_of(tree.files)
        if not rules or not encoded:
            return Judged()
        files = decoded(encoded)
        installed = identified(Discovery(sources_for(files, self._shelf), ()), read.load, self._store)
        files |= decoded(extracted(installed, read.load, self._extract, self._store).encoded)
        return judged(files, rules, {file.shown: file.path for file in tree.files}, self._shelf.apis)
