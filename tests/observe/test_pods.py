"""Counts from every pod's own /metrics: what the model server writes, and nothing in its place."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from modelway.errors import OutsideFailure
from modelway.observe import pods
from modelway.observe.counts import unknown_between
from modelway.observe.pods import PodMetrics, PodsCounts, parse
from modelway.serving.metrics import SECONDS, Metrics, memory

LABELS = {"model": "flight-delay", "version": "3", "digest": "d"}


class Server:
    """What a model server has counted, written by the server's own code."""

    def __init__(self) -> None:
        self.metrics = Metrics(memory(1), 0, LABELS)
        self.change: Callable[[str], str] = lambda text: text

    def answered(self, path: str, status: int, seconds: float = 0.002) -> None:
        self.metrics.request(path, status, seconds)

    def read(self) -> str:
        return self.change(self.metrics.text().decode())


def source(*servers: Server) -> PodsCounts:
    return PodsCounts(lambda: [PodMetrics("v3", f"pod-{at}/0", server.read) for at, server in enumerate(servers)])


def test_only_what_clients_ask_counts_and_a_refusal_is_an_error() -> None:
    server = Server()
    for path in ("/health", "/ready", "/metrics", "/model/version", "other"):
        server.answered(path, 503)
    for path, status in (("/predict", 200), ("/predict", 400), ("/invocations", 200), ("/invocations", 503)):
        server.answered(path, status, 0.3)
    said = parse(server.read()).counters
    assert (said.requests, said.errors, said.timed) == (4, 2, 4)
    assert (said.fast[250.0], said.fast[500.0]) == (0, 4)


def test_bounds_are_those_that_the_servers_have() -> None:
    assert source(Server(), Server()).bounds_ms == tuple(round(1000 * bound, 6) for bound in SECONDS)


def test_pods_add_up() -> None:
    one, other = Server(), Server()
    for _ in range(3):
        one.answered("/predict", 200)
    other.answered("/predict", 400)
    said = source(one, other).snapshot()
    assert (said.releases["v3"].requests, said.releases["v3"].errors, said.gap) == (4, 1, "")
    assert [name.split(",")[0] for name in said.replicas["v3"]] == ["pod-0/0", "pod-1/0"]


def test_a_server_that_was_started_anew_is_another_one_even_if_it_counted_more() -> None:
    server = Server()
    server.answered("/predict", 200)
    before = source(server).snapshot()
    server.answered("/predict", 200)
    server.change = lambda text: text.replace(
        "\nprocess_start_time_seconds{", '\nprocess_start_time_seconds{a="",'
    ).replace(f"{parse(server.metrics.text().decode()).started}", "1.00")
    unknown = unknown_between(before, source(server).snapshot(), "v3")
    assert unknown.startswith("the counters of pod-0/0, started ") and unknown.endswith(" are gone")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "<html>no</html>", "line 1 is not Prometheus' text"),
        (lambda text: "", "it is no model server's"),
        (lambda text: "up 1\n", "it is no model server's"),
        (lambda text: text[: text.index("modelway_request_duration_seconds_bucket")], "it is no model server's"),
        (lambda text: text.replace('status="200"} 1', 'status="200"} NaN'), "modelway_requests_total is nan"),
        (lambda text: text.replace('status="200"} 1', 'status="200"} -1'), "modelway_requests_total is -1"),
        (lambda text: text.replace('status="200"} 1', 'status="200"} +Inf'), "modelway_requests_total is inf"),
        (lambda text: text.replace('path="/predict",le="0.001"', 'path="/predict"'), "has no bound"),
    ],
)
def test_what_is_no_model_servers_is_a_gap_with_the_pods_name(change: Callable[[str], str], reason: str) -> None:
    good, bad = Server(), Server()
    for server in (good, bad):
        server.answered("/predict", 200)
    bad.change = change
    assert bad.read() != good.read()
    said = source(good, bad).snapshot()
    assert said.gap.startswith("pod-1/0: ") and reason in said.gap
    assert unknown_between(said, said, "v3") == said.gap


def failing(error: Exception) -> Callable[..., str]:
    def read(*_: object) -> str:
        raise error

    return read


def test_a_pod_that_cannot_be_read_is_a_gap_with_the_reason() -> None:
    down = failing(OutsideFailure("nothing listens", where="models/pod-9", fix="see the pod's log"))
    said = PodsCounts(
        lambda: [PodMetrics("v3", "pod-9/2", down), PodMetrics("v3", "pod-0/0", Server().read)]
    ).snapshot()
    assert said.gap == "pod-9/2: nothing listens"
    with pytest.raises(OutsideFailure, match="pod-9/2: nothing listens"):
        assert PodsCounts(lambda: [PodMetrics("v3", "pod-9/2", down)]).bounds_ms


def test_pods_that_cannot_be_listed_are_a_gap_and_no_pods_are_no_counts() -> None:
    unlisted = PodsCounts(failing(OutsideFailure("no answer", where="the API server"))).snapshot()
    assert unlisted.gap == "the API server: no answer"
    nothing = PodsCounts(list).snapshot()
    assert not nothing.gap
    assert unknown_between(nothing, nothing, "v3") == "nothing counts the requests of v3"
    with pytest.raises(OutsideFailure, match="there are no pods"):
        assert PodsCounts(list).bounds_ms


def test_a_pod_that_never_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pods, "READ_SECONDS", 0.2)
    asked, over = threading.Event(), threading.Event()

    def hangs() -> str:
        asked.set()
        over.wait(30)
        return ""

    try:
        said = PodsCounts(
            lambda: [PodMetrics("v3", "slow/0", hangs), PodMetrics("v3", "pod-0/0", Server().read)]
        ).snapshot()
    finally:
        over.set()
    assert asked.is_set()
    assert said.gap == "slow/0: no answer in 0.2 s"
    assert said.releases["v3"].requests == 0


def test_pods_that_count_times_in_other_buckets_cannot_be_added_up() -> None:
    one, other = Server(), Server()
    other.change = lambda text: "".join(line for line in text.splitlines(True) if 'le="0.001"' not in line)
    assert source(one, other).snapshot().gap == "the pods count times in different buckets"
