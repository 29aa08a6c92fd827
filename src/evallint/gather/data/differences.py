"""The training pipeline beside the evaluation pipeline: random steps where none belong, and steps that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Literal

from evallint import facts as f
from evallint.apis import ModuleClass
from evallint.facts import Block
from evallint.findings import Place, Step
from evallint.gather.code.mending import alike, call_at, contains, function_around, loops_around, repeated, with_numbers
from evallint.gather.code.sites import called, function_at, names_in, statements
from evallint.gather.data.named import ON_PURPOSE, Beside
from evallint.gather.data.pipelines import MOST_WAYS, Steps, is_complete, may_normalise, random_steps
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import Use, use_of, use_of_data, words
from evallint.program import ClassSymbol, External, Program
from evallint.project import DataSource, LoaderUse, PipelinesDiffer, PipelineStep, RandomInEvaluation
from evallint.walk import within

Kind = Literal["constants", "missing in evaluation", "missing in training", "scale", "step"]
Constants = tuple[tuple[float, ...], tuple[float, ...]]


# ---- random steps -------------------------------------------------------------------------------


def random_in_evaluation(
    program: Program, loaders: Sequence[LoaderUse], named: Iterable[Beside]
) -> Iterator[RandomInEvaluation]:
    """The loaders, transforms and pipelines that evaluate on samples which surely go through a random step."""
    yield from _random_in_loaders(program, loaders)
    several = frozenset(
        step.at for one in loaders if sees_again(one) for source in one.sources for step in source.steps
    )
    for beside in named:
        at = {step.at for other in beside.training for one in other.sources for step in one.steps} | several
        evaluating = beside.evaluating
        found = [(one, step) for one in evaluating.sources for step in _by_chance(program, evaluating, one)]
        own = [(one, step) for one, step in found if step.at not in at]  # else it is both pipelines' on purpose
        if own and not beside.on_purpose:
            yield _random(program, evaluating, *own[0], beside.training)
        for trained in beside.training:
            yield from _reused(program, trained, evaluating)


def _reused(program: Program, trained: LoaderUse, evaluating: LoaderUse) -> Iterator[RandomInEvaluation]:
    """The data named for evaluation that a function gives its random pipeline for training, where it has another."""
    random = [random_steps(source.steps) for source in trained.sources]
    function = function_around(program, trained.at)
    if not random or not all(random) or function != function_around(program, evaluating.at):
        return
    for name, call in given_to(program.body(function), trained.label):
        if use_of_data(name) == "eval" and not words(name) & ON_PURPOSE:
            at, step = Place(trained.at.path, call.span), random[0][0]
            because = (
                Step(step.at or trained.at, f"`{step.name}` is random"),
                Step(trained.at, f"`{trained.label}` is for the training data, by its name"),
                Step(evaluating.at, f"`{evaluating.label}` is there for evaluation"),
            )
            qualname = program.function(function).qualname
            yield RandomInEvaluation(at, qualname, name, step.name, True, False, because)


def given_to(block: Block, label: str) -> Iterator[tuple[str, f.Call]]:
    """The calls in a function that are given something by its name, with the names of what they make; none where a
    transform is exchanged later."""
    assigns = [one for one in statements(block) if isinstance(one, f.Assign) and len(one.targets) == 1]
    if any(isinstance(one.targets[0], f.Attribute) and "transform" in one.targets[0].name for one in assigns):
        return
    for assign in assigns:
        for call in within(assign.value):
            if isinstance(call, f.Call) and any(code(one.value) == label for one in call.arguments):
                yield last_name(assign.targets[0]), call


def _random_in_loaders(program: Program, loaders: Sequence[LoaderUse]) -> Iterator[RandomInEvaluation]:
    training = Training(loaders)
    averaged = frozenset(predicted_again(loaders))
    for loader in loaders:
        if loader.use != "eval" or not loader.sources or not averaged.isdisjoint(samples(loader)) or sees_again(loader):
            continue
        partners = training.beside(loader)
        trained = [one for other in partners for one in other.sources]
        at = {step.at for one in trained for step in one.steps}
        for _, sources in by_title(trained, loader.sources):
            found = [(source, _by_chance(program, loader, source)) for source in sources]
            own = [(source, step) for source, steps in found for step in steps if step.at not in at]
            if own and (trained or all(steps for _, steps in found)):
                yield _random(program, loader, *clearest(own), loaders)
            elif all(steps for _, steps in found):
                source, steps = found[0]
                yield _random(program, loader, *clearest([(source, step) for step in steps]), loaders)


def _by_chance(program: Program, loader: LoaderUse, source: DataSource) -> list[PipelineStep]:
    """The random steps of a pipeline, without those whose strength the loop around an evaluation sets, or whoever asks
    for them: then it is robustness that is measured."""
    return [
        step
        for step in random_steps(source.steps)
        if not _is_optional(program, loader, step) and not _is_graded(program, loader, source, step)
    ]


def _is_optional(program: Program, loader: LoaderUse, step: PipelineStep) -> bool:
    """Whether a step of the program's own has its strength from a parameter that is off unless it is given."""
    call = call_at(program, step.at) if step.at is not None and step.at.path == loader.at.path else None
    if step.at is None or call is None or not isinstance(program.resolve(step.at.path, call.function), ClassSymbol):
        return False
    parameters = program.function(function_around(program, step.at)).parameters
    off = {one.name for one in parameters if isinstance(one.default, f.Constant) and not one.default.value}
    return not names_in(call).isdisjoint(off)


