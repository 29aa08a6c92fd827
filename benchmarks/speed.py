"""How fast evallint is, as ratios to public tools on the same machine, over public packages.

    python benchmarks/speed.py FOLDER [extract] [cold] [warm] [changed] [edited] [memory]

Packages (timm's sdist, transformers' wheel, TorchFix) come from PyPI through pip, once, into FOLDER. Figures are CPU
seconds of a process and all it starts, the least of several runs, unless they say wall. Needs a system with `wait4`.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

PYTHON = sys.executable
EVALLINT = (PYTHON, "-m", "evallint", "check", "--isolated", "--exit-zero", "--quiet", "--output-format", "concise")
CHANGED = (
    "models/bert/modeling_bert.py",
    "models/llama/modeling_llama.py",
    "models/vit/image_processing_vit.py",
    "trainer_utils.py",
    "utils/hub.py",
)
"""Files of transformers of which one at a time is changed: models, a leaf, and two that much else imports."""


EDITED = ("timm/models/vision_transformer.py", "timm/layers/drop.py", "timm/utils/metrics.py", "timm/data/loader.py")
"""Files of timm that are edited one at a time: a model, and some that others import."""


class Cost(NamedTuple):
    """What a command took: CPU and wall seconds, and the bytes of its largest process."""

    cpu: float
    wall: float
    memory: int


def main(words: Sequence[str]) -> int:
    folder, *chosen = words
    work = Path(folder).resolve()
    work.mkdir(parents=True, exist_ok=True)
    for name, benchmark in BENCHMARKS.items():
        if not chosen or name in chosen:
            print(f"{name}: {benchmark.__doc__}", flush=True)
            benchmark(work)
    return 0


# ---- the benchmarks ------------------------------------------------------------------------------


def extract(work: Path) -> None:
    """CPU of extraction over that of libcst.parse_module, same files, one process; at most 1.6."""
    import libcst

    from evallint.extract import extract as extract_facts
    from evallint.extract.deep import deep

    texts = [path.read_text(encoding="utf-8") for path in sorted(timm(work).rglob("*.py"))]
    gc.disable()
    parsing, extracting = [], []
    for _ in range(3):
        parsing.append(deep(lambda: cpu_of(lambda: [libcst.parse_module(text) for text in texts])))
        extracting.append(deep(lambda: cpu_of(lambda: [extract_facts(text) for text in texts])))
    gc.enable()
    tell("parse_module", min(parsing))
    tell("extract", min(extracting))
    tell_ratio(min(extracting) / min(parsing))


def cold(work: Path) -> None:
    """TorchFix's CPU over that of evallint without a cache, timm's sdist, one core each; at least 12."""
    target = timm(work)
    ours = min(cost((*EVALLINT, "--no-cache", "--jobs", "1", str(target))).cpu for _ in range(2))
    tell("evallint", ours)
    theirs = cost((str(torchfix(work)), "--select", "ALL", str(target))).cpu
    tell("TorchFix", theirs)
    tell_ratio(theirs / ours)


def warm(work: Path) -> None:
    """CPU of a run with nothing changed over that of importing libcst, transformers' wheel; at most 3."""
    command = cached(work, transformers(work))
    tell("first run", cost(command).cpu)
    age()
    cost(command)  # by now the files are old enough to be known by their looks
    importing = min(cost((PYTHON, "-c", "import libcst")).cpu for _ in range(10))
    again = min(cost(command).cpu for _ in range(10))
    tell("import libcst", importing)
    tell("nothing changed", again)
    tell_ratio(again / importing)
    print(f"  libcst imported: {'yes' if imports_libcst(command) else 'no'}")


def changed(work: Path) -> None:
    """Wall seconds of a run by the daemon after one file has changed: timm's sdist, transformers' wheel; at most 2."""
    from evallint import daemon

    for tree, names in ((timm(work), EDITED), (transformers(work), CHANGED)):
        folder = work / f"cache-{tree.name}"
        command = (*EVALLINT, "--daemon", "--cache-dir", str(folder), str(tree))
        print(f"  {tree.name}, first run {cost(command).wall:26.2f} s wall", flush=True)
        try:
            for name in names:
                (path,) = tree.glob(f"*/{name}")
                print(f"  {name:<40} {after_change(path, command):8.2f} s wall", flush=True)
            note = daemon.noted(str(folder))
            if note and os.path.exists("/proc/self/status"):
                print(f"  {'memory of the daemon':<40} {most_memory(note.pid) / 2**20:8.0f} MiB", flush=True)
        finally:
            daemon.stopped(str(folder))


