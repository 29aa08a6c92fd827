"""What fixes do to code: each intent on the layouts that code comes in."""

from __future__ import annotations

import textwrap

import pytest

from evallint import fix
from evallint.facts import Span
from evallint.findings import (
    Decorate,
    Fix,
    InsertAfter,
    InsertBefore,
    Place,
    Remove,
    Replace,
    ReplaceKept,
    SetArgument,
    Swap,
    Together,
    Wrap,
    WrapRest,
)


def at(code: str, text: str, nth: int = 1) -> Place:
    """Where a stretch of a text stands, the nth of its kind."""
    start = -1
    for _ in range(nth):
        start = text.index(code, start + 1)
    lines = text[:start].split("\n")
    inner = code.split("\n")
    column = len(lines[-1]) + 1
    end = column + len(code) if len(inner) == 1 else len(inner[-1]) + 1
    return Place("a.py", Span(len(lines), column, len(lines) + len(inner) - 1, end))


def fixed(text: str, *fixes: Fix) -> str:
    mending = fix.mending(text, fixes)
    assert not mending.refused
    return fix.applied(text, mending.edits)


def refused(text: str, one: Fix) -> str:
    mending = fix.mending(text, [one])
    assert not mending.edits
    return mending.refused[0]


def code(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


# ---- new statements ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y = model(x)\n", "model.eval()\ny = model(x)\n"),
        ("if a:\n\ty = model(x)\n", "if a:\n\tmodel.eval()\n\ty = model(x)\n"),
        ("a = 1; y = model(x)\n", "a = 1; model.eval(); y = model(x)\n"),
        ("if a: y = model(x)\n", "if a: model.eval(); y = model(x)\n"),
        ("if a:\n    b\nelse: y = model(x)\n", "if a:\n    b\nelse: model.eval(); y = model(x)\n"),
        ("if a:\n    b\nelif model(x):\n    c\n", "model.eval()\nif a:\n    b\nelif model(x):\n    c\n"),
        ("@model(x)\n@b\ndef f(): ...\n", "model.eval()\n@model(x)\n@b\ndef f(): ...\n"),
        ("while model(x):\n    a\n", "model.eval()\nwhile model(x):\n    a\n"),
        ("y = f(\n    model(x),\n)", "model.eval()\ny = f(\n    model(x),\n)"),
        ("y = lambda: model(x)\n", "model.eval()\ny = lambda: model(x)\n"),
        ("y = a + \\\n    model(x)\n", "model.eval()\ny = a + \\\n    model(x)\n"),
        ("# evallint: ignore[a]\ny = model(x)\n", "model.eval()\n# evallint: ignore[a]\ny = model(x)\n"),
        ("# why\ny = model(x)  # so\n", "# why\nmodel.eval()\ny = model(x)  # so\n"),
        ("async def f():\n  async with a:\n    await model(x)\n", None),
        ("a\n\x0c\ny = model(x)\n\n ", "a\n\x0c\nmodel.eval()\ny = model(x)\n\n "),
    ],
)
def test_a_statement_goes_before_another(before: str, after: str | None) -> None:
    made = fixed(before, InsertBefore(at("model(x)", before), "model.eval()", ""))
    assert made == (after or before.replace("    await", "    model.eval()\n    await"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y = model(x)  # so\n", "y = model(x)  # so\nmodel.train()\n"),
        ("y = model(x)", "y = model(x)\nmodel.train()"),
        ("y = model(x); a\n", "y = model(x); model.train(); a\n"),
        ("if a: y = model(x)\nb\n", "if a: y = model(x); model.train()\nb\n"),
        ("for a in model(x):\n    b\nelse:\n    c\nd\n", "for a in model(x):\n    b\nelse:\n    c\nmodel.train()\nd\n"),
    ],
)
def test_a_statement_goes_after_another(before: str, after: str) -> None:
    assert fixed(before, InsertAfter(at("model(x)", before), "model.train()", "")) == after


def test_a_decorator_goes_next_to_the_function() -> None:
    before = "class A:\n    @staticmethod\n    async def f(x):\n        return x\n"
    after = "class A:\n    @staticmethod\n    @off\n    async def f(x):\n        return x\n"
    assert fixed(before, Decorate(at("async def f(x)", before), "off", "")) == after


def test_no_decorator_goes_to_a_generator() -> None:
    before = "def f(x):\n    yield x\n"
    assert refused(before, Decorate(at("def f(x):\n    yield x", before), "off", ""))


# ---- blocks --------------------------------------------------------------------------------------


