"""False alarms and delays of monitor-model's looks by the hour, beside its looks by the day, in simulated years.

    scripts/run --in test python benchmarks/watching_hours.py [--years 12] [--columns 20] [--rows 100 1000]

Rows an hour follow the time of day: a tenth by night, at noon twice as many as on average. Levels and shares have a profile of
hours and of weekdays, a wobble that goes from hour to hour, half of it common to all columns, and a harmless offset after
eight weeks of history. Three of four columns are numbers, the fourth a text of eight values. Hours are counted in the
reference's cells, and go through the product's own code, with days, which share the budget of one false alarm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from scipy import special
from watching import HISTORY, START, Days, World, drawn, reference, sketch, wobble

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.data.drift.sketch import merged
from modelway.monitoring.watching import HOURS, Watched, WatchedDay, WatchedHour, watch

YEAR, AFTER = 365, 30
BROKEN_AT = 9
"""The hour of the first day after the history from which on something is broken."""


WORLDS = (
    World("every hour alike", (0.0, 0.0), offset=0.0, weekday=0.0),
    World("real"),
    World("real, shocks of t with 4 degrees", tails=4),
    World("real, from hour to hour with 0.95", rho=0.95),
)
BREAKS: Mapping[str, tuple[float, float, float]] = {
    "missing 1 to 31 %": (0.0, 0.0, 0.30),
    "missing 1 to 11 %": (0.0, 0.0, 0.10),
    "a level by 1 standard deviation": (1.0, 0.0, 0.0),
    "one text 10 to 30 %": (0.0, 0.20, 0.0),
}
NOTHING = (0.0, 0.0, 0.0)


def simulated(
    random: np.random.Generator,
    world: World,
    columns: int,
    rows: int,
    days: int,
    broken: tuple[float, float, float] = NOTHING,
) -> Days:
    """rows: an hour, on average. broken: by how much the first number's level, a text's share and the first column's missing
    values are off from BROKEN_AT on."""
    hours, (level_by, share_by, missing_by) = days * HOURS, broken
    at = np.arange(hours)
    n = random.poisson(rows * (1.05 - 0.95 * np.cos(2 * np.pi * (at % HOURS) / HOURS)))
    late = (at >= HISTORY * HOURS)[:, None]
    off = (at >= HISTORY * HOURS + BROKEN_AT)[:, None]
    level = wobble(random, world, hours, columns) * random.uniform(*world.wobble, columns)
    level += random.normal(0, world.weekday, (HOURS, columns))[at % HOURS]
    level += random.normal(0, world.weekday, (7, columns))[at // HOURS % 7]
    level += late * random.uniform(-0.1, 0.1, columns) * world.offset
    gone = special.expit(np.log(0.01 / 0.99) + 0.2 * wobble(random, world, hours, columns) * (world.wobble[1] > 0))
    level[:, :1] += off * level_by
    gone[:, :1] += off * missing_by
    return drawn(random, n, level, gone, off[:, 0] * share_by)


def watched(counts: Days, columns: int) -> Watched:
    begin = datetime(START.year, START.month, START.day, tzinfo=UTC)
    every = [WatchedHour(begin + timedelta(hours=at), sketch(counts, at)) for at in range(len(counts.missing))]
    days = []
    for first in range(0, len(every), HOURS):
        ones = [hour.sketch for hour in every[first : first + HOURS]]
        days.append(WatchedDay(every[first].begin.date(), merged(ones, [""] * len(ones))))
    return watch(sketch(reference(columns), 0), days, HISTORY, hours=every)


def false_alarms(years: int, columns: int, sizes: list[int], seed: int) -> None:
    print(f"\n{columns} columns, {years} healthy years each\n")
    print("| world | rows an hour | false alarms a year by the hour | by the day | most evidence of an hour |")
    print("|---|--:|--:|--:|--:|")
    for world in WORLDS:
        for rows in sizes:
            random, by_hour, by_day, most = np.random.default_rng([seed, rows, columns]), 0, 0, 0.0
            for _ in range(years):
                found = watched(simulated(random, world, columns, rows, HISTORY + YEAR), columns)
                told = [isinstance(alarm.at, datetime) for alarm in found.alarms]
                by_hour, by_day = by_hour + sum(told), by_day + len(told) - sum(told)
                assert found.hours is not None
                most = max([most, *(part for _, part in found.hours.looks)])
            print(
                f"| {world.name} | {rows:,} | {by_hour / years:.2f} | {by_day / years:.2f} | {most:.2g} |", flush=True
            )


def delays(years: int, columns: int, sizes: list[int], seed: int) -> None:
    texts = sum(number % 4 == 3 for number in range(columns))
    print(f"\nReal world: hours from {BROKEN_AT}:00 on until it is told, 1 being the first; {years} times each\n")
    print(f"| broken for good | {' | '.join(f'{rows:,} rows an hour: median, 90 %, told again' for rows in sizes)} |")
    print(f"|---|{'---|' * len(sizes)}")
    for name, broken in BREAKS.items():
        cells = []
        for rows in sizes:
            random, found, again = np.random.default_rng([seed, rows, 7]), [], 0
            column = f"c{columns - texts:04d}" if "text" in name else "c0000"
            for _ in range(years):
                alarms = watched(simulated(random, WORLDS[1], columns, rows, HISTORY + AFTER, broken), columns).alarms
                named = [alarm.at for alarm in alarms if column in [change.column for change in alarm.changes]]
                again += len(named) > 1
                begin = datetime(START.year, START.month, START.day, BROKEN_AT, tzinfo=UTC) + timedelta(days=HISTORY)
                first = named[0] if named else None
                if isinstance(first, datetime):
                    found.append((first - begin).total_seconds() / 3600 + 1)
                else:  # a day is looked at when it is over
                    days = (first - START).days - HISTORY + 1 if first else AFTER + 1
                    found.append(days * HOURS - BROKEN_AT)
            median, late = (float(np.quantile(found, share, method="higher")) for share in (0.5, 0.9))
            said = ["none" if value > AFTER * HOURS else f"{value:.0f}" for value in (median, late)]
            cells.append(f"{said[0]}, {said[1]}, {again}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=12)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    delays(chosen.years, chosen.columns, chosen.rows, chosen.seed)
    false_alarms(chosen.years, chosen.columns, chosen.rows, chosen.seed)


if __name__ == "__main__":
    main()
