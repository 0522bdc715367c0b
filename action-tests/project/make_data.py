"""Writes data/train.csv and data/test.csv: parcels, more often late the farther and the heavier. The same bytes always."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

ROWS = {"train": 3000, "test": 2000}
DEPOTS = ["east", "north", "west"]


def parcel(chance: random.Random) -> dict[str, object]:
    distance, weight = round(100 * chance.random(), 2), round(50 * chance.random(), 2)
    late = 1 / (1 + math.exp(-(0.08 * (distance - 50) + 0.06 * (weight - 25))))
    return {
        "depot": DEPOTS[int(3 * chance.random())],
        "distance": distance,
        "weight": weight,
        "late": int(chance.random() < late),
    }


def main() -> None:
    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    for seed, (name, count) in enumerate(ROWS.items()):
        chance = random.Random(seed)
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ["depot", "distance", "weight", "late"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(parcel(chance) for _ in range(count))


if __name__ == "__main__":
    main()
