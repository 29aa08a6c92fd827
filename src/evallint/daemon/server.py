"""The daemon itself: one job after another, each by the session that knows its project."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socketserver
import tempfile
import time
import traceback
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, Final, cast

from evallint import cache
from evallint.config import Configs
from evallint.daemon import HOME, NOTE, Job, Note, heard, noted, send
from evallint.engine.session import Session

IDLE: Final = 1800.0
"""Seconds without a job after which the daemon ends."""

GLANCE: Final = 10.0
"""Seconds between two looks at whether its folder still says that it is there."""

_PAUSE: Final = 0.1
"""Seconds between two messages of how far it is."""

_KEPT: Final = 2
"""So many projects are kept in memory: for one folder, those of `evallint src` and of the hook, say."""


def serve(folder: str, of: str, idle: float = IDLE, glance: float = GLANCE) -> None:
    """Serve a cache folder until there was no job for so many seconds, another daemon has its place, or it is told to
    stop. `of`: see `Note`."""
    home = tempfile.mkdtemp(prefix=HOME)  # for this user alone
    try:
        note = Note(of, os.path.join(home, "socket"), os.getpid())
        with _Server(folder, note) as server:
            _write(folder, note)
            server.timeout = min(glance, idle)
            server.go_on(idle)
    finally:
        shutil.rmtree(home, ignore_errors=True)


class _Server(socketserver.UnixStreamServer):
    """Waits for jobs, and has the sessions that do them."""

    def __init__(self, folder: str, note: Note) -> None:
        super().__init__(note.address, _Conversation)
        self.last = time.monotonic()
        self._folder, self._note = folder, note
        self._sessions: dict[tuple[object, ...], Session] = {}

    def go_on(self, idle: float) -> None:
        """Do what is asked for, until nobody asks or finds the way here any more."""
        while noted(self._folder) == self._note and time.monotonic() < self.last + idle:
            self.handle_request()
        self.end()

    def end(self) -> None:
        """Take no more jobs."""
        while self._sessions:
            self._sessions.popitem()[1].close()
        if noted(self._folder) == self._note:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self._folder, NOTE))

    @contextlib.contextmanager
    def session(self, job: Job) -> Iterator[Session]:
        """Give the session for a job, aimed at it. One that fails is used no more."""
        key = (job.directory, job.in_project or job.paths)
        session = self._sessions.pop(key, None)
        while len(self._sessions) >= _KEPT:
            self._sessions.pop(next(iter(self._sessions))).close()

        def configs() -> Configs:
            return Configs(job.directory, job.config, job.isolated, job.options)

        if session is None:
            session = Session(job.paths, configs, in_project=job.in_project)
        else:
            session.aim(job.paths, configs)
        try:
            yield session
            session.write()
        except BaseException:
            session.close()
            raise
        self._sessions[key] = session

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has gone, or is told: see `_Conversation`."""


class _Conversation(socketserver.StreamRequestHandler):
    """What one asks for, and is told."""

    def handle(self) -> None:
        server = cast(_Server, self.server)
        message = heard(self.rfile)
        if "stop" in message:
            server.end()
            return
        try:
            self._do(server, _job(message["job"]))
        except Exception:
            send(self.wfile, {"failed": traceback.format_exc()})
        finally:
            server.last = time.monotonic()

    def _do(self, server: _Server, job: Job) -> None:
        with server.session(job) as session:
            session.told = _Telling(self.wfile)
            data = cache.pack(session.check())
            key = session.key
        send(self.wfile, {"key": key, "size": len(data)})
        self.wfile.write(data)


class _Telling:
    """Tells how far the daemon is, now and then, for as long as anybody listens."""

    def __init__(self, line: BufferedIOBase) -> None:
        self._line, self._last = line, 0.0

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() < self._last + _PAUSE and done != of:
            return
        self._last = time.monotonic()
        with contextlib.suppress(OSError):  # whoever asks again is glad of what is found out now
            send(self._line, {"done": done, "of": of})


def _job(plain: Any) -> Job:
    job = Job(**plain)
    return job._replace(paths=tuple(job.paths), config=tuple(job.config))


def _write(folder: str, note: Note) -> None:
    """Say where the daemon is, in one piece."""
    cache.make(folder)
    handle, path = tempfile.mkstemp(dir=folder, prefix=NOTE)
    with open(handle, "w", encoding="utf-8") as stream:
        json.dump(note._asdict(), stream)
    os.replace(path, os.path.join(folder, NOTE))
