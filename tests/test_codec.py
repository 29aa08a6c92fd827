"""Facts survive the codec unchanged, and anything else is refused."""

from __future__ import annotations

import functools
import typing
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evallint import codec
from evallint import facts as vocabulary
from evallint.codec import Corrupt, decode, encode
from evallint.facts import Block, Constant, Evaluate, FileFacts, Name, Operation, Span

SPAN = Span(1, 1, 1, 9)
TEXT = st.text(st.characters(codec=None), max_size=6)
CONSTANTS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT


@functools.cache
def values(kind: typing.Any, depth: int) -> st.SearchStrategy[typing.Any]:
    """Return random values of the type of a field; below `depth` only those that hold no others."""
    parts = typing.get_args(kind)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers()
    if kind is str:
        return TEXT
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(parts)
    if typing.get_origin(kind) is tuple:
        return st.lists(values(parts[0], depth), max_size=2 if depth else 0).map(tuple)
    if str in parts:
        return CONSTANTS
    if type(None) in parts and not depth:
        return st.none()
    if parts:
        classes = [part for part in parts if part is not type(None)]
        chosen = classes if depth else [cls for cls in classes if is_leaf(cls)]
        facts = st.sampled_from(chosen).flatmap(lambda cls: records(cls, depth - 1))
        return st.none() | facts if type(None) in parts else facts
    return records(kind, depth)


@functools.cache
def records(cls: typing.Any, depth: int) -> st.SearchStrategy[typing.Any]:
    fields = typing.get_type_hints(cls).values()
    return st.tuples(*(values(kind, max(depth, 0)) for kind in fields)).map(cls._make)


def is_leaf(cls: typing.Any) -> bool:
    return cls.__name__ in {"Name", "Constant", "Leave", "Outer", "Import"}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(records(FileFacts, 3))
def test_facts_survive(facts: FileFacts) -> None:
    data = encode(facts)
    decoded = decode(data)
    assert repr(decoded._replace(bodies=tuple(decoded.bodies))) == repr(facts)
    assert encode(decoded) == data


@pytest.mark.parametrize("cls", [*typing.get_args(vocabulary.Expr), *typing.get_args(vocabulary.Stmt)])
def test_every_class_survives(cls: typing.Any) -> None:
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    @given(records(cls, 1))
    def survives(fact: typing.Any) -> None:
        statement = Evaluate(fact, SPAN) if cls in typing.get_args(vocabulary.Expr) else fact
        assert repr(body_after((statement,))) == repr((statement,))

    survives()


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, 1, -1, 2**53 + 1, 2**62, -(2**62), 2**64, -(10**5000), 1.0, -0.0, 1e308, 5e-324,
        float("inf"), float("-inf"), float("nan"), "", "1", "é", "\n", "\\", "\x00", "\u2028", "\ud800",
        "\ud83d\ude00", "\U0001f600", "a" * 10_000,
    ],
    ids=lambda value: repr(value)[:12] if not isinstance(value, int) else hex(value)[:12],
)  # fmt: skip
def test_constants_come_back_exactly(value: str | int | float | bool | None) -> None:
    (statement,) = body_after((Evaluate(Constant(value), SPAN),))
    assert isinstance(statement, Evaluate) and isinstance(statement.value, Constant)
    came_back = statement.value.value
    assert type(came_back) is type(value)
    assert came_back == value or value != value
    assert str(came_back) == str(value) if isinstance(value, float) else True


def test_bodies_are_decoded_at_their_first_access() -> None:
    facts = file_of((Evaluate(Name("a"), SPAN),), (Evaluate(Name("b"), SPAN),))
    bodies: Sequence[Block] = decode(encode(facts)).bodies
    assert len(bodies) == 2
    assert bodies[1] is bodies[1]
    assert bodies[-1] == facts.bodies[1]
    assert bodies[:1] == facts.bodies[:1]
    with pytest.raises(IndexError):
        bodies[2]


def test_decoded_facts_equal_the_original() -> None:
    facts = file_of((Evaluate(Name("a"), SPAN),))
    decoded = decode(encode(facts))
    assert decoded == facts
    assert hash(decoded) == hash(facts)
    assert decoded != file_of(())


def test_long_chains_survive() -> None:
    chain: vocabulary.Expr = Name("a")
    for _ in range(150):
        chain = Operation("+", chain, Name("b"))
    assert body_after((Evaluate(chain, SPAN),)) == (Evaluate(chain, SPAN),)


@pytest.mark.parametrize("data", [b"", b"not facts", bytes(8), bytes(100)])
def test_other_data_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        decode(data)


def test_facts_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(file_of())
    codec._schema.cache_clear()
    with monkeypatch.context() as changed:
        changed.setattr(codec, "FACTS_VERSION", 0)
        with pytest.raises(Corrupt, match="version"):
            decode(data)
    codec._schema.cache_clear()
    assert decode(data) == file_of()


def test_damage_is_noticed() -> None:
    data = encode(file_of((Evaluate(Name("a"), SPAN),), ()))
    for index in range(len(data)):
        with pytest.raises(Corrupt):
            tuple(decode(data[:index] + bytes([data[index] ^ 0x10]) + data[index + 1 :]).bodies)
        with pytest.raises(Corrupt):
            tuple(decode(data[:index]).bodies)


@pytest.mark.parametrize("body", ["", "{", "[[99,1]]", '[["x"]]', "[[0]]", "[[-1]]", "7", '[[2,["a"],[1,1,1,1]]]'])
def test_a_body_that_makes_no_sense_is_refused(body: str) -> None:
    with pytest.raises(Corrupt):
        codec.Bodies(zlib.compress(body.encode()), 1)[0]


def file_of(*bodies: Block) -> FileFacts:
    return FileFacts((), (), (), bodies)


def body_after(body: Block) -> Block:
    return decode(encode(file_of(body))).bodies[0]
