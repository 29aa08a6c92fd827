"""What is said of saved state, modes and gradients in articles, and what a measurement says of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from evallint.probe import Bounds, evidence, run

NETS = """\
import torch
from torch import nn


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.layer(x))


class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.register_buffer("mean", torch.zeros(6), persistent=False)

    def forward(self, x):
        if self.training:
            self.mean.lerp_(x.detach().mean(0), 0.1)
        return self.layer(x - self.mean)


class Frozen(Normed):
    def __init__(self):
        super().__init__()
        self.requires_grad_(False)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, x):
        return self.layer(x)


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.second = nn.Linear(4, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        if self.training and x.shape[-1] < 64:
            raise ValueError("too small for the second head")
        return self.drop(self.second(self.layer(x).mean((2, 3))))


class Configured(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config["model"]["width"], config.classes)

    def forward(self, x):
        return self.layer(x) + torch.zeros(1, device="cuda")


class Seeing(Plain):
    def __init__(self):
        from torchvision.ops import StochasticDepth

        super().__init__()
        self.drop = StochasticDepth(0.5, "row")

    def forward(self, x):
        return self.drop(super().forward(x))


class Failing(nn.Module):
    def forward(self, x):
        raise ValueError("never")
"""

CLAIMS: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    ("state_dict() loses batch-norm statistics", "state", "Normed", {}, "refuted", "outputs are bit-identical"),
    ("it loses what is not persistent", "state", "Forgetful", {}, "confirmed", "`mean`"),
    ("parameters alone lose statistics", "state", "Normed", {"what": "parameters"}, "confirmed", "norm.running_mean"),
    ("which does not matter without any", "state", "Plain", {"what": "parameters"}, "refuted", "bit-identical"),
    ("a state dict is a copy", "state", "Normed", {"what": "reference"}, "confirmed", "have changed by"),
    ("a wrapper's keys fit", "state", "Normed", {"what": "prefix"}, "confirmed", "0 of 7 keys"),
    ("momentum is state", "state", "Plain", {"what": "resume", "optimizer": "Adam"}, "confirmed", "is off by"),
    (
        "plain gradient descent has state",
        "state",
        "Plain",
        {"what": "resume", "optimizer": "SGD", "settings": {"lr": 0.1}},
        "refuted",
        "takes the very step",
    ),
    (
        "a layer that is replaced is lost",
        "state",
        "Normed",
        {"what": "replaced", "name": "layer"},
        "confirmed",
        "28 lo",
    ),
    ("eval() matters with batch norm", "mode", "Normed", {}, "confirmed", "`norm` differs first"),
    ("eval() matters always", "mode", "Plain", {}, "refuted", "are equal"),
    ("frozen batch norm stands still", "mode", "Frozen", {"what": "statistics"}, "confirmed", "norm.running_mean"),
    ("evaluation keeps a graph", "grad", "Normed", {}, "confirmed", "kept for backward by a batch of 4"),
    ("even where all is frozen", "grad", "Frozen", {}, "refuted", "requires no gradient"),
    ("an input may be too small for training", "mode", "Wide", {}, "confirmed", "`drop` differs first"),
    ("settings out of sight are in the way", "grad", "Configured", {}, "confirmed", "kept for backward"),
    ("torchvision is there for who asks for it", "mode", "Seeing", {}, "confirmed", "outputs differ by"),
    ("a module that takes no input can be pickled", "state", "Failing", {"what": "pickle"}, "confirmed", "Unpickling"),
    ("what fails in any pass", "mode", "Failing", {}, "inconclusive", "ValueError: never"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("claims")
    file = folder / "nets.py"
    file.write_text(NETS)
    jobs = [
        {
            "experiment": experiment,
            "project": str(folder),
            "targets": [{"kind": "class", "file": str(file), "name": klass, "sites": []}],
            "options": options,
        }
        for _, experiment, klass, options, _, _ in CLAIMS
    ]
    found = run(jobs, sys.executable, Bounds(seconds=30.0))
    return {claim[0]: answer for claim, answer in zip(CLAIMS, found, strict=True)}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[0])
def test_a_claim_is_measured(
    claim: tuple[str, str, str, dict[str, Any], str, str], answers: dict[str, dict[str, Any]]
) -> None:
    name, experiment, _, _, verdict, says = claim
    found = evidence(experiment, answers[name])
    assert (found.verdict, says in found.summary) == (verdict, True), found
