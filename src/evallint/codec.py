"""Facts to bytes and back: JSON under zlib, the same bytes for the same facts.

How a class is written follows from its definition in `facts`, so a new fact needs no line here. A fact is the list of
its fields; where several classes may stand (`Expr`, `Stmt`) its class's number in that union comes first, and the one
class that is nothing but a string (`Name`) is that string. The functions that convert are generated from source text,
as `namedtuple` does for its own, because a large project makes tens of millions of facts.

Each body is a line of its own, decoded when it is first asked for: most stages read only some of them. Until the
first of a file is, all of them stay compressed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import operator
import struct
import sys
import typing
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, overload

from evallint import facts as facts_module
from evallint.facts import FACTS_VERSION, Block, FileFacts


class Corrupt(ValueError):
    """The data is not what `encode` of this version writes."""


def encode(facts: FileFacts) -> bytes:
    """Return the facts as bytes, which depend on nothing but the facts."""
    coders = _coders()
    head = _compressed([_schema(), _to_json(coders.write_head(facts._replace(bodies=())))])
    bodies = _compressed([_to_json(coders.write_body(body)) for body in facts.bodies])
    return b"".join((_LENGTHS.pack(len(head), len(facts.bodies)), head, bodies))


def decode(data: bytes) -> FileFacts:
    """Return the facts that `encode` wrote, their bodies still undecoded.

    Raises `Corrupt` for anything else, at once or, where the damage is in the bodies, when one is asked for.
    """
    try:
        length, count = _LENGTHS.unpack_from(data)
        schema, head = _lines(data[_LENGTHS.size : _LENGTHS.size + length])
    except (struct.error, ValueError) as error:
        raise Corrupt(f"facts that can't be read: {error}") from error
    if schema != _schema():
        raise Corrupt("facts of another version")
    if count > len(data) * DENSEST:
        raise Corrupt("facts with another number of bodies")  # whoever asks for so many might reserve memory for them
    facts: FileFacts = _from_json(_coders().read_head, head)
    bodies = Bodies(data[_LENGTHS.size + length :], count)
    return facts._replace(bodies=typing.cast("tuple[Block, ...]", bodies))


def texts(data: bytes) -> dict[str, list[str]]:
    """Return what `encode` wrote of each item of each field: equal texts mean equal facts, unlike equal tuples.

    Raises `Corrupt`.
    """
    try:
        length, count = _LENGTHS.unpack_from(data)
        _, head = _lines(data[_LENGTHS.size : _LENGTHS.size + length])
        fields = zip(FileFacts._fields, json.loads(head), strict=True)
        found = {name: [_to_json(item) for item in items] for name, items in fields}
        found["bodies"] = _lines(data[_LENGTHS.size + length :]) if count else []
    except (struct.error, ValueError, TypeError) as error:
        raise Corrupt(f"facts that can't be read: {error}") from error
    return found


class Bodies(Sequence[Block]):
    """The bodies of a decoded file, each decoded at its first access; equal to the tuple of the same bodies."""

    __slots__ = ("_bodies", "_count", "_data")

    def __init__(self, data: bytes, count: int) -> None:
        self._data = data
        self._count = count
        self._bodies: list[str | Block] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Block: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Block, ...]: ...
    def __getitem__(self, index: int | slice) -> Block | tuple[Block, ...]:
        if isinstance(index, slice):
            return tuple(self[one] for one in range(*index.indices(len(self))))
        if self._bodies is None:
            self._bodies = [*self._unpacked()]
            self._data = b""
        body = self._bodies[index]
        if isinstance(body, str):
            decoded: Block = _from_json(_coders().read_body, body)
            self._bodies[index] = body = decoded
        return body

    def __iter__(self) -> Iterator[Block]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Bodies, tuple)) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def _unpacked(self) -> list[str]:
        try:
            lines = _lines(self._data) if self._count else []
        except ValueError as error:
            raise Corrupt(f"facts that can't be read: {error}") from error
        if len(lines) != self._count:
            raise Corrupt("facts with another number of bodies")
        return lines


DENSEST = 1032
"""Letters that zlib can hold in a byte, and so the bodies at most."""

_LENGTHS = struct.Struct(">II")


def _compressed(lines: list[str]) -> bytes:
    return zlib.compress("\n".join(lines).encode("utf-8", "surrogatepass"), 1)


def _lines(data: bytes) -> list[str]:
    try:
        return zlib.decompress(data).decode("utf-8", "surrogatepass").split("\n")
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), check_circular=False)


def _from_json(coder: _Coder, line: str) -> Any:
    try:
        return coder(json.loads(line))
    except (ValueError, TypeError, LookupError) as error:
        raise Corrupt(f"facts that can't be read: {error!r}") from error


@functools.cache
def _schema() -> str:
    """Return the first line, which differs for every change of the vocabulary."""
    described = "".join(f"{cls.__name__}{list(hints.items())}" for cls, hints in _vocabulary().items())
    return f"evallint facts {FACTS_VERSION} {hashlib.sha256(described.encode()).hexdigest()[:16]}"


@functools.cache
def _vocabulary() -> dict[Any, dict[str, Any]]:
    """Return the classes of facts with the types of their fields."""
    classes = [value for value in vars(facts_module).values() if hasattr(value, "_fields")]
    return {cls: typing.get_type_hints(cls) for cls in classes}


_Coder = Callable[[Any], Any]


class _Coders(NamedTuple):
    write_head: _Coder
    write_body: _Coder
    read_head: _Coder
    read_body: _Coder


@functools.cache
def _coders() -> _Coders:
    write, read = _Generator(_WRITING), _Generator(_READING)
    return _Coders(write.coder(FileFacts), write.coder(Block), read.coder(FileFacts), read.coder(Block))


class _Direction(NamedTuple):
    """The source text of one direction: of `{v}`, the value to convert; a record's fields are its `{v}[i]`, `i` from
    `first` on where its number stands at 0."""

    string: str
    constant: str
    sequence: str
    record: str
    numbered: str
    first: int
    bare: str
    union: str


_WRITING = _Direction(
    string="{v}",
    # Python refuses to read decimals of thousands of digits, so large integers are written in hexadecimal.
    constant="([hex({v})] if type({v}) is int and not -(1 << 62) < {v} < 1 << 62 else {v})",
    sequence="[{item} for one in {v}]",
    record="[{fields}]",
    numbered="[{number}, {fields}]",
    first=0,
    bare="value[0]",
    union="table[type(value)](value)",
)
_READING = _Direction(
    string="intern({v})",
    constant="(int({v}[0], 16) if type({v}) is list else {v})",
    sequence="tuple([{item} for one in {v}])",
    record="new(cls, ({fields}))",
    numbered="new(cls, ({fields}))",
    first=1,
    bare="new(cls, (intern(value),))",
    union="table[str](value) if type(value) is str else table[value[0]](value)",
)


class _Generator:
    """Generates the function that converts a value of a type, with those of the types it is made of."""

    def __init__(self, direction: _Direction) -> None:
        self.direction = direction
        self.scope: dict[str, Any] = {"new": tuple.__new__, "intern": sys.intern}
        self.names: dict[object, str] = {}

    def coder(self, kind: Any) -> _Coder:
        return self.function(self.convert(kind, "value"))

    def function(self, body: str, **scope: object) -> _Coder:
        """Return `lambda value: body`, which sees the names of `scope` besides those of all functions."""
        outer: Callable[..., _Coder] = eval(f"lambda {', '.join(scope)}: lambda value: {body}", self.scope)
        return outer(*scope.values())

    def convert(self, kind: Any, value: str) -> str:
        """Return the expression that converts the value of the expression `value`."""
        parts = typing.get_args(kind)
        if kind in (int, bool):
            return value
        if kind is str or typing.get_origin(kind) is Literal:
            return self.direction.string.format(v=value)
        if typing.get_origin(kind) is tuple:
            return self.direction.sequence.format(v=value, item=self.convert(parts[0], "one"))
        if parts == (str, int, float, bool, type(None)):
            return self.direction.constant.format(v=value)
        if type(None) in parts:
            rest = functools.reduce(operator.or_, (part for part in parts if part is not type(None)))
            return f"(None if {value} is None else {self.convert(rest, value)})"
        return f"{self.name(kind)}({value})"

    def name(self, kind: Any) -> str:
        """Return the name in `scope` of the function for a record or a union, made at the first time."""
        if kind not in self.names:
            self.names[kind] = name = f"convert_{len(self.names)}"  # at once, because a type can contain itself
            self.scope[name] = self.union(kind) if typing.get_args(kind) else self.record(kind)
        return self.names[kind]

    def record(self, cls: Any) -> _Coder:
        body = self.direction.record.format(fields=self.fields(cls, 0))
        return self.function(body, cls=cls)

    def union(self, kind: Any) -> _Coder:
        table: dict[object, _Coder] = {}
        for number, cls in enumerate(typing.get_args(kind)):
            if list(_vocabulary()[cls].values()) == [str]:
                table[str] = table[cls] = self.function(self.direction.bare, cls=cls)
                continue
            fields = self.fields(cls, self.direction.first)
            body = self.direction.numbered.format(number=number, fields=fields)
            table[number] = table[cls] = self.function(body, cls=cls)
        return self.function(self.direction.union, table=table)

    def fields(self, cls: Any, first: int) -> str:
        hints = _vocabulary()[cls].values()
        return "".join(f"{self.convert(kind, f'value[{index}]')}, " for index, kind in enumerate(hints, first))
