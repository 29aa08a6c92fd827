"""What a traced interpreter runs at its start: the recorder waits for torch, then the user's own file runs."""

import importlib
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))


def start_recorder() -> None:
    if os.environ.get("EVALLINT_TRACE_FOLDER"):
        importlib.import_module("evallint_recorder").watch(os.environ["EVALLINT_TRACE_FOLDER"])


def run_users_own() -> None:
    """Runs the `sitecustomize` that would have been found without this one, with its errors, under its name."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != FOLDER]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


try:
    start_recorder()
finally:
    run_users_own()
