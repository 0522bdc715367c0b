"""Writes data/published.csv: all flights that left New York City in 2013 with the weather at departure, as they are published.

Nothing is cleaned: cancelled flights are there, and the delay at arrival is left in beside the label. For pictures.py, which
runs it beside the example's make_data.py.
"""

from __future__ import annotations

from pathlib import Path

import make_data
import pandas as pd


def main() -> None:
    source = make_data.source_folder()
    flights = pd.read_csv(source / "flights.csv.zip", usecols=[*make_data.FLIGHT, "time_hour", "arr_delay"])
    weather = pd.read_csv(source / "weather.csv", usecols=["origin", "time_hour", *make_data.WEATHER])
    rows = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    date = pd.to_datetime(rows[["year", "month", "day"]])
    rows["departed_at"], rows["flight_date"] = rows["time_hour"], date.dt.strftime("%Y-%m-%d")
    rows["day_of_week"] = date.dt.day_of_week + 1
    late = (rows["arr_delay"] >= make_data.LATE_MINUTES).astype("Int64")
    rows["arrived_late"] = late.where(rows["arr_delay"].notna())
    rows[[*make_data.COLUMNS, "arr_delay"]].to_csv(Path("data", "published.csv"), index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
