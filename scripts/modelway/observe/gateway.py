"""A source of counts: the statistics of the gateway's own Envoys (Contour's, Envoy Gateway's), one cluster for each release.

- Counters are of the moment, histograms of the last merge, up to `merge_seconds` before: slow requests of one block would be
  held against the requests of the next. So a reading is taken in the moment of a merge, which the uptime tells: it changes
  with it. That may take as long as merges are apart, once; afterwards it is known when the next one is due.
- Contour names a cluster NAMESPACE_SERVICE_PORT. Envoy Gateway has one for each *rule* of an HTTPRoute,
  httproute/NAMESPACE/NAME/rule/N, whatever backends are in it, and one for each backend, .../rule/N/backend/M, only where one
  of them has a filter of its own, such as a header that is added (internal/xds/translator/route.go, NeedsClusterPerSetting).
- A service out of every route loses its series, and begins anew at zero: such a block is dropped. A weight of 0 keeps them.
- Mirrored requests are counted like others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from modelway.errors import OutsideFailure
from modelway.observe import envoy_statistics
from modelway.observe.counts import Counters, CountsSource, Snapshot
from modelway.observe.envoy_statistics import EnvoyStatistics
from modelway.observe.parallel import gap_of, read_all

POLL_SECONDS = 0.2
LATE_SECONDS = 0.5
"""So long after a merge, a reading is still of its moment."""
READ_SECONDS = 3.0
"""For reading once, beside the waiting for a merge."""


class Merge(NamedTuple):
    """uptime: what the Envoy said then. at: this machine's monotonic seconds."""

    uptime: float
    at: float


@dataclass(frozen=True)
class GatewayCounts(CountsSource):
    """instances: the Envoys of now, each under a name that no other process ever gets (its pod and how often it was
    restarted), and what reads its `envoy_statistics.STATISTICS`, within seconds; OutsideFailure where it cannot.
    clusters: slot -> the envoy_cluster_name of its service. merge_seconds: stats_flush_interval, which both gateways leave at
    Envoy's own 5 s.

    Keep one for a whole rollout: it remembers when merges are due."""

    instances: Callable[[], Mapping[str, Callable[[], str]]]
    clusters: Mapping[str, str]
    merge_seconds: float = 5.0
    _merges: dict[str, Merge] = field(default_factory=dict, compare=False, repr=False)
    _bounds: dict[str, tuple[float, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def bounds_ms(self) -> Sequence[float]:
        """As the last reading said; Envoy's own where no request was timed yet."""
        if not self._bounds:
            self._read(lambda name, read, over: self._statistics(name, read)[0])
        return next(iter(self._bounds.values()), envoy_statistics.BOUNDS_MS)

    def snapshot(self) -> Snapshot:
        found, gap = self._read(self._at_a_merge)
        if len(set(self._bounds.values())) > 1:
            gap = gap or "the gateway's instances count times in different buckets"
        replicas: dict[str, dict[str, Counters]] = {}
        for name, said in found.items():
            for slot, cluster in self.clusters.items():
                if (sample := said.clusters.get(cluster)) is not None:
                    replicas.setdefault(slot, {})[name] = sample
                    if sample.requests > sample.errors and not sample.timed:
                        gap = gap or f"{name}: it tells no times of {cluster}"
        return Snapshot.of_replicas(replicas, gap)

    def _read(
        self, how: Callable[[str, Callable[[], str], threading.Event], EnvoyStatistics]
    ) -> tuple[dict[str, EnvoyStatistics], str]:
        try:
            instances = self.instances()
        except OutsideFailure as error:
            return {}, error.line()
        reads = {name: partial(how, name, read) for name, read in instances.items()}
        found, reasons = read_all(reads, READ_SECONDS + 2 * self.merge_seconds)
        return found, gap_of(reasons) or ("" if instances else "the gateway has no instance")

    def _statistics(self, name: str, read: Callable[[], str]) -> tuple[EnvoyStatistics, float]:
        """And the uptime."""
        said = envoy_statistics.parse(read())
        if said.uptime is None:
            raise ValueError(f"it lacks {envoy_statistics.UPTIME}: these are no Envoy's statistics")
        if said.bounds_ms:
            self._bounds[name] = said.bounds_ms
        return said, said.uptime

    def _at_a_merge(self, name: str, read: Callable[[], str], over: threading.Event) -> EnvoyStatistics:
        """ValueError where there is none in time."""
        (said, first), known, now = self._statistics(name, read), self._merges.get(name), time.monotonic()
        if known is not None:
            merges = round((now - known.at) / self.merge_seconds)
            since = now - known.at - merges * self.merge_seconds
            told = abs(first - known.uptime - merges * self.merge_seconds) < self.merge_seconds / 2
            if (
                merges > 0 and told and -POLL_SECONDS <= since < LATE_SECONDS
            ):  # the one before was seen that late at most
                self._merges[name] = Merge(first, now - max(since, 0.0))
                return said
        uptime, deadline = first, now + 1.5 * self.merge_seconds + POLL_SECONDS
        while uptime == first:
            if time.monotonic() > deadline:
                raise ValueError(f"it merged no histograms in {deadline - now:.0f} s")
            if over.wait(POLL_SECONDS):
                raise ValueError("nobody waits any more")
            said, uptime = self._statistics(name, read)
        self._merges[name] = Merge(uptime, time.monotonic())
        return said
