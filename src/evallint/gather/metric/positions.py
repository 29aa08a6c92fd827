"""What an evaluation gives, matched by position with what has the order of the data, though its loader shuffles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, root, statements
from evallint.gather.metric.passes import Pass, entered
from evallint.interpret.reading import last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import words
from evallint.program import Program
from evallint.project import LoaderUse, MatchedByPosition
from evallint.walk import within

KEEPING = frozenset("append extend".split())

REDUCING = frozenset(
    "mean sum max min std var item len any all median count sorted set unique Counter bincount print".split()
)
"""What gives something that has no order of samples any more, or needs none."""

OF_SAMPLES = frozenset(
    "target targets label labels imgs samples sample files file filenames filename paths path ids id names df data "
    "frame index y".split()
)
"""Words of what a data set holds for each of its samples, in their order."""

FRAMES = frozenset("df dataframe frame submission table csv".split())
"""Words of tables with a row for each sample."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the passes of one loop leave behind, sample by sample, in the order of its loader."""

    found: Pass
    loader: LoaderUse
    names: frozenset[str]


def matched_by_position(
    program: Program, passes: Mapping[int, Pass], loaders: Iterable[LoaderUse]
) -> Iterator[MatchedByPosition]:
    """Every match of what a shuffling loader's batches give with what is in the order of the data."""
    shuffling = {one.at: one for one in loaders if one.use == "eval" and one.shuffles and not one.sampled}
    if not shuffling:
        return
    for found in passes.values():
        if not found.followed or not found.loaders or not found.loaders <= shuffling.keys():
            continue
        loader = shuffling[min(found.loaders)]
        body = program.body(found.loop.symbol)
        names = outputs_kept(found)
        if names:
            after = [one for one in statements(body) if follows(one, found.loop.statement)]
            yield from matches(program, Kept(found, loader, names), after, body)


def outputs_kept(found: Pass) -> frozenset[str]:
    """The names, or dotted names, of what collects the model's outputs in a loop."""
    made: set[str] = set()
    kept: set[str] = set()
    spans = {place.span for place in found.runs}
    for statement in statements(found.loop.statement.body):
        if isinstance(statement, f.Assign) and statement.value is not None:
            texts = {code(target) for target in statement.targets}
            if texts & names_in(statement.value) and depends(statement.value, made, spans):
                kept |= texts  # `all = torch.cat([all, output])`
            elif depends(statement.value, made, spans) and not is_reduced(statement.value):
                made |= {name for target in statement.targets for name in names_in(target)}
        elif isinstance(statement, f.Augment) and statement.operator == "+":
            if depends(statement.value, made, spans) and is_listed(statement.value):
                kept.add(code(statement.target))
        elif isinstance(statement, f.Evaluate):
            for call in called((statement,)):
                function = call.function
                if not isinstance(function, f.Attribute) or function.name not in KEEPING:
                    continue
                if depends(call.arguments, made, spans) and not is_reduced(call.arguments):
                    kept.add(code(function.value))
    return frozenset(kept)


def depends(value: object, made: set[str], spans: set[f.Span]) -> bool:
    nodes = tuple(within(value))
    if any(isinstance(node, f.Call) and node.span in spans for node in nodes):
        return True
    return any(isinstance(node, f.Name) and node.id in made for node in nodes)


def is_listed(value: Expr) -> bool:
    """Whether what is added makes a list longer: `output.tolist()`, `list(output)`."""
    return any(isinstance(node, f.Call) and last_name(node.function) in ("tolist", "list") for node in within(value))


def is_reduced(value: object) -> bool:
    """Whether a value is, or holds, a number of the whole batch."""
    return any(isinstance(node, f.Call) and last_name(node.function) in REDUCING for node in within(value))


def names_in(value: object) -> set[str]:
    return {code(node) for node in within(value) if isinstance(node, f.Name | f.Attribute)}


def follows(statement: f.Stmt, loop: f.For) -> bool:
    return not isinstance(statement, f.Outer) and statement.span.line > loop.span.end_line


# ---- matches ------------------------------------------------------------------------------------


def matches(program: Program, kept: Kept, after: Sequence[f.Stmt], body: Block) -> Iterator[MatchedByPosition]:
    names = set(kept.names)
    given = bound(body)
    at, function = kept.loader.shuffles_by or (kept.loader.at, kept.loader.function)
    for statement in after:
        if isinstance(statement, f.Outer):
            continue
        for other in matched(statement, names, kept, given):
            here = Place(kept.found.loop.symbol.path, statement.span)
            yield MatchedByPosition(
                at=at,
                function=function,
                loader=kept.loader,
                outputs=sorted(kept.names)[0],
                other=other,
                because=(entered(kept.found), Step(here, f"what it gives is matched with `{other}` here, by position")),
            )
            return
        if isinstance(statement, f.Assign) and statement.value is not None and keeps_order(statement.value, names):
            names |= {code(target) for target in statement.targets if isinstance(target, f.Name | f.Attribute)}


