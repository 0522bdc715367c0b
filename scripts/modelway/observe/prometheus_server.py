"""A source of counts: a Prometheus server's HTTP API.

Counters are read as they were scraped, each sample with its time, by a selector with a range: an instant query would hand over
a sample that is five minutes old as one of now. Time is the server's: clocks here and there may differ by minutes. A release
is counted where every series of it is *fresh*:

- a sample that is older than `oldest_seconds`, a target that cannot be scraped, a value that counts nothing, times that are
  missing: a gap;
- a series that the newest scrape of its target has no more, or a target that is long gone: not there, so the block from when
  it was there is dropped (`counts.unknown_between`).

An Envoy counts at once and merges its histograms every 5 s, so that slow requests of one block would be held against the
requests of the next: of its scrapes only the first after each merge is used.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, CountsSource, Snapshot
from modelway.observe.prometheus_api import PrometheusMoment, SampledSeries
from modelway.observe.prometheus_queries import CounterQueries

GONE_AFTER = 3
"""A target whose newest sample is this many times too old is none any more."""
MERGE_SECONDS = 5.0
"""How far apart an Envoy's merges are, where nobody has set it."""
PODS = ("pod", "kubernetes_pod_name", "controller_pod")
"""Labels that name the pod of a target."""


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


class TargetScrapes(NamedTuple):
    """newest: when it was scraped last, and had the series. used: the scrapes that are used, oldest first."""

    newest: float
    used: Sequence[Scrape]


