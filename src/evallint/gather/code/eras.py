"""Which files are written for torch before 0.4, where there was no `no_grad` and a loss had one element to index."""

from __future__ import annotations

from evallint import facts as f
from evallint.findings import Place
from evallint.gather.code.mending import function_around
from evallint.gather.code.sites import called
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import Program
from evallint.walk import within

MODERN = frozenset(("no_grad", "inference_mode", "set_grad_enabled"))
LOSSES = frozenset("loss losses err error cost acc corrects correct".split())


def written_for_old_torch(program: Program) -> frozenset[str]:
    """The files that show it (`loss.data[0]`, `volatile=`), and all others too of a project that has nothing newer."""
    old = frozenset(program.each(old_file))
    return frozenset(program.linted) if old and not program.mentions_any(MODERN) else old


def old_file(program: Program, path: str) -> tuple[str, ...]:
    return (path,) if shows_its_age(program, path) else ()


def shows_its_age(program: Program, path: str) -> bool:
    facts = program.files[path]
    mentioned = {name for function in facts.functions for name in function.mentions}
    if mentioned & MODERN or not mentioned & {"data", "Variable"}:
        return False
    return any(
        is_old(node)
        for function in facts.functions
        if {"data", "Variable"} & set(function.mentions)
        for node in within(facts.bodies[function.body])
    )


def is_old(node: object) -> bool:
    """`loss.data[0]`, or a `Variable` that says whether it is volatile."""
    if isinstance(node, f.Subscript):
        tensor = node.value
        indexed = isinstance(tensor, f.Attribute) and tensor.name == "data" and node.key == f.Constant(0)
        return indexed and isinstance(tensor, f.Attribute) and bool(words(code(tensor.value)) & LOSSES)
    return isinstance(node, f.Argument) and node.keyword == "volatile"


def makes_plain_variables(program: Program, at: Place) -> bool:
    """Whether the function around a place makes `Variable`s, and none that is volatile: of what is computed from them,
    old torch records a graph as well."""
    body = program.body(function_around(program, at))
    made = [call for call in called(body) if last_name(call.function) == "Variable"]
    return bool(made) and not any(given.keyword == "volatile" for call in made for given in call.arguments)