def _is_graded(program: Program, loader: LoaderUse, source: DataSource, step: PipelineStep) -> bool:
    """Whether a loop around the loader, and around what makes the step or asks for it, gives it what it goes over."""
    made = [step.at, *(at for _, at in source.builders)]
    places = {(loader.at.path, loader.at.span), *((one.at.path, one.at.span) for one in loader.way)}
    return any(
        isinstance(loop, f.For)
        and any(path == at.path and contains(loop.span, span) for path, span in places)
        and not names_in(loop.target).isdisjoint(names_in(call_at(program, at)))
        for at in made
        if at is not None
        for loop in loops_around(program, at)
    )


def predicted_again(loaders: Iterable[LoaderUse]) -> Iterator[object]:
    """The data sets that one program evaluates on by several loaders, one after another: predictions on random views,
    which are averaged."""
    places: dict[object, set[Place]] = {}
    for loader in loaders:
        for key in samples(loader) if loader.use == "eval" else ():
            places.setdefault(key, set()).add(loader.at)
    yield from (key for key, found in places.items() if len(found) >= SEVERAL)


def sees_again(loader: LoaderUse) -> bool:
    """Whether a model is given several random views of each sample."""
    return loader.repeats or any(source.repeats for source in loader.sources)


def samples(loader: LoaderUse) -> Iterator[object]:
    yield from ((loader.run, source.base) for source in loader.sources)


SEVERAL = 3


def _random(
    program: Program, loader: LoaderUse, source: DataSource, step: PipelineStep, loaders: Sequence[LoaderUse]
) -> RandomInEvaluation:
    trained = [(other, one) for other in loaders if other.trains for one in other.sources]
    together = [(other, one) for other, one in trained if other.run == loader.run]  # others' objects may look equal
    twins = [
        other for other, one in together if one.base == source.base and any(each.at == step.at for each in one.steps)
    ]
    halves = bool(twins) and (source.half or loader.sampled)
    shared = any(one.pipeline is not None and one.pipeline == source.pipeline for _, one in together)
    of_pipeline = in_pipeline(step)
    again = [one for _, one in trained if any(other.at == step.at for other in one.steps)] if of_pipeline else []
    at = step.at or source.at
    if halves:
        at = source.split or loader.at
    elif shared and of_pipeline:
        at = given_for_both(program, source) or source.at
    elif again:
        at = _asked(source, again[0]) or at
    reasons = [Step(step.within or step.at or source.at, f"`{step.name}` is random")]
    if halves:
        reasons.insert(0, Step(source.at, "one data set, with one transform, serves both parts"))
        reasons.append(Step(twins[0].at, f"`{twins[0].label}` trains on one part of it"))
    elif shared and source.pipeline_at is not None:
        reasons.append(Step(source.pipeline_at, "the training data go through this pipeline too"))
    function = loader.function if at.path == loader.at.path else "<module>"
    because = (*reasons, Step(loader.at, f"`{loader.label}` gives the samples"), *loader.way)
    plain = of_pipeline and not {"crop", "resize", "scale", "pad"} & set(step.does)
    removable = step.at if plain and not (halves or shared or again) else None
    return RandomInEvaluation(at, function, loader.label, step.name, shared, halves, because, removable)


