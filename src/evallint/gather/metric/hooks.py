"""What a framework's hook averages at the end of an evaluation: the numbers that its steps gave for each batch."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.apis import Measure
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, of_self, statements
from evallint.gather.metric.ledger.words import SAME, reduced
from evallint.gather.metric.rests import Rests
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import Averaged
from evallint.walk import within

STEPS = {
    "validation_epoch_end": "validation_step",
    "test_epoch_end": "test_step",
    "on_validation_epoch_end": "validation_step",
    "on_test_epoch_end": "test_step",
}
"""The hooks at the end of an evaluation, with those that give a number for each batch."""


def averaged_by_hooks(program: Program, path: str) -> Iterator[Averaged]:
    """Means of batch means at the end of an evaluation that a framework runs."""
    rests = Rests(program)
    for index in range(len(program.files[path].classes)):
        klass = ClassSymbol(path, index)
        for method in program.methods(klass):
            step = step_of(program, klass, program.function(method).name)
            if step is not None:
                yield from averages(program, rests, method, step)


def step_of(program: Program, klass: ClassSymbol, hook: str) -> FunctionSymbol | None:
    """The method whose results a hook of a class is about, None where no framework runs the two."""
    name = STEPS.get(hook)
    known = name is not None and any(
        program.apis.hook(base.name, name) for base in program.lineage(klass) if isinstance(base, External)
    )
    return program.method(klass, name) if name is not None and known else None


def averages(program: Program, rests: Rests, hook: FunctionSymbol, step: FunctionSymbol) -> Iterator[Averaged]:
    results = results_of(program, hook, step)
    if results is None:
        return
    for call, average in averaged_in(program, hook, results):
        key = key_averaged(call, results) if average is call else key_summed(call, results)
        given = value_of(program, step, key, results) if key is not None else None
        if given is None or not is_batch_mean(program, step, given[0]):
            continue
        rest, steps = rests.for_evaluation(hook.path)
        if rest != "may be":
            continue
        because = (
            Step(given[1], f"each batch gives its mean here: `{code(given[0])}`"),
            *steps,
            Step(Place(hook.path, call.span), "the batches' means are averaged here, each counting as much as any"),
        )
        function = program.function(hook).qualname
        yield Averaged(Place(hook.path, call.span), function, code(average), "batches", "", "", because)


def averaged_in(program: Program, hook: FunctionSymbol, results: Expr) -> Iterator[tuple[f.Call, Expr]]:
    """The calls of a hook that may give a mean, with what gives it: themselves, or a sum that is divided by the number
    of the results."""
    number = f.Name("len")
    for node in within(program.body(hook)):
        if isinstance(node, f.Call):
            yield node, node
        elif isinstance(node, f.Operation) and node.operator == "/" and isinstance(node.left, f.Call):
            by = node.right
            if isinstance(by, f.Call) and by.function == number and [one.value for one in by.arguments] == [results]:
                yield node.left, node


def results_of(program: Program, hook: FunctionSymbol, step: FunctionSymbol) -> Expr | None:
    """What a hook calls the list of the steps' results: its parameter, or an attribute that the steps append to."""
    function = program.function(hook)
    if not function.name.startswith("on_"):
        return f.Name(function.parameters[1].name) if len(function.parameters) > 1 else None
    kept = (
        call.function.value
        for call in called(program.body(step))
        if isinstance(call.function, f.Attribute) and call.function.name == "append" and of_self(call.function.value)
    )
    return next(kept, None)


# ---- what is averaged ---------------------------------------------------------------------------


def key_averaged(call: f.Call, results: Expr) -> str | None:
    """Of what in the results a call gives the mean over all batches: `loss` of
    `torch.stack([x["loss"] for x in outputs]).mean()`, "" of `np.mean(self.losses)`; None for any other call."""
    function = call.function
    if last_name(function) != "mean" or not isinstance(function, f.Attribute):
        return None
    plain = [one.value for one in call.arguments if not one.keyword and not one.stars]
    of: Expr = function.value if not plain else plain[0]
    if plain and isinstance(function.value, f.Call):
        return None  # `.mean(0)`
    while isinstance(of, f.Call) and last_name(of.function) in ("stack", "tensor", "array", "as_tensor"):
        given = [one.value for one in of.arguments if not one.keyword]
        if len(given) != 1:
            return None
        of = given[0]
    return key_of_each(of, results)


