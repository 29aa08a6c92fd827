"""What a user's own run shows of the findings: `evallint trace`, a plugin of pytest, and an extension of IPython.

`pytest -p evallint.trace` records the modules that the tests call; `%load_ext evallint.trace` records those of a
notebook, also of scripts that `%run` runs, and `%evallint_trace` tells of them.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_RECORDER = "evallint_recorder"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--evallint-trace-file`."""
    group = parser.getgroup("evallint")
    group.addoption("--evallint-trace-file", metavar="FILE", default="evallint-trace.json", help="what was recorded")


def pytest_configure(config: pytest.Config) -> None:
    """Starts recording: in this process, in those that it starts, and in the workers of xdist."""
    if _RECORDER not in sys.modules:
        config.stash[_folder_key()] = _start()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Writes the table below the results, once, and the JSON."""
    folder = config.stash.get(_folder_key(), "")
    if folder and not hasattr(config, "workerinput"):
        terminalreporter.section("evallint trace")
        terminalreporter.write(_told(folder, "-o", config.getoption("--evallint-trace-file")))


def load_ipython_extension(shell: Any) -> None:
    """Starts recording, and makes `%evallint_trace` tell what was recorded so far."""
    folder = _start()
    shell.register_magic_function(lambda line: print(_told(folder, *line.split())), "line", "evallint_trace")


def _folder_key() -> pytest.StashKey[str]:
    import pytest

    global _key
    if _key is None:
        _key = pytest.StashKey[str]()
    return _key


_key: pytest.StashKey[str] | None = None


def _start() -> str:
    """Starts recording in this process and in what it starts, and returns the folder."""
    from evallint.trace.running import FOLDER, INJECTED, environment

    folder = os.environ.get(FOLDER) or tempfile.mkdtemp(prefix="evallint-trace-")
    os.environ.update(environment(folder, os.environ))
    if _RECORDER not in sys.modules:
        spec = importlib.util.spec_from_file_location(_RECORDER, INJECTED / f"{_RECORDER}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_RECORDER] = module
        spec.loader.exec_module(module)
    sys.modules[_RECORDER].watch(folder)
    return folder


def _told(folder: str, *options: str) -> str:
    sys.modules[_RECORDER].flush()
    words = (sys.executable, "-m", "evallint", "trace", "--folder", folder, *options)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr
