"""Means and deviations that are typed into the code, and what is published of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from evallint import facts as f
from evallint.apis import Chain, Dataset, Transform
from evallint.facts import Block, Expr, Span
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, functions, given_once, statements
from evallint.gather.data.orders import contrary, head
from evallint.gather.data.pipelines import numbers, plain
from evallint.interpret.events import Events
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.interpret.terms import AnyOf, Items, Made, Term
from evallint.program import ClassSymbol, External, FunctionSymbol, Program, VariableSymbol
from evallint.project import TypedConstants
from evallint.statistics import Numbers, Recognition, published, recognise
from evallint.walk import within

MEANS = frozenset("mean means mu".split())
DEVIATIONS = frozenset("std stds sigma stdev".split())
NORMALIZING = frozenset("normalize normalise".split())
CONVERTING = frozenset("tensor array asarray as_tensor Tensor FloatTensor list tuple".split())
"""Functions that give the numbers which they are given."""

WRONG = frozenset("near swapped crossed scales-differ wrong-deviation".split())
RGB = 3
CHANNELS = (1, RGB)
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Literal:
    """Numbers, the innermost call or assignment that they are typed in, and the list itself.

    `assign`: the assignment that gives them a name, None where they are typed in as an argument.
    """

    numbers: Numbers
    span: Span
    path: str
    node: Expr
    assign: f.Assign | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A mean and a deviation that belong together, and where they do: in a call, a dict, or side by side."""

    mean: Literal
    std: Literal
    at: Place
    function: str
    call: f.Call | None = None


class Fed(NamedTuple):
    """A normalisation that samples go through, and the data set that they come from, with what its statistics are
    known by."""

    key: str
    dataset: Made
    step: Made


def typed_constants(program: Program, fed: Sequence[Fed]) -> Iterator[TypedConstants]:
    """Constants that differ from what is published, are those of other data, or stand in the code twice."""
    found = list(program.each(pairs_in))
    yield from foreign(program, fed, {pair.at: pair.function for pair in found})
    yield from program.each(contradictions)
    yield from program.each(otherwise_ordered)
    yield from program.each(unscaled)
    yield from repeated(found)


# ---- where constants are ------------------------------------------------------------------------


def pairs_in(program: Program, path: str) -> Iterator[Pair]:
    return (pair for symbol in functions(program, path) for pair in program.once(pairs, symbol))


def pairs(program: Program, symbol: FunctionSymbol) -> tuple[Pair, ...]:
    return tuple(_pairs(program, symbol))


def _pairs(program: Program, symbol: FunctionSymbol) -> Iterator[Pair]:
    """Every mean with its deviation in a function's own code, and in the classes of a file for the file itself."""
    name = program.function(symbol).qualname
    reader = Reader(program, symbol)
    blocks = [program.body(symbol)]
    if symbol.index == 0:
        blocks += [
            program.class_body(ClassSymbol(symbol.path, index))
            for index in range(len(program.files[symbol.path].classes))
        ]
    for block in blocks:
        for call in called(block):
            yield from in_call(reader, call, name)
        yield from side_by_side(reader, block, name)
    yield from in_parameters(reader)


def in_parameters(reader: Reader) -> Iterator[Pair]:
    """The defaults of two parameters of a function."""
    function = reader.program.function(reader.symbol)
    names = parameters(function)
    if names is None:
        return
    span = head(reader.program, reader.symbol)
    given = {one.name: one.default for one in function.parameters if one.default is not None}
    mean, std = (reader.literal(given[name], span) if name in given else None for name in names)
    if mean is not None and std is not None and len(mean.numbers) == len(std.numbers) > 1:
        yield Pair(mean, std, Place(reader.symbol.path, span), function.qualname)


def parameters(function: f.Function) -> tuple[str, str] | None:
    """The names of the parameters for a mean and for its deviation."""
    named = [one.name for one in function.parameters]
    return next(
        (
            (mean, std)
            for mean in named
            for std in named
            if words(mean) & MEANS and words(std) & DEVIATIONS and words(mean) - MEANS == words(std) - DEVIATIONS
        ),
        None,
    )


