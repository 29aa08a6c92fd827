"""Pipelines for evaluation that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evallint import facts as f
from evallint.apis import Argument, Chain, Dataset, Preset, Split
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import functions, statements
from evallint.interpret.reading import argument, last_name
from evallint.interpret.roles import use_of, words
from evallint.program import External, FunctionSymbol, Program
from evallint.project import UnusedPipeline
from evallint.walk import within

TRANSFORM = Argument("transform")

NAMED_SO = frozenset("transform transforms transformation transformations tfm tfms augmentation augmentations".split())
"""Words of the names that pipelines go by, whatever builds them."""


class Instead(NamedTuple):
    """The data for evaluation, the name of the other pipeline they get, the call that gives it, maybe to a whole."""

    who: str
    other: str
    call: f.Call
    splits: bool


def unused_pipelines(program: Program, path: str) -> Iterator[UnusedPipeline]:
    """Pipelines with a name for evaluation, never read, where the data for evaluation get another one."""
    for symbol in functions(program, path):
        for name, assign in pipelines(program, symbol):
            if is_read(program, symbol, name):
                continue
            instead = given_instead(program, symbol, name)
            if instead is not None and are_twins(program, symbol, assign, instead.other):
                yield found(program, symbol, name, assign, instead)


def found(program: Program, symbol: FunctionSymbol, name: str, assign: f.Assign, instead: Instead) -> UnusedPipeline:
    who, other, call, splits = instead
    at, place = Place(symbol.path, assign.span), Place(symbol.path, call.span)
    because = (Step(at, "nothing reads this name"), Step(place, f"`{who}` comes through `{other}`"))
    keyword = next((one.keyword for one in call.arguments if one.value == f.Name(other)), "")
    return UnusedPipeline(
        at,
        program.function(symbol).qualname,
        name,
        who,
        other,
        because,
        place if keyword and not splits else None,
        keyword,
    )


def pipelines(program: Program, symbol: FunctionSymbol) -> Iterator[tuple[str, f.Assign]]:
    """The names for evaluation that a pipeline is bound to, with the last statement that binds each."""
    last = {}
    for statement in statements(program.body(symbol)):
        if isinstance(statement, f.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, f.Name) and use_of(target.id) == "eval" and makes(program, symbol, statement):
                last[target.id] = statement
    yield from last.items()


def makes(program: Program, symbol: FunctionSymbol, assign: f.Assign) -> bool:
    """Whether a statement binds a name to a pipeline: of a library's, or of a maker of the program's by its name."""
    if builds(program, symbol, assign.value):
        return True
    return isinstance(assign.value, f.Call) and any(
        isinstance(target, f.Name) and words(target.id) & NAMED_SO for target in assign.targets
    )


def are_twins(program: Program, symbol: FunctionSymbol, assign: f.Assign, other: str) -> bool:
    """Whether an unused pipeline is a library's, or one maker makes it and the one that is used instead, told in other
    words what to make."""
    if builds(program, symbol, assign.value):
        return True
    used = bound_to(program, symbol, other)
    if used is None or not isinstance(used.value, f.Call) or not isinstance(assign.value, f.Call):
        return False
    return used.value.function == assign.value.function and used.value.arguments != assign.value.arguments


def builds(program: Program, symbol: FunctionSymbol, value: Expr | None) -> bool:
    return isinstance(value, f.Call) and isinstance(meaning(program, symbol, value), Chain | Preset)


def meaning(program: Program, symbol: FunctionSymbol, call: f.Call) -> object:
    resolved = program.resolve(symbol.path, call.function)
    return program.apis.data(resolved.name) if isinstance(resolved, External) else None


# ---- whether it is used -------------------------------------------------------------------------


def is_read(program: Program, symbol: FunctionSymbol, name: str) -> bool:
    """Whether anything may read a name: its function and those within it, or all files for a name of a file's own."""
    facts = program.files[symbol.path]
    if symbol.index == 0:
        parts = (*facts.bodies, *(function.parameters for function in facts.functions))
        return reads(parts, name) or may_be_read_elsewhere(program, symbol.path, name)
    prefix = f"{facts.functions[symbol.index].qualname}.<locals>."
    within = [function for function in facts.functions if function.qualname.startswith(prefix)]
    inner = tuple((facts.bodies[function.body], function.parameters, function.decorators) for function in within)
    classes = tuple(facts.bodies[klass.body] for klass in facts.classes if klass.qualname.startswith(prefix))
    return reads((program.body(symbol), inner, classes), name)


