"""How often `monitor-model` tells of a broken promise of a service that keeps all of them, and how soon of one that is broken.

    scripts/run --in test python benchmarks/service_watching.py --years 30

A year of days, after 56 that tell what is usual, through the product's own code. Promised: 0.1 % of the requests may fail, 1
% may be slow. Usual: a fifth and a third of that, and each day's rate is another one: its logarithm wobbles with so much of a
standard deviation, from day to day with 0.5. Traffic has a rhythm of weekdays, differs by 5 % from day to day, grows by 3 % a
week, and is a third on ten holidays. "At the limit": a year on which both rates are at their limits. Beside it a plain rule:
the share of yesterday is above its limit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.monitoring.promises import PromisedLimits, PromisesHeld, promises_held
from modelway.monitoring.service_days import CountedDay

HISTORY, YEAR = 56, 365
START = date(2026, 1, 5)
LIMITS = PromisedLimits(failed=0.001, slow=0.01, least_requests=100)
WEEK = np.array([1.0, 1.05, 1.0, 0.95, 0.9, 0.5, 0.4])
HOLIDAYS, OF_USUAL = 10, 0.33
Array = NDArray[np.float64]


def wobble(random: np.random.Generator, days: int, spread: float, heavy: bool = False, rho: float = 0.5) -> Array:
    """Factors of a rate, 1 on average. heavy: shocks of Student's t with 4 degrees, of the same variance."""
    shocks = random.standard_t(4, days) / np.sqrt(2) if heavy else random.standard_normal(days)
    for day in range(1, days):
        shocks[day] = rho * shocks[day - 1] + np.sqrt(1 - rho**2) * shocks[day]
    return np.asarray(np.exp(spread * shocks - spread**2 / 2))


def year(
    random: np.random.Generator,
    requests: int,
    spread: float,
    *,
    failed: Callable[[Array], Array] = lambda days: np.ones(len(days)),
    slow: Callable[[Array], Array] = lambda days: np.ones(len(days)),
    traffic: Callable[[Array], Array] = lambda days: np.ones(len(days)),
    holiday_week: bool = False,
    heavy: bool = False,
) -> list[CountedDay]:
    """failed, slow, traffic: factors of what is usual, of the days since the first look; before it they are 1."""
    days = HISTORY + YEAR
    since = np.arange(days) - HISTORY
    later = since >= 0

    def factor(of: Callable[[Array], Array]) -> Array:
        return np.where(later, of(since.astype(float)), 1.0)

    n = (
        requests
        * WEEK[np.arange(days) % 7]
        * 1.03 ** (np.arange(days) / 7)
        * np.exp(0.05 * random.standard_normal(days))
    )
    n[random.choice(days, HOLIDAYS, replace=False)] *= OF_USUAL
    if holiday_week:
        n[HISTORY + 200 : HISTORY + 207] *= OF_USUAL
    n = np.maximum(0, np.round(n * factor(traffic)))
    bad = random.binomial(
        n.astype(int), np.clip(LIMITS.failed / 5 * wobble(random, days, spread, heavy) * factor(failed), 0, 1)
    )
    late = random.binomial(n.astype(int), np.clip(0.01 / 3 * wobble(random, days, spread, heavy) * factor(slow), 0, 1))
    return [
        CountedDay(START + timedelta(days=at), int(n[at]), int(bad[at]), int(late[at]), int(n[at]), 1440)
        for at in range(days)
    ]


def held(days: Sequence[CountedDay]) -> PromisesHeld:
    return promises_held(days, LIMITS, HISTORY, 1.0)


def plain(days: Sequence[CountedDay]) -> int:
    """Days that are above a limit."""
    return sum(
        day.failed > LIMITS.failed * day.requests or day.slow > 0.01 * day.timed
        for day in days[HISTORY:]
        if day.requests
    )