def in_call(reader: Reader, call: f.Call, function: str) -> Iterator[Pair]:
    given = normalizing(reader.program, reader.symbol, call)
    if given is None:
        return
    mean, std = (reader.literal(one, call.span) for one in given)
    if mean is None or std is None or len(mean.numbers) != len(std.numbers):
        return
    if len(mean.numbers) > 1 or normalizes(reader.program, reader.symbol, call):
        yield Pair(mean, std, Place(reader.symbol.path, call.span), function, call)


def normalizes(program: Program, symbol: FunctionSymbol, call: f.Call) -> bool:
    """Whether a call's mean and deviation are for images, not for random numbers (`normal_(w, mean=0, std=0.02)`)."""
    named = words(last_name(call.function)) & NORMALIZING
    return bool(named) or transform(program, symbol, call) is not None


def normalizing(program: Program, symbol: FunctionSymbol, call: f.Call) -> tuple[Expr, Expr] | None:
    """What a call gives for a mean and a deviation."""
    if len(call.arguments) < len(("mean", "std")):
        return None
    resolved = program.resolve(symbol.path, call.function)
    meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
    if isinstance(meaning, Transform) and meaning.mean is not None and meaning.std is not None:
        mean = argument(call, meaning.mean.keyword, meaning.mean.position)
        std = argument(call, meaning.std.keyword, meaning.std.position)
    elif meaning is None:
        place = 0 if words(last_name(call.function)) & NORMALIZING else None
        mean = argument(call, "mean", place)
        std = argument(call, "std", None if place is None else 1)
    else:
        return None
    return (mean, std) if mean is not None and std is not None else None


def side_by_side(reader: Reader, block: Block, function: str) -> Iterator[Pair]:
    """`mean = …` and `std = …`, one after the other, and dicts with both."""
    before: tuple[str, Literal] | None = None
    for statement in statements(block):
        if not isinstance(statement, f.Assign) or statement.value is None:
            continue
        yield from in_dicts(reader, statement, function)
        name = last_name(statement.targets[0])
        is_mean, is_deviation = words(name) & MEANS, words(name) & DEVIATIONS
        literal = reader.literal(statement.value, statement.span) if is_mean or is_deviation else None
        if literal is None or len(literal.numbers) not in CHANNELS:
            continue
        if is_mean:
            before = name, literal
        elif before is not None:
            mean = before[1]
            if words(name) - DEVIATIONS == words(before[0]) - MEANS and len(mean.numbers) == len(literal.numbers):
                yield Pair(mean, literal, Place(reader.symbol.path, statement.span), function)
            before = None


def in_dicts(reader: Reader, statement: f.Assign, function: str) -> Iterator[Pair]:
    for node in within(statement):
        if isinstance(node, f.Mapping):
            keyed = zip(node.keys, node.values, strict=True)
            items = {key.value: value for key, value in keyed if isinstance(key, f.Constant)}
            if "mean" in items and "std" in items:
                mean, std = (reader.literal(items[key], statement.span) for key in ("mean", "std"))
                if mean is not None and std is not None and len(mean.numbers) == len(std.numbers):
                    yield Pair(mean, std, Place(reader.symbol.path, statement.span), function)


class Reader:
    """Reads numbers out of what one function writes, through names that are given a value once."""

    def __init__(self, program: Program, symbol: FunctionSymbol) -> None:
        self.program, self.symbol = program, symbol

    @cached_property
    def _local(self) -> dict[str, f.Assign]:
        return given_once(self.program.body(self.symbol))

    def literal(self, value: Expr, span: Span) -> Literal | None:
        """The numbers of an expression, None where they are not all typed in."""
        path, last = self.symbol.path, None
        for _ in range(DEEPEST):
            assign, path = self._named(value, path)
            if assign is None or assign.value is None:
                break
            value, span, last = assign.value, assign.span, assign
        numbers = number_list(value, {})
        return Literal(numbers, span, path, value, last) if numbers else None

    def _named(self, value: Expr, path: str) -> tuple[f.Assign | None, str]:
        if isinstance(value, f.Name) and path == self.symbol.path and value.id in self._local:
            return self._local[value.id], path
        if not isinstance(value, f.Name | f.Attribute):
            return None, path
        resolved = self.program.resolve(path, value)
        if not isinstance(resolved, VariableSymbol):
            return None, path
        found = given_once(self.program.body(FunctionSymbol(resolved.path, 0))).get(resolved.name)
        return found, resolved.path if found is not None else path


