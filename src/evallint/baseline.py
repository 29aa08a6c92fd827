"""Living with old code: what was found before is known, and only what is new is reported.

What is known comes from a file of findings (a baseline), or from a run over the files as they were at a commit. A
finding is recognised by its rule and the text of its statement, never by its line: lines move.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from evallint.findings import Reported, Run

NAME: Final = "evallint-baseline.json"
VERSION: Final = 1


class BadBaseline(Exception):
    """A baseline that cannot be read, understood or written; the text says why."""


class Entry(NamedTuple):
    """A finding that is known. `path` is relative to the directory of the baseline, with `/`."""

    path: str
    rule: str
    fingerprint: str
    message: str

    @property
    def key(self) -> tuple[str, str]:
        return self.path, self.fingerprint


@dataclass(frozen=True)
class Baseline:
    """The entries of one file, in order."""

    file: str
    entries: tuple[Entry, ...] = ()

    def entry(self, reported: Reported, directory: str) -> Entry:
        """Return a finding as an entry; its path is relative to `directory`."""
        finding = reported.finding
        path = os.path.relpath(os.path.join(directory, finding.at.path), os.path.dirname(self.file))
        return Entry(path.replace(os.sep, "/"), finding.rule, reported.fingerprint, finding.says)

    def path_of(self, entry: Entry) -> str:
        """Return the absolute path of the file that an entry is about."""
        return os.path.normpath(os.path.join(os.path.dirname(self.file), entry.path))

    def without(self, entries: Iterable[Entry]) -> Baseline:
        """Return the baseline less some entries."""
        gone = {entry.key for entry in entries}
        return replace(self, entries=tuple(entry for entry in self.entries if entry.key not in gone))

    def including(self, entries: Iterable[Entry]) -> Baseline:
        """Return the baseline with these entries too, which replace those with the same key."""
        merged = {entry.key: entry for entry in (*self.entries, *entries)}
        return replace(self, entries=tuple(sorted(merged.values())))


def new(baseline: Baseline, run: Run, directory: str) -> Run:
    """Return the run without what the baseline knows."""
    known = {entry.key for entry in baseline.entries}
    shown = tuple(one for one in run.reported if baseline.entry(one, directory).key not in known)
    return _with(run, shown)


def gone(
    baseline: Baseline, run: Run, directory: str, was_judged: Callable[[Entry], bool] = lambda entry: True
) -> list[Entry]:
    """Return the entries that a run should have found again and did not.

    `was_judged` says whether the run had an eye on what an entry is about; in a file that was not judged, or where
    evallint itself failed, nothing is gone.
    """
    if run.crashed:
        return []
    lost = {os.path.normpath(os.path.join(directory, trouble.path)) for trouble in run.troubles}
    found = {baseline.entry(one, directory).key for one in run.reported}
    return [
        entry
        for entry in baseline.entries
        if entry.key not in found and baseline.path_of(entry) not in lost and was_judged(entry)
    ]


# ---- since a commit --------------------------------------------------------------------------------


class _Changes(Protocol):
    def touch(self, reported: Reported) -> bool: ...


def new_since(before: Run, run: Run, changes: _Changes, renamed: Mapping[str, str], touched: bool) -> Run:
    """Return the run without what was found before; where `touched`, with what stands on changed lines all the same.

    Of findings that look the same, those on lines that have not changed are the known ones. `renamed` gives the former
    path of a file.
    """
    known = Counter(_identity(one, one.finding.at.path) for one in before.reported)
    alike: dict[tuple[str, str, str], list[Reported]] = defaultdict(list)
    for one in run.reported:
        path = one.finding.at.path
        alike[_identity(one, renamed.get(path, path))].append(one)
    hidden: set[int] = set()
    for identity, group in alike.items():
        if not known[identity]:
            continue
        is_touched = {id(one): changes.touch(one) for one in group} if touched or known[identity] < len(group) else {}
        old = sorted(group, key=lambda one: is_touched.get(id(one), False))[: known[identity]]
        hidden |= {id(one) for one in old if not (touched and is_touched[id(one)])}
    lost = {(trouble.path, trouble.message) for trouble in before.troubles}
    troubles = tuple(
        trouble
        for trouble in run.troubles
        if run.crashed or (renamed.get(trouble.path, trouble.path), trouble.message) not in lost
    )
    shown = tuple(one for one in run.reported if id(one) not in hidden)
    return replace(_with(run, shown), troubles=troubles)


def _identity(reported: Reported, path: str) -> tuple[str, str, str]:
    return path, reported.finding.rule, " ".join(" ".join(reported.lines).split())


def _with(run: Run, shown: tuple[Reported, ...]) -> Run:
    return replace(run, reported=shown, known=run.known + len(run.reported) - len(shown))


# ---- the file --------------------------------------------------------------------------------------


def load(file: str) -> Baseline:
    """Read a baseline. Raises BadBaseline."""
    try:
        with open(file, encoding="utf-8") as stream:
            whole = json.load(stream)
    except OSError as error:
        raise BadBaseline(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise BadBaseline(f"{file}: not JSON: {error}") from None
    try:
        if whole["version"] != VERSION:
            raise BadBaseline(f"{file}: has version {whole['version']}, and this evallint knows {VERSION}")
        entries = [_entry(path, one) for path, found in whole["findings"].items() for one in found]
    except (LookupError, TypeError, AttributeError):
        raise BadBaseline(f"{file}: not a baseline of evallint") from None
    return Baseline(file, tuple(entries))


def _entry(path: str, values: Mapping[str, Any]) -> Entry:
    return Entry(path, str(values["rule"]), str(values["fingerprint"]), str(values["message"]))


def save(baseline: Baseline) -> None:
    """Write a baseline so that a change of one finding is a change of one line. Raises BadBaseline."""
    of_file: dict[str, list[str]] = defaultdict(list)
    for path, rule, fingerprint, message in sorted(baseline.entries):
        values = {"rule": rule, "fingerprint": fingerprint, "message": message}
        of_file[path].append(f"      {json.dumps(values)}")
    files = [f"    {json.dumps(path)}: [\n" + ",\n".join(lines) + "\n    ]" for path, lines in of_file.items()]
    body = "{\n" + ",\n".join(files) + "\n  }" if files else "{}"
    try:
        with open(baseline.file, "w", encoding="utf-8") as stream:
            stream.write(f'{{\n  "version": {VERSION},\n  "findings": {body}\n}}\n')
    except OSError as error:
        raise BadBaseline(f"{baseline.file}: {error.strerror}") from None
