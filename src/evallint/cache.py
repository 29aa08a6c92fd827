"""What earlier runs found out, by content: nothing is parsed twice, and an unchanged tree costs next to nothing.

Three layers, in one SQLite file: what the bytes of each file were when it looked as it looks now, what was extracted
from bytes, and what a whole run reported. Every key holds all that its value depends on, evallint's own code included,
so nothing is ever out of date; values are data, never code. A cache that cannot be used (read-only, full, damaged,
locked by others for long) is one that knows and keeps nothing: no run fails for it.

One file in SQLite's rollback mode was chosen over its write-ahead log, which a read-only disk or a network disk can't
have, and over a file an entry, which takes as many inodes as the project has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import json
import os
import sqlite3
import sys
import time
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple

from evallint import facts, findings, packs
from evallint.config import Settings
from evallint.facts import Span
from evallint.findings import Run

NAME: Final = ".evallint_cache"
KEPT_DAYS: Final = 30
"""An entry that no run has asked for during so many days is dropped."""

KEPT_RUNS: Final = 50

_FILE: Final = "cache.sqlite"
_SCHEMA_VERSION: Final = 1
_TABLES: Final = (
    "CREATE TABLE files (path TEXT PRIMARY KEY, used INTEGER, state TEXT, digest TEXT, marked INTEGER) WITHOUT ROWID",
    "CREATE TABLE facts (key TEXT PRIMARY KEY, used INTEGER, data BLOB)",
    "CREATE TABLE runs (key TEXT PRIMARY KEY, used INTEGER, data BLOB)",
)
_OWN_FILES: Final = {
    ".gitignore": "# Made by evallint.\n*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# Made by evallint; see https://bford.info/cachedir/\n",
}
_GRANULARITY: Final = 2_000_000_000
"""Nanoseconds within which two changes may leave a file looking the same, on the coarsest file systems."""

_PATIENCE: Final = 5.0
"""Seconds to wait for another run that is writing."""

_WRITE_AFTER: Final = 4 << 20
"""Bytes of new entries after which they are written: a run that is broken off has not worked for nothing."""

_AT_ONCE: Final = 500
_DAY: Final = 86_400


class Identity(NamedTuple):
    """What a file's bytes are: their SHA-256 in hex, and whether comments in them speak to evallint."""

    digest: str
    marked: bool


class Glance(NamedTuple):
    """How a file looks from outside, and when it was looked at (in nanoseconds)."""

    state: str
    changed: int
    seen: int

    @property
    def is_settled(self) -> bool:
        """Whether a later change is sure to make it look different."""
        return self.changed + _GRANULARITY <= self.seen


def glance(path: str) -> Glance | None:
    """Look at a file, before it is read; None where that fails."""
    seen = time.time_ns()
    try:
        status = os.stat(path)
    except OSError:
        return None
    state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    return Glance(state, max(status.st_mtime_ns, status.st_ctime_ns), seen)


def is_text(path: str) -> bool:
    """Whether a path can be written as UTF-8: names of files may hold bytes that are none, and SQLite keeps text."""
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)


