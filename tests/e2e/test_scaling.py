"""Who decides how many pods there are is not fought over, and traffic goes to no release that has too few."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.fixture import wait_until
from deployment.shop import Shop
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, on_cluster
from modelway.targets.kubernetes import owners
from modelway.targets.kubernetes.cluster import Cluster

pytestmark = pytest.mark.long

REPLICAS = ("spec", "replicas")


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    return on_cluster(built, tmp_path, own)


def autoscaler(least: int, most: int) -> dict[str, Any]:
    """Without a metrics server it holds its least number, and decides nothing else."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME},
        "spec": spec,
    }


def replicas(own: Namespace) -> int:
    return int(own.get("deployment", NAME)["spec"]["replicas"])


def managers(own: Namespace) -> set[str]:
    return {manager.name for manager in owners.managers(own.get("deployment", NAME), REPLICAS)}


def test_an_autoscaler_and_a_disruption_budget_of_the_teams_own(team: ClusterTeam, own: Namespace) -> None:
    team.apply_manifests(replicas=1)
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": NAME}}}
    own.apply(
        autoscaler(2, 4),
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": NAME}, "spec": budget},
    )
    wait_until(lambda: replicas(own) == 2, 60)
    own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")
    before = own.get("horizontalpodautoscaler", NAME)["spec"], own.get("poddisruptionbudget", NAME)["spec"]
    team.configure_cluster("all-at-once")
    with team.requests(20) as seen:
        team.deploy("again")
        assert replicas(own) == 2
        team.roll_back()
    assert replicas(own) == 2 and "modelway" not in managers(own)
    assert (own.get("horizontalpodautoscaler", NAME)["spec"], own.get("poddisruptionbudget", NAME)["spec"]) == before
    assert not seen["failed"], seen


def test_stable_has_its_pods_again_before_it_gets_its_traffic_again(
    team: ClusterTeam, own: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An autoscaler takes pods from what has little traffic."""
    team.apply_manifests()
    there, ended = Cluster(None, own.name), threading.Event()
    ready: list[int] = []
    lowest: list[int] = []

    def weight() -> int:
        """Of stable, in what is shared with a canary; 0: it shares with none."""
        route = there.get("HTTPRoute", NAME) or {}
        refs = route["spec"]["rules"][1]["backendRefs"]
        return int(refs[0]["weight"]) if len(refs) > 1 else 0

    def watch() -> None:
        shared = False
        while not ended.wait(0.05):
            status = (there.get("Deployment", NAME) or {}).get("status") or {}
            lowest.append(int(status.get("readyReplicas", 0)))
            now = weight()
            if shared and now == 10_000:
                ready.append(int(status.get("readyReplicas", 0)))
            shared = 0 < now < 10_000

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with team.requests(30) as seen:
            process = team.started("failing")
            wait_until(lambda: 0 < weight() < 10_000, 180)
            own.kubectl("scale", f"deployment/{NAME}", "--replicas=1")
            wait_until(lambda: bool(lowest) and lowest[-1] == 1, 30)
            said, _ = process.communicate(timeout=300)
        assert process.returncode == 1 and "rolled back" in said, said
        assert not [
            key
            for key in seen
            if not key.startswith(f"{team.versions['failing']} ") and "200" not in key and key != "failed"
        ], seen
    finally:
        ended.set()
        thread.join()
    assert ready and ready[0] >= 2, (ready, said)
    assert replicas(own) == 2


def test_an_autoscaler_that_is_made_decides_alone(team: ClusterTeam, own: Namespace) -> None:
    create = {
        "replicas": 2,
        "max-replicas": 3,
        "cpu": "50m",
        "memory": "256Mi",
        "gateway": own.made.described.gateway,
        "host": own.host,
    }
    team.configure_cluster("all-at-once", create=create)
    team.deploy("good")
    made = own.get("horizontalpodautoscaler", NAME)["spec"]
    assert (made["minReplicas"], made["maxReplicas"]) == (2, 3)
    wait_until(lambda: replicas(own) == 2, 60)
    own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")
    team.deploy("again")
    time.sleep(1)
    assert replicas(own) == 2 and "modelway" not in managers(own)
    assert own.get("poddisruptionbudget", NAME)["spec"]["maxUnavailable"] == 1
