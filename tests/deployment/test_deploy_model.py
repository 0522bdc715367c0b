"""deploy-model under live traffic, on real servers behind a real Envoy: what comes in, what goes back, and what it says."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

from deployment.shop import DEPLOYED, Shop
from modelway.rollout import engine, journal
from sampled import sampled


def first(shop: Shop) -> None:
    shop.deploy("good")
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_the_first_release_then_a_canary_that_is_as_good(shop: Shop) -> None:
    """Not one request fails on the way, and the alias moves at its end."""
    first(shop)
    assert shop.aliases()[shop.environment] == int(shop.versions["good"])
    with shop.traffic(70) as seen, shop.traffic(30, {"x-modelway-sample": "1"}) as sample:
        time.sleep(4)
        said = shop.deploy("again")
    assert seen["failed"] == sample["failed"] == 0
    assert seen[f"{shop.versions['again']} 200"] > 200
    assert shop.serving() == shop.versions["again"]
    assert shop.aliases()[shop.environment] == int(shop.versions["again"])
    assert "needs about" in said
    found = re.search(r"of the (\d+) requests that it was sent, (\d+) \(\d+%\) were sample traffic", said)
    assert found and 0.2 < int(found[2]) / int(found[1]) < 0.4, said
    (slot,) = shop.deployed().slots.values()
    assert str(slot.side.version) == shop.versions["again"], "the old release is gone"
    story = shop.stories()[-1]
    assert story.outcome == "deployed"
    assert all(written == follows for written, follows in journal.replay(story))
    again = shop.deploy("again")
    assert "already" in again
    assert len(shop.stories()) == 2, "the same command again changes nothing"
    assert shop.must("replay_rollout", 0).count("same=true") == 1


@pytest.mark.long
def test_a_canary_that_fails_goes_back_by_itself(shop: Shop) -> None:
    first(shop)
    with shop.traffic() as seen:
        time.sleep(4)
        said = shop.deploy("failing", code=1)
    assert "rolled back" in said
    assert "errors: the canary has" in said or "dead on arrival" in said
    good, bad = shop.versions["good"], shop.versions["failing"]
    assert seen["failed"] == seen[f"{bad} 500"], "no request to stable failed"
    assert seen[f"{bad} 500"] > 0
    assert shop.serving() == good
    assert shop.aliases()[shop.environment] == int(good)
    assert shop.deployed().current is not None
    assert list(shop.deployed().slots) == [shop.deployed().stable]
    report = json.loads((shop.folder / "out" / "modelway" / "deploy-model.json").read_text())
    assert report["outcome"] == "rolled-back"
    assert (shop.folder / "out" / "modelway" / "deploy-model.html").read_text().count("<svg") == 4


@pytest.mark.long
def test_a_canary_that_is_slow_goes_back(shop: Shop) -> None:
    first(shop)
    with shop.traffic() as seen:
        time.sleep(4)
        said = shop.deploy("slow", code=1)
    assert "latency: the canary has" in said
    assert seen["failed"] == 0
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_without_traffic_nothing_is_judged_and_nothing_changes(shop: Shop) -> None:
    shop.deploy("good")
    said = shop.deploy("again", code=3)
    assert "got no request" in said
    assert shop.serving() == shop.versions["good"]
    assert len(shop.stories()) == 1


@pytest.mark.long
def test_a_plan_that_cannot_finish_is_refused_with_its_numbers(shop: Shop) -> None:
    shop.configure(shop.port, timeout=1)
    first(shop)
    with shop.traffic(50):
        time.sleep(5)
        said = shop.deploy("again", code=1)
    assert "canary requests" in said
    assert "its time is 1 s" in said
    assert shop.serving() == shop.versions["good"]


def test_cancelled_all_traffic_is_on_stable_at_once(shop: Shop) -> None:
    """SIGINT to the step's own process alone, as GitHub does."""
    first(shop)
    with shop.traffic() as seen:
        time.sleep(4)
        running = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED)
        wait_for_share(shop)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
        assert running.returncode == 130, said
        before = seen[f"{shop.versions['again']} 200"]
        time.sleep(1)
        assert seen[f"{shop.versions['again']} 200"] == before
    assert seen["failed"] == 0
    assert "cancelled" in said
    assert shop.serving() == shop.versions["good"]
    assert shop.stories()[-1].outcome == "rolled-back"


