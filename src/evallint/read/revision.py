"""The files of a git repository as they were at a commit.

They are read from git's own store: a checkout beside the working tree would run hooks and filters, leave traces where
a run is broken off, and cost the writing of every file. Git is asked for nothing that runs what a repository names.
"""

from __future__ import annotations

import os
import subprocess
from types import TracebackType
from typing import IO, Final, NamedTuple

from evallint.findings import Trouble
from evallint.read.discovery import SUFFIXES, File
from evallint.read.source import Source, decode

_GIT: Final = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_SUBMODULE: Final = "160000"
_LINK: Final = "120000"
_FILES: Final = ("100644", "100755")


class NoRevision(Exception):
    """A commit that cannot be looked at; the text says why."""


class Blob(NamedTuple):
    """A file's content as git keeps it: its name there and its size in bytes."""

    name: str
    size: int


class Revision:
    """The Python files and notebooks of one commit of the repository around a directory, by absolute path.

    `name` is whatever git takes for a commit, or `NAME...` for where HEAD branched off from it. A context: it holds a
    process of git's. Raises NoRevision.
    """

    def __init__(self, directory: str, name: str) -> None:
        self._directory = directory
        up = _line(self._git("rev-parse", "--show-cdup"))
        self.top = os.path.normpath(os.path.join(directory, up))
        self.commit = self._commit(name)
        self.blobs: dict[str, Blob] = {}
        self._links: set[str] = set()
        self._submodules: list[str] = []
        for entry in self._git("ls-tree", "-r", "-l", "-z", "--full-tree", self.commit).split(b"\0")[:-1]:
            description, _, relative = os.fsdecode(entry).partition("\t")
            mode, _, blob, size = description.split()
            path = os.path.join(self.top, *relative.split("/"))
            if mode == _SUBMODULE:
                self._submodules.append(path)
            elif mode == _LINK:
                self._links.add(path)
            elif mode in _FILES and relative.endswith(SUFFIXES):
                self.blobs[path] = Blob(blob, int(size))
        self._store: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Revision:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._store:
            self._store.communicate()

    def holds(self, path: str) -> bool:
        """Whether a path is one that this repository would keep: not a link, nor in a submodule."""
        if path in self._links or not _is_below(path, self.top):
            return False
        return not any(_is_below(path, folder) for folder in self._submodules)

    def load(self, file: File) -> Source | Trouble:
        """Return the text of a file at this commit."""
        limit = file.settings.max_file_bytes
        if file.size > limit and not file.shown.endswith(".ipynb"):
            return Trouble(file.shown, 0, f"too large: {file.size:,} bytes, and `max-file-bytes` is {limit:,}")
        return decode(self._content(self.blobs[file.path]), file.shown, file.settings.cell_magics)

    def renamed(self) -> dict[str, str]:
        """Return what the files that git takes for renamed since then were called."""
        words = ("diff", "--no-ext-diff", "--no-textconv", "--find-renames", "--diff-filter=R", "--name-status", "-z")
        fields = [os.fsdecode(field) for field in self._git(*words, "--no-relative", self.commit, "--").split(b"\0")]
        pairs = zip(fields[1::3], fields[2::3], strict=False)
        return {os.path.join(self.top, *new.split("/")): os.path.join(self.top, *old.split("/")) for old, new in pairs}

    def _commit(self, name: str) -> str:
        if name.endswith("..."):
            return _line(self._git("merge-base", self._commit(name.removesuffix("...")), "HEAD"))
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        found = _line(self._git(*words, may_fail=True))
        if not found:
            raise NoRevision(f"`{name}` is no commit of this repository; a shallow clone may not have fetched it")
        return found

    def _content(self, blob: Blob) -> bytes:
        store = self._store = self._store or _started(self._directory)
        answers, questions = _pipes(store)
        questions.write(f"{blob.name}\n".encode())
        questions.flush()
        header = answers.readline().split()
        if len(header) != 3:
            raise NoRevision(f"git has lost {blob.name} of {self.commit}")
        return answers.read(int(header[2]) + 1)[:-1]

    def _git(self, *words: str, may_fail: bool = False) -> bytes:
        try:
            done = subprocess.run((*_GIT, *words), cwd=self._directory, capture_output=True, check=False)
        except OSError as error:
            raise NoRevision(f"git cannot be run: {error.strerror}") from None
        if done.returncode and not may_fail:
            raise NoRevision(" ".join(done.stderr.decode(errors="replace").split()) or f"`git {words[0]}` failed")
        return done.stdout


def _line(output: bytes) -> str:
    return os.fsdecode(output).rstrip("\r\n")


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _started(directory: str) -> subprocess.Popen[bytes]:
    command = (*_GIT, "cat-file", "--batch")
    return subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdout and process.stdin
    return process.stdout, process.stdin
