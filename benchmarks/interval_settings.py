"""The quantities and test sets that interval_coverage.py simulates: each draws one and gives our interval and a naive one."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from modelway.gate import counts, delong, fairness, intervals, losses, ranking, regression, resources
from modelway.gate.estimate import Estimate
from modelway.gate.predictions import Scored

CONFIDENCE = 0.95
Z = intervals.normal_quantile(CONFIDENCE)
Interval = tuple[float, float]
Draw = Callable[[np.random.Generator], tuple[Estimate, Interval]]


@dataclass(frozen=True)
class Setting:
    """draw: one simulated test set -> (ours, the peer's interval). better: +1 where greater is better."""

    quantity: str
    setting: str
    peer: str
    truth: float
    draw: Draw
    runs: int
    better: int = 1


def around(value: float, error: float) -> Interval:
    return value - Z * error, value + Z * error


def percentile(values: np.ndarray) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def single_rate(n: int, rate: float) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        hit = rng.random(n) < rate
        mean = float(hit.mean())
        return counts.rate(hit, CONFIDENCE), around(mean, math.sqrt(mean * (1 - mean) / n))

    return Setting("one rate", f"n={n} rate={rate}", "Wald", rate, draw, 4000)


def paired_rates(name: str, n: int, both: float, first: float, second: float) -> Setting:
    """The cells' shares: both models right, only the first, only the second. Not equal, or an interval of [0, 0], which
    the peer gives where no row differs, would hold the truth."""

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        u = rng.random(n)
        one = u < both + first
        other = (u < both) | ((u >= both + first) & (u < both + first + second))
        estimate = counts.rate_difference(one, other, CONFIDENCE)
        gap = one.astype(int) - other
        drawn = rng.multinomial(n, np.array([(gap == -1).mean(), (gap == 0).mean(), (gap == 1).mean()]), size=500)
        return estimate, percentile((drawn[:, 2] - drawn[:, 0]) / n)

    setting = f"n={n} apart on {100 * (first + second):g} %"
    return Setting(name, setting, "percentile bootstrap", first - second, draw, 2000)


def binary_rows(
    rng: np.random.Generator, n: int, base: float, recalls: Interval, alarms: Interval
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """truth and two correlated models' labels (n,): nine tenths of the rows share one random number."""
    truth = rng.random(n) < base
    shared = rng.random(n)
    own = np.where(rng.random(n) < 0.9, shared, rng.random(n))
    first = shared < np.where(truth, recalls[0], alarms[0])
    return truth, first, own < np.where(truth, recalls[1], alarms[1])


def table(base: float, recall: float, alarm: float) -> tuple[np.ndarray, ...]:
    """tp, fp, fn, tn as shares, each (1,)."""
    cells = base * recall, (1 - base) * alarm, base * (1 - recall), (1 - base) * (1 - alarm)
    return tuple(np.array([cell]) for cell in cells)


def unpaired(
    rng: np.random.Generator, statistic: Any, truth: np.ndarray, one: np.ndarray, other: np.ndarray
) -> Interval:
    values = []
    for label in (one, other):
        cells = np.bincount(2 * truth + label, minlength=4)
        drawn = rng.multinomial(len(truth), cells / len(truth), size=500).astype(float)
        values.append(statistic(drawn[:, 3], drawn[:, 1], drawn[:, 2], drawn[:, 0]))
    return percentile(np.nan_to_num(values[0] - values[1]))


def one_of_counts(name: str, n: int, base: float, recall: float, alarm: float, statistic: Any, ours: Any) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, label, _ = binary_rows(rng, n, base, (recall, recall), (alarm, alarm))
        cells = np.bincount(2 * truth + label, minlength=4)
        drawn = rng.multinomial(n, cells / n, size=500).astype(float)
        values = statistic(drawn[:, 3], drawn[:, 1], drawn[:, 2], drawn[:, 0])
        return ours(truth, label), percentile(np.nan_to_num(values))

    value = float(statistic(*table(base, recall, alarm))[0])
    return Setting(name, f"n={n} {100 * base:g} % positive", "percentile bootstrap", value, draw, 600)


def balanced(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return (tp / (tp + fn) + tn / (tn + fp)) / 2


def balanced_difference(n: int, base: float) -> Setting:
    recalls, alarms = (0.85, 0.8), (0.1, 0.08)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, one, other = binary_rows(rng, n, base, recalls, alarms)
        ours = counts.mean_rate_difference(one == truth, other == truth, truth, CONFIDENCE)
        return ours, unpaired(rng, balanced, truth, one, other)

    truth_value = (recalls[0] - recalls[1] - alarms[0] + alarms[1]) / 2
    setting = f"n={n} {100 * base:g} % positive"
    return Setting("balanced accuracy difference", setting, "unpaired bootstrap", truth_value, draw, 600)


def separation(area: float, spread: float) -> float:
    """How far apart two normal scores lie (spread: the positives' standard deviation) for this area."""
    from scipy.special import ndtri

    return float(math.sqrt(1 + spread * spread) * ndtri(area))


def one_area(positives: int, negatives: int, area: float, spread: float = 1.0) -> Setting:
    truth = np.arange(positives + negatives) < positives
    shift = separation(area, spread)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        score = np.where(truth, shift + spread * rng.normal(size=len(truth)), rng.normal(size=len(truth)))
        found = delong.area(truth, score)
        error = math.sqrt(found.positives.var(ddof=1) / positives + found.negatives.var(ddof=1) / negatives)
        return ranking.auc(truth, score, CONFIDENCE), around(found.area, error)

    setting = f"{positives}+{negatives} area={area}" + (f" spread={spread}" if spread != 1 else "")
    return Setting("ROC AUC", setting, "DeLong, Wald", area, draw, 1000)


def area_difference(positives: int, negatives: int, areas: Interval) -> Setting:
    truth = np.arange(positives + negatives) < positives
    shifts = [separation(area, 1) for area in areas]

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        common, own = rng.normal(size=len(truth)), rng.normal(size=(2, len(truth)))
        first, second = (
            truth * shift + 0.9 * common + math.sqrt(0.19) * mine for shift, mine in zip(shifts, own, strict=True)
        )
        found = [delong.area(truth, score) for score in (first, second)]
        error = math.sqrt(sum(one.positives.var() / positives + one.negatives.var() / negatives for one in found))
        ours = ranking.auc_difference(truth, first, second, CONFIDENCE)
        return ours, around(found[0].area - found[1].area, error)

    setting = f"{positives}+{negatives} areas={areas[0]}, {areas[1]}"
    return Setting("ROC AUC difference", setting, "DeLong, unpaired", areas[0] - areas[1], draw, 1000)


def log_loss(n: int, base: float) -> Setting:
    rng = np.random.default_rng(11)
    odds = math.log(base / (1 - base))

    def sample(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        probability = 1 / (1 + np.exp(-(odds + 1.5 * rng.normal(size=size))))
        truth = rng.random(size) < probability
        return truth, np.where(truth, -np.log(probability), -np.log1p(-probability))

    value = float(sample(rng, 4_000_000)[1].mean())

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        _, lost = sample(rng, n)
        return losses.mean_loss(lost, CONFIDENCE), around(float(lost.mean()), float(lost.std()) / math.sqrt(n))

    return Setting("log loss", f"n={n} about {100 * base:g} % positive", "Wald, no refusal", value, draw, 2000, -1)


def absolute_error(n: int, tail: str) -> Setting:
    value = math.sqrt(2 / math.pi) if tail == "normal" else math.exp(0.5)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        lost = np.abs(rng.normal(size=n)) if tail == "normal" else rng.lognormal(size=n)
        return losses.mean_loss(lost, CONFIDENCE), around(float(lost.mean()), float(lost.std()) / math.sqrt(n))

    return Setting("mean absolute error", f"n={n} {tail}", "Wald, no refusal", value, draw, 2000, -1)


def root_mean_squared_difference(n: int) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        common, own = rng.normal(size=n), rng.normal(size=(2, n))
        first, second = common + 0.3 * own[0], common + 0.5 * own[1]
        mine, other = (math.sqrt(float(np.mean(errors**2))) for errors in (first, second))
        ours = regression.root_mean_squared_difference(first, second, CONFIDENCE)
        return ours, around(mine - other, math.sqrt((mine**2 + other**2) / (2 * n)))

    value = math.sqrt(1.09) - math.sqrt(1.25)
    return Setting("root mean squared error difference", f"n={n}", "Wald, unpaired", value, draw, 2000, -1)


def median_error(n: int) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        errors = rng.lognormal(size=n)
        ours = regression.median_absolute(errors, CONFIDENCE)
        return ours, around(float(np.median(errors)), 1.2533 * float(errors.std()) / math.sqrt(n))

    return Setting("median absolute error", f"n={n} lognormal", "Wald, as if normal", 1.0, draw, 2000, -1)


def disparity(name: str, rates: tuple[float, ...], n: int) -> Setting:
    metric = fairness.METRICS[name]
    p = np.array(rates)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        hits = rng.binomial(n, p)
        cells = np.zeros((len(p), 2, 2))
        cells[:, 1, 1], cells[:, 1, 0] = hits, n - hits
        again = rng.binomial(n, hits / n, size=(500, len(p))) / n
        low, high = again.min(axis=1), again.max(axis=1)
        values = low / np.maximum(high, 1e-9) if metric.ratio else high - low
        return fairness.measure(metric, cells, CONFIDENCE), percentile(values)

    value = min(rates) / max(rates) if metric.ratio else max(rates) - min(rates)
    setting = f"{len(p)} groups of {n}, truly {value:.3g}"
    return Setting(name, setting, "percentile bootstrap", value, draw, 1000, 1 if metric.ratio else -1)


def latency(repetitions: int) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        seconds = rng.lognormal(sigma=0.5, size=repetitions)
        scored = Scored(np.zeros(1000), None, tuple(seconds.tolist()), 0)
        ours = resources.COSTS["latency-ms-per-row"].of_one(scored, 1000, CONFIDENCE)
        return ours, around(float(seconds.mean()), float(seconds.std()) / math.sqrt(repetitions))

    return Setting("latency, median", f"{repetitions} repetitions", "Wald on the mean", 1.0, draw, 2000, -1)


def latency_difference(repetitions: int) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        seconds = rng.lognormal(sigma=0.5, size=(2, repetitions))
        first, second = (Scored(np.zeros(1000), None, tuple(row.tolist()), 0) for row in seconds)
        ours = resources.compare(resources.LATENCY, first, second, 1000, CONFIDENCE)
        error = math.sqrt(seconds[0].var() / repetitions + seconds[1].var() / repetitions)
        return ours, around(float(seconds[0].mean() - seconds[1].mean()), error)

    return Setting("latency difference", f"{repetitions} repetitions", "Wald on the mean", 0.0, draw, 2000, -1)
