"""`evallint trace`: the command stays as it is, and what its modules did meets the findings."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command import BUG, Lint
from torchside import PYTHON, needs_torch

from evallint import cli
from evallint.trace import running

TRACE = (sys.executable, "-m", "evallint", "trace", "-q", "--isolated", "--")
WITH_US = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).resolve().parents[2])}
AT = {"path": "", "line": 19, "end_line": 19, "column": 25, "function": "validate"}
"""The evaluating call of BUG."""


# ---- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_that_of_the_command(code: int, tmp_path: Path) -> None:
    words = (sys.executable, "-c", f"raise SystemExit({code})")
    assert running.run(words, running.environment(str(tmp_path), os.environ)) == code


def test_what_the_command_prints_comes_out_to_the_byte(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    program = r"import os; os.write(1, b'\xff\x00 no end of line'); os.write(2, b'\xfe')"
    running.run((sys.executable, "-c", program), running.environment(str(tmp_path), os.environ))
    assert capfdbinary.readouterr() == (b"\xff\x00 no end of line", b"\xfe")


def test_a_command_that_cannot_start_is_told_as_shells_do(lint: Lint) -> None:
    code, out, err = lint("trace", "--", "./no-such-command")
    assert (code, out) == (127, "")
    assert "./no-such-command: No such file or directory" in err


def test_trace_without_a_command_is_refused(lint: Lint) -> None:
    code, _, err = lint("trace", "python", "validate.py")
    assert code == 2
    assert "too many" in err
    assert lint("trace").code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_reaches_the_command_and_ends_both_alike(name: str, tmp_path: Path) -> None:
    number = getattr(signal, name)
    program = (
        f"import signal, time; signal.signal(signal.{name}, signal.SIG_DFL); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        (*TRACE, sys.executable, "-c", program),
        cwd=tmp_path,
        env=WITH_US,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -number, err
    assert json.loads((tmp_path / "evallint-trace.json").read_text())["exit_code"] == -number


def test_the_users_own_sitecustomize_still_runs_and_the_search_path_stays(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.own = __file__; print(__name__)")
    variables = running.environment(str(tmp_path / "records"), {**os.environ, "PYTHONPATH": str(tmp_path)})
    program = (
        "import sitecustomize, sys; print(sys.own == sitecustomize.__file__, any('injected' in p for p in sys.path))"
    )
    done = subprocess.run((sys.executable, "-c", program), env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["sitecustomize", "True", "False"]
    assert done.stderr == ""


def test_a_process_without_torch_writes_nothing(tmp_path: Path) -> None:
    running.run((sys.executable, "-c", "import json"), running.environment(str(tmp_path), os.environ))
    assert list(tmp_path.iterdir()) == []


def test_the_recorder_is_written_in_python_3_8() -> None:
    for file in running.INJECTED.glob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 8))


# ---- what was recorded, and the findings ---------------------------------------------------------


def process(rank: str | None = None) -> dict[str, Any]:
    return {"process": 7, "command": ["python"], "rank": rank, "python": "3.11.7", "torch": "2.13.0"}


def site(**more: Any) -> dict[str, Any]:
    """A recorded call of `Net` in BUG, in training mode."""
    at = {**AT, "path": os.path.abspath("a.py")}
    return {
        "site": 0,
        "caller": at,
        "stack": [at],
        "module": "Net",
        "defined_in": "a",
        "wrapped_in": [],
        "mode": "train",
        "own_mode": "train",
        "in_training": 2,
        "modules": 2,
        "differing": [],
        "heeds_mode": {"dropout": {"all": 1, "in_training": 1}},
        "parameters": 0,
        "trainable": False,
        "buffers": 0,
        "gradients": "off",
        "device": "cpu",
        "dtype": None,
        "autocast": None,
        "input": {"shape": [4, 2], "dtype": "float32", "device": "cpu"},
        "calls": 3,
        "graphs": 0,
        "raised": 0,
        "kept": 0,
        "unmeasured": "",
        "moved": [],
        **more,
    }


IN_EVAL = {
    "mode": "eval",
    "own_mode": "eval",
    "in_training": 0,
    "heeds_mode": {"dropout": {"all": 1, "in_training": 0}},
}


def told(lint: Lint, **processes: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What comes of BUG and what processes wrote: the JSON, and the table."""
    Path("records").mkdir(exist_ok=True)
    for name, lines in processes.items():
        Path("records", f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcome = lint("trace", "--folder", "records", files={"a.py": BUG})
    assert (outcome.code, outcome.out) == (0, "")
    return json.loads(Path("evallint-trace.json").read_text()), outcome.err


def test_a_finding_whose_call_ran_in_training_mode_is_confirmed(lint: Lint) -> None:
    document, table = told(lint, one=[process(), site()])
    (finding,) = document["findings"]
    assert (finding["rule"], finding["verdict"], finding["sites"]) == ("eval-missing", "confirmed", [0])
    assert finding["because"] == "`Net` ran in training mode in 3 calls (1 dropout active)"
    assert "a.py:19" in table
    assert "confirmed    a.py:19:25: [eval-missing]" in table


def test_a_finding_whose_calls_all_ran_in_evaluation_mode_is_refuted(lint: Lint) -> None:
    document, table = told(lint, one=[process(), site(**IN_EVAL)])
    assert [finding["verdict"] for finding in document["findings"]] == ["refuted"]
    assert "`Net` ran in evaluation mode in 3 calls" in table


def test_a_finding_whose_call_never_ran_is_not_reached(lint: Lint) -> None:
    elsewhere = {**AT, "path": os.path.abspath("a.py"), "line": 3, "end_line": 3}
    document, _ = told(lint, one=[process(), site(stack=[elsewhere], caller=elsewhere)])
    assert document["summary"] == {"confirmed": 0, "refuted": 0, "not reached": 1}


def test_of_two_calls_on_one_line_the_one_at_the_column_counts(lint: Lint) -> None:
    other = {**AT, "path": os.path.abspath("a.py"), "column": 40}
    document, _ = told(
        lint, one=[process(), site(**IN_EVAL), site(site=1, module="Other", stack=[other], caller=other)]
    )
    assert [finding["verdict"] for finding in document["findings"]] == ["refuted"]


def test_a_part_in_training_mode_is_named(lint: Lint) -> None:
    _, table = told(lint, one=[process(), site(mode="mixed", own_mode="eval", in_training=1, differing=["drop"])])
    assert "eval, but train: drop" in table
    assert "`Net` ran partly in training mode in 3 calls (1 dropout active)" in table


def test_equal_sites_of_the_ranks_of_a_run_are_one(lint: Lint) -> None:
    first = [process("0"), site(calls=1), site(calls=5, moved=["n"], device="cuda:0"), {"site": 1, "cut": "off"}]
    document, _ = told(lint, one=first[:3], two=[process("1"), site(calls=2, device="cuda:1", kept=None)])
    (merged,) = document["sites"]
    assert (merged["calls"], merged["ranks"], merged["processes"]) == (7, ["0", "1"], 2)
    assert merged["buffers_moved"] == ["n"]


def test_a_line_that_was_cut_off_and_a_recorder_that_failed_do_not_hide_the_rest(lint: Lint) -> None:
    document, table = told(lint, one=[process(), site(), {"failed": "ValueError: x"}])
    with open("records/one.jsonl", "a") as stream:
        stream.write('{"site": 1, "cal')
    document, table = told(lint)
    assert len(document["sites"]) == 1
    assert "failed, and recorded nothing more: ValueError: x" in table


# ---- the recorder, where there is torch ----------------------------------------------------------

PROGRAM = """\
import multiprocessing, sys, threading
import torch; torch.set_num_threads(1)  # a fork of a process with OpenMP threads waits for them for ever
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        if x.numel() == 0:
            raise KeyboardInterrupt if x.dim() == 1 else ValueError
        return self.drop(self.body(x)).sum()


def score(model):
    for _ in range(12):
        model(torch.zeros(4, 3, 8, 8))


def overwrite(net):
    total = net(torch.zeros(4, 3, 8, 8, requires_grad=True))
    net.body[0].weight.data.add_(1)
    with torch.no_grad():
        net.body[0].weight.add_(1)
    try:
        total.backward()
    except RuntimeError as error:
        print("inplace" in str(error))


if __name__ == "__main__":
    net = Net()
    score(net)
    net.drop.eval()
    with torch.no_grad():
        score(net)
    net.eval()
    with torch.inference_mode():
        score(nn.DataParallel(net))
    for empty in (torch.zeros(0), torch.zeros(0, 0), torch.zeros(0)):
        try:
            net(empty)
        except (KeyboardInterrupt, ValueError) as error:
            print(type(error).__name__)
    net(torch.zeros(4, 3, 8, 8))
    net(torch.zeros(4, 3, 8, 8))
    overwrite(net)
    child = multiprocessing.get_context("fork").Process(target=score, args=(net,))
    child.start()
    child.join()
    threads = [threading.Thread(target=score, args=(net,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(net._forward_hooks))
    sys.exit(7)
"""


@needs_torch
def test_the_recorder_sees_every_call_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(PROGRAM)
    plain = subprocess.run((PYTHON, "run.py"), cwd=tmp_path, capture_output=True, check=False, timeout=120)
    traced = subprocess.run(
        (*TRACE, PYTHON, "run.py"), cwd=tmp_path, env=WITH_US, capture_output=True, check=False, timeout=120
    )
    assert (traced.returncode, traced.stdout, traced.stderr) == (7, plain.stdout, plain.stderr)
    document = json.loads((tmp_path / "evallint-trace.json").read_text())
    assert document["failures"] == []
    first, second, third, *rest = [at for at in document["sites"] if at["function"] == "score"]
    assert (first["line"], first["module"], first["mode"], first["gradients"]) == (20, "Net", "train", "on")
    assert (first["calls"], first["graphs"], first["processes"]) == (12, 12, 1)
    assert first["buffers_moved"] == ["body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"]
    assert first["kept_bytes"] > 4 * 8 * 6 * 6 * 4
    assert (second["mode"], second["differing"], second["gradients"]) == ("mixed", ["drop"], "off")
    assert (third["mode"], third["wrapped_in"], third["kept_bytes"]) == ("eval", ["DataParallel"], 0)
    assert sum(at["calls"] for at in rest) > 12, "of a forked child, and of threads that overlap"
    assert [at["calls"] for at in document["sites"] if at["line"] in (48, 49)] == [1], (
        "after an interrupt, the next call but one"
    )


@needs_torch
def test_pytest_tells_of_the_modules_that_tests_call(tmp_path: Path) -> None:
    done = subprocess.run((PYTHON, "-c", "import pytest"), check=False, capture_output=True)
    if done.returncode:
        pytest.skip("no pytest where torch is")
    text = "import pytest, torch\n\n\n@pytest.mark.parametrize('n', range(4))\ndef test_net(n):\n"
    (tmp_path / "test_net.py").write_text(f"{text}    torch.nn.Dropout(0.5)(torch.zeros(2))\n")
    workers = ("-p", "xdist", "-n", "2") if importlib.util.find_spec("xdist") else ()
    environment = {
        **WITH_US,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # others take longer to import than the test to run
    words = (PYTHON, "-m", "pytest", "-q", *workers, "-p", "evallint.trace", "test_net.py")
    started = time.monotonic()
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    assert b"test_net.py:6  Dropout  train" in done.stdout, time.monotonic() - started
    (recorded,) = json.loads((tmp_path / "evallint-trace.json").read_text())["sites"]
    assert recorded["calls"] == 4


@needs_torch
def test_ipython_tells_of_the_modules_that_a_script_calls(tmp_path: Path) -> None:
    pytest.importorskip("IPython", reason="no IPython")
    (tmp_path / "score.py").write_text("import torch\n\ntorch.nn.Dropout(0.5)(torch.zeros(2))\n")
    (tmp_path / "cells.ipy").write_text("%load_ext evallint.trace\n%run score.py\n%evallint_trace\n")
    words = (sys.executable, "-m", "IPython", "--no-banner", "cells.ipy")
    environment = {**WITH_US, "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=120)
    assert b"score.py:3  Dropout  train" in done.stdout, done.stderr


RANKS = """\
import os
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Scored(Dataset):
    def __init__(self):
        self.net = nn.Dropout(0.5)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.net(torch.zeros(2))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    net = nn.parallel.DistributedDataParallel(nn.Linear(2, 2))
    for _ in range(3):
        net(torch.zeros(4, 2)).sum().backward()
    if os.environ["RANK"] == "0":
        torch.compile(nn.Linear(2, 2), backend="eager")(torch.zeros(4, 2))
    else:
        list(DataLoader(Scored(), num_workers=1, multiprocessing_context="spawn"))
    dist.destroy_process_group()
"""


@needs_torch
def test_ranks_compiled_modules_and_spawned_workers_are_recorded(tmp_path: Path) -> None:
    (tmp_path / "ranks.py").write_text(RANKS)
    words = (PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "ranks.py")
    done = subprocess.run((*TRACE, *words), cwd=tmp_path, env=WITH_US, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "evallint-trace.json").read_text())
    told = {(at["module"], *at["wrapped_in"]): (at["calls"], at["ranks"]) for at in document["sites"]}
    assert told == {
        ("Linear", "DistributedDataParallel"): (6, ["0", "1"]),
        ("Linear", "OptimizedModule"): (1, ["0"]),
        ("Dropout",): (4, ["1"]),
    }
