"""Pods of a new release that replace the team's a few at a time: there is room for no second set of them, no pod gets more of
the traffic than its part, and whoever dies in the middle, stable gets what its running pods carry and no more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cluster.fixture import wait_until
from deployment.shop import Shop
from deployment.test_shadow_and_testers import with_keys
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, end, on_cluster
from e2e.test_scaling import autoscaler
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Cluster
from repeated import repeated

REPLICAS, SURGE = 3, 1


def configured(built: Shop, own: Namespace, tmp_path: Path, *, route: bool) -> ClusterTeam:
    """Three pods of the good release; of the namespace's pods there is room for those, the surge and the guardian."""
    team = on_cluster(built, tmp_path, own)
    team.apply_manifests(replicas=REPLICAS, route=route)
    hard = {"pods": str(REPLICAS + SURGE + 1 + (not route))}  # one more is the client's
    own.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "room"}, "spec": {"hard": hard}})
    team.configure_cluster("rolling")
    with_keys(team, rolling=f"{{max-surge: {SURGE}, max-unavailable: 0}}", step_seconds=3)
    text = (team.folder / "modelway.yml").read_text()
    (team.folder / "modelway.yml").write_text(text.replace("slower-than-ms: 250", "slower-than-ms: 5000"))
    return team


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    return configured(built, own, tmp_path, route=True)


@dataclass
class Seen:
    """wanted: pods that all Deployments together were to have; ready: that were; over: a release with more of the traffic than
    its ready pods carry."""

    wanted: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


def deployments(there: Cluster) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in there.list("Deployment")}


def ready(item: dict[str, Any] | None) -> int:
    return int(((item or {}).get("status") or {}).get("readyReplicas", 0))


def weights(there: Cluster) -> dict[str, float]:
    """Each Service's share of the team's rule; empty without a route."""
    route = there.get("HTTPRoute", NAME)
    if route is None:
        return {}
    refs = route["spec"]["rules"][1]["backendRefs"]
    total = sum(ref.get("weight", 1) for ref in refs)
    return {ref["name"]: ref.get("weight", 1) / total for ref in refs}


@contextlib.contextmanager
def watched(own: Namespace) -> Iterator[Seen]:
    there, seen = Cluster(None, own.name), Seen()

    def look() -> None:
        before, shares, after = deployments(there), weights(there), deployments(there)
        seen.wanted.append(sum(int(item["spec"]["replicas"]) for item in after.values()))
        seen.ready.append(sum(map(ready, after.values())))
        for name, share in shares.items():  # a pod that came, or went, between two readings was there for it
            pods = max(ready(before.get(name)), ready(after.get(name)))
            if share > pods / REPLICAS + 0.001:
                seen.over.append(f"{name} gets {share:.0%} with {pods} pods")

    with repeated(look, 0.1):
        yield seen


def check_bounds(seen: Seen) -> None:
    assert seen.over == []
    assert max(seen.wanted) == REPLICAS + SURGE
    assert min(seen.ready) >= REPLICAS


def check_whole(team: ClusterTeam, own: Namespace, kind: str) -> None:
    home = own.get("deployment", NAME)
    assert team.running() == team.image(kind)
    assert (home["spec"]["replicas"], ready(home)) == (REPLICAS, REPLICAS)
    assert names.WHOLE not in home["metadata"]["annotations"]
    assert own.kubectl("get", "deployments,services,jobs", "-l", names.SLOT, "-o", "name") == ""
    assert team.aliases().get(team.environment, 0) in (0, int(team.versions[kind]))


def judged_at(own: Namespace, team: ClusterTeam, kind: str, new: int, stable: int) -> Any:
    """The deployment's process, once so many pods of both have their traffic."""
    there, process = Cluster(None, own.name), team.started(kind)
    share = new / (new + stable)

    def reached() -> bool:
        assert process.poll() is None, process.communicate()
        return weights(there).get(NAME, 1.0) == pytest.approx(1 - share, abs=0.001)

    wait_until(reached, 240)
    return process


@pytest.mark.long
def test_pods_are_replaced_a_few_at_a_time_and_back_again(team: ClusterTeam, own: Namespace) -> None:
    with team.requests(60) as seen, watched(own) as pods:
        time.sleep(2)
        said = team.deploy("again")
        assert "3 replicas are replaced, 1 at a time at most" in said
    check_bounds(pods)
    check_whole(team, own, "again")
    assert not seen["failed"], seen
    with team.requests(60) as seen, watched(own) as pods:
        team.roll_back()
    check_bounds(pods)
    check_whole(team, own, "good")
    assert not seen["failed"], seen


@pytest.mark.long
def test_what_fails_is_taken_back_with_the_first_batch(team: ClusterTeam, own: Namespace) -> None:
    with_keys(team, step_seconds=10)
    before = own.kubectl("get", "pods", "-l", f"app={NAME}", "-o", "name")
    with team.requests(60) as seen, watched(own) as pods:
        time.sleep(2)
        team.deploy("failing", code=1)
    check_bounds(pods)
    check_whole(team, own, "good")
    assert own.kubectl("get", "pods", "-l", f"app={NAME}", "-o", "name") == before, "none of stable's had to go"
    assert seen["failed"] == seen[f"{team.versions['failing']} 500"], seen


@pytest.mark.long
def test_killed_in_the_middle_stable_gets_what_its_pods_carry_and_one_command_ends_it(
    team: ClusterTeam, own: Namespace
) -> None:
    there = Cluster(None, own.name)
    with team.requests(60) as seen, watched(own) as pods:
        time.sleep(2)
        process = judged_at(own, team, "again", 2, 2)
        end(process)
        wait_until(
            lambda: weights(there)[NAME] == pytest.approx(2 / 3, abs=0.001), 60
        )  # the guardian, for two of three
        said = team.roll_back()
        assert "replicas of" in said
    check_bounds(pods)
    check_whole(team, own, "good")
    assert not seen["failed"], (seen, said)


@pytest.mark.long
def test_killed_in_the_middle_the_same_command_goes_on(team: ClusterTeam, own: Namespace) -> None:
    with team.requests(60) as seen, watched(own) as pods:
        time.sleep(2)
        end(judged_at(own, team, "again", 2, 2))
        team.deploy("again")
    check_bounds(pods)
    check_whole(team, own, "again")
    assert not seen["failed"], seen


@pytest.mark.long
def test_without_a_route_the_pods_share_the_connections(built: Shop, own: Namespace, tmp_path: Path) -> None:
    team = configured(built, own, tmp_path, route=False)
    team.load_pod()
    wait_until(lambda: team.counted().total() > 0, 60)
    with watched(own) as pods:
        time.sleep(2)
        team.deploy("again")
    assert max(pods.wanted) == REPLICAS + SURGE and min(pods.ready) >= REPLICAS
    check_whole(team, own, "again")
    seen = team.counted()
    assert not seen["failed"], seen


@pytest.mark.long
def test_an_autoscaler_that_decides_the_replicas_is_not_fought_over(team: ClusterTeam, own: Namespace) -> None:
    own.apply(autoscaler(REPLICAS, 2 * REPLICAS))
    said = team.deploy("again", code=2)
    assert f"HorizontalPodAutoscaler {NAME} decides how many pods Deployment {NAME} has" in said
    assert own.kubectl("get", "deployments", "-o", "name").split() == [f"deployment.apps/{NAME}"]
