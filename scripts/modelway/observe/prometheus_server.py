"""A source of counts: a Prometheus server's HTTP API.

Counters are read as they were scraped, each sample with its time, by a selector with a range: an instant query would hand over
a sample that is five minutes old as one of now. Time is the server's: clocks here and there may differ by minutes. A release
is counted where every series of it is *fresh*:

- a sample that is older than `oldest_seconds`, a target that cannot be scraped, a value that counts nothing, times that are
  missing: a gap;
- a series that the newest scrape of its target has no more, or a target that is long gone: not there, so the block from when
  it was there is dropped (`counts.unknown_between`).

An Envoy merges its histograms every 5 s only, so that slow requests told by one may come a block late.
"""

from __future__ import annotations

import bisect
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, CountsSource, Snapshot
from modelway.observe.prometheus_queries import CounterQueries

QUERY = "/api/v1/query"
GONE_AFTER = 3
"""A target whose newest sample is this many times too old is none any more."""
PODS = ("pod", "kubernetes_pod_name", "controller_pod")
"""Labels that name the pod of a target."""


ALL_SECONDS = 15.0
"""For all queries of one reading together."""


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: list[_Series]


class _Scalar(msgspec.Struct, tag_field="resultType", tag="scalar"):
    result: tuple[float, str]


class _Answer(msgspec.Struct):
    status: str
    data: _Matrix | _Scalar | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()


class ScrapeTarget(NamedTuple):
    """What was scraped. pod: empty where no label names one."""

    job: str
    instance: str
    pod: str

    def __str__(self) -> str:
        return f"{self.pod} ({self.instance})" if self.pod else self.instance


class Scrape(NamedTuple):
    """at: the server's seconds. bad: why these counters are not to be used."""

    at: float
    counters: Counters
    bad: str = ""


class ScrapeReading(NamedTuple):
    """now: the server's seconds, when `ticks` were this machine's. scrapes: slot -> target -> its scrapes, oldest first.
    ups: (job, instance) -> when its newest scrape was, and whether it could be read."""

    now: float
    ticks: float
    scrapes: Mapping[str, Mapping[ScrapeTarget, Sequence[Scrape]]]
    ups: Mapping[tuple[str, str], tuple[float, bool]]


