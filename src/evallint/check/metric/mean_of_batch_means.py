"""An evaluation averages over batches as if all were of one size."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace, ReplaceKept, SetArgument, Together
from evallint.project import Averaged, Counted, Project, Weighing


def check(project: Project) -> Iterator[Finding]:
    for average in project.averaged:
        yield Finding(
            at=average.at,
            says=says(average),
            because=average.because,
            function=average.function,
            fix=weighed(average.weighing) if average.weighing is not None else None,
        )


def says(average: Averaged) -> str:
    what = cut(average.what, 36)
    match average.how:
        case "batches":
            return f"`{what}` is a mean of batch means: the last batch counts too much"
        case "unweighted":
            return f"`{what}` is not told how many samples the batch has"
        case "nominal":
            return f"`{what}` takes every batch to be full"
        case "scaled":
            return f"`{what}` is summed, though divided by the size of full batches"
        case "score":
            return f"`{what}` averages the scores of batches: not the score of the data"
        case "samples":
            return f"`{what}` divides a sum of batch means by the number of samples"
        case "other loader":
            over, other = cut(average.loader, 24), cut(average.other, 24)
            return f"`{cut(what, 18)}` over `{over}` is divided by `len({other})`"


def weighed(how: Weighing | Counted) -> Together | SetArgument:
    if isinstance(how, Counted):
        return SetArgument(how.at, how.parameter, how.size, "say how many samples the batch has", how.position)
    parts: list[Replace | ReplaceKept] = [ReplaceKept(at, code, TITLE) for at, code in how.additions]
    if how.divisor:
        parts.append(Replace(how.division, how.samples, TITLE, part=how.divisor))
    return Together(how.division, tuple(parts), TITLE)


TITLE = "let each sample count once"


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
