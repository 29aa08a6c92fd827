"""Findings fixed: files written, or shown as a diff, and what is said of it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evallint.cli.arguments import Unusable
from evallint.cli.output import log, say
from evallint.config import Configs, Settings
from evallint.findings import Reported, Run, Trouble

if TYPE_CHECKING:
    from evallint.engine import Scope
    from evallint.engine.fixing import Change, Fixed, Held


def is_asked(asked: argparse.Namespace, settings: Settings) -> bool:
    """Whether anything is to be fixed, or shown as if."""
    if (asked.write_baseline or asked.prune_baseline) and (settings.fix or settings.fix_only or asked.diff):
        raise Unusable("a baseline is written or pruned once the fixes are done")
    return bool(settings.fix or settings.fix_only or asked.diff)


def mended(run: Run, paths: Sequence[str], configs: Configs, asked: argparse.Namespace, scope: Scope) -> Run:
    """Fixes what a run found on disk and returns what is found then; with `--diff`, shows what that would be."""
    settings = configs.of_run()
    if not any(_may_be_fixed(one, settings) for one in run.reported):
        return replace(run, fixed=0)
    from evallint import engine

    outcome = engine.fix(paths, configs, run, settings.unsafe_fixes, not asked.no_cache, scope)
    if asked.diff:
        return _shown(outcome, asked)
    troubles = written(outcome.changes)
    left = {trouble.path for trouble in troubles}
    _tell(outcome, settings, asked)
    done = sum(one.finding.at.path not in left for one in outcome.mended)
    return replace(remaining(outcome.run, run, scope, troubles), fixed=done)


def mended_stdin(run: Run, data: bytes, filename: str, configs: Configs, asked: argparse.Namespace) -> Run:
    """Writes the fixed code to standard output, or the diff, and returns what is found in it."""
    settings = configs.of_run()
    if not any(_may_be_fixed(one, settings) for one in run.reported):
        if not asked.diff:
            _put(data)
        return replace(run, fixed=0)
    from evallint import engine

    outcome = engine.fix_stdin(data, filename, configs, settings.unsafe_fixes)
    if asked.diff:
        return _shown(outcome, asked)
    _put(outcome.changes[0].after if outcome.changes else data)
    _tell(outcome, settings, asked)
    return replace(outcome.run, fixed=len(outcome.mended))


def _may_be_fixed(one: Reported, settings: Settings) -> bool:
    return one.fix_applicability == "safe" or (settings.unsafe_fixes and one.fix_applicability == "unsafe")


def remaining(after: Run, before: Run, scope: Scope, troubles: Sequence[Trouble]) -> Run:
    """Return what is found after files were written, and what kept some from being so."""
    left = _as_shown(after, before) if before.known or scope.since else after
    return replace(left, troubles=tuple(sorted((*after.troubles, *troubles), key=_place)))


def _as_shown(after: Run, before: Run) -> Run:
    """Return what is left of the findings that were shown, where a baseline or a commit kept others back."""
    wanted = {one.fingerprint for one in before.reported}
    return replace(
        after, known=before.known, reported=tuple(one for one in after.reported if one.fingerprint in wanted)
    )


def _place(trouble: Trouble) -> tuple[str, int, str]:
    return trouble.path, trouble.line, trouble.message


def written(changes: Sequence[Change]) -> list[Trouble]:
    """Write files. What is returned kept some from being written."""
    return [trouble for change in changes if (trouble := _written(change))]


def _written(change: Change) -> Trouble | None:
    from evallint.fix import Unfixable
    from evallint.fix.writing import write

    try:
        write(change.file.path, change.before, change.after)
    except Unfixable as error:
        return Trouble(change.file.shown, 0, f"not fixed: {error}")
    return None


def _put(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


# ---- what is said of it ----------------------------------------------------------------------------


def _shown(outcome: Fixed, asked: argparse.Namespace) -> Run:
    """Prints the diff; the run that is returned counts what would be fixed."""
    show(outcome.changes)
    if not asked.quiet:
        log(f"would fix {number(len(outcome.mended), 'finding')}")
        tell_held(outcome.held)
    return replace(outcome.run, fixed=len(outcome.mended))


def show(changes: Sequence[Change]) -> None:
    from evallint import read
    from evallint.fix.differing import unified

    for change in changes:
        before, after = (
            read.decode(data, change.file.shown, change.file.settings.cell_magics)
            for data in (change.before, change.after)
        )
        if not isinstance(before, Trouble) and not isinstance(after, Trouble):
            say(unified(before, after))


def _tell(outcome: Fixed, settings: Settings, asked: argparse.Namespace) -> None:
    if settings.show_fixes:
        for path in dict.fromkeys(one.finding.at.path for one in outcome.mended):
            rules = Counter(one.finding.rule for one in outcome.mended if one.finding.at.path == path)
            log(f"fixed in {path}: {', '.join(f'{number} {rule}' for rule, number in rules.items())}")
    if settings.show_fixes or asked.verbose:
        tell_held(outcome.held)


def tell_held(held: Sequence[Held], what: str = "fixed") -> None:
    for one in held:
        at = one.reported.finding.at
        cell = f"cell {one.reported.cell}:" if one.reported.cell else ""
        log(f"{at.path}:{cell}{at.span.line}: {one.reported.finding.rule} not {what}: {one.reason}")


def number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
