"""Counts from a real Prometheus, which scrapes a real Envoy; and what is no count, said by a server that a test can steer."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from endpoint.model_server import serving
from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, Snapshot, between, grown, unknown_between
from modelway.observe.envoy_statistics import BOUNDS_MS
from modelway.observe.prometheus_queries import QUERIES, CounterQueries
from modelway.observe.prometheus_server import PrometheusCounts
from observe.contract import Counting, CountsContract
from observe.gateway_envoy import GatewayEnvoy, gateway_envoy
from observe.real_prometheus import RealPrometheus, real_prometheus

SERVICES = {"v2": "flight-delay", "v3": "flight-delay-v3"}
CLUSTERS = {slot: f"models_{service}_80" for slot, service in SERVICES.items()}
ENVOY_PATH = "/stats/prometheus"


def queries() -> dict[str, CounterQueries]:
    return {
        slot: QUERIES["contour"].of({"namespace": "models", "service": service, "port": "80"})
        for slot, service in SERVICES.items()
    }


class World:
    """Two Envoys and a Prometheus that scrapes them."""

    def __init__(self, prometheus: RealPrometheus, *envoys: GatewayEnvoy) -> None:
        self.prometheus, self.envoys = prometheus, envoys
        self.source = PrometheusCounts(prometheus.get, queries())

    def until(self, holds: Callable[[Snapshot], bool], seconds: float = 20) -> Snapshot:
        deadline = time.monotonic() + seconds
        while not holds(said := self.source.snapshot()):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        return said

    def settled(self) -> Snapshot:
        """Once every counter is known; several readings in a row, as a target comes before its first scrape."""
        return self.until(lambda said: not said.gap and len(said.replicas.get("v2", {})) == len(self.envoys))


def target_of(*envoys: GatewayEnvoy) -> list[dict[str, list[str]]]:
    return [{"targets": [f"127.0.0.1:{envoy.admin}" for envoy in envoys]}]


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with serving() as address:
        yield int(address.rpartition(":")[2])


@pytest.fixture
def world(tmp_path: Path, upstream: int) -> Iterator[World]:
    clusters: dict[str, int | None] = dict.fromkeys(CLUSTERS.values(), upstream)
    with (
        gateway_envoy(tmp_path / "a", clusters) as one,
        gateway_envoy(tmp_path / "b", clusters) as other,
        real_prometheus(tmp_path / "prometheus", target_of(one, other), ENVOY_PATH) as prometheus,
    ):
        world = World(prometheus, one, other)
        world.settled()
        yield world


class PrometheusCounting(Counting):
    slots, read_seconds = ("v2", "v3"), 10.0

    def __init__(self, world: World) -> None:
        self.world, self.source = world, world.source
        self.turns = itertools.cycle(world.envoys)

    def send(self, slot: str, count: int, bad: bool = False) -> None:
        for _ in range(count):
            next(self.turns).send(CLUSTERS[slot], 1, bad)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        with self.world.prometheus.stopped():
            yield


class TestPrometheusCounts(CountsContract):
    @pytest.fixture
    def counting(self, world: World, monkeypatch: pytest.MonkeyPatch) -> Counting:
        monkeypatch.setattr("modelway.observe.prometheus_url.READ_SECONDS", 1.0)
        return PrometheusCounting(world)


def test_a_target_that_cannot_be_scraped_is_a_gap_until_it_is_none_any_more(world: World) -> None:
    one, other = world.envoys
    other.send(CLUSTERS["v2"], 3)
    before = world.until(lambda said: said.releases["v2"].requests == 3)
    with other.stopped():
        said = world.until(lambda said: bool(said.gap))
        assert said.gap.startswith(f"127.0.0.1:{other.admin} cannot be scraped") or " s old, more than 10 s" in said.gap
        assert unknown_between(before, said, "v2") == said.gap
    after = world.settled()
    assert not unknown_between(before, after, "v2"), "it is the same one again"
    assert grown(before, after, "v2").requests == 0
    with other.stopped():
        world.until(lambda said: bool(said.gap))
        world.prometheus.set_targets(target_of(one))
        gone = world.until(lambda said: not said.gap, 40)
    assert list(gone.replicas["v2"]) == [f"127.0.0.1:{one.admin}"]
    assert unknown_between(after, gone, "v2") == f"the counters of 127.0.0.1:{other.admin}, a part of v2, are gone"


def test_a_service_out_of_every_route_has_no_series_any_more_and_begins_anew(world: World, upstream: int) -> None:
    for envoy in world.envoys:
        envoy.send(CLUSTERS["v3"], 4)
    before = world.until(lambda said: said.releases["v3"].requests == 8)
    for envoy in world.envoys:
        envoy.set_clusters({CLUSTERS["v2"]: upstream})
    gone = world.until(lambda said: "v3" not in said.releases)
    assert not gone.gap
    assert unknown_between(before, gone, "v3") == "nothing counts the requests of v3"
    assert not unknown_between(before, gone, "v2")
    for envoy in world.envoys:
        envoy.set_clusters(dict.fromkeys(CLUSTERS.values(), upstream))
    after = world.until(lambda said: len(said.replicas.get("v3", {})) == 2)
    assert "began anew" in unknown_between(before, after, "v3")


def test_the_past_leaves_out_the_time_in_which_prometheus_was_away(world: World) -> None:
    world.source = PrometheusCounts(world.prometheus.get, queries(), oldest_seconds=2.0)
    world.envoys[0].send(CLUSTERS["v2"], 2)
    world.until(lambda said: said.releases["v2"].requests == 2)
    stopped = time.monotonic()
    with world.prometheus.stopped():
        time.sleep(12)
    resumed = time.monotonic()
    world.envoys[0].send(CLUSTERS["v2"], 3)
    world.until(lambda said: said.releases.get("v2", Counters()).requests == 5)
    past = list(world.source.past(resumed - stopped + 15))
    gaps = [item for item in past if item.gap]
    assert gaps and all(stopped + 6 < item.ticks < resumed + 3 for item in gaps)
    assert " old, more than 7 s: scrape it more often" in gaps[0].gap
    told = between(past, "v2")
    assert 0 < told[-1][1].requests <= 5
    assert told[-1][0] - told[0][0] < past[-1].ticks - past[0].ticks - 2, "time of which nothing is known is left out"


def test_slow_requests_are_held_against_the_requests_of_their_own_time(tmp_path: Path, upstream: int) -> None:
    """Envoy merges its histograms every 5 s and is scraped once in a second, under traffic: of every reading, what was timed
    is what was counted, but for what came between the merge and its scrape."""
    with (
        gateway_envoy(tmp_path / "a", {CLUSTERS["v2"]: upstream}, "5s") as envoy,
        real_prometheus(tmp_path / "prometheus", target_of(envoy), ENVOY_PATH) as prometheus,
    ):
        source, taken = PrometheusCounts(prometheus.get, {"v2": queries()["v2"]}), list[Counters]()
        began = time.monotonic()
        while time.monotonic() < began + 25:
            envoy.send(CLUSTERS["v2"], 2)
            said = source.snapshot()
            if time.monotonic() > began + 12:
                assert not said.gap
                taken.append(said.releases["v2"])
        told = {sample.requests for sample in taken}
        assert 2 <= len(told) <= 5, "one for every merge"
        rate = taken[-1].requests / 25
        assert all(0 <= sample.requests - sample.timed < 2 * rate for sample in taken)


# what no running server can be made to say


class Steered:
    """A Prometheus whose series a test sets: query name -> labels -> (age in seconds, value), oldest first. Its clock is an
    hour ahead of this machine's."""

    def __init__(self) -> None:
        self.now = time.time() + 3600
        self.series: dict[str, list[tuple[dict[str, str], list[tuple[float, str]]]]] = {}
        self.error, self.warnings = "", list[str]()
        self.asked = list[Mapping[str, str]]()

    def counted(
        self,
        instance: str,
        requests: str,
        errors: str = "",
        slow: int = 0,
        age: float = 0.5,
        up: str = "1",
        seen: float = 0.5,
    ) -> None:
        labels = {"job": "pods", "instance": instance}

        def add(name: str, value: str, age: float = age, **more: str) -> None:
            samples = [(age + 1, value), (age, value)]
            self.series.setdefault(name, []).append(({"__name__": name, **labels, **more}, samples))

        add("requests_total", requests)
        if errors:
            add("errors_total", errors)
        if requests.isdigit():
            add("seconds_bucket", str(int(requests) - slow), le="0.05")
            add("seconds_bucket", requests, le="+Inf")
        add("up", up, seen)

    def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        assert path == "/api/v1/query"
        self.asked.append(parameters)
        query = parameters["query"]
        if self.error:
            return json.dumps({"status": "error", "errorType": "bad_data", "error": self.error}).encode()
        if query == "time()":
            data = {"resultType": "scalar", "result": [self.now, str(self.now)]}
        else:
            assert float(parameters["time"]) == pytest.approx(self.now, abs=0.001), "one moment for all"
            found = self.series.get(query.partition("{")[0].partition("[")[0], [])
            data = {"resultType": "matrix", "result": [self.matrix(*one) for one in found]}
        return json.dumps({"status": "success", "data": data, "warnings": self.warnings}).encode()

    def matrix(self, labels: dict[str, str], samples: Sequence[tuple[float, str]]) -> dict[str, object]:
        return {"metric": labels, "values": [[self.now - age, value] for age, value in samples]}


