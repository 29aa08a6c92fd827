"""Extracts many files in worker processes: a file that crashes, hangs or eats memory costs that file and nothing else.

Each worker is a Python of its own, spoken to through two pipes by one thread of ours. It starts isolated, with our
import path but without the working directory, so that no file of a linted tree is ever imported by it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import typing
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from evallint.extract import worker
from evallint.findings import Trouble
from evallint.read import Source

BATCH_CHARACTERS = 100_000
"""About a third of a second of work: far more than what handing it over costs, or starting one more worker."""

BATCH_FILES = 200
MOST_WORKERS = 32


@dataclass(frozen=True, slots=True)
class Crash(Trouble):
    """Evallint itself failed on the file, whether or not the file is to blame."""


class WorkersUnusable(Exception):
    """Worker processes do not even start."""


Answer: TypeAlias = "tuple[Source, bytes | Trouble]"


class Limits(NamedTuple):
    """What one file may cost: seconds, and bytes of a worker's address space."""

    deadline: float
    memory: int = 6 << 30


def extract_all(sources: Iterable[Source], jobs: int, limits: Limits) -> Generator[Answer, None, None]:
    """Yield each source with its encoded facts, or with what kept it from having some, in the order they get done.

    The facts of a file that mentions nothing a rule could be about are no bytes at all. `sources` are taken as workers
    get free; a few batches of their texts are in memory at a time. `jobs` is the number of workers, 0 for one a core;
    little text starts fewer. Close the iterator to end the workers early. Raises `WorkersUnusable`.
    """
    with Workers(jobs, limits) as workers:
        yield from workers.extract(sources)
        workers.spare()


class Workers:
    """Workers that stay, so that whoever has few sources now and then need not wait for one to start. A context."""

    def __init__(self, jobs: int, limits: Limits) -> None:
        self._pool = _Pool(min(jobs or available_cores(), MOST_WORKERS), limits)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.end()

    def start(self) -> None:
        """Start one worker before there is something to do."""
        self._pool.give([])

    def spare(self) -> None:
        """Leave the process of a worker that was the only one, and has answered everything, to whoever extracts next:
        what is installed beside the files, or how these were at a commit."""
        self._pool.spare()

    def extract(self, sources: Iterable[Source]) -> Iterator[Answer]:
        """Yield what `extract_all` yields; whoever takes not all of it ends the workers."""
        for batch in _batches(sources):
            while self._pool.is_full:
                yield self._pool.take()
            self._pool.give(batch)
        while self._pool.expected:
            yield self._pool.take()


