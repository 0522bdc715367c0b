"""On a cluster a rollout waits for a person, whose word needs no lease; a rollback waits for neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.fixture import wait_until
from deployment.shop import Shop
from deployment.test_shadow_and_testers import with_keys
from e2e.shop import Namespace
from e2e.team import ClusterTeam, on_cluster
from modelway.targets.kubernetes import names


@pytest.fixture
def team(built: Shop, own: Namespace, tmp_path: Path) -> ClusterTeam:
    made = on_cluster(built, tmp_path, own)
    made.apply_manifests()
    with_keys(made, pause_at="[50]", pause_seconds=600)
    return made


@pytest.mark.long
def test_a_canary_waits_for_a_person_beside_the_command_that_carries_it_on(team: ClusterTeam, own: Namespace) -> None:
    again = team.versions["again"]
    with team.requests() as seen:
        process = team.started("again")
        lines = iter(process.stdout or ())
        assert any("paused at 50%" in line for line in lines), "it says so"
        holder = own.get("lease", names.key(team.model, team.environment))["spec"]["holderIdentity"]
        assert "is that of version" in team.must(
            "continue_rollout", 1, "--version", team.versions["good"], "--at", "50"
        )
        said = team.must("continue_rollout", 0, "--version", again, "--at", "50", "--reason", "the desk is quiet")
        assert "outcome=continued" in said
        assert own.get("lease", names.key(team.model, team.environment))["spec"]["holderIdentity"] == holder
        assert any("continued by" in line and "the desk is quiet" in line for line in lines)
        process.communicate(timeout=300)
        assert process.returncode == 0
        assert "outcome=unchanged" in team.must("continue_rollout", 0, "--version", again, "--at", "50")
    assert team.running() == team.image("again") and not seen["failed"], seen


@pytest.mark.long
def test_a_rollback_ends_a_pause_and_no_word_helps_after_it(team: ClusterTeam) -> None:
    with team.requests() as seen:
        process = team.started("again")
        lines = iter(process.stdout or ())
        assert any("paused at 50%" in line for line in lines)
        team.roll_back()
        process.communicate(timeout=60)
        assert "was taken back" in team.must("continue_rollout", 1, "--version", team.versions["again"])
        wait_until(lambda: team.serving() == team.versions["good"], 30)
    assert not seen["failed"], seen


@pytest.mark.long
def test_the_word_is_in_the_journal_after_a_runner_died(team: ClusterTeam) -> None:
    with team.requests():
        process = team.started("again")
        lines = iter(process.stdout or ())
        assert any("paused at 50%" in line for line in lines)
        process.kill()
        process.communicate(timeout=60)
        team.must("continue_rollout", 0, "--version", team.versions["again"], "--reason", "seen")
        assert "outcome=deployed" in team.deploy("again")
    team.must("replay_rollout", 0)
    stories = json.loads((team.folder / "out" / "modelway" / "replay-rollout.json").read_text())
    assert [(word["weight"], word["why"]) for word in stories[-1]["continued"]] == [(0.5, "seen")]
