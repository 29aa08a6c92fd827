"""Findings silenced by comments: files written, or shown as a diff, and what is said of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evallint.cli import fixing
from evallint.cli.arguments import Unusable
from evallint.cli.output import log
from evallint.config import Configs, Settings
from evallint.findings import Run

if TYPE_CHECKING:
    from evallint.engine import Scope


def is_asked(asked: argparse.Namespace, settings: Settings) -> bool:
    """Whether findings are to be silenced. Unusable: for no reason, or together with what is done to them otherwise."""
    if asked.add_ignore is None:
        return False
    from evallint.fix.ignoring import is_reason

    if not is_reason(asked.add_ignore):
        raise Unusable("--add-ignore wants a reason: a line of text without `#`")
    if settings.fix or settings.fix_only:
        raise Unusable("--add-ignore silences what fixes leave: fix first")
    if asked.write_baseline or asked.prune_baseline:
        raise Unusable("--add-ignore and a baseline are two ways: choose one for this run")
    if "-" in asked.paths:
        raise Unusable("--add-ignore writes files, and standard input (`-`) is none")
    return True


def silenced(run: Run, paths: Sequence[str], configs: Configs, asked: argparse.Namespace, scope: Scope) -> Run:
    """Puts comments at all that a run found and returns what is found then; with `--diff`, shows what that would be."""
    if not run.reported:
        return replace(run, fixed=None)
    from evallint import engine

    outcome = engine.silence(paths, configs, run, asked.add_ignore, not asked.no_cache, scope)
    if asked.diff:
        fixing.show(outcome.changes)
    troubles = [] if asked.diff else fixing.written(outcome.changes)
    left = {trouble.path for trouble in troubles}
    done = [one for one in outcome.silenced if one.finding.at.path not in left]
    if not asked.quiet:
        files = fixing.number(len({one.finding.at.path for one in done}), "file")
        log(f"{'would silence' if asked.diff else 'silenced'} {fixing.number(len(done), 'finding')} in {files}")
        fixing.tell_held(outcome.held, "silenced")
    after = fixing.remaining(outcome.run, run, scope, troubles)
    return replace(after, fixed=len(done) if asked.diff else None)
