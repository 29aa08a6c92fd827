"""Which file or folder the name of a module means, asked from a file that imports it."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from posixpath import commonpath

from evallint.program import INSTALLED

HERE = INSTALLED.rstrip("/")
"""The folder in which all installed packages lie."""


class Places:
    """The files of a program as modules.

    A module is told by the shown path of its file, or, where it is a folder without `__init__.py`, by the absolute
    path of the folder with a `/` at its end. `places` are the absolute paths of the files by their shown ones, so that
    names are understood that begin above the directory evallint was started in; `outside` are the names of packages
    that no file within another package hides.
    """

    def __init__(self, paths: Iterable[str], places: Mapping[str, str], outside: Collection[str]) -> None:
        self._placed = {path: absolute(path, places) for path in paths}
        self._shown = {place: path for path, place in self._placed.items()}
        own = [place for path, place in self._placed.items() if not path.startswith(INSTALLED)]
        self._top = commonpath([f"{folder_of(place)}/" for place in own]).rstrip("/") if own else ""
        self._folders = set(self._with_files())
        self._outside = {*outside, *sys.stdlib_module_names}
        self._tails = tails(own, folder_of(self._top))
        self._known_roots: dict[tuple[str, str], str | None] = {}

    def of(self, path: str, dotted: str, level: int) -> str | None:
        """The module that a name with so many leading dots means in a file; None where it is out of sight."""
        folder = folder_of(self._placed[path])
        root = above(folder, level - 1) if level else self._root(folder, dotted)
        return self._within(root, dotted) if root is not None else None

    def top(self, path: str, dotted: str) -> str | None:
        """The module that `import a.b.c` binds `a` to: the one that has `b.c`, if there is such."""
        package = dotted.partition(".")[0]
        root = self._root(folder_of(self._placed[path]), dotted)
        return self._within(root, package) if root is not None else self.of(path, package, 0)

    def below(self, module: str, name: str) -> str | None:
        """The module of this name in a package."""
        if module.endswith("/"):
            return self._within(module.rstrip("/"), name)
        return self._within(folder_of(self._placed[module]), name) if is_package(module) else None

    # ---- roots: where names without dots begin ---------------------------------------------------

    def _root(self, folder: str, dotted: str) -> str | None:
        key = folder, dotted
        if key not in self._known_roots:
            self._known_roots[key] = self._find_root(folder, dotted)
        return self._known_roots[key]

    def _find_root(self, folder: str, dotted: str) -> str | None:
        """The folder that a name begins in: the nearest one above the file, as `sys.path` would most likely have it."""
        package = dotted.partition(".")[0]
        if package == "torch":
            return None  # no file of a program hides torch
        is_outside = package in self._outside
        roots = [root for root in self._roots(folder) if not (is_outside and self._is_package(root))]
        found = [(root, module) for root in roots if (module := self._within(root, dotted)) is not None]
        files = (root for root, module in found if not module.endswith("/"))
        near = next(files, None)
        if near is not None:
            return near
        if not is_outside:  # what is installed goes before a folder that merely has the name
            far = self._far(dotted) or (HERE if self._within(HERE, dotted) else None)
            return far or next((root for root, _ in found), None)
        return None

    def _roots(self, folder: str) -> Iterator[str]:
        if folder == HERE or folder.startswith(INSTALLED):
            yield HERE
            return
        for root in (folder, *parents(folder)):
            yield root
            yield f"{root}/src"

    def _far(self, dotted: str) -> str | None:
        """The root of a module that is found nowhere above, but whose whole name fits one file only.

        One word fits too easily. A folder that is no package itself is the better root.
        """
        tail = dotted.replace(".", "/")
        found = [place.rpartition(f"/{tail}")[0] for place in self._tails.get(tail, ()) if "/" in tail]
        if len(found) > 1:
            found = [root for root in found if not self._is_package(root)]
        return found[0] if len(found) == 1 else None

    # ---- files and folders -----------------------------------------------------------------------

    def _within(self, folder: str, dotted: str) -> str | None:
        """A package goes before a module of its name, and both before a mere folder."""
        base = f"{folder}/{dotted.replace('.', '/')}" if dotted else folder
        for candidate in (f"{base}/__init__.py", f"{base}.py") if dotted else (f"{base}/__init__.py",):
            if candidate in self._shown:
                return self._shown[candidate]
        return f"{base}/" if base in self._folders else None

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/__init__.py" in self._shown

    def _with_files(self) -> Iterator[str]:
        """The folders that hold files, directly or not, from the one that holds them all."""
        for folder in {folder_of(place) for place in self._shown}:
            yield folder
            yield from (parent for parent in parents(folder) if parent.startswith((self._top, HERE)))


def absolute(path: str, places: Mapping[str, str]) -> str:
    """Where a file lies; paths of which that is not known begin at the top."""
    return path if path.startswith(INSTALLED) else "/" + places.get(path, path).replace(os.sep, "/").lstrip("/")


def is_package(path: str) -> bool:
    """Whether a file is what a package's name stands for."""
    return path.rpartition("/")[2] == "__init__.py"


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def parents(folder: str) -> Iterator[str]:
    """The folders above one, nearest first."""
    while folder and folder != HERE:
        folder = folder_of(folder)
        yield folder


def above(folder: str, steps: int) -> str | None:
    """The folder so many steps above one, None beyond the top."""
    return folder if not steps else next((one for step, one in enumerate(parents(folder), 1) if step == steps), None)


def tails(places: Iterable[str], top: str) -> dict[str, list[str]]:
    """Files by every end of their module's path below a folder: `a/b/c.py` is found as `c`, `b/c` and `a/b/c`."""
    found: dict[str, list[str]] = {}
    for place in places:
        module = place.removesuffix("/__init__.py").removesuffix(".py")
        parts = module[len(top) :].split("/")
        for start in range(1, len(parts)):
            found.setdefault("/".join(parts[start:]), []).append(module)
    return found
