"""What was found out about a program, kept with what it was found out from, so that it is found out once.

A result may be kept across changes of a program only if it is known what it stands on. So, where a memory `records`,
the facts of files are handed out behind a `Watched`, which notes each part that is read: a function, a body, a class. A
`Memo` keeps with each result the parts that were read for it, those of results that it stands on included. When files
change, `forget` drops what stands on a part that has. Whatever a result depends on has to be such a part, or within its
key. A memory that does not record hands out facts as they are, and notes nothing.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, overload

from evallint.codec import texts
from evallint.facts import FileFacts

Part: TypeAlias = int
"""Something that may change: equal numbers mean the same, until it does."""

Key = TypeVar("Key")
Value = TypeVar("Value")
T = TypeVar("T")

NOTHING: Final[frozenset[Part]] = frozenset()


class Memory:
    """Everything that is kept of one program, and the parts that are being read for what is being found out."""

    def __init__(self, records: bool = False) -> None:
        self.records = records
        self.reading: set[Part] = set()
        self._depth = 0
        self._memos: list[Memo[Any, Any] | ByFile[Any]] = []
        self._parts: dict[object, Part] = {}

    def part(self, name: object) -> Part:
        """The part of this name."""
        return self._parts.setdefault(name, len(self._parts))

    def note(self, name: object) -> None:
        """Note that what is being found out depends on the part of this name."""
        if self.records:
            self.reading.add(self.part(name))

    def note_all(self, parts: Collection[Part]) -> None:
        """Note that it depends on these parts, if anything that is kept does."""
        if self._depth:
            self.reading.update(parts)

    def memo(self) -> Memo[Any, Any]:
        """A new place to keep results in."""
        return self._made(Recorded(self) if self.records else Memo())

    def circles(self, meanwhile: Callable[[Any], Any]) -> Memo[Any, Any]:
        """The same for results that may hang on themselves; see `Circles`."""
        return self._made(Circles(self, meanwhile))

    def _made(self, memo: Memo[Any, Any]) -> Memo[Any, Any]:
        self._memos.append(memo)
        return memo

    def keep_up(self, other: ByFile[Any]) -> None:
        """Let something else know, too, what has changed."""
        self._memos.append(other)

    @contextmanager
    def apart(self) -> Iterator[set[Part]]:
        """Note what is read meanwhile in the set that is given, and nowhere else unless it fails."""
        outer, self.reading = self.reading, set()
        inner = self.reading
        self._depth += 1
        try:
            yield inner
        except BaseException:
            outer |= inner
            raise
        finally:
            self.reading = outer
            self._depth -= 1

    def forget(self, names: Iterable[object]) -> None:
        """Drop all that stands on one of the parts of these names."""
        changed = {self._parts[name] for name in names if name in self._parts}
        for memo in self._memos if changed else ():
            memo.forget(changed)


class Memo(dict[Key, Value]):
    """Results by what they are about, each found out once. This one does not record."""

    def of(self, key: Key, find: Callable[..., Value], *given: Any) -> Value:
        """The result for a key, that of `find` at the first time."""
        if key not in self:
            self[key] = find(*given)
        return self[key]

    def recall(self, key: Key) -> Value:
        """The result for a key that is known."""
        return self[key]

    def keep(self, key: Key, value: Value, parts: frozenset[Part]) -> None:
        """Keep a result that was found out from these parts."""
        self[key] = value

    def drop(self, key: Key) -> None:
        """Forget a result."""
        del self[key]

    def drop_others(self, keys: Collection[Key]) -> None:
        """Forget all results but those for these keys: nobody will ask for them again."""
        for key in self.keys() - set(keys):
            self.drop(key)

    def forget(self, changed: Collection[Part]) -> None:
        """Drop what stands on one of these parts."""


class Recorded(Memo[Key, Value]):
    """One that keeps with each result the parts that it was found out from."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory = memory
        self._parts: dict[Key, frozenset[Part]] = {}

    def of(self, key: Key, find: Callable[..., Value], *given: Any) -> Value:
        parts = self._parts.get(key)
        if parts is None:
            with self._memory.apart() as read:
                found = find(*given)
            self.keep(key, found, parts := frozenset(read))
        self._memory.note_all(parts)
        return self[key]

    def recall(self, key: Key) -> Value:
        self._memory.note_all(self._parts.get(key, NOTHING))
        return self[key]

    def keep(self, key: Key, value: Value, parts: frozenset[Part]) -> None:
        self[key] = value
        self._parts[key] = parts

    def parts(self, key: Key) -> frozenset[Part]:
        """What the result for a key was found out from."""
        return self._parts.get(key, NOTHING)

    def forget(self, changed: Collection[Part]) -> None:
        for key in [key for key, parts in self._parts.items() if not parts.isdisjoint(changed)]:
            self.drop(key)

    def drop(self, key: Key) -> None:
        del self._parts[key], self[key]


