"""The command line: what was asked for, done, written and answered with an exit code.

Findings go to standard output, everything else to standard error. Exit codes: 0 where nothing at or above `--fail-on`
was found, 1 where something was or a file could not be judged, 2 where the run itself failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

from evallint import __version__
from evallint.config import KEYS, OUTPUT_FORMATS, ConfigError, Configs, Settings, did_you_mean
from evallint.findings import SEVERITIES, Run

if TYPE_CHECKING:
    from evallint.report.paint import Paint

SLOW: Final = 1.5
"""Seconds after which a run on a terminal shows how far it is."""


def main(words: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A file name need not be text, and a terminal need not know every letter.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except (ConfigError, _Unusable) as error:
        print(f"evallint: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception:
        import traceback

        traceback.print_exc()
        print("evallint: error: this is a bug in evallint; the lines above belong in its report", file=sys.stderr)
        return 2


class _Unusable(Exception):
    """Arguments that cannot be followed."""


def _run(words: Sequence[str]) -> int:
    if words and words[0] in _COMMANDS:
        return _COMMANDS[words[0]](words[1:])
    return _check(words)


# ---- check ---------------------------------------------------------------------------------------


def _check(words: Sequence[str]) -> int:
    asked = _arguments(_check_parser(), words)
    configs = Configs(config=asked.config, isolated=asked.isolated, options=_options(asked))
    settings = configs.of_run()
    paths = asked.paths or ["."]
    if asked.show_settings:
        return _show_settings(paths, configs)
    if asked.show_files:
        return _show_files(paths, configs)
    started = time.monotonic()
    run = _lint(paths, configs, asked)
    if asked.verbose:
        _log(f"{settings.file or 'no config file'}: {run.files} files in {time.monotonic() - started:.2f} s")
    if not run.files and not run.troubles and not asked.quiet:
        _log(f"warning: no Python files found under {', '.join(paths)}")
    _write(run, settings, asked)
    return _exit_code(run, settings, asked.exit_zero)


def _lint(paths: Sequence[str], configs: Configs, asked: argparse.Namespace) -> Run:
    from evallint import engine

    if "-" in paths:
        if len(paths) > 1:
            raise _Unusable("standard input (`-`) cannot be linted together with paths")
        return engine.lint_stdin(sys.stdin.buffer.read(), asked.stdin_filename, configs)
    progress = _Progress(sys.stderr) if sys.stderr.isatty() and not asked.quiet else None
    try:
        return engine.lint(paths, configs, cached=not asked.no_cache, on_progress=progress)
    finally:
        if progress:
            progress.clear()


def _exit_code(run: Run, settings: Settings, exit_zero: bool) -> int:
    if run.crashed:
        return 2
    if exit_zero:
        return 0
    least = SEVERITIES.index(settings.fail_on)
    fails = any(SEVERITIES.index(reported.severity) >= least for reported in run.reported)
    return 1 if fails or run.troubles else 0


def _write(run: Run, settings: Settings, asked: argparse.Namespace) -> None:
    from evallint import pages, report

    form: report.Format = "statistics" if asked.statistics else settings.output_format
    is_for_people = form in ("full", "concise", "statistics")
    if asked.quiet and is_for_people and not run.reported and not run.troubles:
        return
    paint = _paint(asked.color, sys.stdout) if not asked.output_file else _paint("never", sys.stdout)
    catalogue = pages.load() if form == "sarif" else {}
    text = report.render(run, form, catalogue, __version__, paint)
    if form == "github":
        _summarize(run)
    if not asked.output_file:
        _print(text)
        return
    try:
        with open(asked.output_file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise _Unusable(f"--output-file {asked.output_file}: {error.strerror}") from None


def _summarize(run: Run) -> None:
    """Where GitHub runs a job, it shows what is written to this file below the job's log."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return
    from evallint.report.github import step_summary

    try:
        with open(file, "a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(step_summary(run))
    except OSError as error:
        _log(f"warning: GITHUB_STEP_SUMMARY {file}: {error.strerror}")


def _paint(color: str, stream: TextIO) -> Paint:
    from evallint.report import paint

    if color == "auto" and not os.environ.get("NO_COLOR"):
        color = "always" if os.environ.get("FORCE_COLOR") or stream.isatty() else "never"
    return paint.ansi if color == "always" else paint.plain


class _Progress:
    """One line on a terminal that says how far a long run is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._written = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._started > SLOW and now - self._written > 0.1:
            self._stream.write(f"\r\x1b[Kevallint: {done:,} of {total:,} files")
            self._stream.flush()
            self._written = now

    def clear(self) -> None:
        if self._written:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Without this, Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # there, whoever read has seen enough
            raise _Unusable(f"standard output: {error.strerror}") from None


def _log(text: str) -> None:
    print(f"evallint: {text}", file=sys.stderr)


# ---- what would be linted, and how ---------------------------------------------------------------


def _show_files(paths: Sequence[str], configs: Configs) -> int:
    from evallint import read

    found = read.discover(paths, configs)
    _print("".join(f"{file.shown}\n" for file in found.files))
    for trouble in found.troubles:
        _log(f"{trouble.path}: {trouble.message}")
    return 1 if found.troubles else 0


def _show_settings(paths: Sequence[str], configs: Configs) -> int:
    """The settings of each path, those of the run with the first."""
    directories = [path if os.path.isdir(path) else os.path.dirname(path) for path in paths]
    for path, directory in zip(paths, directories, strict=True):
        settings = configs.of_directory(os.path.abspath(directory))
        _print(f"# {path}\n")
        _print("".join(f"{name} = {value}\n" for name, value in _shown_settings(settings).items()))
    return 0


def _shown_settings(settings: Settings) -> dict[str, str]:
    """Each setting by its key, as TOML would put it, with patterns under the directory they are relative to."""
    import json

    shown = {field.name.replace("_", "-"): getattr(settings, field.name) for field in fields(settings)}
    shown["exclude"] = [os.path.join(pattern.base, pattern.glob) for pattern in settings.exclude]
    shown["per-file-ignores"] = {
        os.path.join(ignores.pattern.base, ignores.pattern.glob): ignores.rules for ignores in settings.per_file_ignores
    }
    del shown["selection"]
    shown["rules"] = [page.name for page in _catalogue().values() if settings.selects(page.name, page.category)]
    return {name: json.dumps(value, ensure_ascii=False) for name, value in sorted(shown.items())}


# ---- the other commands --------------------------------------------------------------------------


def _explain(words: Sequence[str]) -> int:
    parser = _Parser("evallint explain", "Print the page of a rule: what it reports, why, and what to write instead.")
    parser.add_argument("rule", metavar="RULE")
    asked = _arguments(parser, words)
    page = _catalogue().get(asked.rule)
    if page is None:
        raise _Unusable(f"unknown rule `{asked.rule}`{did_you_mean(asked.rule, _catalogue())}")
    fix = "no fix" if page.fix == "none" else f"{page.fix} fix"
    facts = f"{page.category} · {page.severity} · {page.precision} precision · {fix}"
    _print(f"# {page.name}\n\n{page.summary}\n\n{facts}\n\n{page.prose}")
    return 0


def _rules(words: Sequence[str]) -> int:
    parser = _Parser("evallint rules", "List every rule: its category, name, severity, fix and summary.")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    asked = _arguments(parser, words)
    rows = [
        {field: getattr(page, field) for field in ("category", "name", "severity", "precision", "fix", "summary")}
        for page in _catalogue().values()
    ]
    if asked.output_format == "json":
        import json

        _print(json.dumps(rows, indent=2) + "\n")
        return 0
    shown = ("category", "name", "severity", "fix", "summary")
    _print("".join("\t".join(row[field] for field in shown) + "\n" for row in rows))
    return 0


def _config(words: Sequence[str]) -> int:
    parser = _Parser("evallint config", "List the keys of `[tool.evallint]` or `evallint.toml`, or explain one.")
    parser.add_argument("key", metavar="KEY", nargs="?")
    key = _arguments(parser, words).key
    if key and key not in KEYS:
        raise _Unusable(f"unknown key `{key}`{did_you_mean(key, KEYS)}")
    _print("".join(f"{name}\t{meaning}\n" for name, meaning in KEYS.items() if key in (None, name)))
    return 0


def _clean(words: Sequence[str]) -> int:
    parser = _Parser("evallint clean", "Remove the cache.")
    _add_config_options(parser)
    asked = _arguments(parser, words)
    from evallint import cache

    settings = Configs(config=asked.config, isolated=asked.isolated, options=_options(asked)).of_run()
    removed = cache.clean(settings)
    if removed:
        _log(f"removed {removed}")
    return 0


def _catalogue() -> Mapping[str, Any]:
    from evallint import pages

    return pages.load()


_COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "check": _check,
    "clean": _clean,
    "config": _config,
    "explain": _explain,
    "rules": _rules,
}


# ---- arguments -----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def __init__(self, command: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=command,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        raise _Unusable(message)

    def options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]


def _arguments(parser: _Parser, words: Sequence[str]) -> argparse.Namespace:
    asked, unknown = parser.parse_known_args(words)
    for word in unknown:
        if word.startswith("-"):
            option = word.split("=")[0]
            raise _Unusable(f"unknown option `{option}`{did_you_mean(option, parser.options())}")
    if unknown:
        raise _Unusable(f"`{unknown[0]}` is one argument too many")
    return asked


def _check_parser() -> _Parser:
    parser = _Parser(
        "evallint [check]",
        "Find why a PyTorch model scores worse in evaluation than it should.",
        epilog="Other commands: evallint explain RULE, evallint rules, evallint config [KEY], evallint clean.\n"
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
    files.add_argument("--stdin-filename", metavar="PATH", default="", help="what standard input is called")
    files.add_argument("--show-files", action="store_true", help="list the files that would be linted, and stop")
    output = parser.add_argument_group("output")
    output.add_argument("--output-format", choices=OUTPUT_FORMATS, default=os.environ.get("EVALLINT_OUTPUT_FORMAT"))
    output.add_argument("-o", "--output-file", metavar="FILE", help="write findings there")
    output.add_argument("--statistics", action="store_true", help="count findings by rule instead of listing them")
    output.add_argument("--show-info", action="store_true", default=None, help="show findings of severity info")
    output.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    output.add_argument("-q", "--quiet", action="store_true", help="nothing but findings")
    output.add_argument("-v", "--verbose", action="store_true", help="say what is done")
    output.add_argument("--fail-on", choices=SEVERITIES, help="the least severity that makes the exit code 1")
    output.add_argument("-e", "--exit-zero", action="store_true", help="exit code 0 whatever is found")
    running = parser.add_argument_group("running")
    running.add_argument("-j", "--jobs", metavar="N", type=int, help="worker processes; 0 for one a core")
    running.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")
    _add_config_options(parser)
    return parser


def _add_config_options(parser: _Parser) -> None:
    group = parser.add_argument_group("config")
    group.add_argument(
        "--config", metavar="FILE|KEY=VALUE", action="append", default=[], help="instead of, or over, files"
    )
    group.add_argument("--isolated", action="store_true", help="read no config file")
    group.add_argument("--cache-dir", metavar="DIRECTORY", help="where the cache is")
    if parser.prog != "evallint clean":
        group.add_argument("--show-settings", action="store_true", help="show the settings of the paths, and stop")


def _list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = [tuple(word.rpartition(":")[::2]) for word in _list(text)]
    if not all(pattern and name for pattern, name in pairs):
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form PATTERN:NAME,…")
    return [(pattern.strip(), name.strip()) for pattern, name in pairs]


def _options(asked: argparse.Namespace) -> dict[str, object]:
    """The options that are settings, keyed and typed as in TOML."""
    options: dict[str, object] = {}
    for key in KEYS:
        value = getattr(asked, key.replace("-", "_"), None)
        if value is not None:
            options[key] = value
    if "per-file-ignores" in options:
        table: dict[str, list[str]] = {}
        for pattern, name in asked.per_file_ignores:
            table.setdefault(pattern, []).append(name)
        options["per-file-ignores"] = table
    return options
