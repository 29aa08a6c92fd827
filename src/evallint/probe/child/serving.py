"""Takes jobs from standard input, runs each in a process of its own, and writes an answer for each.

What comes in is one JSON object; what goes out, to the descriptor that it names as `results`, is a JSON object a line:
`{"token", "job", "answer"}`, with `answer` None as the job begins. A job that crashes, hangs or ends the process still
gets an answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from evallint.probe.child import running, sandbox, world

LONGEST = 1 << 20
"""Bytes that an answer may have."""


def main() -> None:
    """Serve until all jobs are done."""
    request = json.load(sys.stdin)
    out = request["results"]
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.dont_write_bytecode = True

    def send(job: int, answer: Mapping[str, Any] | None) -> None:
        line = json.dumps({"token": request["token"], "job": job, "answer": answer}) + "\n"
        data = line.encode("ascii")
        while data:
            data = data[os.write(out, data) :]

    world.libraries(request["jobs"])
    for job in request["jobs"]:
        send(job["number"], None)
        started = time.monotonic()
        answer = in_fork(job, request, out)
        send(job["number"], {**answer, "seconds": round(time.monotonic() - started, 2)})


def in_fork(job: Mapping[str, Any], request: Mapping[str, Any], out: int) -> dict[str, Any]:
    """Runs a job in a child, which has the job's seconds and no more."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(readable)
            os.close(out)
            _isolated(job, request, writable)
        finally:
            os._exit(70)
    os.close(writable)
    try:
        data, status = _outcome(child, readable, time.monotonic() + job["seconds"])
    finally:
        os.close(readable)
    return _answer(data, status, job["seconds"])


def _isolated(job: Mapping[str, Any], request: Mapping[str, Any], writable: int) -> None:
    """In the child: walls, then the job within them, in a process of its own where they make that possible."""
    os.setsid()
    sandbox.end_with_parent()
    scratch = tempfile.mkdtemp(dir=request["scratch"])
    walls = sandbox.walled(request["scratch"]) if request["walls"] else frozenset()
    if "processes" in walls:
        _as_child(sandbox.end_with_parent)  # the first of its world, which reaps and does nothing else
        _as_child(sandbox.end_with_parent)
    sandbox.limit(request["limits"])
    os.chdir(job["project"] if "files" in walls else scratch)
    os.environ["TMPDIR"] = tempfile.tempdir = scratch
    sandbox.guard(request["scratch"])
    data = json.dumps(running.answered(job)).encode("ascii")[:LONGEST]
    while data:
        data = data[os.write(writable, data) :]
    os._exit(0)


def _as_child(begin: Any) -> None:
    """Goes on in a child; this process only waits for it and ends as it does."""
    child = os.fork()
    if child == 0:
        begin()
        return
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _outcome(child: int, readable: int, deadline: float) -> tuple[bytes, int | None]:
    """What a child wrote, and how it ended: None where its time was up. Nothing of it is left."""
    data, is_open = b"", True
    while (left := deadline - time.monotonic()) > 0:
        if is_open and select.select([readable], [], [], min(left, 0.05))[0]:
            part = os.read(readable, 65536)
            data += part
            is_open = bool(part) and len(data) <= LONGEST
        elif not is_open:
            time.sleep(min(left, 0.01))
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            while is_open and select.select([readable], [], [], 0)[0] and (part := os.read(readable, 65536)):
                data += part
            _end(child)
            return data, os.waitstatus_to_exitcode(status)
    _end(child)
    os.waitpid(child, 0)
    return data, None


def _end(group: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _answer(data: bytes, status: int | None, seconds: float) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        answer = json.loads(data)
        if isinstance(answer, dict) and "verdict" in answer:
            return answer
    return {"verdict": "inconclusive", "reason": _how_it_ended(status, seconds)}


def _how_it_ended(status: int | None, seconds: float) -> str:
    if status is None:
        return f"it took longer than {seconds:g} s"
    number = -status if status < 0 else status - 128
    if status < 0 or status > 128:
        with contextlib.suppress(ValueError):
            name = signal.Signals(number).name
            return "it used more CPU time than it may" if name == "SIGXCPU" else f"the code crashed Python ({name})"
    return f"the code ended the process (exit code {status})"
