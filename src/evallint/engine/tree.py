"""The files of a run by what is in them, which decides whether anything has to be done at all."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from evallint import cache
from evallint.cache import Cache, Glance, Identity, glance
from evallint.config import Settings
from evallint.engine.installed import Shelf
from evallint.findings import Trouble
from evallint.read import Discovery, File, Source

Load: TypeAlias = Callable[[File], "Source | Trouble"]


@dataclass(frozen=True)
class Tree:
    """The files that can be read, in the order of their shown paths, and why others can't be.

    `identities` is by shown path. `glances` tells how a file on disk looked before it was read. `context` are the shown
    paths of which nothing is reported.
    """

    files: tuple[File, ...]
    identities: Mapping[str, Identity]
    troubles: tuple[Trouble, ...]
    glances: Mapping[str, Glance]
    context: frozenset[str] = frozenset()

    @functools.cached_property
    def key(self) -> str:
        """What identifies the files of the run, with all in them and in their settings that its result depends on."""
        settings = {id(file.settings): file.settings for file in self.files}  # mostly one, and slow to compare
        numbers = {one: number for number, one in enumerate(settings)}
        files = [
            (*file[:2], file.explicit, file.context, self.identities[file.shown].digest, numbers[id(file.settings)])
            for file in self.files
        ]
        return cache.key_of(cache.code_of_runs(), [*map(_that_matter, settings.values())], files, self.troubles)

    def is_unchanged(self) -> bool:
        """Whether every file still looks as it did before it was read."""
        return all((now := glance(path)) and now.state == before.state for path, before in self.glances.items())


def identified(found: Discovery, load: Load, store: Cache, on_disk: bool = True) -> Tree:
    """Return the tree of the files found; those that look as they did in an earlier run are not read.

    `on_disk` is false where `load` gives something else than what stands there.
    """
    glances = {file.path: seen for file in found.files if (seen := glance(file.path))} if on_disk else {}
    known = store.identities(glances)
    files, identities, troubles = [], {}, [*found.troubles]
    for file in found.files:
        is_large = file.size > file.settings.max_file_bytes  # whether that is too large is for `load` to say
        identity = (not is_large and known.get(file.path)) or _identity(load(file))
        if isinstance(identity, Trouble):
            troubles.append(identity)
            continue
        if file.path not in known and file.path in glances:
            store.keep_identity(file.path, glances[file.path], identity)
        files.append(file)
        identities[file.shown] = identity
    context = frozenset(file.shown for file in found.files if file.context)
    return Tree(tuple(files), identities, tuple(troubles), glances, context)


def overlaid(tree: Tree, found: Discovery, paths: Collection[str], load: Load) -> Tree:
    """Return the tree of the files found, of which those at these absolute paths are not as they were in an earlier
    one."""
    former = {trouble.path: trouble for trouble in tree.troubles}
    files, identities, troubles = [], {}, [*found.troubles]
    for file in found.files:
        identity = tree.identities.get(file.shown) or former.get(file.shown)
        if file.path in paths or identity is None:
            identity = _identity(load(file))
        if isinstance(identity, Trouble):
            troubles.append(identity)
        else:
            files.append(file)
            identities[file.shown] = identity
    return Tree(tuple(files), identities, tuple(troubles), {}, tree.context)


def key_of_run(tree: Tree, shelf: Shelf) -> str:
    """Return what identifies the result of a run: it holds all that the result depends on."""
    return cache.key_of(tree.key, shelf)


def _identity(source: Source | Trouble) -> Identity | Trouble:
    return source if isinstance(source, Trouble) else Identity(source.digest, "evallint:" in source.text)


def _that_matter(settings: Settings) -> Settings:
    """Return the settings without those that change nothing in the result."""
    default = Settings()
    return replace(
        settings,
        jobs=default.jobs,
        deadline=default.deadline,
        fail_on=default.fail_on,
        output_format=default.output_format,
        cache_dir=default.cache_dir,
        daemon=default.daemon,
        baseline=default.baseline,
        fix=default.fix,
        fix_only=default.fix_only,
        unsafe_fixes=default.unsafe_fixes,
        show_fixes=default.show_fixes,
        probe=default.probe,
        apis=default.apis,  # those of the run hold, and are told beside the tree
    )
