"""What `evallint trace` costs: steps of a ResNet-18 on the CPU, with and without the recorder, in turns.

    python benchmarks/tracing.py [STEPS]

Needs torch and torchvision. CPU time of one thread. Steps alternate between recorded and not, so that what
else the machine does weighs on both; the figure is the median of the differences of neighbours over the median step.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evallint.trace.running import INJECTED

SIZES = ((8, 224), (2, 64), (1, 33))
"""Batch and side of the images: a step of a usual size, and two that are small enough to show the cost."""


def main(words: list[str]) -> int:
    steps = int(words[0]) if words else 60
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for name in ("nms", "qnms"):
        declare(torch, name)
    sys.path.insert(0, str(INJECTED))
    recorder: Any = importlib.import_module("evallint_recorder")
    with tempfile.TemporaryDirectory() as folder:
        recorder.start(folder)
        for batch, side in SIZES:
            measure(torch, recorder._recorder, batch, side, steps)
    print(f"  python -c pass: {start():+.2f} ms with a recorder that waits for torch")
    return 0


def declare(torch: Any, name: str) -> None:
    """torchvision asks for its compiled operators when it is imported, though a ResNet needs none."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    try:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        return
    KEPT.append(library)


KEPT: list[Any] = []


def measure(torch: Any, recorder: Any, batch: int, side: int, steps: int) -> None:
    model = importlib.import_module("torchvision.models").resnet18()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images, labels = torch.randn(batch, 3, side, side), torch.zeros(batch, dtype=torch.long)

    def step() -> float:
        started = time.process_time()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        return time.process_time() - started

    plain: list[float] = []
    recorded: list[float] = []
    for number in range(steps + 3):
        for is_recorded in (False, True) if number % 2 else (True, False):
            recorder._listen() if is_recorded else recorder._ignore()
            (recorded if is_recorded else plain).append(step())
    differences = [with_it - without for with_it, without in zip(recorded[3:], plain[3:], strict=True)]
    usual = statistics.median(plain[3:])
    more = statistics.median(differences)
    print(
        f"  {batch} x {side} x {side}: step {usual * 1e3:8.2f} ms, recorded {more * 1e6:+8.0f} us ({more / usual:+.2%})"
    )


def start() -> float:
    """Milliseconds that an interpreter which never imports torch takes longer to start."""
    plain, waiting = [], []
    for _ in range(40):
        plain.append(timed({}))
        waiting.append(timed({"PYTHONPATH": str(INJECTED), "EVALLINT_TRACE_FOLDER": "/nowhere"}))
    return (min(waiting) - min(plain)) * 1e3


def timed(environment: dict[str, str]) -> float:
    process = subprocess.Popen([sys.executable, "-c", "pass"], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(f"{Path(__file__).name}: {(__doc__ or '').splitlines()[0]}")
    sys.exit(main(sys.argv[1:]))
