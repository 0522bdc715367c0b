"""What a limit on groups can be of, by its name: our own comparisons with their closed forms first, then the difference, the
ratio, the smallest or the largest value between groups of any metric of scikit-learn or fairlearn (its MetricFrame)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from modelway.config.keys import Limit, Policy
from modelway.errors import InvalidInput
from modelway.gate import bootstrap, fairness, gaps, library, metrics, resampled
from modelway.gate.classes import Class
from modelway.gate.estimate import Estimate, estimate, unjudged
from modelway.gate.groups import Groups
from modelway.gate.intervals import Floats
from modelway.gate.kind import Measurable
from modelway.gate.library import LibraryMetric
from modelway.gate.predictions import Need
from modelway.gate.rows import JudgedRows
from modelway.gate.significant import significant
from modelway.records.verdict import Measured

Judged = npt.NDArray[np.int64]
"""The codes of the groups that have enough rows (k,)."""
RATES = {
    fairness.SELECTION: "selection_rate",
    fairness.TRUE_POSITIVE: "true_positive_rate",
    fairness.FALSE_POSITIVE: "false_positive_rate",
}
MEANS = {"mean absolute error": "mean_absolute_error", "mean prediction": "mean_prediction"}
"""Our own quantities by the libraries' names, for rows with weights."""


class GroupComparison(Measurable, Protocol):
    """Measured between groups. quantities: what is measured of each group, as the report calls it."""

    @property
    def quantities(self) -> tuple[str, ...]: ...

    def measure(self, rows: JudgedRows, groups: Groups, judged: Judged, confidence: float) -> Estimate: ...

    def of_group(self, quantity: str, group: JudgedRows) -> Measured: ...


@dataclass(frozen=True)
class Rates:
    """Of a binary task, from counts."""

    metric: fairness.Disparity
    need: Need = "label"
    of: None = None
    timed: bool = False
    from_library: bool = False

    @property
    def worst(self) -> float:
        return 0.0 if self.metric.ratio else 1.0

    @property
    def best(self) -> float:
        return 1.0 - self.worst

    @property
    def greater_is_better(self) -> bool:
        return self.metric.greater_is_better

    @property
    def quantities(self) -> tuple[str, ...]:
        return self.metric.rates

    def measure(self, rows: JudgedRows, groups: Groups, judged: Judged, confidence: float) -> Estimate:
        cells = fairness.count_cells(groups.codes, rows.truth, rows.candidate.label, len(groups.names))[judged]
        return fairness.measure(self.metric, cells, confidence, [groups.names[code] for code in judged])

    def of_group(self, quantity: str, group: JudgedRows) -> Measured:
        cells = fairness.count_cells(np.zeros(len(group.truth), int), group.truth, group.candidate.label, 1)
        hits, of = (float(side[0]) for side in fairness.rate_of(quantity, cells))
        return Measured(n=int(of), value=significant(hits / of) if of else None)


@dataclass(frozen=True)
class Means:
    """Of a regression, from each group's rows."""

    metric: gaps.Gap
    worst: float = np.inf
    best: float = 0.0
    greater_is_better: bool = False
    need: Need = "label"
    of: None = None
    timed: bool = False
    from_library: bool = False

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.metric.quantity,)

    def measure(self, rows: JudgedRows, groups: Groups, judged: Judged, confidence: float) -> Estimate:
        values = self.metric.of_rows(rows.truth, rows.candidate.label)
        return gaps.measure(self.metric, values, groups.codes, judged.tolist(), groups.names, confidence)

    def of_group(self, quantity: str, group: JudgedRows) -> Measured:
        mean = float(np.mean(self.metric.of_rows(group.truth, group.candidate.label)))
        return Measured(n=len(group.truth), value=significant(mean))


@dataclass(frozen=True)
class Frame:
    """Metrics of a library, each by group; the worst of them counts. ending: difference, ratio, group_min or group_max."""

    metrics: Mapping[str, LibraryMetric]
    ending: str
    timed: bool = False
    from_library: bool = True

    @property
    def greater_is_better(self) -> bool:
        return self.ending in ("ratio", "group_min")

    @property
    def worst(self) -> float:
        return {"ratio": 0.0, "group_min": -np.inf}.get(self.ending, np.inf)

    @property
    def best(self) -> float:
        return {"ratio": 1.0, "difference": 0.0}.get(self.ending, -self.worst)

    @property
    def need(self) -> Need:
        return next(iter(self.metrics.values())).need

    @property
    def of(self) -> Class | None:
        return next(iter(self.metrics.values())).of

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(self.metrics)

    def measure(self, rows: JudgedRows, groups: Groups, judged: Judged, confidence: float) -> Estimate:
        """The end away from equality from the groups' own intervals, the one towards it from intervals that are corrected for
        the number of pairs, or of groups (as in fairness.py)."""
        n, k, names = int(np.isin(groups.codes, judged).sum()), len(judged), [groups.names[code] for code in judged]
        if reason := fairness.uncomparable(k):
            return unjudged(n, reason)
        compared = k * (k - 1) if self.ending in ("difference", "ratio") else k
        strict = 1 - (1 - confidence) / (compared * len(self.metrics))
        sizes = np.array([len(groups.rows(code)) for code in judged], dtype=float)
        found: list[tuple[float, float, float, str]] = []
        for quantity, metric in self.metrics.items():
            each = [_Group(metric, rows.take(groups.rows(code)), (confidence, strict)) for code in judged]
            values = np.array([one.value for one in each])
            ends = _ends(self.ending, values, *(_sides(each, level) for level in range(2)))
            for name, one in zip(names, each, strict=True):
                if one.reason:
                    said = f"where {name[: fairness.NAME_LIMIT]}, {one.reason}"
                    return unjudged(n, said, value=ends[0] if ends and len(self.metrics) == 1 else None)
            if ends is None:
                return unjudged(n, f"a group's {quantity} is not above 0, there is no ratio")
            found.append((*ends, fairness.furthest_apart(quantity, values, sizes, names)))
        pick = min if self.greater_is_better else max
        value, _, _, detail = pick(found)
        low, high = pick(one[1] for one in found), pick(one[2] for one in found)
        method = f"{next(iter(self.metrics.values())).method} of each group, {resampled.METHOD}, over pairs of groups"
        return estimate(n, value, (low, high), method, detail=detail)

    def of_group(self, quantity: str, group: JudgedRows) -> Measured:
        metric = self.metrics[quantity]
        sides = metrics.judged_rows(metric.of, metric.need, group)
        if isinstance(sides, Estimate):
            return Measured(n=len(group.truth), value=None)
        values = resampled.Values(metric, sides, [sides.candidate])
        value = values(values.base)
        return Measured(n=len(group.truth), value=significant(value) if np.isfinite(value) else None)


