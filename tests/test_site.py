"""The documentation site: every page is there, links lead somewhere, and it can be read on any screen."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import build_site
import pytest

from evallint import pages

HERE = Path(__file__).resolve().parents[1]
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
SIDEWAYS = """() => [document.scrollingElement, ...document.querySelectorAll("article *")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && !one.closest("pre, .headerlink"))
    .filter((one) => one === document.scrollingElement || /auto|scroll/.test(getComputedStyle(one).overflowX))
    .map((one) => `${one.tagName} ${one.className}`)"""


class Fetched(HTMLParser):
    """What a page loads to be shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        loads = values.get("src") or (values.get("href") if tag == "link" else None)
        self.addresses += [loads] if loads else []


@pytest.fixture(scope="module")
def laid_out() -> dict[str, str]:
    return build_site.laid_out()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("no zensical")
    folder = tmp_path_factory.mktemp("site")
    assert build_site.main([str(folder)]) == 0
    return folder / "html"


def test_each_rule_and_each_document_has_its_page(laid_out: dict[str, str]) -> None:
    assert {f"rules/{page.category}/{page.name}.md" for page in pages.load().values()} <= set(laid_out)
    assert {path.name.lower() for path in (HERE / "docs").glob("*.md")} <= set(laid_out)
    assert set(re.findall(r": (\S+\.md)$", "\n".join(build_site.navigation()), re.MULTILINE)) <= set(laid_out)


def test_a_rule_says_what_it_is_and_shows_what_evallint_prints_of_its_cases(laid_out: dict[str, str]) -> None:
    page = laid_out["rules/mode/eval-not-called.md"]
    assert "```toml" not in page and "# error" not in page
    assert "Fix\n:   [safe](../../usage.md#fixes)" in page
    assert re.search(r"^ +main\.py:\d+:\d+: error\[eval-not-called\] ", page, re.MULTILINE)


def test_lines_that_are_reported_are_highlighted_and_so_are_those_that_a_fix_changes() -> None:
    wrong = "## Wrong\n\n```python\na\nb  # error\n```\n\n```python fixed\na\nc\n```\n\n## Right\n\n```python\na\n```\n"
    facts = 'summary = "S."\nseverity = "error"\nprecision = "high"\nfix = "safe"\nprobe = "none"'
    head = f"# `r-r`\n\n```toml\n{facts}\n```\n\n"
    drawn = "\n".join(build_site.body(pages.parse(head + wrong, "rules/mode/r-r.md")))
    assert '``` { .python hl_lines="2" }\na\nb\n```' in drawn
    assert '``` { .python title="Fixed" hl_lines="2" }\na\nc\n```' in drawn


def test_names_of_rules_lead_to_their_pages() -> None:
    text = "# `eval-missing`\n\nSee `eval-missing`, [`eval-missing`](x.md).\n\n```\n`eval-missing`\n```"
    linked = build_site.Links({"docs/a.md": "", "docs/x.md": ""}).text("docs/a.md", text)
    assert linked == text.replace("See `eval-missing`", "See [`eval-missing`](rules/mode/eval-missing.md)")


@pytest.mark.parametrize("link", ["c.md", "b.md#nowhere", "#nowhere", "../../elsewhere.md", "../docs"])
def test_a_link_that_leads_nowhere_ends_the_build(link: str) -> None:
    links = build_site.Links({"docs/a.md": "# A", "docs/b.md": "# B"})
    with pytest.raises(build_site.BrokenLink, match=r"docs/a\.md:3: "):
        links.text("docs/a.md", f"# A\n\n[there]({link})")


def test_links_to_files_of_the_repository_lead_to_pages_that_show_them() -> None:
    links = build_site.Links({"docs/a.md": ""})
    assert links.text("docs/a.md", "[the program](../src/evallint/__main__.py)") == (
        "[the program](src/evallint/__main__.py.md)"
    )
    assert "def main" in links.files["src/evallint/__main__.py.md"]


def test_the_site_is_built_strictly_and_loads_nothing_from_elsewhere(built: Path, laid_out: dict[str, str]) -> None:
    for name in laid_out:
        text = (built / name).with_suffix(".html").read_text(encoding="utf-8")
        assert [one for one in Fetched(text).addresses if re.match("[a-z]+:|//", one)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_pages_fit_the_screen(built: Path, browser: Any, size: dict[str, int], scheme: str) -> None:
    with browser.new_context(viewport=size, color_scheme=scheme) as context:
        tab = context.new_page()
        complaints: list[str] = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        for name in ("index", "usage", "rules/index", "rules/mode/eval-missing", "benchmarks/judged", "examples/index"):
            tab.goto((built / f"{name}.html").as_uri())
            assert tab.evaluate(SIDEWAYS) == [], name
        assert complaints == []
        back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", back)[:3])) < 3 * 128) == (scheme == "dark")
