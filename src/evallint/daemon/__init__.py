"""A process that stays and keeps what it found out about a project, so that the next run only looks at what changed.

Who asks for a run says so in one line of JSON on a socket that only the same user can reach, and hears one line a
message: how far the daemon is, and at last how many bytes the packed run has, which follow. A daemon serves the cache
folder in which it says where it listens (`NOTE`). It is of the code, the Python and the environment that started it,
and whoever has others starts another one in its place.

Nothing depends on it: where there is none, none can be started, or it fails, the run is made by whoever wants it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from io import BufferedIOBase
from typing import Any, Final, NamedTuple

from evallint import cache
from evallint.engine.extraction import Progress
from evallint.findings import Run

NOTE: Final = "daemon.json"
HOME: Final = "evallint-"
"""How the name begins of the folder that a daemon listens in."""

_STARTING: Final = 20.0
"""Seconds that a new daemon may take until it listens."""

_OF_ENVIRONMENT: Final = ("HOME", "VIRTUAL_ENV", "XDG_CONFIG_HOME", "EVALLINT_CACHE_DIR")
"""Variables that a run depends on."""


class Job(NamedTuple):
    """A run that is wanted: where, of which paths, and with which settings; see `Configs` and `engine.Scope`."""

    directory: str
    paths: tuple[str, ...]
    config: tuple[str, ...] = ()
    isolated: bool = False
    options: Mapping[str, object] = {}
    in_project: bool = False


class Note(NamedTuple):
    """Where a daemon listens. `of` is what it was started with; see `identity`."""

    of: str
    address: str
    pid: int


def identity() -> str:
    """Return a digest of all that a daemon's answers depend on beside the files and what it is asked for."""
    return cache.key_of(
        cache.code_of_runs(), sys.executable, sys.path, [os.environ.get(name) for name in _OF_ENVIRONMENT]
    )


def is_possible() -> bool:
    """Whether this system has what a daemon needs."""
    return hasattr(socket, "AF_UNIX") and hasattr(os, "getuid")


def asked(folder: str, job: Job, told: Progress) -> tuple[str, Run] | None:
    """Return the run that the daemon of a cache folder makes, and the key of what it is of; see `Session.key`.

    One is started where there is none, or where it has ended before it answers. None: there is no answer.
    """
    for way in (_reached, _started):
        try:
            with contextlib.ExitStack() as closing:
                line = way(folder, closing)
                if line is not None:
                    return _answered(line, job, told)
        except (OSError, EOFError):
            continue
        except (ValueError, LookupError, TypeError):
            return None  # it says what nobody understands
    return None


def stopped(folder: str) -> bool:
    """Tell the daemon of a cache folder to end, and whether there was one. It ends what it is doing before."""
    try:
        with contextlib.ExitStack() as closing:
            line = _reached(folder, closing, any_code=True)
            if line is None:
                return False
            send(line, {"stop": True})
            line.read()
            return True
    except OSError:
        return False


def running(folder: str) -> Note | None:
    """Return where the daemon of a cache folder listens, if there is one, of whatever code."""
    with contextlib.ExitStack() as closing:
        return noted(folder) if _reached(folder, closing, any_code=True) else None


def noted(folder: str) -> Note | None:
    """Return where the daemon of a cache folder says that it listens; None where there is no word that can be trusted:
    a cache may have come with the files, and lead to a socket of another program."""
    try:
        with open(os.path.join(folder, NOTE), encoding="utf-8") as stream:
            found = json.load(stream)
        note = Note(str(found["of"]), str(found["address"]), int(found["pid"]))
        is_ours = os.path.basename(os.path.dirname(note.address)).startswith(HOME)
        return note if is_ours and os.stat(note.address).st_uid == os.getuid() else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def send(line: BufferedIOBase, message: Mapping[str, object]) -> None:
    """Send one message."""
    line.write(json.dumps(message).encode() + b"\n")
    line.flush()


def heard(line: BufferedIOBase) -> dict[str, Any]:
    """Return the next message. ValueError: it is none. EOFError: there will be none."""
    text = line.readline()
    if not text:
        raise EOFError
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


def _answered(line: BufferedIOBase, job: Job, told: Progress) -> tuple[str, Run] | None:
    send(line, {"job": job._asdict()})
    while True:
        message = heard(line)
        if "done" in message:
            told(message["done"], message["of"])
        elif "size" in message:
            return message["key"], cache.unpack(line.read(message["size"]))
        else:
            return None


def _reached(folder: str, closing: contextlib.ExitStack, any_code: bool = False) -> BufferedIOBase | None:
    """Return a line to the daemon of a folder, if there is one of this code."""
    note = noted(folder)
    if note is None or not (any_code or note.of == identity()):
        return None
    connection = closing.enter_context(socket.socket(socket.AF_UNIX))
    try:
        connection.connect(note.address)
    except OSError:
        return None
    return closing.enter_context(connection.makefile("rwb"))


def _started(folder: str, closing: contextlib.ExitStack) -> BufferedIOBase | None:
    """Start a daemon and return a line to it."""
    # It may not stand in a directory that somebody wants to remove, nor look for modules in one.
    command = (sys.executable, "-m", "evallint.daemon", folder, identity())
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd="/", stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
    for _ in _until(time.monotonic() + _STARTING):
        note = noted(folder)
        line = _reached(folder, closing) if note and note.pid == process.pid else None
        if line is not None:
            process.returncode = 0  # it outlives this process, which need not warn of that
            return line
        if process.poll() is not None:
            return None
    process.kill()
    process.wait()
    return None


def _until(end: float) -> Iterator[None]:
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
