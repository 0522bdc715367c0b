"""A team with manifests of its own delivers to its cluster, under traffic."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.fixture import wait_until
from deployment.shop import Shop
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, end, manifests, on_cluster
from modelway.targets.counting_servers import VARIABLE
from modelway.targets.kubernetes import names


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    made = on_cluster(built, tmp_path, own)
    made.apply_manifests()
    return made


def as_the_team_wrote(own: Namespace) -> dict[str, Any]:
    """Every field that a rollout changes, of the objects that are the team's."""
    deployment, route = own.get("deployment", NAME), own.get("httproute", NAME)
    return {
        "template": deployment["spec"]["template"],
        "replicas": deployment["spec"]["replicas"],
        "route": route["spec"],
    }


def images(team: ClusterTeam) -> dict[str, str]:
    """What list-models says that each environment runs."""
    outputs = dict(line.split("=", 1) for line in team.run("list_models").stdout.splitlines() if "=" in line)
    return dict(json.loads(outputs["images"]))


def test_a_canary_and_the_way_back_on_a_deployment_of_the_teams_own(team: ClusterTeam, own: Namespace) -> None:
    before, first = as_the_team_wrote(own), team.versions["good"]
    with team.requests() as seen:
        said = team.deploy("again")
        assert team.running() == team.image("again")
        assert team.serving() == team.versions["again"]
        assert str(team.aliases()[team.environment]) == team.versions["again"]
        assert images(team)[team.environment] == team.image("again")
        after = as_the_team_wrote(own)
        assert after["route"] == before["route"]
        container = after["template"]["spec"]["containers"][0]
        container["image"] = team.image("good")
        assert container["env"].pop()["name"] == VARIABLE
        assert after == before, "the image has changed, and the variable by which it counts has come"
        assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""
        back = team.roll_back()
        assert team.serving() == first
        assert as_the_team_wrote(own) == before
        own.apply(*manifests(own, team.image("good")))  # which a field that were still ours would refuse
        assert as_the_team_wrote(own) == before
        assert "nothing was changed" in team.roll_back()
    guardians = own.kubectl("get", "events", "--field-selector=involvedObject.kind=Job")
    assert f"-v{team.versions['again']}-" in guardians
    assert f"-v{first}-" not in guardians, "whatever dies on the way back, nobody turns round"
    assert not seen["failed"], (seen, said, back)


@pytest.mark.long
def test_blue_runs_on_and_going_back_to_it_starts_no_pod(team: ClusterTeam, own: Namespace) -> None:
    before = as_the_team_wrote(own)
    pods = own.kubectl("get", "pods", "-l", f"app={NAME}", "-o", "name")
    with team.requests() as seen:
        process = team.started("again", "--strategy", "blue-green")
        wait_until(lambda: str(team.aliases().get(team.environment)) == team.versions["again"], 120)
        assert team.serving() == team.versions["again"]
        assert "runs still" in team.roll_back()
        assert team.serving() == team.versions["good"]
        ended, _ = process.communicate(timeout=60)
    assert not seen["failed"], (seen, ended)
    assert "superseded" in ended
    assert as_the_team_wrote(own) == before
    assert own.kubectl("get", "pods", "-l", f"app={NAME}", "-o", "name") == pods
    assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""


@pytest.mark.long
def test_as_a_shadow_it_answers_nobody_and_leaves_nothing(team: ClusterTeam, own: Namespace) -> None:
    before, version = as_the_team_wrote(own), team.versions["again"]
    with team.requests() as seen:
        said = team.deploy("again", "--strategy", "shadow")
    assert "outcome=shadowed" in said
    assert seen[f"{version} 200"] == seen["failed"] == 0
    assert team.serving() == team.versions["good"]
    assert as_the_team_wrote(own) == before
    assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""


@pytest.mark.long
def test_a_shadows_rows_are_predicted_by_both_releases(team: ClusterTeam, own: Namespace) -> None:
    """By the pods' proxy, whose API server passes our header on. The shop's models say the same class of nearly every row."""
    path = team.folder / "modelway.yml"
    text = path.read_text().replace("bake-seconds: 2\n", "bake-seconds: 20\n      shadow: {differ-at-most: 0.1}\n")
    path.write_text(text)
    with team.requests() as seen:
        said = team.deploy("again", "--strategy", "shadow")
    assert "outcome=shadowed" in said and "rows differ from stable's" in said, said
    report = json.loads((team.folder / "out" / "modelway" / "deploy-model.json").read_text())
    rows = report["rows"]
    assert rows["compared"] >= 60 and rows["differ"] < 0.1 * rows["compared"], rows
    assert sum(pair["rows"] for pair in rows["classes"]) == rows["compared"]
    state = own.kubectl("get", "configmaps,deployments", "-o", "json")
    assert "x-modelway-token" not in state and "SAMPLE_TOKEN" not in state, "nothing of it is left"
    assert not seen["failed"], seen


