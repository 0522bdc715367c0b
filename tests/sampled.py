"""How much of a long sweep is run: all of it, or an even sample where QUICK is set, as in CI."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
QUICK = bool(os.environ.get("QUICK"))


def sampled(sweep: Sequence[T], one_in: int) -> Sequence[T]:
    """The first of it and every so-many-th after that where QUICK is set, the same ones each time."""
    return sweep[::one_in] if QUICK else sweep
