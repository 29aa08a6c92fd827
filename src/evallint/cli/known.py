"""What of a run is known from a baseline, and how that file is written and pruned."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

from evallint.baseline import NAME, BadBaseline, Baseline, Entry, gone, load, new, save
from evallint.cli.arguments import Unusable
from evallint.cli.output import log
from evallint.config import Configs
from evallint.findings import Run


def settled(run: Run, paths: Sequence[str], configs: Configs, asked: argparse.Namespace) -> Run:
    """Return the run without what the baseline knows, once that is written or pruned as was asked for."""
    settings = configs.of_run()
    changes = asked.write_baseline or asked.prune_baseline
    if not settings.baseline and not changes:
        return run
    if changes and (asked.baseline_commit or asked.diff_only):
        raise Unusable("a baseline can't be written from what is new since a commit alone")
    file = os.path.abspath(settings.baseline or os.path.join(settings.root, NAME))
    try:
        return _settled(run, file, _was_judged(paths, configs), configs, asked)
    except BadBaseline as error:
        raise Unusable(str(error)) from None


def _settled(
    run: Run,
    file: str,
    was_judged: Callable[[Baseline, Entry], bool],
    configs: Configs,
    asked: argparse.Namespace,
) -> Run:
    directory = configs.directory
    baseline = Baseline(file) if asked.write_baseline and not os.path.exists(file) else load(file)
    stale = gone(baseline, run, directory, lambda entry: was_judged(baseline, entry))
    shown = os.path.relpath(file, directory)
    if asked.write_baseline and not run.crashed:
        baseline = baseline.without(stale).including(baseline.entry(one, directory) for one in run.reported)
        save(baseline)
        hint = "" if configs.of_run().baseline else f'; `baseline = "{NAME}"` in the config puts it to use'
        log(f"wrote {_findings(len(baseline.entries))} to {shown}{hint}")
    elif asked.prune_baseline and stale:
        baseline = baseline.without(stale)
        save(baseline)
        log(f"took {_findings(len(stale))} out of {shown}")
    elif stale and not asked.quiet:
        log(f"{_findings(len(stale))} of {shown} no longer found; --prune-baseline takes such out")
    return new(baseline, run, directory)


def _was_judged(paths: Sequence[str], configs: Configs) -> Callable[[Baseline, Entry], bool]:
    """Return what says whether a run over some paths could have found what an entry is about."""
    from evallint import pages

    catalogue = pages.load()
    given = [os.path.abspath(os.path.join(configs.directory, path)) for path in paths]

    def was_judged(baseline: Baseline, entry: Entry) -> bool:
        path = baseline.path_of(entry)
        page = catalogue.get(entry.rule)
        if not any(path == one or path.startswith(os.path.join(one, "")) for one in given):
            return False
        return page is None or configs.of_directory(os.path.dirname(path)).selects(page.name, page.category)

    return was_judged


def _findings(number: int) -> str:
    return f"{number} finding{'' if number == 1 else 's'}"
