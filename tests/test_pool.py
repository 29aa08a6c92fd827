"""A hostile file costs that file: the others are read, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evallint import codec
from evallint.extract import extract, pool
from evallint.extract.pool import Crash, Limits, WorkersUnusable, extract_all
from evallint.findings import Trouble
from evallint.read import Source

LIMITS = Limits(deadline=20)

GOOD = "import torch\nmodel.eval()\n"
ONLY_FOR_LIBCST = "loss = '\\N{no such letter}'\n"
"""Where Python's own parser stops: what is nested too deeply for it after this, only LibCST sees."""

TAKES_FOR_EVER = f"{ONLY_FOR_LIBCST}loss = {' + '.join(['a'] * 30_000)}"
EATS_MEMORY = "loss = [" + "a, " * 4_000_000 + "]\n"


@pytest.fixture(autouse=True)
def no_spare() -> Iterator[None]:
    """No process that a test has left is there for the next."""
    pool._spare.end()
    yield
    pool._spare.end()


STANDARD = "ast.py contextlib.py dataclasses.py decimal.py enum.py fractions.py statistics.py textwrap.py".split()


def source(path: str, text: str) -> Source:
    return Source(path, text, "")


def results(texts: dict[str, str], jobs: int = 2, limits: Limits = LIMITS) -> dict[str, bytes | Trouble]:
    sources = [source(path, text) for path, text in texts.items()]
    return {read.path: answer for read, answer in extract_all(sources, jobs, limits)}


def test_each_file_gets_the_facts_that_extract_gives() -> None:
    texts = {f"{index}.py": f"def f{index}(x):\n    return x.eval({index})\n" for index in range(300)}
    assert results(texts) == {path: codec.encode(extract(text)) for path, text in texts.items()}


def test_workers_read_what_trees_of_libcst_say() -> None:
    """Theirs are plainer."""
    files = [*Path(pool.__file__).parent.glob("*.py"), *(Path(sysconfig.get_path("stdlib"), name) for name in STANDARD)]
    texts = {path.name: f"import torch\n{path.read_text(encoding='utf-8')}" for path in files}
    texts["refused"] = f"{ONLY_FOR_LIBCST}{texts['lower.py']}"
    assert results(texts) == {path: codec.encode(extract(text)) for path, text in texts.items()}


def test_a_file_that_mentions_nothing_is_not_parsed() -> None:
    assert results({"a.py": "def f(:", "b.py": ""}) == {"a.py": b"", "b.py": b""}


def test_the_number_of_workers_changes_nothing() -> None:
    texts = {f"{index}.py": f"model = [{index}]  # {'long' * 200}\n" * 100 for index in range(6)}
    assert results(texts, jobs=1) == results(texts, jobs=3)


def test_no_sources_start_no_worker() -> None:
    assert results({}) == {}


def test_what_is_not_python_is_told_with_its_line() -> None:
    answer = results({"a.py": "import torch\nprint 'two'\n"})["a.py"]
    assert isinstance(answer, Trouble) and not isinstance(answer, Crash)
    assert (answer.path, answer.line) == ("a.py", 2)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_every_file_that_ends_its_process_costs_that_file() -> None:
    texts = {f"{index}.py": TAKES_FOR_EVER if index % 2 else GOOD for index in range(5)}
    before = children()
    answers = {}
    for read, answer in extract_all([source(path, text) for path, text in texts.items()], 1, Limits(deadline=60)):
        answers[read.path] = answer
        if read.text == GOOD and len(answers) < len(texts):
            (process,) = children() - before
            os.kill(process, signal.SIGSEGV)
    crashes = [Crash(path, 1, "evallint fails to read this file: the parser was ended by SIGSEGV") for path in texts]
    assert [answers[path] for path in texts] == [
        crashes[index] if index % 2 else codec.encode(extract(GOOD)) for index in range(5)
    ]


def test_what_is_read_next_has_the_worker_of_before_while_that_lives() -> None:
    facts = results({"a.py": GOOD})
    (first,) = children()
    assert results({"a.py": GOOD}) == facts
    assert children() == {first}
    assert results({"a.py": GOOD}, limits=Limits(deadline=21)) == facts
    (second,) = children() - {first}
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: not is_running(second))
    assert results({"a.py": GOOD}, limits=Limits(deadline=21)) == facts
    assert len(children()) == 1


