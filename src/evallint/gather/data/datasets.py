"""Data sets: from where a loader's samples come, and what each goes through before it is in a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Literal

from evallint import facts as f
from evallint.apis import Chain, Dataset, Loader, Preset, Read, Split, Transform
from evallint.findings import Place
from evallint.gather.code.mending import call_at, is_counted
from evallint.gather.code.sites import called, of_self, statements
from evallint.gather.data.halves import TRANSFORMS
from evallint.gather.data.pipelines import MOST_WAYS, Pipelines, given, plain, unknown
from evallint.interpret.calls import SPLITS
from evallint.interpret.data import BASE
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import DATA, TRAINING, Use, use_of, words
from evallint.interpret.terms import Dark, Items, Made, OneOf, Pass, Plain, Term, options
from evallint.program import ClassSymbol, FunctionSymbol, Program
from evallint.project import DataSource, PipelineStep
from evallint.walk import within

PICKING = frozenset("idx idxs index indexs indexes indices ids mask fold folds subset rows".split())
"""Words of what picks some samples of a part."""

ASKED = SPLITS | TRAINING
"""Words of what says which part of the data is wanted."""


FILES = frozenset("path paths file files dir dirs root folder folders csv txt json list lists df frame".split())
"""Words of where samples come from."""


class DataSets:
    """Takes the terms of data sets apart."""

    def __init__(self, program: Program, pipelines: Pipelines) -> None:
        self._program, self._pipelines = program, pipelines

    def sources(self, term: Term | None) -> tuple[DataSource, ...]:
        """Each way in which samples may come from what a term stands for; none where nothing is known of it."""
        return tuple(islice((source for one in options(term) for source in self._of_one(one)), MOST_WAYS))

    def _of_one(self, term: Term) -> Iterable[DataSource]:
        if not isinstance(term, Made):
            return ()
        if term.klass is not None:
            return self._of_class(term)
        match self._program.apis.data(term.name):
            case Split() as split:
                return self._parts(split, term)
            case Dataset() as dataset:
                return self._of_library(dataset, term)
            case Loader() as loader:
                return self.sources(self._held(term, "dataset") or given(term, loader.dataset))
        found = self._source(term, (unknown(term.name),))
        part, because = self._asked(term) if term.part is None else (None, "")
        return (replace(found, part=part, part_because=because, own=True, told=self._told(term)),)

    def is_dataset(self, term: Term) -> bool:
        if not isinstance(term, Made):
            return False
        if term.klass is not None:
            return self._program.method(term.klass, "__getitem__") is not None
        return isinstance(self._program.apis.data(term.name), Dataset | Split)

    def _parts(self, split: Split, made: Made) -> Iterator[DataSource]:
        whole = self._held(made, "dataset") or given(made, split.dataset)
        for source in self.sources(whole):
            yield replace(source, half=True, split=source.split or made.at)

    def _of_library(self, dataset: Dataset, made: Made) -> Iterator[DataSource]:
        if dataset.parts is not None:
            parts = given(made, dataset.parts)
            listed = parts.values() if isinstance(parts, Items) and parts.rest is None else ()
            yield from (source for each in listed for source in self.sources(each))
            return
        transform = self._held(made, "transform") or given(made, dataset.transform)
        joint = given(made, dataset.joint)
        part = dataset.part(*plain(made))
        because = stated(made, dataset) if part is not None else ""
        for steps in self._pipelines.ways(transform) or ((),):
            for more in self._pipelines.ways(joint) or ((),):
                found = self._source(made, (*steps, *more))
                yield replace(
                    found,
                    part=part,
                    part_because=because,
                    evaluating=for_evaluation(dataset),
                    size=dataset.size,
                    pipeline=identity(transform),
                    pipeline_at=transform.at if isinstance(transform, Made) else None,
                )

    def _of_class(self, made: Made) -> Iterator[DataSource]:
        part, because = self._asked(made)
        whole = made.attribute(BASE)
        own, told = self._sorts(made.klass), self._told(made)
        if made.passes is None and whole is not None:
            for source in self.sources(whole):
                title = made.name
                yield replace(
                    source,
                    part=None if self._picks(made) else part if own else source.part or part,
                    part_because=because if own else source.part_because or because,
                    at=made.at,
                    title=title,
                    own=True,
                    told=told,
                )
            return
        if made.passes is None:
            bare = self._source(made, (unknown(made.name),))
            yield replace(bare, part=part, part_because=because, own=True, told=told)
            return
        inner = [one for one in made.passes if self.is_dataset(one.what)]
        outer = [one for one in made.passes if not self.is_dataset(one.what)]
        transforms = list(dict.fromkeys(found for one in outer if (found := applied(one)) is not None))
        for steps in self._pipelines.of_passes(outer):
            for source in self._within(inner) or (self._source(made, ()),):
                yield replace(
                    source,
                    steps=(*source.steps, *steps),
                    part=part if own else source.part or part,
                    part_because=because if own else source.part_because or because,
                    pipeline=transforms[0][0] if len(transforms) == 1 else source.pipeline,
                    pipeline_at=transforms[0][1] if len(transforms) == 1 else source.pipeline_at,
                    own=True,
                    reads=self._reads(outer) if not inner else source.reads,
                    repeats=self._repeats(made.klass),
                    at=made.at,
                    title=made.name,
                    told=told,
                )

    def _sorts(self, klass: ClassSymbol | None) -> bool:
        """Whether a class sorts out itself which samples it has, by what it is told."""
        init = self._program.method(klass, "__init__") if klass is not None else None
        return init is not None and self._program.once(sorts_samples, init)

    def _reads(self, passes: Iterable[Pass]) -> bool:
        """Whether image files are read."""
        for one in passes:
            if isinstance(one.what, OneOf):
                if any(self._reads(way) for way in one.what.ways):
                    return True
            elif isinstance(one.what, Made) and isinstance(self._program.apis.data(one.what.name), Read):
                return True
        return False

    def _repeats(self, klass: ClassSymbol | None) -> bool:
        """Whether a class lists each of its samples several times, so that a random view of each is wanted."""
        init = self._program.method(klass, "__init__") if klass is not None else None
        return init is not None and self._program.once(lists_again, init)

    def _within(self, inner: list[Pass]) -> tuple[DataSource, ...]:
        """The data set that another one wraps."""
        return self.sources(inner[0].what) if len({identity(one.what) for one in inner}) == 1 else ()

    def _asked(self, made: Made) -> tuple[Literal["training", "evaluation"] | None, str]:
        """Which part of the data the arguments of a class of the program, or of something out of sight, ask for; None
        where they disagree."""
        found: dict[Use, str] = {}
        for name, term in self._named(made):
            value = term.value if isinstance(term, Plain) else None
            if isinstance(value, bool) and words(name) & {"train", "training"} and len(words(name)) <= 2:
                found.setdefault("train" if value else "eval", f"{name}={value}")
            use = use_of(value) if isinstance(value, str) and words(name) & SPLITS else None
            if use is not None:
                found.setdefault(use, f"{name}={value!r}")
        if len(found) != 1 or self._picks(made):
            return None, ""
        ((use, because),) = found.items()
        if use == "train" and self._reads_others(made):
            return None, ""
        return ("training" if use == "train" else "evaluation"), because

    def _named(self, made: Made) -> Iterator[tuple[str, Term]]:
        """The arguments of a call with the names of their parameters, or else those that they go by."""
        init = self._program.method(made.klass, "__init__") if made.klass is not None else None
        names = [one.name for one in self._program.function(init).parameters[1:]] if init is not None else []
        yield from zip(names, made.positional, strict=False)
        for term in made.positional[len(names) :]:
            yield (term.label if isinstance(term, Dark | Made) else ""), term
        yield from made.keywords

    def _reads_others(self, made: Made) -> bool:
        """Whether a data set is given a file or a folder that is for evaluation by its name. That it is to be as for
        training then says what comes with each sample, such as a label: `Slides("val.h5", mode="train")`."""
        call = call_at(self._program, made.at)
        said = [code(one.value) for one in call.arguments] if call is not None else []
        for name, term in self._named(made):
            if isinstance(term, Plain) and isinstance(term.value, str) and not words(name) & SPLITS:
                said.append(f"{term.value} data")
            if isinstance(term, Dark | Made):
                said.append(term.label)
        return any(
            use_of(one) == "eval" and words(one) & (FILES | DATA) and not words(one) & TRANSFORMS for one in said
        )

    def _told(self, made: Made) -> frozenset[tuple[str, object]]:
        """What a data set is told, but for its part and its transforms, and what is only switched on or off."""
        return frozenset(
            (name, term)
            for name, term in self._named(made)
            if not words(name) & (SPLITS | TRANSFORMS)
            and not (isinstance(term, Plain) and isinstance(term.value, bool))
            and not self._is_transform(term)
        )

    def _is_transform(self, term: Term) -> bool:
        """Whether something is done to samples by it, as far as that is known."""
        return isinstance(term, Made) and (
            term.passes is not None or isinstance(self._program.apis.data(term.name), Chain | Transform | Preset)
        )

    def _picks(self, made: Made) -> bool:
        """Whether a data set is told which samples of its part to take."""
        return any(words(name) & PICKING and not isinstance(term, Plain) for name, term in self._named(made))

    def _source(self, made: Made, steps: tuple[PipelineStep, ...]) -> DataSource:
        title = made.name.rpartition(".")[2]
        return DataSource(title, made.at, made.identity, False, None, None, "", (), steps, None, None, False)

    def _held(self, made: Made, name: str) -> Term | None:
        found = made.attribute(name)
        return None if isinstance(found, Dark) and found.identity is None else found


def lists_again(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether a function adds the same to a list several times: `for _ in range(n): samples.append(sample)`."""
    return any(
        isinstance(statement, f.For | f.While)
        and is_counted(statement)
        and any(last_name(call.function) == "append" for call in called(statement.body))
        for statement in statements(program.body(symbol))
    )


