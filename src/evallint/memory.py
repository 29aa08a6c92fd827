"""What was found out about a program, kept with what it was found out from, so that it is found out once.

A result may be kept across changes of a program only if it is known what it stands on. So, where a memory `records`,
the facts of files are handed out behind a `Watched`, which notes each part that is read: a function, a body, a class. A
`Memo` keeps results, each of which is a part itself: whoever asks for it stands on it, and it stands on what was read
for it. When files change, `forget` drops what stands on a part that has, and all that stands on that. Whatever a result
depends on has to be such a part, or within its key. A memory that does not record hands out facts as they are, and
notes nothing.
"""

from __future__ import annotations

import operator
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count, zip_longest
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast, overload

from evallint.codec import texts
from evallint.facts import FileFacts

Part: TypeAlias = int
"""Something that may change. What stands on another part has the greater number."""

Key = TypeVar("Key")
Value = TypeVar("Value")
T = TypeVar("T")

UNWATCHED: Final[Part] = -1
"""What a result is where nothing is recorded."""

CLUTTER = 1_000_000
"""So many entries of what stands on what are added before those are cleared away that tell nothing any more."""


class Keeper(Protocol):
    """Who keeps results, and is told when one has to go."""

    def lose(self, key: Any) -> None: ...


class Memory:
    """Everything that is kept of one program, and the parts that are being read for what is being found out."""

    def __init__(self, records: bool = False) -> None:
        self.records = records
        self.reading: set[Part] = set()
        self._depth = 0
        self._numbers = count()
        self._parts: dict[object, Part] = {}
        self._standing: defaultdict[Part, list[Part]] = defaultdict(list)
        self._results: dict[Part, tuple[Keeper, object]] = {}
        self._added = 0

    def part(self, name: object) -> Part:
        """The part of this name."""
        known = self._parts.get(name)
        if known is None:
            known = self._parts[name] = next(self._numbers)
        return known

    def note(self, name: object) -> None:
        """Note that what is being found out depends on the part of this name."""
        if self.records:
            self.reading.add(self.part(name))

    def note_part(self, part: Part) -> None:
        """Note that it depends on this part, if anything that is kept does."""
        if self._depth:
            self.reading.add(part)

    def note_all(self, parts: Collection[Part]) -> None:
        """The same for several."""
        if self._depth:
            self.reading.update(parts)

    def memo(self) -> Memo[Any, Any]:
        """A new place to keep results in."""
        return Recorded(self) if self.records else Memo()

    def circles(self, meanwhile: Callable[[Any], Any]) -> Memo[Any, Any]:
        """The same for results that may hang on themselves; see `Circles`."""
        return Circles(self, meanwhile)

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

    def result(self, keeper: Keeper, key: object, parts: Collection[Part]) -> Part:
        """The part that a result is which was found out from these. Its keeper loses it when one of them changes."""
        if not self.records:
            return UNWATCHED
        part = next(self._numbers)
        for one in parts:
            self._standing[one].append(part)
        self._results[part] = keeper, key
        self._added += len(parts)
        return part

    def release(self, part: Part) -> None:
        """A result is kept no more. What stands on it stays, and goes by what it was found out from."""
        self._results.pop(part, None)

    def forget(self, names: Iterable[object]) -> None:
        """Drop all that stands on one of the parts of these names."""
        todo = [self._parts[name] for name in names if name in self._parts]
        seen = set(todo)
        while todo:
            part = todo.pop()
            result = self._results.pop(part, None)
            if result is not None:
                keeper, key = result
                keeper.lose(key)
            above = [one for one in self._standing.pop(part, ()) if one not in seen]
            seen.update(above)
            todo += above
        if self._added > CLUTTER:
            self._tidy()

    def _tidy(self) -> None:
        """Leave out what is kept no more, where nothing stands on it that is."""
        for part in sorted(self._standing, reverse=True):
            above = [one for one in self._standing[part] if one in self._results or one in self._standing]
            if above:
                self._standing[part] = above
            else:
                del self._standing[part]
        self._added = 0


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

    def keep(self, key: Key, value: Value, parts: Collection[Part]) -> None:
        """Keep a result that was found out from these parts."""
        self[key] = value

    def drop(self, key: Key) -> None:
        """Forget a result."""
        del self[key]

    def drop_others(self, keys: Collection[Key]) -> None:
        """Forget all results but those for these keys: nobody will ask for them again."""
        for key in self.keys() - set(keys):
            self.drop(key)


