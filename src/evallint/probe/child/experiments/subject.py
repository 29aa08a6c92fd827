"""What an experiment is done with: a module with an input that it takes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from evallint.probe.child.feeding import Feed, run

SEEDS = 5


class Subject(NamedTuple):
    """A module, how it came about, an input that it takes, and whether no part of the module is made up."""

    module: Any
    how: str
    feed: Feed
    is_whole: bool

    def run(self, seed: int, noise: int = 0) -> Any:
        """What the module gives for the input of a seed; `noise` seeds what is random in the pass."""
        seeded(noise)
        return run(self.module, self.feed, seed)


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