def clearest(found: Sequence[tuple[DataSource, PipelineStep]]) -> tuple[DataSource, PipelineStep]:
    """The first random step that stands in a pipeline, or else the first that the code of a data set takes."""
    return min(found, key=lambda one: not in_pipeline(one[1]))


def in_pipeline(step: PipelineStep) -> bool:
    """Whether a step is one of a pipeline's own, not what the code of a data set does."""
    return step.in_object or not step.in_code


def given_for_both(program: Program, source: DataSource) -> Place | None:
    """The call by which a function that makes data sets gets one pipeline twice: for training and for evaluation, by
    what its parameters say."""
    if source.pipeline_at is None:
        return None
    function, maker = (function_around(program, at) for at in (source.pipeline_at, source.at))
    for call in called(program.body(function)) if function != maker else ():
        if program.resolve(function.path, call.function) == maker:
            uses: dict[str, set[Use | None]] = {}
            for name, value in named_arguments(program.function(maker), call):
                uses.setdefault(code(value), set()).add(use_of(name))
            if any({"train", "eval"} <= found for found in uses.values()):
                return Place(function.path, call.span)
    return None


def named_arguments(function: f.Function, call: f.Call) -> Iterator[tuple[str, f.Expr]]:
    """What a call gives a function, each with the name of its parameter."""
    plain = [one.value for one in call.arguments if not one.keyword and not one.stars]
    yield from zip((one.name for one in function.parameters), plain, strict=False)
    yield from ((one.keyword, one.value) for one in call.arguments if one.keyword)


def _asked(source: DataSource, trained: DataSource) -> Place | None:
    """Where the evaluation's pipeline is asked for, of code that builds the training pipeline as well."""
    for (name, at), (other, elsewhere) in zip(source.builders, trained.builders, strict=False):
        if name != other or name == "<module>":
            return None  # a file's own code is asked for nothing
        if at != elsewhere:
            return at
    return None


def by_title(
    trained: Sequence[DataSource], evaluated: Sequence[DataSource]
) -> Iterator[tuple[Sequence[DataSource], Sequence[DataSource]]]:
    """The alternatives from which samples may come; where they are the same data sets, made elsewhere, each for
    itself."""
    titles = {one.title for one in evaluated}
    apart = {one.at for one in trained}.isdisjoint(one.at for one in evaluated)
    if len(titles) < 2 or not apart or titles != {one.title for one in trained}:
        yield trained, evaluated
        return
    for title in dict.fromkeys(one.title for one in evaluated):
        yield [one for one in trained if one.title == title], [one for one in evaluated if one.title == title]


# ---- steps that differ --------------------------------------------------------------------------


def differing(program: Program, loaders: Sequence[LoaderUse], named: Iterable[Beside]) -> Iterator[PipelinesDiffer]:
    """Where what evaluates is prepared otherwise than what trained the same model."""
    for found in (*_differing(program, loaders), *_differing_by_name(named)):
        code = ""
        if found.kind == "constants" and found.trained is not None:
            code = alike(program, found.at, found.trained)
            code = code or with_numbers(program, found.at, found.trained, found.numbers)
        elif found.kind == "missing in evaluation" and found.trained is not None and found.scaled is not None:
            code = repeated(program, found.scaled, found.trained)
        yield replace(found, code=code, function=function_at(program, found.at))


