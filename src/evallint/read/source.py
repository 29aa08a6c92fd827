"""From bytes to text: encodings, newlines and notebooks."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from evallint.findings import Trouble
from evallint.read.discovery import File
from evallint.read.notebook import CellMap, NotNotebook, python_of

BOM = b"\xef\xbb\xbf"

REWRITING = re.compile(rb"coding[:=][ \t]*future[-_](fstrings|annotations)\b")
"""Encodings that a package registers to rewrite the code as it is read: what stands in the file is UTF-8."""


class Source(NamedTuple):
    """The Python text of one file. `path` is as the reports show it, `digest` the SHA-256 (hex) of the file's bytes.

    `text` has no byte order mark, and every newline in it is `\\n`, so that its lines are those of the file whatever
    ends them there. `notebook` says which cell each line comes from.
    """

    path: str
    text: str
    digest: str
    notebook: CellMap | None = None


class Spelling(NamedTuple):
    """How a file is written: its text with the newlines that it has, its encoding, and whether a mark begins it."""

    text: str
    encoding: str
    marked: bool


def load(file: File) -> Source | Trouble:
    """The text of a file, or why there is none: unreadable, too large, not decodable, not a notebook."""
    if _is_too_large(file, file.size):
        return _too_large(file, file.size)
    try:
        with open(file.path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        return Trouble(file.shown, 0, f"cannot be read: {(error.strerror or type(error).__name__).lower()}")
    return decode(data, file.shown, file.settings.cell_magics)


def buffered(file: File, data: bytes) -> Source | Trouble:
    """The text of a file, as `load` gives it, if these bytes stood in it."""
    if _is_too_large(file, len(data)):
        return _too_large(file, len(data))
    return decode(data, file.shown, file.settings.cell_magics)


def _is_too_large(file: File, size: int) -> bool:
    return size > file.settings.max_file_bytes and not file.shown.endswith(".ipynb")


def _too_large(file: File, size: int) -> Trouble:
    limit = file.settings.max_file_bytes
    return Trouble(file.shown, 0, f"too large: {size:,} bytes, and `max-file-bytes` is {limit:,}")


def decode(data: bytes, path: str, cell_magics: tuple[str, ...] = ()) -> Source | Trouble:
    """The text that bytes hold, as `load` gives it. A path that ends with `.ipynb` means a notebook."""
    digest = hashlib.sha256(data).hexdigest()
    if path.endswith(".ipynb"):
        try:
            text, cells = python_of(data, cell_magics)
        except NotNotebook as error:
            return Trouble(path, error.line, f"not a notebook: {error}")
        return Source(path, text, digest, cells)
    try:
        text = _text(data)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n?|\n", data[: error.start])) + 1
        says = f"not {error.encoding}: {error.reason} (byte 0x{data[error.start]:02x})"
        return Trouble(path, line, f"{says}; the encoding can be declared by a `coding` comment")
    except (SyntaxError, LookupError, UnicodeError) as error:
        return Trouble(path, 1, f"cannot be decoded: {error}")
    return Source(path, text, digest)


def _text(data: bytes) -> str:
    """Decodes as Python does. Raises UnicodeDecodeError, or SyntaxError and others for what is no encoding of text."""
    text = spelled(data).text
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def spelled(data: bytes) -> Spelling:
    """The text of a file as it is written. Raises what `_text` raises."""
    encoding = "utf-8"
    head = data[: data.find(b"\n", data.find(b"\n") + 1)]
    if b"coding" in head and not REWRITING.search(head):
        import io
        import tokenize

        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    encoding = encoding.removesuffix("-sig")
    return Spelling(str(data.removeprefix(BOM), encoding), encoding, data.startswith(BOM))