@pytest.mark.long
def test_two_deployments_at_once_are_never_both_at_work(shop: Shop) -> None:
    first(shop)
    with shop.traffic() as seen:
        time.sleep(4)
        running = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED)
        wait_for_share(shop)
        said = shop.deploy("slow", code=1)
        assert "is at work on this target" in said
        out, _ = running.communicate(timeout=120)
    assert running.returncode == 0, out
    assert seen["failed"] == 0
    assert shop.serving() == shop.versions["again"]


@pytest.mark.long
def test_a_rollback_supersedes_a_deployment_that_is_at_work(shop: Shop) -> None:
    """Two real processes: the rollback does not wait, and the deployment finds out and changes nothing more."""
    first(shop)
    with shop.traffic() as seen:
        time.sleep(4)
        running = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED)
        wait_for_share(shop)
        shop.roll_back()
        after = [line for line in (shop.target / "journal" / "000002.jsonl").read_text().splitlines() if line]
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 1, said
    assert "superseded" in said
    assert seen["failed"] == 0
    assert shop.serving() == shop.versions["good"]
    assert (shop.target / "journal" / "000002.jsonl").read_text().splitlines() == after


@pytest.mark.long
def test_a_replica_that_dies_costs_no_request(shop: Shop) -> None:
    shop.configure(shop.port, replicas=2)
    first(shop)
    with shop.traffic() as seen:
        for _ in range(4):
            time.sleep(1)
            shop.kill_replica(shop.versions["good"])
            time.sleep(1)
            shop.deploy("good")  # starts it again
    assert seen["failed"] == 0
    assert seen[f"{shop.versions['good']} 200"] > 500


@pytest.mark.long  # test_every_step.py kills it between any two steps, also in CI
def test_killed_at_any_moment_the_next_run_ends_as_intended(shop: Shop) -> None:
    """SIGKILL at moments spread over the whole rollout; afterwards exactly one release runs and has the traffic."""
    first(shop)
    now, other = "good", "again"
    with shop.traffic() as seen:
        time.sleep(4)
        for number in sampled(range(10), 3):
            running = shop.start("deploy_model", "--version", shop.versions[other], *DEPLOYED)
            time.sleep(0.25 + number * 0.6)
            killed = running.poll() is None
            running.kill()
            running.communicate()
            shop.deploy(other)
            assert shop.serving() == shop.versions[other]
            assert list(shop.deployed().slots) == [shop.deployed().stable]
            assert shop.aliases()[shop.environment] == int(shop.versions[other])
            assert killed or number >= 5
            now, other = other, now
    assert seen["failed"] == 0
    assert all(story.outcome for story in shop.stories())
    for story in shop.stories():
        assert all(written == follows for written, follows in journal.replay(story))


def wait_for_share(shop: Shop) -> None:
    """Until the canary has traffic."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        stories = shop.stories()
        if len(stories) > 1 and any(isinstance(event, engine.Routed) for event in stories[-1].events):
            return
        time.sleep(0.05)
    raise AssertionError("the canary got no traffic")


@pytest.mark.long
def test_short_jobs_carry_a_canary_and_one_of_them_dies(shop: Shop) -> None:
    """Nobody waits: each job does what is due by what was counted since the one before, and leaves the rest to the next."""
    shop.deploy("good")
    with shop.traffic():
        first = shop.deploy("again", "--wait", "false")
        assert "outcome=under-way" in first
        assert not shop.stories()[-1].state.compared, "it has not waited for a block"
        time.sleep(1.5)
        process = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED, "--wait", "false")
        time.sleep(1)
        process.kill()
        process.communicate()
        for _ in range(30):
            time.sleep(1.5)
            said = shop.deploy("again", "--wait", "false")
            if "outcome=under-way" not in said:
                break
    assert "outcome=deployed" in said
    assert shop.serving() == shop.versions["again"]
    story = shop.stories()[-1]
    assert story.state.compared >= 2, "as long as it had to be baked"
    assert all(written == follows for written, follows in journal.replay(story))
