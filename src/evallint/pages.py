"""Rule pages: `rules/<category>/<rule-name>.md`, each at once documentation, metadata and test of one rule.

A page is a heading with the rule's name, a `toml` block, prose, and sections in a fixed order. Reading all pages parses
only the heading and the block; the cases are read when somebody asks for them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, cast, get_args

from evallint.findings import Applicability, Precision, Severity

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Claim: TypeAlias = Literal["error", "warning", "info", "missed", "spurious"]
"""What a mark claims of its line: a finding of that severity, a known miss, or a known false finding."""

Experiment: TypeAlias = Literal["mode", "grad", "pipeline", "state", "metric", "none"]

SECTIONS = ("Wrong", "Right", "Known limits", "When it does not matter", "At run time", "References")
"""In the order in which a page has them; `Wrong` and `Right` are never left out."""

UNNAMED = "main.py"
"""The file a code block is when no path names it."""

_CASE_SECTIONS = SECTIONS[:4]
_LIMITS = ("missed", "spurious")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_HEADING = re.compile(r"# `([^`]*)`")
_FENCE = re.compile(r"(`{3,})([^`]*)")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*\.pyi?)`")
_MARK = re.compile(r"\s*#\s*(error|warning|info|missed|spurious)(?:\s*:\s*(\S.*?))?\s*$")
_QUOTED = re.compile(r'"([^"]+)"')
_TOML_LINE = re.compile(r"at line (\d+)")


class PageError(ValueError):
    """A page is not of the form above. The message begins with the page's path and line."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a page claims of one line of a case.

    `says` is a part of the finding's message (empty: any message), or the reason of a `missed` or `spurious`.
    """

    path: str
    line: int
    claims: Claim
    says: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A small project shown on a page: its files without their marks, and what the rule makes of it.

    `fixed` gives the text after the fix of those files for which the page shows one. `line` is the page's line of the
    first code block.
    """

    section: str
    line: int
    files: Mapping[str, str]
    marks: tuple[Mark, ...]
    fixed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One rule as its page describes it. `path` is where the page is, for messages; `text` is all of it."""

    name: str
    category: str
    summary: str
    severity: Severity
    precision: Precision
    fix: Applicability | Literal["none"]
    probe: Experiment
    path: str
    text: str = field(repr=False)
    prose_line: int = field(repr=False)

    @property
    def prose(self) -> str:
        """The page after its `toml` block, as Markdown."""
        return "\n".join(self._lines()[self.prose_line - 1 :]).strip() + "\n"

    @property
    def description(self) -> str:
        """What stands before the first section, as Markdown; empty where nothing does."""
        first = min(self.sections().values())
        return "\n".join(self._lines()[self.prose_line - 1 : first - 1]).strip()

    def sections(self) -> dict[str, int]:
        """The line of each section's heading, by title, in order.

        PageError: a section unknown, out of order or repeated, or a needed one missing.
        """
        found: dict[str, int] = {}
        order = -1
        for line in _headings(self._lines()):
            title = self._lines()[line - 1][3:].strip()
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
        sections = self.sections()
        ends = [*sections.values(), len(self._lines()) + 1][1:]
        return tuple(
            case
            for (title, start), end in zip(sections.items(), ends, strict=True)
            if title in _CASE_SECTIONS
            for case in _Reader(self.path, title).cases(self._lines(), start, end)
        )

    def _lines(self) -> list[str]:
        return self.text.split("\n")


@cache
def load(folder: Path | None = None) -> Mapping[str, Page]:
    """Every rule page by name, in the order of category and name. Without `folder`: those evallint comes with.

    PageError: a page whose heading or `toml` block is malformed, or two pages of one name.
    """
    pages: dict[str, Page] = {}
    folder = folder or _own_folder()
    for path in sorted(folder.glob("*/*.md")):
        page = parse(path.read_text(encoding="utf-8"), f"rules/{path.parent.name}/{path.name}")
        if page.name in pages:
            raise PageError(page.path, 1, f"`{page.name}` is already described by {pages[page.name].path}")
        pages[page.name] = page
    return MappingProxyType(pages)


def parse(text: str, path: str) -> Page:
    """The page of this text. `path` ends with `<category>/<rule-name>.md`. PageError: see `load`."""
    category, name = path.removesuffix(".md").split("/")[-2:]
    lines = text.split("\n")
    heading = _HEADING.fullmatch(lines[0].rstrip())
    if heading is None or heading[1] != name:
        raise PageError(path, 1, f"the first line must be: # `{name}`")
    if not _NAME.fullmatch(name):
        raise PageError(path, 1, f"a rule's name is lower-case words joined by `-`, not `{name}`")
    start = next((number for number, line in enumerate(lines[1:], 2) if line.strip()), len(lines))
    if lines[start - 1].rstrip() != "```toml":
        raise PageError(path, start, "a ```toml block must follow the heading")
    end = next((number for number, line in enumerate(lines[start:], start + 1) if line.rstrip() == "```"), None)
    if end is None:
        raise PageError(path, start, "the ```toml block is never closed")
    values = _metadata(path, start, "\n".join(lines[start : end - 1]))
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
        prose_line=end + 1,
    )


_ALLOWED: dict[str, tuple[str, ...] | None] = {
    "summary": None,
    "severity": get_args(Severity),
    "precision": get_args(Precision),
    "fix": (*get_args(Applicability), "none"),
    "probe": get_args(Experiment),
}


def _metadata(path: str, start: int, block: str) -> dict[str, str]:
    """The five values of a `toml` block whose fence is line `start` of the page."""
    try:
        values = tomllib.loads(block)
    except tomllib.TOMLDecodeError as error:
        at = _TOML_LINE.search(str(error))
        raise PageError(path, start + (int(at[1]) if at else 0), str(error)) from error
    for key, value in values.items():
        line = start + next((n for n, text in enumerate(block.splitlines(), 1) if text.lstrip().startswith(key)), 0)
        if key not in _ALLOWED:
            raise PageError(path, line, f"unknown key `{key}`")
        allowed = _ALLOWED[key]
        if not isinstance(value, str) or not value or (allowed and value not in allowed):
            raise PageError(path, line, f"`{key}` must be {' | '.join(allowed) if allowed else 'a sentence'}")
    missing = [key for key in _ALLOWED if key not in values]
    if missing:
        raise PageError(path, start, f"key `{missing[0]}` is missing")
    return values


def _own_folder() -> Path:
    """Where the pages are: inside the installed package, or beside `src` in a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "rules"
    return installed if installed.is_dir() else here.parents[1] / "rules"


