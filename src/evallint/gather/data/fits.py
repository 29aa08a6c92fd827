"""Statistics that are learnt from data which the evaluation is about to be made on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evallint import facts as f
from evallint.apis import Fit, Split
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import argument, functions, last_name, of_self, root, statements
from evallint.interpret.render import code, render
from evallint.interpret.roles import use_of, words
from evallint.link.natures import walk, within
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import FittedOnTest

LEARNING = frozenset("fit fit_transform partial_fit adapt fit_on_texts scale minmax_scale".split())
"""A function that mentions none of these, nor a class that learns, fits nothing."""

FOR_MODELS = frozenset("adapt fit_on_texts".split())
"""Methods of what is a part of a model, and of nothing else."""

MODELS = frozenset("model net network classifier regressor clf".split())
"""Words of what is run on samples by a call."""

STATISTICS = frozenset("mean std var min max median amin amax ptp".split())


ROWS = frozenset("idx idxs index indexes indices id ids mask masks row rows selected selection keep kept i j".split())
"""Words of what picks samples, not columns."""


@dataclass(frozen=True, slots=True)
class Learning:
    """A call that learns from data: `of` is what holds what was learnt, "" where only the result does."""

    call: f.Call
    statement: f.Stmt
    index: int
    name: str
    of: str
    data: Expr


def fitted_on_test(program: Program, path: str, scalers: frozenset[ClassSymbol]) -> Iterator[FittedOnTest]:
    """What is fitted on data of an evaluation, or on all of them before they are split; `scalers`: of `scalers_in`."""
    words_of_learning = LEARNING | {program.klass(one).name for one in scalers}
    for symbol in functions(program, path):
        if words_of_learning.isdisjoint(program.function(symbol).mentions):
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


def learning(
    program: Program, symbol: FunctionSymbol, statement: f.Stmt, index: int, scalers: frozenset[ClassSymbol]
) -> Iterator[Learning]:
    for call in own_calls(statement):
        if program.resolve(symbol.path, call.function) in scalers:
            if call.arguments and not call.arguments[0].stars:
                of = next(iter(targets_of(statement)), "")
                yield Learning(call, statement, index, last_name(call.function), of, call.arguments[0].value)
            continue
        name = meant(program, symbol, call.function)
        meaning = program.apis.data(name) if name else None
        if isinstance(meaning, Fit):
            data = argument(call, meaning.data.keyword, meaning.data.position)
            if data is not None:
                of = code(call.function.value) if isinstance(call.function, f.Attribute) else ""
                yield Learning(call, statement, index, last_name(call.function), of, data)


def scalers_in(program: Program, path: str) -> Iterator[ClassSymbol]:
    """The classes of a file whose constructor keeps statistics of the samples that it is given first, and which
    compute with them."""
    classes = (ClassSymbol(path, index) for index in range(len(program.files[path].classes)))
    return (klass for klass in classes if keeps_statistics(program, klass))


def keeps_statistics(program: Program, klass: ClassSymbol) -> bool:
    """Whether `__init__` sets `self.mean = data.mean(axis=0)`, or the like, of its first argument."""
    init = program.method(klass, "__init__")
    parameters = program.function(init).parameters[1:2] if init is not None else ()
    if init is None or not parameters or STATISTICS.isdisjoint(program.function(init).mentions):
        return False
    data = (f.Name(parameters[0].name), f.Attribute(f.Name("self"), parameters[0].name))
    kept = {
        of_self(target)
        for one in statements(program.body(init))
        if isinstance(one, f.Assign) and any(over_samples(call, data) for call in own_calls(one))
        for target in one.targets
    }
    kept.discard("")
    return bool(kept) and any(
        isinstance(node, f.Operation) and any(of_self(part) in kept for part in within(node.right))
        for method in program.methods(klass)
        for node in walk(program.body(method))
    )


def over_samples(call: f.Call, data: tuple[Expr, ...]) -> bool:
    """Whether a call takes a statistic over the first axis: `data.mean(axis=0)`, `np.mean(data, axis=(0, 2))`."""
    if last_name(call.function) not in STATISTICS:
        return False
    of = call.function.value if isinstance(call.function, f.Attribute) else None
    given = [one.value for one in call.arguments if not one.keyword]
    axes = [one.value for one in call.arguments if one.keyword in ("axis", "dim")]
    if of in data:
        axes += given[:1]
    elif given[:1] and given[0] in data:
        axes += given[1:2]
    else:
        return False
    return any(
        axis == f.Constant(0) or (isinstance(axis, f.Collection) and axis.items[:1] == (f.Constant(0),))
        for axis in axes
    )


def own_calls(statement: f.Stmt) -> Iterator[f.Call]:
    """The calls of a statement that has no body of its own."""
    if isinstance(statement, f.Assign | f.Augment | f.Evaluate | f.Return):
        yield from (node for node in walk((statement,)) if isinstance(node, f.Call))


def meant(program: Program, symbol: FunctionSymbol, function: Expr) -> str:
    """The qualified name of what is called, a method by that of its object's class; "" out of sight."""
    resolved = program.resolve(symbol.path, function)
    if isinstance(resolved, External):
        return resolved.name
    if not isinstance(function, f.Attribute):
        return ""
    built = {name for value in built_as(program, symbol, function.value) if (name := class_of(program, symbol, value))}
    return f"{built.pop()}.{function.name}" if len(built) == 1 else ""