def _differing(program: Program, loaders: Sequence[LoaderUse]) -> Iterator[PipelinesDiffer]:
    training = Training(loaders)
    for loader in loaders:
        if loader.use != "eval" or not loader.sources:
            continue
        found = training.beside(loader)
        partners = [other for other in found if other.sources]
        if len(partners) < len(found) and not of_one_data_set(partners, loader):
            continue  # it may be the others, of which nothing is known, that belong to these data
        if not partners:
            if all(is_container(program, model) for model in loader.models):
                yield from _unlike_all(training.on_the_same(loader), loader)
        elif not any(_agrees(partners, other) for other in _instead(loader, loaders)):
            yield from _compared(partners, loader)


def _unlike_all(others: Sequence[LoaderUse], loader: LoaderUse) -> Iterator[PipelinesDiffer]:
    """Where a model out of sight evaluates with other constants than those of every program that trains on the data."""
    trained = [source for one in others for source in one.sources]
    found = _normalisation(others, trained, loader) if trained else None
    if found is not None and found.kind == "constants":
        yield found


def _differing_by_name(named: Iterable[Beside]) -> Iterator[PipelinesDiffer]:
    """Of pipelines alone: what else the data go through is not in sight."""
    for beside in named:
        trained = [source for other in beside.training for source in other.sources]
        found = _normalisation(beside.training, trained, beside.evaluating)
        ends = all(_ends_as_tensor(source.steps) for source in (*trained, *beside.evaluating.sources))
        if found is not None and (found.kind == "constants" or (found.kind == "missing in evaluation" and ends)):
            yield found


def _ends_as_tensor(steps: Steps) -> bool:
    return next((step.gives for step in reversed(steps) if step.gives != "same"), "") == "tensor"


def _instead(loader: LoaderUse, loaders: Sequence[LoaderUse]) -> Iterator[LoaderUse]:
    """What the very call that makes a loader may make in its place: of a class that is chosen by its name."""
    for other in loaders:
        if other is not loader and (other.run, other.at, other.way) == (loader.run, loader.at, loader.way):
            yield other


def _agrees(partners: Sequence[LoaderUse], loader: LoaderUse) -> bool:
    return bool(loader.sources) and next(_compared(partners, loader), None) is None


class Training:
    """The loaders that train, by what they have in common with those that evaluate the same model."""

    def __init__(self, loaders: Sequence[LoaderUse]) -> None:
        self._loaders = loaders
        self._common: dict[object, list[int]] = {}
        self._saved: dict[str, list[int]] = {}
        for number, one in enumerate(loaders):
            for key in (one.run, *one.models, *published(one)) if one.trains else ():
                self._common.setdefault(key, []).append(number)
            for name, _ in one.files if one.trains else ():
                self._saved.setdefault(name, []).append(number)

    def beside(self, loader: LoaderUse) -> list[LoaderUse]:
        """Those that train a model which this one evaluates, in order."""
        numbers = {number for key in (loader.run, *loader.models) for number in self._common.get(key, ())}
        found = [one for number in sorted(numbers) if belongs(one := self._loaders[number], loader)]
        return found or self._by_file(loader)

    def _by_file(self, loader: LoaderUse) -> list[LoaderUse]:
        """Those of other programs that save the file from which this one's program, which trains nothing, has its
        model."""
        if loader.run in self._common:
            return []
        numbers = {number for name, _ in loader.files for number in self._saved.get(name, ())}
        return [one for number in sorted(numbers) if may_be_same(one := self._loaders[number], loader)]

    def on_the_same(self, loader: LoaderUse) -> list[LoaderUse]:
        """Those of other programs in the folder that train on the same published data, for one that trains nothing."""
        if loader.run in self._common or loader.by == "names":
            return []
        numbers = {number for key in published(loader) for number in self._common.get(key, ())}
        return [self._loaders[number] for number in sorted(numbers)]


def is_container(program: Program, model: object) -> bool:
    """Whether a model is a library's container, as of what a model that was read from a file has within it."""
    meaning = program.apis.of(model.name) if isinstance(model, External) else None
    return isinstance(meaning, ModuleClass) and meaning.container


