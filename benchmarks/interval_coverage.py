"""How often the gate's intervals hold the truth, beside what is commonly used instead.

    python benchmarks/interval_coverage.py [--quick]

One line per quantity and setting: the share of simulated test sets whose 95 % interval holds the truth, of ours and
of a naive peer, both in the same simulation. `refused` is the share of test sets that the gate calls inconclusive
because they are too small or have no spread; ours is counted over the others, the peer over all. `flattered` is the
share of ours that misses on the dangerous side: the whole interval is better than the truth.
Needs numpy, scikit-learn and msgspec. Takes about ten minutes, with --quick under one (and wider noise: 1 SE of 1,000 runs
is 0.7 points).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np
from interval_resampled import fbeta, kappa, percentage_error, weighted_accuracy
from interval_settings import (
    CONFIDENCE,
    Setting,
    absolute_error,
    area_difference,
    balanced,
    balanced_difference,
    disparity,
    latency,
    latency_difference,
    log_loss,
    median_error,
    one_area,
    one_of_counts,
    paired_rates,
    root_mean_squared_difference,
    single_rate,
)
from interval_smooth import (
    average_precision,
    counts_difference,
    explained,
    f1,
    gap,
    macro,
    macro_area,
    matthews,
    median_difference,
    our_matthews,
)

from modelway.gate import counts


def settings() -> Iterator[Setting]:
    yield from (single_rate(n, rate) for n, rate in ((50, 0.98), (200, 0.98), (200, 0.5), (2000, 0.995)))
    yield from (paired_rates("accuracy difference", n, 0.86, 0.03, 0.01) for n in (50, 200, 2000))
    yield from (paired_rates("recall difference", n, 0.7, 0.08, 0.02) for n in (10, 100))
    for n in (200, 2000):
        yield one_of_counts(
            "balanced accuracy",
            n,
            0.1,
            0.8,
            0.1,
            balanced,
            lambda truth, label: counts.mean_rate(label == truth, truth, CONFIDENCE),
        )
    yield from (balanced_difference(n, 0.1) for n in (200, 2000))
    for n, base in ((200, 0.1), (2000, 0.1)):
        yield one_of_counts("F1", n, base, 0.8, 0.05, f1, lambda truth, label: counts.f1(truth, label, CONFIDENCE))
    for n, base in ((150, 0.1), (150, 0.3), (1000, 0.1)):
        yield one_of_counts("Matthews", n, base, 0.8, 0.05, matthews, our_matthews)
    for name in ("precision", "F1", "Matthews"):
        yield from (counts_difference(name, n, base) for n, base in ((150, 0.3), (500, 0.1), (2500, 0.08)))
    for positives, negatives, area in ((20, 200, 0.75), (20, 200, 0.91), (40, 400, 0.91), (100, 1000, 0.91)):
        yield one_area(positives, negatives, area)
    for positives, negatives, area, spread in (
        (40, 400, 0.985, 1.0),
        (100, 1000, 0.985, 1.0),
        (40, 400, 0.97, 2.0),
        (40, 400, 0.985, 2.0),
    ):
        yield one_area(positives, negatives, area, spread)
    for positives, negatives, areas in (
        (10, 200, (0.92, 0.9)),
        (40, 400, (0.92, 0.9)),
        (100, 1000, (0.92, 0.9)),
        (40, 400, (0.985, 0.98)),
        (100, 1000, (0.985, 0.98)),
    ):
        yield area_difference(positives, negatives, areas)
    for n, base, area in (
        (150, 0.2, 0.9),
        (150, 0.5, 0.97),
        (500, 0.1, 0.7),
        (2000, 0.06, 0.9),
        (2000, 0.1, 0.99),
    ):
        yield average_precision(n, base, area, paired=False)
        yield average_precision(n, base, area, paired=True)
    yield from (log_loss(n, base) for n, base in ((50, 0.3), (200, 0.3), (200, 0.02), (2000, 0.02), (20000, 0.02)))
    yield from (
        absolute_error(n, tail)
        for n, tail in ((30, "normal"), (200, "normal"), (200, "lognormal"), (2000, "lognormal"))
    )
    yield from (root_mean_squared_difference(n) for n in (100, 2000))
    yield from (median_error(n) for n in (30, 2000))
    yield from (median_difference(n) for n in (50, 500, 2000))
    for n, errors in ((150, "normal"), (1000, "normal"), (300, "t3"), (2000, "t3")):
        yield explained(n, errors)
        yield explained(n, errors, paired=True)
    for n, right in ((150, 0.8), (150, 0.95), (1000, 0.8)):
        yield from (macro(name, n, right, paired=paired) for name in ("F1", "precision") for paired in (False, True))
    for n, shift in ((150, 1.5), (1000, 1.5), (300, 3.0)):
        yield macro_area(n, shift)
        yield macro_area(n, shift, paired=True)
    for name in ("mean_error_difference", "mean_absolute_error_difference"):
        yield gap(name, (0.0,) * 2, 50)
        yield gap(name, (0.0,) * 10, 200)
    yield gap("mean_error_difference", (0.0,) * 9 + (0.3,), 200)
    yield from (fbeta(n, base) for n, base in ((150, 0.3), (500, 0.05), (1000, 0.1)))
    yield fbeta(2000, 0.08, paired=True)
    yield from (kappa(n, 0.8) for n in (150, 1000))
    yield from (percentage_error(n, sigma) for n, sigma in ((150, 0.5), (150, 1.0), (1000, 1.0)))
    yield weighted_accuracy(300, 0.9)
    yield gap("mean_error_difference", (0.0, 0.3), 50, "exponential")
    for name in ("demographic_parity_difference", "demographic_parity_ratio"):
        yield disparity(name, (0.3,) * 2, 200)
        yield disparity(name, (0.3,) * 10, 200)
        yield disparity(name, (0.3,) * 10, 2000)
        yield disparity(name, (0.3,) * 9 + (0.2,), 500)
        yield disparity(name, (0.02, 0.05), 200)
        yield disparity(name, (0.9, 0.7, 0.8), 200)
    yield from (latency(repetitions) for repetitions in (6, 20))
    yield from (latency_difference(repetitions) for repetitions in (6, 20))


def measure(setting: Setting, runs: int) -> list[str]:
    rng = np.random.default_rng(20130101)
    held = refused = flattered = peer_held = 0
    for _ in range(runs):
        ours, (peer_low, peer_high) = setting.draw(rng)
        peer_held += peer_low <= setting.truth <= peer_high
        if ours.interval is None:
            refused += 1
            continue
        low, high = ours.interval
        # The reported ends are rounded to 10 digits: a truth of exactly 0 or 1 must not miss by that.
        held += low - 1e-9 <= setting.truth <= high + 1e-9
        flattered += (low > setting.truth + 1e-9) if setting.better > 0 else (high < setting.truth - 1e-9)
    judged = runs - refused
    ours_shown = [f"{100 * held / judged:.1f}", f"{100 * flattered / judged:.1f}"] if judged else ["-", "-"]
    peer = "-" if setting.peer == "-" else f"{100 * peer_held / runs:.1f}"
    return [setting.quantity, setting.setting, *ours_shown, f"{100 * refused / runs:.0f}", peer, setting.peer]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    parser.add_argument("--only", default="", help="settings whose quantity contains this text")
    arguments = parser.parse_args(argv)
    print("| quantity | setting | ours % | flattered % | refused % | peer % | peer |")
    print("|---|---|--:|--:|--:|--:|---|")
    for setting in settings():
        if arguments.only in setting.quantity:
            runs = max(10, setting.runs // 10) if arguments.quick else setting.runs
            print("| " + " | ".join(measure(setting, runs)) + " |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
