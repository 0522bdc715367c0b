"""The template that a team copies for the whole way, as it stands: what passes is delivered, what is refused is not built, and
what its tests in staging refuse never reaches production."""

from __future__ import annotations

import json

import pytest

from act import ActRun
from modelway.registry.ledger import read
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.mlflow import connect

MODEL = "parcels-delivered"


def test_the_first_model_goes_all_the_way(first_delivery: ActRun) -> None:
    assert first_delivery.exit_code == 0, first_delivery.log[-3000:]
    for job in ("plan", "train", "gate", "build", "staging", "production"):
        assert set(first_delivery.within(job).jobs.values()) == {"success"}, job
    version = first_delivery.step("train").outputs["version"]
    digest = first_delivery.step("train").outputs["digest"]
    assert first_delivery.step("gate").outputs["model-digest"] == digest
    for job in ("staging", "production"):
        said = first_delivery.within(job).step("deploy").outputs
        assert (said["outcome"], said["version"], said["alias-moved"]) == ("deployed", version, "true"), job


def test_the_plan_is_asked_for_before_anything_is_trained(first_delivery: ActRun) -> None:
    assert next(iter(first_delivery.jobs)) == "plan"
    plan = first_delivery.step("plan")
    assert (plan.outputs["outcome"], plan.outputs["sentence"]) == ("unneeded", "strategy all-at-once compares nothing")


def test_it_is_tested_where_it_was_deployed_first(first_delivery: ActRun) -> None:
    staging, production = first_delivery.within("staging"), first_delivery.within("production")
    test = staging.step("test")
    assert (test.result, test.outputs["outcome"], test.outputs["failed"]) == ("success", "pass", "0")
    assert staging.step("deploy").outputs["address"] in test.summary
    assert staging.step("deploy").outputs["address"] != production.step("deploy").outputs["address"]
    assert not production.ran("test"), "bad input on purpose would be counted against a canary"


@pytest.mark.long
def test_the_aliases_are_moved_by_deploy_model_alone(first_delivery: ActRun, way_back: ActRun, server: str) -> None:
    """By the ledger's word, over everything that was delivered here."""
    assert not first_delivery.ran("promote")
    client = connect(server, {})
    history = read(VersionLedger(client, MODEL))
    entries = {
        environment: [row.entry.action for row in history.on_chain(environment)]
        for environment in ("staging", "production")
    }
    assert entries == {"staging": ["deploy", "deploy"], "production": ["deploy", "deploy", "rollback"]}


def test_the_reason_reaches_the_history(first_delivery: ActRun) -> None:
    for job in ("staging", "production"):
        assert '"$(id)"' in first_delivery.within(job).step("deploy").summary


def test_a_model_that_the_gate_refuses_never_reaches_a_build(refused_delivery: ActRun, first_delivery: ActRun) -> None:
    assert refused_delivery.exit_code == 1
    assert refused_delivery.jobs == {"plan": "success", "train": "success", "gate": "failure"}
    gate = refused_delivery.step("gate")
    assert (gate.exit_code, gate.outputs["outcome"]) == (1, "fail") and len(gate.errors) == 1
    assert gate.outputs["production-version"] == first_delivery.step("train").outputs["version"]
    assert "accuracy_score against production" in json.loads(gate.outputs["failing-checks"])
    for step in ("build", "deploy", "test"):
        assert not refused_delivery.ran(step), step


@pytest.mark.long
def test_a_model_that_fails_its_tests_in_staging_never_reaches_production(skewed_delivery: ActRun) -> None:
    assert skewed_delivery.exit_code == 1
    assert skewed_delivery.step("gate").outputs["outcome"] == "pass", "the gate asks about all rows at once"
    assert skewed_delivery.step("build").result == "success"
    assert skewed_delivery.within("staging").jobs == {"canary": "failure"}
    assert skewed_delivery.within("production").steps == {}
