"""Where the results of a run go: standard output, files, the summary of a job."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Final, TextIO

from evallint import __version__
from evallint.cli.arguments import Output, Unusable, outputs
from evallint.config import Settings
from evallint.findings import Run

if TYPE_CHECKING:
    from evallint.report import Format
    from evallint.report.paint import Paint

SLOW: Final = 1.5
"""Seconds after which a run on a terminal shows how far it is."""


def write(run: Run, settings: Settings, asked: argparse.Namespace) -> None:
    """Writes what a run found, in the formats and to the places that were asked for: files first."""
    for form, file in sorted(_places(settings, asked), key=lambda place: not place[1]):
        is_for_people = form in ("full", "concise", "statistics")
        if asked.quiet and is_for_people and not run.reported and not run.troubles:
            continue
        text = _rendered(run, form, "never" if file else asked.color)
        if form == "github":
            _summarize(run)
        if file:
            _write_file(file, text)
        else:
            say(text)


def _places(settings: Settings, asked: argparse.Namespace) -> list[tuple[Format, str]]:
    """Each format with the file it goes to, "" for standard output, which takes one."""
    wanted = outputs(asked) or [Output(settings.output_format, "")]
    filed: list[tuple[Format, str]] = [(output.form, output.file) for output in wanted if output.file]
    others: list[Format] = ["statistics"] if asked.statistics else [output.form for output in wanted if not output.file]
    if len(others) > 1:
        raise Unusable(f"`{others[0]}` and `{others[1]}` can't both be the output; write `{others[1]}:FILE`")
    if asked.output_file and not others:
        raise Unusable("--output-file: every format has a file already")
    return [*filed, *((form, asked.output_file or "") for form in others)]


def _rendered(run: Run, form: Format, color: str) -> str:
    from evallint import pages, report

    catalogue = pages.load() if form in ("html", "sarif") else {}
    return report.render(run, form, catalogue, __version__, painter(color, sys.stdout))


def _write_file(file: str, text: str) -> None:
    try:
        with open(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise Unusable(f"{file}: {error.strerror}") from None


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
        log(f"warning: GITHUB_STEP_SUMMARY {file}: {error.strerror}")


def painter(color: str, stream: TextIO) -> Paint:
    """The colours that a stream is written to in."""
    from evallint.report import paint

    if color == "auto" and not os.environ.get("NO_COLOR"):
        color = "always" if os.environ.get("FORCE_COLOR") or stream.isatty() else "never"
    return paint.ansi if color == "always" else paint.plain


class Progress:
    """One line on a terminal that says how far a long run is."""

    def __init__(self, stream: TextIO, what: str = "files") -> None:
        self._stream = stream
        self._what = what
        self._started = time.monotonic()
        self._written = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._started > SLOW and now - self._written > 0.1:
            self._stream.write(f"\r\x1b[Kevallint: {done:,} of {total:,} {self._what}")
            self._stream.flush()
            self._written = now

    def clear(self) -> None:
        if self._written:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def say(text: str) -> None:
    """Writes to standard output."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Without this, Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # there, whoever read has seen enough
            raise Unusable(f"standard output: {error.strerror}") from None


def log(text: str) -> None:
    """Writes a line to standard error."""
    print(f"evallint: {text}", file=sys.stderr)