def class_of(program: Program, symbol: FunctionSymbol, value: Expr) -> str:
    if isinstance(value, f.Call) and isinstance(value.function, f.Attribute) and value.function.name == "fit":
        value = value.function.value  # `scaler = StandardScaler().fit(x)`
    resolved = program.resolve(symbol.path, value.function) if isinstance(value, f.Call) else None
    return resolved.name if isinstance(resolved, External) else ""


def built_as(program: Program, symbol: FunctionSymbol, owner: Expr) -> Iterator[Expr]:
    """The values that a name, or an attribute of `self`, is given in reach."""
    if isinstance(owner, f.Call):
        yield owner
    klass = program.class_of(symbol)
    attribute = of_self(owner)
    if attribute and klass is not None:
        for method in program.methods(klass):
            yield from given_to(owner, program, method)
    if isinstance(owner, f.Name):
        local = tuple(given_to(owner, program, symbol))
        yield from local or given_to(owner, program, FunctionSymbol(symbol.path, 0))


def given_to(owner: Expr, program: Program, symbol: FunctionSymbol) -> Iterator[Expr]:
    for statement in statements(program.body(symbol)):
        if isinstance(statement, f.Assign) and owner in statement.targets and statement.value is not None:
            yield statement.value


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


def uses_of(data: Expr) -> frozenset[str]:
    """What the names in an expression say that its data are for."""
    named = [node for node in walk((data,)) if isinstance(node, f.Name | f.Attribute)]  # type: ignore[arg-type]
    names = [node.id if isinstance(node, f.Name) else node.name for node in named]
    return frozenset(use for name in names if (use := use_of(name)) is not None)


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


def given_by(each: Learning) -> frozenset[str]:
    """The names of what a fit gives for the data that it learns from."""
    return targets_of(each.statement) if each.of == "" or each.name.endswith("transform") else frozenset()


def holds(value: Expr, each: Learning, learnt: frozenset[str]) -> bool:
    if mentions_one(value, learnt):
        return True
    return any(isinstance(node, f.Call) and is_application(node, each.of) for node in within(value))


def mentions_one(value: Expr, names: frozenset[str]) -> bool:
    return any(isinstance(node, f.Name | f.Attribute) and code(node) in names for node in within(value))


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


def is_own(each: Learning, body: tuple[f.Stmt, ...]) -> bool:
    """Whether what learns is made in the function itself, for one run of it."""
    if each.of.partition(".")[0] == "self":
        return False
    return not each.of or "(" in each.of or any(each.of in targets_of(one) for one in body[: each.index + 1])


