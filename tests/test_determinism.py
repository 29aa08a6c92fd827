"""The same files give the same report, byte for byte, however the run comes about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import BUG, FINE

FILES = {
    "pkg/__init__.py": "from .net import Net\n",
    "pkg/net.py": BUG,
    "pkg/fine.py": FINE,
    "pkg/deep/again.py": BUG.replace("validate", "test"),
    "broken.py": "import torch\nx = (\n",
    "latin.py": "import torch  # \xe9\n",
    "many.py": BUG + "".join(f"\n\ndef test_{n}(test_loader):\n    validate(test_loader)\n" for n in range(20)),
    "ignored.py": BUG.replace("== y).sum()", "== y).sum()  # evallint: ignore[eval-missing, grad]"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for name, text in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(text.encode("latin-1"))
    return tree


def report(tree: Path, *words: str, seed: str = "0") -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed}
    environment.pop("EVALLINT_CACHE_DIR", None)
    command = [sys.executable, "-m", "evallint", "--output-format", "json", "--show-info", *words]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    return done.stdout


@pytest.fixture(scope="module")
def expected(tree: Path) -> str:
    found = report(tree, "--no-cache", ".")
    assert found.count('"eval-missing"') >= 3
    assert found.count("broken.py") == found.count("latin.py") == 1
    return found


def test_whatever_the_number_of_workers(tree: Path, expected: str) -> None:
    assert report(tree, "--no-cache", "--jobs", "3", ".") == expected


@pytest.mark.parametrize("seed", ["1", "20", "random"])
def test_whatever_the_order_of_sets(tree: Path, expected: str, seed: str) -> None:
    assert report(tree, "--no-cache", ".", seed=seed) == expected


def test_whatever_the_order_of_paths(tree: Path, expected: str) -> None:
    paths = sorted(os.listdir(tree))
    folders = [path for path in paths if (tree / path).is_dir()]
    files = [path for path in paths if path not in folders]
    assert report(tree, "--no-cache", *folders, *files) == report(tree, "--no-cache", *reversed([*folders, *files]))


def test_with_and_without_a_cache(tree: Path, expected: str, tmp_path: Path) -> None:
    cached = ("--cache-dir", str(tmp_path), ".")
    assert report(tree, *cached) == expected
    assert report(tree, *cached, seed="random") == expected
    (tree / "pkg" / "fine.py").write_text(FINE + "# changed\n")
    assert report(tree, *cached) == expected


EITHER = """\
import torch
from torch import nn

def run(which, x):
    models = {"a": nn.Dropout(), "b": nn.BatchNorm1d(8), "c": nn.Sequential(nn.Dropout2d())}
    model = models[which]
    model.eval()
    return model(x), models["b" if which else "c"](x), getattr(model, "training")
"""
FORWARDS = """\
import sys
from evallint.extract import extract
from evallint.interpret import interpret
from evallint.link import link

for events in interpret(link({"either.py": extract(sys.argv[1])})):
    print(*((event.nature.because, event.receiver, event.mode) for event in events.forwards))
"""


def test_whatever_comes_first_of_what_a_value_may_be() -> None:
    def forwards(seed: str) -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", FORWARDS, EITHER]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert len({forwards(seed) for seed in ("1", "2", "3", "4", "5", "6")}) == 1