def number_list(value: Expr, known: Mapping[str, float]) -> Numbers | None:
    """The numbers of a list, or of one number."""
    if isinstance(value, f.Call) and last_name(value.function) in CONVERTING and value.arguments:
        return number_list(value.arguments[0].value, known)
    if isinstance(value, f.Collection) and value.kind != "set":
        numbers = [number(item, known) for item in value.items]
        return tuple(one for one in numbers if one is not None) if None not in numbers else None
    if isinstance(value, f.Comprehension) and len(value.clauses) == 1 and isinstance(value.clauses[0].target, f.Name):
        given = number_list(value.clauses[0].iterable, known)
        name = value.clauses[0].target.id
        numbers = [number(value.element, {**known, name: one}) for one in given or ()]
        return tuple(one for one in numbers if one is not None) if numbers and None not in numbers else None
    one = number(value, known)
    return (one,) if one is not None else None


def number(value: Expr, known: Mapping[str, float]) -> float | None:
    match value:
        case f.Constant(bool()):
            return None
        case f.Constant(int() | float() as plain):
            return float(plain)
        case f.Name(name):
            return known.get(name)
        case f.Unary("-", operand):
            inner = number(operand, known)
            return -inner if inner is not None else None
        case f.Operation("/" | "*" as operator, left, right):
            first, second = number(left, known), number(right, known)
            if first is None or second is None or (operator == "/" and second == 0):
                return None
            return round(first / second if operator == "/" else first * second, 6)
    return None


# ---- what is wrong with them --------------------------------------------------------------------


def contradictions(program: Program, path: str) -> Iterator[TypedConstants]:
    return (one for pair in pairs_in(program, path) for one in contradicting(pair))


def contradicting(pair: Pair) -> Iterator[TypedConstants]:
    seen = recognise(pair.mean.numbers, pair.std.numbers)
    if pair.mean.numbers == pair.std.numbers and len(set(pair.mean.numbers)) == RGB:
        both = Step(pair.at, f"{shown(pair.mean.numbers)} is given for the mean and for the deviation")
        yield TypedConstants(pair.at, pair.function, "same", "", "", "", (both,))
    if seen.kind not in WRONG or len(pair.mean.numbers) not in CHANNELS:
        return
    in_deviation = seen.kind != "near" or (seen.off or 0) >= len(pair.mean.numbers)
    wrong = pair.std if in_deviation else pair.mean
    if seen.kind == "swapped":
        wrong = pair.mean
    at = Place(wrong.path, wrong.span)
    yield TypedConstants(
        at,
        pair.function if wrong.path == pair.at.path else "<module>",
        seen.kind,
        title(seen.names[0]),
        f"{seen.given:g}",
        f"{seen.right:g}",
        (Step(at, f"{title(seen.names[0])} has {shown(seen.mean)} and {shown(seen.std)}"),),
        mended(pair, wrong, seen),
    )
    if not in_deviation and recognise(seen.mean, pair.std.numbers).kind == "wrong-deviation":
        yield from contradicting(replace(pair, mean=replace(pair.mean, numbers=seen.mean)))


def title(key: str) -> str:
    found = published(key)
    return found.title if found is not None else key


def shown(numbers: Numbers) -> str:
    return f"({', '.join(f'{one:g}' for one in numbers)})"


def mended(pair: Pair, wrong: Literal, seen: Recognition) -> str:
    """The assignment or call with the one number set right that is mistyped; "" where that is not plain to see."""
    if seen.kind != "near" or seen.off is None or not isinstance(wrong.node, f.Collection):
        return ""
    place = seen.off - (len(pair.mean.numbers) if wrong is pair.std else 0)
    if any(not isinstance(item, f.Constant) for item in wrong.node.items):
        return ""
    items = list(wrong.node.items)
    items[place] = f.Constant(round(seen.right, 6))
    right = code(f.Collection(wrong.node.kind, tuple(items)))
    if wrong.assign is not None:
        plain = len(wrong.assign.targets) == 1 and wrong.assign.annotation is None
        return f"{code(wrong.assign.targets[0])} = {right}" if plain else ""
    if pair.call is None or any(given.stars for given in pair.call.arguments):
        return ""
    arguments = (
        (f"{given.keyword}=" if given.keyword else "") + (right if given.value is wrong.node else code(given.value))
        for given in pair.call.arguments
    )
    text = f"{code(pair.call.function)}({', '.join(arguments)})"
    return "" if "…" in text else text


