"""What may stand below `monitor.service` in modelway.yml."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelway.config.keys import Name, Section

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
PROMISES = frozenset({"availability", "faster-than-ms", "fast"})
Objective = Annotated[float, Meta(ge=0.5, lt=1)]


class CounterSeries(Section, frozen=True):
    """The team's own series of counters, each named with its labels alone, such as requests_total{service="{service}"}.
    Known are {namespace}, {service}, {port}, {deployment}, {slot}, {version}, {digest}, {route}, {rule} and {backend}."""

    requests: Name
    """All requests of a release."""
    errors: Name
    """Those that failed."""
    latency_buckets: str = ""
    """The buckets of a histogram of their times. Left out: slow requests are not judged."""
    unit: Literal["seconds", "milliseconds"] = "seconds"
    """Of the histogram's bounds."""


class ServiceLevels(Section, frozen=True):
    """What the team promises of the model's answers, over 30 days (docs/dashboards.md), and who counts them
    (monitoring.md)."""

    availability: Objective = 0.999
    """The share of requests that are not answered 5xx."""
    faster_than_ms: Annotated[float, Meta(ge=1, le=10_000)] = 250
    """What is a fast answer: one of the bounds that the server counts by (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500,
    5000, 10000)."""
    fast: Objective = 0.99
    """The share of requests that are answered so fast."""
    least_requests: Annotated[int, Meta(ge=1)] = 100
    """With fewer in the shorter window of an alert, or in a day, nobody is called: a share of so few says nothing."""
    selector: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels that Prometheus gives these series besides, such as namespace: models."""
    data: Name | None = None
    """The service's requests, one row of each minute, hour or day: CSV, Parquet, JSON lines (docs/monitoring.md). Left out: no
    file tells them; without prometheus either, the environment's servers do."""
    prometheus: Name | None = None
    """The URL of the Prometheus that has counted the requests, or `environment`: the one that the environment's deploy section
    names. $MODELWAY_PROMETHEUS_TOKEN is sent to it. Left out: it is not asked; without data either, the
    environment's servers are."""
    series: CounterSeries | None = None
    """Series of the team's own in Prometheus, such as a gateway's, without placeholders. Left out: the model server's."""
    days: Annotated[int, Meta(ge=1, le=1000)] = 147
    """How many whole days Prometheus is asked for, as far as it has them."""
