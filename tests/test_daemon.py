"""The daemon gives what a run does that is made here, faster, and nothing depends on it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import BUG, FINE, Lint, Outcome, rules

from evallint import daemon
from evallint.daemon.server import serve

FILES = {"pyproject.toml": "[tool.evallint]\ndaemon = true\n", "a.py": BUG, "b.py": FINE}


@pytest.fixture
def work(lint: Lint) -> Iterator[Lint]:
    """A project that asks for a daemon."""
    lint("--show-files", files=FILES)
    yield lint
    daemon.stopped(folder())


def folder() -> str:
    return os.path.abspath(".evallint_cache")


def checked(lint: Lint, *words: str, files: dict[str, str] | None = None) -> Outcome:
    return lint("check", "--verbose", "--output-format", "json", *words, files=files)


def by_daemon(outcome: Outcome) -> bool:
    return "judged by the daemon" in outcome.err


def process() -> int:
    note = daemon.noted(folder())
    assert note is not None
    return note.pid


def test_it_gives_what_a_run_here_does_whatever_changes(work: Lint) -> None:
    for files in ({}, {"b.py": BUG}, {"a.py": FINE}, {"c.py": "import a\n" + BUG}, {"b.py": "model.eval(\n"}):
        there = checked(work, files=files)
        here = checked(work, "--no-daemon", "--no-cache")
        assert by_daemon(there) and not by_daemon(here)
        assert (there.code, json.loads(there.out)) == (here.code, json.loads(here.out))


def test_one_process_does_all_jobs_of_a_project(work: Lint) -> None:
    assert rules(checked(work)) == [("a.py", "eval-missing")]
    first = process()
    assert rules(checked(work, "--select", "grad")) == []
    assert rules(checked(work, "b.py", "--with-context")) == []
    assert rules(checked(work, "a.py", "--with-context")) == [("a.py", "eval-missing")]
    assert process() == first


def test_what_is_known_already_is_not_asked_for(work: Lint) -> None:
    for path in ("pyproject.toml", "a.py", "b.py"):
        os.utime(path, (time.time() - 60, time.time() - 60))
    assert by_daemon(checked(work))
    assert not by_daemon(checked(work))


def test_without_a_cache_there_is_none(work: Lint) -> None:
    assert not by_daemon(checked(work, "--no-cache"))
    assert work("daemon").out == "there is none\n"


def test_it_can_be_asked_for_and_stopped(work: Lint) -> None:
    assert work("daemon") == Outcome(1, "there is none\n", "")
    checked(work)
    assert work("daemon") == Outcome(0, f"running as process {process()}\n", "")
    assert work("daemon", "stop") == Outcome(0, "stopped\n", "")
    assert work("daemon", "stop") == Outcome(0, "there was none\n", "")


def test_one_that_was_killed_is_replaced(work: Lint) -> None:
    checked(work)
    killed = process()
    os.kill(killed, signal.SIGKILL)
    assert by_daemon(checked(work, files={"b.py": BUG}))
    assert process() != killed


def test_one_of_other_code_is_replaced(work: Lint) -> None:
    checked(work)
    note = Path(folder(), daemon.NOTE)
    other = {**json.loads(note.read_text()), "of": "another version"}
    note.write_text(json.dumps(other))
    assert by_daemon(checked(work, files={"b.py": BUG}))
    assert process() != other["pid"]


@pytest.mark.parametrize("text", ["{", '{"of": "", "address": "/gone", "pid": 1}'])
def test_a_note_that_says_nothing_is_written_anew(work: Lint, text: str) -> None:
    checked(work)
    daemon.stopped(folder())
    Path(folder(), daemon.NOTE).write_text(text)
    assert by_daemon(checked(work, files={"b.py": BUG}))


def test_where_none_can_be_started_the_run_is_made_here(work: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no Python starts with this
    outcome = checked(work)
    assert rules(outcome) == [("a.py", "eval-missing")]
    assert "the daemon gives no answer" in outcome.err


def test_a_config_that_cannot_be_followed_is_told(work: Lint) -> None:
    checked(work)
    outcome = checked(work, files={"pyproject.toml": "[tool.evallint]\ndaemon = 1\n"})
    assert (outcome.code, "`daemon`: takes true or false, not a number" in outcome.err) == (2, True)


def test_it_ends_when_nobody_asks(tmp_path: Path) -> None:
    serve(str(tmp_path / "cache"), "", idle=0.1)
    assert not (tmp_path / "cache" / daemon.NOTE).exists()


def test_it_ends_when_another_has_its_place(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    first = threading.Thread(target=serve, args=(cache, "", 60.0, 0.05))
    first.start()
    while daemon.noted(cache) is None:
        time.sleep(0.01)
    Path(cache, daemon.NOTE).unlink()  # as `evallint clean` does with the folder
    first.join(timeout=20)
    assert not first.is_alive()


def test_cleaning_the_cache_stops_it(work: Lint) -> None:
    checked(work)
    assert work("clean").code == 0
    assert not Path(folder()).exists()
    assert work("daemon").out == "there is none\n"


def test_one_that_is_told_to_end_by_the_system_leaves_nothing_behind(work: Lint) -> None:
    checked(work)
    note = daemon.noted(folder())
    assert note is not None
    os.kill(note.pid, signal.SIGTERM)
    end = time.monotonic() + 20
    while os.path.exists(os.path.dirname(note.address)):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert by_daemon(checked(work, files={"b.py": BUG}))


def test_it_goes_on_for_those_who_ask_again_when_whoever_asked_has_gone(work: Lint) -> None:
    checked(work)
    note = daemon.noted(folder())
    assert note is not None
    Path("b.py").write_text(BUG)
    job = daemon.Job(os.getcwd(), (".",), options={"daemon": True})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(note.address)
        with connection.makefile("rwb") as line:
            daemon.send(line, {"job": job._asdict()})
    assert rules(checked(work, ".")) == [("a.py", "eval-missing"), ("b.py", "eval-missing")]
    assert process() == note.pid


def test_words_that_nobody_understands_harm_nobody(work: Lint) -> None:
    checked(work)
    note = daemon.noted(folder())
    assert note is not None
    for message in (b"", b"\n", b"[]\n", b"{}\n", b'{"job": {"paths": 1}}\n', b"\xff\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(note.address)
            connection.sendall(message)
    assert by_daemon(checked(work, files={"b.py": BUG}))
    assert process() == note.pid


def test_a_note_that_leads_to_another_program_is_not_trusted(work: Lint, tmp_path: Path) -> None:
    checked(work)
    daemon.stopped(folder())
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(address := str(tmp_path / "agent"))
        other.listen()
        note = daemon.Note(daemon.identity(), address, os.getpid())
        Path(folder(), daemon.NOTE).write_text(json.dumps(note._asdict()))
        assert daemon.noted(folder()) is None
        assert work("daemon").out == "there is none\n"
