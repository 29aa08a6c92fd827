"""What a file's text says becomes its facts, each statement and call with its place."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from itertools import chain
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evallint import codec
from evallint import extract as extract_module
from evallint.extract import NotPython, extract, worth_parsing
from evallint.extract.lower import LONGEST_STRING, LONGEST_TABLE, Lowering
from evallint.extract.nodes import cst
from evallint.extract.positions import ByNode, Disagreement, InOrder
from evallint.facts import (
    Argument,
    Assert,
    Assign,
    Attribute,
    Augment,
    Await,
    Block,
    Call,
    Case,
    Choice,
    Clause,
    Collection,
    Comparison,
    Comprehension,
    Constant,
    Define,
    DefineClass,
    Delete,
    Evaluate,
    Expr,
    FileFacts,
    For,
    Handler,
    If,
    Import,
    Lambda,
    Leave,
    Logic,
    Mapping,
    Match,
    Name,
    Opaque,
    Operation,
    Outer,
    Parameter,
    Raise,
    Return,
    Slice,
    Span,
    Starred,
    Subscript,
    Text,
    Try,
    Unary,
    Walrus,
    While,
    With,
    WithItem,
    Yield,
)

HERE = Span(0, 0, 0, 0)
"""Stands for any place, where places are not what a test is about."""


def placeless(fact: Any) -> Any:
    if isinstance(fact, Span):
        return HERE
    if not isinstance(fact, tuple):
        return fact
    parts = [placeless(part) for part in fact]
    return type(fact)(*parts) if hasattr(fact, "_fields") else tuple(parts)


def expression(code: str) -> Expr:
    """What `x = code` assigns."""
    (statement,) = extract(f"x = {code}\n").bodies[0]
    assert isinstance(statement, Assign)
    fact: Expr = placeless(statement.value)
    return fact


def statements(code: str) -> Block:
    found: Block = placeless(extract(code).bodies[0])
    return found


def call(name: str, *arguments: Expr) -> Call:
    return Call(Name(name), tuple(Argument(argument) for argument in arguments), HERE)


def run(name: str) -> Block:
    """The block `name()`."""
    return (Evaluate(call(name), HERE),)


def binds(name: str, value: Expr) -> Assign:
    return Assign((Name(name),), value, None, HERE)


A, B, C, D = map(Name, "abcd")
ONE, TWO = Constant(1), Constant(2)

# ---- expressions --------------------------------------------------------------------------------

EXPRESSIONS: dict[str, Expr] = {
    "a": A,
    "(a)": A,
    "a.b.c": Attribute(Attribute(A, "b"), "c"),
    "f()": call("f"),
    "f(a, b)": call("f", A, B),
    "f(a=b)": Call(Name("f"), (Argument(B, "a"),), HERE),
    "f(*a, **b)": Call(Name("f"), (Argument(A, "", 1), Argument(B, "", 2)), HERE),
    "f(a)(b)": Call(call("f", A), (Argument(B),), HERE),
    "True": Constant(True),
    "None": Constant(None),
    "1_000": Constant(1000),
    "0x1F": Constant(31),
    "0b11": Constant(3),
    "00": Constant(0),
    "1e-3": Constant(0.001),
    "1_0.5": Constant(10.5),
    "-1": Constant(-1),
    "-1.5": Constant(-1.5),
    "1j": Opaque(()),
    "...": Opaque(()),
    "'a'": Constant("a"),
    "'''a\n'''": Constant("a\n"),
    r"'\t\x41'": Constant("\tA"),
    r"r'\t'": Constant(r"\t"),
    "u'é😀'": Constant("é😀"),
    "b'a'": Opaque(()),
    "'a' 'b'": Constant("ab"),
    "f'a{b}{f(c)!r:>{d}}'": Text((Constant("a"), B, call("f", C))),
    "'a' f'{b}'": Text((Constant("a"), Text((B,)))),
    "(a, b)": Collection("tuple", (A, B)),
    "a, b": Collection("tuple", (A, B)),
    "()": Collection("tuple", ()),
    "[a, *b]": Collection("list", (A, Starred(B))),
    "{a, b}": Collection("set", (A, B)),
    "{a: b, **c}": Mapping((A, None), (B, C)),
    "{}": Mapping((), ()),
    "a[1]": Subscript(A, ONE),
    "a[1, b]": Subscript(A, Collection("tuple", (ONE, B))),
    "a[1:]": Subscript(A, Slice(ONE, None, None)),
    "a[::2, b]": Subscript(A, Collection("tuple", (Slice(None, None, TWO), B))),
    "a @ b": Operation("@", A, B),
    "a - b - c": Operation("-", Operation("-", A, B), C),
    "a | b ** c": Operation("|", A, Operation("**", B, C)),
    "not a": Unary("not", A),
    "-a": Unary("-", A),
    "~a": Unary("~", A),
    "-True": Unary("-", Constant(True)),
    "a and b": Logic("and", A, B),
    "a or b or c": Logic("or", Logic("or", A, B), C),
    "a < b": Comparison("<", A, B),
    "a < b <= c": Logic("and", Comparison("<", A, B), Comparison("<=", B, C)),
    "a is not b": Comparison("is not", A, B),
    "a not in b": Comparison("not in", A, B),
    "a if b else c": Choice(B, A, C),
    "lambda: a": Lambda((), A),
    "lambda a, /, b, *c, d=1: a": Lambda(
        (
            Parameter("a", "/", None, None),
            Parameter("b", "", None, None),
            Parameter("c", "*", None, None),
            Parameter("d", "=", ONE, None),
        ),
        A,
    ),
    "[a for a in b]": Comprehension("list", A, None, (Clause(A, B, ()),)),
    "{a for a in b if c}": Comprehension("set", A, None, (Clause(A, B, (C,)),)),
    "{a: b for a, b in c}": Comprehension("dict", A, B, (Clause(Collection("tuple", (A, B)), C, ()),)),
    "f(a for b in c if d if a for a in b)": call(
        "f", Comprehension("generator", A, None, (Clause(B, C, (D, A)), Clause(A, B, ())))
    ),
    "(b := 1)": Walrus("b", ONE),
    "(yield)": Yield(None),
    "yield a": Yield(A),
    "yield from a": Yield(A),
    "await a": Await(A),
}


@pytest.mark.parametrize("code", EXPRESSIONS)
def test_an_expression_becomes_its_fact(code: str) -> None:
    found = expression(code)
    assert found == EXPRESSIONS[code]
    assert type(found) is type(EXPRESSIONS[code])


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>"])
def test_an_operation_is_named_as_it_is_written(operator: str) -> None:
    assert expression(f"a {operator} b") == Operation(operator, A, B)
    assert statements(f"a {operator}= b\n") == (Augment(A, operator, B, HERE),)


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"])
def test_a_comparison_is_named_as_it_is_written(operator: str) -> None:
    assert expression(f"a {operator} b") == Comparison(operator, A, B)


def test_constants_keep_their_kind() -> None:
    kinds = [type(fact.value) for code in ("1", "1.0", "True") if isinstance(fact := expression(code), Constant)]
    assert kinds == [int, float, bool]


def test_long_texts_and_tables_are_opaque() -> None:
    assert expression(repr("a" * LONGEST_STRING)) == Constant("a" * LONGEST_STRING)
    assert expression(repr("a" * (LONGEST_STRING + 1))) == Opaque(())
    assert expression(repr([1] * (LONGEST_TABLE + 1))) == Opaque(())
    assert expression(repr(dict.fromkeys(range(LONGEST_TABLE + 1), 0))) == Opaque(())
    long = expression(f"[{'f(), ' * (LONGEST_TABLE + 1)}]")
    assert long == Collection("list", (call("f"),) * (LONGEST_TABLE + 1)), "calls are no data"


# ---- statements ---------------------------------------------------------------------------------

RUN_A, RUN_B, RUN_C, RUN_D = map(run, "abcd")

STATEMENTS: dict[str, Block] = {
    "a()": RUN_A,
    "a; b()": (Evaluate(A, HERE), *RUN_B),
    "'prose'": (),
    "...": (),
    "pass": (),
    "a = 1": (binds("a", ONE),),
    "a = b = 1": (Assign((A, B), ONE, None, HERE),),
    "a, *b = c": (Assign((Collection("tuple", (A, Starred(B))),), C, None, HERE),),
    "a.b[c] = 1": (Assign((Subscript(Attribute(A, "b"), C),), ONE, None, HERE),),
    "a: b = 1": (Assign((A,), ONE, B, HERE),),
    "a: b": (Assign((A,), None, B, HERE),),
    "a += 1": (Augment(A, "+", ONE, HERE),),
    "a @= b": (Augment(A, "@", B, HERE),),
    "return": (Return(None, HERE),),
    "return a": (Return(A, HERE),),
    "raise": (Raise(None, HERE),),
    "raise a from b": (Raise(A, HERE),),
    "assert a, b": (Assert(A, HERE),),
    "del a": (Delete((A,), HERE),),
    "del a, b.c": (Delete((A, Attribute(B, "c")), HERE),),
    "global a, b": (Outer("global", ("a", "b")),),
    "nonlocal a": (Outer("nonlocal", ("a",)),),
    "import a": (Import("a", "", "a", 0, HERE),),
    "import a.b": (Import("a.b", "", "a", 0, HERE),),
    "import a.b as c": (Import("a.b", "", "c", 0, HERE),),
    "import a, b": (Import("a", "", "a", 0, HERE), Import("b", "", "b", 0, HERE)),
    "from a.b import c": (Import("a.b", "c", "c", 0, HERE),),
    "from a import b as c, d": (Import("a", "b", "c", 0, HERE), Import("a", "d", "d", 0, HERE)),
    "from . import a": (Import("", "a", "a", 1, HERE),),
    "from ..a import (b,)": (Import("a", "b", "b", 2, HERE),),
    "from a import *": (Import("a", "*", "", 0, HERE),),
    "if a: b()": (If(A, RUN_B, (), HERE),),
    "if a:\n    b()\nelif c: c()\nelse:\n    d()": (If(A, RUN_B, (If(C, RUN_C, RUN_D, HERE),), HERE),),
    "for a in b:\n    c()\nelse:\n    d()": (For(A, B, RUN_C, RUN_D, HERE),),
    "for a, b in c: break": (For(Collection("tuple", (A, B)), C, (Leave("break", HERE),), (), HERE),),
    "while a:\n    continue\nelse: b()": (While(A, (Leave("continue", HERE),), RUN_B, HERE),),
    "with a, b as c:\n    d()": (With((WithItem(A, None), WithItem(B, C)), RUN_D, HERE),),
    "with (a as b, c): d()": (With((WithItem(A, B), WithItem(C, None)), RUN_D, HERE),),
    "try:\n    a()\nexcept:\n    b()": (Try(RUN_A, (Handler(None, "", RUN_B),), (), (), HERE),),
    "try: a()\nexcept (b, c) as d: b()\nelse: c()\nfinally: d()": (
        Try(RUN_A, (Handler(Collection("tuple", (B, C)), "d", RUN_B),), RUN_C, RUN_D, HERE),
    ),
    "try: a()\nexcept* b: c()": (Try(RUN_A, (Handler(B, "", RUN_C),), (), (), HERE),),
}


@pytest.mark.parametrize("code", STATEMENTS)
def test_a_statement_becomes_its_fact(code: str) -> None:
    found = statements(f"{code}\n")
    assert found == STATEMENTS[code]
    assert [type(fact) for fact in found] == [type(fact) for fact in STATEMENTS[code]]


PATTERNS: dict[str, Case] = {
    "1": Case((ONE,), (), None, ()),
    "-1": Case((Constant(-1),), (), None, ()),
    "'a' | None": Case((Constant("a"), Constant(None)), (), None, ()),
    "1 | str()": Case((), (), None, ()),
    "b.c": Case((), (), None, ()),
    "_": Case((), (), None, ()),
    "b": Case((), ("b",), None, ()),
    "str() as b": Case((), ("b",), None, ()),
    "b if c()": Case((), ("b",), call("c"), ()),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_case_says_what_it_matches_and_binds(pattern: str) -> None:
    (statement,) = statements(f"match a:\n    case {pattern}:\n        pass\n")
    assert statement == Match(A, (PATTERNS[pattern],), HERE)


# ---- definitions --------------------------------------------------------------------------------

PROGRAM = """\
import torch