def wrapped(before: str, first: str = "model(x)", last: str = "") -> str:
    through = at(last, before) if last else None
    return fixed(before, Wrap(at(first, before), "off()", "", through=through))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y = model(x)\n", "with off():\n    y = model(x)\n"),
        ("if a:\n\ty = model(x)\n", "if a:\n\twith off():\n\t\ty = model(x)\n"),
        ("# evallint: ignore[a]\ny = model(x)\n", "with off():\n    # evallint: ignore[a]\n    y = model(x)\n"),
        ("if a:\n  y = model(x)\n", "if a:\n  with off():\n    y = model(x)\n"),
        ("if a: y = model(x)\n", "if a:\n    with off(): y = model(x)\n"),
        ("a = 1; y = model(x)\n", "with off():\n    a = 1; y = model(x)\n"),
        ("y = f(\n    model(x),\n)", "with off():\n    y = f(\n        model(x),\n    )"),
        ("y = a + \\\n  model(x)\n", "with off():\n    y = a + \\\n      model(x)\n"),
        ("y = model(x), '''a\n\nb'''\n", "with off():\n    y = model(x), '''a\n\nb'''\n"),
        ("y = f'''{\n1}''', model(x)\n", "with off():\n    y = f'''{\n1}''', model(x)\n"),
        ("for a in model(x):\n    # b\n\n    c\n    # d\ne\n", None),
        ("y = [model(x) for x in a]\n", "with off():\n    y = [model(x) for x in a]\n"),
        ("@model(x)\ndef f():\n    yield 1\n", "with off():\n    @model(x)\n    def f():\n        yield 1\n"),
    ],
)
def test_statements_go_into_a_block(before: str, after: str | None) -> None:
    loop = "with off():\n    for a in model(x):\n        # b\n\n        c\n        # d\ne\n"
    assert wrapped(before) == (after or loop)


def test_several_statements_go_into_one_block() -> None:
    before = code("""
        a = 1
        b = model(x)
        c = 2
        if c:
            d = other(b)
        e = 3
    """)
    after = code("""
        a = 1
        with off():
            b = model(x)
            c = 2
            if c:
                d = other(b)
        e = 3
    """)
    assert wrapped(before, "model(x)", "other(b)") == after


@pytest.mark.parametrize(
    "before",
    [
        "def f():\n    yield model(x)\n",
        "def f():\n    y = yield from model(x)\n",
        "def f():\n    for y in model(x):\n        yield y\n",
        "def f():\n    if a: yield model(x)\n",
    ],
)
def test_no_block_goes_around_a_yield(before: str) -> None:
    where = "for y in model(x)" if "for" in before else "model(x)"
    assert "yielded" in refused(before, Wrap(at(where, before), "off()", ""))


def test_what_follows_a_statement_goes_into_a_block() -> None:
    before = "def f():\n    off()  # please\n    a\n\n    return b\n\n\nc\n"
    after = "def f():\n    with off():  # please\n        a\n\n        return b\n\n\nc\n"
    assert fixed(before, WrapRest(at("off()", before), "off()", "")) == after
    assert refused("def f():\n    off()\n\n\na\n", WrapRest(at("off()", before), "off()", "")) == "nothing follows it"


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("f()", "f(k=1)"),
        ("f(x)", "f(x, k=1)"),
        ("f(x,)", "f(x, k=1,)"),
        ("f((x))", "f((x), k=1)"),
        ("f(x, k=0)", "f(x, k=1)"),
        ("f(x, k = (0))", "f(x, k = 1)"),
        ("f(x, y, 0)", "f(x, y, 1)"),
        ("f(k=0, y=2)", "f(k=1, y=2)"),
        ("f(\n    x,\n    y\n)", "f(\n    x,\n    y,\n    k=1\n)"),
        ("f(\n    x,\n    y,  # y\n)", "f(\n    x,\n    y,\n    k=1,  # y\n)"),
        ("f(x,\n  y)", "f(x,\n  y,\n  k=1)"),
        ("f(  # nothing\n)", "f(  # nothing\nk=1)"),
    ],
)
def test_an_argument_is_set(call: str, after: str) -> None:
    before = f"z = {call} + 1\n"
    assert fixed(before, SetArgument(at(call, before), "k", "1", "", 2)) == f"z = {after} + 1\n"


@pytest.mark.parametrize("call", ["f(**a)", "f(*a)", "f(x for x in a)"])
def test_an_argument_that_may_be_given_already_is_left_alone(call: str) -> None:
    before = f"z = {call}\n"
    assert refused(before, SetArgument(at(call, before), "k", "1", "", 2))


