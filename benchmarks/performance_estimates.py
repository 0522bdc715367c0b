"""What intervals of a performance that is estimated without labels cover, of weeks whose labels came later.

    scripts/run --in test python benchmarks/performance_estimates.py --runs 60
    scripts/run --in test python benchmarks/performance_estimates.py --flights examples/flight-delay/data

Ours: the product's own code, at 95 %. Sampling: confidence-based with the noise of the week's rows alone. NannyML: its rule
after its documentation, three standard errors of a row of the labelled weeks, over the root of the week's rows.

Simulated: a model that knows its features' effects to a degree; the main feature moves by so many standard deviations, weeks
differ in what the score means (the intercept wobbles), and in the last world the meaning changes for good. Flights: a
boosting trained on January to March, each later week from the 8 weeks or more that end two weeks before it."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.data.labelled import BinCounts
from modelway.distributions import normal_quantile
from modelway.monitoring.estimated import BINS, ScoredWeek, estimated, expected
from modelway.monitoring.live_days import METRICS

Array = NDArray[np.float64]
THRESHOLD = 0.5
NAMES = ("ours", "sampling alone", "NannyML")


@dataclass(frozen=True)
class Rows:
    """score, truth (n,)."""

    score: Array
    truth: NDArray[np.bool_]


def binned(rows: Rows, edges: Array) -> ScoredWeek:
    at = np.searchsorted(edges, rows.score, side="left")
    counts = np.bincount(at, minlength=len(edges) + 1)
    positives = np.bincount(at, rows.truth, minlength=len(edges) + 1)
    bins = tuple(BinCounts(int(n), int(n), int(p)) for n, p in zip(counts, positives, strict=True))
    return ScoredWeek(bins, actual(rows))


def actual(rows: Rows) -> dict[Any, float]:
    found = {"accuracy_score": float(((rows.score >= THRESHOLD) == rows.truth).mean())}
    if 1 < rows.truth.sum() < len(rows.truth) - 1:
        found["roc_auc_score"] = float(roc_auc_score(rows.truth, rows.score))
    return found


@dataclass
class Covered:
    """Of one metric: how often each interval held the truth, of the weeks that had one; and half of its width."""

    hits: dict[str, list[bool]]
    halves: dict[str, list[float]]
    weeks: int = 0

    def add(self, name: str, low: float, high: float, truth: float) -> None:
        self.hits.setdefault(name, []).append(low <= truth <= high)
        self.halves.setdefault(name, []).append((high - low) / 2)

    def __str__(self) -> str:
        cells = []
        for name in NAMES:
            hits = self.hits.get(name, [])
            cells.append(f"{100 * np.mean(hits):.0f} % (±{np.mean(self.halves[name]):.3f})" if hits else "none")
        return f"{len(self.hits.get('ours', []))} of {self.weeks} | {' | '.join(cells)}"


def judged(target: Rows, known: Sequence[Rows], found: dict[str, Covered]) -> None:
    together = Rows(np.concatenate([one.score for one in known]), np.concatenate([one.truth for one in known]))
    below = math.nextafter(THRESHOLD, -math.inf)
    edges = np.unique([*np.quantile(together.score, np.arange(1, BINS) / BINS, method="inverted_cdf"), below])
    upper = int(np.flatnonzero(edges == below)[0]) + 1
    weeks, whole, week = [binned(one, edges) for one in known], binned(together, edges), binned(target, edges)
    ours = estimated(week, weeks, upper, 0.95)
    guess, truth = expected(week.bins, whole.bins, upper), actual(target)
    n, z = len(target.score), normal_quantile(0.95)
    shares = np.array([one.positives / max(one.labels, 1) for one in whole.bins])
    counts = np.array([one.rows for one in week.bins])
    for metric in METRICS:
        if metric not in truth:
            continue
        covered = found[metric]
        covered.weeks += 1
        if metric in ours.values:
            covered.add("ours", *ours.values[metric][1], truth[metric])
        if metric == "accuracy_score":
            noise = math.sqrt(float((counts * shares * (1 - shares)).sum())) / n
            right = ((together.score >= THRESHOLD) == together.truth).astype(float)
            reference = float(right.std()) / math.sqrt(n)
        else:
            p = max(float((counts * shares).sum()), 2.0)
            q, a = max(n - p, 2.0), guess[metric]
            both, other = a / (2 - a), 2 * a * a / (1 + a)
            noise = math.sqrt((a * (1 - a) + (p - 1) * (both - a * a) + (q - 1) * (other - a * a)) / (p * q))
            reference = noise
        covered.add("sampling alone", guess[metric] - z * noise, guess[metric] + z * noise, truth[metric])
        covered.add("NannyML", guess[metric] - 3 * reference, guess[metric] + 3 * reference, truth[metric])


def nothing() -> dict[str, Covered]:
    return {name: Covered({}, {}) for name in METRICS}


@dataclass(frozen=True)
class ShiftedWorld:
    """shift: of the main feature in the last week, in standard deviations. wobble: of a week's intercept and main effect.
    concept: added to the intercept for good in the last week."""

    name: str
    shift: float = 0.0
    wobble: float = 0.0
    concept: float = 0.0


WORLDS = (
    *(ShiftedWorld(f"main feature moves by {shift:g}", shift) for shift in (0.0, 0.5, 1.0, 1.5, 2.0)),
    *(ShiftedWorld(f"weeks wobble, main feature moves by {shift:g}", shift, 0.15) for shift in (0.0, 0.5, 1.0)),
    ShiftedWorld("what scores mean changes for good (intercept + 0.5)", concept=0.5),
)


def drawn(random: np.random.Generator, world: ShiftedWorld, rows: int, last: bool) -> Rows:
    x = random.standard_normal((rows, 4))
    x[:, 0] += world.shift * last + random.normal(0, world.wobble)
    intercept = -1.0 + random.normal(0, world.wobble) + world.concept * last
    effect = 1.5 + random.normal(0, world.wobble)
    truth = random.random(rows) < special.expit(
        intercept + x @ np.array([effect, 0.8, 0.5, 0.0]) + 0.4 * x[:, 1] * x[:, 2]
    )
    return Rows(special.expit(1.2 * (-1.0 + x @ np.array([1.4, 0.7, 0.0, 0.1]))), truth)


def simulated(runs: int, weeks: Sequence[int], rows: int, seed: int) -> None:
    print(f"\nSimulated, {rows:,} rows a week, {runs} runs each: coverage and half of the width; wanted 95 %\n")
    print(
        f"| world | labelled weeks | of | with an estimate | {' | '.join(NAMES)} |\n|---|--:|---|---|{'---|' * len(NAMES)}"
    )
    for world in WORLDS:
        for count in weeks:
            random, found = np.random.default_rng([seed, count]), nothing()
            for _ in range(runs):
                known = [drawn(random, world, rows, False) for _ in range(count)]
                judged(drawn(random, world, rows, True), known, found)
            for metric, covered in found.items():
                print(f"| {world.name} | {count} | {metric} | {covered} |", flush=True)


def flights(folder: Path) -> None:
    """The example's files, written by its make_data.py."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = pd.concat([pd.read_csv(folder / f"{name}.csv") for name in ("train", "test", "live")], ignore_index=True)
    day = pd.to_datetime(rows["flight_date"])
    texts = ["carrier", "origin", "dest"]
    numbers = ["day_of_week", "hour", "minute", "distance", "temp", "dewp", "humid", "wind_dir", "wind_speed", "precip"]
    numbers += ["pressure", "visib"]
    for name in texts:
        rows[name] = rows[name].astype("category")
    week = ((day - pd.Timestamp("2013-04-01")).dt.days // 7).to_numpy()
    label = rows["arrived_late"].to_numpy(dtype=bool)
    print(
        "\nFlights, a boosting trained on January to March; weeks from July on: coverage and half of the width; wanted 95 %\n"
    )
    print(
        f"| features | labelled weeks | of | with an estimate | {' | '.join(NAMES)} |\n|---|---|---|---|{'---|' * len(NAMES)}"
    )
    for title, columns in (("with departure delay", [*texts, *numbers, "dep_delay"]), ("without", [*texts, *numbers])):
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=7)
        early = (day < "2013-04-01").to_numpy()
        model.fit(rows.loc[early, columns], label[early])
        score = model.predict_proba(rows[columns])[:, 1]
        by_week = {number: Rows(score[week == number], label[week == number]) for number in range(39)}
        for name, known in (
            ("the first 13", lambda at: range(13)),
            ("all until two weeks before", lambda at: range(at - 1)),
        ):
            found = nothing()
            for at in range(13, 39):
                judged(by_week[at], [by_week[number] for number in known(at)], found)
            for metric, covered in found.items():
                print(f"| {title} | {name} | {metric} | {covered} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--weeks", type=int, nargs="+", default=[8, 13])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--flights", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.flights:
        flights(chosen.flights)
    else:
        simulated(chosen.runs, chosen.weeks, chosen.rows, chosen.seed)


if __name__ == "__main__":
    main()
