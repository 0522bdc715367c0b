"""Files that several processes share: a lock by one, a write that is whole, the last words of a log."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

TAIL_BYTES = 4000


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among all processes that ask for this file, which is made where it is missing, and stays."""
    with path.open("a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, data: bytes) -> None:
    """All of it or nothing, and on the disk when this returns. For one writer at a time."""
    unfinished = path.with_name(f"{path.name}.new")
    with unfinished.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)


def last_line(log: Path) -> str:
    """The last that is not blank, cut to 300 letters; empty where there is none."""
    text = log.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace") if log.exists() else ""
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")
