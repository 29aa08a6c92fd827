"""The tables themselves: read when a library is first asked for, and asked by qualified names."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from evallint.apis.data import Data
from evallint.apis.groups import DATA_KINDS, KINDS, METRIC_KINDS, class_of, data_of, hook_of, meaning_of, metric_of
from evallint.apis.metric import Metric
from evallint.apis.modules import Factory, Hook, LibraryClass, Meaning

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER: Final = Path(__file__).parent
"""Where the tables are."""

_T = TypeVar("_T")


class Apis:
    """Every table, read as needed. Not a value: two are never compared; `load` gives them.

    `own` are tables of a project's own, for any libraries, which hold before those in the folder.
    """

    def __init__(self, folder: Path, own: Sequence[Mapping[str, Any]] = ()) -> None:
        self._folder = folder
        self._own = own
        self._meanings = _Subject(folder, own, KINDS, (".toml", ".built.toml"), meaning_of)
        self._data = _Subject(folder, own, DATA_KINDS, (".data.toml",), data_of)
        self._metrics = _Subject(folder, own, METRIC_KINDS, (".metric.toml",), metric_of)
        self._methods: dict[tuple[str, str], Meaning | None] = {}

    def of(self, name: str) -> Meaning | None:
        """What a qualified name means, None where no table knows it."""
        return self._meanings.of(name)

    def any_of(self, owner: str) -> str | None:
        """The name of what stands for whatever a library's module has under a name that only a run tells: of
        `torchvision.models` its `get_model`."""
        for name in (f"{owner}.get_model", f"{owner}.?"):
            meaning = self.of(name)
            if isinstance(meaning, Factory) or (name.endswith("?") and isinstance(meaning, LibraryClass)):
                return meaning.name
        return None

    def data(self, name: str) -> Data | None:
        """What a qualified name does to data, None where no table knows it."""
        return self._data.of(name)

    def metric(self, name: str) -> Metric | None:
        """What a qualified name makes of a batch's or an evaluation's numbers, None where no table knows it."""
        return self._metrics.of(name)

    def knows(self, name: str) -> bool:
        """Does any table know the name?"""
        return any(table(name) is not None for table in (self.of, self.data, self.metric))

    def canonical(self, name: str) -> str:
        """The name under which the tables know a thing; the name itself where they don't."""
        meaning = self.of(name)
        return meaning.name if meaning is not None else name

    def method(self, owner: str, name: str) -> Meaning | None:
        """What a method (or attribute) of a library's class means, inherited ones too."""
        key = owner, name
        if key not in self._methods:
            bases = self.lineage(owner)
            self._methods[key] = next((found for base in bases if (found := self.of(f"{base}.{name}"))), None)
        return self._methods[key]

    def hook(self, owner: str, name: str) -> Hook | None:
        """The hook that a method of this name is in a class derived from `owner`.

        Not the same as `method`, which says what calling it does: a Trainer's `evaluate` has both.
        """
        return next((found for base in self.lineage(owner) if (found := self._hook(f"{base}.{name}"))), None)

    def lineage(self, name: str) -> Iterator[str]:
        """A class and its bases, as far as the tables know them, each once, nearest first, by their canonical names."""
        waiting, seen = [self.canonical(name)], set[str]()
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            yield name
            waiting += [self.canonical(base) for base in getattr(self.of(name), "bases", ())]

    def is_module(self, name: str) -> bool:
        """Is this a class of `torch.nn.Module`s, as far as the tables know?"""
        return "torch.nn.Module" in self.lineage(name)

    def chosen(self, factory: Factory, model: str) -> Factory | None:
        """The factory that a model's name picks (`timm.create_model("resnet50.a1_in1k")`: `timm.models.resnet50`). What
        comes after a dot says how it was trained, and so do the last words of older names: `tf_efficientnet_b0_ns`."""
        words = model.split(".")[0].split("_") if factory.family else []
        names = ("_".join(words[:count]) for count in range(len(words), max(0, len(words) - 3), -1))
        found = (self.of(f"{factory.family}.{name}") for name in names)
        return next((one for one in found if isinstance(one, Factory)), None)

    def library(self, package: str) -> Mapping[str, str] | None:
        """What a table says of itself: the library's `version` and the `source` of its facts; None without a table."""
        subjects = (self._meanings, self._data, self._metrics)
        return next((found.origin for subject in subjects if (found := subject.library(package))), None)

    def names(self, package: str) -> Iterator[str]:
        """Every name of a library's tables, those with a `*` too, but for those that are about data."""
        return self._meanings.names(package)

    def data_names(self, package: str) -> Iterator[str]:
        """Every name of a library's tables about data, those with a `*` too."""
        return self._data.names(package)

    def metric_names(self, package: str) -> Iterator[str]:
        """Every name of a library's tables about numbers."""
        return self._metrics.names(package)

    def packages(self) -> list[str]:
        """The packages with a table, sorted."""
        return list(self._packages)

    @cached_property
    def _packages(self) -> tuple[str, ...]:
        found = {path.name.split(".")[0] for path in self._folder.iterdir() if path.name.endswith(".toml")}
        own = (group["within"].partition(".")[0] for table in self._own for _, group in _groups(table))
        return tuple(sorted(found.union(own)))

    def _hook(self, name: str) -> Hook | None:
        library = self._meanings.library(name.partition(".")[0])
        return library.hook(name) if library is not None else None