OWN = CounterQueries("requests_total", "errors_total", "seconds_bucket")


def steered(server: Steered, query: CounterQueries = OWN) -> PrometheusCounts:
    return PrometheusCounts(server.get, {"v3": query})


def test_series_of_a_target_are_summed_and_targets_are_told_apart() -> None:
    server = Steered()
    server.counted("10.0.0.1:8080", "100", "7", slow=10)
    server.counted("10.0.0.1:8080", "50")
    server.counted("10.0.0.2:8080", "30", "2")
    source = steered(server)
    said = source.snapshot()
    assert not said.gap
    assert said.replicas["v3"] == {
        "10.0.0.1:8080": Counters(150, 7, 150, {50.0: 140}),
        "10.0.0.2:8080": Counters(30, 2, 30, {50.0: 30}),
    }
    assert source.bounds_ms == (50.0,)
    assert abs(said.at - time.time()) < 5, "this machine's time, whatever the server's clock says"


def test_buckets_of_a_histogram_can_be_what_is_counted() -> None:
    """Successes that are answers up to a bound, such as those within 0.05."""
    server = Steered()
    server.counted("10.0.0.1:8080", "100", slow=10)
    server.series["seconds_bucket"] = [one for one in server.series["seconds_bucket"] if one[0]["le"] == "0.05"]
    source = steered(server, CounterQueries("requests_total", 'seconds_bucket{le="0.05"}'))
    assert source.snapshot().replicas["v3"] == {"10.0.0.1:8080": Counters(100, 90)}
    assert source.bounds_ms == ()


