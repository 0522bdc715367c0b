"""Files that several processes share: a lock by one, a write that is whole, the last words of a log."""

from __future__ import annotations

import codecs
import contextlib
import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import get_ident

from modelway.errors import OutsideFailure

TAIL_BYTES = 4000
LOCK_SECONDS = 1800.0
"""As long as the slowest thing that is done under such a lock: an environment of several gigabytes from a slow index."""
WORD_SECONDS = 10.0
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How such a file of text begins."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a quota, a limit of a file's size."""


@contextlib.contextmanager
def locked(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Alone among all processes that ask for this file, which is made where it is missing, and stays. OutsideFailure where
    another has had it for so long."""
    with path.open("a") as gate:
        began, told = time.monotonic(), False
        while not try_lock(gate.fileno()):
            waited = time.monotonic() - began
            if waited > seconds:
                raise OutsideFailure(
                    f"another process has held this lock for {seconds:.0f} s",
                    where=str(path),
                    fix=f"end it (`fuser {path}` names it), and run the same command again",
                )
            if waited > WORD_SECONDS and not told:
                told = True
                print(f"waiting for another process, which holds {path}", file=sys.stderr, flush=True)
            time.sleep(0.02)
        yield


def try_lock(descriptor: int) -> bool:
    """Whether the open file's lock is this process's now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A file beside `path` to write, which takes its place at the end: all of it or nothing, and on the disk when this
    returns, also after a power cut. shared: several processes and threads may write it
    at the same time; the last of them wins."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.new" if shared else f"{path.name}.new")
    try:
        yield unfinished
        with unfinished.open("rb") as stream:
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes, *, shared: bool = False) -> None:
    """`data` as the whole content of `path`, by `replacing`."""
    with replacing(path, shared=shared) as unfinished:
        unfinished.write_bytes(data)


def sync_folder(folder: Path) -> None:
    """Its names are on the disk when this returns: that of a new file is the folder's, not the file's."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def last_line(log: Path) -> str:
    """The last that is not blank, cut to 300 letters; empty where there is none."""
    text = log.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace") if log.exists() else ""
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")
