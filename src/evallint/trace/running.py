"""A command run with the recorder in it, and otherwise as if it had been run alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

INJECTED: Final = Path(__file__).parent / "injected"
"""What a traced interpreter finds first: its `sitecustomize` starts the recorder and then runs the user's own."""

FOLDER: Final = "EVALLINT_TRACE_FOLDER"
"""The variable that tells the recorder where to write."""

_FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
_FROM_KEYS = ("SIGINT", "SIGQUIT")


def environment(folder: str, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which every Python that starts records into `folder`."""
    path = [str(INJECTED), *filter(None, [outer.get("PYTHONPATH")])]
    return {**outer, FOLDER: os.path.abspath(folder), "PYTHONPATH": os.pathsep.join(path)}


def run(words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit code, or minus the signal that ended it. OSError: it can't start.

    It has the streams and files of this process, and gets the signals that this process gets.
    """
    started: list[subprocess.Popen[bytes]] = []
    with _forwarding(started):
        started.append(subprocess.Popen(words, env=dict(variables), close_fds=False))
        return started[0].wait()


def end_alike(code: int) -> int:
    """Return an exit code, or end by the signal that a negative one stands for, as the command did."""
    if code >= 0:
        return code
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core, that of the command, is enough
    if -code not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code


@contextmanager
def _forwarding(started: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    def forward(number: int, frame: object) -> None:
        # A key pressed at the terminal has reached the command too.
        if started and not (signal.Signals(number).name in _FROM_KEYS and _is_at_terminal()):
            started[0].send_signal(number)

    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]
    former = {number: signal.getsignal(number) for number in numbers}
    for number, handler in former.items():
        if handler is not signal.SIG_IGN:  # then the command ignores it as well
            signal.signal(number, forward)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _is_at_terminal() -> bool:
    """Is this process in the group that a terminal sends its keys' signals to?"""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