def test_what_only_a_gateway_can_do_is_refused_without_one(team: ClusterTeam, own: Namespace) -> None:
    own.kubectl("delete", "httproute", NAME)
    assert "no HTTPRoute leads to Service" in team.deploy("again", "--strategy", "shadow", code=2)


def test_a_canary_that_fails_goes_back_by_itself(team: ClusterTeam, own: Namespace) -> None:
    before = as_the_team_wrote(own)
    with team.requests():
        said = team.deploy("failing", code=1)
    assert "rolled back" in said
    assert as_the_team_wrote(own) == before
    assert team.serving() == team.versions["good"]
    assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""


def test_a_runner_that_dies_is_survived_by_the_guardian(team: ClusterTeam, own: Namespace) -> None:
    """Nobody comes back: traffic does. Whoever comes next ends what was begun."""
    before = as_the_team_wrote(own)
    with team.requests() as seen:
        process = team.started("again")
        wait_until(lambda: f"{team.versions['again']} 200" in seen, 90)
        end(process)
        wait_until(lambda: team.serving() == team.versions["good"], 30)
        assert "nothing was changed" not in team.roll_back()
        assert as_the_team_wrote(own) == before
    assert not seen["failed"], seen


@pytest.mark.long
def test_without_a_route_connections_are_shared_by_pods(built: Shop, own: Namespace, tmp_path: Path) -> None:
    team = on_cluster(built, tmp_path, own)
    team.apply_manifests(route=False)
    team.load_pod()
    before = own.get("deployment", NAME)["spec"]["template"], own.get("service", NAME)["spec"]
    said = team.deploy("again")
    assert "its connections are shared by the number of pods" in said
    assert team.running() == team.image("again")
    wait_until(lambda: team.counted()[f"{team.versions['again']} 200"] > 0, 10)
    team.roll_back()
    assert (own.get("deployment", NAME)["spec"]["template"], own.get("service", NAME)["spec"]) == before
    text = (team.folder / "modelway.yml").read_text()
    (team.folder / "modelway.yml").write_text(text.replace("[50, 100]", "[10, 100]"))
    refused = team.deploy("again", code=2)
    assert "10% of the connections cannot be reached beside 2 pods" in refused
    assert not team.counted()["failed"], team.counted()


@pytest.mark.long
@pytest.mark.parametrize("source", ["gateway", "prometheus"])
def test_a_canary_that_fails_goes_back_whoever_counts(team: ClusterTeam, own: Namespace, source: str) -> None:
    described = own.made.described
    where = {
        "gateway": {"url": described.gateway_stats_url.removesuffix("/stats/prometheus")},
        "prometheus": {"service": described.prometheus, "queries": "contour"},
    }
    team.configure_cluster(counts={source: where[source]})
    before = as_the_team_wrote(own)
    with team.requests():
        said = team.deploy("failing", code=1)
        assert "rolled back" in said and "errors" in said, said
        said = team.deploy("again")
    assert as_the_team_wrote(own)["route"] == before["route"]
    assert team.running() == team.image("again")


@pytest.mark.long
def test_short_jobs_carry_a_canary(team: ClusterTeam, own: Namespace) -> None:
    """Each job judges what Prometheus has counted since the one before; between them nobody holds the lease."""
    refused = team.deploy("again", "--wait", "false", code=2)
    assert "nothing remembers what is counted while no command is there" in refused
    team.configure_cluster(counts={"prometheus": {"service": own.made.described.prometheus, "queries": "contour"}})
    with team.requests() as seen:
        jobs = 0
        while "outcome=under-way" in (said := team.deploy("again", "--wait", "false")):
            jobs += 1
            assert jobs < 20, said
            assert own.get("lease", names.key(team.model, team.environment))["spec"]["holderIdentity"] == ""
            time.sleep(6)
    assert jobs > 1
    assert "outcome=deployed" in said and team.running() == team.image("again")
    assert not seen["failed"], seen
