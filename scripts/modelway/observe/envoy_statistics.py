"""What an Envoy says of its clusters, as Prometheus' text.

`upstream_rq_completed` and the status counters count a request once, at the route: an attempt that was retried is not in
them, and what Envoy answered by itself (no healthy upstream, a connection that failed) is. `upstream_rq_time` is a histogram
in milliseconds; such a request is not in it. There is no series of a status class before the first answer of that class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from urllib.parse import quote

from modelway.observe import prometheus
from modelway.observe.counts import Counters

STATISTICS = "/stats/prometheus?filter=" + quote(
    r"^server\.uptime$|^cluster\..*\.(upstream_rq_completed|upstream_rq_[45]xx|upstream_rq_time)$"
)
"""The path of all that is read here; without a filter an Envoy says a hundred times as much."""
BOUNDS_MS: tuple[float, ...] = (
    *(0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000),
    *(10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000),
)
"""Of the histogram, where nobody set others (Envoy 1.40)."""
PREFIX, CLUSTER, CLASS = "envoy_cluster_upstream_", "envoy_cluster_name", "envoy_response_code_class"
UPTIME = "envoy_server_uptime"


@dataclass(frozen=True)
class EnvoyStatistics:
    """bounds_ms: those of the histograms, rising; empty before the first request. uptime: seconds; it changes in the moment
    that histograms are merged, and so does a histogram, however many requests came meanwhile."""

    clusters: dict[str, Counters] = field(default_factory=dict)
    bounds_ms: tuple[float, ...] = ()
    uptime: float | None = None


def parse(text: str) -> EnvoyStatistics:
    """By cluster, if it is there: one without a request is there too. ValueError where it is no such text."""
    requests: dict[str, int] = {}
    errors: dict[str, int] = {}
    timed: dict[str, int] = {}
    fast: dict[str, dict[float, int]] = {}
    bounds, uptime = set[float](), None
    for series in prometheus.read(text):
        if series.name == UPTIME:
            uptime = series.value
        cluster = series.labels.get(CLUSTER)
        if cluster is None or not series.name.startswith(PREFIX):
            continue
        kind = series.name.removeprefix(PREFIX)
        if kind == "rq_completed":
            requests[cluster] = prometheus.count_of(series)
        elif kind == "rq_xx" and series.labels.get(CLASS) in ("4", "5"):
            errors[cluster] = errors.get(cluster, 0) + prometheus.count_of(series)
        elif kind == "rq_time_count":
            timed[cluster] = prometheus.count_of(series)
        elif kind == "rq_time_bucket" and (bound := prometheus.bound_of(series)) < math.inf:
            bounds.add(bound)
            buckets, count = fast.setdefault(cluster, {}), prometheus.count_of(series)
            if count != (max(buckets.values()) if buckets else 0):
                buckets[bound] = count
    clusters = {
        name: Counters(count, errors.get(name, 0), timed.get(name, 0), fast.get(name, {}))
        for name, count in requests.items()
    }
    return EnvoyStatistics(clusters, tuple(sorted(bounds)), uptime)
