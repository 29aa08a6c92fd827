"""What stands on a variable of a file is forgotten where the file says something else of it, and only there."""

from __future__ import annotations

import ast

import pytest

from evallint import codec
from evallint import facts as f
from evallint.extract import extract
from evallint.interpret.variables import Variables
from evallint.link import link
from evallint.memory import Memo, Memory, differing, watched


@pytest.mark.parametrize(("after", "asked_again"), [("1.00", False), ("True", True), ("2.00", True)])
def test_who_reads_a_variable_stands_on_how_it_is_written(after: str, asked_again: bool) -> None:
    texts = [f"flag = {value}\nother = {other}\n" for value, other in (("1.00", 3), (after, 4))]
    old, new = (codec.encode(extract(text)) for text in texts)
    memory = Memory(records=True)
    files = {"a.py": watched(memory, "a.py", codec.decode(old))}
    variables = Variables(link(files, memory=memory))
    asked: list[object] = []

    def ask() -> object:
        said = variables.of("a.py", "flag")
        assert said is not None
        assert isinstance(said.assign.value, f.Constant)
        asked.append(said.assign.value.value)
        return asked[-1]

    memo: Memo[str, object] = memory.memo()
    memo.of("flag", ask)
    files["a.py"] = watched(memory, "a.py", codec.decode(new))
    memory.forget(list(differing("a.py", old, new)))
    variables.renew()
    assert repr(memo.of("flag", ask)) == repr(ast.literal_eval(after))
    assert len(asked) == 1 + asked_again