OFTEN = "scrape it more often, or make deploy.judge.block-seconds longer"


@pytest.mark.parametrize(
    ("counted", "gap"),
    [
        ({"requests": "NaN"}, "requests of 10.0.0.2:8080 is nan, which counts nothing"),
        ({"requests": "9", "errors": "NaN"}, "errors of 10.0.0.2:8080 is nan, which counts nothing"),
        ({"requests": "1.5"}, "requests of 10.0.0.2:8080 is 1.5, which counts nothing"),
        ({"requests": "-1"}, "requests of 10.0.0.2:8080 is -1.0, which counts nothing"),
        ({"requests": "9", "up": "0", "age": 2.0}, "10.0.0.2:8080 cannot be scraped"),
        (
            {"requests": "9", "age": 7.0, "seen": 7.0},
            "the newest sample of 10.0.0.2:8080 is 7 s old, more than 5 s: " + OFTEN,
        ),
    ],
)
def test_what_is_no_count_is_a_gap_with_the_target_and_the_reason(counted: dict[str, object], gap: str) -> None:
    server = Steered()
    server.counted("10.0.0.1:8080", "100")
    server.counted("10.0.0.2:8080", **counted)  # type: ignore[arg-type]
    said = steered(server).snapshot()
    assert said.gap == gap