def published(loader: LoaderUse) -> Iterator[tuple[str, str]]:
    """The published data that a loader reads, each with the folder of the program."""
    folder = loader.at.path.rpartition("/")[0]
    yield from ((folder, source.title) for source in loader.sources if source.part is not None and not source.own)


def belongs(train: LoaderUse, other: LoaderUse) -> bool:
    """Whether both serve one model: in one run, or by the class of the program that is run on them."""
    own = {model for model in train.models if isinstance(model, ClassSymbol)}
    if train.run == other.run:
        return not train.models or not other.models or bool(train.models & other.models)
    return bool(own & other.models)


def of_one_data_set(partners: Sequence[LoaderUse], loader: LoaderUse) -> bool:
    """Whether loaders may read parts of the same data: not where both read published ones, of other names."""
    ours = [source for other in partners for source in other.sources]
    if not all(source.part is not None and not source.own for source in (*ours, *loader.sources)):
        return True
    return not {source.title for source in ours}.isdisjoint(source.title for source in loader.sources)


def may_be_same(train: LoaderUse, other: LoaderUse) -> bool:
    """Whether a file that one program saves and one reads may be the same: by the folders that these stand in, and by
    the classes of their models."""
    own, others = ({model for model in one.models if isinstance(model, ClassSymbol)} for one in (train, other))
    folders = sorted(f"{one.run.partition(':')[0].rpartition('/')[0]}/" for one in (train, other))
    near = folders[0] == "/" or folders[1].startswith(folders[0])
    return near and (not own or not others or not own.isdisjoint(others))


def _compared(partners: Sequence[LoaderUse], loader: LoaderUse) -> Iterator[PipelinesDiffer]:
    whole = [source for other in partners for source in other.sources]
    for trained, evaluated in by_title(whole, loader.sources):
        part = replace(loader, sources=tuple(evaluated))
        found = _normalisation(partners, trained, part) or _preparation(partners, trained, part)
        if found is not None:
            yield found


def _normalisation(
    partners: Sequence[LoaderUse], trained: Sequence[DataSource], loader: LoaderUse
) -> PipelinesDiffer | None:
    ours, theirs = _constants(trained), _constants(loader.sources)
    if ours is None or theirs is None:
        return None
    known = None not in (one for source in (*ours, *theirs) for one in source)
    settled = len(trained) < MOST_WAYS  # else there may be others
    if known and all(ours) and all(theirs) and (settled or not set(ours) & set(theirs)):
        pairs = list(zip(loader.sources, theirs, strict=True))
        right = {_normalises(source.steps) for source, constants in pairs if constants in ours}  # perhaps by a setting
        other = [pair for pair in pairs if pair[1] not in ours and _normalises(pair[0].steps) not in right]
        if other:
            source, constants = other[0]
            part = replace(loader, sources=(source,))
            return _differ("constants", partners, trained, part, shown(ours[0]), shown(constants))
    bare = tuple(source for source, constants in zip(loader.sources, theirs, strict=True) if not constants)
    optional = len(bare) < len(loader.sources) and set(theirs) - {()} <= set(ours)  # a setting decides, perhaps of both
    if (
        all(ours)
        and bare
        and not optional
        and all(map(_shows_range, bare))
        and _lacks(beside(bare, trained), (loader,))
    ):
        return _differ("missing in evaluation", partners, trained, replace(loader, sources=bare), shown(ours[0]), "")
    if all(theirs) and not any(ours) and _lacks(trained, partners):
        return _differ("missing in training", partners, trained, loader, "", shown(theirs[0]))
    return None


def _lacks(sources: Sequence[DataSource], loaders: Sequence[LoaderUse]) -> bool:
    """Whether no normalisation is left out of sight, where none is seen: each step is known, and some are; those that
    reckon are surely taken."""
    known = all(
        one.steps and all(step.known and (step.sure or not may_normalise(step)) for step in one.steps)
        for one in sources
    )
    return known and _is_plain(loaders) and _comparable(sources)


