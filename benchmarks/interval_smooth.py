"""More settings for interval_coverage.py: the statistics whose intervals are made by the delta method, and gaps of means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from interval_settings import CONFIDENCE, Interval, Setting, binary_rows, percentile, separation, table, unpaired

from modelway.gate import counts, gaps, multiclass, ranking, regression
from modelway.gate.estimate import Estimate
from modelway.gate.predictions import Predictions


@np.errstate(invalid="ignore", divide="ignore")
def precision(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return tp / (tp + fp)


@np.errstate(invalid="ignore", divide="ignore")
def f1(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return 2 * tp / (2 * tp + fp + fn)


@np.errstate(invalid="ignore", divide="ignore")
def matthews(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


def our_matthews(truth: np.ndarray, label: np.ndarray) -> Estimate:
    return counts.matthews(truth, label, CONFIDENCE)


PAIRED = {
    "precision": (counts.precision_of, precision),
    "F1": (counts.f1_of, f1),
    "Matthews": (counts.matthews_of, matthews),
}
"""The statistic as the gate has it, of (truth, label), and as a formula of tp, fp, fn, tn."""


def counts_difference(name: str, n: int, base: float) -> Setting:
    recalls, alarms = (0.85, 0.8), (0.05, 0.05)
    ours, formula = PAIRED[name]
    value = float((formula(*table(base, 0.85, 0.05)) - formula(*table(base, 0.8, 0.05)))[0])

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, one, other = binary_rows(rng, n, base, recalls, alarms)
        found = counts.smooth_difference(ours, truth, one, other, CONFIDENCE)
        return found, unpaired(rng, formula, truth, one, other)

    return Setting(f"{name} difference", f"n={n} {100 * base:g} % positive", "unpaired bootstrap", value, draw, 1000)


def average_precision(n: int, base: float, area: float, *, paired: bool) -> Setting:
    shift = separation(area, 1)
    rng = np.random.default_rng(7)
    # The truth, from a sample large enough that its own error does not matter.
    big = rng.random(4_000_000) < base
    value = ranking.precision_over_ranks(big, rng.normal(size=len(big)) + big * shift).value

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth = rng.random(n) < base
        common = rng.normal(size=n)
        first, second = (truth * shift + 0.9 * common + math.sqrt(0.19) * rng.normal(size=n) for _ in range(2))
        if paired:
            return ranking.average_precision_difference(truth, first, second, CONFIDENCE), (math.nan, math.nan)
        again = [rng.integers(0, n, n) for _ in range(100)]
        values = [ranking.precision_over_ranks(truth[one], first[one]).value for one in again if truth[one].any()]
        return ranking.average_precision(truth, first, CONFIDENCE), percentile(np.array(values or [0.0]))

    name, truth_value = ("average precision difference", 0.0) if paired else ("average precision", value)
    peer = "-" if paired else "percentile bootstrap"
    return Setting(name, f"n={n} {100 * base:g} % positive area={area}", peer, truth_value, draw, 1000)


def explained(n: int, errors: str, *, paired: bool = False) -> Setting:
    """R squared of 0.5 (normal errors), or less with errors of a long tail."""

    def sample(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        signal = rng.normal(size=size)
        noise = rng.normal(size=size) if errors == "normal" else rng.standard_t(3, size=size)
        return signal + noise, signal, signal + 0.3 * rng.normal(size=size)

    def r2(truth: np.ndarray, guess: np.ndarray) -> float:
        return 1 - float(np.mean((guess - truth) ** 2) / truth.var())

    truth, one, other = sample(np.random.default_rng(13), 8_000_000)
    value = r2(truth, one) - (r2(truth, other) if paired else 0.0)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, one, other = sample(rng, n)
        again = [rng.integers(0, n, n) for _ in range(100)]
        if paired:
            values = [r2(truth[row], one[row]) - r2(truth[row], other[row]) for row in again]
            return regression.r2_difference(truth, one - truth, other - truth, CONFIDENCE), percentile(np.array(values))
        values = [r2(truth[row], one[row]) for row in again]
        return regression.r2(truth, one - truth, CONFIDENCE), percentile(np.array(values))

    name = "R squared difference" if paired else "R squared"
    return Setting(name, f"n={n} {errors} errors", "percentile bootstrap", value, draw, 1000)


def macro(name: str, n: int, right: float, *, paired: bool = False) -> Setting:
    """Three classes of 70, 20 and 10 %; each is found with probability `right`, the rest fall evenly."""
    statistic = {"F1": counts.f1_of, "precision": counts.precision_of}[name]
    shares = np.array([0.7, 0.2, 0.1])

    def confusion(right: float) -> np.ndarray:
        wrong = (1 - right) / 2
        return np.asarray(shares[:, None] * (np.eye(3) * (right - wrong) + wrong))

    def value_of(right: float) -> float:
        cells = confusion(right)
        below = cells.sum(axis=0) + (cells.sum(axis=1) if name == "F1" else 0)
        return float(np.mean((2 if name == "F1" else 1) * cells.diagonal() / below))

    def label(rng: np.random.Generator, truth: np.ndarray, luck: np.ndarray, right: float) -> np.ndarray:
        return np.where(luck < right, truth, (truth + rng.integers(1, 3, len(truth))) % 3)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, luck = rng.choice(3, size=n, p=shares), rng.random(n)
        one = label(rng, truth, luck, right)
        if paired:
            other = label(rng, truth, luck, right - 0.05)
            return multiclass.macro_difference(statistic, truth, one, other, CONFIDENCE), (math.nan, math.nan)
        again = [rng.integers(0, n, n) for _ in range(100)]
        values = np.array([multiclass.macro(statistic, truth[row], one[row]).value for row in again])
        return multiclass.macro_value(statistic, truth, one, CONFIDENCE), percentile(np.nan_to_num(values))

    truth_value = value_of(right) - (value_of(right - 0.05) if paired else 0.0)
    title = f"macro {name}{' difference' if paired else ''}"
    peer = "-" if paired else "percentile bootstrap"
    return Setting(title, f"n={n} 3 classes, {right:g} right", peer, truth_value, draw, 1000)


def macro_area(n: int, shift: float, *, paired: bool = False) -> Setting:
    """Three classes of 50, 30 and 20 %, each with a score of its own that is higher by `shift` where it is the truth."""
    shares = np.array([0.5, 0.3, 0.2])

    def model(truth: np.ndarray, noise: np.ndarray, shift: float) -> Predictions:
        raw = np.exp(noise + shift * (truth[:, None] == np.arange(3)))
        return Predictions(raw.argmax(axis=1), probabilities=raw / raw.sum(axis=1, keepdims=True), classes=(0, 1, 2))

    def sample(rng: np.random.Generator, size: int) -> tuple[np.ndarray, Predictions, Predictions]:
        truth, noise = rng.choice(3, size=size, p=shares), rng.normal(size=(size, 3))
        own = 0.9 * noise + math.sqrt(0.19) * rng.normal(size=(size, 3))
        return truth, model(truth, noise, shift), model(truth, own, shift)

    big, whole, _ = sample(np.random.default_rng(17), 1_000_000)
    found = multiclass.macro_auc(big, whole, CONFIDENCE).value
    assert found is not None

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, one, other = sample(rng, n)
        nothing = (math.nan, math.nan)
        if paired:
            return multiclass.macro_auc_difference(truth, one, other, CONFIDENCE), nothing
        return multiclass.macro_auc(truth, one, CONFIDENCE), nothing

    name = "macro ROC AUC difference" if paired else "macro ROC AUC"
    return Setting(name, f"n={n} area={found:.3g}", "-", 0.0 if paired else found, draw, 1000)


def median_difference(n: int) -> Setting:
    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        common, own = rng.lognormal(size=n), rng.lognormal(size=(2, n), sigma=0.3)
        found = regression.median_absolute_difference(common * own[0], common * own[1], CONFIDENCE)
        return found, (math.nan, math.nan)

    return Setting("median absolute error difference", f"n={n} lognormal", "-", 0.0, draw, 300, -1)


def gap(name: str, centres: tuple[float, ...], n: int, errors: str = "normal") -> Setting:
    """Groups of n rows each, whose errors have these means."""
    metric, k = gaps.METRICS[name], len(centres)
    codes, names = np.repeat(np.arange(k), n), [str(code) for code in range(k)]
    shift = np.repeat(centres, n)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        noise = rng.normal(size=k * n) if errors == "normal" else rng.exponential(size=k * n) - 1
        values = metric.of_rows(np.zeros(k * n), shift + noise)
        means = np.array([values[codes == code].mean() for code in range(k)])
        errors_of = np.array([values[codes == code].std() for code in range(k)]) / math.sqrt(n)
        again = means + errors_of * rng.normal(size=(500, k))
        ours = gaps.measure(metric, values, codes, list(range(k)), names, CONFIDENCE)
        return ours, percentile(again.max(axis=1) - again.min(axis=1))

    value = max(centres) - min(centres)
    setting = f"{k} groups of {n}, truly {value:.3g}, {errors}"
    return Setting(name, setting, "percentile bootstrap", value, draw, 1000, -1)
