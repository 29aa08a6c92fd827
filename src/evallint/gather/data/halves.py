"""A transform that is set through one part of a split, and replaces that of the others: they read one data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from evallint import facts as f
from evallint.apis import Split
from evallint.facts import Expr, Span
from evallint.findings import Place, Step
from evallint.gather.code.sites import functions, statements
from evallint.interpret.reading import argument
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import External, FunctionSymbol, Program
from evallint.project import ReplacedTransform
from evallint.walk import within

TRANSFORMS = frozenset("transform transforms augmentation augmentations aug".split())
"""Words of attributes of a data set that say what is done to its samples."""


@dataclass
class Whole:
    """A data set that was split: where, under which attribute of a part it stands, the names of the parts, and what its
    transforms are, each with the part that it was set through ("" where the data set was built) and where."""

    split: Span
    holds: str
    parts: set[str] = field(default_factory=set)
    has: dict[str, tuple[str, Expr, Span]] = field(default_factory=dict)


def replaced_transforms(program: Program, path: str) -> Iterator[ReplacedTransform]:
    """Transforms of one part of a split that take the place of another part's, function by function."""
    for symbol in functions(program, path):
        if words_of(program.function(symbol).mentions) & TRANSFORMS:
            yield from in_function(program, symbol)


def words_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*(words(name) for name in names)) if names else frozenset()


def in_function(program: Program, symbol: FunctionSymbol) -> Iterator[ReplacedTransform]:
    wholes: dict[str, Whole] = {}
    built: dict[str, f.Call] = {}
    for statement in statements(program.body(symbol)):
        if not isinstance(statement, f.Assign) or statement.value is None:
            continue
        for target in statement.targets:
            split = split_by(program, symbol, statement.value)
            names = [code(one) for one in (target.items if isinstance(target, f.Collection) else (target,))]
            if isinstance(target, f.Attribute) and isinstance(target.value, f.Attribute):
                yield from set_through(program, symbol, target, target.value, statement, wholes)
            elif isinstance(target, f.Attribute) and code(target.value) in wholes:
                whole = wholes[code(target.value)]
                if target.name == whole.holds:  # a data set of its own
                    drop(code(target.value), wholes)
                whole.has.pop(target.name, None)
            else:
                for name in names:
                    drop(name, wholes)
                    built.pop(name, None)
                if split is not None:
                    share(split, names, statement.span, wholes, built)
                elif isinstance(statement.value, f.Call) and len(names) == 1:
                    built[names[0]] = statement.value


def split_by(program: Program, symbol: FunctionSymbol, value: Expr) -> tuple[str, Split] | None:
    """The data set of which a call gives parts that hold it, by its name."""
    resolved = program.resolve(symbol.path, value.function) if isinstance(value, f.Call) else None
    meaning = program.apis.data(resolved.name) if isinstance(resolved, External) else None
    if not isinstance(meaning, Split) or not meaning.holds or not isinstance(value, f.Call):
        return None
    data = argument(value, meaning.dataset.keyword, meaning.dataset.position)
    return (code(data), meaning) if isinstance(data, f.Name | f.Attribute) else None


def share(
    split: tuple[str, Split], names: list[str], span: Span, wholes: dict[str, Whole], built: dict[str, f.Call]
) -> None:
    """Take in the parts of a data set, more of them where it was split before."""
    data, meaning = split
    known = next((one for name, one in wholes.items() if name == data), None)
    whole = known or Whole(span, meaning.holds)
    if data in built and known is None:
        for given in built[data].arguments:
            if words(given.keyword) & TRANSFORMS and given.value != f.Constant(None):
                whole.has[given.keyword] = ("", given.value, built[data].span)
    for name in (data, *names):
        wholes[name] = whole
    whole.parts.update(names)


def read_in(body: f.Block) -> frozenset[str]:
    """What a function hands on, or gives back."""
    given = [one.value for node in within(body) if isinstance(node, f.Call) for one in node.arguments]
    given += [node.value for node in within(body) if isinstance(node, f.Return) and node.value is not None]
    return frozenset(code(part) for value in given for part in within(value) if isinstance(part, f.Name | f.Attribute))


def drop(name: str, wholes: dict[str, Whole]) -> None:
    """A name stands for something else from here on."""
    whole = wholes.pop(name, None)
    if whole is not None:
        whole.parts.discard(name)


def set_through(
    program: Program,
    symbol: FunctionSymbol,
    target: f.Attribute,
    held: f.Attribute,
    statement: f.Assign,
    wholes: dict[str, Whole],
) -> Iterator[ReplacedTransform]:
    """`val_set.dataset.transform = x`."""
    part, value = code(held.value), statement.value
    whole = wholes.get(part)
    if whole is None or part not in whole.parts or held.name != whole.holds or value is None:
        return
    if not words(target.name) & TRANSFORMS:
        return
    before = whole.has.get(target.name)
    whole.has[target.name] = (part, value, statement.span)
    if before is None or before[0] == part or before[1] == value:
        return
    through, _, span = before
    read = read_in(program.body(symbol))
    others = [through] if through else sorted(one for one in whole.parts - {part} if one in read)
    if not others:
        return
    first = f"it is set for `{through}` here" if through else "the data set is built with a transform"
    at = Place(symbol.path, statement.span)
    steps = (
        Step(Place(symbol.path, span), first),
        Step(Place(symbol.path, whole.split), "the parts of this split read one data set"),
        Step(at, f"`{code(target)}` is that of all parts"),
    )
    yield ReplacedTransform(at, program.function(symbol).qualname, part, others[0], target.name, steps)
