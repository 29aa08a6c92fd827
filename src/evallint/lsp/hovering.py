"""What is shown of a place that the user points at: the findings there, and the pages of their rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lsprotocol import types

from evallint import pages
from evallint.lsp.documents import Text
from evallint.lsp.snapshot import Snapshot

_COMMENT: Final = re.compile(r"#\s*evallint:\s*(?:file-)?ignore\s*\[(?P<rules>[^\]]*)\]")
_NAME: Final = re.compile(pages.NAME)


def hover(snapshot: Snapshot | None, text: Text, position: types.Position) -> types.Hover | None:
    """Return what is found at a place, with the steps that lead there, or what a rule is that a comment names there."""
    of_comment = _of_comment(text, position)
    if of_comment or snapshot is None or snapshot.version(text.uri) != text.version:
        return of_comment
    found = list(snapshot.at(text.uri, types.Range(position, position)))
    if not found:
        return None
    parts = []
    for one in found:
        finding = one.reported.finding
        steps = "".join(f"\n{number}. {step.message}" for number, step in enumerate(finding.because, 1))
        fix = f"\n\nWhat would mend it: {finding.fix.title}." if finding.fix else ""
        parts.append(f"**{finding.rule}**: {finding.says}\n{steps}{fix}")
    rules = dict.fromkeys(one.reported.finding.rule for one in found)
    return _hover([*parts, *map(_page, rules)], found[0].diagnostic.range)


def _of_comment(text: Text, position: types.Position) -> types.Hover | None:
    offset = text.lines.offset(position)
    for start, end, name in _named(text.content, offset):
        if name in pages.load():
            return _hover([_page(name)], text.lines.range_of(start, end))
    return None


def _named(content: str, offset: int) -> Iterator[tuple[int, int, str]]:
    """Yield the rule whose name in a comment stands around an offset."""
    start = content.rfind("\n", 0, offset) + 1
    line = content[start:].partition("\n")[0]
    for comment in _COMMENT.finditer(line):
        for name in _NAME.finditer(line, *comment.span("rules")):
            if start + name.start() <= offset <= start + name.end():
                yield start + name.start(), start + name.end(), name[0]


def _page(rule: str) -> str:
    page = pages.load()[rule]
    fix = "no fix" if page.fix == "none" else f"{page.fix} fix"
    facts = f"{page.category} · {page.severity} · {page.precision} precision · {fix}"
    return f"### {page.name}\n\n{page.summary}\n\n*{facts}*\n\n{page.help}"


def _hover(parts: list[str], range_: types.Range) -> types.Hover:
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts)), range_)
