"""Findings silenced by comments in the code: kept where the linter, asked again, finds nothing but them gone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from evallint import fix
from evallint.engine.fixing import Change, Copies, Held, Lint, in_text
from evallint.findings import Reported, Run
from evallint.fix.ignoring import Comment, Silence, ignoring
from evallint.read import Discovery, Source, suppression


class Silenced(NamedTuple):
    """What is found after the comments, the changes that these are, what they silence, and what they can't."""

    run: Run
    changes: tuple[Change, ...]
    silenced: tuple[Reported, ...]
    held: tuple[Held, ...]


def silenced(
    found: Discovery,
    lint: Lint,
    wanted: Sequence[Reported],
    reason: str,
    data: Mapping[str, bytes] = MappingProxyType({}),
) -> Silenced:
    """Return what comes of comments with a reason at all findings that are wanted. Nothing is written.

    What is wrong with such comments themselves is left. `data`: the bytes of files that are not on disk, or not like
    that, by shown path.
    """
    by_path: dict[str, list[Reported]] = defaultdict(list)
    for one in wanted:
        if one.category != suppression.CATEGORY:
            by_path[one.finding.at.path].append(one)
    copies = Copies({file.shown: file for file in found.files if not file.context}, {}, dict(data))
    held: list[Held] = []
    done: dict[str, list[Reported]] = {}
    changed: dict[str, bytes] = {}
    for path, some in by_path.items():
        commented, silent, refused = _commented(copies, path, some, reason)
        held += refused
        if silent:
            changed[path], done[path] = commented, silent
    before = lint(found, {})
    run = lint(found, changed)
    at_odds = _at_odds(before, run, done)
    for path in at_odds:
        del changed[path]
        held += [Held(one, "the comment would not do, or would be wrong itself") for one in done.pop(path)]
    changes = (
        Change(file, copies.original(file), changed[file.shown]) for file in found.files if file.shown in changed
    )
    return Silenced(
        lint(found, changed) if at_odds else run,
        tuple(changes),
        tuple(one for some in done.values() for one in some),
        tuple(held),
    )


def _commented(
    copies: Copies, path: str, some: Sequence[Reported], reason: str
) -> tuple[bytes, list[Reported], list[Held]]:
    """Return the bytes of a file with comments, which findings these silence, and which they can't."""
    try:
        file = copies.file(path)
        source = copies.source(file)
        data = copies.data(file)
        silences = [Silence(one.finding.rule, in_text(one).at.span) for one in some]
        comments = ignoring(source.text, silences, reason)
    except (fix.Unfixable, OSError) as error:
        why = str(error) if isinstance(error, fix.Unfixable) else "its file can't be read"
        return b"", [], [Held(one, why) for one in some]
    refused = {number: why for comment in comments for number, why in _refused(data, source, comment)}
    edits = [comment.edit for comment in comments if comment.silences[0] not in refused]
    silent = [one for number, one in enumerate(some) if number not in refused]
    return fix.spliced(data, source, edits), silent, [Held(some[number], why) for number, why in refused.items()]


def _refused(data: bytes, source: Source, comment: Comment) -> list[tuple[int, str]]:
    """Return what a comment silences that can't stand in its file, and why not."""
    try:
        fix.spliced(data, source, [comment.edit])
    except fix.Unfixable as error:
        return [(number, str(error)) for number in comment.silences]
    return []


def _at_odds(before: Run, after: Run, done: Mapping[str, Sequence[Reported]]) -> list[str]:
    """Return the files in which something else is found than what was, without what is silenced."""
    old, new = (Counter((one.finding.at.path, one.finding.rule) for one in run.reported) for run in (before, after))
    gone = Counter((path, one.finding.rule) for path, some in done.items() for one in some)
    return [path for path in done if any(new[at] > old[at] - gone[at] for at in {*old, *new} if at[0] == path)]
