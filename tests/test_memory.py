"""What is kept is forgotten when something changes that it stands on, and only then."""

from __future__ import annotations

import pytest

from evallint import codec
from evallint.extract import extract
from evallint.interpret import Interpreter, interpret
from evallint.link import link
from evallint.memory import Latest, Memo, Memory, differing, watched


def standing(memory: Memory) -> tuple[Memo[str, str], Memo[str, str]]:
    """Two memos, of which what is kept in the second stands on what is kept in the first, and that on `part`."""
    inner: Memo[str, str] = memory.memo()
    outer: Memo[str, str] = memory.memo()

    def find() -> str:
        memory.note("part")
        return "found"

    inner.of("a", find)
    outer.of("b", inner.of, "a", find)
    return inner, outer


def test_a_result_is_forgotten_with_a_part_that_was_read_for_it() -> None:
    memory = Memory(records=True)
    memo: Memo[str, int] = memory.memo()
    found: list[str] = []

    def find(name: str) -> int:
        found.append(name)
        memory.note(name)
        return len(found)

    for name in ("a", "b", "a"):
        memo.of(name, find, name)
    assert found == ["a", "b"]
    memory.forget(["a"])
    for name in ("a", "b"):
        memo.of(name, find, name)
    assert found == ["a", "b", "a"]


def test_a_result_stands_on_what_its_parts_stand_on_even_if_they_were_known() -> None:
    memory = Memory(records=True)
    inner, outer = standing(memory)
    memory.forget(["part"])
    assert not inner and not outer


def test_what_was_read_before_a_failure_counts() -> None:
    memory = Memory(records=True)
    inner: Memo[str, str] = memory.memo()
    outer: Memo[str, str] = memory.memo()

    def fail() -> str:
        memory.note("part")
        raise ValueError

    def find() -> str:
        with pytest.raises(ValueError):
            inner.of("a", fail)
        return "none"

    outer.of("b", find)
    memory.forget(["part"])
    assert not outer


def test_what_stands_on_a_result_that_is_kept_no_more_still_goes_by_its_parts() -> None:
    memory = Memory(records=True)
    inner, outer = standing(memory)
    inner.drop("a")
    inner.of("a", str)  # anew, from nothing
    memory.forget(["part"])
    assert inner and not outer


def test_what_is_cleared_away_told_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evallint.memory.CLUTTER", 20)
    memory = Memory(records=True)
    inner: Memo[int, int] = memory.memo()
    outer: Memo[int, int] = memory.memo()

    def find(number: int) -> int:
        memory.note("own")
        memory.note(f"other {number}")
        return number

    for number in range(100):
        outer.of(0, inner.of, 0, find, number)
        memory.forget([f"other {number}"])
        assert not inner and not outer
    outer.of(0, inner.of, 0, find, 0)
    memory.forget(["else"])
    memory.forget(["own"])
    assert not inner and not outer


def test_what_was_found_from_many_things_is_kept_for_the_very_same_things() -> None:
    memory = Memory(records=True)
    latest = Latest(memory)
    found: list[object] = []

    def find(name: str, things: tuple[object, ...]) -> tuple[object, ...]:
        found.append(things)
        memory.note(name)
        return things

    one, other = 2.0, 2
    assert latest.of(find, "a", (one,)) == latest.of(find, "a", (one,)) == (2,)
    assert found == [(one,)]
    latest.of(find, "a", (other,))
    latest.of(find, "a", (other, one))
    latest.of(find, "b", (other, one))
    assert len(found) == 4
    memory.forget(["a"])
    latest.of(find, "b", (other, one))
    assert len(found) == 4
    memory.forget(["b"])
    latest.of(find, "b", (other, one))
    assert len(found) == 5


@pytest.mark.parametrize("order", ["abc", "bca", "cab"])
def test_results_that_hang_on_each_other_do_not_hang_on_who_asks_first(order: str) -> None:
    """`a` asks `b`, `b` asks `c` and `c` asks `a`: each is its own name and those that it asks."""
    memo: Memo[str, frozenset[str]] = Memory().circles(lambda name: frozenset())
    asks = {"a": "b", "b": "c", "c": "a"}

    def find(name: str) -> frozenset[str]:
        return memo.of(asks[name], find, asks[name]) | {name}

    for name in order:
        assert memo.of(name, find, name) == frozenset("abc")


