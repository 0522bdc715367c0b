"""Many places are asked at once, and none of them is waited for longer than all may take together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from modelway.errors import OutsideFailure

AT_ONCE = 16
MOST_REASONS = 3
K = TypeVar("K")
T = TypeVar("T")


def read_all(reads: Mapping[K, Callable[[threading.Event], T]], seconds: float) -> tuple[dict[K, T], dict[K, str]]:
    """What each of them says, and of the others why they say nothing: OutsideFailure, ValueError, or no end in time.

    A read ends by itself, and soon where its event is set: nobody waits for it any more."""
    found, reasons, over = dict[K, T](), dict[K, str](), threading.Event()
    pool = ThreadPoolExecutor(AT_ONCE, "read")
    try:
        asked = {name: pool.submit(read, over) for name, read in reads.items()}
        wait(asked.values(), seconds)
        for name, future in asked.items():
            if not future.done():
                reasons[name] = f"no answer in {seconds:g} s"
                continue
            try:
                found[name] = future.result()
            except OutsideFailure as error:
                reasons[name] = error.what
            except ValueError as error:
                reasons[name] = str(error)
    finally:
        over.set()
        pool.shutdown(wait=False, cancel_futures=True)
    return found, reasons


def gap_of(reasons: Mapping[str, str]) -> str:
    """Name -> why it says nothing, as one line; empty without any."""
    told = [f"{name}: {why}" for name, why in reasons.items()]
    more = f"; {len(told) - MOST_REASONS} more" if len(told) > MOST_REASONS else ""
    return "; ".join(told[:MOST_REASONS]) + more
