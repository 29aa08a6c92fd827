"""From the bytes of a file before and after to the edits that a client makes of what it has open."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Final

from lsprotocol import types

from evallint import read
from evallint.engine.fixing import Change
from evallint.lsp.documents import Document, Notebook, Text, uri_of
from evallint.lsp.positions import MARK, Lines

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def workspace_edit(
    changes: Sequence[Change],
    documents: Mapping[str, Document],
    encoding: types.PositionEncodingKind | str,
    is_versioned: bool,
) -> types.WorkspaceEdit:
    """Return what makes these changes. `is_versioned`: whether the client checks that they still fit."""
    texts = [text for change in changes for text in _texts(change, documents.get(change.file.path), encoding)]
    if not is_versioned:
        return types.WorkspaceEdit(changes={uri: edits for uri, _, edits in texts})
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, version), edits)
            for uri, version, edits in texts
        ]
    )


def _texts(
    change: Change, document: Document | None, encoding: types.PositionEncodingKind | str
) -> Iterator[tuple[str, int | None, list[types.TextEdit]]]:
    """Yield each text that changes: its address, its version where it is open, and its edits."""
    if isinstance(document, Notebook):
        for text, after in zip(document.texts, _cells(change.after), strict=True):
            if after != text.content:
                yield text.uri, text.version, _edits(text.lines, after)
    elif isinstance(document, Text):
        mark = MARK if document.content.startswith(MARK) else ""
        yield document.uri, document.version, _edits(document.lines, mark + read.spelled(change.after).text)
    else:
        before = Lines(read.spelled(change.before).text, encoding)
        yield uri_of(os.path.abspath(change.file.path)), None, _edits(before, read.spelled(change.after).text)


def _cells(data: bytes) -> list[str]:
    return [cell["source"] for cell in json.loads(data)["cells"]]


def _edits(before: Lines, after: str) -> list[types.TextEdit]:
    """Return edits that replace as few whole lines as possible."""
    old, new = _LINE.findall(before.text), _LINE.findall(after)
    least = min(len(old), len(new))
    start = next((i for i in range(least) if old[i] != new[i]), least)
    same = next((i for i in range(least - start) if old[-1 - i] != new[-1 - i]), least - start)
    # What is equal at both ends is cut off: comparing takes the square of what is left.
    matcher = SequenceMatcher(None, old[start : len(old) - same], new[start : len(new) - same], autojunk=False)
    starts = [0, *accumulate(map(len, old))]
    return [
        types.TextEdit(
            before.range_of(starts[start + first], starts[start + last]), "".join(new[start + begin : start + end])
        )
        for tag, first, last, begin, end in matcher.get_opcodes()
        if tag != "equal"
    ]
