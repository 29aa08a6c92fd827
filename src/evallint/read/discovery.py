"""Which files to lint: a walk that obeys nested .gitignore files and the `exclude` of the config in force."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from evallint.config import Configs, Pattern, Settings, is_pattern
from evallint.findings import Trouble

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SUFFIXES: Final = (".py", ".pyw", ".ipynb")
"""What a walk picks up. Stubs hold no code that runs; a file given by name is linted whatever its suffix."""


_PLAIN = re.compile(r"[\w.\-]+")
"""A pattern that is nothing but a name."""


class File(NamedTuple):
    """A file to lint: `path` is absolute, `shown` as the reports show it: relative to the working directory, with `/`.

    `explicit` files were given by name rather than found in a directory. `context` files are read for what they tell of
    others: nothing is reported of them.
    """

    path: str
    shown: str
    size: int
    mtime_ns: int
    explicit: bool
    settings: Settings
    context: bool = False


class Discovery(NamedTuple):
    """The files to lint, sorted by `shown`, each once, and the paths that led nowhere."""

    files: tuple[File, ...]
    troubles: tuple[Trouble, ...]


def discover(paths: Iterable[str], configs: Configs) -> Discovery:
    """Every file that the paths name or hold; `shown` is relative to the directory of `configs`.

    A directory or file given by name is linted even if it is ignored or excluded (files: unless `force-exclude` is
    on). Links to directories are not followed within a walk: what they lead to is found where it stands. Raises
    ConfigError where a config file on the way cannot be followed.
    """
    walk = _Walk(configs)
    for path in paths:
        walk.add(path)
    return Discovery(tuple(sorted(walk.files.values(), key=lambda file: file.shown)), tuple(walk.troubles))


def to_be_found(path: str, tops: Collection[str], configs: Configs) -> File | None:
    """The file that is named, or that walks through directories would find, at an absolute path once it is there;
    None if there would be none. ConfigError: see `discover`."""
    is_named = path in tops
    if not is_named and not (path.endswith(SUFFIXES) and any(path.startswith(os.path.join(top, "")) for top in tops)):
        return None
    settings = configs.of_directory(os.path.dirname(path))
    if not is_named and is_passed_over(path, settings):
        return None
    return File(path, _shown(path, configs.directory), 0, 0, is_named, settings)


def projects_of(found: Discovery) -> list[str]:
    """Return the roots of the projects that files belong to, or the directories of those that belong to none."""
    return sorted({project_of(file.path, file.settings) or os.path.dirname(file.path) for file in found.files})


def in_projects(found: Discovery, configs: Configs) -> Discovery:
    """Return these files, and all others of the projects they belong to as context."""
    wanted = {os.path.realpath(file.path): file for file in found.files}
    around = discover(projects_of(found), configs).files
    # Whoever calls a file that was given by name is in sight too, as if it had been found by a walk.
    known = [file._replace(context=os.path.realpath(file.path) not in wanted) for file in around]
    seen = {os.path.realpath(file.path) for file in known}
    files = [*known, *(file for path, file in wanted.items() if path not in seen)]
    return Discovery(tuple(sorted(files, key=lambda file: file.shown)), found.troubles)


def project_of(path: str, settings: Settings) -> str:
    """Return the root of the project that a file belongs to: of its config, or else of its repository, or "".

    A config file of the user's, for all projects, is not where the project is.
    """
    if settings.file and path.startswith(os.path.join(settings.root, "")):
        return settings.root
    return _repository(os.path.dirname(path))


def is_passed_over(path: str, settings: Settings) -> bool:
    """Whether a walk from the project's root would pass over a file, be it there or not."""
    for exclude in _compiled(settings.exclude):
        if exclude.holds(path) and _is_ignored_path(path, (exclude,)):
            return True
    return settings.respect_gitignore and _is_ignored_path(path, _ignores_above(path))


