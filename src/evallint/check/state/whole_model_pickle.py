"""A model is pickled with its class instead of saving its state."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, ReplaceKept
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    is_read = any(pickled.side == "loaded" for pickled in project.whole_pickles)
    for pickled in project.whole_pickles:
        yield Finding(
            at=pickled.at,
            says=SAYS[pickled.side].format(f"`{pickled.model}`" if pickled.model else "the model"),
            because=pickled.because,
            function=pickled.function,
            fix=None if is_read else ReplaceKept(pickled.at, "{}.state_dict()", "save the state of the model"),
        )


SAYS = {
    "saved": "{} is pickled whole: `torch.load` refuses the file unless it may run any code",
    "loaded": "{} is read from the file as a whole model, which `torch.load` refuses by default",
}
