"""`evallint probe data`: how far the data of an evaluation are from those of training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evallint.cli.arguments import Parser, Unusable, arguments
from evallint.cli.output import log, say

MEASURE: Final = Path(__file__).parents[1] / "shift" / "measure.py"


def shift(words: Sequence[str]) -> int:
    """`evallint probe data`."""
    parser = Parser(
        "evallint probe data",
        "Compare the data of training and evaluation. Runs the project's code, with your rights.",
        epilog="SOURCE is package.module:name of a loader, or of a function that makes one, or a folder of images.",
    )
    parser.add_argument("--train", metavar="SOURCE", required=True)
    parser.add_argument("--eval", metavar="SOURCE", required=True)
    parser.add_argument("--batches", metavar="N", type=int, default=100, help="how many of each are read (100)")
    parser.add_argument("--python", metavar="PYTHON", default=sys.executable, help="an interpreter that has torch")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    asked = arguments(parser, words)
    with tempfile.TemporaryDirectory(prefix="evallint-data-") as folder:
        told = _measured(asked.python, os.path.join(folder, "answer"), asked.batches, asked.train, asked.eval)
    if told is None:
        return 2
    say(json.dumps(told, indent=2) + "\n" if asked.output_format == "json" else "\n".join(_table(told)) + "\n")
    return 0


def _measured(python: str, answer: str, batches: int, *sources: str) -> Mapping[str, Any] | None:
    """What the child measured; None where it failed, and has said why."""
    log("this runs the project's code, with your rights")
    words = (python, str(MEASURE), answer, str(batches), *sources)
    try:
        done = subprocess.run(words, stdout=sys.stderr.fileno() if _has_number(sys.stderr) else None, check=False)
    except OSError as error:
        raise Unusable(f"--python: {python}: {error.strerror}") from None
    if done.returncode or not os.path.exists(answer):
        log(f"error: the data could not be measured (exit code {done.returncode})")
        return None
    told: Mapping[str, Any] = json.loads(Path(answer).read_text(encoding="utf-8"))
    return told


def _has_number(stream: Any) -> bool:
    try:
        stream.fileno()
    except (OSError, ValueError):
        return False
    return True


def _table(told: Mapping[str, Any]) -> Iterator[str]:
    train, scored = told["train"], told["eval"]
    yield f"{train['samples']:,} samples of training, {scored['samples']:,} of evaluation"
    titles = (
        "column",
        "train mean",
        "eval mean",
        "train std",
        "eval std",
        "SMD",
        "KL t|e",
        "KL e|t",
        "JS",
        "KS",
        "KS p",
    )
    rows = [titles, *(_row(told, index) for index in range(len(told["columns"])))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    yield from ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    for name in sorted({*train["labels"], *scored["labels"]}):
        share, other = (side["labels"].get(name, 0) for side in (train, scored))
        yield f"label {name}: {share:.1%} of training, {other:.1%} of evaluation"


def _row(told: Mapping[str, Any], index: int) -> tuple[str, ...]:
    train, scored, apart = told["train"], told["eval"], told["columns"][index]
    smirnov = apart["kolmogorov_smirnov"]
    numbers = (
        *(side[what][index] for what in ("mean", "std") for side in (train, scored)),
        apart["standardised_mean_difference"],
        *(apart[name] for name in ("kl_train_eval", "kl_eval_train", "jensen_shannon")),
        smirnov["statistic"],
        smirnov["p"],
    )
    return (str(index), *("-" if number is None else f"{number:.3g}" for number in numbers))