# ---- code in the place of other code -------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "stretch", "template", "after"),
    [
        ("model.eval\n", "model.eval", "{}()", "model.eval()\n"),
        ("a = f(x), 1\n", "f(x)", "g({})", "a = g(f(x)), 1\n"),
        ("a: T = x + y\n", "a: T = x + y", "b({})", "b(x + y)\n"),
        ("a = x, y\n", "a = x, y", "b({})", "b((x, y))\n"),
        ("a = (f(x))\n", "f(x)", "g", "a = (g)\n"),
    ],
)
def test_code_takes_the_place_of_other_code(before: str, stretch: str, template: str, after: str) -> None:
    assert fixed(before, Replace(at(stretch, before), template, "")) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a += loss\n", "a += loss.item()\n"),
        ("a += loss * n\n", "a += (loss * n).item()\n"),
        ("a += (loss * n)\n", "a += (loss * n).item()\n"),
        ("a = a + loss\n", "a = a + loss.item()\n"),
        ("a = loss + a\n", "a = loss.item() + a\n"),
        ("a.b['c'] += -loss\n", "a.b['c'] += (-loss).item()\n"),
        ("a = b * a + loss\n", "a = (b * a + loss).item()\n"),
        ("a.append(loss)\n", "a.append(loss.item())\n"),
        ("a.append(await loss)\n", "a.append((await loss).item())\n"),
    ],
)
def test_what_is_kept_is_replaced(before: str, after: str) -> None:
    assert fixed(before, ReplaceKept(at(before.strip(), before), "{}.item()", "")) == after


@pytest.mark.parametrize("before", ["a.append((x, y))\n", "a = [x]\n", "a.extend(x for x in y)\n", "a.append(*x)\n"])
def test_what_is_no_single_tensor_is_not_replaced(before: str) -> None:
    assert refused(before, ReplaceKept(at(before.strip(), before), "{}.item()", ""))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = [f(x), g(x), h(x)]\n", "a = [f(x), h(x)]\n"),
        ("a = b(g(x), h(x))\n", "a = b(h(x))\n"),
        ("a = [f(x), g(x)]\n", "a = [f(x)]\n"),
        ("a = [\n    f(x),\n    g(x),\n]\n", "a = [\n    f(x),\n]\n"),
        ("a = [\n    g(x),  # g\n    h(x),\n]\n", "a = [\n    h(x),\n]\n"),
        ("a = [\n    f(x),  # f\n    g(x),\n]\n", "a = [\n    f(x),  # f\n    ]\n"),
    ],
)
def test_an_item_is_removed_with_its_comma(before: str, after: str) -> None:
    made = fixed(before, Remove(at("g(x)", before), ""))
    assert "".join(made.split()).replace(",]", "]") == "".join(after.split()).replace(",]", "]")
    assert compile(made, "a.py", "exec")


@pytest.mark.parametrize("before", ["a = [g(x)]\n", "a = g(x)\n", "a = b(c=g(x))\n"])
def test_what_stands_alone_is_not_removed(before: str) -> None:
    assert refused(before, Remove(at("g(x)", before), ""))


def test_two_items_are_exchanged() -> None:
    before = "a = [\n    f(x),  # f\n    g(\n        x,\n    ),\n]\n"
    after = "a = [\n    g(\n        x,\n    ),  # f\n    f(x),\n]\n"
    assert fixed(before, Swap(at("f(x)", before), at("g(\n        x,\n    )", before), "")) == after
    assert refused("f(x), [g(x)]\n", Swap(at("f(x)", "f(x), [g(x)]\n"), at("g(x)", "f(x), [g(x)]\n"), ""))


# ---- imports -------------------------------------------------------------------------------------


def test_a_part_of_a_statement_takes_its_parentheses_along() -> None:
    before = "return total / (len(loader) * size)\n"
    assert fixed(before, Replace(at(before.strip(), before), "samples", "", part="len(loader) * size")) == (
        "return total / samples\n"
    )


@pytest.mark.parametrize(("before", "reason"), [("return a / c\n", "does not stand"), ("return b / b\n", "more than")])
def test_a_part_of_a_statement_must_stand_there_once(before: str, reason: str) -> None:
    assert reason in refused(before, Replace(at(before.strip(), before), "d", "", part="b"))


TWO = "total += loss\nmean = total / batches\n"
ADD = ReplaceKept(at("total += loss", TWO), "{} * n", "")
DIVIDE = Replace(at("mean = total / batches", TWO), "samples", "", part="batches")
ABSENT = Replace(at("mean = total / batches", TWO), "samples", "", part="loader")


