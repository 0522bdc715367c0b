"""Which series of a Prometheus server count a release's requests: ready-made for what counts them often, or the team's own.

All are counters as they were scraped; a rate has forgotten what is needed here (a counter that began anew, a scrape that is
missing). Names and labels were held against what writes them:

- contour: Contour 1.33 (internal/envoy/cluster.go, AltStatName) and its Envoy 1.40, as they run;
- envoy-gateway: internal/xds/translator/route.go and the end-to-end tests, of August 2026;
- istio: its reference of standard metrics, and its telemetry tests;
- modelway: serving/metrics.py.

There is none for NGINX: its series are of a process or of a Service, and tell no two releases behind it apart (docs/judge.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from modelway.errors import InvalidInput
from modelway.observe.envoy_statistics import BOUNDS_MS, UPTIME

MATCHER = r"""\s*[A-Za-z_]\w*\s*(?:=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*"""
SELECTOR = re.compile(rf"\s*[A-Za-z_:][\w:]*\s*(?:\{{(?:{MATCHER}(?:,{MATCHER})*,?)?\s*\}})?\s*", re.ASCII)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
VALUE = re.compile(r"[\w./:@ -]*")
"""Of a placeholder: what may stand in any string of PromQL as it is."""
Unit = Literal["seconds", "milliseconds"]


@dataclass(frozen=True)
class CounterQueries:
    """Selectors of series, with placeholders such as {namespace}. errors: those of the requests that failed. latency_buckets:
    the buckets of a histogram; empty: times are not counted. bounds_ms: what they are before there is any. merged: the name of
    a series of the same target whose value changes when its histograms catch up with its counters; empty: they are never
    behind."""

    requests: str
    errors: str
    latency_buckets: str = ""
    unit: Unit = "seconds"
    bounds_ms: tuple[float, ...] = ()
    merged: str = ""

    def __post_init__(self) -> None:
        """InvalidInput, naming the key, where one is no selector."""
        for key in ("requests", "errors", "latency_buckets"):
            query = getattr(self, key)
            if not SELECTOR.fullmatch(query) and (query or key != "latency_buckets"):
                raise InvalidInput(
                    f"must name series of counters alone, without functions or ranges: {query!r}",
                    where=key.replace("_", "-"),
                    fix='such as http_requests_total{service="{service}"}: the increase is worked out from it',
                )

    @property
    def milliseconds(self) -> float:
        """Of one unit of a bound."""
        return 1.0 if self.unit == "milliseconds" else 1000.0

    def of(self, values: Mapping[str, str]) -> CounterQueries:
        """With every placeholder replaced. InvalidInput where one has no value, or one that would change the query."""

        def replaced(found: re.Match[str]) -> str:
            if (value := values.get(found[1])) is None:
                known = ", ".join(f"{{{name}}}" for name in sorted(values))
                raise InvalidInput(f"there is no {found[0]} here", where=found.string, fix=f"use one of {known}")
            if not VALUE.fullmatch(value):
                raise InvalidInput(f"{found[0]} is {value!r}, which no query can hold", where=found.string)
            return value

        keys = ("requests", "errors", "latency_buckets")
        requests, errors, buckets = (PLACEHOLDER.sub(replaced, getattr(self, key)) for key in keys)
        return CounterQueries(requests, errors, buckets, self.unit, self.bounds_ms, self.merged)


def _envoy(cluster: str) -> CounterQueries:
    one = f'envoy_cluster_name="{cluster}"'
    return CounterQueries(
        requests=f"envoy_cluster_upstream_rq_completed{{{one}}}",
        errors=f'envoy_cluster_upstream_rq_xx{{{one},envoy_response_code_class=~"4|5"}}',
        latency_buckets=f"envoy_cluster_upstream_rq_time_bucket{{{one}}}",
        unit="milliseconds",
        bounds_ms=BOUNDS_MS,
        merged=UPTIME,
    )


def _istio() -> CounterQueries:
    """As the client's side reports it, so that what never came to a pod is counted too; 0 is a client that went away."""
    one = 'reporter="source",destination_service_namespace="{namespace}",destination_service_name="{service}"'
    return CounterQueries(
        requests=f'istio_requests_total{{{one},response_code!="0"}}',
        errors=f'istio_requests_total{{{one},response_code=~"[45].."}}',
        latency_buckets=f'istio_request_duration_milliseconds_bucket{{{one},response_code!="0"}}',
        unit="milliseconds",
        merged=UPTIME,
    )


def _modelway() -> CounterQueries:
    """Our model server's own, scraped from each pod. Failed connections are not seen this way."""
    one = 'namespace="{namespace}",version="{version}",digest="{digest}",path=~"/predict|/invocations"'
    return CounterQueries(
        requests=f"modelway_request_duration_seconds_count{{{one}}}",
        errors=f'modelway_requests_total{{{one},status!~"[123].*"}}',
        latency_buckets=f"modelway_request_duration_seconds_bucket{{{one}}}",
    )


QUERIES: Mapping[str, CounterQueries] = {
    "contour": _envoy("{namespace}_{service}_{port}"),
    "envoy-gateway": _envoy("httproute/{namespace}/{route}/rule/{rule}/backend/{backend}"),
    "istio": _istio(),
    "modelway": _modelway(),
}
