"""The cache gives back what was kept, forgets what has changed, and never makes a run fail."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from evallint import cache
from evallint.cache import Cache, Identity, clean, folder_of, glance, pack, unpack
from evallint.config import Configs, Settings
from evallint.facts import Span
from evallint.findings import (
    Decorate,
    Finding,
    Fix,
    InsertAfter,
    InsertBefore,
    Place,
    Replace,
    Reported,
    Run,
    SetArgument,
    Step,
    Trouble,
    Wrap,
)

AT = Place("a.py", Span(1, 2, 3, 4))
FIXES: list[Fix | None] = [
    None,
    InsertBefore(AT, "model.eval()", "call eval()"),
    InsertAfter(AT, "model.train()", "call train()"),
    Wrap(AT, "torch.no_grad()", "wrap it"),
    Decorate(AT, "torch.no_grad()", "decorate it"),
    SetArgument(AT, "training", "self.training", "tie it"),
    Replace(AT, "{}.item()", "take the number"),
]


def reported(fix: Fix | None = None) -> Reported:
    finding = Finding(AT, "é \ud800", (Step(AT, "first"),), "f", fix, "info", "safe", "eval-missing")
    return Reported(finding, "mode", "error", "high", None, ("x = 1", ""), "0" * 32, 3)


RUN = Run(tuple(map(reported, FIXES)), (Trouble("b.py", 0, "gone"),), 7, 1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def keep(folder: str, key: str = "key", data: bytes = b"data") -> None:
    with Cache(folder) as store:
        store.keep_facts(key, data)


def kept(folder: str, *keys: str) -> dict[str, bytes]:
    with Cache(folder) as store:
        return store.facts(keys or ["key"])


# ---- entries -------------------------------------------------------------------------------------


def test_facts_are_there_for_later_runs(folder: str) -> None:
    keep(folder, "one", b"1")
    keep(folder, "two", b"2")
    assert kept(folder, "one", "two", "three") == {"one": b"1", "two": b"2"}


def test_as_many_entries_as_a_large_project_has(folder: str) -> None:
    entries = {f"key {number}": b"%d" % number for number in range(2500)}
    with Cache(folder) as store:
        for key, data in entries.items():
            store.keep_facts(key, data)
    assert kept(folder, *entries) == entries


def test_a_run_broken_off_has_kept_what_was_much(folder: str) -> None:
    store = Cache(folder)
    store.keep_facts("key", b"data" * 2_000_000)
    assert kept(folder)


def test_a_run_comes_back_as_it_was(folder: str) -> None:
    with Cache(folder) as store:
        store.keep_run("key", RUN)
    with Cache(folder) as store:
        assert store.run("key") == RUN
        assert store.run("other") is None


def test_packed_runs_leave_the_sources_out() -> None:
    assert unpack(pack(Run((), (), 1, sources={"a.py": "text"}))) == Run((), (), 1)


@pytest.mark.parametrize("data", [b"", b"junk", pack(RUN)[:-5], pack(RUN)[::-1]])
def test_what_is_no_run_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(data)


# ---- which files have changed --------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    make_old(path)
    return path


def make_old(path: Path) -> None:
    """Let a file look as if it had been changed long ago. (The time of its last change of state can't be set.)"""
    os.utime(path, ns=(1_000_000_000_000_000_000, 1_000_000_000_000_000_000))


def remember(folder: str, path: Path, digest: str = "digest", later: int = 10_000_000_000) -> None:
    seen = glance(str(path))
    assert seen
    with Cache(folder) as store:
        store.keep_identity(str(path), seen._replace(seen=seen.seen + later), Identity(digest, True))


def known(folder: str, path: Path) -> Identity | None:
    seen = glance(str(path))
    assert seen
    with Cache(folder) as store:
        return store.identities({str(path): seen}).get(str(path))


def test_an_unchanged_file_is_known(folder: str, file: Path) -> None:
    remember(folder, file)
    assert known(folder, file) == Identity("digest", True)


def test_a_file_of_another_size_is_read_again(folder: str, file: Path) -> None:
    remember(folder, file)
    file.write_text("x = 10\n")
    make_old(file)
    assert known(folder, file) is None


def test_a_file_written_again_is_read_again(folder: str, file: Path) -> None:
    remember(folder, file)
    file.write_text("x = 2\n")
    assert known(folder, file) is None


def test_a_file_replaced_by_a_twin_is_read_again(folder: str, file: Path, tmp_path: Path) -> None:
    remember(folder, file)
    twin = tmp_path / "twin.py"
    twin.write_text("x = 2\n")
    make_old(twin)
    os.replace(twin, file)
    assert known(folder, file) is None


def test_a_file_that_was_changed_just_now_is_not_trusted(folder: str, file: Path) -> None:
    file.write_text("x = 2\n")
    remember(folder, file, later=0)
    assert known(folder, file) is None


def test_a_file_that_is_gone_has_no_looks(tmp_path: Path) -> None:
    assert glance(str(tmp_path / "gone.py")) is None


# ---- what may happen to a cache ------------------------------------------------------------------


def database(folder: str) -> Path:
    return Path(folder, "cache.sqlite")


@pytest.mark.parametrize("damage", [b"", b"junk", b"junk" * 10_000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_replaced(folder: str, damage: bytes) -> None:
    keep(folder)
    database(folder).write_bytes(damage)
    assert kept(folder) == {}
    keep(folder)
    assert kept(folder) == {"key": b"data"}


@pytest.mark.parametrize("at", range(0, 40_000, 4096))
def test_damage_anywhere_costs_entries_at_most(folder: str, at: int) -> None:
    for number in range(30):
        keep(folder, str(number), os.urandom(1000))
    data = bytearray(database(folder).read_bytes())
    data[at : at + 4000] = os.urandom(4000)
    database(folder).write_bytes(data)
    kept(folder, *map(str, range(30)))
    keep(folder)
    keep(folder)
    assert kept(folder) == {"key": b"data"}


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 99", "DROP TABLE runs", "DROP TABLE facts"])
def test_a_database_of_another_version_is_replaced(folder: str, statement: str) -> None:
    keep(folder)
    connection = sqlite3.connect(database(folder))
    connection.execute(statement)
    connection.close()
    assert kept(folder) == {}
    keep(folder)
    assert kept(folder) == {"key": b"data"}


def test_a_database_that_others_lock_is_done_without(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder)
    monkeypatch.setattr(cache, "_PATIENCE", 0.05)
    connection = sqlite3.connect(database(folder), isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    keep(folder, "other")
    assert kept(folder) == {}
    connection.execute("ROLLBACK")
    connection.close()
    assert kept(folder, "key", "other") == {"key": b"data"}


@pytest.mark.parametrize("name", ["file/cache", "file", "/proc/evallint/cache"])
def test_a_place_where_none_can_be_is_done_without(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    keep(str(tmp_path / name))
    assert kept(str(tmp_path / name)) == {}


def test_no_place_is_no_cache() -> None:
    keep("")
    assert kept("") == {}


def run_python(code: str, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(code), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
def test_a_cache_that_is_read_only_is_read(folder: str, tmp_path: Path) -> None:
    keep(folder)
    for path, mode in ((database(folder), 0o444), (Path(folder), 0o555)):
        path.chmod(mode)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o555)
    code = """
        import os, sys
        from evallint.cache import Cache
        if os.getuid() == 0:
            os.setuid(65534)  # root may write anywhere
        with Cache(sys.argv[1]) as store:
            print(store.facts(["key"]))
            store.keep_facts("other", b"data")
        with Cache(sys.argv[1]) as store:
            print(store.facts(["other"]))
    """
    assert run_python(code, folder) == "{'key': b'data'}\n{}"
    Path(folder).chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_a_full_disk_costs_entries_only(folder: str) -> None:
    keep(folder)
    code = """
        import resource, sys
        from evallint.cache import Cache
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        with Cache(sys.argv[1]) as store:
            store.keep_facts("large", bytes(1_000_000))
        with Cache(sys.argv[1]) as store:
            print(store.facts(["key", "large"]))
    """
    assert run_python(code, folder) == "{'key': b'data'}"


def test_runs_at_the_same_time_keep_what_each_found(folder: str) -> None:
    code = """
        import sys
        from evallint.cache import Cache
        for number in range(25):
            with Cache(sys.argv[1]) as store:
                store.keep_facts(f"{sys.argv[2]} {number}", b"data")
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(code), folder]
    runs = [subprocess.Popen([*command, str(number)], env=environment) for number in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4
    assert len(kept(folder, *(f"{run} {number}" for run in range(4) for number in range(25)))) == 100


# ---- how long entries stay -----------------------------------------------------------------------


def test_what_no_run_asks_for_is_dropped(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    keep(folder, "asked for")
    keep(folder, "relied on")
    keep(folder, "forgotten")
    for days in (20, 40):
        monkeypatch.setattr(time, "time", lambda days=days: now + days * 86_400)
        with Cache(folder) as store:
            store.facts(["asked for"])
            store.keep_in_use(["relied on"])
    keep(folder, "new")
    assert set(kept(folder, "asked for", "relied on", "forgotten", "new")) == {"asked for", "relied on", "new"}


def test_only_the_last_runs_are_kept(folder: str) -> None:
    with Cache(folder) as store:
        for number in range(cache.KEPT_RUNS + 10):
            store.keep_run(str(number), RUN)
    with Cache(folder) as store:
        assert next(number for number in range(cache.KEPT_RUNS + 10) if store.run(str(number))) == 10


# ---- where it is ---------------------------------------------------------------------------------


def test_neither_git_nor_a_backup_takes_the_cache(folder: str) -> None:
    keep(folder)
    assert Path(folder, ".gitignore").read_text().endswith("*\n")
    assert Path(folder, "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_it_is_at_the_root_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVALLINT_CACHE_DIR", raising=False)
    inner = tmp_path / "project" / "src"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert folder_of(Settings()) == str(inner / ".evallint_cache")
    (tmp_path / "project" / ".git").mkdir()
    assert folder_of(Configs(str(inner)).of_run()) == str(tmp_path / "project" / ".evallint_cache")
    (inner / "evallint.toml").write_text("")
    assert folder_of(Configs(str(inner)).of_run()) == str(inner / ".evallint_cache")


def test_it_is_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLINT_CACHE_DIR", str(tmp_path / "by environment"))
    assert folder_of(Settings()) == str(tmp_path / "by environment")
    assert folder_of(Settings(cache_dir=str(tmp_path / "by option"))) == str(tmp_path / "by option")


def test_clean_removes_the_cache_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings(cache_dir=str(tmp_path / "cache"))
    assert clean(settings) == ""
    keep(settings.cache_dir)
    assert clean(settings) == settings.cache_dir
    assert not Path(settings.cache_dir).exists()
    keep(settings.cache_dir)
    (tmp_path / "cache" / "mine.txt").write_text("")
    clean(settings)
    assert os.listdir(settings.cache_dir) == ["mine.txt"]


def test_it_depends_on_our_own_code() -> None:
    assert cache.code_of_facts() != cache.code_of_runs()
    assert len(cache.code_of_runs()) == 64