def gives_back(each: Learning, body: tuple[f.Stmt, ...]) -> bool:
    """Whether the function returns what the fit made of the data, or, of a scaler of its own, what that gives."""
    learnt = given_by(each) - {each.of}
    for statement in body[each.index :]:
        value = getattr(statement, "value", None)
        if isinstance(statement, f.Return) and value is not None:
            own = value == each.call or any(node == each.call for node in within(value))
            if (own and each.name.endswith("transform")) or made_of(value, each, learnt):
                return True
        if isinstance(statement, f.Assign) and statement is not each.statement and value is not None:
            given = targets_of(statement)
            learnt = learnt | given if made_of(value, each, learnt) else learnt
    return False


def made_of(value: Expr, each: Learning, learnt: frozenset[str]) -> bool:
    if mentions_one(value, learnt):
        return True
    calls = (node.function for node in within(value) if isinstance(node, f.Call))
    return bool(each.of) and any(isinstance(call, f.Attribute) and code(call.value) == each.of for call in calls)


def is_call_of(program: Program, caller: FunctionSymbol, call: f.Call, symbol: FunctionSymbol) -> bool:
    function = program.function(symbol)
    if last_name(call.function) != function.name:
        return False
    if of_self(call.function):
        return program.class_of(caller) is not None and program.class_of(caller) == program.class_of(symbol)
    return program.resolve(caller.path, call.function) == symbol


def use_of_call(call: f.Call) -> str | None:
    """What a call's data are for, by the names in its arguments."""
    found = {use for one in call.arguments for use in uses_of(one.value)}
    return found.pop() if len(found) == 1 else None


def is_application(call: f.Call, of: str) -> bool:
    function = call.function
    if not of or not isinstance(function, f.Attribute):
        return False
    return function.name == "transform" and code(function.value) == of


# ---- on all data, before they are split ---------------------------------------------------------


def before_split(
    program: Program, symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]
) -> FittedOnTest | None:
    if uses_of(each.data) or is_part(each.data, body[: each.index]):
        return None
    learnt = targets_of(each.statement) if each.of == "" or each.name.endswith("transform") else frozenset[str]()
    parts: dict[str, dict[str, f.Stmt]] = {}
    if each.of and isinstance(each.data, f.Name) and is_used_after_split(program, symbol, each, body):
        learnt |= {each.data.id}
    for statement in body[each.index + 1 :]:
        split = split_of(program, symbol, statement, each, learnt)
        if split is None:
            split = sliced(statement, learnt, parts)
        if split is not None:
            at = Place(symbol.path, each.call.span)
            steps = (
                Step(at, f"`{render(each.data)}` is all of the data"),
                Step(Place(symbol.path, split), "the data are split into training and evaluation only here"),
            )
            name = program.function(symbol).qualname
            return FittedOnTest(at, name, render(each.call.function), render(each.data), "all", steps)
        learnt = spread(statement, each, learnt)
    return None


def is_used_after_split(program: Program, symbol: FunctionSymbol, each: Learning, body: tuple[f.Stmt, ...]) -> bool:
    """Whether the very data are split after the fit, and what was learnt is applied then."""
    name = code(each.data)
    for index, statement in enumerate(body[each.index + 1 :], each.index + 1):
        if split_of(program, symbol, statement, each, frozenset((name,))) is not None:
            later = (call for one in body[index + 1 :] for call in own_calls(one))
            return any(is_application(call, each.of) for call in later)
        if name in targets_of(statement):
            return False
    return False


def is_part(data: Expr, before: tuple[f.Stmt, ...], depth: int = 4) -> bool:
    """Whether some of the rows are left out of the data, by what is seen of where they come from."""
    if takes_rows(data):
        return True
    name = root(data)
    given = [index for index, one in enumerate(before) if name in getattr(one, "targets", ())]
    if not given or depth == 0:
        return False
    statement = before[given[-1]]
    value = statement.value if isinstance(statement, f.Assign) else None
    return value is not None and is_part(value, before[: given[-1]], depth - 1)


def takes_rows(node: object) -> bool:
    if isinstance(node, f.Subscript):
        return not is_columns(node) or takes_rows(node.value)
    return isinstance(node, tuple) and any(map(takes_rows, node))


