"""The worker process of `pool`: texts come in on standard input, their facts go out on standard output.

Both ways, a message is its length (4 bytes, big endian) and that many bytes. The first answer says that the worker is
ready; then each text has one answer, in order, whose first byte is its kind. The process may die at any moment, since
the parser can overflow the stack; `pool` then knows which text it was.
"""

from __future__ import annotations

import faulthandler
import gc
import itertools
import json
import os
import queue
import signal
import struct
import sys
from typing import BinaryIO

READY = b"r"
FACTS = b"f"
NOT_PYTHON = b"n"
OUT_OF_MEMORY = b"m"
FAILED = b"x"

TOO_LATE = 1
"""The exit code that `faulthandler` gives a process whose time is up."""

UNUSABLE = 70
"""The exit code of a worker that can't go on, whatever the text."""

COLLECTED_EVERY = 64
"""After so many texts cycles are looked for, while there is nothing else to do."""

LENGTH = struct.Struct(">I")


def main(deadline: float, memory: int) -> None:
    """Answer texts until standard input ends. A text that takes longer than `deadline` seconds ends the process, and
    so, where the system can count it, may one that needs more than `memory` bytes."""
    texts_in, answers_out = _own_pipes()
    _ignore_interrupts()
    _limit_memory(memory)

    from evallint.extract.deep import RECURSION_LIMIT, deep_thread

    sys.setrecursionlimit(RECURSION_LIMIT)
    texts: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    deep_thread(lambda: _serve(texts, answers_out, deadline))
    # Reading goes on while a text is worked on: so the other side can always write, and its end is noticed at once.
    while (text := read_message(texts_in)) is not None:
        texts.put(text)
    os._exit(0)


def encoded(text: str) -> bytes:
    """Return the facts of a text, encoded; nothing for one that mentions nothing a rule could be about.

    Raises `extract.NotPython`.
    """
    from evallint import codec, extract

    if not extract.worth_parsing(text.encode("utf-8", "surrogatepass")):
        return b""
    return codec.encode(extract.extract(text))


def read_message(stream: BinaryIO) -> bytes | None:
    """Return the next message; None where the stream has ended."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_message(stream: BinaryIO, *parts: bytes) -> None:
    stream.write(b"".join((LENGTH.pack(sum(map(len, parts))), *parts)))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for messages only: a stray print goes nowhere."""
    pipes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return pipes


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; the parent decides what becomes of this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limit_memory(memory: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # not every system counts memory, or lets it be limited


def _serve(texts: queue.SimpleQueue[bytes], answers: BinaryIO, deadline: float) -> None:
    try:
        gc.disable()  # trees hold no cycles, and looking for some takes a third of the time
        from evallint.extract import lean  # imported here so that the first text's deadline need not cover it

        lean.install()
        gc.freeze()
        write_message(answers, READY)
        answers.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in itertools.count(1):
            if not number % COLLECTED_EVERY and texts.empty():
                gc.collect()
            text = texts.get().decode("utf-8", "surrogatepass")
            faulthandler.dump_traceback_later(deadline, exit=True, file=nowhere)
            kind, answer = _answer(text)
            faulthandler.cancel_dump_traceback_later()
            write_message(answers, kind, answer)
            answers.flush()
    finally:
        os._exit(UNUSABLE)


def _answer(text: str) -> tuple[bytes, bytes]:
    from evallint import extract

    try:
        return FACTS, encoded(text)
    except extract.NotPython as error:
        return NOT_PYTHON, json.dumps([error.line, error.message]).encode()
    except MemoryError:
        return OUT_OF_MEMORY, b""
    except RecursionError:
        return FAILED, b"its code is nested too deeply"
    except BaseException as error:  # the parser's own panics are no Exception
        return FAILED, f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace")
