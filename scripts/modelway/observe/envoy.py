"""A source of counts: Envoy's own counters, one cluster for each release.

`upstream_rq_completed` and the status counters count a request once, at the route: an attempt that was retried is not in
them. `upstream_rq_time` is a histogram whose bounds are set when Envoy starts, in whole milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests

from modelway.errors import OutsideFailure
from modelway.observe import prometheus, recorder
from modelway.observe.counts import Counters, CountsSource, Snapshot

PREFIX, CLUSTER, CLASS = "envoy_cluster_upstream_", "envoy_cluster_name", "envoy_response_code_class"
COUNTERS = quote(r"^cluster\..*\.(upstream_rq_completed|upstream_rq_[45]xx|upstream_rq_time)$")
TIMEOUT_SECONDS = 3


@dataclass(frozen=True)
class EnvoyCounts(CountsSource):
    """admin: the address of Envoy's admin, such as http://127.0.0.1:9901. records: the folder that a recorder writes to."""

    admin: str
    records: Path

    def snapshot(self) -> Snapshot:
        try:
            answer = requests.get(f"{self.admin}/stats/prometheus?filter={COUNTERS}", timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            found = parse(answer.text)
        except (requests.RequestException, ValueError, OverflowError) as error:
            raise OutsideFailure(
                f"Envoy's counters could not be read: {type(error).__name__}",
                where=self.admin,
                fix="run the same command again: it starts what does not run",
            ) from None
        return Snapshot.now(found)

    def past(self, seconds: float) -> Iterable[Snapshot]:
        return recorder.read(self.records, seconds)


def parse(text: str) -> dict[str, Counters]:
    """Envoy's Prometheus text, by cluster. ValueError where it is no such text."""
    totals: dict[str, dict[str, int]] = {}
    fast: dict[str, dict[float, int]] = {}
    for series in prometheus.read(text):
        cluster = series.labels.get(CLUSTER)
        if cluster is None or not series.name.startswith(PREFIX):
            continue
        count, kind = int(series.value), series.name.removeprefix(PREFIX)
        kept = totals.setdefault(cluster, {"requests": 0, "errors": 0, "timed": 0})
        if kind == "rq_completed":
            kept["requests"] = count
        elif kind == "rq_xx" and series.labels.get(CLASS) in ("4", "5"):
            kept["errors"] += count
        elif kind == "rq_time_count":
            kept["timed"] = count
        elif kind == "rq_time_bucket" and (bound := float(series.labels.get("le", "nan"))) < math.inf:
            buckets = fast.setdefault(cluster, {})
            if count != (max(buckets.values()) if buckets else 0):
                buckets[bound] = count
    return {name: Counters(**kept, fast=fast.get(name, {})) for name, kept in totals.items()}
