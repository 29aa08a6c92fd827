"""A model is pickled with its class instead of saving its state."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for pickled in project.whole_pickles:
        yield Finding(
            at=pickled.at,
            says=SAYS[pickled.side].format(f"`{pickled.model}`" if pickled.model else "the model"),
            because=pickled.because,
            function=pickled.function,
        )


SAYS = {
    "saved": "{} is pickled whole: `torch.load` refuses the file unless it may run any code",
    "loaded": "{} is read from the file as a whole model, which `torch.load` refuses by default",
}
