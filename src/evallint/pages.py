"""Rule pages: `rules/<category>/<rule-name>.md`, each at once documentation, metadata and test of one rule.

A page is a heading with the rule's name, a `toml` block, prose, and sections in a fixed order. Reading all pages parses
only the heading and the block; the cases are read when somebody asks for them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, cast, get_args

from evallint import packs
from evallint.findings import Applicability, Precision, Severity

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Claim: TypeAlias = Literal["error", "warning", "info", "missed", "spurious"]
"""What a mark claims of its line: a finding of that severity, a known miss, or a known false finding."""

Experiment: TypeAlias = Literal["mode", "grad", "pipeline", "state", "metric", "none"]

Shown: TypeAlias = Literal["train", "eval", "graph", "no-graph", "none"]
"""What a run shows at the places of a true finding: a model in that mode, a graph recorded, or none recorded."""

SECTIONS = ("Wrong", "Right", "Known limits", "When it does not matter", "At run time", "References")
"""In the order in which a page has them; `Wrong` and `Right` are never left out."""

UNNAMED = "main.py"
"""The file a code block is when no path names it."""

_CASE_SECTIONS = SECTIONS[:4]
_LIMITS = ("missed", "spurious")

# Patterns are compiled at their first use: most runs read no more of a page than its head.
NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_FENCE = r"(`{3,})([^`]*)"
_PATH = r"`([\w.-]+(?:/[\w.-]+)*\.pyi?)`"
_MARK = r"\s*#\s*(error|warning|info|missed|spurious)(?:\s*:\s*(\S.*?))?\s*$"
_QUOTED = r'"([^"]+)"'
_TOML_LINE = r"at line (\d+)"


class PageError(packs.PackError):
    """A page is not of the form above. The message begins with the page's path and line."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


class Mark(NamedTuple):
    """What a page claims of one line of a case.

    `says` is a part of the finding's message (empty: any message), or the reason of a `missed` or `spurious`.
    """

    path: str
    line: int
    claims: Claim
    says: str = ""


class Case(NamedTuple):
    """A small project shown on a page: its files without their marks, and what the rule makes of it.

    `fixed` gives the text after the fix of those files for which the page shows one. On the page, the case takes the
    lines from `line`, where its first code block begins, to `end`, where its last one ends.
    """

    section: str
    line: int
    end: int
    files: Mapping[str, str]
    marks: tuple[Mark, ...]
    fixed: Mapping[str, str]


class Page(NamedTuple):
    """One rule as its page describes it.

    `path` is where the page is, for messages; `text` is all of it, of which the prose begins at line `prose_line`.
    """

    name: str
    category: str
    summary: str
    severity: Severity
    precision: Precision
    fix: Applicability | Literal["none"]
    probe: Experiment
    path: str
    text: str
    prose_line: int
    trace: Shown = "none"

    @property
    def prose(self) -> str:
        """The page after its `toml` block, as Markdown."""
        return "\n".join(self._lines()[self.prose_line - 1 :]).strip() + "\n"

    @property
    def description(self) -> str:
        """What stands before the first section, as Markdown; empty where nothing does."""
        first = min(self.sections().values())
        return "\n".join(self._lines()[self.prose_line - 1 : first - 1]).strip()

    @property
    def help(self) -> str:
        """The prose with one case a section, as Markdown: what a reader wants who does not test the rule."""
        lines = self._lines()
        kept = lines[self.prose_line - 1 : min(self.sections().values()) - 1]
        cases = self.cases()
        for title, start, end in self._extents():
            first = next((case for case in cases if case.section == title), None)
            part = lines[start - 1 : first.end if first else end - 1]
            kept += [*part, ""] if len(part) > 1 and any(map(str.strip, part[1:])) else []
        return "\n".join(kept).strip() + "\n"

    def sections(self) -> dict[str, int]:
        """The line of each section's heading, by title, in order.

        PageError: a section unknown, out of order or repeated, or a needed one missing.
        """
        found: dict[str, int] = {}
        order = -1
        lines = self._lines()
        for line in _headings(lines):
            title = lines[line - 1][3:].strip()
            if title not in SECTIONS:
                raise PageError(self.path, line, f"unknown section `{title}`")
            if SECTIONS.index(title) <= order:
                raise PageError(self.path, line, f"section `{title}` must stand before `{SECTIONS[order]}`, and once")
            order = SECTIONS.index(title)
            found[title] = line
        for title in ("Wrong", "Right"):
            if title not in found:
                raise PageError(self.path, 1, f"section `{title}` is missing")
        return found

    def cases(self) -> tuple[Case, ...]:
        """The `python` blocks of all sections but `At run time` and `References`, in order.

        A line that holds nothing but a path in backticks names the next block's file. Blocks that are named, with
        nothing but such lines between them, are the files of one case; every other block is a case of its own.
        PageError: a block never closed, a mark without its reason, a mark that its section does not allow, …
        """
        lines = self._lines()
        return tuple(
            case
            for title, start, end in self._extents()
            if title in _CASE_SECTIONS
            for case in _Reader(self.path, title).cases(lines, start, end)
        )

    def _extents(self) -> Iterator[tuple[str, int, int]]:
        """Each section with the line of its heading and the line after its last."""
        sections = self.sections()
        ends = [*sections.values(), len(self._lines()) + 1][1:]
        for (title, start), end in zip(sections.items(), ends, strict=True):
            yield title, start, end

    def _lines(self) -> list[str]:
        return self.text.split("\n")


