"""A model's performance estimated without labels, from the shares of positive labels that its scores had before.

Confidence-based (CBPE): each bin of the score has the share of positives of the labelled weeks, so that a week without labels
has an expected accuracy and area. How wrong such an estimate is, no sampling error tells: weeks differ. So each labelled week
is estimated from those that are not beside it, and its own labels say how far off that was; the interval of a new week is
that of a new such error. An estimate sees no change of what a score means, and so it never raises an alarm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from modelway.config.monitor import LiveMetric
from modelway.data.labelled import BinCounts, together
from modelway.distributions import Interval, normal_quantile, t_quantile

BINS = 40
FEWEST_WEEKS = 8
FEWEST_PREDICTIONS = 100
"""Of a week that is estimated."""
WIDER = 1.3
"""Where scores have moved; and the least interval, in intervals of the rows' own noise."""
LIKE, UNLIKE = 0.6, 0.75
"""Areas under the ROC curve of telling a week from the labelled ones by its scores: up to the one they are alike, above the
other there is no estimate."""
FEWEST_EFFECTIVE, LEAST_EFFECTIVE = 1000, 0.1
"""Of the labelled rows, weighted to the scores of the week (Kish 1965): in rows, and as a part of them."""
GROUPS = 10
"""Of bins, that scores are compared in: few, so that noise makes no difference."""


@dataclass(frozen=True)
class ScoredWeek:
    """bins: in the order of the score, each on one side of the threshold. actual: what the labels say; empty without
    labels."""

    bins: tuple[BinCounts, ...]
    actual: Mapping[LiveMetric, float]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.bins)


@dataclass(frozen=True)
class LikeBefore:
    """area: of telling the week from the labelled ones by its scores. effective: labelled rows, as many as would tell as much
    had they the week's scores; share: of all."""

    area: float
    effective: float
    share: float

    @property
    def enough(self) -> bool:
        return self.area <= LIKE or (
            self.area <= UNLIKE and self.effective >= FEWEST_EFFECTIVE and self.share >= LEAST_EFFECTIVE
        )


@dataclass(frozen=True)
class WeekEstimate:
    """values: with their intervals; empty where there are none, and why."""

    values: Mapping[LiveMetric, tuple[float, Interval]]
    like: LikeBefore | None
    reason: str


def estimated(week: ScoredWeek, before: Sequence[ScoredWeek], upper: int, confidence: float) -> WeekEstimate:
    """before: labelled weeks. upper: the first bin whose rows are predicted positive."""
    if len(before) < FEWEST_WEEKS:
        return WeekEstimate({}, None, f"{len(before)} labelled weeks are too few, {FEWEST_WEEKS} at least")
    if week.rows < FEWEST_PREDICTIONS:
        return WeekEstimate({}, None, f"{week.rows} predictions are too few, {FEWEST_PREDICTIONS} at least")
    known = _together(before)
    like = like_before(week.bins, known)
    if not like.enough:
        return WeekEstimate({}, like, "its scores are too unlike those of the labelled weeks")
    values: dict[LiveMetric, tuple[float, Interval]] = {}
    now = expected(week.bins, known, upper)
    for name, value in now.items():
        off = [
            one.actual[name] - guess
            for number, one in enumerate(before)
            if name in one.actual
            and (guess := expected(one.bins, _together(_apart(before, number)), upper).get(name)) is not None
        ]
        if len(off) < FEWEST_WEEKS:
            continue
        centre = value + math.fsum(off) / len(off)
        half = max(
            _new_error(off, confidence), WIDER * normal_quantile(confidence) * _noise(week.bins, known, name, value)
        )
        half *= WIDER if like.area > LIKE else 1
        values[name] = (min(max(centre, 0.0), 1.0), (max(centre - half, 0.0), min(centre + half, 1.0)))
    reason = "" if values else "too few of the labelled weeks have labels of both classes"
    return WeekEstimate(values, like, reason)


