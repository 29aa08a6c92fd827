"""A tensor that a forward uses is neither parameter nor buffer."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for tensor in project.plain_tensors:
        yield Finding(
            at=tensor.at,
            says=SAYS[tensor.harm].format(tensor.name),
            because=tensor.because,
            function=tensor.function,
            fix=Replace(
                tensor.at, f'self.register_buffer("{tensor.name}", {{}})', f"register `{tensor.name}` as a buffer"
            ),
        )


SAYS = {
    "stays": "`self.{}` is no buffer: it stays behind when the module moves to another device",
    "random": "`self.{}` is random and not saved: a loaded model has another one",
    "changes": "`self.{}` changes from pass to pass and is no buffer: it is neither saved nor moved",
}
