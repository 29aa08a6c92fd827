"""Room for recursion: code nests deeper than Python's default stack allows, above all when machines write it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

STACK_BYTES = 512 << 20
RECURSION_LIMIT = 200_000

Result = TypeVar("Result")


def deep(work: Callable[[], Result]) -> Result:
    """Return (or raise) what `work` does on a thread of its own, on which hundred thousands of calls may nest."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        thread = deep_thread(run)
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]


def deep_thread(run: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread with a large stack; the recursion limit is the caller's business."""
    former = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=run, name="evallint-deep", daemon=True)
        thread.start()
    finally:
        threading.stack_size(former)
    return thread
