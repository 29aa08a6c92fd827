"""Builds the documentation site from the README, `docs/`, `rules/` and `benchmarks/`.

    python scripts/build_site.py                # lays out the pages in build/site and builds build/site/html
    python scripts/build_site.py --lay-out      # only lays out the pages

The pages are what the repository holds, but for their links, which lead to pages of the site, and for the pages of
rules: their metadata become a table, their marks become highlighted lines, and below each case stands what evallint
prints of it, by running it. A link that leads nowhere ends the build. Building needs zensical (`pip install
'evallint[docs]'`), laying out needs evallint alone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path, PurePosixPath

from evallint import pages
from evallint.config import Settings
from evallint.engine import lint_texts
from evallint.pages import Case, Page
from evallint.report import full

HERE = Path(__file__).resolve().parents[1]

CATALOGUE = "rules/index.md"
"""The page that lists the rules, which is in no file."""

SECTIONS = {
    "Guide": ("README.md", "docs/usage.md", "docs/ci.md", "docs/editors.md", "docs/causes.md", "docs/*.md"),
    "Rules": (CATALOGUE, "rules/*/*.md"),
    "Experiments": ("docs/probe.md", "docs/trace.md", "docs/data-shift.md", "examples/README.md"),
    "Accuracy": ("benchmarks/README.md", "benchmarks/*.md"),
    "Development": ("CONTRIBUTING.md", "docs/own-rules.md", "docs/architecture.md", "CHANGELOG.md"),
}
"""The files that are pages, in the order in which they are read. A pattern stands for what is named nowhere."""

TITLES = {
    "README.md": "Getting started",
    CATALOGUE: "All rules",
    "docs/causes.md": "Causes of a bad score",
    "docs/architecture.md": "Architecture",
}
"""What the navigation calls a page where its heading would be too long, or too little."""

SEVERITIES = {
    "error": "**error**: results are wrong",
    "warning": "**warning**: results may be wrong, or memory and time are wasted",
    "info": "**information**: worth knowing",
}
FIXES = {
    "safe": "[safe](docs/usage.md#fixes), with `--fix`",
    "unsafe": "[unsafe](docs/usage.md#fixes), with `--fix --unsafe-fixes`",
    "none": "none",
}
SHOWN = {
    "train": "a model in training mode",
    "eval": "a model in evaluation mode",
    "graph": "a graph that is recorded",
    "no-graph": "no graph",
}
CATEGORIES = {
    "mode": "Training and evaluation mode",
    "grad": "Gradients",
    "data": "Data",
    "state": "Saved state",
    "metric": "Metrics",
    "lint": "Suppression comments",
}

CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
FENCE = re.compile(r"\s*(`{3,})([^`]*)$")
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
PATH_LINE = re.compile(r"`[\w./-]+`\s*$")
WITH_CASES = pages.SECTIONS[:4]


class BrokenLink(Exception):
    """A link leads nowhere. The message begins with the file and the line."""


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Builds the documentation site.")
    parser.add_argument("folder", type=Path, nargs="?", default=HERE / "build" / "site")
    parser.add_argument("--lay-out", action="store_true", help="lay out the pages and stop")
    asked = parser.parse_args(words)
    try:
        lay_out(asked.folder)
    except BrokenLink as error:
        print(error, file=sys.stderr)
        return 1
    if asked.lay_out:
        return 0
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", "mkdocs.yml"]
    return subprocess.run(command, cwd=asked.folder, check=False).returncode


def lay_out(folder: Path) -> None:
    """Write the pages to `folder`/pages and the settings that build them to `folder`/mkdocs.yml.

    BrokenLink: a link in one of the files leads to nothing in the repository.
    """
    shutil.rmtree(folder / "pages", ignore_errors=True)
    for name, text in laid_out().items():
        target = folder / "pages" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    shutil.copytree(HERE / "docs" / "theme", folder / "pages" / "theme")
    inherited = Path(os.path.relpath(HERE / "mkdocs.yml", folder)).as_posix()
    settings = [f"INHERIT: {inherited}", "docs_dir: pages", "site_dir: html", "nav:", *navigation()]
    (folder / "mkdocs.yml").write_text("\n".join(settings) + "\n", encoding="utf-8")


def laid_out() -> dict[str, str]:
    """The text of each page, by where it is on the site. BrokenLink: see `lay_out`."""
    sources = {name: written(name) for names in sections().values() for name in names}
    linked = Links(sources)
    return {place(name): linked.text(name, text) for name, text in sources.items()} | linked.files


# ---- which pages there are -----------------------------------------------------------------------


@cache
def sections() -> Mapping[str, tuple[str, ...]]:
    """The files of each section, by their paths in the repository."""
    named = {name for names in SECTIONS.values() for name in names}

    def matching(pattern: str) -> list[str]:
        if pattern == CATALOGUE:
            return [pattern]
        found = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob(pattern))
        order = [*rules()]
        found.sort(key=lambda name: order.index(name) if name in order else -1)
        return [name for name in found if name == pattern or name not in named]

    return {
        section: tuple(name for pattern in patterns for name in matching(pattern))
        for section, patterns in SECTIONS.items()
    }


def place(name: str) -> str:
    """Where the page of a file is on the site."""
    folder, _, file = name.removeprefix("docs/").rpartition("/")
    file = "index.md" if file == "README.md" else file.lower()
    return f"{folder}/{file}" if folder else file


def navigation() -> Iterator[str]:
    """The `nav` of the settings, a line each."""
    for section, names in sections().items():
        yield f"  - {section}:"
        category = ""
        for name in names:
            rule = rules().get(name)
            if rule and rule.category != category:
                category = rule.category
                yield f"      - {CATEGORIES.get(category, category)}:"
            title = rule.name if rule else TITLES.get(name) or heading(written(name))
            yield f"{'          ' if rule else '      '}- {title}: {place(name)}"


def heading(text: str) -> str:
    return text.split("\n", 1)[0].removeprefix("# ")


@cache
def written(name: str) -> str:
    """The text of a page, with links as they are in the repository."""
    if name == CATALOGUE:
        return "\n".join(catalogue())
    if name in rules():
        return "\n".join(described(rules()[name]))
    return (HERE / name).read_text(encoding="utf-8")


# ---- rules ---------------------------------------------------------------------------------------


@cache
def rules() -> Mapping[str, Page]:
    """The rules by the paths of their pages, in the order of categories that a reader wants."""
    found = sorted(pages.load(HERE / "rules").values(), key=lambda page: [*CATEGORIES].index(page.category))
    return {page.path: page for page in found}


def catalogue() -> Iterator[str]:
    """The list of all rules."""
    yield from ("# Rules", "")
    yield "A rule is named for the defect. Its name, or its category's, selects it (`--select`), switches it off"
    yield "(`--ignore`) and silences it (`# evallint: ignore[name] -- reason`): see [usage](../docs/usage.md)."
    for category, title in CATEGORIES.items():
        yield from ("", f"## {title}", "", f"Category `{category}`.", "", "| rule | reports | severity | fix |")
        yield "| --- | --- | --- | --- |"
        for page in rules().values():
            if page.category == category:
                link = f"[`{page.name}`]({category}/{page.name}.md)"
                yield f"| {link} | {page.summary} | {page.severity} | {page.fix} |"


def described(page: Page) -> Iterator[str]:
    """A rule's page as people read it."""
    up = "../../"
    yield from (f"# `{page.name}`", "", page.summary, "", '<div class="facts" markdown>', "")
    for name, value in facts(page):
        yield from (name, f":   {value.replace('](', f']({up}')}", "")
    yield from ("</div>", "", *body(page))


