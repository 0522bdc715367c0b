"""An A/B on a cluster: a cookie leads through the gateway to the release, and the team's route is as it was afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cluster.fixture import wait_until
from deployment.shop import Shop, row
from deployment.test_shadow_and_testers import with_keys
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, end, on_cluster


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    made = on_cluster(built, tmp_path, own)
    made.apply_manifests()
    with_keys(made, strategy="ab", ab="{cookie: arm, value: b}", timeout_seconds=30)
    return made


def answered(own: Namespace, cookie: str) -> str:
    return str(own.ask(row(1), {"Cookie": cookie}).headers.get("x-modelway-version", ""))


@pytest.mark.long
def test_a_cookie_leads_to_it_and_all_is_as_it_was_afterwards(team: ClusterTeam, own: Namespace) -> None:
    before, again, good = own.get("httproute", NAME)["spec"], team.versions["again"], team.versions["good"]
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            answered(own, "x=1; arm=b")

    client = threading.Thread(target=ask)
    client.start()
    try:
        with team.requests() as seen:
            process = team.started("again")
            wait_until(lambda: answered(own, "x=1; arm=b") == again, 120)
            for cookie in ("notarm=b", "arm=bc", "x=1; notarm=b"):
                assert answered(own, cookie) == good
            said, _ = process.communicate(timeout=180)
    finally:
        over.set()
        client.join()
    assert "outcome=compared" in said and "with the key" in said, said
    assert seen[f"{again} 200"] == seen["failed"] == 0
    assert team.serving() == good and team.running() == team.image("good")
    assert own.get("httproute", NAME)["spec"] == before
    assert own.kubectl("get", "deployments,services,jobs", "-l", "modelway.dev/slot", "-o", "name") == ""


@pytest.mark.long
def test_the_guardian_leads_nobody_to_it_where_the_runner_died(team: ClusterTeam, own: Namespace) -> None:
    with team.requests() as seen:
        process = team.started("again")
        wait_until(lambda: answered(own, "arm=b") == team.versions["again"], 120)
        end(process)
        wait_until(lambda: answered(own, "arm=b") == team.versions["good"], 30)
        team.roll_back()
    assert not seen["failed"], seen


def test_without_a_route_it_is_refused(team: ClusterTeam, own: Namespace) -> None:
    own.kubectl("delete", "httproute", NAME)
    assert "no HTTPRoute leads to Service" in team.deploy("again", code=2)


def test_counts_by_the_number_of_a_rule_are_refused(team: ClusterTeam, own: Namespace) -> None:
    team.configure_cluster(
        counts={"prometheus": {"service": own.made.described.prometheus, "queries": "envoy-gateway"}}
    )
    with_keys(team, strategy="ab", ab="{cookie: arm, value: b}", timeout_seconds=30)
    assert "counts by the number of a rule" in team.deploy("again", code=2)
