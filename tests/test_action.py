"""The GitHub Action: its steps, run by the shell that it names, in a project as a job would have it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from command import BUG, FINE
from history import commit

HERE = Path(__file__).resolve().parents[1]
YAML: Any = importlib.import_module("yaml")  # comes with pre-commit, and without types
ACTION: Any = YAML.safe_load((HERE / "action.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")


class Job:
    """A job that has checked out a project and uses the action."""

    def __init__(self, folder: Path, installed: Mapping[str, str] = MappingProxyType({})) -> None:
        """`installed`: what the step that installs gave in another job; it is not run again."""
        self.workspace = folder / "workspace"
        self.temp = folder / "temp"
        for made in (self.workspace, self.temp):
            made.mkdir()
        self.summary = self.temp / "summary.md"
        self.installed = dict(installed)

    def use(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the steps until one fails; inputs are named with `_` for `-`."""
        known = {f"inputs.{name}": value["default"] for name, value in ACTION["inputs"].items()}
        given = {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
        assert set(given) <= set(known)
        values = {"github.action_path": str(HERE), **known, **given, **self.installed}
        for step in ACTION["runs"]["steps"][1 if self.installed else 0 :]:
            done = self._step(step, values)
            if done.returncode:
                break
        self.installed = {name: value for name, value in values.items() if name.startswith("steps.install.")}
        return done

    @property
    def outputs(self) -> dict[str, str]:
        """What the action gives to the steps after it."""
        return {
            name: EXPRESSION.sub(lambda match: self.installed[match[1]], output["value"])
            for name, output in ACTION["outputs"].items()
        }

    def _step(self, step: Any, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is an injection"
        output = self.temp / "output"
        output.write_text("")
        env = {name: EXPRESSION.sub(lambda match: values[match[1]], text) for name, text in step["env"].items()}
        env |= {"RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.summary)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        own = {name: value for name, value in os.environ.items() if not name.startswith(("GIT", "EVALLINT"))}
        done = subprocess.run(command, cwd=self.workspace, env=own | env, capture_output=True, text=True, check=False)
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            values[f"steps.{step['id']}.outputs.{name}"] = value
        return done


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job in which the action has found nothing."""
    job = Job(tmp_path_factory.mktemp("job"))
    assert job.use().returncode == 0
    return job


@pytest.fixture
def job(first: Job, tmp_path: Path) -> Job:
    """A job with the evallint that the first one has installed."""
    return Job(tmp_path, first.installed)


needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="the action's steps are for bash")


@needs_bash
@pytest.mark.slow
def test_the_action_annotates_summarizes_and_fails_on_a_bug(job: Job) -> None:
    commit({"a.py": BUG, "b c.py": BUG, "d.py": BUG}, cwd=job.workspace)
    done = job.use(src="a.py\nb c.py\n", sarif_file="evallint.sarif")
    assert done.returncode == 1, done.stderr
    assert re.findall(r"^::error .*?,file=(.*?),line=(\d+)", done.stdout, re.MULTILINE) == [
        ("a.py", "19"),
        ("b c.py", "19"),
    ]
    assert job.summary.read_text().startswith("### evallint\n\nFound 2 errors in 2 files.\n")
    assert len(json.loads((job.workspace / "evallint.sarif").read_text())["runs"][0]["results"]) == 2
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", job.outputs["evallint-version"])


@needs_bash
@pytest.mark.slow
def test_the_action_passes_options_on_and_nothing_else(job: Job) -> None:
    commit({"a.py": BUG, "b.py": FINE}, cwd=job.workspace)
    (job.workspace / "new.py").write_text(BUG)
    done = job.use(args="--diff-only\n--fail-on error", summary="false")
    assert done.returncode == 1, done.stderr
    assert re.findall(r"^::error .*?,file=(.*?),line", done.stdout, re.MULTILINE) == ["new.py"]
    assert not job.summary.exists()
    assert job.use(args="--exit-zero").returncode == 0
    done = job.use(args="$(touch hacked) `touch hacked` ; touch hacked")
    assert done.returncode in (1, 2)
    assert not (job.workspace / "hacked").exists()


@needs_bash
@pytest.mark.slow
def test_the_action_installs_the_version_that_is_asked_for_with_any_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path)
    done = job.use(version="999.0")
    assert done.returncode == 1
    assert "evallint==999.0" in done.stderr
    assert not list(job.temp.glob("evallint/bin/pip*"))
    old = tmp_path / "old" / "python3"
    old.parent.mkdir()
    old.write_text(f'#!/bin/sh\n[ "$1" != -c ] || exit 1\nexec {shutil.which("python3")} "$@"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    (job.workspace / "constraints.txt").write_text("evallint==998.0\n")
    done = job.use(version_file="constraints.txt")
    assert done.returncode == 1
    assert "ResolutionImpossible" in done.stderr
    assert list(job.temp.glob("evallint/bin/pip*"))
