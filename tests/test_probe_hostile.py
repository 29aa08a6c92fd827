"""Code that does its worst when an experiment runs it: each is an inconclusive verdict, and nothing is left of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from evallint.probe import Bounds, run
from evallint.probe.launch import strays

CODE = """\
import os
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        {forward}
        return self.layer(x)
"""

WORST = {
    "loop": "while True: pass",
    "bomb": "\n        while True: os.fork()",
    "native_bomb": "import ctypes\n        while True: ctypes.CDLL(None).fork()",
    "memory": "x = torch.zeros(25 * 2**30)",
    "exit": "os._exit(3)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "parent": "import signal; os.kill(os.getppid(), signal.SIGKILL)",
    "write": "open({outside!r}, 'w').write('x')",
    "native_write": "torch.save({{}}, {outside!r})",
    "garbage": "\n        [os.write(fd, b'garbage' * 99) for fd in range(3, 64) if is_open(fd)]; os._exit(0)",
    "network": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=30)",
    "sleep": "os.setsid() if os.getpid() != os.getsid(0) else None; import time; time.sleep(1000)",
}
REASONS = {
    "loop": "took longer than",
    "memory": "memory",
    "exit": "exit code 3",
    "segfault": "SIGSEGV",
    "bomb": "starts no processes",
    "network": "no network",
    "write": "outside its folder",
}
SLOW = {"loop", "native_bomb", "sleep"}
"""Those that end only as their time is up: once is enough."""

NATIVE = {"native_bomb", "native_write"}
"""Without walls, native code is bounded by the limits alone."""

FINE = "pass"
IS_OPEN = """

def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
"""


@pytest.fixture(scope="module", params=[True, False], ids=["walls", "no walls"])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The answers to an experiment on each of them and, last, on a module that is fine."""
    folder = tmp_path_factory.mktemp("hostile")
    outside = folder.parent / f"outside-{request.param}"
    worst = {name: code for name, code in WORST.items() if request.param or name not in SLOW | NATIVE}
    worst["fine"] = FINE
    jobs = []
    for name, forward in worst.items():
        file = folder / f"{name}.py"
        file.write_text(CODE.format(forward=forward.format(outside=str(outside))) + IS_OPEN)
        target = {"kind": "class", "file": str(file), "name": "Net", "sites": []}
        jobs.append({"experiment": "mode", "project": str(folder), "targets": [target], "options": {}, "hints": {}})
    found = run(jobs, sys.executable, Bounds(seconds=2.5, walls=request.param))
    assert not outside.exists()
    return dict(zip(worst, found, strict=True))


def test_the_worst_is_inconclusive(answers: dict[str, dict[str, Any]]) -> None:
    verdicts = {name: answer["verdict"] for name, answer in answers.items()}
    if verdicts.get("parent") == "refuted":
        del verdicts["parent"]  # within walls it cannot reach its parent
    assert verdicts.pop("fine") == "refuted"
    assert set(verdicts.values()) == {"inconclusive"}, verdicts


def test_the_reason_is_given(answers: dict[str, dict[str, Any]]) -> None:
    given = {name: answers[name]["reason"] for name in REASONS if name in answers}
    if given.get("loop") == "it used more CPU time than it may":
        del given["loop"]  # which of the two clocks is first depends on what else the machine does
    assert {name: text for name, text in given.items() if REASONS[name] not in text} == {}


def test_nothing_is_left_running(answers: dict[str, dict[str, Any]]) -> None:
    mark = f"EVALLINT_PROBE={os.getpid()}-".encode()
    marked = [path for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]
    assert marked == []
    assert strays("nobody") == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_torch_that_is_missing_is_a_reason(tmp_path: Path) -> None:
    job = {"experiment": "mode", "project": str(tmp_path), "targets": [], "options": {}, "hints": {}}
    (tmp_path / "empty").mkdir()
    (answer,) = run([job], os.path.join(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"), Bounds(10.0))
    assert answer["verdict"] == "inconclusive"
    assert "torch cannot be imported" in answer["reason"]
