"""`--daemon` and `evallint daemon`: runs that a process in the background makes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evallint.cli.arguments import Parser, Unusable, add_config_options, arguments, options
from evallint.cli.output import Progress, log, say
from evallint.config import Configs
from evallint.findings import Run

if TYPE_CHECKING:
    from evallint.engine import Elsewhere


def elsewhere(
    paths: Sequence[str], configs: Configs, asked: argparse.Namespace, progress: Progress | None
) -> Elsewhere:
    """What has the daemon make a run, where one is wanted."""

    def ask() -> tuple[str, Run] | None:
        from evallint import cache, daemon

        settings = configs.of_run()
        if not settings.daemon or asked.no_cache or not daemon.is_possible():
            return None
        job = daemon.Job(
            configs.directory, tuple(paths), tuple(asked.config), asked.isolated, options(asked), asked.with_context
        )
        found = daemon.asked(cache.folder_of(settings), job, progress or (lambda done, of: None))
        if asked.verbose:
            log("judged by the daemon" if found else "the daemon gives no answer")
        return found

    return ask


def daemon(words: Sequence[str]) -> int:
    """`evallint daemon`."""
    parser = Parser("evallint daemon", "Say whether a process in the background keeps what is known of the project.")
    parser.add_argument("what", metavar="status|stop", nargs="?", choices=("status", "stop"), default="status")
    add_config_options(parser)
    asked = arguments(parser, words)
    from evallint import cache, daemon

    if not daemon.is_possible():
        raise Unusable("this system has no sockets of the kind that the daemon needs")
    folder = cache.folder_of(Configs(config=asked.config, isolated=asked.isolated, options=options(asked)).of_run())
    if asked.what == "stop":
        say("stopped\n" if daemon.stopped(folder) else "there was none\n")
        return 0
    note = daemon.running(folder)
    say(f"running as process {note.pid}\n" if note else "there is none\n")
    return 0 if note else 1
