"""On a cluster every pod of ours is asked what it has predicted, and each block says it of both releases."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from modelway.config import Deploy, Judge
from modelway.config.model_metrics import PredictionShares
from modelway.config.sections import Kubernetes
from modelway.errors import OutsideFailure
from modelway.rollout import judge
from modelway.rollout.plan import side_of
from modelway.serving.metrics import Metrics, memory
from modelway.serving.predictions import tally
from modelway.stages.rollouts import model_metrics
from modelway.targets.acts import TargetActs
from modelway.targets.kubernetes.place import KubernetesPlace
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.state import KubernetesSlot, KubernetesState
from targets.case import plan_of
from targets.kubernetes.api_server import NAMESPACE, ApiServer, ClusterInMemory
from targets.kubernetes.test_two_at_once import KEY, World, image, release

WANTED = Kubernetes(namespace=NAMESPACE, deployment="home", guardian=False)
DEPLOY = Deploy(judge=Judge(predictions=PredictionShares(differ_at_most=0.02)))


class PredictingCluster(ClusterInMemory):
    """Its pods say at /metrics what our server says. late: pod -> how many of 1,000 predictions are of that class."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(server)
        self.pods = dict[str, Metrics]()
        self.deaf = ""

    def predict(self, pod: str, late: int) -> None:
        metrics = self.pods.setdefault(pod, Metrics(memory(1), 0, {"version": "1"}))
        for number in range(1000):
            metrics.request("/predict", 200, 0.001)
            metrics.predicted(tally(["late" if number < late else "in time"], ()))

    def call(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content: str, headers: Mapping[str, str]
    ) -> bytes:
        pod, _, below = unquote(path).partition("/pods/")[2].partition(":8080/proxy/")
        if below != "metrics":
            return super().call(method, path, query, body, content, headers)
        if pod == self.deaf:
            raise ApiError(503, "no endpoints available", "ServiceUnavailable")
        return self.pods.setdefault(pod, Metrics(memory(1), 0, {"version": "1"})).text()


class Rollout:
    """Version 2 beside the team's version 1, which has two pods that said `late` one time in ten."""

    def __init__(self) -> None:
        server = ApiServer()
        World(SimpleNamespace(server=server))  # type: ignore[arg-type]
        self.cluster = PredictingCluster(server)
        self.place = KubernetesPlace(self.cluster, KEY, WANTED)
        home = KubernetesSlot(
            msgspec.structs.replace(side_of(release(1)), slot="before"), image(1), home=True, replicas=2
        )
        self.new = KubernetesSlot(side_of(release(2), 1), image(2), replicas=2)
        slots = {"before": home, "v2-r1": self.new}
        self.state = KubernetesState(model="m", environment="e", slots=slots, stable="before")
        self.place._running.start_beside(self.place._where.home(), self.new, 2, [], lambda: None, {})
        for pod in ("home-0", "home-1"):
            self.cluster.predict(pod, 100)

    def acts(self, settings: judge.Settings) -> Any:
        claim: Any = SimpleNamespace(
            state=self.state, place=self.place, next_number=lambda: 1, held=contextlib.nullcontext
        )
        changed: dict[str, Any] = {"settings": settings, "block_seconds": 0.01, "weights": (0.5, 1.0)}
        acts: Any = TargetActs(claim, msgspec.structs.replace(plan_of(claim, self.new), **changed), self.new, print)
        acts._last = self.place.counts(self.state).snapshot()
        acts._shares.begin()
        return acts


def test_each_block_has_the_classes_of_both_releases_from_their_pods() -> None:
    rollout = Rollout()
    shares = model_metrics.shares(DEPLOY, rollout.place, rollout.state, 50.0)
    assert [share.name for share in shares] == ["predictions of class late", "predictions of other classes"]
    settings = judge.with_shares(judge.settings_from(Judge(), []), shares)
    acts, state = rollout.acts(settings), judge.begin(settings)
    for _ in range(6):
        for pod, late in (("home-0", 100), ("home-1", 100), ("home-v2-r1-0", 180), ("home-v2-r1-1", 160)):
            rollout.cluster.predict(pod, late)
        block = acts.observe(0.5)
        assert (block.dropped, block.unwatched) == ("", "")
        assert [(item.canary, item.stable) for item in block.watched] == [
            ((340, 2000), (200, 2000)),
            ((0, 2000), (0, 2000)),
        ]
        state = judge.observe(settings, state, block)
    found = judge.assess(settings, state, baked=True, deadline=False)
    assert found.verdict == "fail"
    assert "predictions of class late: the canary has 17.00% of" in found.reasons[0]


def test_a_pod_that_says_nothing_is_named_and_nothing_is_taken_for_alike() -> None:
    rollout = Rollout()
    settings = judge.with_shares(
        judge.settings_from(Judge(), []), model_metrics.shares(DEPLOY, rollout.place, rollout.state, 50.0)
    )
    acts = rollout.acts(settings)
    rollout.cluster.deaf = "home-v2-r1-1"
    block = acts.observe(0.5)
    assert block.watched == ()
    assert "home-v2-r1-1" in block.unwatched


def test_stables_pods_that_say_nothing_refuse_it_before_the_start() -> None:
    rollout = Rollout()
    rollout.cluster.deaf = "home-0"
    with pytest.raises(OutsideFailure, match="what version 1 predicts cannot be read: home-0"):
        model_metrics.shares(DEPLOY, rollout.place, rollout.state, 50.0)
