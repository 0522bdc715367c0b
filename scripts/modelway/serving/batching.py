"""Micro-batching: one thread asks the model, and takes whatever waits as one frame.

A model of a few milliseconds spends nearly all of them on the call and not on the rows, so sixteen rows together take
little longer than one. Nothing waits for a batch to fill. A batch that raises is redone request by request, so that a bad
row fails no neighbour.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("modelway.serving")
Outcome = tuple[Any, BaseException | None]
"""Predictions of a job's rows, or what was raised."""


@dataclass(slots=True)
class BatchedRequest:
    """One request's rows. shape: jobs with equal shapes may be put together; None: this one goes alone.
    is_of_a_client: nobody else sent it."""

    data: Any
    rows: int
    shape: Hashable
    done: Callable[[Any, BaseException | None], None]
    is_of_a_client: bool = True


class Batcher:
    """predict: many jobs to one outcome each; it may raise where there is more than one. observe: told the requests and
    rows of each call. Both are called in the thread; `done` of a job on the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        predict: Callable[[Sequence[BatchedRequest]], list[Any]],
        observe: Callable[[int, int], None],
        most_rows: int,
        most_waiting: int,
    ) -> None:
        self._loop, self._predict, self._observe = loop, predict, observe
        self._most_rows, self._most_waiting = most_rows, most_waiting
        self._queue: queue.SimpleQueue[BatchedRequest] = queue.SimpleQueue()
        self.waiting = 0
        threading.Thread(target=self._run, name="model", daemon=True).start()

    def submit(self, job: BatchedRequest) -> bool:
        """False where too many wait already."""
        if self.waiting >= self._most_waiting:
            return False
        self.waiting += 1
        self._queue.put(job)
        return True

    def _run(self) -> None:
        held: deque[BatchedRequest] = deque()
        while True:
            if not held:
                held.append(self._queue.get())
            while not self._queue.empty():
                held.append(self._queue.get())
            jobs = take(held, self._most_rows)
            outcomes = self._outcomes(jobs)
            self._loop.call_soon_threadsafe(self._deliver, jobs, outcomes)

    def _outcomes(self, jobs: list[BatchedRequest]) -> list[Outcome]:
        rows = sum(job.rows for job in jobs)
        try:
            outcomes: list[Outcome] = [(said, None) for said in self._predict(jobs)]
        except BaseException as error:  # noqa: BLE001  whatever a model raises, SystemExit too, is its answer
            if len(jobs) == 1:
                outcomes = [(None, error)]
            else:
                return [self._outcomes([job])[0] for job in jobs]
        self._loop.call_soon_threadsafe(self._observe, len(jobs), rows)
        return outcomes

    def _deliver(self, jobs: list[BatchedRequest], outcomes: list[Outcome]) -> None:
        self.waiting -= len(jobs)
        for job, (said, error) in zip(jobs, outcomes, strict=True):
            try:
                job.done(said, error)
            except Exception:  # a fault with one answer is none of the others'
                log.exception("an answer could not be given")
            if error is not None:
                error.__traceback__ = None  # its frames hold the rows, and it; only the collector would part them


def take(held: deque[BatchedRequest], most_rows: int) -> list[BatchedRequest]:
    """The longest waiting job, and those after it that may go with it, up to that many rows. The others stay, in order."""
    first = held.popleft()
    taken, rows = [first], first.rows
    if first.shape is None or rows >= most_rows:
        return taken
    left: list[BatchedRequest] = []
    while held:
        job = held.popleft()
        if job.shape == first.shape and rows + job.rows <= most_rows:
            taken.append(job)
            rows += job.rows
        else:
            left.append(job)
    held.extend(left)
    return taken
