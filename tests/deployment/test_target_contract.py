"""The local target passes the suites for every target and every source of counts: a real Envoy, real model servers."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from deployment.shop import Shop, row, with_target
from modelway import isolation, processes
from modelway.config import Deploy
from modelway.config.sections import Local
from modelway.errors import OutsideFailure
from modelway.loopback import free_port
from modelway.observe.counts import CountsSource
from modelway.observe.pods import PodMetrics, PodsCounts
from modelway.observe.prometheus_queries import QUERIES
from modelway.observe.prometheus_server import PrometheusCounts
from modelway.records import Release
from modelway.registry.stored_records import read_release
from modelway.serving.head import TESTER_HEADER
from modelway.targets import Target, open_target
from modelway.targets.local.place import ENVOY
from observe.contract import Counting, CountsContract
from observe.real_prometheus import RealPrometheus, real_prometheus
from targets.case import TESTERS, Case, begun, claimed, deployed
from targets.contract import TargetContract

SLOW_SECONDS = 0.3
"""What the release of that name needs for one row (deployment.shop)."""


class LocalCase(Case):
    """The shop's good release, another one, and its slow one."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.model, self.environment = shop, shop.model, shop.environment
        self.deploy = Deploy(local=Local(folder=str(shop.target), port=shop.port, replicas=1, ready_seconds=60))
        self.session = requests.Session()
        self.releases = (self.release("good"), self.release("again"), self.release("slow"))

    def release(self, kind: str) -> Release:
        stored = read_release(self.shop.client, self.shop.model, int(self.shop.versions[kind]), "production")
        assert stored is not None
        return stored.record

    def open(self, model: str = "") -> Target[Any, Any]:
        return open_target(model or self.model, self.environment, self.deploy)

    def send(self, count: int, bad: bool = False, tested: bool = False) -> Counter[str]:
        seen: Counter[str] = Counter()
        for number in range(count):
            answer = self.ask({"a": "no number"} if bad else row(number), tested)
            assert answer.status_code in ((400,) if bad else (200, 503))
            seen[answer.headers.get("x-modelway-version", "")] += 1
        return seen

    def ask(self, body: object, tested: bool = False) -> requests.Response:
        headers = {str(TESTERS.header): TESTERS.value} if tested else {}
        return self.session.post(f"http://127.0.0.1:{self.shop.port}/predict", json=body, headers=headers, timeout=20)

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        groups = processes.find(f"{self.shop.target / ENVOY}/")
        assert groups
        for group in groups:
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            for group in groups:
                os.killpg(group, signal.SIGCONT)

    def long_request(self) -> Callable[[], int]:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(self.ask(row(1)).status_code))
        thread.start()
        thread.join(SLOW_SECONDS / 2)
        assert not found, "it is on its way"

        def waited() -> int:
            thread.join(20)
            return found[0]

        return waited


@pytest.fixture
def case(built: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCase]:
    monkeypatch.setenv("MODELWAY_STATE", str(built.state))
    monkeypatch.setattr(isolation, "hide", lambda: None)  # this process is the tests', and others look into it
    case = LocalCase(with_target(built, tmp_path))
    yield case
    case.open().stop("a tester", lambda said: None)
    assert case.shop.processes() == []


class TestLocalTarget(TargetContract):
    def test_who_calls_himself_a_tester_is_counted_all_the_same(self, case: LocalCase) -> None:
        deployed(case, case.releases[0])
        address = f"http://127.0.0.1:{case.shop.port}"
        assert requests.post(f"{address}/predict", json=row(1), headers={TESTER_HEADER: "1"}, timeout=20).ok
        text = requests.get(f"{address}/metrics", timeout=5).text
        counts = dict(
            re.findall(r'^modelway_requests_total\{.*path="([^"]+)".*status="200".*\} (\d+)', text, re.MULTILINE)
        )
        assert (counts["/predict"], counts.get("testers", "0")) == ("1", "0")

    def test_the_address_is_known_before_and_after(self, case: LocalCase) -> None:
        address = f"http://127.0.0.1:{case.shop.port}"
        assert case.open().address() == address
        deployed(case, case.releases[0])
        assert case.open().address() == address
        assert requests.get(f"{address}/model/version", timeout=5).json()["version"] == case.releases[0].version
        other = msgspec.structs.replace(case.deploy.local, port=free_port())
        case.deploy = msgspec.structs.replace(case.deploy, local=other)
        assert case.open().address() == address, "where it listens, whatever modelway.yml says by now"
        case.open().stop("a tester", pytest.fail)
        assert case.open().address() == f"http://127.0.0.1:{other.port}", "where the next one will"