@pytest.mark.parametrize("gone", [{"age": 3.0, "seen": 0.5}, {"age": 16.0, "seen": 16.0}])
def test_a_target_that_has_no_series_any_more_or_is_long_gone_is_not_counted(gone: dict[str, float]) -> None:
    server = Steered()
    server.counted("10.0.0.1:8080", "100")
    server.counted("10.0.0.2:8080", "9", **gone)  # type: ignore[arg-type]
    said = steered(server).snapshot()
    assert not said.gap
    assert list(said.replicas["v3"]) == ["10.0.0.1:8080"]


def test_without_a_series_nothing_is_counted() -> None:
    said = steered(Steered()).snapshot()
    assert unknown_between(said, said, "v3") == "nothing counts the requests of v3"


def test_requests_without_times_are_a_gap_unless_all_failed() -> None:
    server = Steered()
    server.counted("10.0.0.1:8080", "9", "9")
    del server.series["seconds_bucket"]
    assert not steered(server).snapshot().gap
    server.counted("10.0.0.2:8080", "9", "8")
    del server.series["seconds_bucket"]
    assert steered(server).snapshot().gap == "10.0.0.2:8080 tells no times of its requests"
    assert not steered(server, CounterQueries("requests_total", "errors_total")).snapshot().gap, (
        "nobody asked for times"
    )


def test_a_pod_behind_the_same_address_is_another_one() -> None:
    server = Steered()
    server.counted("10.0.0.1:8080", "9")
    labels = [labels for found in server.series.values() for labels, _ in found]
    for one in labels:
        one["pod"] = "flight-delay-abc"
    before = steered(server).snapshot()
    for one in labels:
        one["pod"] = "flight-delay-xyz"
    gone = "the counters of flight-delay-abc (10.0.0.1:8080), a part of v3, are gone"
    assert unknown_between(before, steered(server).snapshot(), "v3") == gone


def test_what_prometheus_refuses_or_answers_in_part_is_a_gap() -> None:
    server = Steered()
    server.error = "parse error"
    assert "refuses time(): parse error" in steered(server).snapshot().gap
    server.error, server.warnings = "", ["no answer from store-2"]
    assert "answers in part: no answer from store-2" in steered(server).snapshot().gap


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"status":"success","data":{"resultType":"vector","result":[]}}', b""]
)
def test_what_is_no_prometheus_is_a_gap(body: bytes) -> None:
    source = PrometheusCounts(lambda path, parameters: body, {"v3": OWN})
    assert "answers what no Prometheus says" in source.snapshot().gap
    with pytest.raises(OutsideFailure, match="answers what no Prometheus says"):
        list(source.past(60))


def test_a_server_that_takes_its_time_for_every_query_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelway.observe.prometheus_api.ALL_SECONDS", 0.0)
    assert "needs more than 0 s" in steered(Steered()).snapshot().gap


@pytest.mark.parametrize("moved", [True, False])
def test_only_scrapes_after_a_merge_are_used(moved: bool) -> None:
    server = Steered()
    server.counted("10.0.0.1:8080", "100")
    labels = {"job": "pods", "instance": "10.0.0.1:8080"}
    query = CounterQueries("requests_total", "errors_total", "seconds_bucket", merged="uptime")
    assert steered(server, query).snapshot().gap == "10.0.0.1:8080 has no uptime"
    server.series["uptime"] = [(labels, [(2.5, "5"), (1.5, "10" if moved else "5"), (0.5, "10" if moved else "5")])]
    said = steered(server, query).snapshot()
    assert not said.gap
    assert ("v3" in said.releases) is moved


def test_bounds_are_those_of_the_queries_before_any_request_was_timed() -> None:
    assert PrometheusCounts(Steered().get, queries()).bounds_ms == BOUNDS_MS