def key_summed(call: f.Call, results: Expr) -> str | None:
    """The same of a sum: `loss` of `sum(x["loss"] for x in outputs)`."""
    plain = [one.value for one in call.arguments if not one.keyword and not one.stars]
    return key_of_each(plain[0], results) if call.function == f.Name("sum") and len(plain) == 1 else None


def key_of_each(of: Expr, results: Expr) -> str | None:
    if of == results:
        return ""
    if not isinstance(of, f.Comprehension) or of.kind == "dict" or len(of.clauses) != 1:
        return None
    clause = of.clauses[0]
    if clause.iterable != results or clause.conditions:
        return None
    match bare(of.element):
        case f.Subscript(taken, f.Constant(str() as key)) if taken == clause.target:
            return key
        case element if element == clause.target:
            return ""
    return None


def bare(value: Expr) -> Expr:
    """`loss` of `loss.detach().cpu()`."""
    while isinstance(value, f.Call) and isinstance(value.function, f.Attribute) and value.function.name in SAME:
        value = value.function.value
    return value


def value_of(program: Program, step: FunctionSymbol, key: str, results: Expr) -> tuple[Expr, Place] | None:
    """What a step gives for a batch, and where; None where it gives several things, or that is out of sight."""
    found: list[tuple[Expr, Place]] = []
    for statement in statements(program.body(step)):
        match statement:
            case f.Return(value, span) if isinstance(results, f.Name) and value is not None:
                found += [(one, Place(step.path, span)) for one in under(value, key)]
            case f.Evaluate(f.Call(f.Attribute(owner, "append"), (argument,)), span) if owner == results:
                found += [(one, Place(step.path, span)) for one in under(argument.value, key)]
    return found[0] if len(found) == 1 else None


def under(value: Expr, key: str) -> tuple[Expr, ...]:
    """What a dict that is written down holds under a key; the value itself where no key is asked for."""
    if not key:
        return (value,)
    pairs = zip(value.keys, value.values, strict=True) if isinstance(value, f.Mapping) else ()
    return tuple(item for name, item in pairs if name == f.Constant(key))


# ---- what a step gives --------------------------------------------------------------------------


def is_batch_mean(program: Program, step: FunctionSymbol, value: Expr) -> bool:
    """Whether a number is the mean over the samples of a batch: a loss of the tables, or a mean of comparisons."""
    value = bare(value)
    if isinstance(value, f.Name):
        assigned = [
            bare(one.value)
            for one in statements(program.body(step))
            if isinstance(one, f.Assign) and value in one.targets and one.value is not None
        ]
        value = assigned[0] if len(assigned) == 1 else value
    if not isinstance(value, f.Call):
        return False
    if isinstance(value.function, f.Attribute) and value.function.name == "mean" and not value.arguments:
        return any(isinstance(node, f.Comparison) and node.operator == "==" for node in within(value.function.value))
    return gives(program, step, value) == "mean"


def gives(program: Program, step: FunctionSymbol, call: f.Call) -> str:
    """What a measure of the tables gives for a batch, built by the object itself or called at once; "" out of sight."""
    resolved = program.resolve(step.path, call.function)
    if isinstance(resolved, External):
        meaning = program.apis.metric(resolved.name)
        return reduced(meaning, call) if isinstance(meaning, Measure) else ""
    klass = program.class_of(step)
    attribute = of_self(call.function)
    if klass is None or not attribute:
        return ""
    kinds = {
        gives(program, method, one.value)
        for base in program.lineage(klass)
        if isinstance(base, ClassSymbol)
        for method in program.methods(base)
        for one in within(program.body(method))
        if isinstance(one, f.Assign) and any(of_self(target) == attribute for target in one.targets)
        if isinstance(one.value, f.Call)
    }
    return kinds.pop() if len(kinds) == 1 else ""
