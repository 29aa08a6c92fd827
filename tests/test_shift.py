"""`evallint probe data`: how far two sources of data are apart."""

from __future__ import annotations

import json

import pytest
from command import Lint
from torchside import PYTHON, needs_torch

LOADERS = """\
import torch

images = torch.linspace(0, 1, 16 * 3 * 4 * 4).reshape(16, 3, 4, 4)


def train():
    return [(images, torch.arange(16) % 2)]


shifted = [{"x": images + 1, "y": torch.zeros(16, dtype=torch.long)}]
rows = [torch.zeros(4, 2)]
nothing = []
"""


@needs_torch
def test_data_that_are_shifted_are_told_by_column_and_by_label(lint: Lint) -> None:
    words = ("probe", "data", "--python", PYTHON, "--train", "loaders:train", "--eval")
    done = lint(*words, "loaders:shifted", "--output-format", "json", files={"loaders.py": LOADERS})
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["train"]["labels"], told["eval"]["labels"]) == ({"0": 0.5, "1": 0.5}, {"0": 1.0})
    assert len(told["columns"]) == 3
    for column in told["columns"]:
        assert column["standardised_mean_difference"] == pytest.approx(3.466, abs=0.001)
        assert column["kolmogorov_smirnov"]["statistic"] == 1
        assert column["kolmogorov_smirnov"]["sizes"] == [16, 16]
        assert 0.5 < column["jensen_shannon"] <= 1
        assert column["kl_train_eval"] == pytest.approx(column["kl_eval_train"])


@needs_torch
def test_equal_data_are_no_distance_apart_and_what_cannot_be_compared_is_told(lint: Lint) -> None:
    words = ("probe", "data", "--python", PYTHON, "--train", "loaders:train", "--eval")
    done = lint(*words, "loaders:train", files={"loaders.py": LOADERS})
    assert done.code == 0, done.err
    title, _, first, *_ = done.out.splitlines()
    assert title == "16 samples of training, 16 of evaluation"
    assert first.split()[:1] + first.split()[5:10] == ["0", "0", "0", "0", "0", "0"]
    assert "label 1: 50.0% of training, 50.0% of evaluation" in done.out
    for source in ("loaders:rows", "loaders:nothing", "nowhere:loader"):
        assert lint(*words, source).code == 2


def test_a_folder_called_data_can_still_be_probed(lint: Lint) -> None:
    assert "required" in lint("probe", "data", "--train", "a:b").err
