"""Writes data/*-days.csv, the late flights of each day, and data/*-texts.csv, flights as words, from data/*.csv."""

from __future__ import annotations

import pandas as pd

for name in ("train", "test"):
    rows = pd.read_csv(f"data/{name}.csv")
    days = rows.groupby("flight_date", as_index=False)["arrived_late"].sum()
    days.rename(columns={"arrived_late": "late_flights"}).to_csv(f"data/{name}-days.csv", index=False)
    left = pd.cut(
        rows["dep_delay"], [-1e9, 0, 10, 20, 40, 1e9], labels=["punctually", "soon", "later", "late", "very late"]
    )
    words = rows["carrier"] + " left " + rows["origin"] + " for " + rows["dest"] + " " + left.astype(str)
    texts = pd.DataFrame({"text": words, "arrived_late": rows["arrived_late"]})
    texts.iloc[::10].to_csv(f"data/{name}-texts.csv", index=False)
