"""A source of counts: the /metrics of every pod, each read from the model server itself.

No gateway and no Prometheus is needed. What never came to a server is not seen this way: connections that failed, and what the
gateway answered by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from modelway.errors import OutsideFailure
from modelway.observe import prometheus
from modelway.observe.counts import Counters, CountsSource, Snapshot
from modelway.observe.parallel import gap_of, read_all

ASKED_FOR = ("/predict", "/invocations")
"""What clients ask. Probes and whoever reads the metrics are not counted."""
REQUESTS, SECONDS, STARTED = (
    "modelway_requests_total",
    "modelway_request_duration_seconds",
    "process_start_time_seconds",
)
READ_SECONDS = 5.0
"""For all pods together."""


@dataclass(frozen=True)
class PodMetrics:
    """One container of a slot. name: that of the pod and how often the container was restarted, such as flight-delay-abc/0.
    read: the text of its /metrics, within seconds; OutsideFailure where it cannot be had."""

    slot: str
    name: str
    read: Callable[[], str]


class ReadPod(NamedTuple):
    """bounds_ms: of its histogram. started: when its process was, as it says itself."""

    counters: Counters
    bounds_ms: tuple[float, ...]
    started: str


@dataclass(frozen=True)
class PodsCounts(CountsSource):
    """pods: those of every slot as they are now, read anew for each snapshot. A pod that cannot be read or that does not say
    what our model server says is a gap, with its name and the reason. Failed connections are not counted by anybody."""

    pods: Callable[[], Sequence[PodMetrics]]

    @cached_property
    def bounds_ms(self) -> Sequence[float]:
        """Those of the pods of now. OutsideFailure where not one can be read."""
        found, gap = self._read()
        for pod in found.values():
            return pod.bounds_ms
        raise OutsideFailure(
            gap or "there are no pods to read",
            where="the pods' /metrics",
            fix="run the same command again once the pods are ready",
        )

    def snapshot(self) -> Snapshot:
        found, gap = self._read()
        if len({pod.bounds_ms for pod in found.values()}) > 1:
            gap = gap or "the pods count times in different buckets"
        replicas: dict[str, dict[str, Counters]] = {}
        for (slot, name), pod in found.items():
            replicas.setdefault(slot, {})[f"{name}, started {pod.started}"] = pod.counters
        return Snapshot.of_replicas(replicas, gap)

    def _read(self) -> tuple[dict[tuple[str, str], ReadPod], str]:
        """(slot, name) -> what the pod says; and why others say nothing."""
        try:
            pods = {(pod.slot, pod.name): pod for pod in self.pods()}
        except OutsideFailure as error:
            return {}, error.line()
        reads = {key: lambda over, pod=pod: parse(pod.read()) for key, pod in pods.items()}
        found, reasons = read_all(reads, READ_SECONDS)
        return found, gap_of({name: why for (_, name), why in reasons.items()})


def parse(text: str) -> ReadPod:
    """What one model server has counted of its clients' requests. ValueError where the text is not one's."""
    requests, errors, timed, started = 0, 0, dict[str, int](), ""
    buckets: dict[float, int] = {}
    for series in prometheus.read(text):
        if series.name == STARTED:
            started = f"{series.value:.2f}"
        path = series.labels.get("path", "")
        if path not in ASKED_FOR:
            continue
        if series.name == REQUESTS:
            count = prometheus.count_of(series)
            requests += count
            errors += count if series.labels.get("status", "")[:1] not in ("1", "2", "3") else 0
        elif series.name == f"{SECONDS}_count":
            timed[path] = prometheus.count_of(series)
        elif series.name == f"{SECONDS}_bucket" and (bound := prometheus.bound_of(series)) < math.inf:
            bound_ms = round(1000 * bound, 6)
            buckets[bound_ms] = buckets.get(bound_ms, 0) + prometheus.count_of(series)
    if "/predict" not in timed or not buckets or not started:
        # the histogram is there before the first request; the counter of requests is not
        raise ValueError(f"/metrics lacks {SECONDS} of /predict: it is no model server's")
    return ReadPod(Counters(requests, errors, sum(timed.values()), buckets), tuple(sorted(buckets)), started)
