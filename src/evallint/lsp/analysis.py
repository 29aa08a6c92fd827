"""The one place that asks the engine: what it finds in a folder, with what is open in the editor in place of the disk.

An overlay is the bytes that stand for a file, by its absolute path; a file that is not on the disk yet may have one.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from evallint import read
from evallint.config import ConfigError, Configs
from evallint.engine.extraction import Progress
from evallint.engine.session import Reader, Session
from evallint.findings import Reported, Run, Trouble
from evallint.read import File, Source

if TYPE_CHECKING:
    from evallint.engine.fixing import Fixed
    from evallint.engine.silencing import Silenced


class Superseded(Exception):
    """What was asked for is no longer of interest."""


class Options(NamedTuple):
    """Where settings come from beside config files: see `config.Configs`. `cached`: whether the disk keeps facts."""

    config: tuple[str, ...] = ()
    isolated: bool = False
    settings: Mapping[str, object] = MappingProxyType({})
    cached: bool = True


class Outcome(NamedTuple):
    """What is found, and the files that were linted by the path that the reports show.

    `wrong` is what is wrong with a config file that has changed, which is why the one before still holds. `former`: the
    text that was judged in place of one that is no Python just now, by absolute path.
    """

    run: Run
    files: Mapping[str, File]
    wrong: str = ""
    former: Mapping[str, str] = MappingProxyType({})


class Analysis:
    """One folder, or one file of no project, asked again and again. Not for several threads at once.

    Code is no Python most of the time that it is typed. Until it is again, what it was last stands for it: else what is
    found elsewhere would come and go with every bracket.
    """

    def __init__(self, folder: str, options: Options, reader: Reader, only: str = "") -> None:
        self._folder = folder
        self._options = options
        self._reader = reader
        self._only = only
        self._session: Session | None = None
        self._is_current = False
        self._wrong = ""
        self._told: Progress = _told_nobody
        self._sound: dict[str, bytes] = {}
        self._unsound: dict[str, tuple[bytes, Trouble]] = {}

    def forget_disk(self) -> None:
        """Let files and config files be looked at again: some have come, gone or changed."""
        self._is_current = False

    def run(self, overlays: Mapping[str, bytes], told: Progress) -> Outcome:
        """Return what is found now. ConfigError: see `config`. What `told` raises ends it."""
        self._told = told
        session = self._current()
        usable, broken = self._usable(session, overlays)
        run = session.check(usable)
        troubles = [one for one in run.troubles if one.path not in {trouble.path for trouble in broken.values()}]
        run = replace(run, troubles=tuple(sorted((*troubles, *broken.values()), key=lambda one: (one.path, one.line))))
        files = {file.shown: file for file in session.files(usable).files}
        former = {file.path: _text(file, usable) for file in files.values() if file.path in broken}
        return Outcome(run, files, self._wrong, former)

    def fixed(self, overlays: Mapping[str, bytes], wanted: frozenset[str], unsafe: bool) -> Fixed:
        """Return what comes of mending the findings of these fingerprints. Nothing is written."""
        session, usable = self._asked(overlays)
        return session.fixed(usable, lambda one: one.fingerprint in wanted, unsafe)

    def silenced(self, overlays: Mapping[str, bytes], wanted: Sequence[Reported], reason: str) -> Silenced:
        """Return what comes of comments with a reason at these findings. Nothing is written."""
        session, usable = self._asked(overlays)
        return session.silenced(usable, wanted, reason)

    def close(self) -> None:
        """End what it holds; what was learnt of files is kept."""
        if self._session:
            self._session.close()
            self._session = None

    def _asked(self, overlays: Mapping[str, bytes]) -> tuple[Session, Mapping[str, bytes]]:
        self._told = _told_nobody
        session = self._current()
        return session, self._usable(session, overlays)[0]

    def _current(self) -> Session:
        """Return the session, which has seen the disk as it is, or as it was before a config file became unusable."""
        if self._session is None:
            paths, cached = [self._only or self._folder], self._options.cached and not self._only
            self._session = Session(paths, self._configs, cached, lambda done, of: self._told(done, of), self._reader)
        elif not self._is_current:
            try:
                self._session.reload()
                self._wrong = ""
            except ConfigError as error:
                self._wrong = str(error)
        self._is_current = True
        return self._session

    def _configs(self) -> Configs:
        options = self._options
        return Configs(self._folder, options.config, options.isolated, dict(options.settings))

    # ---- code that is no Python just now ---------------------------------------------------------------

    def _usable(
        self, session: Session, overlays: Mapping[str, bytes]
    ) -> tuple[Mapping[str, bytes], Mapping[str, Trouble]]:
        """Return the overlays with what stands for those that are no Python, and what is wrong with these, by path."""
        usable, broken = dict(overlays), {}
        for file in session.files(overlays).files:
            data = overlays.get(file.path)
            if data is None or self._sound.get(file.path) == data:
                continue
            trouble = self._wrong_with(file, data)
            if trouble is None:
                self._sound[file.path] = data
                continue
            broken[file.path] = trouble
            if file.path in self._sound:
                usable[file.path] = self._sound[file.path]
            else:
                del usable[file.path]
        return usable, broken

    def _wrong_with(self, file: File, data: bytes) -> Trouble | None:
        if file.path in self._unsound and self._unsound[file.path][0] == data:
            return self._unsound[file.path][1]
        source = read.buffered(file, data)
        if isinstance(source, Trouble) or _is_python(source.text):
            return None  # what can't be read is for the session to say
        ((_, answer),) = self._reader.extract([source], file.settings.deadline)
        if not isinstance(answer, Trouble):
            return None
        trouble = _in_cell(answer, source)
        self._unsound[file.path] = data, trouble
        return trouble


def _told_nobody(done: int, of: int) -> None:
    pass


def _is_python(text: str) -> bool:
    """Whether this Python's own parser can read a text, which takes a hundredth of the time that an answer takes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _in_cell(trouble: Trouble, source: Source) -> Trouble:
    if source.notebook is None:
        return trouble
    cell, line = source.notebook.locate(trouble.line)
    return replace(trouble, line=line, message=f"cell {cell}: {trouble.message}")


def _text(file: File, overlays: Mapping[str, bytes]) -> str:
    source = read.buffered(file, overlays[file.path]) if file.path in overlays else read.load(file)
    return source.text if isinstance(source, Source) else ""
