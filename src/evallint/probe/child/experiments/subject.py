"""What an experiment is done with: a module with an input that it takes."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from evallint.probe.child.feeding import NO_INPUT, Feed, run
from evallint.probe.child.reaching import Reached

MOST_SEEDS = 5
PASSES = 5
"""Passes that an experiment makes for each seed, or a few more."""


class Subject:
    """A module that was reached, and an input that it takes."""

    def __init__(self, reached: Reached, feed: Feed, seconds: float) -> None:
        self.module = reached.module
        self.is_whole = reached.is_whole
        self.feed = feed
        self._again = reached.again
        self.seeds = 1
        if feed is NO_INPUT:
            return
        started = time.monotonic()
        with import_module("torch").no_grad():
            self.run(0)
        passes = seconds / max(time.monotonic() - started, 1e-6) / PASSES
        self.seeds = max(1, min(MOST_SEEDS, int(passes)))

    def run(self, seed: int, noise: int = 0, module: Any = None) -> Any:
        """What the module (or another one like it) gives for the input of a seed; `noise` seeds what is random."""
        seeded(noise)
        return run(self.module if module is None else module, self.feed, seed)

    def fresh(self) -> Any:
        """Another module, made as this one was: with its own random weights."""
        seeded(1234)
        made = self._again()
        if made is not self.module:
            return made
        made = copy.deepcopy(self.module)
        for part in made.modules():
            if callable(getattr(part, "reset_parameters", None)):
                part.reset_parameters()
        return made


def seeded(seed: int) -> None:
    random.seed(seed)
    import_module("torch").manual_seed(seed)
    try:
        numpy: Any = import_module("numpy")
    except ImportError:
        return
    numpy.random.seed(seed)


def answer(is_so: bool, subject: Subject, **numbers: Any) -> dict[str, Any]:
    """A verdict with its numbers. What is made up in parts may show that something is so, not that it isn't."""
    if not is_so and not subject.is_whole:
        reason = "the parts it is built from are out of sight, and stand-ins for them show nothing"
        return {"verdict": "inconclusive", "reason": reason, "numbers": numbers}
    return {"verdict": "confirmed" if is_so else "refuted", "numbers": numbers}


def options(job: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = job.get("options", {})
    return found
