"""The command line: what was asked for, done, written and answered with an exit code.

Findings go to standard output, everything else to standard error. Exit codes: 0 where nothing at or above `--fail-on`
was found, 1 where something was or a file could not be judged, 2 where the run itself failed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from evallint.cli import fixing, ignoring, known, probing
from evallint.cli.arguments import Unusable, arguments, check_parser, options
from evallint.cli.background import daemon, elsewhere
from evallint.cli.output import Progress, log, write
from evallint.cli.scaffolding import new_rule
from evallint.cli.serving import server
from evallint.cli.shifting import shift
from evallint.cli.showing import clean, config, explain, rules, show_files, show_settings
from evallint.cli.tracing import trace
from evallint.config import ConfigError, Configs, Settings
from evallint.findings import SEVERITIES, Run
from evallint.packs import PackError

if TYPE_CHECKING:
    from evallint.engine import Scope


def main(words: Sequence[str]) -> int:
    """Runs one command and returns its exit code. KeyboardInterrupt: Ctrl-C ended it."""
    for stream in (sys.stdout, sys.stderr):
        # A file name need not be text, and a terminal need not know every letter.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except (ConfigError, PackError, Unusable) as error:
        print(f"evallint: error: {error}", file=sys.stderr)
        return 2
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


def _probe(words: Sequence[str]) -> int:
    if words and words[0] == "data" and any(word.split("=")[0] in ("--train", "--eval") for word in words):
        return shift(words[1:])
    return _check(["--probe", *words])


def _check(words: Sequence[str]) -> int:
    asked = arguments(check_parser(), words)
    probing.checked(asked)
    asked.paths, lines = probing.parted(asked.paths) if asked.probes else (asked.paths, [])
    configs = Configs(config=asked.config, isolated=asked.isolated, options=options(asked))
    settings = configs.of_run()
    paths = asked.paths or ["."]
    if asked.show_settings:
        return show_settings(paths, configs)
    if asked.show_files:
        return show_files(paths, configs)
    is_to_be_silenced = ignoring.is_asked(asked, settings)
    started = time.monotonic()
    if "-" in paths:
        run = _lint_stdin(paths, configs, asked)
    else:
        run = known.settled(_lint(paths, configs, asked), paths, configs, asked)
        if is_to_be_silenced:
            run = ignoring.silenced(run, paths, configs, asked, _scope(asked))
        elif fixing.is_asked(asked, settings):
            run = fixing.mended(run, paths, configs, asked, _scope(asked))
    if asked.probes:
        run = probing.probed(probing.narrowed(run, lines), paths, configs, asked)
    if asked.verbose:
        log(f"{settings.file or 'no config file'}: {run.files} files in {time.monotonic() - started:.2f} s")
    if not run.files and not run.troubles and not asked.quiet:
        log(f"warning: no Python files found under {', '.join(paths)}")
    return _told(run, settings, asked, is_code_out="-" in paths)


def _told(run: Run, settings: Settings, asked: argparse.Namespace, is_code_out: bool) -> int:
    """Writes what is found, unless only fixes are asked for. `is_code_out`: standard output is for the fixed code."""
    if asked.diff or settings.fix_only:
        if not asked.diff and not asked.quiet:
            log(f"fixed {run.fixed} finding{'' if run.fixed == 1 else 's'}")
        code = _exit_code(replace(run, reported=()), settings, asked.exit_zero)
        tells = asked.exit_non_zero_on_fix or (asked.diff and not asked.exit_zero)
        return max(code, 1) if run.fixed and tells else code
    with contextlib.redirect_stdout(sys.stderr if is_code_out and settings.fix else sys.stdout):
        write(run, settings, asked)
    code = _exit_code(run, settings, asked.exit_zero)
    return 1 if run.fixed and asked.exit_non_zero_on_fix and not code else code


def _scope(asked: argparse.Namespace) -> Scope:
    from evallint import engine

    since = asked.baseline_commit or ("HEAD" if asked.diff_only else "")
    return engine.Scope(asked.with_context, since, asked.diff_only)


def _lint_stdin(paths: Sequence[str], configs: Configs, asked: argparse.Namespace) -> Run:
    from evallint import engine

    if len(paths) > 1:
        raise Unusable("standard input (`-`) cannot be linted together with paths")
    if _scope(asked) != engine.EVERYTHING:
        raise Unusable("standard input (`-`) has no past, and no project around it")
    data = sys.stdin.buffer.read()
    run = known.settled(engine.lint_stdin(data, asked.stdin_filename, configs), paths, configs, asked)
    if fixing.is_asked(asked, configs.of_run()):
        return fixing.mended_stdin(run, data, asked.stdin_filename, configs, asked)
    return run


def _lint(paths: Sequence[str], configs: Configs, asked: argparse.Namespace) -> Run:
    from evallint import engine, read

    progress = Progress(sys.stderr) if sys.stderr.isatty() and not asked.quiet else None
    try:
        other = elsewhere(paths, configs, asked, progress)
        return engine.lint(paths, configs, not asked.no_cache, progress, _scope(asked), other)
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
    "daemon": daemon,
    "explain": explain,
    "new-rule": new_rule,
    "probe": _probe,
    "rules": rules,
    "server": server,
    "trace": trace,
}