def otherwise_ordered(program: Program, path: str) -> Iterator[TypedConstants]:
    """Defaults for blue, green and red, where the images are red, green and blue."""
    defaults = [
        (symbol, names, recognise(pair.mean.numbers, pair.std.numbers))
        for symbol in functions(program, path)
        if (names := parameters(program.function(symbol))) is not None
        for pair in in_parameters(Reader(program, symbol))
    ]
    for symbol, seen, step in contrary(program, defaults):
        at = Place(symbol.path, head(program, symbol))
        qualname = program.function(symbol).qualname
        yield TypedConstants(at, qualname, "order", title(seen.names[0]), "", "", (step,))


def unscaled(program: Program, path: str) -> Iterator[TypedConstants]:
    """Constants for values to 255, right behind the step that brings them to 1."""
    for symbol in functions(program, path):
        for call in called(program.body(symbol)):
            steps = steps_of(program, symbol, call)
            for before, after in pairwise(steps):
                scaling, normal = transform(program, symbol, before), transform(program, symbol, after)
                if scaling is None or normal is None or "scale" not in scaling.does or normal.takes != ("tensor",):
                    continue
                for pair in in_call(Reader(program, symbol), after, program.function(symbol).qualname):
                    seen = recognise(pair.mean.numbers, pair.std.numbers)
                    if seen.scaled and seen.kind in ("scaled", "bgr"):
                        first = Step(Place(symbol.path, before.span), "this brings the values to 0 to 1")
                        last = Step(pair.at, f"{shown(pair.mean.numbers)} is for 0 to 255")
                        name = title(seen.names[0])
                        yield TypedConstants(pair.at, pair.function, "unscaled", name, "", "", (first, last))


def steps_of(program: Program, symbol: FunctionSymbol, call: f.Call) -> list[f.Call]:
    """The calls in the list that a chain is given, None of them left out."""
    if not any(isinstance(given.value, f.Collection) for given in call.arguments):
        return []
    resolved = program.resolve(symbol.path, call.function)
    meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
    if not isinstance(meaning, Chain) or meaning.spread or meaning.choice != "all":
        return []
    listed = argument(call, meaning.steps.keyword, meaning.steps.position)
    items = listed.items if isinstance(listed, f.Collection) else ()
    calls = [item for item in items if isinstance(item, f.Call)]
    return calls if len(calls) == len(items) else []


def transform(program: Program, symbol: FunctionSymbol, call: f.Call) -> Transform | None:
    resolved = program.resolve(symbol.path, call.function)
    meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
    return meaning if isinstance(meaning, Transform) else None


def repeated(found: list[Pair]) -> Iterator[TypedConstants]:
    """The same constants, typed once more, and constants of which nothing is published."""
    first: dict[tuple[Numbers, Numbers], Pair] = {}
    for pair in found:
        if pair.call is None or pair.mean.span != pair.call.span:
            continue
        numbers = pair.mean.numbers, pair.std.numbers
        if len(numbers[0]) not in CHANNELS:
            continue
        seen = recognise(*numbers)
        known = first.setdefault(numbers, pair)
        if known is not pair:
            step = Step(known.at, f"{shown(numbers[0])} is typed here first")
            yield TypedConstants(pair.at, pair.function, "repeated", "", "", "", (step,))
        elif seen.kind == "unknown":
            step = Step(pair.at, f"no published data have {shown(numbers[0])}")
            yield TypedConstants(pair.at, pair.function, "unknown", "", "", "", (step,))


# ---- constants of other data --------------------------------------------------------------------


def fed_in(program: Program, run: Events) -> Iterator[Fed]:
    """What the samples of a run go through, where it is one normalization, whichever pipeline is chosen for them."""
    for creation in run.created.values():
        for key, dataset in datasets(program, creation.term):
            steps = list(normalizations(program, transform_of(program, dataset)))
            if len({(seen.mean, seen.std) for step in steps if (seen := recognised(program, step))}) == 1:
                yield from (Fed(key, dataset, step) for step in steps)


