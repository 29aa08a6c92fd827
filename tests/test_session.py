"""A session gives what a run over the same texts does, whatever it was asked before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from command import BUG, FINE
from programs import Program

from evallint.config import ConfigError, Configs
from evallint.engine import lint, lint_texts
from evallint.engine.session import Session
from evallint.findings import Run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.evallint]\n")
    (tmp_path / "a.py").write_text(BUG)
    (tmp_path / "b.py").write_text(FINE)
    return tmp_path


@pytest.fixture
def session(project: Path) -> Iterator[Session]:
    with Session(["."], lambda: Configs(str(project))) as opened:
        yield opened


def linted(project: Path) -> Run:
    return lint(["."], Configs(str(project)), cached=False)


def paths(run: Run) -> set[str]:
    return {one.finding.at.path for one in run.reported}


def test_a_check_gives_what_a_run_does(project: Path, session: Session) -> None:
    assert session.check() == linted(project)
    assert session.check() == linted(project)


def test_a_buffer_stands_for_its_file(project: Path, session: Session) -> None:
    assert paths(session.check({str(project / "a.py"): FINE.encode()})) == set()
    assert paths(session.check({str(project / "b.py"): BUG.encode()})) == {"a.py", "b.py"}
    assert paths(session.check()) == {"a.py"}


def test_a_buffer_that_is_not_saved_is_a_file_where_one_would_be_linted(project: Path, session: Session) -> None:
    (project / ".git").mkdir()
    (project / ".gitignore").write_text("build/\n")
    new = {str(project / name): BUG.encode() for name in ("c.py", "build/d.py", "e.txt")}
    elsewhere = {str(project.parent / "f.py"): BUG.encode()}
    assert paths(session.check({**new, **elsewhere})) == {"a.py", "c.py"}


def test_a_buffer_that_cannot_be_read_is_told(project: Path, session: Session) -> None:
    run = session.check({str(project / "a.py"): b"import torch\nmodel.eval(\n"})
    assert [(one.path, one.line) for one in run.troubles] == [("a.py", 2)]
    (project / "pyproject.toml").write_text("[tool.evallint]\nmax-file-bytes = 1000\n")
    session.reload()
    run = session.check({str(project / "a.py"): b"#" * 1001})
    assert ["too large" in one.message for one in run.troubles] == [True]


def test_changes_on_disk_are_seen_after_a_reload(project: Path, session: Session) -> None:
    session.check()
    (project / "c.py").write_text(BUG)
    (project / "a.py").unlink()
    session.reload()
    assert paths(session.check()) == {"c.py"}
    (project / "pyproject.toml").write_text('[tool.evallint]\nignore = ["all"]\n')
    session.reload()
    assert paths(session.check()) == set()


def test_a_config_that_cannot_be_read_leaves_the_session_as_it_was(project: Path, session: Session) -> None:
    before = session.check()
    (project / "pyproject.toml").write_text("[tool.evallint\n")
    with pytest.raises(ConfigError):
        session.reload()
    assert session.check() == before


# ---- whatever was checked before -----------------------------------------------------------------


class Edits:
    """Edits of a small project, at random but for the seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._numbers = count(seed * 1000)
        self.files = Program(next(self._numbers)).files()

    def edit(self) -> str:
        """Change a file, add, drop or rename one; what was done."""
        path = self._random.choice(sorted(self.files))
        how = self._random.choice(
            ("other", "other", "line", "line", "comment", "words", "new", "drop", "rename", "back")
        )
        text = self.files[path]
        others = Program(next(self._numbers)).files()
        same = next((other for name, other in others.items() if name.split("/")[-1] == path.split("/")[-1]), text)
        if how == "other":  # the same part of another program
            self.files[path] = same
        elif how == "line":
            lines = text.split("\n")
            del lines[self._random.randrange(len(lines))]
            self.files[path] = "\n".join(lines)
        elif how == "comment":  # everything below moves
            self.files[path] = "# another line\n" + text
        elif how == "words":
            old, new = self._random.choice(
                (("eval", "evaluate"), ("evaluate", "score"), ("Net", "Model"), ("loss", "x"))
            )
            self.files[path] = text.replace(old, new)
        elif how == "new":
            self.files[f"extra_{self._random.randrange(3)}.py"] = Program(next(self._numbers)).text()
        elif how == "drop" and len(self.files) > 2:
            del self.files[path]
        elif how == "rename":
            self.files[path.replace(".py", "_2.py")] = self.files.pop(path)
        return f"{how} {path}"


@pytest.mark.parametrize("seed", range(4))
def test_what_was_checked_before_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    edits, done = Edits(seed), ["at first"]
    with Session(["."], Configs) as session:
        for _ in range(9):
            files = {path: text.encode() for path, text in edits.files.items()}
            run = session.check({str(tmp_path / path): data for path, data in files.items()})
            wanted = lint_texts(edits.files)
            assert [one.finding for one in run.reported] == [one.finding for one in wanted.reported], done
            assert run.troubles == wanted.troubles, done
            done.append(edits.edit())
