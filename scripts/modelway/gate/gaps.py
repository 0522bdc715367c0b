"""Differences between groups in a regression: the largest gap between the means of any two of them.

Built from the pairs as in fairness.py, out of each group's own interval of a mean (Student's t, corrected for skewness).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelway.gate.estimate import Estimate, estimate, unjudged
from modelway.gate.fairness import NAME_LIMIT, furthest_apart, uncomparable, widest_gap
from modelway.gate.intervals import Floats, mean_by_t
from modelway.gate.losses import too_few


@dataclass(frozen=True)
class Gap:
    """quantity: what the mean of a group is called. of_rows: (truth, prediction) -> (n,)."""

    quantity: str
    of_rows: Callable[[Floats, Floats], Floats]

    @property
    def greater_is_better(self) -> bool:
        return False


METRICS: dict[str, Gap] = {
    "mean_absolute_error_difference": Gap("mean absolute error", lambda truth, guess: np.abs(guess - truth)),
    "mean_error_difference": Gap("mean error", lambda truth, guess: guess - truth),
    "mean_prediction_difference": Gap("mean prediction", lambda truth, guess: guess),
}
"""mean_error is prediction minus truth: how far a group is over- or underestimated."""


def measure(
    metric: Gap, values: Floats, codes: npt.NDArray[np.int64], judged: Sequence[int], names: Sequence[str], level: float
) -> Estimate:
    """values (n,) of every row, codes (n,) its group, judged: the codes of the groups to compare; level: of the interval."""
    parts = [values[codes == code] for code in judged]
    n, k = sum(len(part) for part in parts), len(parts)
    reason = uncomparable(k)
    if reason:
        return unjudged(n, reason)
    means, sizes = np.array([part.mean() for part in parts]), np.array([len(part) for part in parts], dtype=float)
    value, named = float(means.max() - means.min()), [names[code] for code in judged]
    detail = furthest_apart(metric.quantity, means, sizes, named)
    for part, name in zip(parts, named, strict=True):
        reason = too_few(part)
        if reason:
            return unjudged(n, f"where {name[:NAME_LIMIT]}, {reason}", value=value)
    strict = 1 - (1 - level) / (k * (k - 1))
    ends = [
        tuple(np.array(side) for side in zip(*(mean_by_t(part, confidence) for part in parts), strict=True))
        for confidence in (level, strict)
    ]
    _, apart, near = widest_gap(means, (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]))
    return estimate(n, value, (max(near, 0.0), apart), "t on each group's rows, over pairs of groups", detail=detail)
