"""Intervals by resampling, for what is not smooth (a median): percentiles of seeded bootstrap repetitions.

Only for many rows: with few, the rows that matter are often not in the sample at all and the interval is far too short.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelway.gate.intervals import Floats, Interval

SEED = 20130101
REPETITIONS = 1000
MINIMUM_ROWS = 2000


def of_rows(n: int, statistic: Callable[[Floats], float], confidence: float) -> Interval | None:
    """The interval of a statistic of weighted rows: weights (n,) -> a number, how often each row was drawn."""
    generator = np.random.default_rng(SEED)
    values = np.empty(REPETITIONS)
    for repetition in range(REPETITIONS):
        drawn = generator.integers(0, n, size=n, dtype=np.int32)
        values[repetition] = statistic(np.bincount(drawn, minlength=n).astype(float))
    return _percentiles(values, confidence)


def _percentiles(values: Floats, confidence: float) -> Interval | None:
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)
