"""The facts of every file of a tree, from the cache or by extraction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from evallint import cache
from evallint.cache import Cache
from evallint.codec import Corrupt
from evallint.config import Settings
from evallint.engine.tree import Load, Tree
from evallint.findings import Trouble
from evallint.read import File, Source

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many files are extracted, and of how many."""

LONGEST: Final = 86_400.0
"""Seconds beyond which a deadline is none."""

FEW: Final = 20
"""So many files are read by one process; for more, others come and go, since each takes its memory."""

Answer: TypeAlias = "tuple[Source, bytes | Trouble]"

Extract: TypeAlias = Callable[[Iterable[Source], int], Iterator[Answer]]
"""Yields each source with its encoded facts, or why it has none, in any order; the number is that of the sources."""


class Extracted(NamedTuple):
    """The encoded facts of the files by shown path, empty for a file that mentions nothing a rule could be about.

    `crashed`: whether evallint failed on some file.
    """

    encoded: dict[str, bytes]
    troubles: tuple[Trouble, ...]
    crashed: bool

    def outcomes(self) -> dict[str, bytes | Trouble]:
        return {**self.encoded, **{trouble.path: trouble for trouble in self.troubles}}


NO_FILES: Final = Extracted({}, (), False)


def extracted(tree: Tree, load: Load, extract: Extract, store: Cache) -> Extracted:
    """Return the facts of all files of a tree, in its order. Files of equal content are extracted once."""
    keys = {file.shown: key_of_facts(file, tree.identities[file.shown].digest) for file in tree.files}
    outcomes = _kept(store, list(dict.fromkeys(keys.values())))
    missing = {keys[file.shown]: file for file in tree.files if keys[file.shown] not in outcomes}
    shown = {file.shown: key for key, file in missing.items()}
    for source, outcome in _all(missing.values(), load, extract):
        key = shown[source.path]
        outcomes[key] = outcome
        if key == key_of_facts(missing[key], source.digest):
            _keep(store, key, outcome)
    return _in_order(tree, {path: outcomes[key] for path, key in keys.items()})


def renewed(tree: Tree, former: Extracted, newer: Extracted) -> Extracted:
    """Return the facts of all files of a tree, from those of all at an earlier time and those of the changed ones."""
    outcomes = former.outcomes() | newer.outcomes()
    return _in_order(tree, {file.shown: outcomes[file.shown] for file in tree.files})


def in_workers(settings: Settings, on_progress: Progress | None = None) -> Extract:
    """Return the extraction in processes of their own, safe from hostile files."""

    def extract(sources: Iterable[Source], total: int) -> Iterator[Answer]:
        from evallint.extract.pool import Limits, extract_all

        with closing(extract_all(sources, settings.jobs, Limits(min(settings.deadline, LONGEST)))) as answers:
            for done, answer in enumerate(answers, 1):
                if on_progress:
                    on_progress(done, total)
                yield answer

    return extract


def in_this_process(sources: Iterable[Source], total: int) -> Iterator[Answer]:
    """The extraction on the spot: fast for little text that is trusted."""
    from evallint.extract import NotPython
    from evallint.extract.deep import deep

    def outcome(source: Source) -> bytes | Trouble:
        try:
            return _encoded(source.text)
        except NotPython as error:
            return Trouble(source.path, error.line, error.message)

    answers = deep(lambda: [(source, outcome(source)) for source in sources])
    return iter(answers)


def where_changed(changed: Collection[str], others: Extract) -> Extract:
    """Return the extraction of files of which those at these shown paths hold what a fix has made of them.

    A few of these are done on the spot: LibCST has read them in this process already, as they were before, and to
    start one more would take longer. `others` has the rest.
    """

    def extract(sources: Iterable[Source], total: int) -> Iterator[Answer]:
        if total > FEW:
            yield from others(sources, total)
            return
        here, elsewhere = list[Source](), list[Source]()
        for source in sources:
            (here if source.path in changed else elsewhere).append(source)
        if here:
            yield from in_this_process(here, len(here))
        if elsewhere:
            yield from others(elsewhere, len(elsewhere))

    return extract


@lru_cache(maxsize=256)
def _encoded(text: str) -> bytes:
    """Return the facts of a text, which are its own alone: one that is linted, then fixed, is extracted once."""
    from evallint.extract.worker import encoded

    return encoded(text)


def _all(files: Collection[File], load: Load, extract: Extract) -> Iterator[Answer]:
    """Yield an answer for each file, also for one that can't be read any more."""
    gone: list[Answer] = []

    def sources() -> Iterator[Source]:
        for file in files:
            source = load(file)
            if isinstance(source, Trouble):
                gone.append((Source(file.shown, "", ""), source))
            else:
                yield source

    if files:
        yield from extract(sources(), len(files))
    yield from gone


def _in_order(tree: Tree, outcomes: Mapping[str, bytes | Trouble]) -> Extracted:
    from evallint.extract.pool import Crash

    facts = {path: outcome for path, outcome in outcomes.items() if isinstance(outcome, bytes)}
    troubles = [replace(outcome, path=path) for path, outcome in outcomes.items() if isinstance(outcome, Trouble)]
    return Extracted(facts, tuple(troubles), any(isinstance(trouble, Crash) for trouble in troubles))


# ---- what the cache has of it --------------------------------------------------------------------

_FACTS: Final = b"f"
_NOT_PYTHON: Final = b"n"


def key_of_facts(file: File, digest: str) -> str:
    """Return what the facts of a file are kept under; how a notebook becomes text is a matter of settings."""
    magics = cache.key_of(file.settings.cell_magics) if file.shown.endswith(".ipynb") else ""
    return f"{digest}:{magics[:16]}:{cache.code_of_facts()[:16]}"


def _kept(store: Cache, keys: Sequence[str]) -> dict[str, bytes | Trouble]:
    return {key: _outcome(entry) for key, entry in store.facts(keys).items()}


def _outcome(entry: bytes) -> bytes | Trouble:
    if entry[:1] == _FACTS:
        return entry[1:]
    try:
        line, message = json.loads(entry.removeprefix(_NOT_PYTHON))
    except (ValueError, TypeError) as error:
        raise Corrupt(f"an entry of the cache that can't be read: {error}") from error
    return Trouble("", line, message)


def _keep(store: Cache, key: str, outcome: bytes | Trouble) -> None:
    """Keep what would come out again: that evallint failed may have been bad luck."""
    if isinstance(outcome, bytes):
        store.keep_facts(key, _FACTS + outcome)
    elif type(outcome) is Trouble:
        store.keep_facts(key, _NOT_PYTHON + json.dumps([outcome.line, outcome.message]).encode())
