"""Work that takes longer than a turn of the event loop may: a large body read, a long answer written."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from modelway.serving.messages import Refusal

REST_SHARE, REST_SECONDS = 0.25, 0.05
"""Rest after a piece of work: the event loop needs the interpreter several times for one small request, and each time would
wait for another piece."""
Done = Callable[[Any, BaseException | None], None]
"""What came of it, or what was raised; called on the event loop, and never raises."""


class Aside:
    """One thread, one piece of work after the other, in order. waiting: pieces that are not done."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: queue.SimpleQueue[tuple[Callable[[], Any], Done]] = queue.SimpleQueue()
        self.waiting = 0
        threading.Thread(target=self._run, name="aside", daemon=True).start()

    def run(self, work: Callable[[], Any], done: Done) -> None:
        self.waiting += 1
        self._queue.put((work, done))

    def _run(self) -> None:
        while True:
            time.sleep(self._one(*self._queue.get()))

    def _one(self, work: Callable[[], Any], done: Done) -> float:
        """The seconds of rest after it. A function of its own: what it held is let go before that, and before the next piece
        is waited for."""
        said, raised = None, None
        began = time.monotonic()
        try:
            said = work()
        except BaseException as error:  # noqa: BLE001  whatever is raised is an answer too
            raised = error
            if isinstance(error, Refusal):  # let go here what its frames hold: it may be millions of values
                error.__traceback__ = error.__context__ = None
        self._loop.call_soon_threadsafe(self._deliver, done, said, raised)
        return min(REST_SHARE * (time.monotonic() - began), REST_SECONDS)

    def _deliver(self, done: Done, said: Any, error: BaseException | None) -> None:
        self.waiting -= 1
        done(said, error)
        if error is not None:
            error.__traceback__ = None  # its frames hold the body, and it; only the collector would part them
