"""Findings probed on the command line: `--probe`, and `evallint probe PATH[:LINE]`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from evallint.cli.arguments import Unusable
from evallint.cli.output import Progress, log
from evallint.config import Configs
from evallint.findings import Run


def probed(run: Run, paths: Sequence[str], configs: Configs, asked: argparse.Namespace) -> Run:
    """Return the run with evidence, once the experiments are done."""
    from evallint.engine import probing
    from evallint.probe import NoPython

    progress = Progress(sys.stderr, "experiments") if sys.stderr.isatty() and not asked.quiet else None
    if not asked.quiet:
        log("experiments run the project's code, with your rights")
    wish = probing.Wish(asked.python, asked.probe_timeout, progress)
    try:
        found = probing.probed(run, paths, configs, wish, not asked.no_cache)
    except NoPython as error:
        raise Unusable(str(error)) from None
    finally:
        if progress:
            progress.clear()
    if asked.verbose:
        verdicts = Counter(one.evidence.verdict for one in found.reported if one.evidence is not None)
        log(f"experiments: {', '.join(f'{number} {verdict}' for verdict, number in verdicts.items()) or 'none'}")
    return found


def checked(asked: argparse.Namespace) -> None:
    """Raises Unusable where experiments are asked for that can't be made."""
    if not asked.probes:
        return
    if os.name != "posix":
        raise Unusable("experiments run on Linux and macOS only: elsewhere nothing holds them in")
    if "-" in asked.paths:
        raise Unusable("standard input (`-`) cannot be probed: nothing there can be imported")
    if not asked.probe_timeout > 0:
        raise Unusable("--probe-timeout takes a number of seconds above 0")


def narrowed(run: Run, lines: Sequence[tuple[str, int]]) -> Run:
    """Return the run with only those findings that stand on the given lines of their files."""
    wanted = {(os.path.abspath(path), line) for path, line in lines}
    files = {path for path, _ in wanted}

    def is_wanted(path: str, first: int, last: int) -> bool:
        path = os.path.abspath(path)
        return path not in files or any((path, line) in wanted for line in range(first, last + 1))

    kept = (one for one in run.reported if is_wanted(one.finding.at.path, *_lines(one.finding.at.span)))
    return replace(run, reported=tuple(kept))


def _lines(span: tuple[int, int, int, int]) -> tuple[int, int]:
    return span[0], max(span[0], span[2])


def parted(paths: Sequence[str]) -> tuple[list[str], list[tuple[str, int]]]:
    """Part `PATH:LINE` into the paths and the lines that are asked for."""
    plain, lines = [], []
    for path in paths:
        match = re.fullmatch(r"(.+?):(\d+)", path)
        if match and not os.path.exists(path):
            plain.append(match[1])
            lines.append((match[1], int(match[2])))
        else:
            plain.append(path)
    return plain, lines
