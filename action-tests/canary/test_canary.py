"""canary.yml: its test step fails the job where something else answers; the next job learns where it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from act import ActRun
from modelway.registry.mlflow import connect
from team import address, serving

pytestmark = pytest.mark.long  # tests/deployment and the demo have it without the workflows, also in CI


def test_the_test_step_fails_the_job(skewed_delivery: ActRun) -> None:
    """It was deployed to staging, and predicts something else than the gate's rows say."""
    staging = skewed_delivery.within("staging")
    deploy, test = staging.step("deploy"), staging.step("test")
    assert deploy.outputs["outcome"] == "deployed"
    assert (test.result, test.exit_code, test.outputs["outcome"]) == ("failure", 1, "fail")
    (error,) = test.errors
    assert error.title == "test-endpoint: failed" and deploy.outputs["address"] in error.message
    assert staging.jobs == {"canary": "failure"}


def test_a_job_that_failed_is_not_one_that_was_cancelled(skewed_delivery: ActRun) -> None:
    """What was deployed stays: only a rollout that was cut off is ended."""
    ran = [step.id for step in skewed_delivery.within("staging").steps.values() if step.result]
    assert ran[-1] == "test"


def test_the_next_job_learns_the_outcome_and_the_address(hurried_delivery: ActRun, shop: Path) -> None:
    assert hurried_delivery.exit_code == 0, hurried_delivery.log[-3000:]
    assert hurried_delivery.jobs == {"canary": "success", "afterwards": "success"}
    assert hurried_delivery.step("told").outputs == {"outcome": "deployed", "address": address(shop, "production")}
    assert not hurried_delivery.ran("test"), "nobody asked for it"
    assert "it will be fine" in hurried_delivery.step("deploy").summary


def test_what_staging_has_is_what_its_alias_says(
    hurried_delivery: ActRun, skewed_delivery: ActRun, shop: Path, server: str
) -> None:
    version = skewed_delivery.step("train").outputs["version"]
    registered = connect(server, {}).get_model("parcels-delivered")
    assert registered and registered.aliases["staging"] == int(version)
    assert serving(address(shop, "staging")) == version
