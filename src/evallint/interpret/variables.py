"""What the code of files says of their variables: what each is last, and what is done to it after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evallint import facts as f
from evallint.interpret.reading import bound_names, flat, handed_on
from evallint.memory import are_alike
from evallint.program import Program


class Said(NamedTuple):
    """The last plain assignment of a variable, and the later statements that call a method of it or hand it on."""

    assign: f.Assign
    later: tuple[f.Stmt, ...]


class Variables:
    """Answers by file and name, and notes no more: an edit of a file's own code is nothing to whoever reads another
    of its variables."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[str, Mapping[str, Said]] = {}
        self._former: dict[str, Mapping[str, Said]] = {}

    def of(self, path: str, name: str) -> Said | None:
        """What the code of a file says of one of its variables, None where that assigns it nothing plainly."""
        self._program.memory.note(("variable", path, name))
        return self._in(path).get(name)

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on variables of which they say something else."""
        former, self._former = self._former, {}
        for path, before in former.items():
            after = self._in(path)
            differing = [
                name for name in before.keys() | after.keys() if not are_alike(before.get(name), after.get(name))
            ]
            self._program.memory.forget(("variable", path, name) for name in differing)

    def lose(self, path: str) -> None:
        """What a file said is no longer sure."""
        self._former[path] = self._known.pop(path)

    def _in(self, path: str) -> Mapping[str, Said]:
        if path not in self._known:
            memory = self._program.memory
            with memory.apart() as read:
                self._known[path] = said(self._program.files[path].bodies[0])
            memory.result(self, path, read)
        return self._known[path]


def said(block: f.Block) -> Mapping[str, Said]:
    """What a file's own code says of each variable that it assigns."""
    last: dict[str, f.Assign] = {}
    later: dict[str, list[f.Stmt]] = {}
    for statement in flat(block):
        if isinstance(statement, f.Assign) and statement.value is not None:
            for name in bound_names(statement):
                last[name], later[name] = statement, []
        else:
            for name in handed_on(statement) & last.keys():
                later[name].append(statement)
    return {name: Said(assign, tuple(later[name])) for name, assign in last.items()}
