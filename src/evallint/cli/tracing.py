"""`evallint trace`: the user's own command, what its modules did, and what that shows of the findings."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

from evallint.cli.arguments import Parser, Unusable, add_config_options, arguments, options
from evallint.cli.output import log, painter
from evallint.config import Configs

OUTPUT: Final = "evallint-trace.json"


def trace(words: Sequence[str]) -> int:
    """`evallint trace`."""
    own, command = _parted(words)
    asked = arguments(_parser(), own)
    if not command and not asked.folder:
        raise Unusable("a command is missing: evallint trace -- python validate.py")
    if not command:
        _tell(asked, asked.folder, (), 0)
        return 0
    if asked.folder:
        os.makedirs(asked.folder, exist_ok=True)
        return _ended(_traced(asked, command, asked.folder))
    with tempfile.TemporaryDirectory(prefix="evallint-trace-", ignore_cleanup_errors=True) as folder:
        code = _traced(asked, command, folder)
    return _ended(code)


def _parted(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words for evallint, and those of the command."""
    if "--" not in words:
        return words, ()
    index = words.index("--")
    return words[:index], words[index + 1 :]


def _parser() -> Parser:
    parser = Parser(
        "evallint trace",
        "Run a command, record how its modules are called, and say what that shows of the findings.",
        epilog="Usage: evallint trace [OPTIONS] -- COMMAND...\n"
        "The exit code is the command's. The table goes to standard error, so that the command's output stays alone.",
    )
    parser.add_argument("-o", "--output-file", metavar="FILE", default=OUTPUT, help=f"the JSON (default: {OUTPUT})")
    parser.add_argument(
        "--lint", metavar="PATH", action="append", help="where the findings are from (default: the working directory)"
    )
    parser.add_argument(
        "--folder", metavar="FOLDER", help="where each process writes; without a command, what is there already is told"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("-q", "--quiet", action="store_true", help="write the JSON only")
    add_config_options(parser)
    return parser


def _traced(asked: argparse.Namespace, command: Sequence[str], folder: str) -> int:
    from evallint.trace import running

    try:
        code = running.run(command, running.environment(folder, os.environ))
    except OSError as error:
        log(f"error: {command[0]}: {error.strerror}")
        return 127 if isinstance(error, FileNotFoundError) else 126
    _tell(asked, folder, command, code)
    return code


def _ended(code: int) -> int:
    from evallint.trace import running

    return running.end_alike(code)


def _tell(asked: argparse.Namespace, folder: str, command: Sequence[str], code: int) -> None:
    from evallint import engine, pages
    from evallint.trace import joining, recording, telling

    configs = Configs(config=asked.config, isolated=asked.isolated, options=options(asked))
    recorded = recording.load(folder)
    run = engine.lint(asked.lint or [os.curdir], configs)
    joined = joining.joined(run.reported, recorded.sites, pages.load())
    try:
        with open(asked.output_file, "w", encoding="utf-8") as stream:
            stream.write(telling.document(recorded, joined, command, code))
    except OSError as error:
        log(f"error: {asked.output_file}: {error.strerror}")
    if not asked.quiet:
        text = telling.table(recorded, joined, painter(asked.color, sys.stderr))
        sys.stderr.write("".join(f"evallint: {line}\n" if line else "evallint:\n" for line in text.splitlines()))
