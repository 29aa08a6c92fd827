"""Real pre-commit installs the hook from this repository and runs it at the commits of another one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from command import BUG, FINE, NET
from history import IDENTITY, commit, git, run

HERE = Path(__file__).resolve().parents[1]
INSTALLED = ("src", "rules", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
USE = "import torch\nfrom models.net import Net\n\n\n" + BUG.removeprefix(NET).lstrip()
"""A bug that only the class in another file tells of."""


class Project(NamedTuple):
    """A repository whose commits pass through the hook."""

    folder: Path
    store: Path

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def commit(self, *staged: str) -> subprocess.CompletedProcess[str]:
        """Stages files, if any are given, and commits what is staged."""
        if staged:
            git("add", *staged, cwd=self.folder)
        return self.run("git", *IDENTITY, "commit", "-m", "a change")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(*words, cwd=self.folder, PRE_COMMIT_HOME=str(self.store), EVALLINT_OUTPUT_FORMAT="concise")


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with this evallint, and its commit."""
    folder = tmp_path_factory.mktemp("hook") / "evallint"
    folder.mkdir()
    for name in INSTALLED:
        copy = shutil.copytree if (HERE / name).is_dir() else shutil.copy
        copy(HERE / name, folder / name)
    shutil.rmtree(folder / "src" / "evallint" / "__pycache__", ignore_errors=True)
    return folder, commit({}, cwd=folder)


@pytest.fixture
def project(hook: tuple[Path, str], tmp_path: Path) -> Project:
    """A project with old bugs, committed before it took up the hook."""
    folder, revision = hook
    project = Project(tmp_path / "project", folder.parent / "store")
    project.folder.mkdir()
    files: dict[str, str | None] = {
        "models/net.py": NET,
        "old.py": BUG,
        "gen/old.py": BUG,
        "fine.py": FINE,
        "broken.py": "import torch\ndef (\n",
        "evallint.toml": 'extend-exclude = ["gen"]\n',
        ".pre-commit-config.yaml": (
            f"repos:\n  - repo: {folder}\n    rev: {revision}\n    hooks:\n      - id: evallint\n"
        ),
    }
    commit(files, cwd=project.folder)
    done = project.run(sys.executable, "-m", "pre_commit", "install")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


@pytest.mark.slow
def test_on_all_files_the_hook_tells_every_bug_and_obeys_the_config(project: Project) -> None:
    done = project.run(sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never")
    assert done.returncode == 1, said(done)
    assert "- exit code: 1" in said(done)
    assert "old.py:19:25: error[eval-missing]" in said(done)
    assert "broken.py:2: not judged" in said(done)
    assert "fine.py" not in said(done)
    assert "gen/old.py" not in said(done)


@pytest.mark.slow
def test_a_commit_is_judged_with_the_whole_project_in_sight_and_told_of_its_own_files_only(project: Project) -> None:
    project.write("use.py", USE)
    done = project.commit("use.py")
    assert done.returncode == 1, said(done)
    assert "use.py:10:25: error[eval-missing]" in said(done)
    assert "old.py" not in said(done)
    assert "broken.py" not in said(done)
    project.write("use.py", USE.replace("correct = 0", "model.eval()"))
    done = project.commit("use.py")
    assert done.returncode == 0, said(done)
    assert (project.folder / ".evallint_cache").exists()
    assert git("status", "--porcelain", cwd=project.folder) == ""


@pytest.mark.slow
def test_a_comment_that_silences_what_only_the_project_tells_is_not_called_unused(project: Project) -> None:
    git("rm", "-q", "broken.py", cwd=project.folder)
    silenced = USE.replace(".sum()", ".sum()  # evallint: ignore[eval-missing] -- Monte Carlo dropout")
    project.write("use.py", silenced)
    assert project.commit("use.py").returncode == 0
    project.write("use.py", silenced.replace("correct = 0", "model.eval()"))
    assert "[suppression-unused]" in said(project.commit("use.py"))


@pytest.mark.slow
def test_of_a_file_that_is_staged_in_part_the_staged_part_is_judged(project: Project) -> None:
    project.write("use.py", USE)
    git("add", "use.py", cwd=project.folder)
    project.write("use.py", USE.replace("correct = 0", "model.eval()"))
    done = project.commit()
    assert done.returncode == 1, said(done)
    assert "use.py:10:25: error[eval-missing]" in said(done)
    git("add", "use.py", cwd=project.folder)
    project.write("use.py", USE)
    done = project.commit()
    assert done.returncode == 0, said(done)
    assert (project.folder / "use.py").read_text() == USE
    assert "model.eval()" in git("show", "HEAD:use.py", cwd=project.folder)


@pytest.mark.slow
def test_notebooks_are_judged_by_cells(project: Project) -> None:
    def notebook(*cells: str) -> str:
        listed = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
        return json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    project.write("old.ipynb", notebook(BUG))
    git("add", "old.ipynb", cwd=project.folder)
    git("commit", "-q", "--no-verify", "-m", "an old notebook", cwd=project.folder)
    project.write("use.ipynb", notebook("%matplotlib inline", USE))
    done = project.commit("use.ipynb")
    assert done.returncode == 1, said(done)
    assert "use.ipynb:cell 2:10:25: error[eval-missing]" in said(done)
    assert "old.ipynb" not in said(done)
    project.write("use.ipynb", notebook("%matplotlib inline", USE.replace("correct = 0", "model.eval()")))
    assert project.commit("use.ipynb").returncode == 0
