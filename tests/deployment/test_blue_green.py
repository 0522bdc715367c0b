"""All traffic at once, judged by what was there before, which runs on for a while: going back is one change of routes."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from deployment.shop import DEPLOYED, Shop
from deployment.test_shadow_and_testers import with_keys
from modelway.rollout import engine, journal


def started_and_kept(shop: Shop, kind: str) -> subprocess.Popen[str]:
    """The deployment's process, which waits with the release before still there; its alias is moved."""
    process = shop.start("deploy_model", "--version", shop.versions[kind], "--strategy", "blue-green", *DEPLOYED)
    deadline, version = time.monotonic() + 60, int(shop.versions[kind])
    while shop.aliases().get(shop.environment) != version:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.1)
    return process


@pytest.mark.long
def test_blue_is_kept_and_going_back_within_that_time_starts_nothing(shop: Shop) -> None:
    """Twice in a row."""
    shop.deploy("good")
    with_keys(shop, keep_seconds=300)
    blue = shop.processes()
    with shop.traffic() as seen:
        time.sleep(4)
        for _ in range(2):
            process = started_and_kept(shop, "again")
            assert shop.serving() == shop.versions["again"]
            assert set(blue) <= set(shop.processes()), "blue runs on"
            said = shop.roll_back()
            assert "runs still" in said
            assert shop.serving() == shop.versions["good"]
            out, _ = process.communicate(timeout=20)
            assert process.returncode == 1 and "superseded" in out, out
            assert set(blue) <= set(shop.processes()), "the same processes"
            assert list(shop.deployed().slots) == [shop.deployed().stable]
    assert seen["failed"] == 0
    assert shop.aliases()[shop.environment] == int(shop.versions["good"])
    assert [story.outcome for story in shop.stories()] == ["deployed"] * 5
    for story in shop.stories():
        assert all(written == follows for written, follows in journal.replay(story))
    assert "nothing was changed" in shop.roll_back()


@pytest.mark.long
def test_blue_ends_when_its_time_is_over(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, keep_seconds=3)
    with shop.traffic() as seen:
        time.sleep(4)
        said = shop.deploy("again", "--strategy", "blue-green")
    assert "runs on for " in said
    assert "within the limits of what was there before" in said
    assert seen["failed"] == 0
    assert [event.weight for event in shop.stories()[-1].events if isinstance(event, engine.Routed)] == [1.0]
    assert list(shop.deployed().slots) == [shop.deployed().stable]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["failing", "slow"])
def test_a_green_that_is_worse_goes_back_to_blue(shop: Shop, kind: str) -> None:
    shop.deploy("good")
    with_keys(shop, bake_seconds=20)
    with shop.traffic() as seen:
        time.sleep(4)
        said = shop.deploy(kind, "--strategy", "blue-green", code=1)
    assert "at 100 %" in said or "total failure" in said or "dead on arrival" in said
    assert shop.serving() == shop.versions["good"]
    assert shop.aliases()[shop.environment] == int(shop.versions["good"])
    assert seen["failed"] == seen[f"{shop.versions[kind]} 500"], "no request to blue failed"


@pytest.mark.long
def test_short_jobs_end_what_is_kept(shop: Shop, tmp_path: Path) -> None:
    """With `wait: false` nobody stays for it: the next job that comes after its time ends it."""
    shop.deploy("good")
    with_keys(shop, keep_seconds=8)
    with shop.traffic():
        time.sleep(4)
        deadline = time.monotonic() + 60
        while shop.aliases()[shop.environment] != int(shop.versions["again"]):
            assert time.monotonic() < deadline
            said = shop.deploy("again", "--strategy", "blue-green", "--wait", "false")
        assert "outcome=under-way" in said
        assert len(shop.deployed().slots) == 2
        time.sleep(8)
        assert "outcome=deployed" in shop.deploy("again", "--strategy", "blue-green", "--wait", "false")
        assert len(shop.deployed().slots) == 1