@dataclass(frozen=True)
class PrometheusCounts(CountsSource):
    """get: the body that a path of the API answers with, given its parameters; OutsideFailure where it cannot be had.
    queries: slot -> what counts it, without placeholders. oldest_seconds: a sample that is older says nothing of now; at most
    as long as a block, since canary and stable are compared at the same time."""

    get: Callable[[str, Mapping[str, str]], bytes]
    queries: Mapping[str, CounterQueries]
    oldest_seconds: float = 5.0
    _bounds: dict[ScrapeTarget, tuple[float, ...]] = field(default_factory=dict, compare=False, repr=False)
    _jobs: set[str] = field(default_factory=set, compare=False, repr=False)

    @property
    def bounds_ms(self) -> Sequence[float]:
        """As they were read last; those of the queries where no request was timed yet."""
        if not self._bounds:
            self._read(self._window)
        return next(iter(self._bounds.values()), next((one.bounds_ms for one in self.queries.values()), ()))

    def snapshot(self) -> Snapshot:
        try:
            found = self._read(self._window)
        except OutsideFailure as error:
            return Snapshot.now({}, gap=error.line())
        return self._at(found, found.now)

    def past(self, seconds: float) -> Iterator[Snapshot]:
        """OutsideFailure where it cannot be read."""
        found = self._read(seconds + self._window)
        step = min(max(1.0, seconds / 600), self.oldest_seconds)
        first = min((one[0].at for slot in found.scrapes.values() for one in slot.values()), default=found.now)
        for number in range(math.floor(min(seconds, found.now - first) / step), -1, -1):
            yield self._at(found._replace(ups={}), found.now - number * step)

    @property
    def _window(self) -> float:
        return GONE_AFTER * self.oldest_seconds

    def _at(self, found: ScrapeReading, at: float) -> Snapshot:
        """What was known at one moment."""
        replicas: dict[str, dict[str, Counters]] = {}
        gap = "" if len(set(self._bounds.values())) <= 1 else "times are counted in different buckets"
        for slot, targets in found.scrapes.items():
            for target, scrapes in targets.items():
                newest = bisect.bisect_right(scrapes, at, key=lambda scrape: scrape.at) - 1
                if newest < 0 or at - scrapes[newest].at > self._window:
                    continue
                scrape, (seen, up) = scrapes[newest], found.ups.get(target[:2], (-math.inf, True))
                if seen > scrape.at and up:
                    continue  # the newest scrape has no such series any more
                if seen > scrape.at:
                    gap = gap or f"{target} cannot be scraped"
                elif at - scrape.at > self.oldest_seconds:
                    limit = f"{self.oldest_seconds:g} s"
                    gap = gap or (
                        f"the newest sample of {target} is {at - scrape.at:.0f} s old, more than {limit}:"
                        " scrape it more often, or make deploy.judge.block-seconds longer"
                    )
                else:
                    gap = gap or scrape.bad
                    replicas.setdefault(slot, {})[str(target)] = scrape.counters
        taken = Snapshot.of_replicas(replicas, gap)
        before = found.now - at
        ago = taken.ticks - found.ticks
        return msgspec.structs.replace(taken, at=taken.at - ago - before, ticks=found.ticks - before)

    def _read(self, window: float) -> ScrapeReading:
        """OutsideFailure where something cannot be read."""
        deadline, ticks = time.monotonic() + ALL_SECONDS, time.monotonic()
        said = self._asked("time()", "", deadline)
        if not isinstance(said, _Scalar):
            raise self._failed("answers what no Prometheus says")
        now = said.result[0]

        def series(selector: str) -> list[_Series]:
            found = self._asked(f"{selector}[{math.ceil(1000 * window)}ms]", f"{now:.3f}", deadline)
            if not isinstance(found, _Matrix):
                raise self._failed("answers what no Prometheus says")
            return found.result

        while True:
            jobs = set(self._jobs)
            # first, so that a scrape that ends meanwhile is newer by its counters, never by its up alone
            ups = {
                (one.metric.get("job", ""), one.metric.get("instance", "")): (
                    one.values[-1][0],
                    one.values[-1][1] == "1",
                )
                for job in sorted(jobs)
                for one in series(f'up{{job="{_escaped(job)}"}}')
            }
            self._bounds.clear()
            scrapes = {slot: self._scrapes(query, series) for slot, query in self.queries.items()}
            self._jobs.update(target.job for targets in scrapes.values() for target in targets)
            if self._jobs == jobs:
                return ScrapeReading(now, ticks, scrapes, ups)

    def _scrapes(
        self, query: CounterQueries, series: Callable[[str], list[_Series]]
    ) -> dict[ScrapeTarget, list[Scrape]]:
        # in this order: a scrape that ends meanwhile is in all queries after the first that has it
        requests, errors = series(query.requests), series(query.errors)
        buckets = series(query.latency_buckets) if query.latency_buckets else []
        found: dict[ScrapeTarget, dict[float, _Sums]] = {}
        for one in requests:
            moments = found.setdefault(_target(one), {})
            for at, value in one.values:
                moments.setdefault(at, _Sums()).add("requests", value)
        for one in errors:
            for at, value in one.values:
                if (sums := found.get(_target(one), {}).get(at)) is not None:
                    sums.add("errors", value)
        bounds: dict[ScrapeTarget, set[float]] = {}
        for one in buckets:
            bound = _bound(one.metric.get("le", "")) * query.milliseconds
            bounds.setdefault(_target(one), set()).add(bound)
            for at, value in one.values:
                if (sums := found.get(_target(one), {}).get(at)) is not None:
                    sums.add(bound, value)
        for target, known in bounds.items():
            self._bounds[target] = tuple(sorted(known - {math.inf}))
        timed = bool(query.latency_buckets)
        return {
            target: [Scrape(at, *moments[at].counters(str(target), timed)) for at in sorted(moments)]
            for target, moments in found.items()
        }

    def _asked(self, query: str, at: str, deadline: float) -> _Matrix | _Scalar | None:
        if time.monotonic() > deadline:
            raise self._failed(f"needs more than {ALL_SECONDS:.0f} s for what is asked")
        try:
            said = msgspec.json.decode(self.get(QUERY, {"query": query} | ({"time": at} if at else {})), type=_Answer)
        except msgspec.DecodeError:
            raise self._failed("answers what no Prometheus says") from None
        if said.status != "success":
            raise self._failed(f"refuses {query}: {said.error[:200]}")
        if said.warnings:  # Thanos and its like: a part could not be asked
            raise self._failed(f"answers in part: {said.warnings[0][:200]}")
        return said.data

    def _failed(self, what: str) -> OutsideFailure:
        return OutsideFailure(f"Prometheus {what}", fix="see that the address is Prometheus' own, and that it is well")


class _Sums:
    """Of the series of one target at one moment, by what they count: requests, errors, or a bound in milliseconds."""

    def __init__(self) -> None:
        self.values: dict[str | float, float] = {}

    def add(self, what: str | float, value: str) -> None:
        self.values[what] = self.values.get(what, 0.0) + float(value)

    def counters(self, target: str, timed: bool) -> tuple[Counters, str]:
        """And why they are not to be used."""
        for what, value in self.values.items():
            if not (0 <= value < math.inf and value == int(value)):
                return (
                    Counters(),
                    f"{what if isinstance(what, str) else 'a bucket'} of {target} is {value}, which counts nothing",
                )
        requests, errors = int(self.values.get("requests", 0)), int(self.values.get("errors", 0))
        fast = {
            bound: int(self.values[bound]) for bound in sorted(key for key in self.values if not isinstance(key, str))
        }
        if timed and requests > errors and math.inf not in fast:
            return Counters(requests, errors), f"{target} tells no times of its requests"
        return Counters(requests, errors, fast.pop(math.inf, 0), fast), ""


def _target(series: _Series) -> ScrapeTarget:
    labels = series.metric
    pod = next((labels[name] for name in PODS if labels.get(name)), "")
    return ScrapeTarget(labels.get("job", ""), labels.get("instance", ""), pod)


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OutsideFailure(
            f"a latency bucket has the bound {text!r}", where="Prometheus", fix="name a _bucket series"
        ) from None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
