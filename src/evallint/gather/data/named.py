"""Pipelines that are made side by side, one of which is named for training and one for evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from evallint.findings import Place, Step
from evallint.gather.data.pipelines import Pipelines, Steps, may_normalise
from evallint.gather.data.standing import OPPOSITE, Branch, Definition, File, Standing, standing
from evallint.interpret.events import Creation, Events
from evallint.interpret.roles import EVALUATION, TRAINING, Use, is_test_file, use_of, words
from evallint.interpret.terms import AnyOf, Items, Made, Term
from evallint.program import Program
from evallint.project import DataSource, LoaderUse

SAYING_NOTHING = frozenset(
    "transform transforms transformation transformations transformer trans tf tfs tfm tfms pipeline pipelines "
    "preprocess preprocessing preprocessor preproc prep compose composed aug augs augment augmentation augmentations "
    "get build make create load init self data dataset datasets loader img image images default basic base list ops "
    "process processing is".split()
)
"""Words that a pipeline for training and one for evaluation need not share."""

ON_PURPOSE = frozenset(
    "aug augs augment augmented augmentation augmentations augmenter tta random rand noise noisy corrupt corrupted "
    "corruption perturb perturbed adv adversarial attack ssl contrastive strong weak views view crops".split()
)
"""Words of pipelines that are meant to be random, whatever they are for."""


@dataclass(frozen=True, slots=True)
class Named:
    """A pipeline, what its name or place says that it is for, in words as well, the rest of its name, and the steps
    that it may have."""

    creation: Creation
    made: Made
    use: Use
    label: str
    because: str
    rest: frozenset[str]
    standing: Standing
    ways: tuple[Steps, ...]
    run: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """A pipeline for evaluation, and those for training that are made closest. `on_purpose`: it is to be random."""

    evaluating: LoaderUse
    training: tuple[LoaderUse, ...]
    on_purpose: bool


def named_in(program: Program, events: Events) -> Iterator[Named]:
    """The pipelines of a run whose names, or what they stand in, say what they are for."""
    inner = set(parts(events))
    for address, creation in events.created.items():
        found = named(program, creation) if creation.kind == "pipeline" and address not in inner else None
        if found is not None:
            yield found


def side_by_side(runs: Iterable[Sequence[Named]], loaders: Sequence[LoaderUse]) -> Iterator[Beside]:
    """The pipelines for evaluation, by their names, that stand beside one for training. `runs`: those of each run."""
    told = {use: set(used_for(use, loaders)) for use in OPPOSITE}
    by_folder: dict[object, list[Named]] = {}
    for number, found in enumerate(runs):
        for one in found:
            by_folder.setdefault(one.standing.layers[0], []).append(replace(one, run=number))
    elsewhere = set(normalised_elsewhere(loaders))
    for group in by_folder.values():
        trained = [one for one in group if one.use == "train"]
        for one in group:
            beside = closest(one, trained) if one.use == "eval" else []
            if beside and one.made.at not in told["train"] and not any(each.made.at in told["eval"] for each in beside):
                hand = not elsewhere.isdisjoint(each.made.at for each in (one, *beside))
                evaluating, *training = (used(each, hand) for each in (one, *beside))
                yield Beside(evaluating, tuple(training), meant_to_be_random(one))


# ---- what loaders tell --------------------------------------------------------------------------


def used_for(use: Use, loaders: Iterable[LoaderUse]) -> Iterator[Place]:
    """The pipelines of which more than names says what they are for."""
    for loader in loaders:
        if loader.use == use and loader.by != "names":
            yield from (source.pipeline_at for source in loader.sources if source.pipeline_at is not None)


def normalised_elsewhere(loaders: Iterable[LoaderUse]) -> Iterator[Place]:
    """The pipelines after which something else in sight may normalise."""
    for loader in loaders:
        for source in loader.sources:
            beyond = any(step.in_code and not step.in_object and may_normalise(step) for step in source.steps)
            if source.pipeline_at is not None and (loader.collates or loader.hand or beyond):
                yield source.pipeline_at


# ---- what names tell ----------------------------------------------------------------------------


def named(program: Program, creation: Creation) -> Named | None:
    """A pipeline by what its names say, or else the tests, or else the functions and classes around it."""
    made = creation.term
    if not isinstance(made, Made):
        return None
    uses = {use_of(name) for name in creation.names} - {None}
    if len(uses) > 1:
        return None
    where = standing(program, made.at, creation.names)
    own = next((name for name in creation.names if use_of(name) is not None), "")
    if own:
        label = where.key if where.key.endswith(f"[{own!r}]") else own
        return _named(program, creation, made, use_of(own), label, f"`{label}` is its name", own, where)
    name = next(iter(creation.names), "")
    if where.tests:
        use, test = where.tests[-1]
        label = name or where.names[-1]
        return _named(program, creation, made, use, label, f"`{test}` decides on it", name, where)
    given = {use_of(one): one for one in where.made if use_of(one) is not None}
    if len(given) > 1:
        return None
    for receiving, one in given.items():
        return _named(program, creation, made, receiving, name or one, f"`{one}` is made with it", name, where)
    if saying(name):
        return None  # it is one of several: `{"source": …, "target": …}`
    for around in reversed(where.names[1:]):
        if use_of(around) is not None:
            return _named(program, creation, made, use_of(around), around, f"`{around}` makes it", around, where)
    file = where.names[0]
    if is_script(program, made.at.path):
        return _named(program, creation, made, use_of(file), name or file, f"`{file}` is its file", name, where)
    return None


def is_script(program: Program, path: str) -> bool:
    """Whether a file that is named for a use may be taken at its word: what evaluates does not train."""
    trains = any("backward" in function.mentions for function in program.files[path].functions)
    return not is_test_file(path) and trains == (use_of(path.rpartition("/")[2]) == "train")


def _named(
    program: Program, creation: Creation, made: Made, use: Use | None, label: str, because: str, name: str, at: Standing
) -> Named | None:
    if use is None:
        return None
    return Named(creation, made, use, label, because, saying(name), at, Pipelines(program).ways(made))


def saying(name: str) -> frozenset[str]:
    """The words of a name that tell its pipeline from others for the same use."""
    return words(name) - SAYING_NOTHING - TRAINING - EVALUATION


def meant_to_be_random(one: Named) -> bool:
    where = one.standing
    return any(words(name) & ON_PURPOSE for name in (*one.creation.names, one.label, *where.made, where.names[-1]))


def closest(one: Named, trained: Sequence[Named]) -> list[Named]:
    """Those for training that share the most with a pipeline for evaluation: of what they stand in, and of its run."""
    fitting = [other for other in trained if one.rest <= other.rest and are_siblings(one, other)]
    same = [other for other in fitting if other.run == one.run] or fitting
    depths = [shared(one.standing.layers, other.standing.layers) for other in same]
    return [other for other, depth in zip(same, depths, strict=True) if depth == max(depths)]


def are_siblings(one: Named, other: Named) -> bool:
    """Whether two pipelines stand in one block, or in functions, classes or files that differ by their use alone, the
    files with a model that they share."""
    depth = shared(one.standing.layers, other.standing.layers)
    apart = [layers[depth] for layers in (one.standing.layers, other.standing.layers) if depth < len(layers)]
    match apart:
        case [File(_, first, models), File(_, second, others)]:
            return saying(first) == saying(second) and not models.isdisjoint(others)
        case [Definition(_, first), Definition(_, second)]:
            return saying(first) == saying(second)
        case [Branch(use=None), Branch()]:
            return False  # a choice of data or models, of which one run makes one
        case [Definition(), _] | [_, Definition()]:
            return False
    return len(apart) != 1


def shared(layers: Sequence[object], others: Sequence[object]) -> int:
    """In how much of what they stand in two pipelines stand together."""
    return next(
        (depth for depth, (one, other) in enumerate(zip(layers, others, strict=False)) if one != other),
        min(len(layers), len(others)),
    )


def parts(events: Events) -> Iterator[object]:
    """What the pipelines of a run have within them."""
    todo: list[Term] = []
    for creation in events.created.values():
        if creation.kind == "pipeline" and isinstance(creation.term, Made):
            todo += held(creation.term)
    while todo:
        term = todo.pop()
        if isinstance(term, Made):
            yield term.identity
        todo += held(term)


def held(term: Term) -> Iterator[Term]:
    match term:
        case Made():
            yield from term.positional
            yield from (value for _, value in (*term.keywords, *term.attributes))
        case Items():
            yield from term.values()
            yield from (term.rest,) if term.rest is not None else ()
        case AnyOf(options):
            yield from options


# ---- as loaders are compared ---------------------------------------------------------------------


def used(one: Named, hand: bool) -> LoaderUse:
    made = one.made
    identity = one.run, made.identity  # that of another run may be equal
    sources = tuple(
        DataSource(one.label, made.at, identity, False, None, None, "", (), steps, identity, made.at, False)
        for steps in one.ways
    )
    return LoaderUse(
        at=made.at,
        function=one.creation.frames[-1].function if one.creation.frames else "<module>",
        label=one.label,
        use=one.use,
        by="names",
        because=one.because,
        way=(Step(made.at, one.because),),
        sources=sources,
        drops=None,
        batch_size=None,
        sampled=False,
        collates=False,
        run="",
        models=frozenset(),
        applied=True,
        hand=hand,
        trains=one.use == "train",
    )
