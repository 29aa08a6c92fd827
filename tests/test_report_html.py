"""The page of a run: whole in itself, true to the run, and alive in a real browser."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import CALL, FIX, TRACE, place, reported, run, text

from evallint import pages
from evallint.findings import Evidence, Trouble
from evallint.report import render

LAYERS = [
    {"layer": "body.1", "kind": "BatchNorm2d", "relative_difference": 0.4},
    {"layer": "drop", "kind": "Dropout", "relative_difference": 0.2},
]
MODE = Evidence(
    "mode",
    "confirmed",
    "train and eval outputs differ by 38 %; `body.1` differs first",
    {"relative_difference": 0.38, "moved": ["body.1.running_mean"], "layers": LAYERS},
    ("the input: 4 x 12 random numbers",),
    0.8,
)


def picture(color: bytes) -> dict[str, object]:
    return {"width": 2, "height": 2, "rgb": base64.b64encode(color * 4).decode()}


def made(mean: float, color: bytes) -> dict[str, object]:
    """What a pipeline made, as the experiment tells it."""
    channels = [mean, mean, mean]
    common = {"shapes": ["3 x 224 x 224"], "dtype": "float32", "range": [0.0, 1.0], "std": [0.2, 0.2, 0.2]}
    return {**common, "mean": channels, "picture": picture(color)}


PIPELINES = Evidence(
    "pipeline",
    "confirmed",
    "channel means differ",
    {"train": made(0.0, b"\xff\0\0"), "eval": made(0.5, b"\0\0\xff"), "differing": ["mean"], "means_apart": 2.5},
    (),
    1.2,
)
HOSTILE = "</script><script>window.stolen=1</script><img src=x onerror='window.stolen=1'>"


def page(*evidence: Evidence | None, **more: Any) -> str:
    findings = [
        replace(reported(because=TRACE, fix=FIX), evidence=one, fingerprint=f"{index:032x}")
        for index, one in enumerate(evidence)
    ]
    return render(run(*findings, **more), "html", pages.load(), "1.2.3")


def test_a_finding_stands_there_with_its_code_its_steps_and_its_fix() -> None:
    shown = page(None)
    assert "<code>net</code> is still in training mode here" in shown
    assert "<code>app/train.py:6:9</code>" in shown
    assert "<span class=line data-line=6>        <mark>net(x)</mark></span>" in shown
    assert shown.index("is built: a new module") < shown.index("scores a batch")
    assert "call <code>net.eval()</code> before the loop" in shown
    assert f'<details id="r-eval-missing"><summary><b>eval-missing</b> {pages.load()["eval-missing"].summary}' in shown


def test_what_an_experiment_measured_is_drawn_and_listed() -> None:
    shown = page(MODE)
    assert '<section class="evidence confirmed">' in shown
    assert shown.count("<rect ") == 2
    assert "width=320.0" in shown and "width=160.0" in shown
    assert "<th>moved<td>body.1.running_mean" in shown
    assert "<li>the input: 4 x 12 random numbers</li>" in shown


def test_two_pipelines_stand_side_by_side_and_what_differs_stands_out() -> None:
    shown = page(PIPELINES)
    assert shown.count("<figure>") == shown.count("data:image/png;base64,") == 2
    assert shown.count("<tr class=differs><th>mean") == 2
    assert "<tr><th>dtype<td>float32" in shown


def test_numbers_of_any_kind_are_no_reason_to_fail() -> None:
    odd = {
        "layers": [{"layer": 3, "relative_difference": float("nan")}, 7],
        "train": {"mean": 1},
        "eval": {"mean": None},
    }
    broken = {"train": {"mean": [], "picture": {"width": 2, "height": 2, "rgb": "AAAA"}}, "eval": {"mean": []}}
    for numbers in (odd, broken, {"x": {"y": [1, None, float("inf")]}}):
        assert "</html>" in page(replace(MODE, numbers=numbers))


def test_nothing_of_a_project_becomes_markup() -> None:
    finding = reported(place(1, 1, 4, f"{HOSTILE}.py"), says=HOSTILE)
    hostile = replace(finding, evidence=replace(MODE, summary=HOSTILE, assumed=(HOSTILE,), numbers={HOSTILE: HOSTILE}))
    shown = text(run(hostile, source=HOSTILE, path=f"{HOSTILE}.py", troubles=(Trouble(HOSTILE, 1, HOSTILE),)), "html")
    assert "<img src=x" not in shown
    assert shown.count("<script>") == 1


def test_a_page_refers_to_nothing_outside_itself() -> None:
    shown = page(MODE, PIPELINES)
    assert "http://" not in shown and "https://" not in shown
    assert "url(" not in shown and "src=" not in shown.replace('src="data:image/png', "")


# ---- in a browser --------------------------------------------------------------------------------


def opened(browser: Any, folder: Path, shown: str, scheme: str = "light") -> tuple[Any, list[str]]:
    """The page in a browser, and what it asked for or complained of since."""
    file = folder / "report.html"
    file.write_text(shown, encoding="utf-8")
    complaints: list[str] = []
    tab = browser.new_page(color_scheme=scheme)
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: None if request.url.startswith("data:") else complaints.append(request.url))
    tab.goto(file.as_uri())
    return tab, [one for one in complaints if one != file.as_uri()]


def test_a_browser_shows_it_without_asking_for_anything(browser: Any, tmp_path: Path) -> None:
    tab, complaints = opened(browser, tmp_path, page(MODE, PIPELINES))
    assert complaints == []
    assert tab.locator("article").count() == 2
    assert tab.evaluate("[...document.images].map((image) => image.naturalWidth)") == [2, 2]
    first, second = (bar.bounding_box()["width"] for bar in tab.locator("rect").all())
    assert first == pytest.approx(2 * second, rel=0.02)
    left, right = (figure.bounding_box() for figure in tab.locator("figure").all())
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    marked = tab.locator("mark").first
    assert marked.inner_text() == "net(x)"
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_boxes_and_words_choose_what_is_seen_and_links_open_the_rule(browser: Any, tmp_path: Path) -> None:
    warning = reported(CALL, says="another", severity="warning", rule="no-grad-missing")
    shown = render(run(reported(because=TRACE), warning), "html", pages.load(), "1.2.3")
    tab, _ = opened(browser, tmp_path, shown)
    seen = tab.locator("article:visible")
    tab.get_by_label("warning").uncheck()
    assert seen.count() == 1
    tab.get_by_label("warning").check()
    tab.get_by_placeholder("rule, file or word").fill("another app/train")
    assert seen.locator("h2").all_inner_texts() == ["warning another"]
    seen.get_by_role("link", name="no-grad-missing").click()
    assert tab.locator("#r-no-grad-missing").get_attribute("open") is not None


def test_light_and_dark_are_both_legible(browser: Any, tmp_path: Path) -> None:
    levels = {}
    for scheme in ("light", "dark"):
        tab, _ = opened(browser, tmp_path, page(MODE), scheme)
        colors = tab.evaluate(
            "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
        )
        levels[scheme] = [sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) for color in colors]
    assert levels["light"][0] > 700 and levels["light"][1] < 150
    assert levels["dark"][0] < 150 and levels["dark"][1] > 600


def test_code_of_a_project_never_runs_in_the_page(browser: Any, tmp_path: Path) -> None:
    hostile = replace(reported(place(1, 1, 4), says=HOSTILE), evidence=replace(MODE, summary=HOSTILE))
    tab, complaints = opened(browser, tmp_path, text(run(hostile, source=HOSTILE), "html"))
    assert complaints == []
    assert tab.evaluate("window.stolen") is None
