"""The findings of a project, again and again while its files are edited: what a language server holds.

    with Session(["."], lambda: Configs("/project")) as session:
        run = session.check()  # everything, as it is on disk
        run = session.check({"/project/a.py": b"..."})  # with a buffer that is not saved
        session.reload()  # something has changed on disk, be it a config file
        run = session.check()

A check gives what `lint` would of the same texts and settings, whatever was checked before: but what was found out
then is not found out again unless a change can tell in it; see `analysis`.
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
from evallint.engine.analysis import Analyst, Setting
from evallint.engine.extraction import (
    FEW,
    LONGEST,
    NO_FILES,
    Answer,
    Extracted,
    Progress,
    extracted,
    in_workers,
    key_of_facts,
    renewed,
)
from evallint.engine.installed import shelf_of, sources_of, wanted
from evallint.engine.judging import Judged, decoded
from evallint.engine.reporting import Kept, Texts, reported, rules_of
from evallint.engine.tree import Load, Tree, identified, key_of_run, overlaid
from evallint.facts import FileFacts
from evallint.findings import Reported, Run, Trouble
from evallint.read import Discovery, File, Source

if TYPE_CHECKING:
    from evallint.engine.fixing import Fixed, Lint
    from evallint.engine.silencing import Silenced
    from evallint.extract.pool import Workers

NO_BUFFERS: Final[Mapping[str, bytes]] = MappingProxyType({})


class Reader:
    """A process that stays, so that whoever has few files to read now and then need not wait for one to start."""

    def __init__(self) -> None:
        self._workers: Workers | None = None

    def extract(self, sources: Iterable[Source], deadline: float) -> Iterator[Answer]:
        """Yield what `extract_all` yields. The deadline of the first call holds for all."""
        from evallint.extract.pool import Limits, Workers

        self._workers = self._workers or Workers(1, Limits(deadline))
        try:
            yield from self._workers.extract(sources)
        except BaseException:
            self.close()  # answers may be left that nobody has taken
            raise

    def close(self) -> None:
        if self._workers is not None:
            self._workers.__exit__()
            self._workers = None


class Session:
    """Checks all files that `paths` name or hold, as often as it is asked to.

    A context: it keeps a process to read files in, and the cache open. `configs` makes the settings, at first and
    whenever they may have changed. `told` hears of files that are extracted, and before anything long begins; what it
    raises ends what goes on. `reader`: one that others use too. `in_project`: see `Scope`. `key` says what the last
    result is of; see `key_of_run`. For one thread at a time. ConfigError: see `read.discover`.
    """

    def __init__(
        self,
        paths: Sequence[str],
        configs: Callable[[], Configs],
        cached: bool = True,
        told: Progress = lambda done, of: None,
        reader: Reader | None = None,
        in_project: bool = False,
    ) -> None:
        self.told = told
        self.key = ""
        self._paths, self._configs, self._in_project = tuple(paths), configs, in_project
        self._reader, self._owns_reader = reader or Reader(), reader is None
        self._texts = Texts((), read.load)
        self._reports: dict[str, Kept] = {}
        self._facts, self._keys = NO_FILES, dict[str, str]()
        self._heads: dict[str, tuple[bytes, FileFacts]] = {}
        self._packages: tuple[object, Mapping[str, bytes]] = (None, {})
        self._analyst = Analyst()
        self.reload()
        self._store = Cache(cache.folder_of(self._settings, self._made.directory) if cached else "")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write down what was learnt of files, and end the process."""
        if self._owns_reader:
            self._reader.close()
        self._store.__exit__(None, None, None)

    def write(self) -> None:
        """Write down what was learnt of files so far, for other runs."""
        self._store.write()

    def reload(self) -> None:
        """Look at the disk again: files may be there or gone, or have changed, and so may settings.

        ConfigError: a config file can't be followed; then the session goes on as before.
        """
        self.aim(self._paths, self._configs)

    def aim(self, paths: Sequence[str], configs: Callable[[], Configs]) -> None:
        """The same for other paths or settings, which are those of the session from now on."""
        made = configs()
        found = read.discover(paths, made)
        if self._in_project:
            found = read.in_projects(found, made)
        self._paths, self._configs, self._made, self._settings = tuple(paths), configs, made, made.of_run()
        self._found = found
        self._shelf = shelf_of(self._settings)
        self._on_disk: Tree | None = None

    def check(self, buffers: Mapping[str, bytes] = NO_BUFFERS) -> Run:
        """Return what the rules report of all files. `buffers`: what stands in files, by absolute path, in place of
        what is on disk; those that are not there yet are linted if `paths` hold them."""
        return self._checked(self.files(buffers), buffers)

    def fixed(self, buffers: Mapping[str, bytes], is_wanted: Callable[[Reported], bool], unsafe: bool) -> Fixed:
        """Return what comes of mending the findings that are wanted, of which a check tells. Nothing is written."""
        from evallint.engine.fixing import fixed

        found = self.files(buffers)
        return fixed(found, self._trying(found, buffers), is_wanted, unsafe, _by_shown_path(found, buffers))

    def silenced(self, buffers: Mapping[str, bytes], wanted: Sequence[Reported], reason: str) -> Silenced:
        """Return what comes of comments that silence what a check tells, for a reason. Nothing is written."""
        from evallint.engine.silencing import silenced

        found = self.files(buffers)
        return silenced(found, self._trying(found, buffers), wanted, reason, _by_shown_path(found, buffers))

    def _trying(self, found: Discovery, buffers: Mapping[str, bytes]) -> Lint:
        """Return what checks files as they would be after a change."""
        places = {file.shown: file.path for file in found.files}

        def lint(files: Discovery, changed: Mapping[str, bytes]) -> Run:
            return self._checked(files, {**buffers, **{places[shown]: data for shown, data in changed.items()}})

        return lint

    def _checked(self, found: Discovery, buffers: Mapping[str, bytes]) -> Run:
        def load(file: File) -> Source | Trouble:
            return read.buffered(file, buffers[file.path]) if file.path in buffers else read.load(file)

        tree = self._identified(found, buffers, load)
        self.key = key_of_run(tree, self._shelf)
        self._texts = Texts(tree.files, load, self._texts.unchanged(tree))
        facts = self._extracted(tree, load)
        run = reported(tree, facts, self._judged(tree, facts.encoded), self._texts, self._reports)
        return replace(run, sources=self._texts.shown_in(run))

    def files(self, buffers: Mapping[str, bytes] = NO_BUFFERS) -> Discovery:
        """Return the files found, and those buffers that nobody has saved yet."""
        known = {file.path for file in self._found.files}
        tops = [os.path.abspath(os.path.join(self._made.directory, path)) for path in self._paths]
        new = [read.to_be_found(path, tops, self._made) for path in sorted(buffers) if path not in known]
        files = [file for file in new if file is not None]
        if not files:
            return self._found
        named = {file.shown for file in files}
        troubles = tuple(trouble for trouble in self._found.troubles if trouble.path not in named)
        return Discovery(tuple(sorted((*self._found.files, *files), key=lambda file: file.shown)), troubles)

    def _identified(self, found: Discovery, buffers: Mapping[str, bytes], load: Load) -> Tree:
        """Return the tree of these files. What is on disk is looked at once after each `reload`."""
        if self._on_disk is None:
            self._on_disk = identified(self._found, read.load, self._store)
        return overlaid(self._on_disk, found, buffers, load)

    def _extracted(self, tree: Tree, load: Load) -> Extracted:
        """Return the facts of all files; those are looked up only whose text is not what it was."""
        keys = {file.shown: key_of_facts(file, tree.identities[file.shown].digest) for file in tree.files}
        others = tuple(file for file in tree.files if self._keys.get(file.shown) != keys[file.shown])
        newer = extracted(replace(tree, files=others), load, self._extract, self._store)
        self._facts, self._keys = renewed(tree, self._facts, newer), keys
        return self._facts

    def _extract(self, sources: Iterable[Source], total: int) -> Iterator[Answer]:
        if total > FEW:
            return in_workers(self._settings, self.told)(sources, total)
        return self._reader.extract(sources, min(self._settings.deadline, LONGEST))

    def _judged(self, tree: Tree, encoded: Mapping[str, bytes]) -> Judged:
        self.told(0, 0)
        rules = rules_of(tree.files)
        if not rules or not encoded:
            return Judged()
        every = {**encoded, **self._installed_for(encoded)}
        return self._analyst.judged(Setting.of(every, tree, self._shelf), every, rules)

    def _installed_for(self, encoded: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return the facts of the installed packages that these files import."""
        wants = wanted(self._decoded(encoded), self._shelf), self._shelf
        if self._packages[0] != wants:
            found = identified(Discovery(sources_of(*wants), ()), read.load, self._store)
            self._packages = wants, extracted(found, read.load, self._extract, self._store).encoded
        return self._packages[1]

    def _decoded(self, encoded: Mapping[str, bytes]) -> Mapping[str, FileFacts]:
        """Return the facts of these files, of which the bodies are not asked for."""
        other = {path: data for path, data in encoded.items() if self._heads.get(path, (None,))[0] is not data}
        new = decoded(other)
        self._heads = {path: (data, new[path]) if path in new else self._heads[path] for path, data in encoded.items()}
        return {path: facts for path, (_, facts) in self._heads.items()}


def _by_shown_path(found: Discovery, buffers: Mapping[str, bytes]) -> dict[str, bytes]:
    return {file.shown: buffers[file.path] for file in found.files if file.path in buffers}
