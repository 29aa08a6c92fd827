"""Real pre-commit installs the hook from this repository and runs it in another one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import BUG, FINE

HERE = Path(__file__).resolve().parents[1]
INSTALLED = ("src", "rules", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command free of the git repository that the tests themselves may be run by."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    env |= {"PRE_COMMIT_HOME": str(cwd.parent / "pre-commit"), "EVALLINT_OUTPUT_FORMAT": "concise"}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def git(*words: str, cwd: Path) -> str:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    done = run("git", *identity, *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit_all(folder: Path) -> str:
    git("init", "-q", cwd=folder)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "all", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with a bug, and a config that takes the hook from a copy of this repository."""
    folder = tmp_path_factory.mktemp("pre-commit")
    hook, project = folder / "hook", folder / "project"
    hook.mkdir()
    for name in INSTALLED:
        copy = shutil.copytree if (HERE / name).is_dir() else shutil.copy
        copy(HERE / name, hook / name)
    shutil.rmtree(hook / "src" / "evallint" / "__pycache__", ignore_errors=True)
    revision = commit_all(hook)
    (project / "gen").mkdir(parents=True)
    (project / "bug.py").write_text(BUG)
    (project / "gen" / "bug.py").write_text(BUG)
    (project / "fine.py").write_text(FINE)
    (project / "evallint.toml").write_text('extend-exclude = ["gen"]\n')
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hook}\n    rev: {revision}\n    hooks:\n      - id: evallint\n"
    )
    commit_all(project)
    return project


@pytest.mark.slow
def test_the_hook_fails_on_a_bug_and_obeys_the_config(project: Path) -> None:
    done = run(sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never", cwd=project)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "- exit code: 1" in said
    assert "bug.py:19:25: error[eval-missing]" in said
    assert "fine.py" not in said
    assert "gen/bug.py" not in said


@pytest.mark.slow
def test_the_hook_passes_where_nothing_is_wrong(project: Path) -> None:
    done = run(sys.executable, "-m", "pre_commit", "run", "--files", "fine.py", "--color=never", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