def bound(body: Block) -> Mapping[str, Expr]:
    """The last value that each name of a function is given."""
    return {
        code(target): one.value
        for one in statements(body)
        if isinstance(one, f.Assign) and one.value is not None
        for target in one.targets
    }


def keeps_order(value: Expr, names: set[str]) -> bool:
    """Whether a value has what the samples of a kept one gave, in the same order."""
    if isinstance(value, f.Name | f.Attribute) and code(value) in names:
        return True
    if isinstance(value, f.Comprehension):
        return len(value.clauses) == 1 and keeps_order(value.clauses[0].iterable, names)
    if not isinstance(value, f.Call) or last_name(value.function) in REDUCING:
        return False
    if isinstance(value.function, f.Attribute) and keeps_order(value.function.value, names):
        return True
    plain = [one.value for one in value.arguments if not one.keyword]
    return bool(plain) and keeps_order(plain[0], names) and len(plain) <= 2 and not mentions_samples(plain[1:])


def mentions_samples(values: Sequence[Expr]) -> bool:
    return any(not isinstance(value, f.Constant) for value in values)


def matched(statement: f.Stmt, names: set[str], kept: Kept, given: Mapping[str, Expr]) -> Iterator[str]:
    """What a statement puts beside the outputs, sample by sample."""
    if isinstance(statement, f.Assign) and statement.value is not None and keeps_order(statement.value, names):
        for target in statement.targets:
            if isinstance(target, f.Subscript) and is_column(target.key) and is_table(target.value, given):
                yield code(target.value)
    if not isinstance(statement, f.Assign | f.Evaluate | f.Return | f.For | f.Augment):
        return
    for node in within(statement.iterable if isinstance(statement, f.For) else statement):
        if isinstance(node, f.Call):
            values = [one.value for one in node.arguments]
            if last_name(node.function) in REDUCING:
                continue
        elif isinstance(node, f.Comparison):
            values = [node.left, node.right]
        elif isinstance(node, f.Mapping):
            values = list(node.values)
        else:
            continue
        if any(keeps_order(value, names) for value in values):
            yield from (render(value) for value in values if is_of_samples(value, kept, given))


def is_column(key: Expr) -> bool:
    return isinstance(key, f.Constant) and isinstance(key.value, str)


def is_table(value: Expr, given: Mapping[str, Expr]) -> bool:
    """Whether a name is that of a table read from a file."""
    if not words(last_name(value)) & FRAMES:
        return False
    made = given.get(code(value))
    return made is None or (isinstance(made, f.Call) and last_name(made.function) in ("read_csv", "copy"))


def is_of_samples(value: Expr, kept: Kept, given: Mapping[str, Expr]) -> bool:
    """Whether a value is what the data set of the loader holds for each sample: `loader.dataset.targets`."""
    while isinstance(value, f.Call) and isinstance(value.function, f.Attribute) and not value.arguments:
        value = value.function.value
    if isinstance(value, f.Call) and len(value.arguments) == 1 and last_name(value.function) not in REDUCING:
        return is_of_samples(value.arguments[0].value, kept, given)
    if isinstance(value, f.Subscript) and is_column(value.key):
        return is_of_samples(f.Attribute(value.value, "targets"), kept, given)
    if not isinstance(value, f.Attribute) or not words(value.name) & OF_SAMPLES:
        return False
    owner = value.value
    if isinstance(owner, f.Attribute) and owner.name == "dataset" and owner.value == kept.found.core:
        return True
    return isinstance(owner, f.Name | f.Attribute) and code(owner) in data_names(kept, given)


def data_names(kept: Kept, given: Mapping[str, Expr]) -> set[str]:
    """What the code calls the data set of a loader, and the tables that this is made of."""
    made = given.get(code(kept.found.core))
    found: set[str] = set()
    if isinstance(made, f.Call) and made.span == kept.loader.at.span and made.arguments:
        found.add(code(made.arguments[0].value))
        whole = given.get(code(made.arguments[0].value))
        if isinstance(whole, f.Call):
            found |= {code(root(one.value)) for one in whole.arguments if words(code(one.value)) & FRAMES}
    return found
