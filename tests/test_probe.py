"""Experiments: what they confirm and refute on real modules, and that nothing the code does stops them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from command import Lint
from samples import reported, run, text

from evallint.findings import Evidence
from evallint.probe import evidence
from evallint.probe.verdicts import percent

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width, classes: int = 10, p: float = 0.5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, 8), {middle}, nn.Dropout(p))
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.body(x))
"""
SCORE = """\
import torch
from {module} import Net


def validate(val_loader):
    model = Net({arguments})
    with torch.no_grad():
        for x, y in val_loader:
            print((model(x).argmax(1) == y).sum())
"""


def test_modes_are_compared_on_the_module_that_the_code_builds(lint: Lint) -> None:
    files = {
        "nets.py": NET.format(middle="nn.BatchNorm1d(8)"),
        "calm.py": NET.format(middle="nn.ReLU()"),
        "score.py": SCORE.format(module="nets", arguments="12, p=0.4"),
        "harmless.py": SCORE.format(module="calm", arguments="12, p=0.0"),
        "lost.py": "import nowhere\n" + SCORE.format(module="calm", arguments="nowhere.width()"),
    }
    done = lint("--probe", "--select", "eval-missing", "--output-format", "json", ".", files=files)
    findings = {finding["path"]: finding for finding in json.loads(done.out)["findings"]}
    found = {path: finding["evidence"] for path, finding in findings.items()}

    confirmed, refuted = found["score.py"], found["harmless.py"]
    assert confirmed["verdict"] == "confirmed"
    assert confirmed["summary"].startswith("train and eval outputs differ by ")
    assert "`body.1` differs first; `body.1.running_mean` and 2 more buffers moved" in confirmed["summary"]
    assert confirmed["numbers"]["relative_difference"] > 0.01
    assert confirmed["numbers"]["repeat_noise"] == 0
    assert confirmed["assumed"][0] == "the module: `Net` as score.py:6 builds it"
    assert confirmed["assumed"][1] == "the input: `x`: 4 x 12 random numbers"

    assert refuted["verdict"] == "refuted"
    assert refuted["summary"] == "train and eval outputs are equal, and no buffer moved (5 seeds; repeat noise 0)"
    assert (findings["score.py"]["severity"], findings["harmless.py"]["severity"]) == ("error", "info")

    assert "`width=16` of `Net` stands in for `nowhere.width()`" in found["lost.py"]["assumed"]


DECLARED = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.layer = nn.Linear(settings.of["width"], 4)
        self.drop = nn.Dropout(0.5)

    def forward(self, pair):
        first, second = pair
        return self.drop(self.layer(first + second))


class Settings:
    of = {"width": 6}


def build():
    return Net(Settings())


def example():
    return {"pair": (torch.randn(4, 6), torch.randn(4, 6))}


def validate(val_loader, settings):
    model = Net(settings)
    with torch.no_grad():
        for pair, y in val_loader:
            print((model(pair).argmax(1) == y).sum())


def test(test_loader, settings):
    model = Net(settings)
    with torch.no_grad():
        for pair, y in test_loader:
            print((model(pair).argmax(1) == y).sum())
"""


def test_a_project_may_declare_how_its_model_is_built_and_what_it_takes(lint: Lint) -> None:
    declared = '[probe]\nmodel = "nets:build"\ninput = "nets:example"\n'
    files = {"nets.py": DECLARED, "evallint.toml": declared}
    done = lint("probe", "--select", "mode", "--output-format", "json", "nets.py:32", files=files)
    (finding,) = json.loads(done.out)["findings"]
    assert finding["line"] == 32
    assert finding["evidence"]["verdict"] == "confirmed"
    made, given = finding["evidence"]["assumed"]
    assert (made, given) == ("the module: `nets:build` makes it", "the input: `input`: what `nets:example` gives")
    assert "with your rights" in done.err


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('model = "build"', "`model` takes `package.module:function`"),
        ("shapes = [[0, 3]]", "`shapes` takes lists of sizes"),
        ('modle = "a:b"', "unknown key `modle`; did you mean `model`?"),
    ],
)
def test_a_declaration_that_cannot_be_followed_is_told(lint: Lint, table: str, says: str) -> None:
    done = lint(".", files={"a.py": "", "evallint.toml": f"[probe]\n{table}\n"})
    assert done.code == 2
    assert done.err.startswith("evallint: error: evallint.toml:2: `probe`: ") and says in done.err


def test_no_setting_asks_for_experiments(lint: Lint) -> None:
    done = lint(".", files={"a.py": "", "evallint.toml": "probe = true\n"})
    assert done.code == 2
    assert "takes a table" in done.err


def test_options_that_make_no_sense_are_refused(lint: Lint) -> None:
    assert "above 0" in lint("--probe", "--probe-timeout", "0", ".", files={"a.py": ""}).err
    assert "no Python that can be run" in lint("--probe", "--python", "nowhere", ".", files={"a.py": DECLARED}).err
    assert "cannot be probed" in lint("--probe", "-").err


EVIDENCE = Evidence(
    "mode", "confirmed", "outputs differ by 38 %", {"seeds": 5}, ("the input: 4 x 3 random numbers",), 1.5
)


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "gitlab", "junit", "rdjson", "sarif"])
def test_every_format_shows_what_was_measured(form: str) -> None:
    assert "outputs differ by 38 %" in text(run(replace(reported(), evidence=EVIDENCE)), form)


def test_full_shows_what_was_assumed() -> None:
    shown = text(run(replace(reported(), evidence=EVIDENCE)), "full")
    assert "  probe: confirmed: outputs differ by 38 %\n    assumed: the input: 4 x 3 random numbers\n" in shown


@pytest.mark.parametrize("answer", [{}, {"verdict": "perhaps"}, {"verdict": 3, "numbers": {}}])
def test_an_answer_that_is_none_is_inconclusive(answer: dict[str, object]) -> None:
    assert evidence("mode", answer).verdict == "inconclusive"


@pytest.mark.parametrize(("share", "shown"), [(0, "0"), (0.384, "38 %"), (0.0006, "0.06 %"), (None, "more than can")])
def test_shares_are_said_as_people_say_them(share: float | None, shown: str) -> None:
    assert percent(share).startswith(shown)
