"""What the documentation tells people to run does what it says."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from command import BUG, FINE
from history import commit, git

from evallint import cli

HERE = Path(__file__).resolve().parents[1]
YAML: Any = importlib.import_module("yaml")  # comes with pre-commit, and without types
ACTION: Any = YAML.safe_load((HERE / "action.yml").read_text(encoding="utf-8"))
DOCS = ("README.md", "docs/ci.md", "docs/usage.md")
ELSEWHERE = ("pip install", "make ", "reviewdog ")
"""How commands begin that need a package index or another program."""


def blocks(language: str) -> list[Any]:
    """The code blocks of the documentation in a language, each with where it stands."""
    found = []
    for name in DOCS:
        text = (HERE / name).read_text(encoding="utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            found.append(pytest.param(match[1], id=f"{name}:{line}"))
    return found


def steps(value: Any) -> Iterator[dict[str, Any]]:
    """The steps of GitHub's jobs, wherever in a document they stand."""
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from steps(child)
    if isinstance(value, dict) and {"run", "uses"} & set(value):
        yield value


def scripts(value: Any) -> Iterator[str]:
    """The commands of GitHub's steps, GitLab's scripts and pre-commit's hooks."""
    yield from (step["run"] for step in steps(value) if "run" in step)
    for key, child in value.items() if isinstance(value, dict) else ():
        if key == "script":
            yield from child
        elif key == "entry":
            yield f"{child} model/net.py"
        else:
            yield from scripts(child)
    for child in value if isinstance(value, list) else ():
        yield from () if "run" in child else scripts(child)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with bugs on a branch, as a job has it that keeps the cache of those before."""
    for name in [name for name in os.environ if name.startswith(("GIT", "EVALLINT"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EVALLINT_CACHE_DIR", str(cache))
    folder = tmp_path / "project"
    folder.mkdir()
    commit({"src/train.py": FINE, "model/net.py": FINE, "evallint.toml": ""}, cwd=folder)
    git("tag", "v1.2", cwd=folder)
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=folder)
    git("checkout", "-q", "-b", "topic", cwd=folder)
    commit({"src/bug.py": BUG, "notebooks/.keep": ""}, cwd=folder)
    return folder


def assert_runs(command: str, folder: Path) -> None:
    """A command, up to the first program that is not ours, must not be refused; what it writes must be whole."""
    own = command.split(" | ")[0].replace("${{ github.base_ref }}", "main")
    if own.startswith(ELSEWHERE):
        return
    assert own.startswith("evallint "), f"`{own}` is a command that no test runs"
    words = f"{sys.executable} -m {own}"
    env = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).resolve().parents[2])}
    done = subprocess.run(words, cwd=folder, env=env, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    for written in re.findall(r"\b(?:sarif|gitlab|json):([\w.-]+)", own):
        assert json.loads((folder / written).read_text())
    for written in re.findall(r"\bjunit:([\w.-]+)", own):
        assert ElementTree.fromstring((folder / written).read_text()).tag == "testsuites"


@pytest.mark.parametrize("block", blocks("console"))
def test_every_command_that_is_shown_runs(block: str, project: Path) -> None:
    for line in block.splitlines():
        command = re.sub(r"\s+#.*", "", line).removeprefix("$ ")
        if command and not command.startswith("evallint server"):
            assert_runs(command, project)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_snippet_for_a_server_is_yaml_whose_commands_run(block: str, project: Path) -> None:
    whole = YAML.safe_load(block)
    for command in scripts(whole):
        assert_runs(command, project)
    for step in steps(whole):
        if step.get("uses", "").startswith("OWNER/evallint@"):
            assert set(step["with"]) <= set(ACTION["inputs"])
            assert_runs(f"evallint {step['with']['args']}", project)


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_config_that_is_shown_can_be_followed(block: str, project: Path) -> None:
    (project / "evallint.toml").unlink()
    (project / "pyproject.toml").write_text(block)
    assert_runs("evallint --show-settings .", project)


def test_the_hook_that_is_shown_for_local_use_is_the_one_that_is_published() -> None:
    (published,) = YAML.safe_load((HERE / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    shown = [YAML.safe_load(block.values[0]) for block in blocks("yaml")]
    repositories = [one for whole in shown if isinstance(whole, dict) for one in whole.get("repos", ())]
    (local,) = (hook for one in repositories if one["repo"] == "local" for hook in one["hooks"])
    assert {name: published[name] for name in local if name != "language"} == {
        name: value for name, value in local.items() if name != "language"
    }