class Circles(Recorded[Key, Value]):
    """One whose results may hang on themselves: whoever asks again within the question gets what stands in meanwhile.

    What was found out with the help of that is kept only until the question is answered which it came from: so that a
    result depends on the program alone, and not on what was asked before.
    """

    def __init__(self, memory: Memory, meanwhile: Callable[[Key], Value]) -> None:
        super().__init__(memory)
        self._meanwhile = meanwhile
        self._asking: dict[Key, int] = {}
        self._passing: dict[Key, tuple[Value, frozenset[Part], int]] = {}
        self._least = sys.maxsize  # the outermost question whose answer was stood in for

    def of(self, key: Key, find: Callable[..., Value], *given: Any) -> Value:
        if key in self:
            self._memory.note_all(self._parts[key])
            return self[key]
        if key in self._asking:
            self._least = min(self._least, self._asking[key])
            return self._meanwhile(key)
        if key in self._passing:
            found, parts, least = self._passing[key]
            self._least = min(self._least, least)
        else:
            found, parts = self._answer(key, find, given)
        self._memory.note_all(parts)
        return found

    def _answer(self, key: Key, find: Callable[..., Value], given: tuple[Any, ...]) -> tuple[Value, frozenset[Part]]:
        depth, passing, outer = len(self._asking), len(self._passing), self._least
        self._asking[key], self._least = depth, sys.maxsize
        try:
            with self._memory.apart() as read:
                found = find(*given)
            parts = frozenset(read)
            if self._least < depth:
                self._passing[key] = found, parts, self._least
                outer = min(outer, self._least)
            else:
                self.keep(key, found, parts)
                self._drop(passing)
        except BaseException:
            self._drop(passing)
            raise
        finally:
            del self._asking[key]
            self._least = outer
        return found, parts

    def _drop(self, passing: int) -> None:
        while len(self._passing) > passing:
            self._passing.popitem()


class ByFile(Generic[T]):
    """What each file says, as far as `find` tells from its path: whoever adds it up is told which say something else.

    Nothing is noted where it is read: whoever adds it up says what hangs on the whole.
    """

    def __init__(self, memory: Memory, files: Collection[str], find: Callable[[str], T]) -> None:
        self.known: dict[str, T] = {}
        self._memory, self._files, self._find = memory, files, find
        self._parts: dict[str, frozenset[Part]] = {}
        self._former: dict[str, T] = {}
        memory.keep_up(self)

    def renew(self) -> list[tuple[str, T | None, T]]:
        """Each file that says something else than before, or is new, with what it said and what it says."""
        if len(self.known) == len(self._files):
            return []
        changed = []
        for path in self._files:
            if path in self.known:
                continue
            with self._memory.apart() as read:
                self.known[path] = self._find(path)
            self._parts[path] = frozenset(read)
            changed.append((path, self._former.pop(path, None), self.known[path]))
        self.known = {path: self.known[path] for path in self._files}
        return changed

    def forget(self, changed: Collection[Part]) -> None:
        for path in [path for path, parts in self._parts.items() if not parts.isdisjoint(changed)]:
            self._former[path] = self.known.pop(path)
            del self._parts[path]


class Latest:
    """What was found last from many things together: kept for as long as it is asked about the very same things, and
    nothing has changed that was read for it.

    Equal things are not enough: `1` equals `True`, and a loop is known by its identity.
    """

    def __init__(self, memory: Memory) -> None:
        self._records = memory.records
        self._found: Memo[object, tuple[tuple[object, ...], tuple[Any, ...]]] = memory.memo()

    def of(self, find: Callable[..., Iterable[T]], *given: object) -> tuple[T, ...]:
        """What `find`, a function at the top of a module, finds in what is given: single things and tuples of such."""
        if not self._records:
            return tuple(find(*given))
        if find in self._found and not all(map(_are_same, self._found[find][0], given)):
            self._found.drop(find)
        return self._found.of(find, lambda: (given, tuple(find(*given))))[1]


def _are_same(one: object, other: object) -> bool:
    if one is other:
        return True
    if not isinstance(one, tuple) or not isinstance(other, tuple) or len(one) != len(other):
        return False
    return all(map(operator.is_, one, other))


# ---- the facts of files, behind which it is noted what is read ----------------------------------------------


class Watched:
    """The facts of one file. Stands for `FileFacts`, whose fields it has."""

    __slots__ = ("_imports", "_memory", "_part", "bodies", "classes", "functions")

    def __init__(self, memory: Memory, path: str, facts: FileFacts) -> None:
        self._memory = memory
        self._imports = facts.imports
        self._part = memory.part(("imports", path))
        self.functions = Items(memory, ("functions", path), facts.functions)
        self.classes = Items(memory, ("classes", path), facts.classes)
        self.bodies = Items(memory, ("bodies", path), facts.bodies)

    @property
    def imports(self) -> object:
        self._memory.reading.add(self._part)
        return self._imports


class Items(Sequence[T]):
    """Things in a file. Each is a part; how many there are, and each of them, depends on all."""

    __slots__ = ("_all", "_items", "_memory", "_parts")

    def __init__(self, memory: Memory, name: tuple[str, str], items: Sequence[T]) -> None:
        self._memory, self._items = memory, items
        self._parts = [memory.part((*name, index)) for index in range(len(items))]
        self._all = memory.part((*name, "all"))

    def __len__(self) -> int:
        self._memory.reading.add(self._all)
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            self._memory.reading.add(self._all)
        else:
            self._memory.reading.add(self._parts[index])
        return self._items[index]

    def __iter__(self) -> Iterator[T]:
        self._memory.reading.add(self._all)
        return iter(self._items)


def watched(memory: Memory, path: str, facts: FileFacts) -> FileFacts:
    """The facts of a file as a memory hands them out."""
    return cast(FileFacts, Watched(memory, path, facts)) if memory.records else facts


def differing(path: str, old: bytes, new: bytes) -> Iterator[object]:
    """The names of the parts in which two versions of a file's encoded facts differ. Raises `Corrupt`."""
    before, after = texts(old), texts(new)
    if before["imports"] != after["imports"]:
        yield "imports", path
    for field in ("functions", "classes", "bodies"):
        pairs = enumerate(zip_longest(before[field], after[field]))
        changed = [index for index, (one, other) in pairs if one != other]
        yield from ((field, path, index) for index in changed)
        if changed:
            yield field, path, "all"
