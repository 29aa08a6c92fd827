"""From findings to what is reported of them: selected, not silenced, in order, with all that their pages say."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from evallint import pages, read
from evallint.config import Settings
from evallint.engine.extraction import Extracted
from evallint.engine.judging import Judged
from evallint.engine.tree import Load, Tree
from evallint.facts import Span
from evallint.findings import Finding, Place, Reported, Run, Step, Trouble
from evallint.read import CellMap, File, Source


class Texts:
    """The texts of a run's files by shown path, read when they are asked for and kept."""

    def __init__(self, files: Iterable[File], load: Load, loaded: Mapping[str, Source] = MappingProxyType({})) -> None:
        """`loaded` are those that need not be read."""
        self._files = {file.shown: file for file in files}
        self._load = load
        self._loaded = dict(loaded)

    def unchanged(self, tree: Tree) -> dict[str, Source]:
        """Return those that have been read and are the same in a tree."""
        digests = {shown: identity.digest for shown, identity in tree.identities.items()}
        return {path: source for path, source in self._loaded.items() if digests.get(path) == source.digest}

    def of(self, path: str) -> Source:
        """Return the source of a file; an empty one for a file that is gone."""
        if path not in self._loaded:
            source = self._load(self._files[path]) if path in self._files else None
            self._loaded[path] = source if isinstance(source, Source) else Source(path, "", "")
        return self._loaded[path]

    def cell(self, place: Place) -> int | None:
        """Return the number of the notebook cell that a place is in."""
        cells = self._cells(place.path)
        return cells.locate(place.span.line)[0] if cells else None

    def in_cell(self, place: Place) -> Place:
        """Return a place in a notebook with lines that count from the start of its cell; any other as it is."""
        cells = self._cells(place.path)
        if cells is None:
            return place
        line = cells.locate(place.span.line)[1]
        return Place(place.path, place.span._replace(line=line, end_line=line + place.span.end_line - place.span.line))

    def _cells(self, path: str) -> CellMap | None:
        return self.of(path).notebook if path.endswith(".ipynb") else None

    def lines(self, reported: Reported) -> range:
        """Return the lines of its file's text that a finding stands on."""
        span = reported.finding.at.span
        cells = self._cells(reported.finding.at.path)
        first = span.line
        if cells and reported.cell:
            first += cells.starts[cells.cells.index(reported.cell)] - 1
        return range(first, first + max(span.end_line - span.line, 0) + 1)

    def shown_in(self, run: Run) -> dict[str, str]:
        """Return the text of every file that a finding or its trace stands in; notebooks are shown by the cell."""
        places = (place for one in run.reported for place in _places(one.finding))
        paths = dict.fromkeys(place.path for place in places)
        return {path: self.of(path).text for path in paths if path in self._files and self._cells(path) is None}


def rules_of(files: Iterable[File]) -> set[str]:
    """Return the rules that are on in any file that is reported of; those about comments judge no program."""
    everywhere = {file.settings for file in files if not file.context}
    return set().union(*map(_selected, everywhere))


@lru_cache(maxsize=64)
def _selected(settings: Settings) -> frozenset[str]:
    return frozenset(
        page.name
        for page in pages.load().values()
        if page.category != read.suppression.CATEGORY and settings.selects(page.name, page.category)
    )


def reported(
    tree: Tree, extracted: Extracted, judged: Judged, texts: Texts, kept: dict[str, Kept] | None = None
) -> Run:
    """Return the run that findings make. Its `sources` are still to be filled in.

    `kept` holds what is reported of each file, from one time to the next.
    """
    kept = {} if kept is None else kept
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in judged.findings:
        by_path[finding.at.path].append(finding)
    troubles = [*tree.troubles, *(_trouble_in_cell(trouble, texts) for trouble in extracted.troubles), *judged.troubles]
    is_complete = not troubles
    crashed = extracted.crashed or bool(judged.failed)
    wanted = [file for file in tree.files if not file.context]
    files = [
        _kept(
            _Of(file, tree.identities[file.shown].digest, by_path[file.shown], judged.failed, is_complete), texts, kept
        )
        for file in wanted
        if file.shown in by_path or tree.identities[file.shown].marked
    ]
    shown = [trouble for trouble in troubles if crashed or trouble.path not in tree.context]
    return Run(
        reported=tuple(one for each in files for one in each.reported),
        troubles=tuple(sorted(shown, key=lambda trouble: (trouble.path, trouble.line, trouble.message))),
        files=len(wanted),
        suppressed=sum(each.suppressed for each in files),
        hidden_info=sum(each.hidden_info for each in files),
        crashed=crashed,
    )


class _OfFile(NamedTuple):
    reported: tuple[Reported, ...]
    hidden_info: int
    suppressed: int


class _Of(NamedTuple):
    """What a report of one file is made of. `is_complete`: whether everything in sight was judged."""

    file: File
    digest: str
    found: Sequence[Finding]
    failed: Collection[str]
    is_complete: bool