@lru_cache(maxsize=1024)
def _repository(directory: str) -> str:
    while not os.path.lexists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return ""
        directory = parent
    return directory


class _Walk:
    def __init__(self, configs: Configs) -> None:
        self.files: dict[str, File] = {}
        self.troubles: list[Trouble] = []
        self._configs = configs

    def add(self, path: str) -> None:
        """One path of the command line."""
        absolute = os.path.abspath(os.path.join(self._configs.directory, path))
        shown = _shown(absolute, self._configs.directory)
        try:
            status = os.stat(absolute)
        except OSError as error:
            self._fail(shown, "no such file or directory" if isinstance(error, FileNotFoundError) else _why(error))
            return
        if stat.S_ISDIR(status.st_mode):
            self._walk(absolute)
        elif stat.S_ISREG(status.st_mode):
            settings = self._configs.of_directory(os.path.dirname(absolute))
            if not (settings.force_exclude and is_passed_over(absolute, settings)):
                file = File(absolute, shown, status.st_size, status.st_mtime_ns, True, settings)
                self._keep(file, os.path.islink(absolute))
        else:
            self._fail(shown, "neither a file nor a directory")

    def _walk(self, top: str) -> None:
        ignores = _ignores_above(top)
        # Naming an ignored directory means that it is wanted; what lies within it is then judged on its own.
        if _is_ignored_path(top, ignores):
            ignores = ()
        shown = _shown(top, self._configs.directory)
        stack = [(top, "" if shown == "." else shown.rstrip("/") + "/", ignores)]
        while stack:
            directory, prefix, ignores = stack.pop()
            try:
                with os.scandir(directory) as listing:
                    entries = list(listing)
            except OSError as error:
                self._fail(prefix or ".", _why(error))
                continue
            names = {entry.name for entry in entries}
            settings = self._configs.of_directory(directory, names)
            excludes = _compiled(settings.exclude)
            ignores = (*(() if ".git" in names else ignores), *_ignores_of(directory, names))
            active = ignores if settings.respect_gitignore else ()
            for entry in entries:
                is_directory = entry.is_dir(follow_symlinks=False)
                if not is_directory and not entry.name.endswith(SUFFIXES):
                    continue
                if any(exclude.verdict(entry.name, entry.path, is_directory) for exclude in excludes):
                    continue
                if _is_ignored(entry.name, entry.path, is_directory, active):
                    continue
                if is_directory:
                    stack.append((entry.path, f"{prefix}{entry.name}/", ignores))
                else:
                    self._visit(entry, prefix + entry.name, settings)

    def _visit(self, entry: os.DirEntry[str], shown: str, settings: Settings) -> None:
        try:
            if entry.is_file():
                status = entry.stat()
                file = File(entry.path, shown, status.st_size, status.st_mtime_ns, False, settings)
                self._keep(file, entry.is_symlink())
        except OSError as error:
            self._fail(shown, _why(error))

    def _keep(self, file: File, is_link: bool) -> None:
        # A link and its target are one file: only links pay for finding that out.
        identity = os.path.realpath(file.path) if is_link else file.path
        known = self.files.get(identity)
        if known is None or (file.explicit, not is_link) > (known.explicit, known.path == identity):
            self.files[identity] = file

    def _fail(self, shown: str, message: str) -> None:
        self.troubles.append(Trouble(shown, 0, message))


def _shown(absolute: str, directory: str) -> str:
    try:
        return os.path.relpath(absolute, directory).replace(os.sep, "/")
    except ValueError:  # another drive
        return absolute.replace(os.sep, "/")


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


# ---- patterns ------------------------------------------------------------------------------------


