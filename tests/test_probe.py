"""Experiments: what they confirm and refute on real modules, and that nothing the code does stops them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from command import Lint, Outcome

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


def evidence(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """The evidence of each finding of a JSON report, by path."""
    return {finding["path"]: finding["evidence"] for finding in json.loads(outcome.out)["findings"]}


@pytest.fixture
def modes(lint: Lint) -> Outcome:
    files = {
        "nets.py": NET.format(middle="nn.BatchNorm1d(8)"),
        "calm.py": NET.format(middle="nn.ReLU()"),
        "score.py": SCORE.format(module="nets", arguments="12, p=0.4"),
        "harmless.py": SCORE.format(module="calm", arguments="12, p=0.0"),
        "lost.py": "import nowhere\n" + SCORE.format(module="calm", arguments="nowhere.width()"),
    }
    return lint("--probe", "--select", "eval-missing", "--output-format", "json", ".", files=files)


def test_modes_are_compared_on_the_module_that_the_code_builds(modes: Outcome) -> None:
    found = evidence(modes)
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


def test_what_is_refuted_is_information(modes: Outcome) -> None:
    findings = {finding["path"]: finding for finding in json.loads(modes.out)["findings"]}
    assert (findings["score.py"]["severity"], findings["harmless.py"]["severity"]) == ("error", "info")


def test_what_stands_in_for_a_package_that_is_missing_is_told(modes: Outcome) -> None:
    found = evidence(modes)["lost.py"]
    assert "`width=16` of `Net` stands in for `nowhere.width()`" in found["assumed"]
