"""Folders kept up to date: whatever changes, the latest state is judged, one analysis at a time, off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from evallint.config import ConfigError
from evallint.lsp.analysis import Analysis, Superseded
from evallint.lsp.documents import Document
from evallint.lsp.snapshot import Client, Snapshot

Result = TypeVar("Result")

PAUSE: Final = 0.1
"""Seconds without an edit after which what is there is judged."""


class Desk:
    """A thread that does one piece of work after another. It is a daemon: nothing on it keeps the process alive."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="evallint-desk", daemon=True).start()

    def do(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Return what will be the result of the work, once all that was given before is done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def done() -> None:
            if future.cancelled():
                return
            call: Callable[..., object] = future.set_result
            try:
                value: Any = work()
            except BaseException as error:
                call, value = future.set_exception, error
            with contextlib.suppress(RuntimeError):  # the loop may have ended, and nobody wait any more
                loop.call_soon_threadsafe(lambda: None if future.done() else call(value))

        self._todo.put(done)
        return future

    def _work(self) -> None:
        while True:
            self._todo.get()()


class Folder:
    """One analysis and the latest that came of it."""

    def __init__(
        self,
        path: str,
        analysis: Analysis,
        desk: Desk,
        documents: Callable[[], Mapping[str, Document]],
        client: Client,
        told: Callable[[Folder], None],
    ) -> None:
        """`documents` gives what is open in the folder; `told` hears of each new `snapshot` or `error`.

        `progress` is how many files are read, and of how many, while that takes long.
        """
        self.path = path
        self.snapshot: Snapshot | None = None
        self.error: Exception | None = None
        self.progress = (0, 0)
        self.analysis = analysis
        self._desk = desk
        self._documents = documents
        self._client = client
        self._told = told
        self._wanted = 0
        self._judged = -1
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    # ---- what has changed ------------------------------------------------------------------------------

    def changed(self, pause: float = PAUSE) -> None:
        """Judge anew after a pause without further changes."""
        self._wanted += 1
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(pause, self._begin)

    def changed_on_disk(self) -> None:
        """Judge anew, and look for files and config files again."""
        self._desk.do(self.analysis.forget_disk)
        self.changed()

    def use(self, analysis: Analysis) -> None:
        """Judge anew, by another analysis."""
        self._desk.do(self.analysis.close)
        self.analysis = analysis
        self.changed()

    def close(self) -> asyncio.Future[None]:
        """Stop whatever goes on; nobody is told any more. What is returned is done when that has happened."""
        self._wanted += 1
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()
        return self._desk.do(self.analysis.close)

    @property
    def is_known(self) -> bool:
        """Whether an analysis has come to an end, be it a bad one."""
        return self._judged >= 0

    # ---- what is known ---------------------------------------------------------------------------------

    async def latest(self) -> Snapshot | None:
        """Return what is found now, as soon as that is known; None where nothing can be."""
        while self._judged != self._wanted:
            if not self._is_busy():
                self._begin()
            self._news.clear()
            await self._news.wait()
        return self.snapshot

    async def ask(self, question: Callable[[Analysis, Mapping[str, Document]], Result]) -> Result:
        """Return the answer that the analysis gives for what is open now."""
        documents = self._documents()
        return await self._desk.do(lambda: question(self.analysis, documents))

    # ---- judging ---------------------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def _begin(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._is_busy():  # else it begins again by itself
            self._task = asyncio.get_running_loop().create_task(self._judge())

    async def _judge(self) -> None:
        while self._judged != self._wanted and not self._timer:
            await self._judge_once(self._wanted)

    async def _judge_once(self, number: int) -> None:
        documents = self._documents()

        def go_on(done: int, of: int) -> None:
            if self._wanted != number:
                raise Superseded
            self.progress = (done, of)

        def work() -> Snapshot:
            outcome = self.analysis.run(overlays(documents), go_on)
            snapshot = Snapshot(outcome, documents, self.path, self._client, self.snapshot)
            snapshot.results  # noqa: B018 (worked out here rather than on the event loop)
            return snapshot

        try:
            snapshot = await self._desk.do(work)
        except Superseded:
            return
        except Exception as error:
            self.error = error
        else:
            self.snapshot, self.error = snapshot, None
        if self._wanted == number:
            self._judged = number
            self._news.set()
            self._told(self)


def overlays(documents: Mapping[str, Document]) -> Mapping[str, bytes]:
    """Return what stands for the files that are open."""
    return {path: document.data for path, document in documents.items()}


def describe(error: Exception) -> str:
    """Return what to tell the user of an error."""
    if isinstance(error, ConfigError):
        return str(error)
    return f"evallint failed: {type(error).__name__}: {error}"
