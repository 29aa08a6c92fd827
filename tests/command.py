"""What the tests of the command line share: planted files, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(x)

"""
BUG = f"""{NET}
def validate(val_loader):
    model = Net()
    correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            correct += (model(x) == y).sum()
"""
FINE = BUG.replace("correct = 0", "model.eval()")
AT = (19, 25)
"""Line and column of the bug: the evaluating call."""


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Lint: TypeAlias = Callable[..., Outcome]
"""Runs the command line with some words; `files` are planted in its directory first."""


def rules(outcome: Outcome) -> list[tuple[str, str]]:
    """Path and rule of each finding of a JSON report."""
    return [(finding["path"], finding["rule"]) for finding in json.loads(outcome.out)["findings"]]