def reads(parts: tuple[object, ...], name: str) -> bool:
    """Whether a name is written anywhere but where it is given a value; as a text, too, as in `__all__`."""
    written = given = 0
    for node in within(parts):
        match node:
            case f.Name(one) if one == name:
                written += 1
            case f.Constant(str() as text) if text == name:
                return True
            case f.Assign(targets):
                given += sum(target == f.Name(name) for target in targets)
            case f.Outer(_, names) if name in names:
                return True
            case f.Call(f.Name("locals" | "globals" | "vars" | "eval" | "exec")):
                return True
    return written > given


def may_be_read_elsewhere(program: Program, path: str, name: str) -> bool:
    """Whether another file may read a name of this one."""
    index = program.index
    importing = (other for imported in (name, "*") for other in index.importing(imported))
    return any(other != path for other in (*importing, *(user.path for user in index.users(name))))


# ---- what is used instead -----------------------------------------------------------------------


def given_instead(program: Program, symbol: FunctionSymbol, name: str) -> Instead | None:
    """What the data for evaluation get in place of a pipeline, None where that is out of sight."""
    wholes: dict[str, tuple[str, f.Call]] = {}
    for statement in statements(program.body(symbol)):
        if not isinstance(statement, f.Assign) or not isinstance(statement.value, f.Call):
            continue
        call = statement.value
        other = transform_given(program, symbol, call)
        for target in (name for each in statement.targets for name in parts(each)):
            if other and other != name and use_of(other) != "eval":
                wholes[target] = other, call
                if use_of(target) == "eval":
                    return Instead(target, other, call, False)
            whole = wholes.get(split_from(program, symbol, call))
            if whole is not None and use_of(target) == "eval":
                return Instead(target, *whole, True)
    return None


def parts(target: Expr) -> tuple[str, ...]:
    if isinstance(target, f.Collection):
        return tuple(last_name(item) for item in target.items)
    return (last_name(target),)


def transform_given(program: Program, symbol: FunctionSymbol, call: f.Call) -> str:
    """The name of the pipeline that a data set is given, "" none."""
    known = meaning(program, symbol, call)
    wanted = known.transform if isinstance(known, Dataset) else TRANSFORM if known is None else None
    given = argument(call, wanted.keyword, wanted.position) if wanted is not None else None
    return given.id if isinstance(given, f.Name) and is_pipeline(program, symbol, given.id) else ""


def is_pipeline(program: Program, symbol: FunctionSymbol, name: str) -> bool:
    """Whether a name is bound to a pipeline in reach."""
    assign = bound_to(program, symbol, name)
    return assign is not None and makes(program, symbol, assign)


def bound_to(program: Program, symbol: FunctionSymbol, name: str) -> f.Assign | None:
    """The statement that first binds a name, in a function or else in its file."""
    for place in (symbol, FunctionSymbol(symbol.path, 0)):
        for statement in statements(program.body(place)):
            if isinstance(statement, f.Assign) and f.Name(name) in statement.targets:
                return statement
    return None


def split_from(program: Program, symbol: FunctionSymbol, call: f.Call) -> str:
    """The name of the data set that a call splits, "" none."""
    known = meaning(program, symbol, call)
    if not isinstance(known, Split):
        return ""
    given = argument(call, known.dataset.keyword, known.dataset.position)
    return given.id if isinstance(given, f.Name) else ""
