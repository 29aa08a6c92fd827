"""Runs jobs in a child process, under a Python that has torch, and collects their answers.

The child may be killed by what it runs: then the job at hand has its answer, and the others go to a new child.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from evallint.probe.plan import Job

GIB: Final = 1 << 30
BEGIN: Final = """\
import sys, types
folder = sys.argv[1]
for name, path in (("evallint", folder), ("evallint.probe", folder + "/probe")):
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__ = [path]
from evallint.probe.child import serving
serving.main()
"""
"""The child's first lines: our own package by its folder, without what its `__init__` would import."""

START: Final = 60.0
"""Seconds that a child may take to begin, beside those of its jobs."""


class Bounds(NamedTuple):
    """What one job may use: seconds on the clock and of CPU, bytes of memory, bytes of each file it writes."""

    seconds: float = 60.0
    memory: int = 4 * GIB
    file: int = 64 << 20
    walls: bool = True


class NoPython(Exception):
    """There is no Python that has torch."""


Answer = dict[str, Any]


def interpreter(wanted: str, project: str) -> str:
    """The Python that experiments run under: the one asked for, the project's own, or evallint's.

    Raises NoPython where none of them has torch.
    """
    if wanted:
        found = shutil.which(os.path.expanduser(wanted))
        if found is None:
            raise NoPython(f"`{wanted}` is no Python that can be run")
        return os.path.abspath(found)
    homes = [os.environ.get("VIRTUAL_ENV", ""), os.path.join(project, ".venv"), os.path.join(project, "venv")]
    pythons = [python for home in homes if home for python in _pythons_of(home)]
    pythons += [sys.executable, *filter(None, [os.environ.get("CONDA_PREFIX") and shutil.which("python")])]
    for python in [*dict.fromkeys(pythons), *filter(None, [shutil.which("python3")])]:
        if _has_torch(python):
            return python
    raise NoPython("no Python with torch was found; name one with --python")


def _pythons_of(home: str) -> list[str]:
    python = os.path.join(home, "bin", "python")
    return [python] if os.path.isfile(python) else []


def _has_torch(python: str) -> bool:
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run([python, "-I", "-c", code], capture_output=True, timeout=30).returncode == 0
    return False


def run(
    jobs: Sequence[Job], python: str, bounds: Bounds, told: Callable[[int, int], None] | None = None
) -> list[Answer]:
    """The answers to jobs, in their order. `told` hears how many are done, and of how many."""
    answers: dict[int, Answer] = {}
    with tempfile.TemporaryDirectory(prefix="evallint-probe-", ignore_cleanup_errors=True) as scratch:
        while len(answers) < len(jobs):
            left = [number for number in range(len(jobs)) if number not in answers]
            child = Child(python, scratch, bounds, [{**jobs[number], "number": number} for number in left])
            before = len(answers)
            for number, answer in child.answers():
                answers[number] = answer
                if told:
                    told(len(answers), len(jobs))
            if len(answers) == before:
                reason = child.last_words() or "the Python that runs experiments does not start"
                answers.update({number: inconclusive(reason) for number in left})
    return [answers[number] for number in range(len(jobs))]


def inconclusive(reason: str) -> Answer:
    return {"verdict": "inconclusive", "reason": reason}


class Child:
    """One child process and the jobs it is given."""

    def __init__(self, python: str, scratch: str, bounds: Bounds, jobs: Sequence[Job]) -> None:
        self._token = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._bounds = bounds
        self._jobs = jobs
        self._words = b""
        self._scratch = scratch
        package = str(Path(__file__).parent.parent)
        readable, writable = os.pipe()
        self._results = os.fdopen(readable, "rb", buffering=0)
        request = {
            "token": self._token,
            "results": writable,
            "scratch": scratch,
            "walls": bounds.walls,
            "limits": {"cpu": bounds.seconds + 1, "memory": bounds.memory, "file": bounds.file},
            "jobs": [{**job, "seconds": bounds.seconds} for job in jobs],
        }
        self._process = subprocess.Popen(
            [python, "-I", "-X", "faulthandler", "-c", BEGIN, package],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(scratch, self._token),
            cwd=scratch,
            start_new_session=True,
            pass_fds=(writable,),
        )
        os.close(writable)
        with contextlib.suppress(OSError):
            stdin = self._process.stdin
            assert stdin is not None
            stdin.write(json.dumps(request).encode("ascii"))
            stdin.close()

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """Yield the jobs' answers as far as the child got, one for the job that ended it too. Nothing of it is left."""
        current: int | None = None
        try:
            for number, answer in self._told():
                current = None if answer is not None else number
                if answer is not None:
                    yield number, answer
            if current is not None:
                yield current, inconclusive("the code ended the process that ran it")
        finally:
            self._end()

    def last_words(self) -> str:
        """The last line the child wrote as it failed to begin."""
        lines = self._words.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _told(self) -> Iterator[tuple[int, Answer | None]]:
        """Yield what the child says, until all is said, it ends or its time is up."""
        data, done = b"", 0
        deadline = time.monotonic() + START + sum(job.get("seconds", self._bounds.seconds) + 5 for job in self._jobs)
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._results], [], [], min(left, 1.0))[0]:
                if self._process.poll() is not None:
                    break
                continue
            part = self._results.read(65536)
            if not part:
                break
            data += part
            *lines, data = data.split(b"\n")
            for told in filter(None, map(self._read, lines)):
                done += told[1] is not None
                yield told
            if done == len(self._jobs):
                break

    def _read(self, line: bytes) -> tuple[int, Answer | None] | None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            told = json.loads(line)
            if told["token"] == self._token:
                return int(told["job"]), told["answer"]
        return None  # garbage

    def _end(self) -> None:
        """Kills the child and all that came of it."""
        self._results.close()
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        stderr = self._process.stderr
        if stderr is not None:
            self._words = _read_some(stderr)
            stderr.close()
        self._process.wait()
        for pid in strays(self._token):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _read_some(stream: IO[bytes]) -> bytes:
    with contextlib.suppress(OSError, ValueError):
        os.set_blocking(stream.fileno(), False)
        return stream.read(65536) or b""
    return b""


def strays(token: str) -> list[int]:
    """The processes that carry a child's mark in their environment and outlived it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*") if os.path.isdir("/proc/self") else ():
        with contextlib.suppress(OSError):
            if f"EVALLINT_PROBE={token}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


KEPT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What the child gets of our own environment: what is needed to start, and no secret."""


def environment(scratch: str, token: str) -> Mapping[str, str]:
    """The environment of a child: everything it may write goes into `scratch`, everything that downloads is off."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    homes = dict.fromkeys(
        ("HOME", "TMPDIR", "TEMP", "TMP", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"),
        scratch,
    )
    offline = dict.fromkeys(
        ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"), "1"
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        **kept,
        **homes,
        **offline,
        **threads,
        "CUDA_VISIBLE_DEVICES": "",
        "WANDB_MODE": "disabled",
        "KERAS_BACKEND": "torch",
        "MPLBACKEND": "agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "EVALLINT_PROBE": token,
    }