def available_cores() -> int:
    """Return how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not every system has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    characters = 0
    for source in sources:
        batch.append(source)
        characters += len(source.text)
        if characters >= BATCH_CHARACTERS or len(batch) >= BATCH_FILES:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


class _Pool:
    def __init__(self, most: int, limits: Limits) -> None:
        self.expected = 0
        self._most = most
        self._limits = limits
        self._workers: list[_Worker] = []
        self._batches: queue.SimpleQueue[list[Source] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    @property
    def is_full(self) -> bool:
        """Whether the next batch of every worker is there already."""
        return self._batches.qsize() >= self._most

    def give(self, batch: list[Source]) -> None:
        self.expected += len(batch)
        self._batches.put(batch)
        if len(self._workers) < self._most:
            self._workers.append(_Worker(self._limits, self._batches, self._answers))

    def take(self) -> Answer:
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        self.expected -= 1
        return answer

    def spare(self) -> None:
        if len(self._workers) == 1 and not self.expected:
            self._workers[0].spare()

    def end(self) -> None:
        for one in self._workers:
            one.kill()
            self._batches.put(None)
        for one in self._workers:
            one.join()


class _Worker(threading.Thread):
    """One worker process, started again whenever it has died."""

    def __init__(
        self,
        limits: Limits,
        batches: queue.SimpleQueue[list[Source] | None],
        answers: queue.SimpleQueue[Answer | BaseException],
    ) -> None:
        super().__init__(name="evallint-worker", daemon=True)
        self._limits = limits
        self._batches = batches
        self._answers = answers
        self._key: _Key | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._lock = threading.Lock()
        self.start()

    def kill(self) -> None:
        with self._lock:
            self._killed = True
            if self._process:
                self._process.kill()

    def spare(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process and self._key:
            _spare.keep(self._key, process)

    def run(self) -> None:
        try:
            while not self._killed and (batch := self._batches.get()) is not None:
                self._living()
                while batch and not self._killed:
                    batch = batch[self._answer(batch) :]
        except BaseException as error:
            self._answers.put(error)
        finally:
            self._bury()

    def _answer(self, batch: list[Source]) -> int:
        """Answer a batch, or its part up to the file that cost the process its life; return how many files that is."""
        process = self._living()
        self._hand_over(process, batch)
        for done, source in enumerate(batch, 1):
            reply = worker.read_message(_reading(process))
            if self._killed:
                break
            answer = self._judged(source, reply)
            is_over = reply is None or reply[:1] == worker.OUT_OF_MEMORY
            if is_over:
                self._bury()
            self._answers.put((source, answer))
            if is_over:
                return done
        return len(batch)

    def _judged(self, source: Source, reply: bytes | None) -> bytes | Trouble:
        kind, answer = (reply[:1], reply[1:]) if reply else (None, b"")
        if kind == worker.FACTS:
            return answer
        if kind == worker.NOT_PYTHON:
            line, message = json.loads(answer)
            return Trouble(source.path, line, message)
        if kind == worker.OUT_OF_MEMORY:
            why = f"that takes more than {self._limits.memory / (1 << 30):.3g} GB of memory"
        elif kind is None:
            why = self._cause_of_death()
        else:
            why = answer.decode("utf-8", "replace")
        return Crash(source.path, 1, f"evallint fails to read this file: {why}")

    def _cause_of_death(self) -> str:
        code = self._process.wait() if self._process else 0
        if code == worker.TOO_LATE:
            return f"that takes more than {self._limits.deadline:g} s"
        return f"the parser was ended by {_signal_name(-code)}" if code < 0 else f"the parser left with code {code}"

    def _hand_over(self, process: subprocess.Popen[bytes], batch: list[Source]) -> None:
        writing = _writing(process)
        try:
            for source in batch:
                worker.write_message(writing, source.text.encode("utf-8", "surrogatepass"))
            writing.flush()
        except OSError:
            pass  # it has died on one of them already; reading its replies tells on which

    def _living(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._process:
                return self._process
            self._key = _Key(self._limits, tuple(_import_path()))
            spare = _spare.taken(self._key)
            self._process = process = spare or _start(self._key)
            if self._killed:
                process.kill()
        if not spare and worker.read_message(_reading(process)) != worker.READY and not self._killed:
            raise WorkersUnusable(f"a worker process did not start; it left with {process.wait()}")
        return process

    def _bury(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process:
            _end(process)


class _Key(NamedTuple):
    """What workers have to have in common to stand for each other."""

    limits: Limits
    path: tuple[str, ...]


class _Spare:
    """A worker process that has nothing to do: to start another one takes longer than to read a few files."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[_Key, subprocess.Popen[bytes]] | None = None
        self._owner = 0

    def keep(self, key: _Key, process: subprocess.Popen[bytes]) -> None:
        self.end()
        with self._lock:
            self._kept, self._owner = (key, process), os.getpid()

    def taken(self, key: _Key) -> subprocess.Popen[bytes] | None:
        """Return the process, which is the caller's from now on, if there is one of this kind that lives."""
        with self._lock:
            if not self._kept or self._kept[0] != key or self._owner != os.getpid() or self._kept[1].poll() is not None:
                return None
            (_, process), self._kept = self._kept, None
            return process

    def end(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, None
        if kept and self._owner == os.getpid():  # and not that of a process which has forked
            _end(kept[1])


_spare: Final = _Spare()
atexit.register(_spare.end)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    _reading(process).close()
    with contextlib.suppress(OSError):
        _writing(process).close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _start(key: _Key) -> subprocess.Popen[bytes]:
    program = f"import sys; sys.path[:] = {[*key.path]!r}; from evallint.extract import worker; "
    call = f"worker.main({key.limits.deadline!r}, {key.limits.memory!r})"
    return subprocess.Popen(
        [sys.executable, "-I", "-c", program + call],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _import_path() -> list[str]:
    """Return our import path without the working directory, unless that is where evallint itself lies."""
    here = os.getcwd()
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [entry for entry in map(os.path.abspath, filter(None, sys.path)) if entry != here or entry == home]


def _reading(process: subprocess.Popen[bytes]) -> BinaryIO:
    assert process.stdout
    return typing.cast(BinaryIO, process.stdout)


def _writing(process: subprocess.Popen[bytes]) -> BinaryIO:
    assert process.stdin
    return typing.cast(BinaryIO, process.stdin)