@decorated(1)
async def main(a, /, b: int, *c, d=1, **e) -> str:
    def inner():
        yield self.model(a)
    return inner

class Net(nn.Module, metaclass=Meta):
    size = 3

    def forward(self, x):
        return self.body(x).eval()

    if size:
        def step(self): ...

main(main)
"""


@pytest.mark.parametrize("code", ["a, self.b = f(x), y", "[a, b] = (x, y)", "self.a, b = self.b, y"])
def test_an_assignment_of_several_is_one_of_each(code: str) -> None:
    assert [len(one.targets) for one in statements(code) if isinstance(one, Assign)] == [1, 1]


@pytest.mark.parametrize(
    "code",
    ["a, b = b, a", "a, b = x, a + y", "self.a, b = x, self.f()", "a, b = x", "a, *b = x, y", "a[0], a[1] = x, y"],
)
def test_an_assignment_stays_whole_where_a_value_may_read_what_it_sets(code: str) -> None:
    assert [len(one.targets) for one in statements(code) if isinstance(one, Assign)] == [1]


def test_functions_and_classes_are_numbered_in_their_order() -> None:
    facts = extract(PROGRAM)
    assert [function.qualname for function in facts.functions] == [
        "<module>",
        "main",
        "main.<locals>.inner",
        "Net.forward",
        "Net.step",
    ]
    assert [function.owner for function in facts.functions] == [-1, -1, -1, 0, 0]
    assert placeless(facts.bodies[0]) == (
        Import("torch", "", "torch", 0, HERE),
        Define(1, HERE),
        DefineClass(0, HERE),
        Evaluate(call("main", Name("main")), HERE),
    )
    assert facts.imports == (facts.bodies[0][0],)


def test_a_function_says_how_it_is_called() -> None:
    main = extract(PROGRAM).functions[1]
    assert main.parameters == (
        Parameter("a", "/", None, None),
        Parameter("b", "", None, Name("int")),
        Parameter("c", "*", None, None),
        Parameter("d", "=", ONE, None),
        Parameter("e", "**", None, None),
    )
    assert placeless(main.decorators) == (call("decorated", ONE),)
    assert main.returns == Name("str")
    assert main.is_async


def test_a_generator_is_the_function_that_yields() -> None:
    assert [function.is_generator for function in extract(PROGRAM).functions] == [False, False, True, False, False]


def test_a_class_says_what_it_is_made_of() -> None:
    facts = extract(PROGRAM)
    (net,) = facts.classes
    assert (net.name, net.qualname, net.methods) == ("Net", "Net", (3, 4))
    assert net.bases == (Argument(Attribute(Name("nn"), "Module")), Argument(Name("Meta"), "metaclass"))
    assert placeless(facts.bodies[net.body]) == (
        binds("size", Constant(3)),
        Define(3, HERE),
        If(Name("size"), (Define(4, HERE),), (), HERE),
    )
    assert placeless(facts.bodies[facts.functions[4].body]) == ()


def test_a_class_in_a_function_has_methods_of_its_own() -> None:
    facts = extract("def make():\n    class Net:\n        def forward(self): pass\n    def after(): pass\n")
    assert [(function.qualname, function.owner) for function in facts.functions[1:]] == [
        ("make", -1),
        ("make.<locals>.Net.forward", 0),
        ("make.<locals>.after", -1),
    ]
    assert facts.classes[0].qualname == "make.<locals>.Net"


def test_mentions_are_what_a_functions_own_code_calls_hands_on_and_reads() -> None:
    functions = extract(PROGRAM).functions
    assert functions[0].mentions == ("Meta", "Module", "decorated", "decorated()", "main", "main()")
    assert functions[1].mentions == ()
    assert functions[2].mentions == ("a", "model", "self.model()")
    assert functions[3].mentions == ("body", "eval", "self.body()", "x")


# ---- places -------------------------------------------------------------------------------------

LAYOUTS = {
    "decorators": "@a(1)\n@b.c(d())\ndef f(x=g()): h()\n\n@a()\nclass K(b()): c()\n",
    "nested calls": "f(g(h()), i(j(k())))(l())(m)(n())\n",
    "chained calls": "(\n    a\n    .b()\n    .c(\n        d(),\n    )\n)()\n",
    "f-strings": "f(f'{g(h())!r:>{i()}}', j(), f'''{\nk()\n}''', l())\n",
    "non-ASCII": "é = f('ü', g()); 名.前(h(), 'ß' 'ß', i())\n",
    "astral": "f('😀', g('\U0001d518'), h()); x = '😀😀'; y = i()  # 😀\n\U0001d431 = j('😀',\n  '😀', k())\n",
    "combining": "e\u0301 = f('e\u0301', g())\n",
    "semicolons": "a(); b(); c = d() ;\nif e(): f(); g()\n",
    "continuations": "x = f() + \\\n    g() \\\n  + h()\nassert i(), \\\n    j()\n",
    "comprehensions": "[f(x) for x in g() if h(x) for y in i(j())]; {k(): l() for _ in m()}; n(o() for _ in p())\n",
    "conditional": "f() if g() else h()\nlambda a=i(): j()\n",
    "walrus": "while (x := f(g())): h(y := i())\n",
    "match": "match f():\n    case 1 if g(): h()\n    case K(a=[_, *b]) | {**c}: i()\n    case _:\n        j()\n",
    "async": "async def f():\n    async with g() as h, i(): await j()\n    async for k in l(): yield await m()\n",
    "hints": "def f(a: g() = h(), *b: i(), c: j() = k(), **d: l()) -> m(): n()\nx: o() = p()\ny: q()\n",
    "elif": "if a():\n    b()\nelif c():\n    d()\nelse:\n    e()\n",
    "else if": "if a():\n    b()\nelse:\n    if c():\n        d()\n",
    "loops": "for a in b():\n    c()\nelse:\n    d()\nwhile e(): f()\nelse: g()\n",
    "try": "try:\n    a()\nexcept b() as e:\n    c()\nexcept d:\n    pass\nelse:\n    f()\nfinally:\n    g()\n",
    "with": "with (\n    a() as b,\n    c(),\n):\n    d()\n",
    "tabs": "if a():\n\tb()\n\tif c(): d()\n",
    "comments": "# a\nf(  # b\n    g(),  # c\n    # d\n)  # e\n\n\n# f\n",
    "no end": "def f():\n    g()",
    "blank lines": "\n\n\ndef f():\n\n    g()\n\n    # the end\n\n\nh()\n",
    "strings": "f('''\n''', g(), \"\"\"\n\n\"\"\" 'a', h())\n",
    "stars": "f(*g(), a=h(), **i()); [*j(), k()]; {**l(), m(): n()}; o[p():q(), r()]\n",
    "order": "f(a)[g(b)].h(c).i[j()] = k(l()); m()[n()] += o()\ndel p().q, r()[s()]\n",
    "comparisons": "f() < g() != h() in i(); not j() and -k() or l() @ m()\n",
    "raise": "def f():\n    raise g() from h()\n",
    "lambda": "f(lambda x=g(): h(x), i())\n",
    "nesting": "class A:\n  class B(c()):\n    @d()\n    def e(self):\n      def f(): g()\n      return f()\n",
    "empty": "",
    "only a comment": "# nothing\n",
    "parentheses": "((f))((g)((h())))\n(yield f())\n",
    "globals": "def f():\n    global a, b; nonlocal_ = c()\n    import d; from e import (f,\n  g); h()\n",
}


STANDARD = """
    __future__.py abc.py asyncio/queues.py bisect.py colorsys.py copyreg.py fnmatch.py graphlib.py importlib/abc.py
    keyword.py numbers.py reprlib.py sched.py stat.py types.py wsgiref/util.py