@cache
def load(folder: Path | None = None) -> Mapping[str, Page]:
    """Every rule page by name, in the order of category and name. Without `folder`: those of all installed packs.

    PageError: a page whose heading or `toml` block is malformed, or two pages of one name. PackError: see `packs`.
    """
    pages: dict[str, Page] = {}
    folders = {folder: "rules"} if folder else {pack.pages: pack.shown for pack in packs.installed()}
    for root, shown in folders.items():
        for path in sorted(root.glob("*/*.md")):
            page = parse(path.read_text(encoding="utf-8"), f"{shown}/{path.parent.name}/{path.name}")
            if page.name in pages:
                raise PageError(page.path, 1, f"`{page.name}` is already described by {pages[page.name].path}")
            pages[page.name] = page
    return MappingProxyType(pages)


def parse(text: str, path: str) -> Page:
    """The page of this text. `path` ends with `<category>/<rule-name>.md`. PageError: see `load`."""
    category, name = path.removesuffix(".md").split("/")[-2:]
    if not re.fullmatch(NAME, name):
        raise PageError(path, 1, f"a rule's name is lower-case words joined by `-`, not `{name}`")
    head, closed, _ = text.partition("\n```\n")
    lines = head.split("\n")
    if lines[0].rstrip() != f"# `{name}`":
        raise PageError(path, 1, f"the first line must be: # `{name}`")
    start = next((number for number, line in enumerate(lines[1:], 2) if line.strip()), len(lines) + 1)
    if lines[start - 1 : start] != ["```toml"]:
        raise PageError(path, start, "a ```toml block must follow the heading")
    if not closed:
        raise PageError(path, start, "the ```toml block is never closed")
    values = _metadata(path, start, "\n".join(lines[start:]))
    return Page(
        name=name,
        category=category,
        summary=values["summary"],
        severity=cast(Severity, values["severity"]),
        precision=cast(Precision, values["precision"]),
        fix=cast("Applicability | Literal['none']", values["fix"]),
        probe=cast(Experiment, values["probe"]),
        path=path,
        text=text,
        prose_line=len(lines) + 2,
        trace=cast(Shown, values.get("trace", "none")),
    )


_ALLOWED: dict[str, tuple[str, ...] | None] = {
    "summary": None,
    "severity": get_args(Severity),
    "precision": get_args(Precision),
    "fix": (*get_args(Applicability), "none"),
    "probe": get_args(Experiment),
    "trace": get_args(Shown),
}
_OPTIONAL = ("trace",)


def _metadata(path: str, start: int, block: str) -> dict[str, str]:
    """The values of a `toml` block whose fence is line `start` of the page."""
    try:
        values = tomllib.loads(block)
    except tomllib.TOMLDecodeError as error:
        at = re.search(_TOML_LINE, str(error))
        raise PageError(path, start + (int(at[1]) if at else 0), str(error)) from error
    for key, value in values.items():
        line = start + next((n for n, text in enumerate(block.splitlines(), 1) if text.lstrip().startswith(key)), 0)
        if key not in _ALLOWED:
            raise PageError(path, line, f"unknown key `{key}`")
        allowed = _ALLOWED[key]
        if not isinstance(value, str) or not value or (allowed and value not in allowed):
            raise PageError(path, line, f"`{key}` must be {' | '.join(allowed) if allowed else 'a sentence'}")
    missing = [key for key in _ALLOWED if key not in values and key not in _OPTIONAL]
    if missing:
        raise PageError(path, start, f"key `{missing[0]}` is missing")
    return values