class _Ignore:
    """The patterns of one .gitignore file, or those of one config file."""

    def __init__(self, base: str, lines: Sequence[str]) -> None:
        self.base = base
        self._prefix = base if base.endswith(os.sep) else base + os.sep
        self._lines = lines
        self._spec: GitIgnoreSpec | None = None
        self._concerns = re.compile("|".join(_last_part(line) for line in lines)).match
        negates = any(line.startswith("!") for line in lines)
        self._plain = frozenset() if negates else frozenset(line for line in lines if _PLAIN.fullmatch(line))

    def verdict(self, name: str, path: str, is_directory: bool) -> bool | None:
        """Whether an entry is ignored (True), kept by a `!pattern` (False), or not mentioned.

        The directories above it are known not to be ignored. Outside `base` only patterns without a place apply.
        """
        if name in self._plain:
            return True
        if not self._concerns(name):
            return None
        # No anchored pattern starts with a directory named like this.
        relative = path[len(self._prefix) :] if self.holds(path) else f"\0/{name}"
        relative = relative.replace(os.sep, "/")
        self._spec = self._spec or _spec(self._lines)
        return self._spec.check_file(relative + "/" if is_directory else relative).include

    def holds(self, path: str) -> bool:
        """Whether a path is below `base`."""
        return path.startswith(self._prefix)


def _last_part(line: str) -> str:
    """A regex for the names that a pattern's last part may match: a walk asks for nothing deeper than the entry.

    It may match too much, never too little. Asking pathspec for every entry would take longer than the walk.
    """
    part = line.strip().lstrip("!").rstrip("/").rsplit("/", 1)[-1]
    if "\\" in part or "[" in part or part == "**":
        return ""
    return fnmatch.translate(part)  # which never tries a `*` twice, unlike pathspec


def _spec(lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    # git passes over a line that is no pattern; so do we.
    return GitIgnoreSpec.from_lines(line for line in lines if is_pattern(line))


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[Pattern, ...]) -> tuple[_Ignore, ...]:
    bases = dict.fromkeys(pattern.base for pattern in patterns)
    return tuple(_Ignore(base, [pattern.glob for pattern in patterns if pattern.base == base]) for base in bases)


def _ignores_of(directory: str, names: set[str]) -> Iterator[_Ignore]:
    """The ignore files that stand in a directory, in rising order of precedence."""
    if ".git" in names:
        yield from _ignore_file(directory, os.path.join(directory, ".git", "info", "exclude"))
    if ".gitignore" in names:
        yield from _ignore_file(directory, os.path.join(directory, ".gitignore"))


def _ignore_file(base: str, file: str) -> Iterator[_Ignore]:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as stream:
            lines = [line for line in stream.read().split("\n") if line.strip() and not line.startswith("#")]
    except OSError:
        return
    if lines:
        yield _Ignore(base, lines)


def _ignores_above(path: str) -> tuple[_Ignore, ...]:
    """The ignore files of the repository that a path lies in, in the directories above it; none outside of one."""
    found: list[_Ignore] = []
    directory = path
    while not os.path.lexists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return ()
        directory = parent
        present = {name for name in (".git", ".gitignore") if os.path.lexists(os.path.join(directory, name))}
        found[:0] = _ignores_of(directory, present)
    return tuple(found)


def _is_ignored(name: str, path: str, is_directory: bool, ignores: Sequence[_Ignore]) -> bool:
    for ignore in reversed(ignores):
        verdict = ignore.verdict(name, path, is_directory)
        if verdict is not None:
            return verdict
    return False


def _is_ignored_path(path: str, ignores: Sequence[_Ignore]) -> bool:
    """Whether a path, or a directory above it, is ignored. `ignores` are in the order of their bases."""
    if not ignores:
        return False
    base = ignores[0].base.rstrip(os.sep)
    parts = path[len(base) + 1 :].split(os.sep)
    for count, name in enumerate(parts, 1):
        current = os.sep.join([base, *parts[:count]])
        is_directory = count < len(parts) or os.path.isdir(path)
        if _is_ignored(name, current, is_directory, [ignore for ignore in ignores if ignore.holds(current)]):
            return True
    return False
