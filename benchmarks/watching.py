"""False alarms and delays of monitor-model's evidence in simulated years, beside the rules that peers use, on the same days.

    scripts/run --in test python benchmarks/watching.py [--years 60] [--columns 20] [--rows 1000 10000 100000] [--parts ...]

A world has a weekday profile of .1 standard deviations, a wobble that goes from day to day, half of it common to all columns,
shares that wander too, and a harmless offset of each level after the history. Three of four columns are numbers, the fourth a
text of eight values. Days are counted in the reference's cells, and go through the product's own code. The peers' rules, of
their documentation: Evidently 0.7 (beyond 1,000 rows Wasserstein / sd and Jensen-Shannon above 0.1; below, Kolmogorov-Smirnov
and chi-squared at .05), for any column and for half of them; NannyML 0.13 (Jensen-Shannon above the mean of the reference's
chunks by three standard deviations); p < .05 / columns; the population stability index above 0.2. All of them worked out from
the cells, which changes none of them by much.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.monitoring.watching import Watched, WatchedDay, watch

HISTORY, YEAR, QUARTER = 56, 365, 91
BINS = 40
EDGES = special.ndtri(np.arange(1, BINS) / BINS)
TEXTS = np.array([0.35, 0.2, 0.15, 0.1, 0.08, 0.06, 0.04, 0.02])
START = date(2026, 1, 5)
REFERENCE = 100_000
Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """wobble: standard deviations of a look's level, of the steadiest and of the most unsteady column. rho: from look to look.
    offset: in margins. tails: degrees of freedom of its shocks; 0: normal. weekday: standard deviation of the weekdays, and of
    the times of day where looks are hours."""

    name: str
    wobble: tuple[float, float] = (0.02, 0.08)
    rho: float = 0.7
    offset: float = 1.0
    tails: int = 0
    weekday: float = 0.1


WORLDS = (
    World("every day alike", (0.0, 0.0), offset=0.0, weekday=0.0),
    World("real"),
    World("real, shocks of t4", tails=4),
    World("real, rho .9", rho=0.9),
)


@dataclass(frozen=True)
class Days:
    """Counts by day and column: of numbers in cells, of texts by value; and the missing, which come first of the numbers."""

    numbers: Array
    texts: Array
    missing: Array


SHIFTS: Mapping[str, tuple[float, float, float]] = {
    "level by .3 sd": (0.3, 0.0, 1.0),
    "level by .5 sd": (0.5, 0.0, 1.0),
    "text 10 -> 14 %": (0.0, 0.04, 1.0),
    "missing 1 -> 3 %": (0.0, 0.0, 3.0),
}
NO_SHIFT = (0.0, 0.0, 1.0)


def simulated(
    random: np.random.Generator,
    world: World,
    columns: int,
    rows: int,
    looks: int = YEAR,
    shift: tuple[float, float, float] = NO_SHIFT,
) -> Days:
    """looks: after the history. shift: of the first number's level, of a text's share, of the first column's missing values;
    from the first look on. A level that shifts is off by nothing else."""
    days, level_by, share_by, missing_by = HISTORY + looks, *shift
    harmless = np.arange(columns) >= (level_by != 0)
    late = (np.arange(days) >= HISTORY)[:, None]
    weekday = np.arange(days) % 7
    level = wobble(random, world, days, columns) * random.uniform(*world.wobble, columns)
    level += (
        random.normal(0, world.weekday, (7, columns))[weekday]
        + late * random.uniform(-0.1, 0.1, columns) * world.offset * harmless
    )
    null = np.log(0.01 / 0.99) + 0.2 * wobble(random, world, days, columns) * (world.wobble[1] > 0)
    gone = special.expit(null)
    level[:, :1] += late * level_by
    gone[:, :1] = np.where(late, np.minimum(gone[:, :1] * missing_by, 0.9), gone[:, :1])
    return drawn(random, rows, level, gone, late[:, 0] * share_by)


def drawn(
    random: np.random.Generator, rows: int | NDArray[np.int64], level: Array, gone: Array, text_rise: Array
) -> Days:
    """Counts of each look (the first axis) and column. rows: of a look, or of each. level: in standard deviations; of a text
    what its frequent values lose. gone: the shares that are missing. text_rise: by how much a share of the first text is
    higher."""
    n = np.broadcast_to(rows, len(level))[:, None]
    text = np.arange(level.shape[1]) % 4 == 3
    missing = random.binomial(n, gone)
    upper = special.ndtr(EDGES - level[:, ~text][:, :, None])
    ends = [np.zeros((*upper.shape[:2], 1)), upper, np.ones((*upper.shape[:2], 1))]
    numbers = random.multinomial(n - missing[:, ~text], np.diff(np.concatenate(ends, axis=2), axis=2))
    odds = TEXTS * np.exp(np.linspace(-1, 1, len(TEXTS)) * level[:, text][:, :, None])
    shares = odds / odds.sum(axis=2, keepdims=True)
    if text_rise.any() and text.any():
        one = np.minimum(shares[:, 0, 3] + text_rise, 0.9)
        shares[:, 0] *= ((1 - one) / (1 - shares[:, 0, 3]))[:, None]
        shares[:, 0, 3] = one
    texts = random.multinomial(n - missing[:, text], shares)
    return Days(numbers, texts, np.concatenate([missing[:, ~text], missing[:, text]], axis=1))


def wobble(random: np.random.Generator, world: World, looks: int, columns: int) -> Array:
    """Of variance 1 each, half of it common to all."""
    shape = (looks, columns + 1)
    shocks = random.standard_t(world.tails, shape) / np.sqrt(2) if world.tails else random.standard_normal(shape)
    for look in range(1, looks):
        shocks[look] = world.rho * shocks[look - 1] + np.sqrt(1 - world.rho**2) * shocks[look]
    return np.asarray((shocks[:, :-1] + shocks[:, -1:]) / np.sqrt(2))


def reference(columns: int) -> Days:
    texts = sum(number % 4 == 3 for number in range(columns))
    numbers = np.full((1, columns - texts, BINS), REFERENCE / BINS)
    return Days(numbers, np.tile(TEXTS * REFERENCE, (1, texts, 1)), np.full((1, columns), REFERENCE // 100))


def sketch(days: Days, day: int) -> DataSketch:
    columns = []
    for counts, cells in (
        *((one, {"kind": "number", "edges": tuple(map(float, EDGES))}) for one in days.numbers[day]),
        *((one, {"kind": "category", "values": tuple(f"v{i}" for i in range(len(TEXTS)))}) for one in days.texts[day]),
    ):
        name, missing = f"c{len(columns):04d}", int(days.missing[day, len(columns)])
        made = ColumnCells(name=name, **cells)
        columns.append(SketchColumn(cells=made, missing=missing, unreadable=0, counts=tuple(map(int, counts))))
    return DataSketch(rows=columns[0].missing + columns[0].readable, columns=tuple(columns))


def ours(days: Days, columns: int) -> Watched:
    count = len(days.missing)
    watched = [WatchedDay(START + timedelta(days=day), sketch(days, day)) for day in range(count)]
    return watch(sketch(reference(columns), 0), watched, HISTORY)


def peers(days: Days, columns: int, rows: int) -> dict[str, int]:
    """Days of the year on which each rule alarms."""
    known = reference(columns)
    moved, pieces, p_values, js, psi = [], [], [], [], []
    for now, then, numeric in ((days.numbers, known.numbers, True), (days.texts, known.texts, False)):
        p, q = (counts / counts.sum(axis=2, keepdims=True) for counts in (now, then))
        middle = (p + q) / 2
        js.append(np.sqrt((special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum(axis=2) / 2 / np.log(2)))
        a, b = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
        psi.append(((a - b) * np.log(a / b)).sum(axis=2))
        gaps = np.abs(np.cumsum(p - q, axis=2))[:, :, :-1]
        if numeric:
            n = now.sum(axis=2)
            widths = np.gradient(EDGES)
            moved.append((gaps * widths).sum(axis=2) > 0.1)
            p_values.append(stats.kstwobign.sf(gaps.max(axis=2) * np.sqrt(n * REFERENCE / (n + REFERENCE))))
        else:
            n = now.sum(axis=2, keepdims=True)
            both = (now + then) / (n + then.sum(axis=2, keepdims=True))
            expected, there = both * n, both * then.sum(axis=2, keepdims=True)
            chi = ((now - expected) ** 2 / expected + (then - there) ** 2 / there).sum(axis=2)
            moved.append(js[-1] > 0.1)
            p_values.append(stats.chi2.sf(chi, now.shape[2] - 1))
        pieces.append(js[-1])
    p_value, distance = np.concatenate(p_values, axis=1)[HISTORY:], np.concatenate(pieces, axis=1)
    limit = distance[:HISTORY].mean(axis=0) + 3 * distance[:HISTORY].std(axis=0)
    evidently = np.concatenate(moved, axis=1)[HISTORY:] if rows > 1000 else p_value < 0.05
    return {
        "Evidently, any column": int(evidently.any(axis=1).sum()),
        "Evidently, half of them": int((evidently.mean(axis=1) >= 0.5).sum()),
        "NannyML": int((distance[HISTORY:] > limit).any(axis=1).sum()),
        "p < .05 / columns": int((p_value < 0.05 / columns).any(axis=1).sum()),
        "PSI > 0.2": int((np.concatenate(psi, axis=1)[HISTORY:] > 0.2).any(axis=1).sum()),
    }


def false_alarms(years: int, columns: int, sizes: Sequence[int], seed: int) -> None:
    names = ["Evidently, any column", "Evidently, half of them", "NannyML", "p < .05 / columns", "PSI > 0.2"]
    print(
        f"\n{columns} columns, {years} healthy years each: alarms of ours a year; of the others days with an alarm a year\n"
    )
    print(
        f"| world | rows a day | ours | most in one year | {' | '.join(names)} |\n|---|--:|--:|--:|{'--:|' * len(names)}"
    )
    for world in WORLDS:
        for rows in sizes:
            random, told, others = np.random.default_rng([seed, rows, columns]), [], Counter[str]()
            for _ in range(years):
                days = simulated(random, world, columns, rows)
                told.append(len(ours(days, columns).alarms))
                others.update(peers(days, columns, rows))
            shown = " | ".join(f"{others[name] / years:.0f}" for name in names)
            print(f"| {world.name} | {rows:,} | {sum(told) / years:.2f} | {max(told)} | {shown} |", flush=True)


def delays(years: int, columns: int, sizes: Sequence[int], seed: int) -> None:
    print(
        f"\nReal world, {columns} columns, one of which changes for good: days until it is told, {years} quarters each\n"
    )
    print(f"| change | {' | '.join(f'{rows:,} rows: median, 90 %, named right' for rows in sizes)} |")
    print(f"|---|{'---|' * len(sizes)}")
    texts = sum(number % 4 == 3 for number in range(columns))
    for name, shift in SHIFTS.items():
        cells = []
        for rows in sizes:
            random, found, right = np.random.default_rng([seed, rows, 7]), [], 0
            for _ in range(years):
                watched = ours(simulated(random, WORLDS[1], columns, rows, QUARTER, shift), columns)
                column = f"c{columns - texts:04d}" if name.startswith("text") else "c0000"
                named = [alarm.at for alarm in watched.alarms if column in [one.column for one in alarm.changes]]
                found.append((named[0] - START).days - HISTORY + 1 if named else QUARTER + 1)
                first = watched.alarms[0].changes if watched.alarms else ()
                right += column in [one.column for one in first]
            median, late = (float(np.quantile(found, share, method="higher")) for share in (0.5, 0.9))
            said = ["later" if value > QUARTER else f"{value:.0f}" for value in (median, late)]
            cells.append(f"{said[0]}, {said[1]}, {100 * right / years:.0f} %")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=60)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=["false-alarms", "delays"], choices=["false-alarms", "delays"])
    chosen = parser.parse_args()
    if "false-alarms" in chosen.parts:
        false_alarms(chosen.years, chosen.columns, chosen.rows, chosen.seed)
    if "delays" in chosen.parts:
        delays(chosen.years, chosen.columns, chosen.rows, chosen.seed)


if __name__ == "__main__":
    main()
