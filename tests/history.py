"""Real git histories for the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")


def run(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a command free of the git repository that the tests themselves may be run by."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return subprocess.run(words, cwd=cwd, env=env | more, capture_output=True, text=True, check=False)


def git(*words: str, cwd: Path | None = None) -> str:
    """What git prints; the test fails where git does."""
    done = run("git", *IDENTITY, *words, cwd=cwd or Path.cwd())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(files: dict[str, str | None], cwd: Path | None = None) -> str:
    """Writes files (None: removes them) and commits all there is, in a repository that is made at first."""
    folder = cwd or Path.cwd()
    if not (folder / ".git").exists():
        git("init", "-q", "-b", "main", cwd=folder)
    for name, text in files.items():
        if text is None:
            (folder / name).unlink()
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    git("add", "-A", cwd=folder)
    git("commit", "-q", "--allow-empty", "-m", "a change", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)
