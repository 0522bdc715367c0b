"""How many rows a shadow's comparison needs, and how often it finds the slice in which a model differs.

Usage: scripts/run --in test python benchmarks/shadow_rows.py [--runs 1000]

Simulated, with the product's own interval and its looks: at most 2 % of rows may differ, 2,000 are compared at most, 25
between two looks. Beside it what an interval made for one look (Clopper and Pearson) decides at the same looks: quicker, and
wrong more often than it says. In the second table all rows that differ are of one carrier of ten; seven days that
have nothing to do with it are slices too.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.distributions import Interval, clopper_pearson, rate_at_any_look
from modelway.rollout.comparison import CONFIDENCE, RowCounts, SliceRows, together, worst_slice

MAY, MOST, BETWEEN = 0.02, 2000, 25
RATES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
METHODS: dict[str, Callable[[int, int, float], Interval]] = {
    "any look": lru_cache(maxsize=None)(rate_at_any_look),
    "one look": lru_cache(maxsize=None)(clopper_pearson),
}


def decided(chance: random.Random, rate: float, method: Callable[[int, int, float], Interval]) -> tuple[str, int]:
    differ = 0
    for n in range(BETWEEN, MOST + 1, BETWEEN):
        differ += sum(chance.random() < rate for _ in range(BETWEEN))
        low, high = method(differ, n, CONFIDENCE)
        if low > MAY or high < MAY:
            return ("fail" if low > MAY else "pass"), n
    return "inconclusive", MOST


def is_found(chance: random.Random, rows: int, rate: float, carriers: int = 10) -> bool:
    """Whether the interval lies above nothing, and the right slice is named."""
    seen = []
    for _ in range(rows):
        carrier, day = chance.randrange(carriers), chance.randrange(7)
        differ = int(carrier == 0 and chance.random() < rate * carriers)
        slices = (SliceRows("carrier", str(carrier), 1, differ), SliceRows("day", str(day), 1, differ))
        seen.append(RowCounts(compared=1, differ=differ, slices=slices))
    counts = together(seen)
    worst = worst_slice(counts)
    return counts.interval[0] > 0 and worst is not None and worst.name == "carrier = 0"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    print(f"{'differ':>8}  {'interval':9}  {'pass':>7} {'rows':>6}  {'fail':>7} {'rows':>6}  inconclusive")
    for rate in RATES:
        for name, method in METHODS.items():
            chance = random.Random(1)
            ends = [decided(chance, rate, method) for _ in range(runs)]
            said = []
            for outcome in ("pass", "fail"):
                rows = [n for end, n in ends if end == outcome]
                said.append(f"{len(rows) / runs:7.1%} {statistics.median(rows) if rows else '':>6}")
            undecided = sum(end == "inconclusive" for end, _ in ends) / runs
            print(f"{rate:8.1%}  {name:9}  {said[0]}  {said[1]}  {undecided:7.1%}")
    print("\n2 % of rows differ, all of one slice of ten: found, with the slice")
    for rows_ in (100, 200, 300, 500):
        chance = random.Random(1)
        print(f"{rows_:6} rows  {sum(is_found(chance, rows_, 0.02) for _ in range(runs)) / runs:7.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