@lru_cache(maxsize=8)
def load(own: tuple[str, ...] = ()) -> Apis:
    """The tables that come with evallint, after those of a project's own in these texts, which have no `problems`."""
    return Apis(FOLDER, [tomllib.loads(text) for text in own])


class _Subject(Generic[_T]):
    """One thing that is asked of names: the tables about it, and how a group of one is read."""

    def __init__(
        self,
        folder: Path,
        own: Sequence[Mapping[str, Any]],
        kinds: Collection[str],
        ends: tuple[str, ...],
        read: Callable[[str, str, dict[str, Any]], _T],
    ) -> None:
        self._folder = folder
        self._own = own
        self._kinds = kinds
        self._ends = ends
        self._read = read
        self._libraries: dict[str, _Library | None] = {}
        self._known: dict[str, _T | None] = {}

    def of(self, name: str) -> _T | None:
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def library(self, package: str) -> _Library | None:
        if package not in self._libraries:
            self._libraries[package] = self._open(package)
        return self._libraries[package]

    def names(self, package: str) -> Iterator[str]:
        library = self.library(package)
        return iter(()) if library is None else library.names()

    def _find(self, name: str) -> _T | None:
        library = self.library(name.partition(".")[0])
        if library is None:
            return None
        for moved in library.moved(name):
            return self.of(moved)
        for spelling in library.spellings(name):
            if (group := library.group(spelling)) is not None:
                return self._read(group[0], spelling, group[1])
        return None

    def _open(self, package: str) -> _Library | None:
        paths = [self._folder.joinpath(f"{package}{end}") for end in self._ends]
        tables = [tomllib.loads(path.read_text("utf-8")) for path in paths if path.is_file()]
        own = [part for table in self._own if (part := _part_about(package, self._kinds, table))]
        return _Library([*own, *tables], package) if own or tables else None


class _Library:
    """The tables of one package: which group of which table a name stands in."""

    def __init__(self, tables: list[dict[str, Any]], package: str) -> None:
        stated = next((table for table in tables if "library" in table), {"library": package})
        self.origin = {key: str(stated.get(key, "")) for key in ("library", "version", "source")}
        self._flat = [prefix + "." for table in tables for prefix in table.get("flat", ())]
        self._moved = [(old + ".", new + ".") for table in tables for old, new in table.get("moved", {}).items()]
        self._groups: dict[str, tuple[str, dict[str, Any]]] = {}
        self._hooks: dict[str, dict[str, Any]] = {}
        self._patterns: list[tuple[re.Pattern[str], tuple[str, dict[str, Any]]]] = []
        for table in tables:
            self._add(table)

    def moved(self, name: str) -> Iterator[str]:
        """The name's newer spelling, where its whole package or module goes by another name."""
        for old, new in self._moved:
            if (name + ".").startswith(old):
                yield new + name[len(old) :] if len(name) >= len(old) else new[:-1]
                return

    def spellings(self, name: str) -> Iterator[str]:
        """The name, then the shorter ones it may be re-exported under, longest first."""
        yield name
        for prefix in self._flat:
            if name.startswith(prefix):
                parts = name[len(prefix) :].split(".")
                yield from (prefix + ".".join(parts[start:]) for start in range(1, len(parts)))

    def group(self, name: str) -> tuple[str, dict[str, Any]] | None:
        """The kind and the group that a name belongs to; it is a hook only where no other group has it."""
        found = self._groups.get(name)
        if found is None:
            found = next((group for pattern, group in self._patterns if pattern.fullmatch(name)), None)
        if found is None and (hook := self._hooks.get(name)) is not None:
            return "hook", hook
        return found

    def hook(self, name: str) -> Hook | None:
        group = self._hooks.get(name)
        return hook_of(name, group) if group is not None else None

    def names(self) -> Iterator[str]:
        yield from self._groups
        yield from self._hooks.keys() - self._groups.keys()
        yield from (_glob(pattern.pattern) for pattern, _ in self._patterns)

    def _add(self, table: dict[str, Any]) -> None:
        for kind, group in _groups(table):
            self._add_group(kind, group)

    def _add_group(self, kind: str, group: dict[str, Any]) -> None:
        for name in group["names"].split():
            full = f"{group['within']}.{name}"
            if kind == "hook":
                self._hooks.setdefault(full, group)
            elif "*" in name:
                self._patterns.append((re.compile(_pattern(full)), (kind, group)))
            else:
                self._groups.setdefault(full, (kind, group))


def _part_about(package: str, kinds: Collection[str], table: Mapping[str, Any]) -> dict[str, Any]:
    """What a table says about one package, of these kinds; empty where it says nothing."""
    part: dict[str, Any] = {}
    for kind, groups in table.items():
        if kind in kinds and (chosen := [one for one in groups if _is_of(package, one["within"])]):
            part[kind] = chosen
    if moved := {old: new for old, new in table.get("moved", {}).items() if _is_of(package, old)}:
        part["moved"] = moved
    if part:
        part["flat"] = [prefix for prefix in table.get("flat", ()) if _is_of(package, prefix)]
    return part


def _is_of(package: str, name: str) -> bool:
    return name.partition(".")[0] == package


def _groups(table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every group of a table, with its kind."""
    for kind, groups in table.items():
        yield from ((kind, group) for group in groups if class_of(kind) is not None)


def _pattern(glob: str) -> str:
    return re.escape(glob).replace("\\.\\*", "\\.[A-Z]\\*").replace("\\*", "[^.]*")


def _glob(pattern: str) -> str:
    return pattern.replace("[A-Z]", "").replace("[^.]*", "*").replace("\\.", ".")
