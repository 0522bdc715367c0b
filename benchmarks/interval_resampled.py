"""What interval_coverage.py simulates of the resampling engine: metrics of scikit-learn, computed here as it does, but in a
hundredth of its time (tests/gate/test_library.py holds the values equal to its own)."""

from __future__ import annotations

import numpy as np
from interval_settings import CONFIDENCE, Interval, Setting, binary_rows, percentile

from modelway.gate import resampled
from modelway.gate.estimate import Estimate
from modelway.gate.library import LibraryMetric
from modelway.gate.predictions import Predictions
from modelway.gate.rows import JudgedRows

__version__ = "quick"


def fbeta_score(truth: np.ndarray, label: np.ndarray, *, beta: float, sample_weight: np.ndarray | None = None) -> float:
    sample_weight = np.ones(len(truth)) if sample_weight is None else sample_weight
    hit = float(sample_weight @ (truth & label))
    below = beta**2 * float(sample_weight @ truth) + float(sample_weight @ label)
    return (1 + beta**2) * hit / below if below else np.nan


def cohen_kappa_score(truth: np.ndarray, label: np.ndarray, *, sample_weight: np.ndarray | None = None) -> float:
    sample_weight = np.ones(len(truth)) if sample_weight is None else sample_weight
    cells = np.bincount(3 * truth + label, weights=sample_weight, minlength=9).reshape(3, 3) / sample_weight.sum()
    chance = float(cells.sum(axis=0) @ cells.sum(axis=1))
    return (float(np.trace(cells)) - chance) / (1 - chance)


def mean_absolute_percentage_error(
    truth: np.ndarray, guess: np.ndarray, *, sample_weight: np.ndarray | None = None
) -> float:
    return float(np.average(np.abs(guess - truth) / np.abs(truth), weights=sample_weight))


def accuracy_score(truth: np.ndarray, label: np.ndarray, *, sample_weight: np.ndarray | None = None) -> float:
    return float(np.average(truth == label, weights=sample_weight))


def quick(name: str, *, classes: bool = True, weights: bool = True, **arguments: float) -> LibraryMetric:
    return LibraryMetric(name, __name__, "label", True, weights, classes, arguments)


def fbeta(n: int, base: float, *, paired: bool = False) -> Setting:
    """beta = 2. The two models are equally good, and differ."""
    metric = quick("fbeta_score", beta=2)
    hit, alarm = base * 0.8, (1 - base) * 0.05
    truth_value = 0.0 if paired else 5 * hit / (4 * base + hit + alarm)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth, one, other = binary_rows(rng, n, base, (0.8, 0.8), (0.05, 0.05))
        rows = JudgedRows(truth, Predictions(one), Predictions(other))
        if paired:
            return resampled.compare(metric, rows, CONFIDENCE), (np.nan, np.nan)
        return resampled.measure(metric, rows, CONFIDENCE), naive(metric, rows, rng)

    name = "F-beta difference" if paired else "F-beta"
    return Setting(name, f"n={n} {100 * base:g} % positive", peer(paired), truth_value, draw, 500)


def kappa(n: int, right: float) -> Setting:
    """Three classes of 70, 20 and 10 %."""
    shares, metric = np.array([0.7, 0.2, 0.1]), quick("cohen_kappa_score")
    wrong = (1 - right) / 2
    cells = shares[:, None] * (np.eye(3) * (right - wrong) + wrong)
    chance = float(cells.sum(axis=0) @ cells.sum(axis=1))

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth = rng.choice(3, size=n, p=shares)
        label = np.where(rng.random(n) < right, truth, (truth + rng.integers(1, 3, n)) % 3)
        rows = JudgedRows(truth, Predictions(label), None)
        return resampled.measure(metric, rows, CONFIDENCE), naive(metric, rows, rng)

    value = (float(np.trace(cells)) - chance) / (1 - chance)
    return Setting("Cohen's kappa", f"n={n} right={right}", peer(False), value, draw, 500)


def percentage_error(n: int, sigma: float) -> Setting:
    """Relative errors with a long tail."""
    metric = quick("mean_absolute_percentage_error", classes=False)

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth = 1 + rng.random(n)
        rows = JudgedRows(truth, Predictions(truth * (1 + rng.lognormal(0, sigma, n))), None)
        return resampled.measure(metric, rows, CONFIDENCE), naive(metric, rows, rng)

    value = float(np.exp(sigma**2 / 2))
    return Setting("absolute percentage error", f"n={n} lognormal {sigma}", peer(False), value, draw, 500)


def weighted_accuracy(n: int, right: float) -> Setting:
    """JudgedRows with unequal weights, which have nothing to do with the errors."""
    metric = quick("accuracy_score")

    def draw(rng: np.random.Generator) -> tuple[Estimate, Interval]:
        truth = rng.random(n) < 0.4
        label = np.where(rng.random(n) < right, truth, ~truth)
        rows = JudgedRows(truth, Predictions(label), None, weight=rng.lognormal(0, 0.7, n))
        return resampled.measure(metric, rows, CONFIDENCE), naive(metric, rows, rng)

    return Setting("weighted accuracy", f"n={n} rate={right}", peer(False), right, draw, 500)


def naive(metric: LibraryMetric, rows: JudgedRows, rng: np.random.Generator) -> Interval:
    values = resampled.Values(metric, rows, [rows.candidate])
    values.count_alike()
    base = values.base
    again = [values(rng.multinomial(int(base.sum()), base / base.sum())) for _ in range(200)]
    return percentile(np.nan_to_num(np.array(again)))


def peer(paired: bool) -> str:
    return "-" if paired else "percentile bootstrap"
