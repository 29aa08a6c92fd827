"""The data of an evaluation are data that the model learns from."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Place, SetArgument
from evallint.project import DataSource, LearntFrom, LoaderUse, Project


def check(project: Project) -> Iterator[Finding]:
    yield from parts(project)
    for found in project.learnt_from:
        yield Finding(at=found.at, says=says(found), because=found.because, function=found.function)


def says(found: LearntFrom) -> str:
    if found.how == "trains":
        return f"`{found.model}` is trained on `{found.data}`, which it is evaluated on"
    return f"this evaluation goes over `{found.data}`, which is trained on, not over `{found.other}`"


def parts(project: Project) -> Iterator[Finding]:
    """Where the data set for evaluation is the training part of published data."""
    reported: set[Place] = set()
    right = {(loader.at, loader.label) for loader in project.loaders if reads_part_for_evaluation(loader)}
    for loader in project.loaders:
        if loader.use != "eval" or loader.by == "arguments" or loader.applied or not loader.named:
            continue
        if (loader.at, loader.label) in right:
            continue  # a function that is given both parts, one after the other
        whole = [one for one in training_parts(loader) if not is_told_otherwise(one, loader, project)]
        if whole and not loader.sampled and whole[0].at not in reported:
            reported.add(whole[0].at)
            yield Finding(
                at=whole[0].at,
                says=f"`{loader.label}` reads the training part: {whole[0].part_because}",
                because=loader.way,
                function=loader.function,
                fix=fix(whole[0]),
            )


def reads_part_for_evaluation(loader: LoaderUse) -> bool:
    return bool(loader.sources) and all(one.part == "evaluation" and not one.half for one in loader.sources)


def training_parts(loader: LoaderUse) -> list[DataSource]:
    """The training parts that a loader reads whole: whatever is chosen, or where of other data the right part is."""
    if any(source.half or source.part is None for source in loader.sources):
        return []
    right = {source.title for source in loader.sources if source.part == "evaluation"}
    wrong = [source for source in loader.sources if source.part == "training"]
    return [] if any(source.title in right for source in wrong) else wrong


def is_told_otherwise(source: DataSource, loader: LoaderUse, project: Project) -> bool:
    """Whether the data that are trained on are chosen by something else than those for evaluation."""
    trained = [
        one
        for other in project.loaders
        if other.trains and other.run == loader.run
        for one in other.sources
        if one.title == source.title and one.own
    ]
    return source.own and bool(trained) and all(one.told != source.told for one in trained)


def fix(source: DataSource) -> SetArgument | None:
    if source.evaluating is None or source.own:
        return None
    keyword, position, value = source.evaluating
    return SetArgument(source.at, keyword, value, f"read the part for evaluation: `{keyword}={value}`", position)
