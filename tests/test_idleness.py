"""What runs again and again and never tells anything is followed no more; what may tell something is."""

from __future__ import annotations

import pytest

from evallint.extract import extract
from evallint.interpret import Interpreter
from evallint.link import link
from evallint.program import FunctionSymbol

DEAR = "    n = [" + "n, " * 500 + "n][0]\n"
CALLS = "".join(f"def f{number}(x):\n    x.train()\n    return size(x.n, {number})\n" for number in range(60))


@pytest.mark.parametrize(
    ("result", "follows"),
    [
        ("n", False),
        ("1 if x else x", False),
        ("(n, 'relu')", False),
        ("nn.ReLU", False),
        ("nn.Dropout", True),
        ("[nn.Linear(1, 1)]", True),
        ("nn.Linear(1, 1)", True),
        ("x.eval()", True),
    ],
)
def test_a_function_that_gives_plain_data_only_is_followed_so_often(result: str, follows: bool) -> None:
    text = f"from torch import nn\n{CALLS}def size(x, n):\n{DEAR}    return {result}\n"
    program = link({"a.py": extract(text)})
    interpreter = Interpreter(program)
    list(interpreter.entries())
    size = next(index for index, one in enumerate(program.files["a.py"].functions) if one.name == "size")
    assert interpreter.machine.costs.are_enough(FunctionSymbol("a.py", size)) != follows