def _shows_range(source: DataSource) -> bool:
    """Whether it is seen what values samples have: those of images, not of arrays that may be normalised where they are
    stored."""
    return source.reads or any({"tensor", "scale"} & set(step.does) for step in source.steps)


def beside(sources: Sequence[DataSource], trained: Sequence[DataSource]) -> tuple[DataSource, ...]:
    """Data sets without what one line of code does to the training data as well: that does not tell them apart."""
    groups = [{mark for step in one.steps if (mark := _in_both(step)) is not None} for one in trained]
    shared = set.intersection(*groups) if groups else set()
    return tuple(
        replace(one, steps=tuple(step for step in one.steps if _in_both(step) not in shared)) for one in sources
    )


def _in_both(step: PipelineStep) -> object:
    """Equal for steps that one line of code takes by a function with a name, or by arithmetic; None for others."""
    if not step.in_code or step.in_object or step.own or step.within is None:
        return None
    return step.name, step.within, step.does, step.exact


def _is_plain(loaders: Iterable[LoaderUse]) -> bool:
    """Whether nothing else in sight may normalise: no function that makes batches, no arithmetic around the model."""
    return not any(loader.collates or loader.hand for loader in loaders)


def _comparable(sources: Sequence[DataSource]) -> bool:
    """Whether nothing stands in them that does by itself what no table knows."""
    return not any(step.own or "by hand" in step.does for source in sources for step in source.steps)


def _constants(sources: Sequence[DataSource]) -> list[tuple[Constants | None, ...]] | None:
    """The constants of each source's normalisation, none where it has none, and None for those that are not known.

    None as a whole where it is not known whether there is a normalisation. What stands there twice is taken once: for
    a pair of images, each by itself.
    """
    found = []
    for source in sources:
        steps = [step for step in source.steps if "normalize" in step.does]
        if any(step.preset for step in source.steps) or any(not step.sure for step in steps):
            return None
        known = tuple(
            (equal_for_all(step.mean), equal_for_all(step.std))
            if step.mean is not None and step.std is not None
            else None
            for step in steps
        )
        found.append(tuple(dict.fromkeys(one for one in known if one != ((0.0,), (1.0,)))))
    return found