class LocalCounting(Counting):
    """Two releases on one local target: traffic goes to one of them alone, by their shares."""

    def __init__(self, case: LocalCase) -> None:
        self.case = case
        deployed(case, case.releases[0])
        self.acts = begun(case, claimed(case), case.releases[1])
        self.claim = self.acts.claim
        self.slots = (self.claim.state.stable, self.acts.plan.new.slot)
        self.source = self.counts()

    def counts(self) -> CountsSource:
        return self.claim.place.counts(self.claim.state)

    def send(self, slot: str, count: int, bad: bool = False) -> None:
        self.acts.route(float(slot == self.acts.plan.new.slot))
        version = self.claim.state.slots[slot].side.version
        assert self.case.send(count, bad) == {str(version): count}

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        with self.case.deaf():
            yield


class PodsCounting(LocalCounting):
    """The same releases, each replica asked for its own /metrics."""

    def counts(self) -> CountsSource:
        return PodsCounts(
            lambda: [
                PodMetrics(name, f"{name}-{port}/0", partial(self.metrics, port))
                for name, slot in self.claim.state.slots.items()
                for port in slot.ports
            ]
        )

    @staticmethod
    def metrics(port: int) -> str:
        try:
            return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=1).text
        except requests.RequestException as error:
            raise OutsideFailure(f"cannot be read: {type(error).__name__}", where=f"port {port}") from None

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        groups = processes.find(f"{self.case.shop.target}/slots/")
        for group in groups:
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            for group in groups:
                os.killpg(group, signal.SIGCONT)


class PrometheusCounting(LocalCounting):
    """The same releases, their replicas scraped by a real Prometheus, with the labels that pods have."""

    read_seconds = 10.0

    def __init__(self, case: LocalCase, prometheus: RealPrometheus) -> None:
        self.prometheus = prometheus
        super().__init__(case)

    def counts(self) -> CountsSource:
        slots = self.claim.state.slots
        ports = [(name, port) for name, slot in slots.items() for port in slot.ports]
        self.prometheus.set_targets(
            [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "models", "pod": f"{name}-{port}"}}
                for name, port in ports
            ]
        )
        labels = {"namespace": "models"}
        queries = {
            name: QUERIES["modelway"].of(
                labels | {"version": str(slot.side.version), "digest": self.digest(slot.ports[0])}
            )
            for name, slot in slots.items()
        }
        source = PrometheusCounts(self.prometheus.get, queries)
        deadline = time.monotonic() + 20
        while sum(map(len, source.snapshot().replicas.values())) < len(ports):
            assert time.monotonic() < deadline, "every replica is scraped by now"
            time.sleep(0.1)
        return source

    @staticmethod
    def digest(port: int) -> str:
        return str(requests.get(f"http://127.0.0.1:{port}/model/version", timeout=5).json()["digest"])

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        with self.prometheus.stopped():
            yield


class TestEnvoyCounts(CountsContract):
    @pytest.fixture
    def counting(self, case: LocalCase) -> Counting:
        return LocalCounting(case)


@pytest.mark.long
class TestPodsCounts(CountsContract):
    @pytest.fixture
    def counting(self, case: LocalCase) -> Counting:
        return PodsCounting(case)


@pytest.mark.long
class TestPrometheusCounts(CountsContract):
    @pytest.fixture
    def counting(self, case: LocalCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
        monkeypatch.setattr("modelway.observe.prometheus_url.READ_SECONDS", 1.0)
        with real_prometheus(tmp_path / "prometheus", []) as prometheus:
            yield PrometheusCounting(case, prometheus)