class ScrapesOfAll(NamedTuple):
    """now: the server's seconds, when `ticks` were this machine's. slots: slot -> target -> its scrapes. ups: (job, instance)
    -> when its newest scrape was, and whether it could be read."""

    now: float
    ticks: float
    slots: Mapping[str, Mapping[ScrapeTarget, TargetScrapes]]
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
        targets = (one for slot in found.slots.values() for one in slot.values())
        first = min((one.used[0].at for one in targets if one.used), default=found.now)
        for number in range(math.floor(min(seconds, found.now - first) / step), -1, -1):
            yield self._at(found._replace(ups={}), found.now - number * step)

    @property
    def _window(self) -> float:
        return GONE_AFTER * self.oldest_seconds + MERGE_SECONDS

    def _at(self, found: ScrapesOfAll, at: float) -> Snapshot:
        """What was known at one moment."""
        replicas: dict[str, dict[str, Counters]] = {}
        gap = "" if len(set(self._bounds.values())) <= 1 else "times are counted in different buckets"
        for slot, targets in found.slots.items():
            late = MERGE_SECONDS if self.queries[slot].merged else 0.0
            oldest, gone = self.oldest_seconds + late, GONE_AFTER * self.oldest_seconds + late
            for target, (newest, used) in targets.items():
                place = bisect.bisect_right(used, at, key=lambda scrape: scrape.at) - 1
                seen, up = found.ups.get(target[:2], (-math.inf, True))
                if place < 0 or at - used[place].at > gone or (seen > newest and up):
                    continue  # it comes later, was long gone, or the newest scrape has no such series any more
                scrape = used[place]
                if seen > newest:
                    gap = gap or f"{target} cannot be scraped"
                elif at - scrape.at > oldest:
                    gap = gap or (
                        f"the newest sample of {target} is {at - scrape.at:.0f} s old, more than {oldest:g} s:"
                        " scrape it more often, or make deploy.judge.block-seconds longer"
                    )
                else:
                    gap = gap or scrape.bad
                    replicas.setdefault(slot, {})[str(target)] = scrape.counters
        taken, before = Snapshot.of_replicas(replicas, gap), found.now - at
        ticks = found.ticks - before
        return msgspec.structs.replace(taken, at=taken.at - taken.ticks + ticks, ticks=ticks)

    def _read(self, window: float) -> ScrapesOfAll:
        """OutsideFailure where something cannot be read."""
        moment = PrometheusMoment(self.get, window)
        while True:
            jobs = set(self._jobs)
            # first, so that a scrape that ends meanwhile is newer by its counters, never by its up alone
            ups = {
                (one.metric.get("job", ""), one.metric.get("instance", "")): (
                    one.values[-1][0],
                    one.values[-1][1] == "1",
                )
                for job in sorted(jobs)
                for one in moment.of_job("up", job)
            }
            self._bounds.clear()
            slots = {slot: self._scrapes(query, moment) for slot, query in self.queries.items()}
            self._jobs.update(target.job for targets in slots.values() for target in targets)
            if self._jobs == jobs:
                return ScrapesOfAll(moment.now, moment.ticks, slots, ups)

    def _scrapes(self, query: CounterQueries, moment: PrometheusMoment) -> dict[ScrapeTarget, TargetScrapes]:
        # in this order: a scrape that ends meanwhile is in all queries after the first that has it
        requests, errors = moment.series(query.requests), moment.series(query.errors)
        buckets = moment.series(query.latency_buckets) if query.latency_buckets else []
        found: dict[ScrapeTarget, dict[float, _Sums]] = {}
        for one in requests:
            moments = found.setdefault(_target(one), {})
            for at, value in one.values:
                moments.setdefault(at, _Sums()).add("requests", value)
        bounds: dict[ScrapeTarget, set[float]] = {}
        bounded = [(one, _bound(one.metric["le"]) * query.milliseconds) for one in buckets if "le" in one.metric]
        for one, bound in bounded:
            bounds.setdefault(_target(one), set()).add(bound)
        counted: list[tuple[SampledSeries, str | float]] = [(one, "errors") for one in errors]
        for one, what in (*counted, *bounded):
            for at, value in one.values:
                if (sums := found.get(_target(one), {}).get(at)) is not None:
                    sums.add(what, value)
        self._bounds.update({target: tuple(sorted(known - {math.inf})) for target, known in bounds.items()})
        merges = _merges(query.merged, {target.job for target in found}, moment)
        scrapes: dict[ScrapeTarget, TargetScrapes] = {}
        for target, moments in found.items():
            used = [
                Scrape(at, *moments[at].counters(str(target), bool(query.latency_buckets)))
                for at in sorted(moments)
                if not query.merged or at in merges.get(target, ())
            ]
            if query.merged and target not in merges:
                used = [Scrape(max(moments), Counters(), f"{target} has no {query.merged}")]
            scrapes[target] = TargetScrapes(max(moments), used)
        return scrapes


def _merges(name: str, jobs: set[str], moment: PrometheusMoment) -> dict[ScrapeTarget, set[float]]:
    """The scrapes that were the first after a merge: those in which the value is another one than before."""
    found: dict[ScrapeTarget, set[float]] = {}
    for job in sorted(jobs) if name else ():
        for one in moment.of_job(name, job):
            pairs = zip(one.values, one.values[1:], strict=False)
            found.setdefault(_target(one), set()).update(new[0] for old, new in pairs if new[1] != old[1])
    return found


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


def _target(series: SampledSeries) -> ScrapeTarget:
    labels = series.metric
    pod = next((labels[name] for name in PODS if labels.get(name)), "")
    return ScrapeTarget(labels.get("job", ""), labels.get("instance", ""), pod)


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OutsideFailure(
            f"a latency bucket has the bound {text!r}", fix="name a series that ends in _bucket"
        ) from None


def of_releases(
    get: Callable[[str, Mapping[str, str]], bytes],
    queries: CounterQueries,
    values: Mapping[str, Mapping[str, str]],
    block_seconds: float,
) -> PrometheusCounts:
    """values: slot -> what stands for the placeholders. A sample says something of now for a block at most."""
    counted = {slot: queries.of(known) for slot, known in values.items()}
    return PrometheusCounts(get, counted, min(PrometheusCounts.oldest_seconds, block_seconds))
