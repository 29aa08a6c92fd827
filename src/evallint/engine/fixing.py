"""Findings mended: fixes are tried on copies in memory, and kept where the findings go and no others come.

Whatever an edit does, the linter itself is asked: a fix that leaves its finding, or brings another, is left alone. Only
where what it brings can be mended as well, as a `train()` after an `eval()` that a fix put in, do both go together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from evallint import fix, read
from evallint.cache import Cache
from evallint.config import Selection
from evallint.engine.reporting import switch
from evallint.engine.tree import Load
from evallint.extract.deep import deep
from evallint.findings import Finding, Fix, Reported, Run, Trouble
from evallint.read import Discovery, File, Source

ROUNDS: Final = 100
"""Attempts after which a run is content with what is mended."""

DEPTH: Final = 3
"""So many times what fixes bring is mended before they are given up."""

Lint: TypeAlias = Callable[[Discovery, Mapping[str, bytes]], Run]
"""Lints files, some of which hold other bytes than those on disk, by shown path."""

Key: TypeAlias = tuple[str, str, int]
"""Findings are the same where rule, path and line are."""


class Change(NamedTuple):
    """A file with its bytes before and after its fixes."""

    file: File
    before: bytes
    after: bytes


class Held(NamedTuple):
    """A finding that is not mended though it comes with a fix, and why."""

    reported: Reported
    reason: str


class Fixed(NamedTuple):
    """What is found after the fixes, the changes that these are, which findings they mended, and which not."""

    run: Run
    changes: tuple[Change, ...]
    mended: tuple[Reported, ...]
    held: tuple[Held, ...]


def fixed(
    found: Discovery,
    lint: Lint,
    is_wanted: Callable[[Reported], bool],
    unsafe: bool,
    data: Mapping[str, bytes] = MappingProxyType({}),
) -> Fixed:
    """Return what comes of mending all findings that are wanted and may be. Nothing is written.

    `data`: the bytes of files that are not on disk, by shown path.
    """
    everything = Discovery(tuple(map(_with_all_rules, found.files)), found.troubles)
    mender = _Mender(found, lambda changed: lint(everything, changed), data)
    before = mender.copies
    own = {file.shown: file for file in found.files}

    def may_be_mended(one: Reported) -> bool:
        return one.fix_applicability == "safe" or (unsafe and one.fix_applicability == "unsafe")

    def is_to_be_mended(one: Reported) -> bool:
        file = own[one.finding.at.path]
        return may_be_mended(one) and is_wanted(one) and not file.context and switch(file)(one.finding.rule)

    mender.run(is_to_be_mended, may_be_mended)
    changes = [
        Change(file, before.original(file), mender.copies.data(file))
        for file in found.files
        if file.shown in mender.copies.changed
    ]
    run = lint(found, mender.copies.changed)
    return Fixed(run, tuple(changes), tuple(mender.mended), tuple(mender.held.values()))


def _with_all_rules(file: File) -> File:
    """Return a file for which all rules are on: a fix must not bring what nobody has asked for either."""
    every = replace(file.settings, selection=(Selection(select=("all",)),), per_file_ignores=())
    return file._replace(settings=every, context=False)


class Copies:
    """The bytes of files as they are, or as fixes left them."""

    def __init__(self, files: Mapping[str, File], changed: Mapping[str, bytes], originals: dict[str, bytes]) -> None:
        self.changed = changed
        self._files = files
        self._originals = originals

    def original(self, file: File) -> bytes:
        """Return what stood in a file when it was first asked for."""
        if file.shown not in self._originals:
            with open(file.path, "rb") as stream:
                self._originals[file.shown] = stream.read()
        return self._originals[file.shown]

    def data(self, file: File) -> bytes:
        return self.changed[file.shown] if file.shown in self.changed else self.original(file)

    def file(self, path: str) -> File:
        """Return a file that may be fixed. Unfixable: it is not linted, or only for what it says of others."""
        if path not in self._files:
            raise fix.Unfixable(f"it belongs into {path}, which is not linted here")
        return self._files[path]

    def source(self, file: File) -> Source:
        """Return the text of a file. Unfixable: it has none."""
        source = read.decode(self.data(file), file.shown, file.settings.cell_magics)
        if isinstance(source, Trouble):
            raise fix.Unfixable(source.message)
        return source

    def with_changes(self, changed: Mapping[str, bytes]) -> Copies:
        return Copies(self._files, {**self.changed, **changed}, self._originals)


@dataclass
class _Attempt:
    """Copies with some fixes carried out: what these mend, what can't be done, and where each line has gone."""

    copies: Copies
    done: list[Reported] = field(default_factory=list)
    refused: list[Held] = field(default_factory=list)
    moves: dict[str, list[tuple[fix.Lines, Sequence[fix.Edit]]]] = field(default_factory=lambda: defaultdict(list))

    def key(self, one: Reported) -> Key:
        """Return what tells a finding from others, after the fixes."""
        finding = in_text(one)
        line, column = finding.at.span.line, finding.at.span.column - 1
        for lines, edits in self.moves.get(finding.at.path, ()):
            line, column = lines.moved(edits, line, column)
        return finding.rule, finding.at.path, line