def expected(week: Sequence[BinCounts], known: Sequence[BinCounts], upper: int) -> dict[LiveMetric, float]:
    """Accuracy, and the area under the ROC curve; the rows of a bin tie."""
    rows, shares = [one.rows for one in week], [_share(one) for one in known]
    total = sum(rows)
    right = (n * (share if at >= upper else 1 - share) for at, (n, share) in enumerate(zip(rows, shares, strict=True)))
    values: dict[LiveMetric, float] = {"accuracy_score": math.fsum(right) / total} if total else {}
    positives = [n * share for n, share in zip(rows, shares, strict=True)]
    negatives = [n - positive for n, positive in zip(rows, positives, strict=True)]
    pairs = math.fsum(positives) * math.fsum(negatives)
    if pairs > 0:
        below = [0.0, *accumulate(negatives)]
        wins = (p * (under + n / 2) for p, n, under in zip(positives, negatives, below, strict=False))
        values["roc_auc_score"] = math.fsum(wins) / pairs
    return values


def like_before(week: Sequence[BinCounts], known: Sequence[BinCounts]) -> LikeBefore:
    """By the best classifier of GROUPS groups of bins: that of the ratio of their shares."""
    labelled = sum(one.labels for one in known)
    groups: list[tuple[float, float]] = []
    inside_week = inside_known = 0
    for new, old in zip(week, known, strict=True):
        inside_week, inside_known = inside_week + new.rows, inside_known + old.labels
        if inside_known * GROUPS >= labelled:
            groups.append((float(inside_week), float(inside_known)))
            inside_week = inside_known = 0
    if inside_week or inside_known:
        groups.append((float(inside_week), float(inside_known)))
    total = sum(new for new, _ in groups)
    shares = [(new / total, old / max(labelled, 1)) for new, old in groups]
    shares.sort(key=lambda both: math.atan2(*both))  # by new / old, also where one of them is 0
    below = area = 0.0
    for new_share, old_share in shares:
        area += new_share * (below + old_share / 2)
        below += old_share
    squares = math.fsum(mine * mine / theirs if theirs else math.inf for mine, theirs in shares if mine)
    return LikeBefore(area, labelled / squares, 1 / squares)


def _apart(weeks: Sequence[ScoredWeek], number: int) -> list[ScoredWeek]:
    """Without the week and its neighbours: a week that waits for its labels has none beside it either."""
    return [one for at, one in enumerate(weeks) if abs(at - number) > 1]


def _together(weeks: Sequence[ScoredWeek]) -> list[BinCounts]:
    return [together(ones) for ones in zip(*(week.bins for week in weeks), strict=True)]


def _share(known: BinCounts) -> float:
    """Of positives; of a bin without labels, half."""
    return known.positives / known.labels if known.labels else 0.5


def _new_error(off: Sequence[float], confidence: float) -> float:
    """Half of the interval that holds the error of one more week, around the mean of the others."""
    mean = math.fsum(off) / len(off)
    variance = math.fsum((one - mean) ** 2 for one in off) / (len(off) - 1)
    return t_quantile(confidence, len(off) - 1) * math.sqrt(variance * (1 + 1 / len(off)))


def _noise(week: Sequence[BinCounts], known: Sequence[BinCounts], name: LiveMetric, value: float) -> float:
    """The standard error of the week's own metric, of rows that are independent. Of an area: Hanley and McNeil 1982, Radiology
    143:29-36."""
    rows, shares = [one.rows for one in week], [_share(one) for one in known]
    total = sum(rows)
    if name == "accuracy_score":
        return math.sqrt(math.fsum(n * share * (1 - share) for n, share in zip(rows, shares, strict=True))) / total
    p = math.fsum(n * share for n, share in zip(rows, shares, strict=True))
    q = total - p
    both, other = value / (2 - value), 2 * value * value / (1 + value)
    rest = (p - 1) * (both - value * value) + (q - 1) * (other - value * value)
    return math.sqrt(max(value * (1 - value) + max(rest, 0.0), 0.0) / max(p * q, 1.0))
