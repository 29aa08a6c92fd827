"""What runs again and again and never tells anything is followed no more; what may tell something is."""

from __future__ import annotations

import pytest

from evallint.extract import extract
from evallint.interpret import Interpreter
from evallint.link import link
from evallint.program import FunctionSymbol

DEAR = "    n = [" + "n, " * 500 + "n][0]\n"
CALL = "    x.train()\n    for one in size(x.n, {}):\n        pass\n    return one\n"
CALLS = "".join(f"def f{number}(x):\n{CALL.format(number)}" for number in range(60))


@pytest.mark.parametrize(
    ("code", "follows"),
    [
        ("return n", False),
        ("return 1 if x else x", False),
        ("return n, 'relu'", False),
        ("return nn.ReLU", False),
        ("return nn.Dropout", True),
        ("return [nn.Linear(1, 1)]", True),
        ("return nn.Linear(1, 1)", True),
        ("yield nn.Linear(1, 1)", True),
        ("x.eval()", True),
        ("global SIZE; SIZE = n", True),
    ],
)
def test_a_function_that_gives_plain_data_only_is_followed_so_often(code: str, follows: bool) -> None:
    text = f"from torch import nn\n{CALLS}def size(x, n):\n{DEAR}    {code}\n"
    program = link({"a.py": extract(text)})
    interpreter = Interpreter(program)
    list(interpreter.entries())
    size = next(index for index, one in enumerate(program.files["a.py"].functions) if one.name == "size")
    assert interpreter.machine.costs.are_enough(FunctionSymbol("a.py", size)) != follows
