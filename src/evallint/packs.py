"""Rule packs: where rules come from. evallint's own are one; installed packages may bring more.

A pack is a package with a page `rules/<category>/<rule-name>.md` and a module `<category>/<rule_name>.py` for each
rule. It makes itself known by an entry point of the group `evallint.rules`, whose value is the package's name. Only
installed code is a pack: nothing in a linted tree or its config can have itself run.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

GROUP: Final = "evallint.rules"

DISTRIBUTIONS: Final = (".dist-info", ".egg-info")


class PackError(ValueError):
    """An entry point names what is no pack."""


class Pack(NamedTuple):
    """The folder of a pack's pages, that of its modules, the package they are in, and how messages call the pages."""

    pages: Path
    modules: Path
    package: str
    shown: str


@cache
def installed() -> tuple[Pack, ...]:
    """Every pack in this environment, evallint's own first. Raises PackError."""
    names = _named() if _may_be_named() else {}
    return (_own(), *(_pack(names[package], package) for package in sorted(names)))


def _named() -> dict[str, str]:
    """The names of packs by their packages."""
    # Not at the head of this file: it takes longer to import than all of ours.
    from importlib.metadata import entry_points

    return {point.value: point.name for point in entry_points(group=GROUP)}


def _may_be_named() -> bool:
    """Whether what is installed names a pack, as far as its files can tell at once: most often none does."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return True
    return any(map(_may_name, dict.fromkeys(sys.path)))


def _may_name(entry: object) -> bool:
    """Whether a distribution in a place of the import path names a pack, or it is no plain folder of such."""
    if not isinstance(entry, str) or entry.lower().endswith(".egg") or os.path.isfile(entry):
        return True
    try:
        found = [one.path for one in os.scandir(entry or ".") if one.name.lower().endswith(DISTRIBUTIONS)]
    except OSError:
        return False  # there is no such folder
    return any(GROUP.encode() in _entry_points(folder) for folder in found)


def _entry_points(distribution: str) -> bytes:
    try:
        with open(os.path.join(distribution, "entry_points.txt"), "rb") as stream:
            return stream.read()
    except OSError:
        return b""  # it has none


def _own() -> Pack:
    """The pages are inside the installed package, or beside `src` in a checkout."""
    here = Path(__file__).resolve().parent
    pages = here / "rules"
    return Pack(pages if pages.is_dir() else here.parents[1] / "rules", here / "check", "evallint.check", "rules")


def _pack(name: str, package: str) -> Pack:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise PackError(f"the rule pack `{name}` names `{package}`, which is not an installed package")
    folder = Path(next(iter(spec.submodule_search_locations)))
    if not (folder / "rules").is_dir():
        raise PackError(f"the rule pack `{name}` has no pages: there is no folder {folder / 'rules'}")
    return Pack(folder / "rules", folder, package, f"{package}/rules")
