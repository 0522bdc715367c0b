"""From nothing to a release whose objects modelway makes, and from there to manifests of the team's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deployment.shop import DEPLOYED, Shop
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, on_cluster
from modelway.targets.counting_servers import VARIABLE

pytestmark = pytest.mark.long

OURS = ("Deployment", "Service", "HTTPRoute", "PodDisruptionBudget", "HorizontalPodAutoscaler")


def create(own: Namespace, **more: Any) -> dict[str, Any]:
    gateway = {"gateway": own.made.described.gateway, "host": own.host}
    return {"replicas": 2, "cpu": "50m", "memory": "256Mi", **gateway, **more}


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    """In a namespace that takes only what needs no privilege at all."""
    own.made.kubectl("label", "namespace", own.name, "pod-security.kubernetes.io/enforce=restricted")
    made = on_cluster(built, tmp_path, own)
    made.configure_cluster(create=create(own))
    return made


def rendered(team: ClusterTeam, kind: str) -> str:
    flags = ("--version", team.versions[kind], *DEPLOYED)
    team.must("render_manifests", 0, *flags)
    return (team.folder / "out" / "modelway" / "render-manifests.yaml").read_text()


def has(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is found as it is wanted, and the rest is what the API server fills in."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and has(found[key], said) for key, said in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(has, found, wanted))
    return bool(found == wanted)


def test_from_nothing_to_manifests_of_the_teams_own(team: ClusterTeam, own: Namespace) -> None:
    text = rendered(team, "good")
    objects = list(yaml.safe_load_all(text))
    assert {item["kind"] for item in objects} == set(OURS) - {"HorizontalPodAutoscaler"}
    command = ("apply", "--server-side", "--field-manager=team", "-n", own.name, "-f", "-")
    own.made.kubectl(*command, "--dry-run=server", content=text)

    team.deploy("good")
    assert team.serving() == team.versions["good"]
    for item in objects:
        made = own.get(item["kind"], item["metadata"]["name"])
        if item["kind"] == "Deployment":
            # a digest of the token in the namespace's Secret, of which render knows nothing: it asks no cluster
            (container,) = made["spec"]["template"]["spec"]["containers"]
            container["env"] = [said for said in container["env"] if said["name"] != VARIABLE]
        assert has(made["spec"], item["spec"]), (made["spec"], item["spec"])
        assert has(made["metadata"]["labels"], item["metadata"]["labels"])

    with team.requests(30):
        assert "rolled back" in team.deploy("failing", code=1)
    assert team.serving() == team.versions["good"]

    # into Git, and applied from there: the same objects, and `create` is removed
    for item in objects:
        if item["kind"] == "Deployment":  # whoever keeps it in Git leaves the image to modelway
            del item["spec"]["template"]["spec"]["containers"][0]["image"]
    own.made.kubectl(*command, "--force-conflicts", content=yaml.safe_dump_all(objects))
    team.configure_cluster("all-at-once")
    with team.requests(30) as seen:
        refused = team.deploy("again", code=2)
        assert "team owns .spec.rules" in refused and "deploy.kubernetes.take-over" in refused
        team.configure_cluster("all-at-once", **{"take-over": ["team"]})
        team.deploy("again")
        assert team.serving() == team.versions["again"]
        team.roll_back()
        assert team.serving() == team.versions["good"]
    assert not seen["failed"], seen
    left = own.get("deployment", NAME)["spec"]["template"]["spec"]["containers"][0]
    assert left["image"] == team.image("good")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"memory": "lots"}, "quantities must match"),
        ({"cpu": "half"}, "quantities must match"),
        ({"max-replicas": 1}, "maxReplicas"),
        ({"host": "Not A Host"}, "Not A Host"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_left(
    team: ClusterTeam, own: Namespace, keys: dict[str, Any], said: str
) -> None:
    team.configure_cluster(create=create(own, **keys))
    line = next(line for line in team.deploy("good", code=2).splitlines() if line.startswith("error"))
    assert said in line and "Fix: " in line
    left = own.kubectl("get", "deployments,services,httproutes,pdb,hpa", "-o", "name")
    assert left == ""
    assert own.kubectl("get", "leases", "-o", "name") == "", "it was refused before anything was touched"


def test_something_else_of_the_name_stays_as_it_is(team: ClusterTeam, own: Namespace) -> None:
    spec = {"selector": {"app": "another"}, "ports": [{"name": "http", "port": 80, "targetPort": 9000}]}
    own.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec})
    before = own.get("service", NAME)["spec"]
    assert f"Service {NAME} is there already, and kubectl owns .spec" in team.deploy("good", code=2)
    assert own.get("service", NAME)["spec"] == before
    assert own.kubectl("get", "deployments", "-o", "name") == ""


def test_a_namespace_that_is_not_there(team: ClusterTeam, own: Namespace) -> None:
    team.configure_cluster(create=create(own), namespace=f"{own.name}-no-such")
    line = next(line for line in team.deploy("good", code=2).splitlines() if line.startswith("error"))
    assert f"namespace {own.name}-no-such: is not there. Fix: kubectl create namespace" in line