def facts(page: Page) -> Iterator[tuple[str, str]]:
    """What the page's metadata say, with links from the top of the repository."""
    yield "Severity", SEVERITIES[page.severity]
    yield "Precision", f"{page.precision}"
    yield "By default", "off: with `--show-info` or by its name" if page.severity == "info" else "on"
    yield "Fix", FIXES[page.fix]
    if page.probe != "none":
        yield "Experiment", f"[`{page.probe}`](docs/probe.md#what-is-measured), with `--probe`"
    if page.trace != "none":
        yield "A run shows", f"{SHOWN[page.trace]}, with [`evallint trace`](docs/trace.md)"


def body(page: Page) -> Iterator[str]:
    """The sections of a page, with marks as highlights, and below each case what evallint prints of it."""
    lines = page.text.split("\n")
    cases = {line: case for case in page.cases() for line in range(case.line, case.end + 1)}
    drawn: dict[int, Drawn] = {}
    number = page.prose_line
    while number <= len(lines):
        line, case = lines[number - 1], cases.get(number)
        fence = FENCE.match(line)
        if fence:
            end = next(n for n in range(number + 1, len(lines) + 1) if lines[n - 1].rstrip() == fence[1])
            if case is not None and fence[2].split()[:1] == ["python"]:
                one = drawn.setdefault(case.line, Drawn(page, case))
                yield from one.fixed() if fence[2].split()[1:] else one.source()
            else:
                yield from lines[number - 1 : end]
            number = end
        elif not (PATH_LINE.match(line) and is_before_code(lines, number)):
            yield line
        number += 1


def is_before_code(lines: Sequence[str], number: int) -> bool:
    """Whether what stands on a line names the code block that comes next."""
    following = next((line for line in lines[number:] if line.strip()), "")
    return following.startswith("```python")


