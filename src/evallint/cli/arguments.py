"""The words of the command line: which there are, and what they ask for."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from evallint import __version__
from evallint.config import KEYS, OUTPUT_FORMATS, OutputFormat
from evallint.findings import SEVERITIES
from evallint.spelling import did_you_mean


class Output(NamedTuple):
    """A format, and the file it is written to: "" for standard output."""

    form: OutputFormat
    file: str


class Unusable(Exception):
    """Arguments that cannot be followed."""


class Parser(argparse.ArgumentParser):
    """The parser of one command, which raises Unusable where argparse would leave the process."""

    def __init__(self, command: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=command,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        raise Unusable(message)

    def options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]


def arguments(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """What the words ask for. Raises Unusable."""
    asked, unknown = parser.parse_known_args(words)
    for word in unknown:
        if word.startswith("-"):
            option = word.split("=")[0]
            raise Unusable(f"unknown option `{option}`{did_you_mean(option, parser.options())}")
    if unknown:
        raise Unusable(f"`{unknown[0]}` is one argument too many")
    return asked


def check_parser() -> Parser:
    """The parser of `evallint check`."""
    parser = Parser(
        "evallint [check]",
        "Find why a PyTorch model scores worse in evaluation than it should.",
        epilog="Other commands: evallint probe PATH[:LINE], evallint trace -- COMMAND, evallint explain RULE,\n"
        "evallint rules, evallint config [KEY], evallint new-rule CATEGORY/NAME, evallint server, evallint daemon,\n"
        "evallint clean.\n"
        "Exit code: 0 nothing found at or above --fail-on, 1 something found or a file not judged, 2 the run failed.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and directories; `-` is standard input")
    parser.add_argument("--version", action="version", version=f"evallint {__version__}")
    rules = parser.add_argument_group("rules", "NAMES are rules, categories or `all`, joined by commas")
    rules.add_argument("--select", metavar="NAMES", type=_list, action="extend", help="only these")
    rules.add_argument("--ignore", metavar="NAMES", type=_list, action="extend", help="not these")
    rules.add_argument("--extend-select", metavar="NAMES", type=_list, action="extend", help="these too")
    rules.add_argument(
        "--per-file-ignores", metavar="PATTERN:NAME,…", type=_pairs, action="extend", help="not these in those files"
    )
    files = parser.add_argument_group("files", "PATTERNS are those of .gitignore, joined by commas")
    files.add_argument("--exclude", metavar="PATTERNS", type=_list, action="extend", help="pass over only these")
    files.add_argument("--extend-exclude", metavar="PATTERNS", type=_list, action="extend", help="pass over these too")
    files.add_argument(
        "--force-exclude", action="store_true", default=None, help="pass over excluded files given by name too"
    )
    files.add_argument(
        "--no-respect-gitignore", dest="respect_gitignore", action="store_false", default=None, help="ignore .gitignore"
    )
    files.add_argument(
        "--with-context",
        action="store_true",
        help="read the rest of the paths' projects too, and report the paths only",
    )
    files.add_argument("--stdin-filename", metavar="PATH", default="", help="what standard input is called")
    files.add_argument("--show-files", action="store_true", help="list the files that would be linted, and stop")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output-format",
        metavar="FORMAT[:FILE]",
        type=_outputs,
        action="extend",
        help=f"{', '.join(OUTPUT_FORMATS)}; with FILE, written there; may be given several times",
    )
    output.add_argument("-o", "--output-file", metavar="FILE", help="where the format without a FILE is written")
    output.add_argument("--statistics", action="store_true", help="count findings by rule instead of listing them")
    output.add_argument("--show-info", action="store_true", default=None, help="show findings of severity info")
    output.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    output.add_argument("-q", "--quiet", action="store_true", help="nothing but findings")
    output.add_argument("-v", "--verbose", action="store_true", help="say what is done")
    output.add_argument("--fail-on", choices=SEVERITIES, help="the least severity that makes the exit code 1")
    output.add_argument("-e", "--exit-zero", action="store_true", help="exit code 0 whatever is found")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", default=None, help="fix what can be fixed safely")
    fixes.add_argument(
        "--unsafe-fixes", action="store_true", default=None, help="fixes too that may change more than the evaluation"
    )
    fixes.add_argument("--diff", action="store_true", help="print what would be fixed as a diff, and write nothing")
    fixes.add_argument("--fix-only", action="store_true", default=None, help="fix, and report nothing else")
    fixes.add_argument("--show-fixes", action="store_true", default=None, help="list what was fixed, and what was not")
    fixes.add_argument("--fixable", metavar="NAMES", type=_list, action="extend", help="fix only these rules")
    fixes.add_argument("--unfixable", metavar="NAMES", type=_list, action="extend", help="don't fix these rules")
    fixes.add_argument("--exit-non-zero-on-fix", action="store_true", help="exit code 1 if something was fixed")
    old = parser.add_argument_group("old code", "what was found before is not reported again")
    old.add_argument(
        "--add-ignore", metavar="REASON", help="put a comment with this reason at all that is found, and silence it"
    )
    old.add_argument("--baseline", metavar="FILE", help="not what this file knows")
    old.add_argument("--write-baseline", action="store_true", help="put all that is found into the baseline")
    old.add_argument("--prune-baseline", action="store_true", help="take out of the baseline what is gone")
    old.add_argument("--baseline-commit", metavar="REV", default="", help="not what was found at that commit already")
    old.add_argument(
        "--diff-only", action="store_true", help="only what stands on lines changed since then (or HEAD) or is new"
    )
    add_probe_options(parser)
    running = parser.add_argument_group("running")
    running.add_argument("-j", "--jobs", metavar="N", type=int, help="worker processes; 0 for one a core")
    running.add_argument(
        "--daemon",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="let a process that stays in the background make the run: the next one looks only at what changed",
    )
    running.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")
    add_config_options(parser)
    return parser


def add_probe_options(parser: Parser) -> None:
    """The options of experiments. There are no settings for them: a config file must not run a project's code."""
    group = parser.add_argument_group("experiments", "they run the project's code, with your rights")
    group.add_argument(
        "--probe", dest="probes", action="store_true", help="confirm or refute findings on the real model"
    )
    group.add_argument(
        "--python", metavar="PYTHON", default="", help="the Python with torch that experiments run under"
    )
    group.add_argument(
        "--probe-timeout", metavar="SECONDS", type=float, default=60.0, help="how long one experiment may take (60)"
    )


