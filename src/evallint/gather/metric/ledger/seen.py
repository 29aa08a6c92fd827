"""What is known of evaluations, and of losses by their names, wherever a function is followed."""

from __future__ import annotations

from collections.abc import Mapping

from evallint.findings import Place
from evallint.gather.metric.passes import Pass
from evallint.memory import Memory
from evallint.program import FunctionSymbol


class Seen:
    """Answers from the passes that models evaluate in, and from what the program makes of losses, by their names."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: Mapping[object, object] = {}

    def renew(self, passes: Mapping[int, Pass], losses: Mapping[str, str]) -> None:
        """Take in what is seen now, and forget what stands on something else."""
        known: dict[object, object] = {("pass", number): one.loop.symbol for number, one in passes.items()}
        known.update((("run", place), True) for one in passes.values() for place in one.runs)
        known.update((("loss", name), gives) for name, gives in losses.items())
        former, self._known = self._known, known
        self._memory.forget(key for key in {**former, **known} if former.get(key) != known.get(key))

    def evaluates_in(self, loop: int) -> FunctionSymbol | None:
        """The function of a loop over batches in which a model evaluates, None for any other loop."""
        found = self._told(("pass", loop))
        return found if isinstance(found, FunctionSymbol) else None

    def runs_model(self, call: Place) -> bool:
        """Whether a call leads to a model that evaluates."""
        return bool(self._told(("run", call)))

    def named_loss(self, name: str) -> str:
        """What a loss of this name makes of a batch, "" where nothing goes by it."""
        return str(self._told(("loss", name)) or "")

    def _told(self, key: object) -> object:
        self._memory.note(key)
        return self._known.get(key)
