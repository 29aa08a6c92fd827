"""What a run found, as text: one pure function a format.

Nothing here knows of terminals, files or exit codes: colours come in as a painter, and the text goes out as a string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from evallint.findings import Run
from evallint.pages import Page
from evallint.report.paint import Paint, plain

Format: TypeAlias = Literal[
    "full", "concise", "json", "github", "gitlab", "html", "junit", "rdjson", "sarif", "statistics"
]

FORMATS: tuple[Format, ...] = get_args(Format)


def render(run: Run, form: Format, pages: Mapping[str, Page], version: str, paint: Paint = plain) -> str:
    """The run in this format, ending with a newline. `paint` counts for the formats meant for people only.

    `pages` must have the page of every reported rule; `version` is evallint's own. A format is imported when it is
    asked for, so that a run pays for one.
    """
    match form:
        case "full":
            from evallint.report import full

            return full.render(run, paint)
        case "concise":
            from evallint.report import concise

            return concise.render(run, paint)
        case "json":
            from evallint.report import json

            return json.render(run)
        case "github":
            from evallint.report import github

            return github.render(run)
        case "gitlab":
            from evallint.report import gitlab

            return gitlab.render(run)
        case "html":
            from evallint.report import html

            return html.render(run, pages, version)
        case "junit":
            from evallint.report import junit

            return junit.render(run)
        case "rdjson":
            from evallint.report import rdjson

            return rdjson.render(run)
        case "sarif":
            from evallint.report import sarif

            return sarif.render(run, pages, version)
        case "statistics":
            from evallint.report import statistics

            return statistics.render(run)