def _headings(lines: list[str]) -> Iterator[int]:
    """The numbers of the lines that are headings of the second level, outside code blocks."""
    fence = ""
    for number, line in enumerate(lines, 1):
        opening = _FENCE.match(line)
        if opening and not fence:
            fence = opening[1]
        elif fence and line.rstrip() == fence:
            fence = ""
        elif not fence and line.startswith("## "):
            yield number


@dataclass(slots=True)
class _Draft:
    """A case while its blocks are read. It is `open` as long as a further named block may join it."""

    line: int
    open: bool
    files: dict[str, str] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    fixed: dict[str, str] = field(default_factory=dict)


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
            fence = _FENCE.fullmatch(line)
            if fence is not None:
                close = next((n for n in range(number + 1, end) if lines[n - 1].rstrip() == fence[1]), None)
                if close is None:
                    raise PageError(self._path, number, "this code block is never closed")
                self._block(number, fence[2].split(), named, lines[number : close - 1])
                named, number = "", close
            elif path := _PATH.fullmatch(line):
                named = path[1]
            elif line:
                named = ""
                self._close()
            number += 1
        for draft in self._drafts:
            yield Case(self._section, draft.line, draft.files, tuple(draft.marks), draft.fixed)

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
        if not (named and self._drafts and self._drafts[-1].open):
            self._drafts.append(_Draft(number, open=bool(named)))
        draft = self._drafts[-1]
        path = named or UNNAMED
        if path in draft.files:
            raise PageError(self._path, number, f"this case has `{path}` already; put a sentence between two cases")
        draft.marks += [
            self._mark(number + line, path, line, mark)
            for line, text in enumerate(code, 1)
            if (mark := _MARK.search(text))
        ]
        draft.files[path] = "".join(f"{_MARK.sub('', line)}\n" for line in code)

    def _fixed(self, number: int, named: str, code: list[str]) -> None:
        if self._section != "Wrong" or not self._drafts:
            raise PageError(self._path, number, "a `python fixed` block must follow a block under `Wrong`")
        files, fixed = self._drafts[-1].files, self._drafts[-1].fixed
        path = named or next(reversed(files))
        if path not in files or path in fixed:
            raise PageError(self._path, number, f"`{path}` is not a file of the case before, or is fixed already")
        if any(_MARK.search(line) for line in code):
            raise PageError(self._path, number, "fixed code has no marks")
        fixed[path] = "".join(f"{line}\n" for line in code)

    def _mark(self, page_line: int, path: str, line: int, found: re.Match[str]) -> Mark:
        claims, says = cast(Claim, found[1]), found[2] or ""
        if self._section == "Right" or (claims in _LIMITS and self._section != "Known limits"):
            raise PageError(self._path, page_line, f"`# {claims}` has no place under `{self._section}`")
        if claims in _LIMITS:
            if not says:
                raise PageError(self._path, page_line, f"`# {claims}:` needs its reason")
            return Mark(path, line, claims, says)
        quoted = _QUOTED.fullmatch(says)
        if says and quoted is None:
            raise PageError(self._path, page_line, f'write a part of the message in quotes: # {claims}: "…"')
        return Mark(path, line, claims, quoted[1] if quoted else "")

    def _close(self) -> None:
        if self._drafts:
            self._drafts[-1].open = False
