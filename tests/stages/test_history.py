"""An environment of an alias only: its way back through the ledger, and a version that was deleted under its alias."""

from __future__ import annotations

import subprocess

import pytest

from modelway.registry import ledger
from modelway.registry.ledger_versions import VersionLedger
from stages.test_gate_and_promote import Team, team

__all__ = ["team"]


def run(team: Team, script: str, *flags: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = team.run(script, "--environment", "production", *flags)
    assert done.returncode == code, done.stdout + done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == (code != 0)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def actions(team: Team) -> list[tuple[str, int | None]]:
    history = ledger.audit(VersionLedger(team.client, team.model))
    return [(row.entry.action, row.entry.there) for row in history.on_chain("production")]


def delete(team: Team, version: str) -> None:
    team.client.transport.api("DELETE", "model-versions/delete", {"name": team.model, "version": version})


@pytest.mark.long
def test_the_alias_goes_back_without_being_judged_anew(team: Team) -> None:
    for kind in ("weak", "strong"):
        version = team.trained(kind)
        if version == "1":
            assert "nothing was ever in production" in run(team, "rollback_release", code=1).stderr
        team.judged(version)
        team.promoted("--version", version)
        if version == "1":
            assert "there is nothing to roll back to" in run(team, "rollback_release", code=1).stderr
    done = run(team, "rollback_release", "--reason", "complaints")
    assert "outcome=reverted" in done.stdout and "previous-version=2" in done.stdout
    assert team.aliases()["production"] == 1
    assert "outcome=unchanged" in run(team, "rollback_release").stdout
    assert "outcome=unchanged" in run(team, "rollback_release", "--only-unfinished", "true").stdout
    assert actions(team) == [("promote", 1), ("promote", 2), ("rollback", 1)]
    assert (
        "version 9 was never in production; known are 1, 2" in run(team, "rollback_release", "--to", "9", code=1).stderr
    )
    run(team, "rollback_release", "--to", "2")
    assert team.aliases()["production"] == 2
    delete(team, "1")
    assert f"version 1 of {team.model} was deleted" in run(team, "rollback_release", "--to", "1", code=1).stderr
    assert team.aliases()["production"] == 2
    assert len(actions(team)) == 4, "what is refused appends nothing"


@pytest.mark.long
def test_a_version_that_was_deleted_under_its_alias(team: Team) -> None:
    for kind in ("weak", "strong"):
        version = team.trained(kind)
        team.judged(version)
        team.promoted("--version", version)
    third = team.trained("strong")
    delete(team, "2")
    assert "production" not in team.aliases(), "MLflow deletes the alias with it"
    said = run(team, "evaluate_gate", "--version", third, code=1).stderr
    assert "alias production" in said and "is not set, but the ledger's entry 2 put version 2 there" in said
    shown = run(team, "show_history", code=1)
    assert "agrees=false" in shown.stdout and "intact=true" in shown.stdout
    assert "is not set, but the ledger's entry 2 put version 2 there" in shown.stderr
    assert "is not set, but the ledger" in run(team, "promote_model", "--version", "1", code=1).stderr
    said = run(team, "promote_model", "--restore", "true", code=1).stderr
    assert f"version 2 of {team.model} was deleted in MLflow" in said and "--adopt true" in said
    assert len(actions(team)) == 2, "what is refused appends nothing"
    adopted = run(team, "promote_model", "--adopt", "true")
    assert "adopt nothing in production" in adopted.stdout and "promoted=false" in adopted.stdout
    assert "agrees=true" in run(team, "show_history").stdout
    assert "nothing is in production yet" in run(team, "evaluate_gate", "--version", third).stderr
    team.promoted("--version", third)
    assert team.aliases()["production"] == int(third)


@pytest.mark.long
def test_the_number_of_a_deleted_version_is_another_model(team: Team) -> None:
    """MLflow gives the number of the last version again: the alias says 2, and it is not the 2 that came there."""
    for kind in ("weak", "strong"):
        version = team.trained(kind)
        team.judged(version)
        team.promoted("--version", version)
    delete(team, "2")
    again = team.trained("weak")
    if again != "2":
        return  # this MLflow counts on
    team.client.set_alias(team.model, "production", 2)
    third = team.trained("strong")
    said = run(team, "evaluate_gate", "--version", third, code=1).stderr
    assert "is not the model that the ledger says was there" in said
