"""How often `monitor-model` tells of a fall in performance that is none, how soon of a real one, and what intervals of an
estimate without labels cover.

    scripts/run --in test python benchmarks/performance_watching.py --years 200

Labels: accuracy of a day around 90 %, its wobble of so many points from day to day with 0.7; the reference's mean minus 1
point is the limit. Days go through the product's own code. "At the limit": a year that stays a point lower, which is no news
yet. Beside it a wager per label (a betting confidence sequence), and "below the limit today".

Numbers: the mean absolute error of a day around 10, which wobbles by so many percent in the same way; its rows' errors are
normal, or have the tails of Student's t with 3 degrees of freedom, or those of a log-normal number (sigma 1.5), whose mean
few rows make. The reference's mean and 5 percent more are the limit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.config.monitor import LiveMetric
from modelway.data.labelled import DayArrivals, DayErrors, DayOutcomes
from modelway.monitoring.falling import FallAlarm, LimitsHeld, held
from modelway.monitoring.live_days import EPOCH, live_days, ripened

HISTORY, YEAR, DELAY = 56, 365, 7
FIRST = 20_000
"""The first day, since 1970."""
BUDGET = 0.5
"""False alarms a year: the columns have the other half."""
Array = NDArray[np.float64]


def wobble(random: np.random.Generator, days: int, points: float, rho: float = 0.7) -> Array:
    shocks = random.standard_normal(days)
    for day in range(1, days):
        shocks[day] = rho * shocks[day - 1] + np.sqrt(1 - rho**2) * shocks[day]
    return np.asarray(shocks * points / 100)


def accuracies(random: np.random.Generator, labels: int, points: float, fall: float) -> dict[int, DayOutcomes]:
    days = HISTORY + YEAR
    rate = 0.9 + wobble(random, days, points) - fall * (np.arange(days) >= HISTORY)
    hits = random.binomial(labels, np.clip(rate, 0, 1))
    return {FIRST + day: DayOutcomes(labels, int(hit)) for day, hit in enumerate(hits)}


def areas(random: np.random.Generator, labels: int, points: float, fall: float) -> dict[int, DayOutcomes]:
    """Of normal scores; a fifth of the rows is positive."""
    from scipy import stats

    days, found = HISTORY + YEAR, {}
    level = 0.85 + wobble(random, days, points) - fall * (np.arange(days) >= HISTORY)
    for day, area in enumerate(np.clip(level, 0.5, 0.99)):
        p = max(2, labels // 5)
        q = labels - p
        ones, zeros = random.normal(np.sqrt(2) * stats.norm.ppf(area), 1, p), random.normal(0, 1, q)
        above = 2 * np.searchsorted(np.sort(zeros), ones).astype(object)
        below = 2 * (p - np.searchsorted(np.sort(ones), zeros)).astype(object)
        found[FIRST + day] = DayOutcomes(
            labels, 0, p, q, int(above.sum()), int((above**2).sum()), int((below**2).sum())
        )
    return found


TAILS = {
    "normal": lambda random, shape: np.abs(random.standard_normal(shape)) * np.sqrt(np.pi / 2),
    "t3": lambda random, shape: np.abs(random.standard_t(3, shape)) * np.pi / (2 * np.sqrt(3)),
    "log-normal": lambda random, shape: random.lognormal(-(1.5**2) / 2, 1.5, shape),
}
"""Sizes of errors, 1 on average."""


def sizes_of_errors(
    random: np.random.Generator, labels: int, percent: float, rise: float, tail: str
) -> dict[int, DayErrors]:
    days = HISTORY + YEAR
    level = 10 * np.exp(wobble(random, days, percent)) * (1 + rise * (np.arange(days) >= HISTORY))
    sizes = TAILS[tail](random, (days, labels)) * level[:, None]
    sums = zip(sizes.sum(axis=1), (sizes**2).sum(axis=1), (sizes**4).sum(axis=1), strict=True)
    return {FIRST + day: DayErrors(labels, *map(float, found), 0.0, 0.0, 0.0) for day, found in enumerate(sums)}


def watched(
    outcomes: Mapping[int, DayOutcomes] | Mapping[int, DayErrors], metric: LiveMetric, limit: float | None = None
) -> LimitsHeld:
    arrivals = {day: DayArrivals(one.labels, {day: one.labels}) for day, one in outcomes.items()}
    ripening = ripened(arrivals, FIRST + len(outcomes) - 1 + DELAY, DELAY, timed=False)
    days = live_days(arrivals, ripening, outcomes, (metric,), 0.95)
    gate: dict[LiveMetric, float] = {} if limit is None else {metric: limit}
    return held(days, EPOCH + timedelta(days=FIRST + HISTORY), (metric,), gate, None, BUDGET)


def per_label(outcomes: Mapping[int, DayOutcomes], limit: float) -> int:
    """Alarms of a wager per label, begun anew after each: the evidence of 40 rates below the limit, mixed; threshold 365."""
    rates = limit - np.geomspace(0.002, 0.2, 40)
    worse, better = np.log(rates / limit), np.log((1 - rates) / (1 - limit))
    logs, told = np.full(len(rates), -np.inf), 0
    for one in list(outcomes.values())[HISTORY:]:
        logs = np.logaddexp(logs, 0) + one.hits * worse + (one.labels - one.hits) * better
        if np.logaddexp.reduce(logs) - np.log(len(rates)) >= np.log(365 / BUDGET):
            told, logs = told + 1, np.full(len(rates), -np.inf)
    return told


def false_alarms(years: int, sizes: Sequence[int], wobbles: Sequence[float], seed: int) -> None:
    print(f"\nAlarms a year on {years} years without a fall, and on as many that lie exactly at the limit\n")
    print(
        "| labels a day | wobble, points | ours | at the limit | most in one year | per label | days below the limit |"
    )
    print("|---|---|--:|--:|--:|--:|--:|")
    for labels in sizes:
        for points in wobbles:
            random = np.random.default_rng([seed, labels, int(points * 10)])
            well, edge, each, below = [], [], [], []
            for _ in range(years):
                outcomes = accuracies(random, labels, points, 0.0)
                well.append(len(watched(outcomes, "accuracy_score").alarms))
                limit = float(np.mean([one.hits / one.labels for one in list(outcomes.values())[:HISTORY]])) - 0.01
                each.append(per_label(outcomes, limit))
                below.append(sum(one.hits / one.labels < limit for one in list(outcomes.values())[HISTORY:]))
                at = accuracies(random, labels, points, 0.01)
                edge.append(len(watched(at, "accuracy_score", 0.89).alarms))
            print(
                f"| {labels:,} | {points:g} | {np.mean(well):.2f} | {np.mean(edge):.2f} | {max(well + edge)} |"
                f" {np.mean(each):.1f} | {np.mean(below):.0f} |",
                flush=True,
            )


def rises(years: int, sizes: Sequence[int], percents: Sequence[float], seed: int) -> None:
    print(f"\nErrors of numbers, {years} years a cell; days until a rise by 10, 20 and 50 % is told: median, 90 %\n")
    print("| errors | labels a day | wobble, % | ours | at the limit | days above the limit | 10 % | 20 % | 50 % |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for tail in TAILS:
        for labels in sizes:
            for percent in percents:
                random = np.random.default_rng([seed, labels, int(percent * 10), len(tail)])
                well, edge, above, told = [], [], [], dict[float, list[int]]()
                for _ in range(years):
                    outcomes = sizes_of_errors(random, labels, percent, 0.0, tail)
                    found = watched(outcomes, "mean_absolute_error")
                    well.append(len(found.alarms))
                    limit = found.limits["mean_absolute_error"].value
                    above.append(sum(one.sizes / one.labels > limit for one in list(outcomes.values())[HISTORY:]))
                    at = sizes_of_errors(random, labels, percent, 0.05, tail)
                    edge.append(len(watched(at, "mean_absolute_error", 10.5 * np.exp(percent**2 / 2e4)).alarms))
                    for rise in (0.1, 0.2, 0.5):
                        alarms = watched(
                            sizes_of_errors(random, labels, percent, rise, tail), "mean_absolute_error"
                        ).alarms
                        told.setdefault(rise, []).append(_days_until(alarms))
                cells = " | ".join(_both(found) for found in told.values())
                figures = f"{np.mean(well):.2f} | {np.mean(edge):.2f} | {np.mean(above):.0f}"
                print(f"| {tail} | {labels:,} | {percent:g} | {figures} | {cells} |", flush=True)


def _days_until(alarms: Sequence[FallAlarm]) -> int:
    return (alarms[0].day - (EPOCH + timedelta(days=FIRST + HISTORY))).days + 1 if alarms else YEAR + 1


def _both(days: Sequence[int]) -> str:
    both = (float(np.quantile(days, share, method="higher")) for share in (0.5, 0.9))
    return ", ".join("none" if value > YEAR else f"{value:.0f}" for value in both)


def delays(years: int, sizes: Sequence[int], wobbles: Sequence[float], seed: int) -> None:
    print(
        f"\nDays of labels until a fall is told, median and 90 %, {years} years each; labels come {DELAY} days later\n"
    )
    print(f"| fall | labels a day | {' | '.join(f'wobble {points:g}' for points in wobbles)} |")
    print(f"|---|--:|{'---|' * len(wobbles)}")
    worlds = [("accuracy by 2 points", "accuracy_score", 0.02), ("accuracy by 5 points", "accuracy_score", 0.05)]
    worlds += [("accuracy by 10 points", "accuracy_score", 0.1), ("AUC .85 by 5 points", "roc_auc_score", 0.05)]
    for name, metric, fall in worlds:
        for labels in sizes:
            if metric == "roc_auc_score" and labels < 1000:
                continue
            cells = []
            for points in wobbles:
                random, found = np.random.default_rng([seed, labels, int(points * 10), 3]), []
                for _ in range(years if metric == "accuracy_score" else max(10, years // 5)):
                    made = accuracies if metric == "accuracy_score" else areas
                    told = watched(made(random, labels, points, fall), metric).alarms  # type: ignore[arg-type]
                    found.append(_days_until(told))
                cells.append(_both(found))
            print(f"| {name} | {labels:,} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--wobbles", type=float, nargs="+", default=[0, 1, 2])
    parser.add_argument("--percents", type=float, nargs="+", default=[0, 5, 10])
    parser.add_argument(
        "--parts", nargs="+", choices=("alarms", "delays", "errors"), default=["alarms", "delays", "errors"]
    )
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if "alarms" in chosen.parts:
        false_alarms(chosen.years, chosen.labels, chosen.wobbles, chosen.seed)
    if "delays" in chosen.parts:
        delays(chosen.years, chosen.labels, chosen.wobbles, chosen.seed)
    if "errors" in chosen.parts:
        rises(chosen.years, chosen.labels, chosen.percents, chosen.seed)


if __name__ == "__main__":
    main()
