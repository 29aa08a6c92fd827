"""Projects as they are laid out, from end to end: where a model is defined, how it is handed on, where evallint runs.

In each, the bug can only be seen by following imports from file to file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command import AT, BUG, NET, Lint, Outcome, rules
from history import commit

MODEL = NET.rstrip() + "\n"
USE = """\
import torch
{imports}


def validate(val_loader):
    model = {name}()
    correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            correct += (model(x) == y).sum()
"""
HARMLESS = "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return x\n"


def use(imports: str, name: str = "Net") -> str:
    return USE.format(imports=imports, name=name)


# ---- how names are handed on ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("init", "imports", "name"),
    [
        ("from .nets import Net\n", "from lib import Net", "Net"),
        ("from .nets import Net as Model\n", "from lib import Model", "Model"),
        ("from .nets import *\n", "from lib import Net", "Net"),
        ("from lib.nets import Net\n", "import lib", "lib.Net"),
        ("from . import nets\n", "import lib", "lib.nets.Net"),
        ("from . import nets\nNet = nets.Net\n", "from lib import Net", "Net"),
        ("from .nets import *\n", "from lib import *", "Net"),
        ("", "from lib.nets import Net", "Net"),
        ("", "import lib.nets as n", "n.Net"),
        ("try:\n    from .quick import Net\nexcept ImportError:\n    from .nets import Net\n", "import lib", "lib.Net"),
        ("from .inner import Net\n", "from lib import Net", "Net"),
    ],
)
def test_a_model_is_found_through_what_a_package_hands_on(lint: Lint, init: str, imports: str, name: str) -> None:
    files = {
        "lib/__init__.py": init,
        "lib/nets.py": MODEL,
        "lib/inner/__init__.py": "from ..nets import Net\n",
        "run.py": use(imports, name),
    }
    assert rules(lint("--output-format", "json", files=files)) == [("run.py", "eval-missing")]


def test_what_a_package_hands_on_is_not_taken_for_its_namesake(lint: Lint) -> None:
    files = {
        "lib/__init__.py": "from .plain import Net\n",
        "lib/nets.py": MODEL,
        "lib/plain.py": HARMLESS,
        "run.py": use("from lib import Net"),
    }
    assert rules(lint("--output-format", "json", files=files)) == []


# ---- layouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("home", "script", "imports"),
    [
        ("src/lib", "src/lib/run.py", "from lib.nets import Net"),
        ("src/lib", "src/lib/run.py", "from .nets import Net"),
        ("src/lib", "scripts/run.py", "from lib.nets import Net"),
        ("src/lib", "tests/deep/run.py", "from lib.nets import Net"),
        ("lib", "run.py", "from lib.nets import Net"),
        ("lib", "tools/run.py", "from lib.nets import Net"),
        (".", "run.py", "from nets import Net"),
        ("project/code", "project/code/run.py", "from nets import Net"),
        ("packages/one/src/lib", "packages/two/src/other/run.py", "from lib.nets import Net"),
    ],
)
@pytest.mark.parametrize("is_namespace", [False, True])
def test_a_model_is_found_in_every_layout(lint: Lint, home: str, script: str, imports: str, is_namespace: bool) -> None:
    files = {f"{home}/nets.py": MODEL, script: use(imports)}
    if not is_namespace and home.endswith("lib"):
        files[f"{home}/__init__.py"] = ""
    assert rules(lint("--output-format", "json", files=files)) == [(script, "eval-missing")]


def test_two_parts_of_a_namespace_package_are_one(lint: Lint) -> None:
    files = {
        "one/src/org/nets.py": MODEL,
        "two/src/org/runs/run.py": use("from org.nets import Net"),
        "two/src/org/others.py": HARMLESS,
    }
    assert rules(lint("--output-format", "json", files=files)) == [("two/src/org/runs/run.py", "eval-missing")]


# ---- where evallint runs, and what it is given ---------------------------------------------------


def found(outcome: Outcome) -> list[tuple[str, int, int, list[str]]]:
    return [
        (one["path"], one["line"], one["column"], [step["path"] for step in one["trace"]])
        for one in json.loads(outcome.out)["findings"]
    ]


PROJECT = {"pyproject.toml": "", "src/lib/__init__.py": "", "src/lib/nets.py": MODEL, "scripts/a.py": BUG}


@pytest.mark.parametrize(
    ("directory", "path", "shown"),
    [
        (".", ".", "scripts/a.py"),
        (".", "scripts", "scripts/a.py"),
        (".", "./scripts/", "scripts/a.py"),
        (".", "scripts/a.py", "scripts/a.py"),
        (".", "scripts/../scripts//a.py", "scripts/a.py"),
        ("scripts", ".", "a.py"),
        ("scripts", "a.py", "a.py"),
        ("src/lib", "../../scripts", "../../scripts/a.py"),
        ("src", "..", "../scripts/a.py"),
    ],
)
def test_paths_are_shown_from_where_evallint_runs(
    lint: Lint, monkeypatch: pytest.MonkeyPatch, directory: str, path: str, shown: str
) -> None:
    lint("--show-files", files=PROJECT)
    monkeypatch.chdir(directory)
    for given in (path, os.path.abspath(path)):
        assert found(lint("--output-format", "json", given)) == [(shown, *AT, [shown] * 2)]


@pytest.mark.parametrize("directory", [".", "scripts", "src"])
def test_a_fingerprint_does_not_depend_on_where_evallint_runs(
    lint: Lint, monkeypatch: pytest.MonkeyPatch, directory: str
) -> None:
    files = {**PROJECT, "pyproject.toml": "[tool.evallint]\n"}
    (here,) = json.loads(lint("--output-format", "json", files=files).out)["findings"]
    root = Path.cwd()
    monkeypatch.chdir(directory)
    (there,) = json.loads(lint("--output-format", "json", str(root)).out)["findings"]
    assert there["fingerprint"] == here["fingerprint"]


def test_a_subfolder_alone_is_linted_by_what_is_in_it(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"lib/__init__.py": "", "lib/nets.py": MODEL, "lib/run.py": use("from lib.nets import Net")}
    lint("--show-files", files=files)
    assert rules(lint("--output-format", "json", "lib")) == [("lib/run.py", "eval-missing")]
    monkeypatch.chdir("lib")
    assert rules(lint("--output-format", "json")) == [("run.py", "eval-missing")]


def test_a_file_alone_says_nothing_of_models_that_are_not_in_sight(lint: Lint) -> None:
    files = {"lib/__init__.py": "", "lib/nets.py": HARMLESS, "run.py": use("from lib.nets import Net")}
    assert rules(lint("--output-format", "json", "run.py", files=files)) == []


# ---- one file, with its project in sight ---------------------------------------------------------

SPREAD = {
    "pyproject.toml": "[tool.evallint]\n",
    "lib/__init__.py": "",
    "lib/nets.py": MODEL,
    "run.py": use("from lib.nets import Net"),
    "other.py": BUG,
    "broken.py": "import torch\ndef (\n",
}
IN_CONTEXT = ("--with-context", "--output-format", "json")


def test_a_file_is_judged_with_its_project_in_sight_and_nothing_else_is_told(lint: Lint) -> None:
    outcome = lint(*IN_CONTEXT, "run.py", files=SPREAD)
    report = json.loads(outcome.out)
    assert rules(outcome) == [("run.py", "eval-missing")]
    assert report["errors"] == []
    assert report["summary"]["files"] == 1
    assert outcome.code == 1
    assert lint(*IN_CONTEXT, "lib").code == 0
    assert [one["path"] for one in json.loads(lint(*IN_CONTEXT, "broken.py").out)["errors"]] == ["broken.py"]


def test_the_project_of_a_file_is_the_same_from_everywhere(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    lint("--show-files", files=SPREAD)
    root = Path.cwd()
    monkeypatch.chdir("lib")
    assert rules(lint(*IN_CONTEXT, "../run.py")) == [("../run.py", "eval-missing")]
    monkeypatch.chdir(root.parent)
    assert rules(lint(*IN_CONTEXT, str(root / "run.py"))) == [(f"{root.name}/run.py", "eval-missing")]


def test_without_a_config_the_repository_is_the_project_and_without_one_the_folder(lint: Lint) -> None:
    files = {name: text for name, text in SPREAD.items() if name != "pyproject.toml"}
    files["deep/run.py"] = use("from lib.nets import Net")
    assert rules(lint(*IN_CONTEXT, "deep/run.py", files=files)) == []
    assert rules(lint(*IN_CONTEXT, "run.py")) == [("run.py", "eval-missing")]
    commit({})
    assert rules(lint(*IN_CONTEXT, "run.py", "deep/run.py")) == [
        ("deep/run.py", "eval-missing"),
        ("run.py", "eval-missing"),
    ]


def test_with_its_project_in_sight_a_comment_of_a_file_can_be_called_unused(lint: Lint) -> None:
    comment = "x = 1  # evallint: ignore[eval-missing]\n"
    files = {name: text for name, text in SPREAD.items() if name != "broken.py"} | {"run.py": comment}
    assert rules(lint(*IN_CONTEXT, "run.py", files=files)) == [("run.py", "suppression-unused")]
    assert rules(lint("--output-format", "json", "run.py")) == []


def test_what_is_excluded_can_still_be_named(lint: Lint) -> None:
    files = {**SPREAD, "evallint.toml": 'extend-exclude = ["gen"]\n', "gen/a.py": use("from lib.nets import Net")}
    assert rules(lint(*IN_CONTEXT, "gen/a.py", files=files)) == [("gen/a.py", "eval-missing")]
    assert rules(lint(*IN_CONTEXT, "--force-exclude", "gen/a.py")) == []


def test_what_is_new_in_a_file_is_found_with_its_project_in_sight(lint: Lint) -> None:
    commit({**SPREAD, "lib/nets.py": HARMLESS})
    assert lint("-q", "--with-context", "--diff-only", "run.py") == (0, "", "")
    Path("lib/nets.py").write_text(MODEL)
    assert rules(lint(*IN_CONTEXT, "--diff-only", "run.py")) == [("run.py", "eval-missing")]
