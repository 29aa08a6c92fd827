"""The GitHub Action: its steps, run by the shell that it names, in a project as a job would have it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import BUG, FINE
from history import commit

HERE = Path(__file__).resolve().parents[1]
YAML: Any = importlib.import_module("yaml")  # comes with pre-commit, and without types
ACTION: Any = YAML.safe_load((HERE / "action.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")

pytestmark = pytest.mark.xdist_group("action")


class Job:
    """A job that has checked out a project and uses the action."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.temp = folder / "temp"
        for made in (self.workspace, self.temp):
            made.mkdir()
        self.summary = self.temp / "summary.md"
        self.outputs: dict[str, str] = {}

    def use(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the steps until one fails; inputs are named with `_` for `-`."""
        known = {f"inputs.{name}": value["default"] for name, value in ACTION["inputs"].items()}
        given = {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
        assert set(given) <= set(known)
        values = {"github.action_path": str(HERE), **known, **given}
        for step in ACTION["runs"]["steps"]:
            done = self._step(step, values)
            if done.returncode:
                break
        self.outputs = {
            name: EXPRESSION.sub(lambda match: values.get(match[1], ""), output["value"])
            for name, output in ACTION["outputs"].items()
        }
        return done

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
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the action has installed evallint once."""
    job = Job(tmp_path_factory.mktemp("job"))
    assert job.use().returncode == 0
    return job.temp / "evallint"


@pytest.fixture
def job(installed: Path, tmp_path: Path) -> Job:
    job = Job(tmp_path)
    shutil.copytree(installed, job.temp / "evallint", symlinks=True)
    return job


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
def test_the_action_installs_the_version_that_is_asked_for(job: Job) -> None:
    done = job.use(version="999.0")
    assert done.returncode == 1
    assert "evallint==999.0" in done.stderr
    (job.workspace / "constraints.txt").write_text("evallint==998.0\n")
    done = job.use(version_file="constraints.txt")
    assert done.returncode == 1
    assert "ResolutionImpossible" in done.stderr