def equal_for_all(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Equal for numbers that do the same: those of all channels in one, where they agree."""
    rounded = tuple(round(number, 6) for number in numbers)
    return rounded[:1] if len(set(rounded)) == 1 else rounded


def shown(constants: tuple[Constants | None, ...]) -> str:
    if constants[0] is None:
        return "constants that are computed"
    mean, std = constants[0]
    return f"mean {_listed(mean)}, std {_listed(std)}"


def _listed(numbers: tuple[float, ...]) -> str:
    texts = [f"{number:.4g}" for number in numbers]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _preparation(
    partners: Sequence[LoaderUse], trained: Sequence[DataSource], loader: LoaderUse
) -> PipelinesDiffer | None:
    sources = (*trained, *loader.sources)
    if not all(is_complete(source.steps) for source in sources) or not _is_plain((*partners, loader)):
        return None
    if not _comparable(sources) or any(not source.steps for source in sources):
        return None
    if not of_one_data_set(partners, loader):
        return None  # their images are of another size, or of another colour, by themselves
    sizes = [{final_size(source) for source in group} for group in (trained, loader.sources)]
    if (
        None not in sizes[0] | sizes[1]
        and not sizes[0] & sizes[1]
        and not any(map(_is_pair, sources))
        and not (all(map(_zooms, trained)) and max(map(area, sizes[1])) > max(map(area, sizes[0])))
    ):
        texts = [" x ".join(map(str, min((one for one in group if one), key=str))) for group in sizes]
        return _differ("step", partners, trained, loader, f"{texts[0]} pixels", f"{texts[1]} pixels")
    words: tuple[tuple[Kind, str, str, str], ...] = (
        ("step", "grayscale", "gray images", "no gray images"),
        ("scale", "scale", "values from 0 to 1", "values from 0 to 255"),
    )
    for kind, word, *texts in words:
        if kind == "scale" and not all(map(_shows_range, sources)):
            continue
        has = [{_has(source.steps, word) for source in group} for group in (trained, loader.sources)]
        if has == [{True}, {False}]:
            return _differ(kind, partners, trained, loader, texts[0], texts[1])
        if has == [{False}, {True}]:
            return _differ(kind, partners, trained, loader, texts[1], texts[0])
    return None


def _zooms(source: DataSource) -> bool:
    """Whether a pipeline enlarges crops by chance. Objects look larger in them, so that larger images are what such a
    model is best evaluated on (Touvron et al. 2019, "Fixing the train-test resolution discrepancy")."""
    return any({"crop", "resize"} <= set(step.does) and step.random for step in source.steps)


def area(size: tuple[int, ...] | None) -> int:
    return prod(size or (0,))


def _is_pair(source: DataSource) -> bool:
    """Whether one pipeline makes two images of each sample, the input and what the model is to make of it: such models
    take images of any size."""
    made = [(step.name, step.at) for step in source.steps if step.in_object and "tensor" in step.does]
    return len(set(made)) < len(made)


def _has(steps: Steps, word: str) -> bool | None:
    """Whether a pipeline surely does something to the image, or surely not: where several things are made tensors, the
    mask among them, it may be done to any."""
    found = [step for step in steps if word in step.does]
    if any(step.random is not False for step in found):
        return None
    made = {step.at for step in steps if "tensor" in step.does}
    return None if found and len(made) > 1 and len(found) < len(made) else bool(found)


def final_size(source: DataSource) -> tuple[int, ...] | None:
    """Height and width of what comes out, where every step with a say in it is known."""
    size: tuple[int, ...] | None = source.size or None
    for step in source.steps:
        if "crop" in step.does:
            size = square(step.size)
        elif "resize" in step.does:
            is_square = size is not None and len(size) == 2 and size[0] == size[1]
            size = step.size if step.size and len(step.size) == 2 else square(step.size) if is_square else None
        elif {"pad", "geometry"} & set(step.does) and step.random is not True:
            size = None
    return size


def square(size: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return (size[0], size[0]) if size is not None and len(size) == 1 else size


def _differ(
    kind: Kind, partners: Sequence[LoaderUse], trained: Sequence[DataSource], loader: LoaderUse, train: str, other: str
) -> PipelinesDiffer:
    source = loader.sources[0]
    at = _normalises(source.steps) if kind in ("constants", "missing in training") else None
    at = at or source.pipeline_at or source.at
    theirs = _normalises(trained[0].steps) or trained[0].pipeline_at or trained[0].at
    if at in (theirs, trained[0].pipeline_at):  # one helper makes both
        at, theirs = _asked(source, trained[0]) or at, _asked(trained[0], source) or theirs
    because: tuple[Step, ...] = (
        Step(theirs, f"the training data are prepared here{': ' + train if train else ''}"),
        Step(partners[0].at, f"`{partners[0].label}` gives the training data"),
        Step(at, f"the evaluation data are prepared here{': ' + other if other else ''}"),
        Step(loader.at, f"`{loader.label}` gives the evaluation data"),
    )
    because = (*because, *_of_one_file(partners[0], loader))
    function = loader.function if at.path == loader.at.path else "<module>"
    scaled = next((step.at for step in source.steps if "scale" in step.does and not step.in_code), None)
    trained_at = _normalises(trained[0].steps)
    numbers = next(((step.mean, step.std) for step in trained[0].steps if step.mean and step.std), ((), ()))
    return PipelinesDiffer(at, function, kind, loader.label, train, other, because, trained_at, scaled, numbers)


def _of_one_file(train: LoaderUse, other: LoaderUse) -> Iterator[Step]:
    """The steps by which a model comes from one program to another, where nothing but a file tells of it."""
    saved = dict(train.files)
    if train.run == other.run or belongs(train, other):
        return
    for name, at in other.files:
        if name in saved:
            yield Step(saved[name], f"what it trains is saved here, as `{name}`")
            yield Step(at, f"`{name}` is what evaluates here")
            return


def _normalises(steps: Steps) -> Place | None:
    return next((step.at for step in steps if "normalize" in step.does), None)
