"""Where names stand in a program, whatever they stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from evallint.facts import FileFacts
from evallint.memory import ByFile, Memory
from evallint.program import FunctionSymbol


class Standing(NamedTuple):
    """The names in one file: what each of its functions mentions, what it imports, and the names of its classes."""

    mentions: tuple[tuple[str, ...], ...]
    imports: frozenset[str]
    classes: frozenset[str]


NOWHERE = Standing((), frozenset(), frozenset())


class NameIndex:
    """Knows for each name where it stands. Read when it is first asked."""

    def __init__(self, files: Mapping[str, FileFacts], memory: Memory) -> None:
        self._files = files
        self._memory = memory
        self._standing = ByFile(memory, files, self._stand)
        self._users: dict[str, list[FunctionSymbol]] = {}
        self._importing: dict[str, set[str]] = {}
        self._classes: dict[str, set[str]] = {}
        self._ranks: dict[str, int] = {}

    def users(self, name: str) -> Collection[FunctionSymbol]:
        """The functions that mention a name, in the order of the files."""
        self._read()
        self._memory.note(("users", name))
        return self._users.get(name, ())

    def importing(self, name: str) -> Collection[str]:
        """The files that import this name from a module, or, for `*`, all of one."""
        self._read()
        self._memory.note(("importing", name))
        return self._importing.get(name, ())

    def has_class(self, name: str) -> bool:
        """Whether a class of the program has this name."""
        return bool(self.with_class(name))

    def with_class(self, name: str) -> Collection[str]:
        """The files that define a class of this name."""
        self._read()
        self._memory.note(("class", name))
        return self._classes.get(name, ())

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on names that stand elsewhere by now."""
        if self._ranks:
            for path, before, after in self._standing.renew():
                self._change(path, before or NOWHERE, after)

    def _read(self) -> None:
        if self._ranks or not self._files:
            return
        self._ranks = {path: rank for rank, path in enumerate(self._files)}
        for path, _, standing in self._standing.renew():
            for name, users in users_in(path, standing).items():
                self._users.setdefault(name, []).extend(users)
            add(self._importing, standing.imports, path)
            add(self._classes, standing.classes, path)

    def _stand(self, path: str) -> Standing:
        facts = self._files[path]
        return Standing(
            tuple(function.mentions for function in facts.functions),
            frozenset(one.name for one in facts.imports),
            frozenset(klass.name for klass in facts.classes),
        )

    def _change(self, path: str, before: Standing, after: Standing) -> None:
        old, new = users_in(path, before), users_in(path, after)
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        for name in changed:
            others = [user for user in self._users.get(name, ()) if user.path != path]
            users = sorted((*others, *new.get(name, ())), key=lambda user: (self._ranks[user.path], user.index))
            self._users[name] = users
        self._memory.forget(("users", name) for name in changed)
        for table, kind, one, other in (
            (self._importing, "importing", before.imports, after.imports),
            (self._classes, "class", before.classes, after.classes),
        ):
            for name in one:
                table[name].discard(path)
            add(table, other, path)
            self._memory.forget((kind, name) for name in one ^ other)


def users_in(path: str, standing: Standing) -> dict[str, list[FunctionSymbol]]:
    """The functions of a file by each name that they mention."""
    found: dict[str, list[FunctionSymbol]] = {}
    for index, mentions in enumerate(standing.mentions):
        user = FunctionSymbol(path, index)
        for name in mentions:
            if not name.endswith("()"):
                found.setdefault(name, []).append(user)
    return found


def add(table: dict[str, set[str]], names: Iterable[str], path: str) -> None:
    for name in names:
        table.setdefault(name, set()).add(path)
