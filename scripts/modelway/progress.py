"""How far long work is: a line now and then for whoever waits, never in a report, and none of what takes a few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FIRST_SECONDS, EVERY_SECONDS = 15.0, 30.0
Say = Callable[[str], None]
_say: ContextVar[Say | None] = ContextVar("modelway_progress", default=None)


@contextmanager
def heard_by(say: Say) -> Iterator[None]:
    """Lines of progress of what is done within go to `say`, from a thread of their own."""
    before = _say.set(say)
    try:
        yield
    finally:
        _say.reset(before)


@contextmanager
def told(what: str, percent: Callable[[], float | None], elsewhere: str = "") -> Iterator[None]:
    """percent: how much of the present step is done; None where nothing is under way, and then only `elsewhere` is said:
    what another process does. It is asked from another thread, and never after this has ended."""
    say = _say.get()
    if say is None:
        yield
        return
    done, began = threading.Event(), time.monotonic()

    def watch(say: Say) -> None:
        wait = FIRST_SECONDS
        while not done.wait(wait):
            wait, share = EVERY_SECONDS, percent()
            told = elsewhere if share is None else f"{share:.0f} % of this pass over the data"
            if told:
                say(f"{what}: {time.monotonic() - began:.0f} s so far, {told}")

    watcher = threading.Thread(target=watch, args=(say,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
