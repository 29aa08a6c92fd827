"""Code that machines write, or people who mean harm: each of these took minutes or all memory before it was bounded."""

from __future__ import annotations

import json

import pytest
from command import AT, BUG, NET, Lint, rules

from evallint.read.notebook import masked


def found(lint: Lint, files: dict[str, str]) -> list[tuple[str, str]]:
    return rules(lint("--output-format", "json", "--no-cache", files=files))


def test_parts_of_results_that_go_into_results_again(lint: Lint) -> None:
    doubling = "    y = mix(y[0], y[1])\n" * 40
    files = {"a.py": BUG, "b.py": f"{NET}def f(x):\n    y = mix(Net()(x))\n{doubling}"}
    assert found(lint, files) == [("a.py", "eval-missing")]


def test_a_package_of_many_parts_that_hand_on_all_they_have(lint: Lint) -> None:
    parts = range(150)
    files = {f"lib/p{n}/__init__.py": f"from .a{n} import *\nfrom .b{n} import *\n" for n in parts}
    files |= {f"lib/p{n}/a{n}.py": f"class A{n}: ...\n" for n in parts}
    files |= {f"lib/p{n}/b{n}.py": f"from .a{n} import *\nclass B{n}: ...\n" for n in parts}
    files["lib/__init__.py"] = "".join(f"from .p{n} import *\n" for n in parts) + "from .nets import *\n"
    files["lib/nets.py"] = NET
    names = ", ".join(f"lib.C{n}" for n in range(2000))
    files["run.py"] = f"import lib\nused = [{names}]\nmodels = [getattr(lib, name) for name in used]\n{BUG}"
    files["run.py"] = files["run.py"].replace("model = Net()", "model = lib.Net()")
    assert found(lint, files) == [("run.py", "eval-missing")]


@pytest.mark.parametrize(
    "classes",
    [
        "".join(f"class N{n}(N{n - 1}):\n    pass\n" for n in range(1, 800)),
        "".join(
            f"class N{n}({', '.join(f'N{base}' for base in range(n - 1, max(n - 9, -1), -1))}):\n    pass\n"
            for n in range(1, 300)
        ),
    ],
    ids=["deep", "wide"],
)
def test_classes_of_many_bases(lint: Lint, classes: str) -> None:
    last = classes.rpartition("class ")[2].partition("(")[0]
    text = BUG.replace("class Net", "class N0").replace("\ndef validate", f"{classes}\ndef validate")
    files = {"a.py": text.replace("model = Net()", f"model = {last}()")}
    assert found(lint, files) == [("a.py", "eval-missing")]


def test_a_cell_of_many_magics() -> None:
    cell = "!ls\nx = 1\n" * 3000 + "files = !ls"
    assert masked(cell) == ["pass", "x = 1"] * 3000 + ["files = None"]


def test_a_pattern_of_many_stars_and_a_long_name(lint: Lint) -> None:
    name = "a" * 60 + ".py"
    config = "exclude = ['*a*a*a*a*ab.py']\n"
    files = {name: BUG, "evallint.toml": config, ".gitignore": f"{'*a' * 30}b.py\n"}
    assert found(lint, files) == [(name, "eval-missing")]


def test_a_line_of_millions_of_letters(lint: Lint) -> None:
    outcome = lint("--output-format", "json", files={"a.py": f"{BUG}\nx = '{'a' * 4_000_000}'\n"})
    (one,) = json.loads(outcome.out)["findings"]
    assert (one["line"], one["column"]) == AT


def test_a_script_that_calls_more_than_is_followed(lint: Lint) -> None:
    """The last of its calls are not followed any more, and it is not given up for that."""
    levels = "".join(
        f"def level{n}(model, x):\n    level{n + 1}(model.eval(), x.a)\n    level{n + 1}(model.train(), x.b)\n\n\n"
        for n in range(14)
    )
    levels += "def level14(model, x):\n    model.train(x.c and x.d)\n\n\n"
    script = BUG.replace("def validate(val_loader):", "if True:")
    files = {"a.py": f"{script}\n\n{levels}level0(Net(), open('x'))\n"}
    assert found(lint, files) == [("a.py", "eval-missing")]