class Drawn:
    """A case while its blocks are drawn, in their order."""

    def __init__(self, page: Page, case: Case) -> None:
        self._page = page
        self._case = case
        self._sources = iter(case.files)
        self._left = len(case.files)
        self._fixes = iter(case.fixed)

    def source(self) -> Iterator[str]:
        """The next file, and behind the last one what evallint prints."""
        path = next(self._sources)
        marks = [mark for mark in self._case.marks if mark.path == path]
        code = self._case.files[path].split("\n")[:-1]
        for mark in marks:
            if mark.claims in ("missed", "spurious"):
                code[mark.line - 1] += f"  # {mark.claims}: {mark.says}"
        yield from fenced(code, "python", self._title(path), [mark.line for mark in marks])
        self._left -= 1
        if not self._left and any(mark.claims in SEVERITIES for mark in self._case.marks):
            yield from self._printed()

    def fixed(self) -> Iterator[str]:
        """The next file that the fixes change."""
        path = next(self._fixes)
        before, after = (files[path].split("\n")[:-1] for files in (self._case.files, self._case.fixed))
        title = f"{self._title(path)}, fixed" if self._title(path) else "Fixed"
        yield from fenced(after, "python", title, new_lines(before, after))

    def _printed(self) -> Iterator[str]:
        text = printed(self._page.name, tuple(self._case.files.items()))
        yield from ("", '??? example "What evallint prints"', "")
        yield from (f"    {line}".rstrip() for line in fenced(text.rstrip("\n").split("\n"), "text"))

    def _title(self, path: str) -> str:
        return "" if path == pages.UNNAMED else path


def fenced(code: Sequence[str], language: str, title: str = "", marked: Sequence[int] = ()) -> Iterator[str]:
    titled = f' title="{title}"' if title else ""
    highlighted = f' hl_lines="{" ".join(map(str, marked))}"' if marked else ""
    yield f"``` {{ .{language}{titled}{highlighted} }}"
    yield from code
    yield "```"


def new_lines(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """The lines of `after`, from 1, that are not in `before`."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        line + 1
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in ("insert", "replace")
        for line in range(start, end)
    ]


@cache
def printed(rule: str, files: tuple[tuple[str, str], ...]) -> str:
    """What `evallint --select RULE .` prints where these are the files."""
    return full.render(lint_texts(dict(files), Settings(show_info=True).selecting(rule)))


# ---- links ---------------------------------------------------------------------------------------


class Links:
    """Leads links between files of the repository to pages of the site. Files that are no pages become some."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._rules = {page.name: path for path, page in rules().items()}
        self.files: dict[str, str] = {}
        """The pages of files that are linked to, though they are no pages of their own."""

    def text(self, name: str, text: str) -> str:
        """A page whose links lead to the site; names of rules become links too."""
        return "\n".join(
            line if is_code else self._line(name, number, line)
            for number, (line, is_code) in enumerate(told_apart(text), 1)
        )

    def _line(self, name: str, number: int, line: str) -> str:
        """A line outside code blocks, where links are not looked for within code."""
        result, at = "", 0
        for span in CODE_SPAN.finditer(line):
            result += self._prose(name, number, line[at : span.start()])
            code = span[0].replace(r"\|", "|") if line.startswith("|") else span[0]
            rule = self._rules.get(code.strip("`"))
            stays = rule in (None, name) or result.endswith("[") or line.startswith("#")
            result += code if stays else f"[{code}]({self._path(name, rule or '')})"
            at = span.end()
        return result + self._prose(name, number, line[at:])

    def _prose(self, name: str, number: int, text: str) -> str:
        return LINK.sub(lambda link: self._target(name, number, link[1]), text)

    def _target(self, name: str, number: int, link: str) -> str:
        if re.match(r"[a-z]+:", link):
            return link
        path, _, anchor = link.partition("#")
        page = self._page(name, path)
        if page is None:
            raise BrokenLink(f"{name}:{number}: `{link}` leads to nothing")
        if anchor and anchor not in anchors(self._sources[page]):
            raise BrokenLink(f"{name}:{number}: `{page}` has no heading `#{anchor}`")
        return (self._path(name, page) if path else "") + (f"#{anchor}" if anchor else "")

    def _page(self, name: str, path: str) -> str | None:
        """The file that a link leads to, which is a page or becomes one; None where there is none."""
        if not path:
            return name
        target = os.path.normpath(PurePosixPath(name).parent / path).replace(os.sep, "/")
        for page in (target, f"{target}/README.md", f"{target}/index.md"):
            if page in self._sources:
                return page
        if target.startswith("..") or not (HERE / target).is_file():
            return None
        text = (HERE / target).read_text(encoding="utf-8").rstrip("\n").split("\n")
        language = PurePosixPath(target).suffix[1:] or "text"
        self.files[place(f"{target}.md")] = "\n".join([f"# `{target}`", "", *fenced(text, language)]) + "\n"
        return f"{target}.md"

    def _path(self, name: str, page: str) -> str:
        return os.path.relpath(place(page), PurePosixPath(place(name)).parent).replace(os.sep, "/")


@cache
def anchors(text: str) -> frozenset[str]:
    """What the headings of a page are called in links."""
    titles = (line.lstrip("#").strip().lower() for line, is_code in told_apart(text) if line[:1] == "#" and not is_code)
    return frozenset(re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title)) for title in titles)


def told_apart(text: str) -> Iterator[tuple[str, bool]]:
    """The lines of a page, and whether each belongs to a code block."""
    fence = ""
    for line in text.split("\n"):
        opening = FENCE.match(line)
        yield line, bool(fence or opening)
        if opening and not fence:
            fence = opening[1]
        elif line.strip() == fence:
            fence = ""


if __name__ == "__main__":
    sys.exit(main())
