"""Sources of the installed packages that linted code imports: read where they are found, never imported.

They tell which of a package's classes depend on the mode. Packages with a table of their own are left out, and of the
others only those files are taken that mention torch, or lead to some that do.
"""

from __future__ import annotations

import glob
import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from evallint import read
from evallint.config import Settings
from evallint.facts import FileFacts
from evallint.findings import Trouble
from evallint.read import File

MOST_FILES: Final = 200

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>\.*[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]*)"
    r"|import[ \t]+(?P<modules>[^\n#]*))",
    re.MULTILINE,
)


class Shelf(NamedTuple):
    """What tells of libraries: the folders that packages are installed in, and the project's own tables of them.

    `state` changes when a package is installed or removed. `apis` are the tables' texts.
    """

    folders: tuple[str, ...] = ()
    state: tuple[int, ...] = ()
    apis: tuple[str, ...] = ()


def shelf_of(settings: Settings) -> Shelf:
    """Return what tells of libraries in a run with these settings.

    Packages are in the active virtual environment, or the project's own, or else with the Python that runs evallint.
    """
    environments = [
        os.environ.get("VIRTUAL_ENV"),
        os.path.join(settings.root, ".venv"),
        os.path.join(settings.root, "venv"),
    ]
    found = next((found for one in environments if one and (found := _folders_of(one))), None)
    if found is None:
        found = [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    folders = [folder for folder in found if os.path.isdir(folder)]
    state = tuple(os.stat(folder).st_mtime_ns for folder in folders)
    return Shelf(tuple(folders), state, tuple(table.text for table in settings.apis))


def sources_for(linted: Mapping[str, FileFacts], shelf: Shelf) -> tuple[File, ...]:
    """Return the files of installed packages that the linted ones import, directly or through others of a package."""
    return sources_of(wanted(linted, shelf), shelf)


def wanted(linted: Mapping[str, FileFacts], shelf: Shelf) -> frozenset[str]:
    """Return the modules out of sight that linted files import, and the packages that these are in."""
    return frozenset(_wanted(linted, shelf) if shelf.folders else ())


def sources_of(modules: Iterable[str], shelf: Shelf) -> tuple[File, ...]:
    """Return the files of these modules, and of what they import of their own packages."""
    files: dict[str, File] = {}
    todo = deque(sorted(modules))
    seen: set[str] = set()
    while todo and len(files) < MOST_FILES:
        module = todo.popleft()
        if module in seen:
            continue
        seen.add(module)
        file = _found(module, shelf)
        text = _text(file) if file else ""
        is_package = file is not None and file.shown.endswith("/__init__.py")
        if file and (is_package or "torch" in text):
            files[file.shown] = file
            todo.extend(_imports(text, module, is_package))
    return tuple(files[shown] for shown in sorted(files))


def _folders_of(environment: str) -> list[str]:
    home = glob.escape(environment)
    layouts = (("lib", "python*", "site-packages"), ("Lib", "site-packages"))
    return [folder for parts in layouts for folder in sorted(glob.glob(os.path.join(home, *parts)))]


def _wanted(linted: Mapping[str, FileFacts], shelf: Shelf) -> Iterator[str]:
    """Yield the modules that linted files import and that neither they nor the tables know, packages first."""
    from evallint import apis

    own = {part.removesuffix(".py") for path in linted for part in path.split("/")}
    known = own | set(sys.stdlib_module_names) | set(apis.load(shelf.apis).packages())
    for facts in linted.values():
        for statement in facts.imports:
            if statement.level == 0 and statement.module.partition(".")[0] not in known:
                yield from _with_packages(
                    f"{statement.module}.{statement.name}" if statement.name else statement.module
                )


def _with_packages(module: str) -> Iterator[str]:
    """Yield `a`, `a.b` and `a.b.c` for `a.b.c`."""
    parts = module.rstrip(".*").split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _found(module: str, shelf: Shelf) -> File | None:
    from evallint.program import INSTALLED

    relative = module.replace(".", "/")
    for folder in shelf.folders:
        for shown in (f"{relative}/__init__.py", f"{relative}.py"):
            path = os.path.join(folder, *shown.split("/"))
            if os.path.isfile(path):
                return File(path, INSTALLED + shown, os.path.getsize(path), 0, False, Settings())
    return None


def _text(file: File) -> str:
    source = read.load(file)
    return "" if isinstance(source, Trouble) else source.text


def _imports(text: str, module: str, is_package: bool) -> Iterator[str]:
    """Yield the modules of the same package that a module's text imports, and names that may be modules."""
    package = module if is_package else module.rpartition(".")[0]
    for match in _IMPORT.finditer(text):
        for name in _imported(match, package):
            if name.partition(".")[0] == module.partition(".")[0]:
                yield from _with_packages(name)


def _imported(match: re.Match[str], package: str) -> Iterable[str]:
    if match["modules"] is not None:
        return [name.split()[0] for name in match["modules"].split(",") if name.strip()]
    module = match["module"]
    level = len(module) - len(module.lstrip("."))
    if level:
        parts = package.split(".")
        base = ".".join(parts[: len(parts) - level + 1])
        module = ".".join(filter(None, (base, module.lstrip("."))))
    names = [name.split()[0] for name in match["names"].strip("() \\\n").split(",") if name.strip()]
    return [f"{module}.{name}" for name in names if name.isidentifier()] or [module]
