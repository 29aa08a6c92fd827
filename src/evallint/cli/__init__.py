"""The command line: what was asked for, done, written and answered with an exit code.

Findings go to standard output, everything else to standard error. Exit codes: 0 where nothing at or above `--fail-on`
was found, 1 where something was or a file could not be judged, 2 where the run itself failed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from evallint.cli import known
from evallint.cli.arguments import Unusable, arguments, check_parser, options
from evallint.cli.output import Progress, log, write
from evallint.cli.showing import clean, config, explain, rules, show_files, show_settings
from evallint.config import ConfigError, Configs, Settings
from evallint.findings import SEVERITIES, Run


def main(words: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A file name need not be text, and a terminal need not know every letter.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except (ConfigError, Unusable) as error:
        print(f"evallint: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception:
        import traceback

        traceback.print_exc()
        print("evallint: error: this is a bug in evallint; the lines above belong in its report", file=sys.stderr)
        return 2


def _run(words: Sequence[str]) -> int:
    if words and words[0] in _COMMANDS:
        return _COMMANDS[words[0]](words[1:])
    return _check(words)


# ---- check ---------------------------------------------------------------------------------------


def _check(words: Sequence[str]) -> int:
    asked = arguments(check_parser(), words)
    configs = Configs(config=asked.config, isolated=asked.isolated, options=options(asked))
    settings = configs.of_run()
    paths = asked.paths or ["."]
    if asked.show_settings:
        return show_settings(paths, configs)
    if asked.show_files:
        return show_files(paths, configs)
    started = time.monotonic()
    run = known.settled(_lint(paths, configs, asked), paths, configs, asked)
    if asked.verbose:
        log(f"{settings.file or 'no config file'}: {run.files} files in {time.monotonic() - started:.2f} s")
    if not run.files and not run.troubles and not asked.quiet:
        log(f"warning: no Python files found under {', '.join(paths)}")
    write(run, settings, asked)
    return _exit_code(run, settings, asked.exit_zero)


def _lint(paths: Sequence[str], configs: Configs, asked: argparse.Namespace) -> Run:
    from evallint import engine, read

    since = asked.baseline_commit or ("HEAD" if asked.diff_only else "")
    scope = engine.Scope(asked.with_context, since, asked.diff_only)
    if "-" in paths:
        if len(paths) > 1:
            raise Unusable("standard input (`-`) cannot be linted together with paths")
        if scope != engine.EVERYTHING:
            raise Unusable("standard input (`-`) has no past, and no project around it")
        return engine.lint_stdin(sys.stdin.buffer.read(), asked.stdin_filename, configs)
    progress = Progress(sys.stderr) if sys.stderr.isatty() and not asked.quiet else None
    try:
        return engine.lint(paths, configs, cached=not asked.no_cache, on_progress=progress, scope=scope)
    except read.NoRevision as error:
        raise Unusable(f"--{'baseline-commit' if asked.baseline_commit else 'diff-only'}: {error}") from None
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


_COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "check": _check,
    "clean": clean,
    "config": config,
    "explain": explain,
    "rules": rules,
}
