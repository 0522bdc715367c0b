"""A team with manifests of its own delivers to its cluster, under traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployment.shop import Shop
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, on_cluster


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


def test_a_canary_and_the_way_back_on_a_deployment_of_the_teams_own(team: ClusterTeam, own: Namespace) -> None:
    before, first = as_the_team_wrote(own), team.versions["good"]
    with team.requests() as seen:
        said = team.deploy("again")
        assert team.running() == team.image("again")
        assert team.serving() == team.versions["again"]
        assert str(team.aliases()[team.environment]) == team.versions["again"]
        after = as_the_team_wrote(own)
        assert after["route"] == before["route"]
        after["template"]["spec"]["containers"][0]["image"] = team.image("good")
        assert after == before, "the image alone has changed"
        assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""
        back = team.roll_back()
        assert team.serving() == first
        assert as_the_team_wrote(own) == before
        assert "nothing was changed" in team.roll_back()
    assert not seen["failed"], (seen, said, back)