def false_alarms(years: int, sizes: Sequence[int], spreads: Sequence[float], seed: int) -> None:
    print(f"\nAlarms a year on {years} years that keep what is promised, and on as many at the limit (budget: 1)\n")
    print(
        "| requests a day | wobble | ours: that day, for good | most in a year | at the limit | plain rule | at the limit |"
    )
    print("|---|---|--:|--:|--:|--:|--:|")
    for requests in sizes:
        for spread in spreads:
            random = np.random.default_rng([seed, requests, int(100 * spread)])
            today, lasting, edge, below, at_edge = [], [], [], [], []
            for _ in range(years):
                days = year(random, requests, spread)
                alarms = held(days).alarms
                today.append(sum(alarm.today for alarm in alarms))
                lasting.append(sum(not alarm.today for alarm in alarms))
                below.append(plain(days))
                days = year(random, requests, spread, failed=lambda at: 0 * at + 5, slow=lambda at: 0 * at + 3)
                edge.append(len(held(days).alarms))
                at_edge.append(plain(days))
            print(
                f"| {requests:,} | {spread:g} | {np.mean(today):.2f}, {np.mean(lasting):.2f} |"
                f" {max(np.add(today, lasting))} | {np.mean(edge):.2f} | {np.mean(below):.0f} | {np.mean(at_edge):.0f} |",
                flush=True,
            )


def other_worlds(years: int, seed: int) -> None:
    random = np.random.default_rng([seed, 7])
    print("\nOther worlds, 10,000 requests a day, wobble 0.3: alarms a year\n")
    week = [len(held(year(random, 10_000, 0.3, holiday_week=True)).alarms) for _ in range(years)]
    print(f"- a holiday of a whole week: {np.mean(week):.2f}")
    heavy = [len(held(year(random, 10_000, 0.3, heavy=True)).alarms) for _ in range(years)]
    print(f"- shocks of t with 4 degrees: {np.mean(heavy):.2f}")
    at = [
        len(
            held(year(random, 10_000, 0.3, heavy=True, failed=lambda at: 0 * at + 5, slow=lambda at: 0 * at + 3)).alarms
        )
        for _ in range(years)
    ]
    print(f"- the same, at the limit: {np.mean(at):.2f}")


BROKEN: dict[str, dict[str, Callable[[Array], Array]]] = {
    "30 % fail on one day": {"failed": lambda at: np.where(at == 30, 1500.0, 1.0)},
    "3 % fail on one day": {"failed": lambda at: np.where(at == 30, 150.0, 1.0)},
    "0.2 % fail, for good": {"failed": lambda at: np.where(at >= 30, 10.0, 1.0)},
    "0.4 % fail, for good": {"failed": lambda at: np.where(at >= 30, 20.0, 1.0)},
    "2 % slow, for good": {"slow": lambda at: np.where(at >= 30, 6.0, 1.0)},
    "requests fall by 30 %": {"traffic": lambda at: np.where(at >= 30, 0.7, 1.0)},
    "requests fall by half": {"traffic": lambda at: np.where(at >= 30, 0.5, 1.0)},
    "no requests": {"traffic": lambda at: np.where(at >= 30, 0.0, 1.0)},
}


def delays(years: int, sizes: Sequence[int], spreads: Sequence[float], seed: int) -> None:
    print(f"\nThe day on which it is told, the first being 1: median and 90 % of {years} years\n")
    print(f"| broken | requests a day | {' | '.join(f'wobble {spread:g}' for spread in spreads)} |")
    print(f"|---|--:|{'---|' * len(spreads)}")
    begins = START + timedelta(days=HISTORY + 30)
    for name, changed in BROKEN.items():
        for requests in sizes:
            cells = []
            for spread in spreads:
                random, found = np.random.default_rng([seed, requests, int(100 * spread), 3]), []
                for _ in range(years):
                    days = year(random, requests, spread, **changed)[: HISTORY + 30 + 90]  # type: ignore[arg-type]
                    told = [alarm.day for alarm in held(days).alarms if alarm.day >= begins]
                    found.append((told[0] - begins).days + 1 if told else 91)
                both = (float(np.quantile(found, share, method="higher")) for share in (0.5, 0.9))
                cells.append(", ".join("none" if value > 90 else f"{value:.0f}" for value in both))
            print(f"| {name} | {requests:,} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=30)
    parser.add_argument("--requests", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--wobbles", type=float, nargs="+", default=[0, 0.3, 0.7])
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    false_alarms(chosen.years, chosen.requests, chosen.wobbles, chosen.seed)
    other_worlds(chosen.years, chosen.seed)
    delays(max(10, chosen.years), chosen.requests, chosen.wobbles, chosen.seed)


if __name__ == "__main__":
    main()
