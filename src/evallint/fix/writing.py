"""Writing a file as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

from evallint.fix.edits import Unfixable


def write(path: str, before: bytes, after: bytes) -> None:
    """Replace the bytes of a file, or of what a link leads to, in one step; its mode stays.

    A file with several names keeps them, and one whose folder takes no new file is still written: both in place.
    Unfixable: it is no longer what it was `before`, or can't be written.
    """
    target = os.path.realpath(path)
    try:
        with open(target, "rb") as stream:
            status = os.fstat(stream.fileno())
            if stream.read() != before:
                raise Unfixable("it has changed since it was read")
        if status.st_nlink > 1 or not _exchanged(target, after, stat.S_IMODE(status.st_mode)):
            with open(target, "r+b") as stream:
                stream.write(after)
                stream.truncate()
                _settle(stream.fileno())
    except OSError as error:
        raise Unfixable(f"it can't be written: {(error.strerror or type(error).__name__).lower()}") from None


def _exchanged(target: str, after: bytes, mode: int) -> bool:
    """Put a new file in the place of another; False where its folder takes none."""
    folder, name = os.path.split(target)
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    except OSError:
        return False
    try:
        with open(descriptor, "wb") as stream:
            stream.write(after)
            stream.flush()
            _settle(stream.fileno())
        os.chmod(draft, mode)
        os.replace(draft, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(draft)
        raise
    return True


def _settle(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
