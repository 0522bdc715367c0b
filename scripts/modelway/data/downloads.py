"""Where data that is brought from elsewhere is kept on this machine: a folder for each address, used by one process at a time,
and gone when nobody has asked for it for a week."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelway.environments import home
from modelway.files import locked

KEPT_SECONDS = 7 * 24 * 3600
LOCKS = "locks"


@contextmanager
def place_of(address: str) -> Iterator[Path]:
    """The folder of an address, alone. What is in it stays for the next time, also when this one is cut off."""
    kept = home.made(home.cache_folder() / "data")
    locks = home.made(kept / LOCKS)
    name = hashlib.sha256(address.encode()).hexdigest()[:32]
    with locked(locks / name):
        folder = home.made(kept / name)
        os.utime(folder)
        _forget(kept, name)
        yield folder


def _forget(kept: Path, but: str) -> None:
    """(A folder that is in use was touched when its use began, and no download takes a week.)"""
    for folder in kept.iterdir():
        if folder.name in (but, LOCKS):
            continue
        try:
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another process was quicker
