"""Experiments: what they confirm and refute on real modules, and that nothing the code does stops them."""

from __future__ import annotations

import json

from command import Lint

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
