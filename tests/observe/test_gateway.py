"""Counts from the statistics of real Envoys, as a gateway has them."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from endpoint.model_server import serving
from modelway.errors import OutsideFailure
from modelway.loopback import free_port
from modelway.observe import envoy_statistics, gateway
from modelway.observe.counts import Counters, Snapshot, counted, grown, unknown_between
from modelway.observe.gateway import GatewayCounts
from observe.contract import Counting, CountsContract
from observe.gateway_envoy import GatewayEnvoy, gateway_envoy

STABLE, CANARY = "models_flight-delay_80", "models_flight-delay-v3_80"
CLUSTERS = {"v2": STABLE, "v3": CANARY}


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with serving() as address:
        yield int(address.rpartition(":")[2])


def source_of(*envoys: GatewayEnvoy, merge_seconds: float = 1.0) -> GatewayCounts:
    reads = {f"envoy-{at}/0": envoy.read for at, envoy in enumerate(envoys)}
    return GatewayCounts(lambda: reads, CLUSTERS, merge_seconds)


class GatewayCounting(Counting):
    """Two instances, which get requests by turns."""

    slots, read_seconds = ("v2", "v3"), 20.0

    def __init__(self, *envoys: GatewayEnvoy) -> None:
        self.envoys, self.source = envoys, source_of(*envoys)
        self.turns = itertools.cycle(envoys)

    def send(self, slot: str, count: int, bad: bool = False) -> None:
        for _ in range(count):
            next(self.turns).send(CLUSTERS[slot], 1, bad)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        with self.envoys[1].stopped():
            yield


class TestGatewayCounts(CountsContract):
    @pytest.fixture
    def counting(self, tmp_path: Path, upstream: int) -> Iterator[Counting]:
        clusters: dict[str, int | None] = {STABLE: upstream, CANARY: upstream}
        with gateway_envoy(tmp_path / "a", clusters) as one, gateway_envoy(tmp_path / "b", clusters) as other:
            yield GatewayCounting(one, other)


@pytest.fixture
def envoy(tmp_path: Path, upstream: int) -> Iterator[GatewayEnvoy]:
    with gateway_envoy(tmp_path / "envoy", {STABLE: upstream, CANARY: upstream}) as running:
        yield running


def test_a_release_that_nobody_asked_yet_is_a_zero_and_one_without_a_cluster_is_not_counted(
    envoy: GatewayEnvoy,
) -> None:
    source = source_of(envoy)
    assert source.snapshot().releases == {"v2": Counters(), "v3": Counters()}
    assert source.bounds_ms == envoy_statistics.BOUNDS_MS
    envoy.set_clusters({STABLE: None})
    said = source.snapshot()
    assert set(said.releases) == {"v2"} and not said.gap
    assert unknown_between(said, said, "v3") == "nothing counts the requests of v3"


def test_a_service_that_was_out_of_every_route_drops_the_block(envoy: GatewayEnvoy, upstream: int) -> None:
    source = source_of(envoy)
    envoy.send(CANARY, 9)
    before = source.snapshot()
    envoy.set_clusters({STABLE: upstream})
    gone = source.snapshot()
    assert unknown_between(before, gone, "v3") == "nothing counts the requests of v3"
    envoy.set_clusters({STABLE: upstream, CANARY: upstream})
    envoy.send(CANARY, 2)
    after = source.snapshot()
    assert after.releases["v3"].requests == 2
    assert "began anew" in unknown_between(before, after, "v3")
    assert not unknown_between(before, after, "v2")


def test_what_the_gateway_answers_by_itself_is_an_error(envoy: GatewayEnvoy, upstream: int) -> None:
    """No endpoint, and one where nothing listens: neither is in Envoy's own total of upstream requests."""
    envoy.set_clusters({STABLE: None, CANARY: free_port()})
    source = source_of(envoy)
    before = source.snapshot()
    for cluster in (STABLE, CANARY):
        assert [envoy.ask(cluster, {}).status_code for _ in range(3)] == [503] * 3
    after = source.snapshot()
    assert not after.gap
    for slot in ("v2", "v3"):
        assert counted(Counters(), grown(before, after, slot), 50) == (3, 3, 0)