def test_the_parts_that_differ_are_told() -> None:
    text = "import torch\n\n\ndef f(x):\n    return x.eval()\n\n\ndef g(x):\n    return x.half()\n"
    old, new = (codec.encode(extract(one)) for one in (text, text.replace("half", "eval")))
    assert set(differing("a.py", old, new)) == {
        ("functions", "a.py", 2),
        ("functions", "a.py", "all"),
        ("bodies", "a.py", 2),
        ("bodies", "a.py", "all"),
    }
    assert not [*differing("a.py", old, old)]


def test_facts_of_other_classes_differ_though_they_are_equal_tuples() -> None:
    old, new = (
        codec.encode(extract(f"import torch\n\n\ndef f(x):\n    {word} (x.eval())\n")) for word in ("return", "raise")
    )
    assert ("bodies", "a.py", 1) in set(differing("a.py", old, new))


def run_again(texts: dict[str, str], path: str, old: str, new: str) -> set[str]:
    """The entries that are run once more after this change of a file; each tells what a run of the new texts does."""
    memory = Memory(records=True)
    files = {name: watched(memory, name, extract(text)) for name, text in texts.items()}
    program = link(files, memory=memory)
    interpreter = Interpreter(program)
    before = list(interpreter.entries())
    assert old in texts[path]
    changed = extract(texts[path].replace(old, new))
    files[path] = watched(memory, path, changed)
    was = codec.encode(extract(texts[path]))
    memory.forget([*differing(path, was, codec.encode(changed)), *program.symbols.renew(path)])
    program.index.renew()
    interpreter.renew()
    after = list(interpreter.entries())
    fresh = link({name: extract(text) for name, text in {**texts, path: texts[path].replace(old, new)}.items()})
    assert [(one.entry, one.forwards) for one in after] == [(one.entry, one.forwards) for one in interpret(fresh)]
    return {one.entry for one in after if not any(one is other for other in before)}


def test_entries_that_read_nothing_of_a_change_are_not_run_again() -> None:
    texts = {
        "train.py": "from net import net\n\n\ndef main(x):\n    model = net()\n    model.eval()\n    model(x)\n",
        "net.py": "from torch import nn\n\n\ndef net():\n    return nn.Dropout()\n\n\ndef other(x):\n    x.eval()\n",
    }
    assert run_again(texts, "net.py", "x.eval()", "y.eval()") == {"net.py:other"}


STARRED = {
    "train.py": "from nets import Net\n\n\ndef main(x):\n    model = Net()\n    model.eval()\n    model(x)\n",
    "nets/__init__.py": "from .other import *\nfrom .net import *\n",
    "nets/net.py": "from torch import nn\n\n\nclass Plain(nn.Dropout):\n    pass\n\n\nNet = Plain\n",
    "nets/other.py": "from torch import nn\n\n__all__ = ['Other']\nSIZE = 1\nNet = nn.Linear\nOther = nn.ReLU\n",
}


def test_a_constant_is_no_part_of_what_star_imports_and_other_names_stand_for() -> None:
    assert "train.py:main" not in run_again(STARRED, "nets/other.py", "SIZE = 1", "SIZE = 2")
    assert "train.py:main" not in run_again(STARRED, "nets/other.py", "nn.ReLU", "nn.Tanh")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("nets/net.py", "Net = Plain", "Net = nn.Identity"),
        ("nets/net.py", "Net = Plain", "__all__ = ['Plain']"),
        ("nets/net.py", "Net = Plain", "__all__ = ['Net']\nNet = Plain"),
    ],
)
def test_what_star_imports_and_other_names_stand_for_is_looked_up_again(path: str, old: str, new: str) -> None:
    assert "train.py:main" in run_again(STARRED, path, old, new)
