"""Whoever dies, at whatever moment: all traffic ends on one release, with no failed request, and the next command ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.fixture import wait_until
from deployment.shop import Shop
from e2e.interrupted import (
    LEASE_SECONDS,
    Written,
    calls_file,
    configure,
    deploying,
    ended,
    killed,
    problems,
    start_at,
)
from e2e.shop import Namespace
from e2e.team import ClusterTeam, on_cluster
from modelway.processes import PROC

pytestmark = pytest.mark.long

CALLS = (
    ("after", "before: PUT leases #1", "deploy"),
    ("after", "the plan: PUT configmaps #1", "rollback"),
    ("after", "start: POST configmaps #1", "deploy"),
    ("after", "start: PATCH deployments #1", "nobody"),
    ("after", "start: PATCH httproutes #1", "rollback"),
    ("before", "start: PATCH services #2", "deploy, later"),
    ("before", "writing route 1.0: PATCH configmaps #1", "rollback"),
    ("after", "route 1.0: PATCH httproutes #1", "deploy, later"),
    ("after", "adopt: PATCH httproutes #1", "nobody"),
    ("before", "announce: PUT configmaps #2", "rollback"),
    ("after", "retire stable: PATCH deployments #1", "deploy"),
    ("before", "retire stable: DELETE services #1", "deploy"),
)
"""Of every kind of write one, over all phases of a rollout; benchmarks/kubernetes_target.py tries every call."""


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    made = on_cluster(built, tmp_path, own)
    configure(made)
    made.apply_manifests(replicas=1)
    return made


def test_killed_at_a_call(team: ClusterTeam) -> None:
    with team.requests(30) as seen:
        for mode, call, then in CALLS:
            done = killed(team, mode, call, then)
            assert done.reached, f"{call} is no call of a rollout any more: {calls_file(team).read_text()}"
            assert done.problems == [], (mode, call, then, done.said)
            assert not seen["failed"], (mode, call, then, seen, done.said)


def test_killed_within_a_canary(team: ClusterTeam) -> None:
    configure(team, "canary")
    with team.requests(100) as seen:
        time.sleep(2)
        done = killed(team, "after", "route 0.5: PATCH httproutes #1", "nobody")
        assert done.reached and done.problems == [], done.said
        done = killed(team, "before", "observe: PUT leases #2", "deploy")
        assert done.reached and done.problems == [], done.said
    assert not seen["failed"], seen


@pytest.mark.parametrize("call", ["route 1.0: PATCH httproutes #1", "adopt: PUT configmaps #1"])
def test_held_up_for_longer_than_its_lease_it_changes_nothing_more(team: ClusterTeam, call: str) -> None:
    """It stands between knowing that it has the lease and its write."""
    before = Written.of(team)
    with team.requests(30) as seen:
        process = start_at(team, "stop", call, *deploying(team, "again"))
        wait_until_stopped(process)
        time.sleep(LEASE_SECONDS + 2)
        ending = team.roll_back()
        assert problems(team, "good", before, alias=False) == [], ending
        os.kill(process.pid, signal.SIGCONT)
        said = ended(process)
        assert process.returncode == 1 and "superseded" in said, said
        assert problems(team, "good", before, alias=False) == [], said
    assert not seen["failed"], (seen, said)


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    def state() -> str:
        return (PROC / str(process.pid) / "stat").read_text().rpartition(")")[2].split()[0]

    wait_until(lambda: state() == "T" or process.poll() is not None, 120)
    assert process.poll() is None, ended(process)


def test_cancelled_all_traffic_is_on_stable(team: ClusterTeam) -> None:
    """What is adopted already is finished."""
    before = Written.of(team)
    with team.requests(60) as seen:
        time.sleep(2)
        for mode, call, kind in (
            ("int", "start: GET deployments #4", "good"),
            ("term", "route 0.5: PATCH httproutes #1", "good"),
            ("int", "observe: GET pods #1", "good"),
            ("term", "observe: PUT leases #2", "good"),
            ("int", "adopted: PUT leases #1", "again"),
        ):
            configure(team, "canary" if kind == "good" else "all-at-once")
            process = start_at(team, mode, call, *deploying(team, "again"))
            said = ended(process)
            assert process.returncode == (130 if kind == "good" else 0), (call, said)
            assert problems(team, kind, before, alias=kind == "again") == [], (call, said)
            assert not seen["failed"], (call, seen, said)


def test_two_at_once(team: ClusterTeam) -> None:
    before = Written.of(team)
    with team.requests(30) as seen:
        both = [team.started("again"), team.started("again")]
        said = [ended(process) for process in both]
        assert sorted(process.returncode for process in both) == [0, 1], said
        assert "is at work on this target" in said[[process.returncode for process in both].index(1)]
        assert problems(team, "again", before) == [], said
        deploying_ = team.started("good")
        time.sleep(2)
        wait_until(
            lambda: bool(team.own and team.own.kubectl("get", "configmaps", "-l", "modelway.dev/slot", "-oname")), 30
        )
        back = team.roll_back("--to", team.versions["again"])
        assert "superseded" in ended(deploying_)
        assert deploying_.returncode == 1
        assert problems(team, "again", before) == [], back
    assert not seen["failed"], seen


def test_the_state_is_deleted_by_hand_within_a_rollout(team: ClusterTeam, own: Namespace) -> None:
    """The rollout goes on. Where the runner dies too, the next deployment takes what serves as stable, and tidies up."""
    before = Written.of(team)
    with team.requests(30) as seen:
        process = start_at(team, "stop", "route 1.0: PATCH httproutes #1", *deploying(team, "again"))
        wait_until_stopped(process)
        own.kubectl("delete", "configmap", state_of(own))
        os.kill(process.pid, signal.SIGCONT)
        said = ended(process)
        assert process.returncode == 0 and problems(team, "again", before) == [], said
        process = start_at(team, "before", "route 1.0: GET pods #1", *deploying(team, "good"))
        ended(process)
        own.kubectl("delete", "configmaps", "-l", "modelway.dev/target,!modelway.dev/slot")
        said = team.deploy("again")
        assert problems(team, "again", before) == [], said
    assert not seen["failed"], seen


def state_of(own: Namespace) -> str:
    found = own.kubectl(
        "get", "configmaps", "-l", "modelway.dev/target,!modelway.dev/slot,!modelway.dev/rollout", "-oname"
    )
    return found.strip().removeprefix("configmap/")


@pytest.mark.parametrize("component", ["kube-apiserver", "kube-controller-manager", "contour"])
def test_a_component_dies_within_a_rollout(team: ClusterTeam, component: str) -> None:
    before = Written.of(team)
    with team.requests(30) as seen:
        process = start_at(team, "record", "", *deploying(team, "again"))
        with killed_in(team, component, process):
            said = ended(process)
        assert process.returncode == 0, said
        assert problems(team, "again", before) == [], said
    assert not seen["failed"], (component, seen, said)


@contextlib.contextmanager
def killed_in(team: ClusterTeam, component: str, process: subprocess.Popen[str]) -> Iterator[None]:
    """The component is killed once the new release's objects are there."""
    assert team.own is not None
    own = team.own

    def kill() -> None:
        while process.poll() is None:
            if own.made.try_kubectl("-n", own.name, "get", "deployments", "-l", "modelway.dev/slot", "-oname").stdout:
                own.made.signal(component)
                return
            time.sleep(0.2)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join(60)
    own.made.wait_ready()


def test_an_api_server_that_is_down_for_twenty_seconds_is_waited_for(team: ClusterTeam, own: Namespace) -> None:
    before = Written.of(team)
    with team.requests(30) as seen:
        team.deploy("again")
        process = start_at(team, "stop", "start: GET services #2", "rollback_release")
        wait_until_stopped(process)
        with own.made.dead("kube-apiserver"):
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(20)
        said = ended(process)
        assert process.returncode == 0, said
        own.made.wait_ready()
        assert problems(team, "good", before) == [], said
    assert not seen["failed"], (seen, said)
