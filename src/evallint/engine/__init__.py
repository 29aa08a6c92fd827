"""A whole run, from paths to what is reported of them.

Stages are imported when they are needed: a run over an unchanged tree takes its result from the cache, and imports
neither LibCST nor the interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from evallint import cache, read
from evallint.cache import Cache
from evallint.codec import Corrupt
from evallint.config import Configs, Settings
from evallint.engine.extraction import Extract, Extracted, Progress, extracted, in_this_process, in_workers
from evallint.engine.installed import Shelf, shelf_of, sources_for
from evallint.engine.judging import Judged, decoded, judged
from evallint.engine.reporting import Texts, reported, rules_of
from evallint.engine.tree import Load, Tree, identified
from evallint.findings import Run, Trouble
from evallint.read import Discovery, File, Source

DEFAULTS: Final = Settings()

__all__ = ["lint", "lint_stdin", "lint_texts"]


def lint(paths: Iterable[str], configs: Configs, cached: bool = True, on_progress: Progress | None = None) -> Run:
    """Return what the rules report of all files that the paths name or hold. ConfigError: see `read.discover`."""
    found = read.discover(paths, configs)
    settings = configs.of_run()
    with Cache(cache.folder_of(settings) if cached else "") as store:
        try:
            return _lint(found, read.load, in_workers(settings, on_progress), store, shelf_of(settings.root))
        except Corrupt:
            if not cached:
                raise
    cache.clean(settings)
    return lint(paths, configs, cached=False, on_progress=on_progress)


def lint_stdin(data: bytes, filename: str, configs: Configs) -> Run:
    """Return what the rules report of one file that is not on disk, or not yet like that."""
    path = os.path.abspath(os.path.join(configs.directory, filename or "stdin.py"))
    settings = configs.of_directory(os.path.dirname(path))
    file = File(path, filename or "<stdin>", len(data), 0, True, settings)

    def load(file: File) -> Source | Trouble:
        return read.decode(data, file.shown, settings.cell_magics)

    return _lint(Discovery((file,), ()), load, in_workers(settings), Cache(), shelf_of(settings.root))


def lint_texts(files: Mapping[str, str], settings: Settings = DEFAULTS) -> Run:
    """Return what the rules report of these texts by path, all within this process."""
    inputs = [File(os.path.abspath(path), path, len(text), 0, False, settings) for path, text in sorted(files.items())]

    def load(file: File) -> Source | Trouble:
        data = files[file.shown].encode("utf-8", "surrogatepass")
        return read.decode(data, file.shown, settings.cell_magics)

    return _lint(Discovery(tuple(inputs), ()), load, in_this_process, Cache(), Shelf())


def _lint(found: Discovery, load: Load, extract: Extract, store: Cache, shelf: Shelf) -> Run:
    tree = identified(found, load, store)
    texts = Texts(tree.files, load)
    key = cache.key_of(tree.key, shelf)
    run = store.run(key)
    if run is None:
        facts = extracted(tree, load, extract, store)
        run = reported(tree, facts, _judged(tree, facts, extract, store, shelf), texts)
        if not run.crashed and tree.is_unchanged():
            store.keep_run(key, run)
    return replace(run, sources=texts.shown_in(run))


def _judged(tree: Tree, facts: Extracted, extract: Extract, store: Cache, shelf: Shelf) -> Judged:
    rules = rules_of(tree.files)
    if not rules or not facts.encoded:
        return Judged()
    files = decoded(facts.encoded)
    installed = identified(Discovery(sources_for(files, shelf), ()), read.load, store)
    files |= decoded(extracted(installed, read.load, extract, store).encoded)
    return judged(files, rules, {file.shown: file.path for file in tree.files})
