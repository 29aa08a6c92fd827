"""A whole run, from paths to what is reported of them.

Stages are imported when they are needed: a run over an unchanged tree takes its result from the cache, and imports
neither LibCST nor the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from evallint import baseline, cache, read
from evallint.cache import Cache
from evallint.codec import Corrupt
from evallint.config import Configs, Settings
from evallint.engine.extraction import (
    Extract,
    Extracted,
    Progress,
    extracted,
    in_this_process,
    in_workers,
    where_changed,
)
from evallint.engine.installed import Shelf, shelf_of, sources_for
from evallint.engine.judging import Judged, decoded, judged
from evallint.engine.reporting import Texts, reported, rules_of
from evallint.engine.since import Changes, as_it_was
from evallint.engine.tree import Load, Tree, identified, key_of_run
from evallint.findings import Run, Trouble
from evallint.read import Discovery, File, Revision, Source

DEFAULTS: Final = Settings()

if TYPE_CHECKING:
    from evallint.engine.analysis import Analyst
    from evallint.engine.fixing import Fixed, Lint
    from evallint.engine.silencing import Silenced

__all__ = ["EVERYTHING", "Scope", "fix", "fix_stdin", "fix_texts", "lint", "lint_stdin", "lint_texts", "silence"]


class Scope(NamedTuple):
    """What is read and reported beside the paths that are linted.

    `in_project`: the rest of their projects is read too, so that what the paths say is understood. `since`: a commit;
    only what was not found then is reported, and where `touched`, what stands on lines that have changed since.
    """

    in_project: bool = False
    since: str = ""
    touched: bool = False


EVERYTHING: Final = Scope()
"""All of the paths, and nothing else."""


Elsewhere: TypeAlias = Callable[[], "tuple[str, Run] | None"]
"""Has somebody else make the run, and returns it with what it is of; see `key_of_run`. None where nobody does."""


def lint(
    paths: Sequence[str],
    configs: Configs,
    cached: bool = True,
    on_progress: Progress | None = None,
    scope: Scope = EVERYTHING,
    elsewhere: Elsewhere = lambda: None,
) -> Run:
    """Return what the rules report of all files that the paths name or hold.

    `elsewhere` is asked first, unless it is about a commit, or known. ConfigError: see `read.discover`. NoRevision: see
    `read.Revision`.
    """
    found = read.discover(paths, configs)
    folders = [os.path.abspath(os.path.join(configs.directory, path)) for path in paths]
    if scope.in_project:
        folders += read.projects_of(found)
        found = read.in_projects(found, configs)
    settings = configs.of_run()
    shelf, extract = shelf_of(settings), in_workers(settings, on_progress)
    with Cache(cache.folder_of(settings) if cached else "") as store:
        try:
            if not scope.since:
                tree = identified(found, read.load, store)
                return _lint(tree, read.load, extract, store, shelf, elsewhere=elsewhere)
            return _lint_since(scope, folders, found, configs, extract, store, shelf)
        except Corrupt:
            if not cached:
                raise
    cache.clean(settings)
    return lint(paths, configs, cached=False, on_progress=on_progress, scope=scope)


def fix(
    paths: Sequence[str],
    configs: Configs,
    shown: Run,
    unsafe: bool = False,
    cached: bool = True,
    scope: Scope = EVERYTHING,
) -> Fixed:
    """Return what comes of mending the findings that a run of the same paths shows. Nothing is written.

    `unsafe`: those too whose fixes may change more than the evaluation. ConfigError: see `read.discover`.
    """
    from evallint.engine.fixing import fixed

    wanted = {one.fingerprint for one in shown.reported}
    is_all = not scope.since and not shown.known
    with _trying(paths, configs, cached, scope) as (found, lint):
        return fixed(found, lint, lambda one: is_all or one.fingerprint in wanted, unsafe)


def silence(
    paths: Sequence[str],
    configs: Configs,
    shown: Run,
    reason: str,
    cached: bool = True,
    scope: Scope = EVERYTHING,
) -> Silenced:
    """Return what comes of comments that silence, for a reason, what a run of the same paths shows. Nothing is written.

    ConfigError: see `read.discover`.
    """
    from evallint.engine.silencing import silenced

    with _trying(paths, configs, cached, scope) as (found, lint):
        return silenced(found, lint, shown.reported, reason)


@contextmanager
def _trying(paths: Sequence[str], configs: Configs, cached: bool, scope: Scope) -> Iterator[tuple[Discovery, Lint]]:
    """Give the files, and what lints them as they would be after a change; of that nothing is left on the disk."""
    from evallint.engine.analysis import Analyst
    from evallint.engine.fixing import Kept, loading

    found = read.discover(paths, configs)
    if scope.in_project:
        found = read.in_projects(found, configs)
    settings = configs.of_run()
    shelf, extract, analyst = shelf_of(settings), in_workers(settings), Analyst()
    with Cache(cache.folder_of(settings) if cached else "") as disk:
        store = Kept(disk)

        def lint(files: Discovery, changed: Mapping[str, bytes]) -> Run:
            load, reading = loading(read.load, changed), where_changed(changed, extract)
            return _lint(identified(files, load, store, on_disk=False), load, reading, store, shelf, analyst)

        yield found, lint


def fix_stdin(data: bytes, filename: str, configs: Configs, unsafe: bool = False) -> Fixed:
    """Return what comes of mending one file that is not on disk, or not yet like that."""
    path = os.path.abspath(os.path.join(configs.directory, filename or "stdin.py"))
    settings = configs.of_directory(os.path.dirname(path))
    file = File(path, filename or "<stdin>", len(data), 0, True, settings)
    return _fix_within({file: data}, unsafe, shelf_of(settings))


def fix_texts(files: Mapping[str, str], settings: Settings = DEFAULTS, unsafe: bool = False) -> Fixed:
    """Return what comes of mending these texts by path, all within this process."""
    inputs = {
        File(os.path.abspath(path), path, len(text), 0, False, settings): text.encode("utf-8", "surrogatepass")
        for path, text in sorted(files.items())
    }
    return _fix_within(inputs, unsafe, Shelf())


def _fix_within(files: Mapping[File, bytes], unsafe: bool, shelf: Shelf) -> Fixed:
    from evallint.engine.analysis import Analyst
    from evallint.engine.fixing import Kept, fixed, loading

    found = Discovery(tuple(files), ())
    data = {file.shown: content for file, content in files.items()}
    store, analyst = Kept(Cache()), Analyst()

    def load(file: File) -> Source | Trouble:
        return read.decode(data[file.shown], file.shown, file.settings.cell_magics)

    def lint(files: Discovery, changed: Mapping[str, bytes]) -> Run:
        changing = loading(load, changed)
        tree = identified(files, changing, store, on_disk=False)
        return _lint(tree, changing, in_this_process, store, shelf, analyst)

    return fixed(found, lint, lambda one: True, unsafe, data)


def lint_stdin(data: bytes, filename: str, configs: Configs) -> Run:
    """Return what the rules report of one file that is not on disk, or not yet like that."""
    path = os.path.abspath(os.path.join(configs.directory, filename or "stdin.py"))
    settings = configs.of_directory(os.path.dirname(path))
    file = File(path, filename or "<stdin>", len(data), 0, True, settings)

    def load(file: File) -> Source | Trouble:
        return read.decode(data, file.shown, settings.cell_magics)

    store = Cache()
    tree = identified(Discovery((file,), ()), load, store)
    return _lint(tree, load, in_workers(settings), store, shelf_of(settings))


def lint_texts(files: Mapping[str, str], settings: Settings = DEFAULTS) -> Run:
    """Return what the rules report of these texts by path, all within this process."""
    inputs = [File(os.path.abspath(path), path, len(text), 0, False, settings) for path, text in sorted(files.items())]

    def load(file: File) -> Source | Trouble:
        data = files[file.shown].encode("utf-8", "surrogatepass")
        return read.decode(data, file.shown, settings.cell_magics)

    store = Cache()
    return _lint(identified(Discovery(tuple(inputs), ()), load, store), load, in_this_process, store, Shelf())


def _lint_since(
    scope: Scope,
    folders: Sequence[str],
    found: Discovery,
    configs: Configs,
    extract: Extract,
    store: Cache,
    shelf: Shelf,
) -> Run:
    """Lint the files as they are and as they were, and return what is new."""
    from evallint.engine.analysis import Analyst

    analyst = Analyst()
    with Revision(configs.directory, scope.since) as revision:
        former = as_it_was(found, folders, revision, configs)
        then = identified(former.found, former.load, store, on_disk=False)
        before = _lint(then, former.load, extract, store, shelf, analyst)
        now = identified(found, read.load, store)
        run = _lint(now, read.load, extract, store, shelf, analyst)
        changes = Changes(Texts(now.files, read.load), Texts(then.files, former.load), former.renamed)
        return baseline.new_since(before, run, changes, former.renamed, scope.touched)


def _lint(
    tree: Tree,
    load: Load,
    extract: Extract,
    store: Cache,
    shelf: Shelf,
    analyst: Analyst | None = None,
    elsewhere: Elsewhere = lambda: None,
) -> Run:
    """Lint a tree; `analyst` is there where others much like it are linted too."""
    texts = Texts(tree.files, load)
    key = key_of_run(tree, shelf)
    run = store.run(key)
    if run is None:
        of, run = elsewhere() or ("", None)
        if run is None or of != key:
            facts = extracted(tree, load, extract, store)
            run = reported(tree, facts, _judged(tree, facts, extract, store, shelf, analyst), texts)
        if not run.crashed and tree.is_unchanged():
            store.keep_run(key, run)
    return replace(run, sources=texts.shown_in(run))


def _judged(
    tree: Tree, facts: Extracted, extract: Extract, store: Cache, shelf: Shelf, analyst: Analyst | None
) -> Judged:
    rules = rules_of(tree.files)
    if not rules or not facts.encoded:
        return Judged()
    files = decoded(facts.encoded)
    installed = identified(Discovery(sources_for(files, shelf), ()), read.load, store)
    others = extracted(installed, read.load, extract, store).encoded
    if analyst is None:
        files |= decoded(others)
        return judged(files, rules, {file.shown: file.path for file in tree.files}, shelf.apis)
    from evallint.engine.analysis import Setting

    every = {**facts.encoded, **others}
    return analyst.judged(Setting.of(every, tree, shelf), every, rules)