def foreign(program: Program, fed: Sequence[Fed], functions_at: Mapping[Place, str]) -> Iterator[TypedConstants]:
    """The constants of another data set on one that has its own: of one that the program never reads, or on data that
    it trains on, with constants for them alone, or of gray images for such in colour. Those of the training data are
    right for other data to be tested on."""
    read = frozenset(program.each(read_in)) if fed else frozenset()
    fed_by: dict[Place, set[str]] = {}
    for key, _, step in fed:
        fed_by.setdefault(step.at, set()).add(key)
    for key, dataset, step in fed:
        seen = recognised(program, step)
        theirs = [name for name in seen.names if (found := published(name)) is not None and found.of == "data"]
        sure = seen.kind in ("known", "rounded", "wrong-deviation") and len(theirs) == len(seen.names) > 0
        if not sure or key in theirs or step.at.path not in program.linted:
            continue
        for_it = fed_by[step.at].isdisjoint(theirs) or len(seen.mean) != channels(key)
        if not read.isdisjoint(theirs) and not (for_it and trains(program, dataset)):
            continue
        steps = (
            Step(dataset.at, f"the data are {title(key)}"),
            Step(step.at, f"{shown(seen.mean)} is the mean of {title(theirs[0])}"),
        )
        function = functions_at.get(step.at, "<module>")
        yield TypedConstants(step.at, function, "foreign", title(theirs[0]), title(key), "", steps)


def channels(key: str) -> int:
    """How many channels the images of a data set have."""
    found = published(key)
    return len(found.means[0]) if found is not None else 0


def trains(program: Program, dataset: Made) -> bool:
    """Whether a data set is the training part of its data."""
    meaning = program.apis.data(dataset.name)
    return isinstance(meaning, Dataset) and meaning.part(*plain(dataset)) == "training"


def read_in(program: Program, path: str) -> frozenset[str]:
    """The keys of all data sets that a file names."""
    found = set()
    for symbol in functions(program, path):
        for node in within(program.body(symbol)):
            if isinstance(node, f.Attribute | f.Name):
                resolved = program.resolve(symbol.path, node)
                meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
                if isinstance(meaning, Dataset) and meaning.statistics:
                    found.add(meaning.statistics)
    return frozenset(found)


def datasets(program: Program, term: Term) -> Iterator[tuple[str, Made]]:
    for made in all_made(term):
        meaning = program.apis.data(made.name)
        if isinstance(meaning, Dataset) and meaning.statistics:
            yield meaning.statistics, made


def transform_of(program: Program, dataset: Made) -> Term | None:
    """What a data set was given to transform its images by."""
    meaning = program.apis.data(dataset.name)
    assert isinstance(meaning, Dataset)
    held = dataset.attribute("transform")
    if held is not None or meaning.transform is None:
        return held
    given = meaning.transform.given(dataset.positional, dict(dataset.keywords))
    return given if isinstance(given, Made | Items) else None


def normalizations(program: Program, term: Term | None) -> Iterator[Made]:
    for made in all_made(term):
        meaning = program.apis.data(made.name)
        if isinstance(meaning, Transform) and meaning.mean is not None and meaning.std is not None:
            yield made


def recognised(program: Program, step: Made) -> Recognition:
    meaning = program.apis.data(step.name)
    assert isinstance(meaning, Transform)
    assert meaning.mean is not None
    assert meaning.std is not None
    keywords = dict(step.keywords)
    listed = (one.given(step.positional, keywords) for one in (meaning.mean, meaning.std))
    mean, std = (numbers(term) or () if isinstance(term, Items) else () for term in listed)
    return recognise(mean, std) if mean and len(mean) == len(std) else recognise((), ())


def all_made(term: Term | None) -> Iterator[Made]:
    """Every object in a term, each once."""
    waiting: list[Term | None] = [term]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Made):
            yield one
            waiting += [*one.positional, *(value for _, value in (*one.keywords, *one.attributes)), one.owner]
        elif isinstance(one, Items):
            waiting += [*one.values(), one.rest]
        elif isinstance(one, AnyOf):
            waiting += one.options
