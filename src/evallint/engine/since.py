"""The files of a run as they were at a commit, and which of their lines have changed since."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from evallint import read
from evallint.config import Configs
from evallint.engine.reporting import Texts
from evallint.engine.tree import Load
from evallint.findings import Reported, Trouble
from evallint.read import Discovery, File, Revision, Source


class Former(NamedTuple):
    """The files that the same run would have found at a commit, and how to read them.

    `renamed` gives the path (as shown) that a file had then by the one that it has now.
    """

    found: Discovery
    load: Load
    renamed: Mapping[str, str]


def as_it_was(found: Discovery, folders: Collection[str], revision: Revision, configs: Configs) -> Former:
    """Return the files of a run at a commit, judged by today's settings; `folders` are those that it walked through.

    So a rule that is turned on today reports nothing that it would have reported then. What the repository doesn't
    keep, be it outside or in a submodule, is taken to have been as it is.
    """
    now = {file.path: file for file in found.files}
    old = revision.renamed()
    kept = [file for path, file in now.items() if not revision.holds(path)]
    files = [*kept, *_then(now, old, folders, revision, configs)]

    def load(file: File) -> Source | Trouble:
        return revision.load(file) if file.path in revision.blobs and revision.holds(file.path) else read.load(file)

    shown = {now[new].shown: _shown(former, configs) for new, former in old.items() if new in now}
    return Former(Discovery(tuple(sorted(files, key=lambda file: file.shown)), ()), load, shown)


def _then(
    now: Mapping[str, File], old: Mapping[str, str], folders: Collection[str], revision: Revision, configs: Configs
) -> Iterator[File]:
    """Yield the files of the commit that are linted now, that were renamed, or that a walk would have found."""
    renamed = {former: now[path] for path, former in old.items() if path in now}
    for path, blob in revision.blobs.items():
        if path in now:
            yield now[path]._replace(size=blob.size)
        elif path in renamed:
            yield renamed[path]._replace(path=path, shown=_shown(path, configs), size=blob.size)
        elif not os.path.exists(path) and any(path.startswith(os.path.join(folder, "")) for folder in folders):
            settings = configs.of_directory(os.path.dirname(path))
            if not read.is_passed_over(path, settings):
                yield File(path, _shown(path, configs), blob.size, 0, False, settings, context=True)


def _shown(path: str, configs: Configs) -> str:
    return os.path.relpath(path, configs.directory).replace(os.sep, "/")


class Changes:
    """Which lines differ from a file as it was, told when it is asked for."""

    def __init__(self, now: Texts, before: Texts, renamed: Mapping[str, str]) -> None:
        self._now = now
        self._before = before
        self._renamed = renamed
        self._of_file: dict[str, frozenset[int]] = {}

    def touch(self, reported: Reported) -> bool:
        """Whether a finding stands on a line that has changed."""
        return any(line in self._changed(reported.finding.at.path) for line in self._now.lines(reported))

    def _changed(self, path: str) -> frozenset[int]:
        if path not in self._of_file:
            before = self._before.of(self._renamed.get(path, path)).text.split("\n")
            self._of_file[path] = frozenset(changed_lines(before, self._now.of(path).text.split("\n")))
        return self._of_file[path]


def changed_lines(before: Sequence[str], now: Sequence[str]) -> Iterator[int]:
    """Yield the numbers (from 1) of the lines that are new or different."""
    least = min(len(before), len(now))
    start = next((i for i in range(least) if before[i] != now[i]), least)
    same = next((i for i in range(least - start) if before[-1 - i] != now[-1 - i]), least - start)
    # What is equal at both ends is cut off: comparing takes the square of what is left.
    matcher = SequenceMatcher(None, before[start : len(before) - same], now[start : len(now) - same], autojunk=False)
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag in ("replace", "insert"):
            yield from range(start + first + 1, start + last + 1)