Kept: TypeAlias = tuple[_Of, _OfFile]


def _kept(of: _Of, texts: Texts, kept: dict[str, Kept]) -> _OfFile:
    """Return what is reported of one file. What leads to another notebook has the numbers of that one's cells in it."""
    if of.file.shown not in kept or kept[of.file.shown][0] != of or any(map(_leads_to_notebook, of.found)):
        kept[of.file.shown] = of, _of_file(of, texts)
    return kept[of.file.shown][1]


def _leads_to_notebook(finding: Finding) -> bool:
    return any(place.path.endswith(".ipynb") for place in _places(finding))


def _of_file(of: _Of, texts: Texts) -> _OfFile:
    file, _, found, failed, is_complete = of
    catalogue = pages.load()
    categories = {page.name: page.category for page in catalogue.values()}
    source = texts.of(file.shown)
    is_on = switch(file)

    def was_judged(rule: str) -> bool:
        # What a file given by name is called from may not be in sight, and a comment in it only seem unused.
        return is_complete and not file.explicit and rule not in failed and is_on(rule)

    wanted = [finding for finding in found if is_on(finding.rule)]
    judged = read.judge(file.shown, wanted, read.suppressions(source.text), categories, was_judged)
    hygiene = [finding for finding in judged.hygiene if is_on(finding.rule)]
    everything = list(_reported([*judged.kept, *hygiene], file, texts))
    shown = tuple(one for one in everything if one.severity != "info" or _shows_info(file, one.finding.rule))
    return _OfFile(shown, len(everything) - len(shown), judged.suppressed)


def switch(file: File) -> Callable[[str], bool]:
    """Return what says whether a rule is on in a file."""
    ignored = file.settings.ignored_in(file.path) if file.settings.per_file_ignores else frozenset()

    def is_on(rule: str) -> bool:
        page = pages.load()[rule]
        return file.settings.selects(page.name, page.category) and not ignored & {page.name, page.category, "all"}

    return is_on


def _shows_info(file: File, rule: str) -> bool:
    return file.settings.show_info or file.settings.names(rule)


def _reported(findings: Iterable[Finding], file: File, texts: Texts) -> Iterator[Reported]:
    """Yield the findings of one file in order, each with what its page says of it."""
    lines = texts.of(file.shown).text.split("\n")
    occurrences: Counter[tuple[str, str]] = Counter()
    for finding in sorted(findings, key=_order):
        page = pages.load()[finding.rule]
        span = finding.at.span
        own_lines = tuple(lines[span.line - 1 : max(span.end_line, span.line)]) or ("",)
        statement = " ".join(" ".join(own_lines).split())
        occurrences[finding.rule, statement] += 1
        own = finding.applicability or ("safe" if page.fix == "safe" else "unsafe")
        yield Reported(
            finding=_in_cells(finding, texts),
            category=page.category,
            severity=finding.severity or page.severity,
            precision=page.precision,
            fix_applicability=file.settings.applicability(page.name, page.category, own) if finding.fix else None,
            lines=own_lines,
            fingerprint=_fingerprint(finding.rule, file, statement, occurrences[finding.rule, statement]),
            cell=(cell := texts.cell(finding.at)),
            in_text=finding if cell else None,
        )


def _order(finding: Finding) -> tuple[Span, str, str]:
    return finding.at.span, finding.rule, finding.says


def _fingerprint(rule: str, file: File, statement: str, occurrence: int) -> str:
    """Return 32 hex digits that stay the same when lines move, and wherever evallint is started from."""
    root = read.project_of(file.path, file.settings) or file.settings.root
    inside = root and file.path.startswith(os.path.join(root, ""))
    path = os.path.relpath(file.path, root).replace(os.sep, "/") if inside else file.shown
    identity = "\0".join((rule, path, statement, str(occurrence)))
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _places(finding: Finding) -> Iterator[Place]:
    yield finding.at
    yield from (step.at for step in finding.because)


# ---- notebooks: lines count from the start of their cell -------------------------------------------


def _in_cells(finding: Finding, texts: Texts) -> Finding:
    return replace(
        finding,
        at=texts.in_cell(finding.at),
        because=tuple(_step_in_cell(step, texts) for step in finding.because),
        fix=finding.fix and replace(finding.fix, at=texts.in_cell(finding.fix.at)),
    )


def _step_in_cell(step: Step, texts: Texts) -> Step:
    cell = texts.cell(step.at)
    return Step(texts.in_cell(step.at), f"cell {cell}: {step.message}") if cell else step


def _trouble_in_cell(trouble: Trouble, texts: Texts) -> Trouble:
    span = Span(trouble.line, 1, trouble.line, 1)
    cell = texts.cell(Place(trouble.path, span))
    if not cell:
        return trouble
    at = texts.in_cell(Place(trouble.path, span))
    return replace(trouble, line=at.span.line, message=f"cell {cell}: {trouble.message}")
