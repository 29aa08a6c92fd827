"""The one place that asks the engine: what it finds in a folder, with what is open in the editor in place of the disk.

An overlay is the bytes that stand for a file, by its absolute path; a file that is not on the disk yet may have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from evallint.config import ConfigError, Configs
from evallint.engine.extraction import Progress
from evallint.engine.session import Reader, Session
from evallint.findings import Reported, Run
from evallint.read import File

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

    `wrong` is what is wrong with a config file that has changed, which is why the one before still holds.
    """

    run: Run
    files: Mapping[str, File]
    wrong: str = ""


class Analysis:
    """One folder, or one file of no project, asked again and again. Not for several threads at once."""

    def __init__(self, folder: str, options: Options, reader: Reader, only: str = "") -> None:
        self._folder = folder
        self._options = options
        self._reader = reader
        self._only = only
        self._session: Session | None = None
        self._is_current = False
        self._wrong = ""
        self._told: Progress = lambda done, of: None

    def forget_disk(self) -> None:
        """Let files and config files be looked at again: some have come, gone or changed."""
        self._is_current = False

    def run(self, overlays: Mapping[str, bytes], told: Progress) -> Outcome:
        """Return what is found now. ConfigError: see `config`. What `told` raises ends it."""
        self._told = told
        session = self._current()
        run = session.check(overlays)
        return Outcome(run, {file.shown: file for file in session.files(overlays).files}, self._wrong)

    def fixed(self, overlays: Mapping[str, bytes], wanted: frozenset[str], unsafe: bool) -> Fixed:
        """Return what comes of mending the findings of these fingerprints. Nothing is written."""
        self._told = lambda done, of: None
        return self._current().fixed(overlays, lambda one: one.fingerprint in wanted, unsafe)

    def silenced(self, overlays: Mapping[str, bytes], wanted: Sequence[Reported], reason: str) -> Silenced:
        """Return what comes of comments with a reason at these findings. Nothing is written."""
        self._told = lambda done, of: None
        return self._current().silenced(overlays, wanted, reason)

    def close(self) -> None:
        """End what it holds; what was learnt of files is kept."""
        if self._session:
            self._session.close()
            self._session = None

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