""".split()
"""Small files of different kinds that every version has."""

LEAVES = st.sampled_from(["a", "1", "'é'", "'😀'", "f()", 'f"{f()}{a}"', "f(\n)", "(yield)", "x.y"])
EXPRESSIONS_OF = [
    "f({0})",
    "f({0}, b={1})",
    "({0}).g({1})",
    "({0})({1})",
    "({0} if {1} else {0})",
    "[{0} for b in {1} if f()]",
    "({0},\n  {1})",
    "({0})[{1}]",
    "(lambda c={0}: {1})",
    "({0} + \\\n{1})",
    "{{{0}: {1}}}",
    "(d := {0})",
]
EXPRESSION_TEXTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(str.format, st.sampled_from(EXPRESSIONS_OF), inner, inner),
    max_leaves=6,
)
SIMPLE = ["{0}", "a = {0}", "a: {0} = {1}", "é += {0}; {1}", "assert {0}, {1}", "return {0}", "del x.y, x[{0}]"]
COMPOUND = [
    "if {0}:",
    "for a in {0}:",
    "while {0}:",
    "with {0} as b, {1}:",
    "async def f(a: {0} = {1}):",
    "@f({0})\ndef g(é={1}):",
    "class K({0}):",
    "try:\n  {0}\nfinally:",
    "if {0}: {1}\nelif f():",
    "match {0}:\n case {{'a': b}} if {1}:",
]
LINES = st.builds(str.format, st.sampled_from(SIMPLE), EXPRESSION_TEXTS, EXPRESSION_TEXTS)
HEADS = st.builds(str.format, st.sampled_from(COMPOUND), EXPRESSION_TEXTS, EXPRESSION_TEXTS)


def blocks(depth: int) -> st.SearchStrategy[list[str]]:
    """The lines of a few statements, those of blocks indented."""
    simple = LINES.map(lambda line: [line])
    if not depth:
        return simple
    below = blocks(depth - 1).map(lambda lines: [indent(line, "  ") for line in lines])
    compound = st.builds(lambda head, body: [head, *body], HEADS, below)
    return st.lists(simple | compound, min_size=1, max_size=3).map(lambda parts: list(chain(*parts)))


def in_order(text: str) -> FileFacts:
    return Lowering(InOrder(text)).file(cst.parse_module(text))


def by_node(text: str) -> FileFacts:
    module = cst.parse_module(text)
    return Lowering(ByNode(module)).file(module)


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_places_are_those_that_libcst_gives(text: str) -> None:
    assert in_order(text) == by_node(text)


@pytest.mark.parametrize("name", STANDARD)
def test_places_in_the_standard_library_are_those_that_libcst_gives(name: str) -> None:
    text = Path(sysconfig.get_path("stdlib"), name).read_text(encoding="utf-8")
    assert in_order(text) == by_node(text)


@settings(max_examples=40, deadline=None)
@given(blocks(2))
def test_places_in_any_program_are_those_that_libcst_gives(lines: list[str]) -> None:
    text = "\n".join([*lines, ""])
    assert in_order(text) == by_node(text)


def spans(text: str) -> dict[str, Span]:
    """The place of every call and statement, by its text."""
    lines = text.splitlines()
    found = {}
    todo: list[Any] = [extract(text)]
    while todo:
        fact = todo.pop()
        if isinstance(fact, Span):
            if fact.line == fact.end_line and fact != Span(1, 1, fact.end_line, 1):
                found[lines[fact.line - 1][fact.column - 1 : fact.end_column - 1]] = fact
        elif isinstance(fact, tuple):
            todo.extend(fact)
    return found


def test_places_are_counted_in_characters_from_one() -> None:
    assert spans("x = f('😀é', g(1))\n") == {
        "x = f('😀é', g(1))": Span(1, 1, 1, 18),
        "f('😀é', g(1))": Span(1, 5, 1, 18),
        "g(1)": Span(1, 13, 1, 17),
    }


def test_a_call_in_an_f_string_has_the_place_of_its_statement() -> None:
    (statement,) = extract("x = 1 + f('a', f'{g()}')\n").bodies[0]
    assert isinstance(statement, Assign)
    assert isinstance(statement.value, Operation)
    outer = statement.value.right
    assert isinstance(outer, Call)
    assert outer.span == Span(1, 9, 1, 25)
    assert outer.arguments[1].value == Text((Call(Name("g"), (), statement.span),))


@pytest.mark.parametrize(
    "text",
    [
        "type A[T] = f(g())\nh()\n",
        "def f[T: g(), *U, **V](x: T = h()) -> i():\n    j()\n",
        "class K[T](f()):\n    def g(self): h()\n",
        "x = f'{a['b']}' + f(g())\n",
        "x = f'{f'{g()}'}' + h()\n",
        "try: f()\nexcept* g(): h()\n",
        "a[*f()] = g()\n",
        "def f(*args: *g()): h()\n",
        "try: f()\nexcept A, B: g()\n",
        "@(f() if g() else h())\ndef i(): j()\n",
    ],
)
def test_what_the_running_python_does_not_know_has_the_places_that_libcst_gives(text: str) -> None:
    assert extract(text) == by_node(text)


@pytest.mark.parametrize("other", ["f()\n", "f(); g(); h()\n", "f(); g(h())\n"])
def test_trees_that_disagree_are_noticed(other: str) -> None:
    with pytest.raises(Disagreement):
        Lowering(InOrder(other)).file(cst.parse_module("f(); g()\n"))


# ---- text and bytes -----------------------------------------------------------------------------


def test_equal_text_gives_equal_bytes() -> None:
    """In another process too, where sets have another order."""
    text = "".join(LAYOUTS.values())
    program = (
        "import sys; from evallint import codec, extract; "
        "sys.stdout.buffer.write(codec.encode(extract.extract(sys.argv[1])))"
    )
    sources = str(Path(extract_module.__file__).parents[2])
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": sources}
    other = subprocess.run([sys.executable, "-c", program, text], env=environment, capture_output=True, check=True)
    assert other.stdout == codec.encode(extract(text))


def test_facts_do_not_depend_on_comments_and_spaces() -> None:
    assert statements("f( a,b )  # c\n\nif a :\n  b()\n") == statements("f(a, b)\nif a: b()\n")


def test_tabs_and_spaces_that_python_can_tell_apart() -> None:
    mixed = "def f(x):\n\t  # a\n\t  if x:\n\t\t    g(\n\ta)\n  # b\n\t  h('''\n\t''')\n\t  return x\n\n\ni()\n"
    plain = "def f(x):\n  if x:\n    g(a)\n  h('''\n\t''')\n  return x\ni()\n"
    facts = extract(mixed)
    assert placeless(facts.bodies) == placeless(extract(plain).bodies)
    called = next(each for each in facts.bodies[-1] if isinstance(each, Evaluate))
    assert isinstance(called.value, Call)
    assert called.value.span[:2] == (7, 4)


# ---- what is refused ----------------------------------------------------------------------------

BROKEN = {
    "an open parenthesis": "f(\n",
    "nothing after an operator": "x = 1 +\n",
    "no block": "def f():\nx\n",
    "Python 2's print": "print 'a'\n",
    "Python 2's raise": "raise A, 'a'\n",
    "Python 2's backticks": "x = `a`\n",
    "Python 2's octals": "x = 0777\n",
    "Python 2's parameters": "def f((a, b)): pass\n",
    "a NUL": "\0\n",
    "mixed tabs": "if x:\n        y\n\tz\n",
    "no such indentation": "if x:\n    y\n  z\n",
    "an open string": "x = 'a\n",
    "a conflict": "<<<<<<< HEAD\n",
    "a magic": "%matplotlib inline\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_text_that_is_not_python_is_refused(text: str) -> None:
    with pytest.raises(NotPython) as caught:
        extract(f"import torch\n\n{text}f()\n")
    assert caught.value.line >= 1
    assert caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\nprint 'a'\ny = 2\n", 2),
        ("x = 1\n\nraise A, 'a'\n", 3),
        ("x = 1\ny = `a`\nz = 3\n", 2),
        ("x = 1\ny = 0777\n", 2),
        ("if x:\n        y\n\tz\n", 3),
        ("if x:\n    y\n  z\n", 3),
        ("x = 1\ny = 'a\nz = 3\n", 2),
        ("x = 1\n%matplotlib inline\ny = 3\n", 2),
    ],
)
def test_a_refusal_names_the_line(text: str, line: int) -> None:
    with pytest.raises(NotPython) as caught:
        extract(text)
    assert caught.value.line == line


def test_a_refusal_is_said_in_pythons_words() -> None:
    with pytest.raises(NotPython, match="Missing parentheses in call to 'print'"):
        extract("print 'a'\n")


# ---- triage -------------------------------------------------------------------------------------


def test_async_as_an_argument_is_read_as_it_was_before_python_3_7() -> None:
    assert extract("images = images.cuda(async=True)\nasync def f(a=1): pass\n").functions[1].is_async


@pytest.mark.parametrize(
    "text",
    [
        "import torch\n",
        "from torch.nn import functional as F\n",
        "import tensorflow as tf\n",
        "def run(model): ...\n",
        "net(x)\n",
        "x.eval()\n",
        "x.train(False)\n",
        "for a in valLoader: ...\n",
        "total += loss\n",
        "x.load_state_dict(y)\n",
        "from . import a\n",
        "from .a import *\n",
        "if a:\n    from ..a.b import c\n",
        "from nets import make\n",
        "from lib.nets import (\n    make,\n)\n",
        "import lib.nets as n\n",
        "import os, lib\n",
        "import os as o, lib as l\n",
        "if a: import lib\n",
        "import os as o; from nets import make\n",
        "try:\n    from quick import f\nexcept ImportError:\n    f = None\n",
        "x.module\n",
    ],
)
def test_a_file_that_could_touch_a_model_is_worth_parsing(text: str) -> None:
    assert worth_parsing(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import os\n",
        "import os.path, re as r\n",
        "from collections.abc import Set\n",
        "x.evaluate()\n",
        "planet = x.trainer\n",
        "# from .a\n",
        "a = 'über'\n",
    ],
)
def test_other_files_are_not(text: str) -> None:
    assert not worth_parsing(text.encode())


def test_nodes_of_libcst_are_plain_and_dataclasses_are_left_as_they_were() -> None:
    program = """
import dataclasses
own = dataclasses.dataclass
from evallint.extract.nodes import cst
node = cst.parse_expression("f(x)")
assert dataclasses.dataclass is own
assert type(node).__setattr__ is object.__setattr__
assert node != node.deep_clone() and len({node, node.deep_clone()}) == 2
assert repr(node) == "Call(\\n    func=Name(\\n        value='f'," + repr(node).split("value='f',")[1]
assert cst.Module([cst.SimpleStatementLine([cst.Expr(node.with_changes(args=()))])]).code == "f()\\n"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
