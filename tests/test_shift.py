"""`evallint probe data`: how far two sources of data are apart."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from command import Lint
from test_report_html import opened
from torchside import PYTHON, needs_torch

from evallint.report.charts import png

LOADERS = """\
import torch

images = torch.linspace(0, 1, 16 * 3 * 4 * 4).reshape(16, 3, 4, 4)


def train():
    return [(images, torch.arange(16) % 2)]


shifted = [{"x": images + 1, "y": torch.zeros(16, dtype=torch.long)}]
loaded = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, torch.arange(16) % 2), num_workers=2)


def writes():
    open("stolen.txt", "w")


rows = [torch.zeros(4, 2)]
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
    words = ("probe", "data", "--python", PYTHON, "--train", "loaders:loaded", "--eval")
    done = lint(*words, "loaders:train", files={"loaders.py": LOADERS})
    assert done.code == 0, done.err
    assert "assumed: loaders read without workers" in done.err
    title, _, first, *_ = done.out.splitlines()
    assert title == "16 samples of training, 16 of evaluation"
    assert first.split()[:1] + first.split()[5:10] == ["0", "0", "0", "0", "0", "0"]
    assert "label 1: 50.0% of training, 50.0% of evaluation" in done.out
    scipy = importlib.util.find_spec("scipy")
    assert ("no p values: scipy is not installed" in done.err) == (scipy is None)
    for source, why in (
        ("loaders:rows", "training data have 3 columns, evaluation data 2"),
        ("loaders:writes", "the probe writes nothing outside its folder"),
    ):
        done = lint(*words, source)
        assert done.code == 2 and why in done.err
    assert not Path("stolen.txt").exists()


@needs_torch
def test_folders_of_images_make_a_page_that_asks_for_nothing(
    lint: Lint, browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, color in (("train/a", 0), ("train/b", 200), ("val/b", 250)):
        Path(path).mkdir(parents=True)
        for number in range(3):
            Path(path, f"{number}.png").write_bytes(png(2, 2, bytes([color + number, 9, 9] * 4)))
    home = Path("env/bin")
    home.mkdir(parents=True)
    (home / "python").write_text(f'#!/bin/sh\ntouch {tmp_path}/used\nexec {PYTHON} "$@"\n')
    (home / "python").chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", os.path.abspath("env"))
    words = ("probe", "data", "--train", "train", "--eval", "val", "--output-format", "html", "-o", "shift.html")
    done = lint(*words)
    assert (done.code, done.out) == (0, ""), done.err
    assert (tmp_path / "used").exists(), "the active environment's Python is the first to be asked"
    tab, complaints = opened(browser, tmp_path, Path("shift.html").read_text())
    assert complaints == []
    assert tab.locator("table").nth(1).inner_text().split()[-6:] == ["a", "50.0%", "0.0%", "b", "50.0%", "100.0%"]
    assert tab.locator("svg").count() == 1, "two of the three channels are equal everywhere"


def test_a_folder_called_data_can_still_be_probed(lint: Lint) -> None:
    assert "required" in lint("probe", "data", "--train", "a:b").err