class Cache:
    """The cache of one project. A context: what is new is written at its end, and now and then before."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._database = _opened(folder) if folder else None
        self._day = int(time.time() // _DAY)
        self._new: list[tuple[str, tuple[object, ...]]] = []
        self._new_bytes = 0

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.write()
        if self._database:
            self._database.close()

    def identities(self, glances: Mapping[str, Glance]) -> dict[str, Identity]:
        """Return what those files are, by path, that look as they did when they were last read."""
        rows = self._rows("files", "path, state, digest, marked", [path for path in glances if is_text(path)])
        return {
            path: Identity(digest, bool(marked)) for path, state, digest, marked in rows if glances[path].state == state
        }

    def keep_identity(self, path: str, before: Glance, identity: Identity) -> None:
        """Keep what a file was found to be when it was read after a glance."""
        if before.is_settled and is_text(path):
            row = (path, self._day, before.state, identity.digest, identity.marked)
            self._add("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", row, len(path))

    def facts(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return those of the entries that are there."""
        return self._entries("facts", keys)

    def keep_facts(self, key: str, data: bytes) -> None:
        self._add("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (key, self._day, data), len(data))

    def run(self, key: str) -> Run | None:
        """Return what a whole run found, without `sources`."""
        data = self._entries("runs", [key]).get(key)
        try:
            return unpack(data) if data else None
        except ValueError:
            return None

    def keep_run(self, key: str, run: Run) -> None:
        data = pack(run)
        self._add("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (key, self._day, data), len(data))

    def keep_in_use(self, keys: Iterable[str]) -> None:
        """Let no entry of facts grow old that a run stands on which did not have to read it."""
        for key in keys:
            self._add("UPDATE facts SET used = ?1 WHERE key = ?2 AND used < ?1", (self._day, key), 0)

    def _entries(self, table: str, keys: Sequence[str]) -> dict[str, bytes]:
        rows = self._rows(table, "key, used, data", keys)
        for key, used, _ in rows:
            if used != self._day:
                self._add(f"UPDATE {table} SET used = ? WHERE key = ?", (self._day, key), 0)
        return {key: data for key, _, data in rows if isinstance(data, bytes)}

    def _rows(self, table: str, columns: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        if not self._database:
            return []
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT {columns} FROM {table} WHERE {columns.partition(',')[0]} IN ({marks})"
            try:
                rows += self._database.execute(query, some)
            except sqlite3.Error as error:
                self._give_up(error)
                return []
        return rows

    def _add(self, statement: str, row: tuple[object, ...], size: int) -> None:
        """Take down a change; the file is locked only for as long as many are written at once."""
        self._new.append((statement, row))
        self._new_bytes += size
        if self._new_bytes >= _WRITE_AFTER:
            self.write()

    def write(self) -> None:
        """Write what is new."""
        new, self._new, self._new_bytes = self._new, [], 0
        if not self._database or not new:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for statement, row in new:
                self._database.execute(statement, row)
            for table in ("files", "facts", "runs"):
                self._database.execute(f"DELETE FROM {table} WHERE used < ?", (self._day - KEPT_DAYS,))
            self._database.execute("DELETE FROM runs WHERE rowid <= (SELECT max(rowid) FROM runs) - ?", (KEPT_RUNS,))
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        """Go on without a cache that is damaged, so that the next run starts a new one."""
        if not self._database or isinstance(error, sqlite3.OperationalError):
            return
        self._database.close()
        self._database = None
        with contextlib.suppress(OSError):
            os.remove(os.path.join(self._folder, _FILE))


# ---- where it is ---------------------------------------------------------------------------------


def folder_of(settings: Settings, here: str = "") -> str:
    """Return where the cache of a run with these settings is: as asked for, or at the root of the project.

    That is the directory of the config file, or the git repository around `here` (the working directory), or that
    itself.
    """
    asked = settings.cache_dir or os.environ.get("EVALLINT_CACHE_DIR", "")
    return os.path.abspath(asked) if asked else os.path.join(_project_root(settings, here or os.getcwd()), NAME)


def clean(settings: Settings) -> str:
    """Remove the cache and return where it was; "" where there was none. Files of others in its folder stay."""
    folder = folder_of(settings)
    if not os.path.exists(os.path.join(folder, _FILE)):
        return ""
    for name in (*_OWN_FILES, _FILE, _FILE + "-journal"):
        with contextlib.suppress(OSError):
            os.remove(os.path.join(folder, name))
    with contextlib.suppress(OSError):
        os.rmdir(folder)
    return folder


def _project_root(settings: Settings, here: str) -> str:
    # A config file of the user's, for all projects, is not where the project is.
    if settings.file and os.path.commonpath([here, settings.root]) == settings.root:
        return settings.root
    above = here
    while not os.path.exists(os.path.join(above, ".git")):
        if above == os.path.dirname(above):
            return here
        above = os.path.dirname(above)
    return above


def _opened(folder: str) -> sqlite3.Connection | None:
    path = os.path.join(folder, _FILE)
    with contextlib.suppress(OSError):
        make(folder)
    for _ in range(2):
        try:
            return _connected(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                break  # locked, or no place to write: another time
        try:
            os.remove(path)  # damaged, or of another version
        except OSError:
            break
    return None


def make(folder: str) -> None:
    """Make the folder, where it is not there, such that git and backups pass over it. OSError: it can't be made."""
    if os.path.isdir(folder):
        return
    os.makedirs(folder)
    for name, text in _OWN_FILES.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as stream:
            stream.write(text)


def _connected(path: str) -> sqlite3.Connection:
    """Return the database, made where there is none; DatabaseError where it is none of ours."""
    writable = os.access(os.path.dirname(path), os.W_OK) and (os.access(path, os.W_OK) or not os.path.exists(path))
    mode = "rwc" if writable else "ro"
    address = f"file:{urllib.parse.quote(path)}?mode={mode}"
    database = sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA synchronous = NORMAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0 and writable:
            _lay_out(database)
        elif version != _SCHEMA_VERSION:
            raise sqlite3.DatabaseError("of another version")
        if {sql for (sql,) in database.execute("SELECT sql FROM sqlite_master WHERE sql <> ''")} != set(_TABLES):
            raise sqlite3.DatabaseError("with other tables")
    except BaseException:
        database.close()
        raise
    return database


def _lay_out(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:  # unless another run has just done it
        for statement in (*_TABLES, f"PRAGMA user_version = {_SCHEMA_VERSION}"):
            database.execute(statement)
    database.execute("COMMIT")


# ---- what its keys are made of -------------------------------------------------------------------


def key_of(*parts: object) -> str:
    """Return a digest of values that have a stable `repr`."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


@functools.cache
def code_of_facts() -> str:
    """Return a digest of all that facts depend on beside the text: our code, LibCST, Python's own parser."""
    code = _digest_of_files(os.path.join(_package(), name) for name in ("facts.py", "codec.py", "extract", "read"))
    return key_of(facts.FACTS_VERSION, code, _version_of_libcst(), sys.version_info[:3])


@functools.cache
def code_of_runs() -> str:
    """Return a digest of all that a run's result depends on beside the files and the settings."""
    rules = (str(folder) for pack in packs.installed() for folder in (pack.pages, pack.modules))
    return key_of(code_of_facts(), _digest_of_files([_package(), *rules]))


def _package() -> str:
    return os.path.dirname(os.path.abspath(__file__))


def _digest_of_files(paths: Iterable[str]) -> str:
    """Return a digest of the modules, tables and pages at these paths and below."""
    digest = hashlib.sha256()
    for path in sorted(set(_files(paths))):
        with open(path, "rb") as stream:
            digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()


def _files(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if os.path.isfile(path):
            yield path
        for folder, _, names in os.walk(path):
            yield from (os.path.join(folder, name) for name in names if name.endswith((".py", ".toml", ".md")))


def _version_of_libcst() -> str:
    """Return what identifies LibCST's version, without importing it."""
    spec = importlib.util.find_spec("libcst")
    if spec is None or not spec.origin:
        return ""
    try:
        with open(os.path.join(os.path.dirname(spec.origin), "_version.py"), encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return spec.origin


# ---- a run as bytes ------------------------------------------------------------------------------


def pack(run: Run) -> bytes:
    """Return a run as bytes, without `sources`."""
    return zlib.compress(json.dumps(_plain(dataclasses.replace(run, sources=None))).encode(), 1)


def unpack(data: bytes) -> Run:
    """Return the run that was packed; ValueError for anything else."""
    try:
        run = _value(json.loads(zlib.decompress(data)))
    except (zlib.error, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"a run that can't be read: {error!r}") from error
    if not isinstance(run, Run):
        raise ValueError("not a run")
    return run


_CLASSES: Final = {
    cls.__name__: cls
    for cls in (Span, *vars(findings).values())
    if cls is Span or (isinstance(cls, type) and dataclasses.is_dataclass(cls))
}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: what has fields as its class's name and them, a tuple as the name ""."""
    if type(value).__name__ in _CLASSES:
        names = value._fields if isinstance(value, Span) else [field.name for field in dataclasses.fields(value)]
        return [type(value).__name__, *(_plain(getattr(value, name)) for name in names)]
    if isinstance(value, tuple):
        return ["", *map(_plain, value)]
    return value


def _value(plain: Any) -> Any:
    if not isinstance(plain, list):
        return plain
    parts = [_value(part) for part in plain[1:]]
    return _CLASSES[plain[0]](*parts) if plain[0] else tuple(parts)