def add_config_options(parser: Parser) -> None:
    """The options that say where settings come from."""
    group = parser.add_argument_group("config")
    group.add_argument(
        "--config", metavar="FILE|KEY=VALUE", action="append", default=[], help="instead of, or over, files"
    )
    group.add_argument("--isolated", action="store_true", help="read no config file")
    group.add_argument("--cache-dir", metavar="DIRECTORY", help="where the cache is")
    if parser.prog not in ("evallint clean", "evallint server"):
        group.add_argument("--show-settings", action="store_true", help="show the settings of the paths, and stop")


def _list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _outputs(text: str) -> list[Output]:
    """The outputs that `FORMAT[:FILE],…` names. A comma parts them where a format follows, since files may hold one."""
    outputs = []
    for each in re.split(rf",(?=(?:{'|'.join(OUTPUT_FORMATS)})(?:[:,]|$))", text):
        form, colon, file = each.partition(":")
        known = next((known for known in OUTPUT_FORMATS if known == form), None)
        if known is None:
            raise argparse.ArgumentTypeError(f"`{form}` is no format{did_you_mean(form, OUTPUT_FORMATS)}")
        if colon and not file:
            raise argparse.ArgumentTypeError(f"`{each}` names no file")
        outputs.append(Output(known, file))
    return outputs


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = [tuple(word.rpartition(":")[::2]) for word in _list(text)]
    if not all(pattern and name for pattern, name in pairs):
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form PATTERN:NAME,…")
    return [(pattern.strip(), name.strip()) for pattern, name in pairs]


def outputs(asked: argparse.Namespace) -> list[Output]:
    """The outputs that the words ask for, else those of the environment; none where the config decides."""
    if asked.output_format is not None:
        return list(asked.output_format)
    try:
        return _outputs(os.environ["EVALLINT_OUTPUT_FORMAT"]) if os.environ.get("EVALLINT_OUTPUT_FORMAT") else []
    except argparse.ArgumentTypeError as error:
        raise Unusable(f"EVALLINT_OUTPUT_FORMAT: {error}") from None


def options(asked: argparse.Namespace) -> dict[str, object]:
    """The options that are settings, keyed and typed as in TOML."""
    options: dict[str, object] = {}
    for key in KEYS.keys() - {"output-format"}:
        value = getattr(asked, key.replace("-", "_"), None)
        if value is not None:
            options[key] = value
    if "per-file-ignores" in options:
        table: dict[str, list[str]] = {}
        for pattern, name in asked.per_file_ignores:
            table.setdefault(pattern, []).append(name)
        options["per-file-ignores"] = table
    for output in outputs(asked) if hasattr(asked, "output_format") else ():
        if not output.file:
            options["output-format"] = output.form
    return options