class _Mender:
    def __init__(self, found: Discovery, lint: Callable[[Mapping[str, bytes]], Run], data: Mapping[str, bytes]) -> None:
        self.copies = Copies({file.shown: file for file in found.files if not file.context}, {}, dict(data))
        self.mended: list[Reported] = []
        self.held: dict[str, Held] = {}
        self._lint = lint
        self.found = lint({})

    def run(self, is_wanted: Callable[[Reported], bool], may_help: Callable[[Reported], bool]) -> None:
        """Mends until nothing is left that can be mended. `may_help`: what fixes bring, but may be mended with them."""
        most = len(self.found.reported)
        progress = False
        for _ in range(ROUNDS):
            todo = [one for one in self.found.reported if is_wanted(one) and one.fingerprint not in self.held]
            if not todo and progress and self.held:
                self.held.clear()  # what could not be done before may go now
                progress = False
                continue
            if not todo:
                return
            attempt = self._attempted(self.copies, todo[:most])
            self._hold(attempt.refused)
            if not attempt.done:
                continue
            run, problem = self._judged(attempt, may_help)
            if problem is None:
                self.copies, self.found, progress, most = attempt.copies, run, True, len(todo)
                self.mended += attempt.done
            elif problem.guilty:
                self._hold(problem.guilty)
            elif len(attempt.done) == 1:
                self._hold([Held(attempt.done[0], problem.reason)])
            else:
                most = max(len(attempt.done) // 2, 1)

    def _hold(self, some: Iterable[Held]) -> None:
        for one in some:
            self.held[one.reported.fingerprint] = one

    def _attempted(self, copies: Copies, todo: Sequence[Reported]) -> _Attempt:
        """Return copies on which as many fixes as go together are carried out."""
        attempt = _Attempt(copies)
        by_path: dict[str, list[Reported]] = defaultdict(list)
        for one in todo:
            fix_ = in_text(one).fix
            assert fix_ is not None
            by_path[fix_.at.path].append(one)
        changed: dict[str, bytes] = {}
        for path, some in by_path.items():
            changed |= deep(lambda path=path, some=some: self._mended(attempt, path, some))  # type: ignore[misc]
        attempt.copies = copies.with_changes(changed)
        return attempt

    def _mended(self, attempt: _Attempt, path: str, some: Sequence[Reported]) -> dict[str, bytes]:
        """Return the bytes of a file after some fixes, by its path; none where they can't be carried out."""
        fixes: list[Fix] = [fix_ for one in some if (fix_ := in_text(one).fix) is not None]
        try:
            file = attempt.copies.file(path)
            source = attempt.copies.source(file)
            mending = fix.mending(source.text, fixes)
            attempt.refused += [Held(some[number], reason) for number, reason in mending.refused.items()]
            data = fix.spliced(attempt.copies.data(file), source, mending.edits)
        except Exception as error:  # a fix that fails takes nothing else with it
            reason = str(error) if isinstance(error, fix.Unfixable) else f"evallint failed: {error!r}"
            attempt.refused = [
                *(one for one in attempt.refused if one.reported not in some),
                *(Held(one, reason) for one in some),
            ]
            return {}
        attempt.done += [some[number] for number in mending.done]
        attempt.moves[path].append((fix.Lines(source.text), mending.edits))
        return {path: data} if mending.edits else {}

    def _judged(self, attempt: _Attempt, may_help: Callable[[Reported], bool]) -> tuple[Run, _Problem | None]:
        """Return what is found after an attempt, once what it brings is mended too where that is possible."""
        run = self._lint(attempt.copies.changed)
        problem = _problem(self.found, run, attempt)
        for _ in range(DEPTH):
            if problem is None or problem.guilty or not problem.brought or not all(map(may_help, problem.brought)):
                break
            further = self._attempted(attempt.copies, problem.brought)
            if further.refused or len(further.done) < len(problem.brought):
                break
            attempt.copies = further.copies
            for path, moves in further.moves.items():
                attempt.moves[path] += moves
            run = self._lint(attempt.copies.changed)
            problem = _problem(self.found, run, attempt)
        return run, problem


def loading(load: Load, changed: Mapping[str, bytes]) -> Load:
    """Return what loads files as they are, and those that are changed as they would be."""

    def loaded(file: File) -> Source | Trouble:
        if file.shown not in changed:
            return load(file)
        return read.decode(changed[file.shown], file.shown, file.settings.cell_magics)

    return loaded


class _Problem(NamedTuple):
    """Why an attempt is no success: findings that it has not mended, or others that it brings."""

    guilty: list[Held]
    brought: list[Reported]
    reason: str


def _problem(before: Run, after: Run, attempt: _Attempt) -> _Problem | None:
    known = Counter(map(attempt.key, before.reported))
    now = Counter(map(key, after.reported))
    gone = Counter(map(attempt.key, attempt.done))
    left = {one for one in gone if now[one] > known[one] - gone[one]}
    guilty = [Held(one, "it would be found again") for one in attempt.done if attempt.key(one) in left]
    brought = [one for one in after.reported if one.severity != "info" and now[key(one)] > known[key(one)]]
    if guilty:
        return _Problem(guilty, brought, "")
    if brought:
        finding = brought[0].finding
        return _Problem([], brought, f"it would bring `{finding.rule}` at {finding.at.path}:{finding.at.span.line}")
    if len(after.troubles) > len(before.troubles):
        return _Problem([], [], "its file could not be judged any more")
    return None


def key(one: Reported) -> Key:
    finding = in_text(one)
    return finding.rule, finding.at.path, finding.at.span.line


def in_text(one: Reported) -> Finding:
    """Return a finding with lines that count through its file, a notebook too."""
    return one.in_text or one.finding


class Kept(Cache):
    """A cache that also holds what it was given since, whether or not it is on disk."""

    def __init__(self, store: Cache) -> None:
        super().__init__()
        self._store = store
        self._facts: dict[str, bytes] = {}
        self._runs: dict[str, Run] = {}

    def facts(self, keys: Sequence[str]) -> dict[str, bytes]:
        here = {one: self._facts[one] for one in keys if one in self._facts}
        return {**here, **self._store.facts([one for one in keys if one not in here])}

    def keep_facts(self, key: str, data: bytes) -> None:
        self._facts[key] = data
        self._store.keep_facts(key, data)

    def run(self, key: str) -> Run | None:
        return self._runs.get(key) or self._store.run(key)

    def keep_run(self, key: str, run: Run) -> None:
        self._runs[key] = run
        self._store.keep_run(key, run)