def _headings(lines: list[str]) -> Iterator[int]:
    """The numbers of the lines that are headings of the second level, outside code blocks."""
    fence = ""
    for number, line in enumerate(lines, 1):
        opening = re.match(_FENCE, line)
        if opening and not fence:
            fence = opening[1]
        elif fence and line.rstrip() == fence:
            fence = ""
        elif not fence and line.startswith("## "):
            yield number


class _Draft:
    """A case while its blocks are read. It is open as long as a further named block may join it."""

    def __init__(self, line: int, is_open: bool) -> None:
        self.line = line
        self.end = line
        self.is_open = is_open
        self.files: dict[str, str] = {}
        self.marks: list[Mark] = []
        self.fixed: dict[str, str] = {}


class _Reader:
    """Reads the cases of one section of one page."""

    def __init__(self, path: str, section: str) -> None:
        self._path = path
        self._section = section
        self._drafts: list[_Draft] = []

    def cases(self, lines: list[str], start: int, end: int) -> Iterator[Case]:
        """The cases between the heading at line `start` and the line `end`, which is not read."""
        named = ""
        number = start + 1
        while number < end:
            line = lines[number - 1].rstrip()
            fence = re.fullmatch(_FENCE, line)
            if fence is not None:
                close = next((n for n in range(number + 1, end) if lines[n - 1].rstrip() == fence[1]), None)
                if close is None:
                    raise PageError(self._path, number, "this code block is never closed")
                self._block(number, fence[2].split(), named, lines[number : close - 1])
                named, number = "", close
            elif path := re.fullmatch(_PATH, line):
                named = path[1]
            elif line:
                named = ""
                self._close()
            number += 1
        for draft in self._drafts:
            yield Case(self._section, draft.line, draft.end, draft.files, tuple(draft.marks), draft.fixed)

    def _block(self, number: int, words: list[str], named: str, code: list[str]) -> None:
        if words == ["python"]:
            self._source(number, named, code)
        elif words == ["python", "fixed"]:
            self._fixed(number, named, code)
        elif words[:1] == ["python"]:
            raise PageError(self._path, number, f"`{words[1]}` says nothing of a code block; `fixed` would")
        else:
            self._close()

    def _source(self, number: int, named: str, code: list[str]) -> None:
        if not (named and self._drafts and self._drafts[-1].is_open):
            self._drafts.append(_Draft(number, is_open=bool(named)))
        draft = self._drafts[-1]
        path = named or UNNAMED
        if path in draft.files:
            raise PageError(self._path, number, f"this case has `{path}` already; put a sentence between two cases")
        draft.marks += [
            self._mark(number + line, path, line, mark)
            for line, text in enumerate(code, 1)
            if (mark := re.search(_MARK, text))
        ]
        draft.end = number + len(code) + 1
        draft.files[path] = "".join(f"{re.sub(_MARK, '', line)}\n" for line in code)

    def _fixed(self, number: int, named: str, code: list[str]) -> None:
        if self._section != "Wrong" or not self._drafts:
            raise PageError(self._path, number, "a `python fixed` block must follow a block under `Wrong`")
        draft = self._drafts[-1]
        path = named or next(reversed(draft.files))
        if path not in draft.files or path in draft.fixed:
            raise PageError(self._path, number, f"`{path}` is not a file of the case before, or is fixed already")
        if any(re.search(_MARK, line) for line in code):
            raise PageError(self._path, number, "fixed code has no marks")
        draft.end = number + len(code) + 1
        draft.fixed[path] = "".join(f"{line}\n" for line in code)

    def _mark(self, page_line: int, path: str, line: int, found: re.Match[str]) -> Mark:
        claims, says = cast(Claim, found[1]), found[2] or ""
        if self._section == "Right" or (claims in _LIMITS and self._section != "Known limits"):
            raise PageError(self._path, page_line, f"`# {claims}` has no place under `{self._section}`")
        if claims in _LIMITS:
            if not says:
                raise PageError(self._path, page_line, f"`# {claims}:` needs its reason")
            return Mark(path, line, claims, says)
        quoted = re.fullmatch(_QUOTED, says)
        if says and quoted is None:
            raise PageError(self._path, page_line, f'write a part of the message in quotes: # {claims}: "…"')
        return Mark(path, line, claims, quoted[1] if quoted else "")

    def _close(self) -> None:
        if self._drafts:
            self._drafts[-1].is_open = False
