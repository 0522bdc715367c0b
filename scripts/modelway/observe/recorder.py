"""The recorder: a small process that writes down every second what a source counts, so that a rollout knows how stable's
errors came in the last half hour. It ends when its folder is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from modelway.errors import ModelwayError
from modelway.observe.counts import CountsSource, Snapshot

INTERVAL_SECONDS = 1.0
LINES = 3600
"""Of one file; the one before is kept beside it."""
SLEWED_SECONDS = 5.0
"""A clock that is kept right is moved by little; more means that it was set."""
CURRENT, BEFORE = "history.jsonl", "history.before.jsonl"


def record(source: CountsSource, folder: Path) -> None:
    """For as long as the folder is there. folder: that of history.jsonl."""
    lines, due = LINES, time.monotonic()
    stream = (folder / CURRENT).open("ab")
    while folder.is_dir():
        due = max(due + INTERVAL_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            taken = source.snapshot()
            stream.write(msgspec.json.encode(taken) + b"\n")
            stream.flush()
        except (ModelwayError, OSError):
            continue  # the source is being started anew, or the disk is full: there is nothing to write down
        lines -= 1
        if lines <= 0:
            stream.close()
            (folder / CURRENT).replace(folder / BEFORE)
            stream, lines = (folder / CURRENT).open("ab"), LINES


def read(folder: Path, seconds: float) -> Iterator[Snapshot]:
    """What was written down in the last so many seconds, oldest first. Left out is a line that was cut off, and what was
    written before the machine was started or its clock was set: nobody knows how long ago that was."""
    now, started = time.monotonic(), time.time() - time.monotonic()
    for name in (BEFORE, CURRENT):
        try:
            data = (folder / name).read_bytes()
        except OSError:
            continue
        for line in data.splitlines():
            try:
                taken = msgspec.json.decode(line, type=Snapshot)
            except msgspec.DecodeError:
                continue
            if now - seconds <= taken.ticks <= now and abs(taken.at - taken.ticks - started) < SLEWED_SECONDS:
                yield taken
