"""What was found at one moment, in the places of the client: addresses, ranges and diagnostics."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from lsprotocol import types
from lsprotocol.converters import get_converter

from evallint import packs, pages, read
from evallint.facts import Span
from evallint.findings import Finding, Place, Reported, Severity, Trouble
from evallint.lsp.analysis import Outcome
from evallint.lsp.documents import Document, Notebook, Text, uri_of
from evallint.lsp.positions import Lines
from evallint.read import CellMap, suppression

SOURCE: Final = "evallint"
NOT_JUDGED: Final = "not-judged"
NOWHERE: Final = types.Range(types.Position(0, 0), types.Position(0, 0))

_CONVERTER: Final = get_converter()
_SEVERITIES: Final[Mapping[Severity, types.DiagnosticSeverity]] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}
_WITHOUT_USE: Final = frozenset({suppression.UNUSED, "eval-pipeline-unused"})
"""Rules about what has no effect, which clients like to show faded."""


class Client(NamedTuple):
    """How the client counts, and whether it shows places that a diagnostic is related to."""

    encoding: types.PositionEncodingKind | str = types.PositionEncodingKind.Utf16
    shows_related: bool = True


class Found(NamedTuple):
    """A finding with the diagnostic that tells it, and a digest of that. `path` is that of its file, `uri` where it is
    shown."""

    reported: Reported
    path: str
    uri: str
    diagnostic: types.Diagnostic
    digest: str


class Snapshot:
    """What was found in a folder while these documents were open, by path. All of it fits them, and no later ones.

    `former`: what was found before, of which all is taken over that would come out again.
    """

    def __init__(
        self,
        outcome: Outcome,
        documents: Mapping[str, Document],
        folder: str,
        client: Client,
        former: Snapshot | None = None,
    ) -> None:
        self.documents = documents
        self._outcome = outcome
        self._folder = folder
        self._client = client
        self._lines: dict[str, Lines] = {}
        self._cells: dict[str, CellMap] = {}
        self._moves: dict[str, Mapping[int, int]] = {}
        known = {one.reported: one for one in former.found if self._is_as_in(former, one)} if former else {}
        everything = (known.get(one) or self._found(one) for one in self._outcome.run.reported)
        self.found: Sequence[Found] = [one for one in everything if one]

    @functools.cached_property
    def diagnostics(self) -> Mapping[str, Sequence[types.Diagnostic]]:
        """The diagnostics by address: of every text that is open, and of others that have some."""
        told: dict[str, list[types.Diagnostic]] = defaultdict(list)
        for text in self._texts():
            told[text.uri] = []
        for one in self.found:
            told[one.uri].append(one.diagnostic)
        for trouble in self._outcome.run.troubles:
            if trouble.path:
                uri, diagnostic = self._of_trouble(trouble)
                told[uri].append(diagnostic)
        return dict(told)

    @functools.cached_property
    def results(self) -> Mapping[str, str]:
        """What identifies the diagnostics of each address: a digest of them."""
        known = {id(one.diagnostic): one.digest for one in self.found}
        return {
            uri: _hash("".join(known.get(id(one)) or _digest(one) for one in some))
            for uri, some in self.diagnostics.items()
        }

    def is_of_now(self, path: str) -> bool:
        """Whether what is found in a file was found in the text that is open, not in a former one."""
        return path not in self._outcome.former

    @property
    def wrong(self) -> str:
        """What is wrong with a config file, or nothing."""
        return self._outcome.wrong

    @property
    def failures(self) -> Sequence[str]:
        """What went wrong that belongs to no file."""
        return [trouble.message for trouble in self._outcome.run.troubles if not trouble.path]

    def at(self, uri: str, range_: types.Range) -> Iterator[Found]:
        """Yield what is found at a stretch of a text."""
        for one in self.found:
            if one.uri == uri and _meet(one.diagnostic.range, range_):
                yield one

    def version(self, uri: str) -> int | None:
        """Return the version of the text that was judged; None for one that is not open."""
        return next((text.version for text in self._texts() if text.uri == uri), None)

    def _is_as_in(self, former: Snapshot, found: Found) -> bool:
        """Whether all texts that a finding speaks of are those of a former snapshot."""
        finding = found.reported.finding
        return all(self._text(path) == former._text(path) for path in {at.path for at in _places(finding)})

    def _text(self, shown: str) -> tuple[Document | None, str | None, str | None]:
        """Return what the places in a file depend on."""
        path, sources = self._path(shown), self._outcome.run.sources or {}
        return self.documents.get(path), sources.get(shown), self._outcome.former.get(path)

    def _texts(self) -> Iterator[Text]:
        yield from (text for document in self.documents.values() for text in document.texts)

    # ---- one finding -----------------------------------------------------------------------------------

    def _found(self, one: Reported) -> Found | None:
        """Return what is told of a finding; None where it stands on lines that have changed since."""
        rule = one.finding.rule
        is_open = isinstance(self._document(one.finding.at.path), Notebook)
        finding = one.in_text if is_open and one.in_text else one.finding
        location = self._location(finding.at)
        if location is None:
            return None
        diagnostic = types.Diagnostic(
            range=location.range,
            message=self._message(finding, None if is_open else one.cell),
            severity=_SEVERITIES[one.severity],
            code=rule,
            code_description=_description(rule),
            source=SOURCE,
            tags=[types.DiagnosticTag.Unnecessary] if rule in _WITHOUT_USE else None,
            related_information=self._related(finding) if self._client.shows_related else None,
            data={"fingerprint": one.fingerprint, "fix": one.fix_applicability},
        )
        return Found(one, self._path(finding.at.path), location.uri, diagnostic, _digest(diagnostic))

    def _message(self, finding: Finding, cell: int | None) -> str:
        where = f"cell {cell}, line {finding.at.span.line}: " if cell else ""
        steps = () if self._client.shows_related else finding.because
        return "\n".join([where + finding.says, *(f"{i}. {step.message}" for i, step in enumerate(steps, 1))])

    def _related(self, finding: Finding) -> list[types.DiagnosticRelatedInformation]:
        """Return the steps of a trace that stand in files of the folder."""
        return [
            types.DiagnosticRelatedInformation(location, step.message)
            for step in finding.because
            if step.at.path in self._outcome.files and (location := self._location(step.at))
        ]

    def _of_trouble(self, trouble: Trouble) -> tuple[str, types.Diagnostic]:
        """Return where it is shown that a file was not judged, and what is shown."""
        document = self._document(trouble.path)
        uri = document.uri if document else uri_of(self._path(trouble.path))
        range_ = NOWHERE
        cell = re.match(r"cell (\d+): ", trouble.message)
        if isinstance(document, Notebook) and cell and int(cell[1]) <= len(document.texts):
            text = document.texts[int(cell[1]) - 1]
            uri, range_ = text.uri, text.lines.line(trouble.line)
        elif isinstance(document, Text) and not cell:
            range_ = document.lines.line(trouble.line)
        elif isinstance(document, Notebook):
            uri = document.texts[0].uri if document.texts else uri
        elif trouble.line and not cell:
            range_ = types.Range(types.Position(trouble.line - 1, 0), types.Position(trouble.line, 0))
        severity = types.DiagnosticSeverity.Error
        message = f"not judged: {trouble.message}"
        return uri, types.Diagnostic(range_, message, severity=severity, code=NOT_JUDGED, source=SOURCE)

    # ---- where things stand ----------------------------------------------------------------------------

    def _location(self, place: Place) -> types.Location | None:
        """Return where a place is; None where its lines have changed since they were judged.

        Lines count through an open notebook; those of others are nowhere to be shown.
        """
        document = self._document(place.path)
        if document and self._path(place.path) in self._outcome.former:
            moved = self._moved(place, document)
            if moved is None:
                return None
            place = moved
        if isinstance(document, Notebook):
            return self._in_cell(document, place)
        uri = document.uri if document else uri_of(self._path(place.path))
        if place.path.endswith(".ipynb"):
            return types.Location(uri, NOWHERE)
        lines = document.lines if document else self._lines_of(place.path)
        return types.Location(uri, lines.range(place.span))

    def _moved(self, place: Place, document: Document) -> Place | None:
        """Return where a place in a former text is in the present one."""
        path = self._path(place.path)
        if path not in self._moves:
            now = read.decode(document.data, place.path, self._outcome.files[place.path].settings.cell_magics)
            text = now.text if isinstance(now, read.Source) else ""
            self._moves[path] = _same_lines(self._outcome.former[path].split("\n"), text.split("\n"))
        span = place.span
        line, end_line = (self._moves[path].get(number) for number in (span.line, span.end_line))
        if line is None or end_line is None or end_line - line != span.end_line - span.line:
            return None
        return Place(place.path, span._replace(line=line, end_line=end_line))

    def _in_cell(self, notebook: Notebook, place: Place) -> types.Location:
        number, line = self._cells_of(notebook, place.path).locate(place.span.line)
        text = notebook.texts[max(number, 1) - 1]
        end_line = line + place.span.end_line - place.span.line
        return types.Location(
            text.uri, text.lines.range(Span(line, place.span.column, end_line, place.span.end_column))
        )

    def _cells_of(self, notebook: Notebook, shown: str) -> CellMap:
        if shown not in self._cells:
            magics = self._outcome.files[shown].settings.cell_magics
            source = read.decode(notebook.data, shown, magics)
            cells = source.notebook if isinstance(source, read.Source) else None
            self._cells[shown] = cells or CellMap((), ())
        return self._cells[shown]

    def _lines_of(self, shown: str) -> Lines:
        """Return the lines of a file that is not open."""
        if shown not in self._lines:
            self._lines[shown] = Lines((self._outcome.run.sources or {}).get(shown, ""), self._client.encoding)
        return self._lines[shown]

    def _document(self, shown: str) -> Document | None:
        return self.documents.get(self._path(shown))

    def _path(self, shown: str) -> str:
        file = self._outcome.files.get(shown)
        return file.path if file else os.path.normpath(os.path.join(self._folder, shown))


def _meet(one: types.Range, other: types.Range) -> bool:
    starts, ends = (
        [(position.line, position.character) for position in both]
        for both in ((one.start, other.start), (one.end, other.end))
    )
    return starts[0] <= ends[1] and starts[1] <= ends[0]


def _places(finding: Finding) -> Iterator[Place]:
    yield finding.at
    yield from (step.at for step in finding.because)


def _same_lines(before: Sequence[str], now: Sequence[str]) -> Mapping[int, int]:
    """Return the numbers, from 1, of the lines of a text by those that they had in a former one."""
    least = min(len(before), len(now))
    start = next((i for i in range(least) if before[i] != now[i]), least)
    same = next((i for i in range(least - start) if before[-1 - i] != now[-1 - i]), least - start)
    ends = {len(before) - i: len(now) - i for i in range(same)}
    return {**{i: i for i in range(1, start + 1)}, **ends}


def _digest(diagnostic: types.Diagnostic) -> str:
    return _hash(json.dumps(_CONVERTER.unstructure(diagnostic), sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@functools.cache
def _description(rule: str) -> types.CodeDescription | None:
    """Return where the page of a rule is: on this machine, since it is the page of the version that runs."""
    page = pages.load()[rule]
    paths = (pack.pages / page.category / f"{page.name}.md" for pack in packs.installed())
    return next((types.CodeDescription(path.as_uri()) for path in paths if path.is_file()), None)
