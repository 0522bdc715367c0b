"""How clients' requests were answered, minute by minute, in memory that all workers share: how many were answered, refused
and failed, and in what time.

What is told is whole numbers, so that those of several replicas and of several times are added, in any order, to the same
bytes.
"""

from __future__ import annotations

import json
import math
import mmap
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable

from modelway.serving.cells import BIN_SECONDS, MOST_MINUTES
from modelway.serving.messages import HttpRequest
from modelway.serving.metrics import ASKED, SECONDS, ends_of

STAMP, ANSWERED, REFUSED, FAILED, TOOK = range(5)
"""Where a minute's numbers are; from TOOK on how many requests took so long, by the bounds of /metrics."""
ENDS = ends_of(SECONDS)
SIZE = TOOK + len(ENDS)
NOTHING = array("q", bytes(8 * SIZE))
HOW_IT_WAS_ASKED = (501, 505)
"""Of the statuses from 500 on: no fault of the server."""


def memory(workers: int) -> mmap.mmap:
    """Zeroed memory that forked workers share: 216 KB for each."""
    return mmap.mmap(-1, workers * MOST_MINUTES * SIZE * 8)


class RequestMinutes:
    """The part of one worker (`slot`), and the sum over all. Requests are counted on the event loop alone; whoever tells of
    them reads minutes that are over. now: seconds of the epoch."""

    def __init__(self, shared: mmap.mmap, slot: int, now: Callable[[], float] = time.time) -> None:
        self.numbers: memoryview[int] = memoryview(shared).cast("q")
        self.slot, self.now = slot, now

    def count(self, request: HttpRequest, status: int, seconds: float | None) -> None:
        """Where a client asks for predictions. seconds: None where the request was answered before it was whole."""
        if request.path not in ASKED or not request.is_of_a_client:
            return
        minute = int(self.now() // BIN_SECONDS)
        at = (self.slot * MOST_MINUTES + minute % MOST_MINUTES) * SIZE
        if self.numbers[at + STAMP] != minute + 1:
            self.numbers[at : at + SIZE] = memoryview(NOTHING)
            self.numbers[at + STAMP] = minute + 1
        failed = status >= 500 and status not in HOW_IT_WAS_ASKED
        self.numbers[at + (FAILED if failed else REFUSED if status >= 400 else ANSWERED)] += 1
        if seconds is not None:
            self.numbers[at + TOOK + bisect_left(SECONDS, seconds)] += 1

    def told(self, begin: float, end: float) -> bytes:
        """Of the whole minutes from `begin` until before `end`, seconds of the epoch, as JSON."""
        first, last = math.ceil(begin / BIN_SECONDS), math.ceil(end / BIN_SECONDS)
        sums = [0] * SIZE
        for at in range(0, len(self.numbers), SIZE):
            if first < self.numbers[at + STAMP] <= last:
                sums = [one + more for one, more in zip(sums, self.numbers[at : at + SIZE], strict=True)]
        said = {
            "answered": sums[ANSWERED],
            "refused": sums[REFUSED],
            "failed": sums[FAILED],
            "took": dict(zip(ENDS, sums[TOOK:], strict=True)),
        }
        return (json.dumps(said, separators=(",", ":")) + "\n").encode()