def test_slow_requests_are_held_against_the_requests_of_their_own_time(tmp_path: Path, upstream: int) -> None:
    """Envoy merges histograms every 5 s, as gateways leave it, and requests go on all the time: at every reading, what was
    timed is what was counted, but for those that come between the merge and the reading."""
    with gateway_envoy(tmp_path / "envoy", {STABLE: upstream, CANARY: upstream}, "5s") as envoy:
        source, over = source_of(envoy, merge_seconds=5.0), threading.Event()

        def traffic() -> None:
            while not over.wait(0.01):
                envoy.send(STABLE, 1)

        thread = threading.Thread(target=traffic)
        thread.start()
        try:
            source.snapshot()
            time.sleep(2.5)  # a reading of any moment would be half way between two merges
            taken = [source.snapshot()]
            for _ in range(3):
                time.sleep(max(0.0, taken[-1].ticks + 5 - time.monotonic()))
                taken.append(source.snapshot())
        finally:
            over.set()
            thread.join()
        rate = grown(taken[0], taken[-1], "v2").requests / (taken[-1].ticks - taken[0].ticks)
        assert rate > 5
        for item in taken:
            assert not item.gap
            total = item.releases["v2"]
            assert total.requests - total.timed < (gateway.LATE_SECONDS + 1) * rate
        lengths = [other.ticks - one.ticks for one, other in itertools.pairwise(taken)]
        assert max(lengths) < 8, "blocks are no longer than they have to be"


def told(uptime: float, completed: str = "7", timed: int = 7) -> str:
    return (
        f"envoy_server_uptime{{}} {uptime}\n"
        f'envoy_cluster_upstream_rq_completed{{envoy_cluster_name="{STABLE}"}} {completed}\n'
        f'envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{STABLE}",le="5"}} {timed}\n'
        f'envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{STABLE}",le="+Inf"}} {timed}\n'
        f'envoy_cluster_upstream_rq_time_count{{envoy_cluster_name="{STABLE}"}} {timed}\n'
    )


def read_once(read: Callable[[], str], merge_seconds: float = 0.5) -> Snapshot:
    return GatewayCounts(lambda: {"envoy-0/0": read}, CLUSTERS, merge_seconds).snapshot()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html>", "envoy-0/0: line 1 is not Prometheus' text: '<html>'"),
        ("up 1\n", "envoy-0/0: it lacks envoy_server_uptime: these are no Envoy's statistics"),
        (told(5, completed="NaN"), "envoy-0/0: envoy_cluster_upstream_rq_completed is nan, which counts nothing"),
        (told(5), "envoy-0/0: it merged no histograms in 1 s"),
    ],
)
def test_what_cannot_be_trusted_is_a_gap_with_the_instance_and_the_reason(text: str, reason: str) -> None:
    assert read_once(lambda: text).gap == reason


def test_requests_without_times_are_a_gap() -> None:
    """A gateway may be told to leave histograms out; none is slow then."""
    uptimes = itertools.count()
    said = read_once(lambda: told(next(uptimes), timed=0))
    assert said.gap == f"envoy-0/0: it tells no times of {STABLE}"


def test_instances_that_cannot_be_listed_or_are_none_are_a_gap() -> None:
    def fails() -> dict[str, Callable[[], str]]:
        raise OutsideFailure("no answer", where="the API server")

    assert GatewayCounts(fails, CLUSTERS).snapshot().gap == "the API server: no answer"
    assert GatewayCounts(dict, CLUSTERS).snapshot().gap == "the gateway has no instance"


def test_an_instance_that_went_cannot_hide_behind_another() -> None:
    uptimes = itertools.count()
    reads = {f"envoy-{at}/0": lambda: told(next(uptimes)) for at in range(2)}
    source = GatewayCounts(lambda: reads, CLUSTERS, 0.5)
    before = source.snapshot()
    del reads["envoy-0/0"]
    reads["envoy-1/0"] = lambda: told(next(uptimes), "900", 900)
    after = source.snapshot()
    assert after.releases["v2"].requests > before.releases["v2"].requests
    assert unknown_between(before, after, "v2") == "the counters of envoy-0/0, a part of v2, are gone"


def test_instances_with_other_buckets_cannot_be_added_up() -> None:
    uptimes = itertools.count()
    reads = {
        "envoy-0/0": lambda: told(next(uptimes)),
        "envoy-1/0": lambda: told(next(uptimes)).replace('le="5"', 'le="6"'),
    }
    said = GatewayCounts(lambda: reads, CLUSTERS, 0.5).snapshot()
    assert said.gap == "the gateway's instances count times in different buckets"


def test_a_reading_that_nobody_waits_for_any_more_ends() -> None:
    """As after an interrupt: the process is not held up until the next merge."""
    over = threading.Event()
    over.set()
    source = GatewayCounts(dict, CLUSTERS, 60.0)
    with pytest.raises(ValueError, match="nobody waits"):
        source._at_a_merge("envoy-0/0", lambda: told(5), over)