def after_change(path: Path, command: Sequence[str]) -> float:
    """Wall seconds of a command after a file has another line at its end, which is taken away again."""
    text = path.read_bytes()
    path.write_bytes(text + b"\n_changed = 1\n")
    try:
        return cost(command).wall
    finally:
        path.write_bytes(text)


def edited(work: Path) -> None:
    """Judging timm's sdist anew after an edit that is not saved, in a session as editors hold one; at most 0.3 s."""
    from evallint.config import Configs
    from evallint.engine.session import Session

    tree = timm(work)
    options = {"cache-dir": str(work / "cache")}
    with Session([str(tree)], lambda: Configs(str(work), isolated=True, options=options)) as session:
        tell("first analysis", cpu_of(session.check))
        for name in EDITED:
            (path,) = tree.glob(f"*/{name}")
            text = path.read_bytes()
            edits = [{str(path): text + b"\n_changed = %d\n" % number} for number in range(3)]
            tell(name, min(cpu_of(partial(session.check, edit)) for edit in edits))


def memory(work: Path) -> None:
    """The largest process of a run without a cache: timm's sdist and transformers' wheel."""
    for target in (timm(work), transformers(work)):
        taken = cost((*EVALLINT, "--no-cache", str(target)))
        print(f"  {target.name:<40} {taken.memory / 2**20:8.0f} MiB {taken.wall:8.1f} s wall {taken.cpu:8.1f} s CPU")


BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "extract": extract,
    "cold": cold,
    "warm": warm,
    "changed": changed,
    "edited": edited,
    "memory": memory,
}


# ---- measuring -----------------------------------------------------------------------------------


def cost(command: Sequence[str]) -> Cost:
    """Run a command on one core and return what it took."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=stay_on_one_core
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(used.ru_utime + used.ru_stime, time.monotonic() - started, used.ru_maxrss * unit)


def stay_on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def cpu_of(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def cached(work: Path, target: Path) -> tuple[str, ...]:
    return (*EVALLINT, "--cache-dir", str(work / "cache"), str(target))


def age() -> None:
    """Wait until files that were changed just now are old enough to be known by their looks."""
    time.sleep(2.5)


def most_memory(process: int) -> int:
    """The bytes that a process has had at most, as Linux tells them."""
    (line,) = (one for one in Path(f"/proc/{process}/status").read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def imports_libcst(command: Sequence[str]) -> bool:
    loud = (command[0], "-X", "importtime", *command[1:])
    return "libcst" in subprocess.run(loud, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr


def tell(what: str, seconds: float) -> None:
    print(f"  {what:<40} {seconds:8.2f} s CPU", flush=True)


def tell_ratio(ratio: float) -> None:
    print(f"  {'ratio':<40} {ratio:8.2f}", flush=True)


# ---- what is measured on -------------------------------------------------------------------------


def timm(work: Path) -> Path:
    """The sources of timm: 330 files, 6 MB."""
    return unpacked(work / "timm", "timm==1.0.31", "--no-binary", "timm")


def transformers(work: Path) -> Path:
    """The wheel of transformers: 2,900 files, 53 MB."""
    return unpacked(work / "transformers", "transformers==5.23.0", "--only-binary", "transformers")


def unpacked(folder: Path, package: str, *options: str) -> Path:
    if folder.is_dir():
        return folder
    downloads = folder.with_name(f"{folder.name}.download")
    fetch = (PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", *options)
    subprocess.run((*fetch, "--dest", str(downloads), package), check=True)
    (archive,) = downloads.iterdir()
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(partial)
    else:
        with tarfile.open(archive) as sdist:
            sdist.extractall(partial, filter="data")
    partial.rename(folder)
    return folder


def torchfix(work: Path) -> Path:
    """TorchFix's command, in a virtual environment of its own."""
    home = work / "torchfix"
    command = home / "bin" / "torchfix"
    if not command.exists():
        subprocess.run((PYTHON, "-m", "venv", str(home)), check=True)
        subprocess.run((str(home / "bin" / "pip"), "install", "--quiet", "torchfix"), check=True)
    return command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
