"""`evallint probe data`: how far the data of an evaluation are from those of training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evallint.cli.arguments import Parser, Unusable, arguments
from evallint.cli.output import log, say

Told = Mapping[str, Any]


def _as_text(told: Told, sources: tuple[str, str]) -> str:
    from evallint.shift import table

    return "\n".join(table(told)) + "\n"


def _as_json(told: Told, sources: tuple[str, str]) -> str:
    return json.dumps(told, indent=2) + "\n"


def _as_page(told: Told, sources: tuple[str, str]) -> str:
    from evallint.shift import page

    return page(told, sources)


FORMATS: Final[Mapping[str, Callable[[Told, tuple[str, str]], str]]] = {
    "text": _as_text,
    "json": _as_json,
    "html": _as_page,
}


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
    parser.add_argument("--python", metavar="PYTHON", default="", help="an interpreter that has torch")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=600.0, help="how long it may take (600)")
    parser.add_argument("--output-format", choices=tuple(FORMATS), default="text")
    parser.add_argument("-o", "--output-file", metavar="FILE", help="where it is written to (standard output)")
    asked = arguments(parser, words)
    told = measured(asked.python, [asked.train, asked.eval], asked.batches, asked.timeout)
    if told is None:
        return 2
    text = FORMATS[asked.output_format](told, (asked.train, asked.eval))
    if asked.output_file is None:
        say(text)
        return 0
    try:
        Path(asked.output_file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unusable(f"{asked.output_file}: {error.strerror}") from None
    return 0


def measured(python: str, sources: Sequence[str], batches: int, seconds: float) -> Told | None:
    """What the experiment measured; None where it could not, which it has told."""
    from evallint import probe
    from evallint.shift import NO_SCIPY

    if seconds <= 0 or batches < 1:
        raise Unusable("`--batches` and `--timeout` take numbers above 0")
    try:
        chosen = probe.interpreter(python, os.getcwd())
    except probe.NoPython as error:
        raise Unusable(str(error)) from None
    log("this runs the project's code, with your rights")
    paths = [os.path.abspath(source) if os.path.isdir(source) else source for source in sources]
    options = {"sources": paths, "batches": batches}
    job = {"experiment": "data", "project": os.getcwd(), "targets": [], "options": options}
    (answer,) = probe.run([job], chosen, probe.Bounds(seconds=seconds))
    if answer["verdict"] != "measured":
        log(f"error: the data could not be measured: {answer.get('reason') or 'no answer came'}")
        return None
    for assumed in answer["assumed"]:
        log(f"assumed: {assumed}")
    told: Told = answer["numbers"]
    if any(column["kolmogorov_smirnov"]["p"] is None for column in told["columns"]):
        log(NO_SCIPY)
    return told