def is_columns(taken: f.Subscript) -> bool:
    """Whether a subscript takes all rows: `x["price"]`, `x[["a", "b"]]`, `x[:, 1:]`."""
    key = taken.key
    if isinstance(key, f.Collection) and key.kind == "tuple":
        return bool(key.items) and key.items[0] == f.Slice(None, None, None)
    if isinstance(key, f.Collection):
        return all(isinstance(item, f.Constant) for item in key.items)
    if isinstance(key, f.Name | f.Attribute | f.Subscript):
        return not words(last_name(root_of(key))) & ROWS
    return isinstance(key, f.Constant) or key == f.Slice(None, None, None)


def root_of(key: Expr) -> Expr:
    """`x` of `x[0]`."""
    while isinstance(key, f.Subscript):
        key = key.value
    return key


def targets_of(statement: f.Stmt) -> frozenset[str]:
    """The names, or dotted names, that a statement gives a value."""
    if not isinstance(statement, f.Assign):
        return frozenset()
    return frozenset(name for target in statement.targets for name in names_in(target))


def names_in(target: Expr) -> Iterator[str]:
    if isinstance(target, f.Collection):
        for item in target.items:
            yield from names_in(item)
    elif isinstance(target, f.Subscript):
        yield from names_in(root(target))
    elif isinstance(target, f.Name | f.Attribute):
        yield code(target)


def spread(statement: f.Stmt, each: Learning, learnt: frozenset[str]) -> frozenset[str]:
    """The names that hold what the fit made of the data, after one more statement."""
    if not isinstance(statement, f.Assign) or statement.value is None:
        return learnt
    given = targets_of(statement)
    if mentions(statement.value, each, learnt):
        return learnt | given
    whole = any(isinstance(target, f.Name | f.Attribute) for target in statement.targets)
    return learnt - given if whole else learnt


def mentions(value: object, each: Learning, learnt: frozenset[str]) -> bool:
    for node in walk((value,)):  # type: ignore[arg-type]
        if isinstance(node, f.Call) and is_application(node, each.of):
            return not any(uses_of(one.value) for one in node.arguments)
        if isinstance(node, f.Name | f.Attribute) and code(node) in learnt:
            return True
    return False


def split_of(
    program: Program, symbol: FunctionSymbol, statement: f.Stmt, each: Learning, learnt: frozenset[str]
) -> f.Span | None:
    """The call of a statement that splits what the fit made of the data."""
    for call in own_calls(statement):
        resolved = program.resolve(symbol.path, call.function)
        meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
        if isinstance(meaning, Split) and meaning.result == "parts":
            data = [one.value for one in call.arguments if not one.keyword] if meaning.each else []
            whole = argument(call, meaning.dataset.keyword, meaning.dataset.position)
            if any(mentions(value, each, learnt) for value in (*data, whole)):
                return call.span
    return None


def sliced(statement: f.Stmt, learnt: frozenset[str], parts: dict[str, dict[str, f.Stmt]]) -> f.Span | None:
    """Where the second of two slices is taken whose names say training and evaluation."""
    for target, value in paired(statement):
        if not isinstance(value, f.Subscript) or code(value.value) not in learnt or not is_slice(value.key):
            continue
        use = use_of(last_name(target))
        if use is not None:
            parts.setdefault(code(value.value), {})[use] = statement
    for found in parts.values():
        if len(found) == 2:
            return statement.span if isinstance(statement, f.Assign) else None
    return None


def paired(statement: f.Stmt) -> Iterator[tuple[Expr, Expr]]:
    """What a statement assigns to what, item by item."""
    if not isinstance(statement, f.Assign) or statement.value is None:
        return
    for target in statement.targets:
        if isinstance(target, f.Collection) and isinstance(statement.value, f.Collection):
            yield from zip(target.items, statement.value.items, strict=False)
        else:
            yield target, statement.value


def is_slice(key: Expr) -> bool:
    first = key.items[0] if isinstance(key, f.Collection) and key.items else key
    return isinstance(first, f.Slice)
