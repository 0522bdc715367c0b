"""Every strategy as a caller names it, under live traffic: who met the release, and what is there afterwards."""

from __future__ import annotations

import pytest

from team import Deployed

pytestmark = pytest.mark.long


def test_a_shadow_meets_no_client_and_an_ab_those_with_the_key(tried: Deployed, versions: dict[str, str]) -> None:
    shadow, ab = tried.run.step("shadow"), tried.run.step("ab")
    assert shadow.outputs["outcome"] == "shadowed", shadow.errors
    assert "rows differ from stable's" in shadow.summary
    assert ab.outputs["outcome"] == "compared", ab.errors
    assert "with header x-arm" in ab.summary and "points" in ab.summary
    assert {shadow.outputs["alias-moved"], ab.outputs["alias-moved"]} == {"false"}


def test_a_rolling_release_replaces_stable_and_goes_back(tried: Deployed, versions: dict[str, str]) -> None:
    step = tried.run.step("rolling")
    assert step.outputs["outcome"] == "deployed" and step.outputs["alias-moved"] == "true", step.errors
    assert "1 replicas are replaced" in step.log
    assert f"1 replicas of version {versions['retrained']}, 0 of version {versions['good']}" in step.log


def test_blue_green_is_watched_by_short_jobs_and_one_command_is_the_way_back(
    tried: Deployed, versions: dict[str, str]
) -> None:
    begun, back = tried.run.step("blue-green"), tried.run.step("back")
    assert begun.outputs["outcome"] == "under-way", begun.errors
    assert "warmed up in" in begun.log
    assert all(tried.run.step(name).outputs["outcome"] == "under-way" for name in ("second", "third")), "it is kept"
    assert back.result == "success" and "runs still" in back.log, "nothing is started for the way back"
    assert tried.serving == versions["good"]


def test_no_request_failed(tried: Deployed, versions: dict[str, str]) -> None:
    assert "failed" not in tried.seen
    assert set(tried.seen) == {f"{versions['good']} 200", f"{versions['retrained']} 200"}
