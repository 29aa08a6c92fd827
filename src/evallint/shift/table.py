"""The measured distances as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

TITLES: Final = ("train mean", "eval mean", "train std", "eval std", "SMD", "KL t|e", "KL e|t", "JS", "KS", "KS p")
NO_SCIPY: Final = "no p values: scipy is not installed for that Python (`pip install scipy`, or the extra `data`)"


def table(told: Mapping[str, Any]) -> Iterator[str]:
    """A line a column, then one a label."""
    train, scored = told["train"], told["eval"]
    yield f"{train['samples']:,} samples of training, {scored['samples']:,} of evaluation"
    lines = [("column", *TITLES), *((str(index), *row(told, index)) for index in range(len(told["columns"])))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    yield from ("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    for name, share, other in labels(told):
        yield f"label {name}: {share:.1%} of training, {other:.1%} of evaluation"


def labels(told: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Each label with its share of training and of evaluation."""
    train, scored = told["train"]["labels"], told["eval"]["labels"]
    for name in sorted({*train, *scored}):
        yield name, train.get(name, 0), scored.get(name, 0)


def row(told: Mapping[str, Any], index: int) -> tuple[str, ...]:
    """The numbers of a column, in the order of TITLES."""
    train, scored, apart = told["train"], told["eval"], told["columns"][index]
    smirnov = apart["kolmogorov_smirnov"]
    numbers = (
        *(side[what][index] for what in ("mean", "std") for side in (train, scored)),
        apart["standardised_mean_difference"],
        *(apart[name] for name in ("kl_train_eval", "kl_eval_train", "jensen_shannon")),
        smirnov["statistic"],
        smirnov["p"],
    )
    return tuple("-" if number is None else f"{number:.3g}" for number in numbers)
