"""Constants of a normalisation are typed into the code, and contradict or repeat where they come from."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, Replace
from evallint.project import Project, TypedConstants

INFORMATION = frozenset(("wrong-deviation", "repeated", "unknown"))


def check(project: Project) -> Iterator[Finding]:
    for found in project.typed_constants:
        yield Finding(
            at=found.at,
            says=says(found),
            because=found.because,
            function=found.function,
            fix=fix(found),
            severity="info" if found.how in INFORMATION else None,
        )


def says(found: TypedConstants) -> str:
    match found.how:
        case "near":
            return f"`{found.given}` is `{found.right}` in the statistics of {found.whose}"
        case "swapped":
            return f"mean and deviation of {found.whose} are in each other's place"
        case "crossed":
            return f"mean and deviation of {found.whose} have their channels in opposite orders"
        case "same":
            return "mean and deviation are the same numbers: one is given in place of the other"
        case "order":
            return f"these statistics of {found.whose} have blue first, the images have red first"
        case "scales-differ":
            return f"of mean and deviation of {found.whose}, one is for 0 to 255, the other for 0 to 1"
        case "unscaled":
            return f"the statistics of {found.whose} are for 0 to 255, the values go from 0 to 1"
        case "foreign":
            return f"these are the statistics of {found.whose}, the data are {found.given}"
        case "wrong-deviation":
            return f"this deviation of {found.whose} is the mean over single images, not that of all pixels"
        case "repeated":
            return "these constants are typed in more than once: give them a name"
    return "these constants are of no published data: say where they come from"


def fix(found: TypedConstants) -> Replace | None:
    return Replace(found.at, found.mended, f"write `{found.right}`") if found.mended else None
