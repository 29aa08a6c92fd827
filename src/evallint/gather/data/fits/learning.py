"""What learns from data, what of, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evallint import facts as f
from evallint.apis import Fit
from evallint.facts import Expr
from evallint.gather.code.sites import of_self, root, statements
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.interpret.roles import use_of
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.walk import within

LEARNING = frozenset("fit fit_transform partial_fit adapt fit_on_texts scale minmax_scale".split())
"""A function that mentions none of these, nor a class that learns, fits nothing."""

STATISTICS = frozenset("mean std var min max median amin amax ptp".split())


@dataclass(frozen=True, slots=True)
class Learning:
    """A call that learns from data: `of` is what holds what was learnt, "" where only the result does."""

    call: f.Call
    statement: f.Stmt
    index: int
    name: str
    of: str
    data: Expr

    @property
    def gives_data(self) -> bool:
        """Whether the call gives the data that it has learnt from, not just what it has learnt."""
        return self.of == "" or self.name.endswith("transform")


def learning(
    program: Program, symbol: FunctionSymbol, statement: f.Stmt, index: int, scalers: frozenset[ClassSymbol]
) -> Iterator[Learning]:
    for call in own_calls(statement):
        if program.resolve(symbol.path, call.function) in scalers:
            if call.arguments and not call.arguments[0].stars:
                of = next(iter(targets_of(statement)), "")
                yield Learning(call, statement, index, last_name(call.function), of, call.arguments[0].value)
            continue
        if is_own_fit(program, symbol, call):
            yield Learning(
                call, statement, index, last_name(call.function), code(root_of(call)), call.arguments[0].value
            )
            continue
        name = meant(program, symbol, call.function)
        meaning = program.apis.data(name) if name else None
        if isinstance(meaning, Fit):
            data = argument(call, meaning.data.keyword, meaning.data.position)
            if data is not None:
                of = code(call.function.value) if isinstance(call.function, f.Attribute) else ""
                yield Learning(call, statement, index, last_name(call.function), of, data)


def is_own_fit(program: Program, symbol: FunctionSymbol, call: f.Call) -> bool:
    """Whether a call is one of `fit_transform` of a class of the program, or of `fit` beside a `transform`, that takes
    statistics of what it is given."""
    if last_name(call.function) not in ("fit", "fit_transform") or not call.arguments or call.arguments[0].stars:
        return False
    method = callee(program, symbol, call)
    klass = program.class_of(method) if method is not None else None
    if method is None or klass is None or STATISTICS.isdisjoint(program.function(method).mentions):
        return False
    return last_name(call.function) == "fit_transform" or program.method(klass, "transform") is not None


def root_of(call: f.Call) -> Expr:
    """`scaler` of `scaler.fit(x)`."""
    assert isinstance(call.function, f.Attribute)
    return call.function.value


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
        for node in within(program.body(method))
    )


# ---- by hand ------------------------------------------------------------------------------------


def learning_by_hand(program: Program, symbol: FunctionSymbol, body: tuple[f.Stmt, ...]) -> Iterator[Learning]:
    """Statistics over all samples, taken off the same data, or given to a class of the program that does so."""
    known: dict[str, tuple[Expr, f.Call]] = {}
    passed = {
        node.id for one in body if isinstance(one, f.For) for node in within(one.target) if isinstance(node, f.Name)
    }
    for index, statement in enumerate(body):
        if not isinstance(statement, f.Assign) or statement.value is None:
            continue
        value = statement.value
        found = taken_off(value, known)
        if found is not None and code(root(found[0])) not in passed:
            yield Learning(found[1], statement, index, last_name(found[1].function), "", found[0])
        given = given_statistics(program, symbol, value, known)
        if given is not None and code(root(given[0])) not in passed and targets_of(statement):
            yield Learning(
                given[1], statement, index, last_name(given[1].function), min(targets_of(statement)), given[0]
            )
        rebound = targets_of(statement)
        known = {name: of for name, of in known.items() if name not in rebound and code(root(of[0])) not in rebound}
        for target, each in each_assigned(statement):
            of_all = statistic(each)
            if of_all is not None and isinstance(target, f.Name):
                known[target.id] = of_all


def each_assigned(statement: f.Assign) -> Iterator[tuple[Expr, Expr]]:
    """What a statement assigns to what, item by item."""
    for target in statement.targets if statement.value is not None else ():
        if isinstance(target, f.Collection) and isinstance(statement.value, f.Collection):
            yield from zip(target.items, statement.value.items, strict=False)
        elif statement.value is not None:
            yield target, statement.value


def taken_off(value: Expr, known: Mapping[str, tuple[Expr, f.Call]]) -> tuple[Expr, f.Call] | None:
    """The data of which a statistic is taken off in an expression, `(x - x.mean()) / x.std()`, with the call of it."""
    for node in within(value):
        if isinstance(node, f.Operation) and node.operator == "-":
            found = known_statistic(node.right, known)
            if found is not None and node.left == found[0]:
                return found
    return None


def known_statistic(value: Expr, known: Mapping[str, tuple[Expr, f.Call]]) -> tuple[Expr, f.Call] | None:
    return known.get(value.id) if isinstance(value, f.Name) else statistic(value)


def given_statistics(
    program: Program, symbol: FunctionSymbol, value: Expr, known: Mapping[str, tuple[Expr, f.Call]]
) -> tuple[Expr, f.Call] | None:
    """The data whose statistics a scaler of the program is built with, and the call that builds it."""
    klass = program.resolve(symbol.path, value.function) if isinstance(value, f.Call) else None
    if (
        not isinstance(value, f.Call)
        or not isinstance(klass, ClassSymbol)
        or program.method(klass, "transform") is None
    ):
        return None
    given = [known_statistic(one.value, known) for one in value.arguments]
    datas = {code(found[0]) for found in given if found is not None}
    first = next((found for found in given if found is not None), None)
    return (first[0], value) if first is not None and len(datas) == 1 else None


def statistic(value: Expr) -> tuple[Expr, f.Call] | None:
    """The data of which an expression is a statistic over all samples, and the call of it."""
    if not isinstance(value, f.Call) or last_name(value.function) not in STATISTICS:
        return None
    of = value.function.value if isinstance(value.function, f.Attribute) else None
    plain = [one.value for one in value.arguments if not one.keyword and not one.stars]
    data = plain[0] if isinstance(of, f.Name) and of.id in ("np", "numpy", "torch") and plain else of
    axes = [one.value for one in value.arguments if one.keyword in ("axis", "dim")] + (
        plain if data is of else plain[1:]
    )
    if not isinstance(data, f.Name | f.Attribute | f.Subscript) or any(one.stars for one in value.arguments):
        return None
    whole = not axes or over_samples(value, (data,))
    return (data, value) if whole else None


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
        yield from (node for node in within(statement) if isinstance(node, f.Call))


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
        local = given_to(owner, program, symbol)
        yield from local or given_to(owner, program, FunctionSymbol(symbol.path, 0))


def given_to(owner: Expr, program: Program, symbol: FunctionSymbol) -> tuple[Expr, ...]:
    return program.once(given_in, symbol).get(owner, ())


def given_in(program: Program, symbol: FunctionSymbol) -> Mapping[Expr, tuple[Expr, ...]]:
    """What a function's own code assigns, by what it is assigned to."""
    found: dict[Expr, tuple[Expr, ...]] = {}
    for statement in statements(program.body(symbol)):
        if isinstance(statement, f.Assign) and statement.value is not None:
            for target in dict.fromkeys(statement.targets):
                found[target] = (*found.get(target, ()), statement.value)
    return found