def test_changes_that_make_sense_together_only_are_all_made_or_none() -> None:
    assert fixed(TWO, Together(DIVIDE.at, (ADD, DIVIDE), "")) == "total += loss * n\nmean = total / samples\n"
    assert "does not stand there" in refused(TWO, Together(ABSENT.at, (ADD, ABSENT), ""))
    assert "same code" in refused(TWO, Together(DIVIDE.at, (ADD, ADD), ""))


def copied(before: str) -> str:
    return fixed(before, Replace(at("f(x)", before), "copy.deepcopy({})", "", ("copy.deepcopy",)))


@pytest.mark.parametrize(
    ("top", "new", "spelling"),
    [
        ("import copy\n", "import copy\n", "copy.deepcopy"),
        ("import copy as c\n", "import copy as c\n", "c.deepcopy"),
        ("from copy import deepcopy\n", "from copy import deepcopy\n", "deepcopy"),
        ("from copy import deepcopy as d\n", "from copy import deepcopy as d\n", "d"),
        ("try:\n    import copy\nfinally:\n    pass\n", "try:\n    import copy\nfinally:\n    pass\n", "copy.deepcopy"),
        ("import torch\n", "import copy\n\nimport torch\n", "copy.deepcopy"),
        ("import abc\nimport os\n", "import abc\nimport copy\nimport os\n", "copy.deepcopy"),
        ("import os\nfrom re import sub\n", "import copy\nimport os\nfrom re import sub\n", "copy.deepcopy"),
        ("from abc import ABC\n", "import copy\nfrom abc import ABC\n", "copy.deepcopy"),
        (
            '"""Doc."""\nfrom __future__ import annotations\n',
            '"""Doc."""\nfrom __future__ import annotations\n\nimport copy\n',
            "copy.deepcopy",
        ),
        ('"""Doc."""\n', '"""Doc."""\n\nimport copy\n', "copy.deepcopy"),
        ("#!/bin/python\n# Mine.\n", "#!/bin/python\n# Mine.\nimport copy\n\n", "copy.deepcopy"),
        ("copy = 1\n", "from copy import deepcopy\n\ncopy = 1\n", "deepcopy"),
        ("from .a import copy\n", "from copy import deepcopy\n\nfrom .a import copy\n", "deepcopy"),
    ],
)
def test_an_import_is_found_or_added_where_it_belongs(top: str, new: str, spelling: str) -> None:
    assert copied(f"{top}a = f(x)\n") == f"{new}a = {spelling}(f(x))\n"


def test_a_name_that_a_function_has_for_itself_is_not_taken() -> None:
    before = "import torch\n\n\ndef g(copy=False):\n    return f(x)\n"
    after = "from copy import deepcopy\n\nimport torch\n\n\ndef g(copy=False):\n    return deepcopy(f(x))\n"
    assert copied(before) == after


def test_an_import_of_the_function_itself_serves_it() -> None:
    before = "def g():\n    import copy\n    return f(x)\n"
    assert copied(before) == before.replace("f(x)", "copy.deepcopy(f(x))")


def test_an_import_below_is_none() -> None:
    assert copied("a = f(x)\nimport copy\n").startswith("from copy import deepcopy\n")


def test_one_import_serves_several_fixes() -> None:
    before = "import torch\na = f(x)\nb = g(x)\n"
    fixes = [Replace(at(call, before), "copy.deepcopy({})", "", ("copy.deepcopy",)) for call in ("f(x)", "g(x)")]
    after = "import copy\n\nimport torch\na = copy.deepcopy(f(x))\nb = copy.deepcopy(g(x))\n"
    assert fixed(before, *fixes) == after


# ---- several fixes -------------------------------------------------------------------------------


def test_of_fixes_that_meet_the_first_is_made() -> None:
    before = "y = model(x)\n"
    fixes: list[Fix] = [InsertBefore(at("model(x)", before), "a", ""), Wrap(at("model(x)", before), "off()", "")]
    mending = fix.mending(before, fixes)
    assert (mending.done, mending.refused) == ((0,), {})
    assert fix.applied(before, mending.edits) == "a\ny = model(x)\n"


def test_a_fix_that_several_findings_ask_for_is_made_once() -> None:
    before = "y = model(x)\n"
    one = InsertBefore(at("model(x)", before), "a", "")
    mending = fix.mending(before, [one, one])
    assert mending.done == (0, 1)
    assert fix.applied(before, mending.edits) == "a\ny = model(x)\n"


def test_what_libcst_cannot_read_is_left_alone() -> None:
    assert "LibCST" in refused("(x): 0\n", InsertBefore(at("x", "(x): 0\n"), "a", ""))
