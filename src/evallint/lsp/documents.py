"""What is open in the editor, saved or not: texts and notebooks, each with the bytes that saving it would write.

Texts are kept here rather than by pygls, which also ends lines at form feeds and other separators that end none.
"""

from __future__ import annotations

import functools
import io
import json
import os
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from lsprotocol import types
from pygls import uris

from evallint.lsp.positions import MARK, Lines

PYTHON: Final = frozenset({"python", ""})


@dataclass(frozen=True)
class Text:
    """A text that is open: a file, or one cell of a notebook."""

    uri: str
    version: int
    content: str
    language: str
    encoding: types.PositionEncodingKind | str

    @functools.cached_property
    def lines(self) -> Lines:
        return Lines(self.content, self.encoding)

    @property
    def texts(self) -> tuple[Text, ...]:
        return (self,)

    @functools.cached_property
    def data(self) -> bytes:
        """What saving it would write, in the encoding that it declares; letters that this lacks become `?`."""
        head = self.content[:400].encode("utf-8", "replace")
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
            return self.content.removeprefix(MARK).encode(encoding, "replace")
        except (SyntaxError, LookupError):
            return self.content.encode("utf-8", "replace")

    def changed(self, version: int, changes: Iterable[types.TextDocumentContentChangeEvent]) -> Text:
        text = self
        for change in changes:
            text = replace(text, version=version, content=_changed(text, change))
        return text


def _changed(text: Text, change: types.TextDocumentContentChangeEvent) -> str:
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return change.text
    start, end = text.lines.offset(change.range.start), text.lines.offset(change.range.end)
    return text.content[:start] + change.text + text.content[end:]


@dataclass(frozen=True)
class Notebook:
    """A notebook that is open, with all its cells, those of prose too."""

    uri: str
    version: int
    metadata: Mapping[str, Any]
    texts: tuple[Text, ...]
    kinds: tuple[types.NotebookCellKind, ...]

    @functools.cached_property
    def data(self) -> bytes:
        """A notebook with these cells. Cells in other languages than Python are as good as prose."""
        cells = [
            {"cell_type": "code" if _is_python(text, kind) else "markdown", "source": text.content}
            for text, kind in zip(self.texts, self.kinds, strict=True)
        ]
        known = {key: self.metadata[key] for key in ("kernelspec", "language_info") if key in self.metadata}
        return json.dumps({"cells": cells, "metadata": known}).encode()


Document: TypeAlias = Text | Notebook


def _is_python(text: Text, kind: types.NotebookCellKind) -> bool:
    return kind == types.NotebookCellKind.Code and text.language in PYTHON


class Documents:
    """All that is open, by path. Documents that have no path of their own are not held."""

    def __init__(self) -> None:
        self.encoding: types.PositionEncodingKind | str = types.PositionEncodingKind.Utf16
        self._open: dict[str, Document] = {}
        self._cells: dict[str, str] = {}

    def at(self, path: str) -> Document | None:
        return self._open.get(path)

    def all(self) -> Mapping[str, Document]:
        return dict(self._open)

    def place(self, uri: str) -> tuple[str, Text] | None:
        """Return the path and the text of what is open under an address, be it a file or a cell of a notebook."""
        path = self._cells.get(_plain(uri)) or path_of(uri)
        document = self._open.get(path) if path else None
        if path is None or document is None:
            return None
        text = next((text for text in document.texts if _plain(text.uri) == _plain(uri)), None)
        return (path, text) if text else None

    # ---- texts ---------------------------------------------------------------------------------------

    def open(self, item: types.TextDocumentItem) -> str | None:
        """Take up a text and return its path; None where it has none, or is not Python."""
        path = path_of(item.uri)
        if path is None or item.language_id not in PYTHON:
            return None
        self._open[path] = self._text(item)
        return path

    def change(self, params: types.DidChangeTextDocumentParams) -> str | None:
        path = path_of(params.text_document.uri)
        document = self._open.get(path) if path else None
        if path is None or not isinstance(document, Text):
            return None
        self._open[path] = document.changed(params.text_document.version, params.content_changes)
        return path

    def close(self, uri: str) -> str | None:
        path = path_of(uri)
        return path if path and self._open.pop(path, None) else None

    def _text(self, item: types.TextDocumentItem) -> Text:
        return Text(item.uri, item.version, item.text, item.language_id, self.encoding)

    # ---- notebooks -----------------------------------------------------------------------------------

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> str | None:
        notebook = params.notebook_document
        path = path_of(notebook.uri)
        if path is None:
            return None
        texts = {item.uri: self._text(item) for item in params.cell_text_documents}
        self._keep(path, notebook.uri, notebook.version, _plain_metadata(notebook.metadata), notebook.cells, texts)
        return path

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> str | None:
        path = path_of(params.notebook_document.uri)
        notebook = self._open.get(path) if path else None
        if path is None or not isinstance(notebook, Notebook):
            return None
        texts = {text.uri: text for text in notebook.texts}
        cells = [types.NotebookCell(kind, text.uri) for text, kind in zip(notebook.texts, notebook.kinds, strict=True)]
        change = params.change.cells or types.NotebookDocumentCellChanges()
        if change.structure:
            array = change.structure.array
            cells[array.start : array.start + array.delete_count] = array.cells or ()
            texts |= {item.uri: self._text(item) for item in change.structure.did_open or ()}
        for content in change.text_content or ():
            text = texts[content.document.uri]
            texts[text.uri] = text.changed(content.document.version, content.changes)
        new = {cell.document: cell for cell in change.data or ()}
        cells = [new.get(cell.document, cell) for cell in cells]
        metadata = _plain_metadata(params.change.metadata) or notebook.metadata
        self._keep(path, notebook.uri, params.notebook_document.version, metadata, cells, texts)
        return path

    def _keep(
        self,
        path: str,
        uri: str,
        version: int,
        metadata: Mapping[str, Any],
        cells: Sequence[types.NotebookCell],
        texts: Mapping[str, Text],
    ) -> None:
        self._forget_cells(path)
        known = [cell for cell in cells if cell.document in texts]
        own = tuple(texts[cell.document] for cell in known)
        self._open[path] = Notebook(uri, version, metadata, own, tuple(cell.kind for cell in known))
        self._cells |= {_plain(text.uri): path for text in own}

    def close_notebook(self, uri: str) -> str | None:
        path = path_of(uri)
        if path is None or self._open.pop(path, None) is None:
            return None
        self._forget_cells(path)
        return path

    def _forget_cells(self, path: str) -> None:
        self._cells = {uri: owner for uri, owner in self._cells.items() if owner != path}


def _plain_metadata(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def path_of(uri: str) -> str | None:
    """Return the absolute path of a file; None for what is none, such as a text that was never saved."""
    path = uris.to_fs_path(uri)
    return os.path.normpath(path) if path else None


def uri_of(path: str) -> str:
    return uris.from_fs_path(path) or ""


def _plain(uri: str) -> str:
    """Return an address without escapes: clients do not agree on what is to be escaped."""
    return unquote(uri)