class Recorded(Memo[Key, Value]):
    """One whose results are parts that others stand on."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory = memory
        self._parts: dict[Key, Part] = {}

    def of(self, key: Key, find: Callable[..., Value], *given: Any) -> Value:
        if key not in self._parts:
            with self._memory.apart() as read:
                found = find(*given)
            self.keep(key, found, read)
        return self.recall(key)

    def recall(self, key: Key) -> Value:
        part = self._parts.get(key)
        if part is not None:
            self._memory.note_part(part)
        return self[key]

    def keep(self, key: Key, value: Value, parts: Collection[Part]) -> None:
        if key in self._parts:
            self._memory.release(self._parts[key])
        self[key] = value
        self._parts[key] = self._memory.result(self, key, parts)

    def drop(self, key: Key) -> None:
        self._memory.release(self._parts[key])
        self.lose(key)

    def lose(self, key: Key) -> None:
        """Forget a result that its memory knows no more."""
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
            return self.recall(key)
        if key in self._asking:
            self._least = min(self._least, self._asking[key])
            return self._meanwhile(key)
        if key not in self._passing:
            return self._answer(key, find, given)
        found, parts, least = self._passing[key]
        self._least = min(self._least, least)
        self._memory.note_all(parts)
        return found

    def _answer(self, key: Key, find: Callable[..., Value], given: tuple[Any, ...]) -> Value:
        depth, passing, outer = len(self._asking), len(self._passing), self._least
        self._asking[key], self._least = depth, sys.maxsize
        try:
            with self._memory.apart() as read:
                found = find(*given)
            if self._least < depth:
                self._passing[key] = found, frozenset(read), self._least
                self._memory.note_all(read)
                outer = min(outer, self._least)
            else:
                self.keep(key, found, read)
                self._memory.note_part(self._parts[key])
                self._drop(passing)
        except BaseException:
            self._drop(passing)
            raise
        finally:
            del self._asking[key]
            self._least = outer
        return found

    def _drop(self, passing: int) -> None:
        while len(self._passing) > passing:
            self._passing.popitem()


class ByFile(Generic[T]):
    """What each file says, as far as `find` tells from its path: whoever adds it up is told which say something else.

    Nothing is noted where `known` is read: whoever adds it up says what hangs on the whole.
    """

    def __init__(self, memory: Memory, files: Collection[str], find: Callable[[str], T]) -> None:
        self.known: dict[str, T] = {}
        self._memory, self._files, self._find = memory, files, find
        self._former: dict[str, T] = {}
        self._parts: dict[str, Part] = {}

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
            self._parts[path] = self._memory.result(self, path, read)
            changed.append((path, self._former.pop(path, None), self.known[path]))
        self.known = {path: self.known[path] for path in self._files}
        return changed

    def lose(self, path: str) -> None:
        """What a file said is no longer sure."""
        self._former[path] = self.known.pop(path)


class Row(ByFile[tuple[T, ...]]):
    """What each file holds of one kind; whoever asks stands on all of it."""

    def __init__(self, memory: Memory, files: Collection[str], find: Callable[[str], tuple[T, ...]]) -> None:
        super().__init__(memory, files, find)
        self._all: tuple[T, ...] | None = None

    def renew(self) -> list[tuple[str, tuple[T, ...] | None, tuple[T, ...]]]:
        changed = super().renew()
        if not all(are_alike(before, after) for _, before, after in changed):
            self._all = None
        return changed

    def all(self) -> tuple[T, ...]:
        """All of it, file by file: the same object for as long as the same would be written of it."""
        self.renew()
        self._memory.note_all(self._parts.values())
        if self._all is None:
            self._all = tuple(chain.from_iterable(self.known.values()))
        return self._all


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
        if find in self._found and not all(map(are_same, self._found[find][0], given)):
            self._found.drop(find)
        return self._found.of(find, lambda: (given, tuple(find(*given))))[1]


def are_alike(one: object, other: object) -> bool:
    """Whether two things are written alike: `1` equals `True`, and yet is something else."""
    return one is other or repr(one) == repr(other)


def are_same(one: object, other: object) -> bool:
    """Whether two things are one, or tuples of such."""
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