def test_many_files_leave_no_worker() -> None:
    assert len(results({f"{index}.py": f"{GOOD}# {'long' * 30_000}{index}" for index in range(4)})) == 4
    assert children() == set()


def test_a_worker_that_has_nothing_to_do_ends_with_its_parent() -> None:
    program = f"""
import subprocess
from evallint.extract.pool import Limits, extract_all
from evallint.read import Source
list(extract_all([Source("a.py", {GOOD!r}, "")], 2, Limits(deadline=5)))
print(subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True).stdout)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    listed, _ = run.communicate()
    rows = [line.split(None, 2) for line in listed.splitlines() if "worker.main" in line]
    (spare,) = (int(row[0]) for row in rows if int(row[1]) == run.pid)
    wait_until(lambda: not is_running(spare))


def test_a_file_that_takes_for_ever_costs_that_file() -> None:
    texts = {"a.py": GOOD, "bad.py": TAKES_FOR_EVER, "b.py": GOOD}
    started = time.monotonic()
    answers = results(texts, limits=Limits(deadline=1))
    assert answers.pop("bad.py") == Crash("bad.py", 1, "evallint fails to read this file: that takes more than 1 s")
    assert set(answers.values()) == {codec.encode(extract(GOOD))}
    assert time.monotonic() - started < 15


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")
def test_a_file_that_eats_memory_costs_that_file() -> None:
    texts = {"a.py": GOOD, "bad.py": EATS_MEMORY, "b.py": GOOD}
    answers = results(texts, limits=Limits(deadline=60, memory=900 << 20))
    crash = answers.pop("bad.py")
    assert isinstance(crash, Crash)
    assert "memory" in crash.message or "SIGABRT" in crash.message
    assert set(answers.values()) == {codec.encode(extract(GOOD))}


def test_deep_code_is_read() -> None:
    texts = {
        "calls.py": "model" + ".a()" * 600,
        "terms.py": "loss = " + " + ".join(["a"] * 1200),
        "branches.py": "import torch\nif a: pass\n" + "elif a: pass\n" * 300,
        "brackets.py": "loss = " + "[" * 190 + "]" * 190,
    }
    assert {path for path, answer in results(texts).items() if isinstance(answer, bytes) and answer} == set(texts)


def test_workers_end_with_the_iterator() -> None:
    before = children()
    answers = extract_all((source(str(index), GOOD + "# long" * 20_000) for index in range(50)), 2, LIMITS)
    next(answers)
    assert children() - before
    answers.close()
    assert children() == before


def test_an_error_of_the_sources_ends_the_workers() -> None:
    def failing() -> Iterator[Source]:
        yield source("a.py", GOOD * 10_000)
        raise OSError("gone")

    before = children()
    with pytest.raises(OSError, match="gone"):
        list(extract_all(failing(), 2, LIMITS))
    assert children() == before


def test_workers_that_do_not_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(WorkersUnusable):
        results({"a.py": GOOD})


def test_nothing_in_the_working_directory_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("libcst", "json", "torch", "ast", "evallint", "sitecustomize", "queue"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    assert results({"a.py": GOOD}) == {"a.py": codec.encode(extract(GOOD))}
    assert not (tmp_path / "canary").exists()


RUN_FOR_EVER = f"""
from evallint.extract.pool import Limits, extract_all
from evallint.read import Source
text = {ONLY_FOR_LIBCST!r} + "loss = " + " + ".join(["a"] * 30_000)
sources = (Source(str(index), text, "") for index in range(100))
print("started", flush=True)
for answer in extract_all(sources, 2, Limits(deadline=5)):
    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_worker_outlives_its_parent(ending: str) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN_FOR_EVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert run.stdout
    run.stdout.readline()
    wait_until(lambda: len(children(run.pid)) == 2)
    workers = children(run.pid)
    run.send_signal(signal.Signals[ending])
    run.wait(10)
    run.stdout.close()
    wait_until(lambda: not any(is_running(worker) for worker in workers))


def children(parent: int = 0) -> set[int]:
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return {int(row[0]) for row in rows if int(row[1]) == (parent or os.getpid()) and "worker.main" in row[2]}


def is_running(process: int) -> bool:
    state = subprocess.run(["ps", "-p", str(process), "-o", "stat="], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