def sorts_samples(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether a constructor asks what part of the data the object is to have: `if split == "val": self.data = …`."""
    return any(
        isinstance(statement, f.If)
        and any(
            words(last_name(node)) & ASKED for node in within(statement.test) if isinstance(node, f.Name | f.Attribute)
        )
        and any(isinstance(inner, f.Assign) and sets_samples(inner) for inner in statements(branches(statement)))
        for statement in statements(program.body(symbol))
    )


def branches(statement: f.If) -> f.Block:
    return (*statement.body, *statement.orelse)


def sets_samples(assign: f.Assign) -> bool:
    """Whether a statement gives an object something that is no transform."""
    own = [of_self(target) for target in within(assign.targets)]
    return any(name and not words(name) & TRANSFORMS for name in own)


def stated(made: Made, dataset: Dataset) -> str:
    """The argument that says which part of the data is read, as a reader would write it."""
    assert dataset.split is not None
    term = given(made, dataset.split)
    if isinstance(term, Plain):
        return f"`{dataset.split.keyword}={term.value!r}`"
    return f"`{dataset.split.keyword}` left at its default"


def for_evaluation(dataset: Dataset) -> tuple[str, int | None, str] | None:
    """The argument that picks the part for evaluation."""
    if dataset.split is None or not dataset.evaluation:
        return None
    value = next((one for one in dataset.evaluation if one == "test"), dataset.evaluation[0])
    return dataset.split.keyword, dataset.split.position, f'"{value}"' if isinstance(value, str) else repr(value)


def applied(one: Pass) -> tuple[object, Place] | None:
    """The transform object by which something is done, and where it was made; None for the data set's own code."""
    if isinstance(one.what, Made) and one.what.identity is not None:
        return one.what.identity, one.what.at
    return (one.by[0].identity, one.by[0].at) if one.by else None


def identity(term: Term | None) -> object:
    return term.identity if isinstance(term, Made | Dark) else None
