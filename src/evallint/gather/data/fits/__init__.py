"""Statistics that are learnt from data which the evaluation is about to be made on."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import functions, statements
from evallint.gather.data.fits.learning import (
    LEARNING,
    Learning,
    given_by,
    gives_back,
    is_application,
    is_call_of,
    is_own,
    learning,
    learning_by_hand,
    meant,
    mentions_one,
    own_calls,
    targets_of,
    use_of_call,
    uses_of,
)
from evallint.gather.data.fits.splitting import before_split
from evallint.interpret.reading import last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, FunctionSymbol, Program
from evallint.project import FittedOnTest
from evallint.walk import within

FOR_MODELS = frozenset("adapt fit_on_texts".split())
"""Methods of what is a part of a model, and of nothing else."""

MODELS = frozenset("model net network classifier regressor clf".split())
"""Words of what is run on samples by a call."""


def fitted_on_test(program: Program, path: str, scalers: frozenset[ClassSymbol]) -> Iterator[FittedOnTest]:
    """What is fitted on data of an evaluation, or on all of them before they are split; `scalers`: of `scalers_in`."""
    words_of_learning = LEARNING | {program.klass(one).name for one in scalers}
    for symbol in functions(program, path):
        mentions = frozenset(program.function(symbol).mentions)
        by_hand = any(pair <= mentions for pair in PAIRS)
        if words_of_learning.isdisjoint(mentions) and not by_hand:
            continue
        body = tuple(statements(program.body(symbol)))
        learnt = [each for index, one in enumerate(body) for each in learning(program, symbol, one, index, scalers)]
        for each in learnt:
            found = (
                on_test(program, symbol, each, learnt, body)
                or before_split(program, symbol, each, body)
                or of_each_part(program, symbol, each, body)
            )
            if found is not None:
                yield found
        for each in learning_by_hand(program, symbol, body) if by_hand else ():
            found = before_split(program, symbol, each, body)
            if found is not None:
                yield found


PAIRS = (frozenset(("mean", "std")), frozenset(("min", "max")))
"""What data are scaled by."""


# ---- on the data of an evaluation ---------------------------------------------------------------


def on_test(
    program: Program, symbol: FunctionSymbol, each: Learning, learnt: list[Learning], body: tuple[f.Stmt, ...]
) -> FittedOnTest | None:
    uses = uses_of(each.data)
    if "eval" not in uses:
        return None
    at = Place(symbol.path, each.call.span)
    function = program.function(symbol).qualname
    here = Step(at, f"`{render(each.data)}` is what is learnt from")
    if "train" in uses:
        return FittedOnTest(at, function, render(each.call.function), render(each.data), "both", (here,))
    twin = (
        trained_twin(program, symbol, each, learnt)
        or applied(symbol, each, body)
        or (each.name in FOR_MODELS and Step(at, f"`{each.of}` is a part of a model"))
        or evaluated(symbol, each, body)
    )
    if not twin:
        return None
    return FittedOnTest(at, function, render(each.call.function), render(each.data), "test", (twin, here))


def trained_twin(program: Program, symbol: FunctionSymbol, each: Learning, learnt: list[Learning]) -> Step | None:
    """Where the same kind of thing learns from training data."""
    for other in learnt:
        alike = other.name.startswith("fit") == each.name.startswith("fit")
        if (
            alike
            and uses_of(other.data) == {"train"}
            and kind_of(program, symbol, each) == kind_of(program, symbol, other)
        ):
            return Step(Place(symbol.path, other.call.span), f"training data are fitted here: `{code(other.data)}`")
    return None


def kind_of(program: Program, symbol: FunctionSymbol, each: Learning) -> object:
    resolved = program.resolve(symbol.path, each.call.function)
    if isinstance(resolved, ClassSymbol):
        return resolved
    return meant(program, symbol, each.call.function).rpartition(".")[0]


def applied(symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]) -> Step | None:
    """Where what was learnt is applied to training data."""
    for statement in body[each.index :]:
        for call in own_calls(statement):
            if is_application(call, each.of) and any("train" in uses_of(one.value) for one in call.arguments):
                return Step(Place(symbol.path, call.span), "what is learnt is applied to training data here")
    return None


def evaluated(symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]) -> Step | None:
    """Where a model is run on what was made of the evaluation data."""
    learnt = given_by(each)
    for statement in body[each.index + 1 :]:
        for call in own_calls(statement):
            if runs_model(call) and any(holds(one.value, each, learnt) for one in call.arguments):
                return Step(Place(symbol.path, call.span), f"`{code(call.function)}` is given what is made of them")
        if isinstance(statement, f.Assign) and statement.value is not None:
            given = targets_of(statement)
            learnt = learnt | given if holds(statement.value, each, learnt) else learnt - given
    return None


def holds(value: Expr, each: Learning, learnt: frozenset[str]) -> bool:
    if mentions_one(value, learnt):
        return True
    return any(isinstance(node, f.Call) and is_application(node, each.of) for node in within(value))


def runs_model(call: f.Call) -> bool:
    """Whether a call is one by which models are evaluated: `model(x)`, `model.predict(x)`, `evaluate(model, x)`."""
    name = last_name(call.function)
    if isinstance(call.function, f.Name) and words(name) & MODELS:
        return True
    return name.partition("_")[0] in ("predict", "evaluate", "score")


# ---- each part by itself ------------------------------------------------------------------------


def of_each_part(
    program: Program, symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]
) -> FittedOnTest | None:
    """What a function learns anew from whatever it is given, and gives back: of training and of test data each."""
    function = program.function(symbol)
    if each.statement not in program.body(symbol) or not is_own(each, body) or not gives_back(each, body):
        return None
    for caller in program.users(function.name):
        calls = {
            use: call
            for one in statements(program.body(caller))
            for call in own_calls(one)
            if is_call_of(program, caller, call, symbol) and (use := use_of_call(call)) is not None
        }
        if len(calls) == 2:
            at = Place(symbol.path, each.call.span)
            steps = (
                Step(Place(caller.path, calls["train"].span), f"`{function.name}` is given training data here"),
                Step(Place(caller.path, calls["eval"].span), "and evaluation data here, which are learnt from, too"),
                Step(at, f"`{render(each.data)}` is what is learnt from, each time anew"),
            )
            data = render(next(one.value for one in calls["eval"].arguments))
            return FittedOnTest(at, function.qualname, render(each.call.function), data, "test", steps)
    return None