def uses_of(data: Expr) -> frozenset[str]:
    """What the names in an expression say that its data are for."""
    named = [node for node in within(data) if isinstance(node, f.Name | f.Attribute)]
    names = [node.id if isinstance(node, f.Name) else node.name for node in named]
    return frozenset(use for name in names if (use := use_of(name)) is not None)


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


def mentions_one(value: Expr, names: frozenset[str]) -> bool:
    return any(isinstance(node, f.Name | f.Attribute) and code(node) in names for node in within(value))


def given_by(each: Learning) -> frozenset[str]:
    """The names of what a fit gives for the data that it learns from."""
    return targets_of(each.statement) if each.gives_data else frozenset()


def is_application(call: f.Call, of: str) -> bool:
    function = call.function
    if not of or not isinstance(function, f.Attribute):
        return False
    return function.name == "transform" and code(function.value) == of


def is_own(each: Learning, body: tuple[f.Stmt, ...]) -> bool:
    """Whether what learns is made in the function itself, for one run of it."""
    if each.of.partition(".")[0] == "self":
        return False
    return not each.of or "(" in each.of or any(each.of in targets_of(one) for one in body[: each.index + 1])


def gives_back(each: Learning, body: tuple[f.Stmt, ...]) -> bool:
    """Whether the function returns what the fit made of the data, or, of a scaler of its own, what that gives."""
    return any(any(found) for found in given_back(each, body))


def given_back(each: Learning, body: tuple[f.Stmt, ...]) -> Iterator[tuple[bool, ...]]:
    """For each return, which of the values that it lists are made of the data by the fit."""
    learnt = given_by(each) - {each.of}
    for statement in body[each.index :]:
        value = getattr(statement, "value", None)
        if isinstance(statement, f.Return) and value is not None:
            listed = value.items if isinstance(value, f.Collection) and value.kind == "tuple" else (value,)
            yield tuple(is_result(one, each) or made_of(one, each, learnt) for one in listed)
        if isinstance(statement, f.Assign) and statement is not each.statement and value is not None:
            given = targets_of(statement)
            learnt = learnt | given if made_of(value, each, learnt) else learnt


def is_result(value: Expr, each: Learning) -> bool:
    """Whether the fit stands in an expression, and gives the data that it has learnt from."""
    return each.gives_data and any(node == each.call for node in within(value))


def made_of(value: Expr, each: Learning, learnt: frozenset[str]) -> bool:
    if mentions_one(value, learnt):
        return True
    calls = (node.function for node in within(value) if isinstance(node, f.Call))
    return bool(each.of) and any(isinstance(call, f.Attribute) and code(call.value) == each.of for call in calls)


def is_call_of(program: Program, caller: FunctionSymbol, call: f.Call, symbol: FunctionSymbol) -> bool:
    return last_name(call.function) == program.function(symbol).name and callee(program, caller, call) == symbol


def callee(program: Program, caller: FunctionSymbol, call: f.Call) -> FunctionSymbol | None:
    """The function of the program that is called, a method by the class that its object is built of."""
    function = call.function
    found = program.resolve(caller.path, function)
    if isinstance(found, FunctionSymbol):
        return found
    if not isinstance(function, f.Attribute):
        return None
    if of_self(function):
        built: set[object] = {program.class_of(caller)}
    else:
        values = (one.function for one in built_as(program, caller, function.value) if isinstance(one, f.Call))
        built = {program.resolve(caller.path, one) for one in values}
    classes = [one for one in built if isinstance(one, ClassSymbol)]
    return program.method(classes[0], function.name) if len(built) == len(classes) == 1 else None


def use_of_call(call: f.Call) -> str | None:
    """What a call's data are for, by the names in its arguments."""
    found = {use for one in call.arguments for use in uses_of(one.value)}
    return found.pop() if len(found) == 1 else None
