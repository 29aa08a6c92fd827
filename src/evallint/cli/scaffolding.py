"""`evallint new-rule`: what a rule begins with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evallint.cli.arguments import Parser, Unusable, arguments
from evallint.cli.output import log, say


def new_rule(words: Sequence[str]) -> int:
    """`evallint new-rule`."""
    parser = Parser("evallint new-rule", "Write the page, the module and the test that a rule begins with.")
    parser.add_argument("rule", metavar="CATEGORY/NAME", help="such as `data/my-rule`")
    parser.add_argument(
        "--into", metavar="FOLDER", default=".", help="a checkout of evallint or the package of a rule pack (.)"
    )
    asked = arguments(parser, words)
    from evallint import packs, scaffold

    try:
        written = scaffold.begin(asked.rule, Path(asked.into))
    except scaffold.Unplaced as error:
        raise Unusable(str(error)) from error
    except OSError as error:
        raise Unusable(f"{error.filename}: {error.strerror}") from error
    say("".join(f"{path}\n" for path in written.files))
    if written.package and written.package not in {pack.package for pack in packs.installed()}:
        package = written.package
        log("so that evallint finds the rules, add this to the project's pyproject.toml and install it:")
        log(f'[project.entry-points."{packs.GROUP}"]\n{package.replace("_", "-")} = "{package}"')
    return 0
