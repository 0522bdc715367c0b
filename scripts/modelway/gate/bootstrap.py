"""Intervals by resampling, for what has no formula: percentiles of seeded bootstrap repetitions.

Only for many rows: with few, the rare rows that matter are often not in the sample at all and the interval is far too
short (a recall difference over 10 positives: 64 % coverage at 95 %). MINIMUM_* say what is enough; a caller that has
less reports the check inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from modelway.gate.intervals import Floats, Interval

SEED = 20130101
REPETITIONS = 2000
ROW_REPETITIONS = 1000
MINIMUM_ROWS = 2000
MINIMUM_OF_A_KIND = 100
"""Of the rows that a metric looks for (positives, rows predicted positive, ...)."""
MINIMUM_DISCORDANT = 30
"""Rows on which the two models (or the model and the truth) disagree."""
CHUNK = 1 << 22


def of_cells(
    counts: npt.NDArray[np.int64], statistic: Callable[[Floats], Floats], confidence: float
) -> Interval | None:
    """The interval of a statistic of a table of counts (c,): drawing n rows again is one multinomial draw over the
    cells. statistic: counts (r, c) -> (r,). None when a repetition has no value."""
    generator = np.random.default_rng(SEED)
    n = int(counts.sum())
    chunk = max(1, CHUNK // len(counts))
    values = [
        statistic(generator.multinomial(n, counts / n, size=min(chunk, REPETITIONS - done)).astype(float))
        for done in range(0, REPETITIONS, chunk)
    ]
    return _percentiles(np.concatenate(values), confidence)


def of_rows(n: int, statistic: Callable[[Floats], float], confidence: float) -> Interval | None:
    """The interval of a statistic of weighted rows: weights (n,) -> a number, how often each row was drawn."""
    generator = np.random.default_rng(SEED)
    values = np.empty(ROW_REPETITIONS)
    for repetition in range(ROW_REPETITIONS):
        drawn = generator.integers(0, n, size=n, dtype=np.int32)
        values[repetition] = statistic(np.bincount(drawn, minlength=n).astype(float))
    return _percentiles(values, confidence)


def _percentiles(values: Floats, confidence: float) -> Interval | None:
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)