class _Group:
    """A group's value, and its interval at each level; or the reason why there is none."""

    def __init__(self, metric: LibraryMetric, group: JudgedRows, levels: Sequence[float]) -> None:
        self.value, self.reason = np.nan, ""
        self.intervals = [(np.nan, np.nan)] * len(levels)
        sides = metrics.judged_rows(metric.of, metric.need, group)
        if isinstance(sides, Estimate):
            self.reason = sides.reason
            return
        values = resampled.Values(metric, sides, [sides.candidate])
        self.value = values(values.base)
        drawn = resampled.drawn(values, sides)
        if isinstance(drawn, str):
            self.reason = drawn
            return
        free = resampled.degrees(metric, sides)
        self.intervals = [bootstrap.interval(drawn, level, free) for level in levels]


def _sides(groups: Sequence[_Group], level: int) -> tuple[Floats, Floats]:
    low, high = np.array([group.intervals[level] for group in groups]).T
    return low, high


def _ends(
    ending: str, values: Floats, limits: tuple[Floats, Floats], strict: tuple[Floats, Floats]
) -> tuple[float, float, float] | None:
    """The value and its two ends, the lower first; None for a ratio of what is not above 0."""
    if ending == "group_min":
        return float(values.min()), float(limits[0].min()), float(strict[1].min())
    if ending == "group_max":
        return float(values.max()), float(strict[0].max()), float(limits[1].max())
    if ending == "difference":
        value, apart, near = fairness.widest_gap(values, limits, strict)
        return value, max(near, 0.0), apart
    if not (values.min() >= 0 and values.max() > 0):
        return None
    positive = [(np.maximum(low, 0.0), high) for low, high in (limits, strict)]
    value, apart, near = fairness.narrowest_ratio(values, positive[0], positive[1])
    return value, apart, min(near, 1.0)


def of_task(task: str) -> Mapping[str, fairness.Disparity | gaps.Gap]:
    """Our own by name; none for more than two classes."""
    if task == "binary":
        return fairness.METRICS
    return gaps.METRICS if task == "regression" else {}


def resolve(policy: Policy, name: str, limit: Limit, where: str) -> GroupComparison:
    """InvalidInput where there is no comparison of this name, or none that fits the policy's task."""
    own = of_task(policy.task).get(name)
    if own is not None and limit.arguments is UNSET and limit.of is UNSET:
        if policy.sample_weight is not UNSET:
            return _weighted(policy, name, own, where)
        return Rates(own) if isinstance(own, fairness.Disparity) else Means(own)
    given, of, wanted = name.partition(metrics.OF)
    for ending in library.BETWEEN_GROUPS:
        base = given.removesuffix(ending)
        if base != given and (found := library.find(policy, f"{base}{of}{wanted}", limit, where)):
            return Frame({base: found}, ending.lstrip("_"))
    raise _unknown(policy.task, name, where[:200])


def _weighted(policy: Policy, name: str, own: fairness.Disparity | gaps.Gap, where: str) -> Frame:
    rates = own.rates if isinstance(own, fairness.Disparity) else (own.quantity,)
    ratio = isinstance(own, fairness.Disparity) and own.ratio
    made = {}
    for rate in rates:
        metric = library.find(policy, {**RATES, **MEANS}.get(rate, ""), Limit(), where)
        if metric is None:
            raise InvalidInput(f"{name} takes no sample weights", where=where, fix="leave out gate.sample-weight")
        made[rate] = metric
    return Frame(made, "ratio" if ratio else "difference")


def _unknown(task: str, name: str, where: str) -> InvalidInput:
    known = [*of_task(task)]
    fits = [other for other in metrics.TASKS if name in of_task(other)]
    if task == "multiclass" and fits:
        return InvalidInput(
            f"fairness metrics are for binary and regression tasks, this one is {task}",
            where=where,
            fix="judge the groups by slices instead, such as `recall_score of CLASS`, or compare one class, such as"
            " `selection_rate_difference of CLASS`",
        )
    if fits:
        return InvalidInput(
            f"{name} does not fit the task {task}",
            where=where,
            fix=f"it is for {' and '.join(fits)}; choose from {', '.join(known)}",
        )
    if name in metrics.TASKS[task] or name in library.names():
        fix = f"write {name}_difference, _ratio, _group_min or _group_max"
        return InvalidInput(f"{name} compares no groups", where=where, fix=fix)
    return InvalidInput(f"unknown metric {name[:80]!r}", where=where, fix=library.nearest(name, known))
