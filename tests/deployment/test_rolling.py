"""Server processes of a real release that replace stable's one by one under traffic: never more than the surge allows, none of
it lost, and whoever dies in the middle leaves what the next command makes whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from deployment.shop import DEPLOYED, Shop
from deployment.test_shadow_and_testers import with_keys
from modelway import processes
from modelway.rollout import engine, journal
from modelway.targets.local.servers import SLOTS
from repeated import repeated

REPLICAS = 3


@pytest.fixture
def rolling(shop: Shop) -> Shop:
    """Three servers of the good release."""
    shop.configure(shop.port, strategy="rolling", replicas=REPLICAS)
    with_keys(shop, rolling="{max-surge: 1, max-unavailable: 0}")
    shop.deploy("good")
    assert len(servers(shop)) == REPLICAS
    return shop


def servers(shop: Shop) -> list[int]:
    return processes.find(f"{shop.target / SLOTS}/")


@contextlib.contextmanager
def watched(shop: Shop) -> Iterator[list[int]]:
    """How many servers there were, looked at again and again."""
    seen = list[int]()
    with repeated(lambda: seen.append(len(servers(shop))), 0.1):
        yield seen


def sizes(story: journal.Story) -> list[tuple[int, int]]:
    return [(event.new, event.stable) for event in story.events if isinstance(event, engine.Sized)]


def started(shop: Shop, kind: str, reached: tuple[int, int]) -> subprocess.Popen[str]:
    """The deployment's process, once so many replicas of both are judged."""
    process = shop.start("deploy_model", "--version", shop.versions[kind], *DEPLOYED)
    deadline = time.monotonic() + 90
    while True:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        last = shop.stories()[-1]
        if last.state.sizes == reached and isinstance(last.events[-1], engine.Observed):
            return process
        time.sleep(0.05)


@pytest.mark.long
def test_a_healthy_release_replaces_stable_one_by_one(rolling: Shop) -> None:
    with rolling.traffic(150) as seen, watched(rolling) as counted:
        time.sleep(4)
        said = rolling.deploy("again")
    assert "outcome=deployed" in said
    assert "3 replicas are replaced, 1 at a time at most" in said
    story = rolling.stories()[-1]
    assert sizes(story) == [(0, 3), (1, 3), (2, 2), (3, 1), (3, 0)]
    assert {event.block.weight for event in story.events if isinstance(event, engine.Observed)} == {
        0.25,
        0.5,
        0.75,
        1.0,
    }
    assert max(counted) == REPLICAS + 1 and min(counted) >= REPLICAS, "the surge, and no fewer than there were"
    assert seen["failed"] == 0, seen
    assert len(servers(rolling)) == REPLICAS
    assert rolling.aliases()[rolling.environment] == int(rolling.versions["again"])
    with rolling.traffic(150) as seen, watched(rolling) as counted:
        time.sleep(1)
        rolling.roll_back()
    assert max(counted) == REPLICAS + 1 and min(counted) >= REPLICAS, "back as it came"
    assert rolling.serving() == rolling.versions["good"]
    assert seen["failed"] == 0, seen


@pytest.mark.long
def test_one_that_fails_is_taken_back_with_the_first_batch(rolling: Shop) -> None:
    stable = servers(rolling)
    with_keys(rolling, step_seconds=8)
    with rolling.traffic(150) as seen:
        time.sleep(4)
        rolling.deploy("failing", code=1)
    assert (1, 3) in sizes(rolling.stories()[-1]) and (2, 2) not in sizes(rolling.stories()[-1])
    assert servers(rolling) == stable, "the same processes: none of them had to go"
    assert seen["failed"] == seen[f"{rolling.versions['failing']} 500"], seen


@pytest.mark.long
@pytest.mark.parametrize("way", ["killed", "interrupted"])
def test_in_the_middle_it_goes_back_as_stable_s_servers_come_back(rolling: Shop, way: str) -> None:
    with_keys(rolling, step_seconds=3)
    with rolling.traffic(150) as seen, watched(rolling) as counted:
        time.sleep(4)
        process = started(rolling, "again", (2, 2))
        if way == "killed":
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            time.sleep(1)
            assert len(servers(rolling)) == REPLICAS + 1, "both serve on"
            rolling.roll_back()
        else:
            os.kill(process.pid, signal.SIGINT)
            said, _ = process.communicate(timeout=120)
            assert process.returncode == 130, said
    assert rolling.stories()[-1].outcome == "rolled-back"
    assert max(counted) == REPLICAS + 1
    assert len(servers(rolling)) == REPLICAS
    assert rolling.serving() == rolling.versions["good"]
    assert rolling.deployed().current is not None and rolling.deployed().current.active is None
    assert seen["failed"] == 0, seen


@pytest.mark.long
def test_killed_in_the_middle_the_same_command_goes_on(rolling: Shop) -> None:
    with_keys(rolling, step_seconds=3)
    with rolling.traffic(150) as seen, watched(rolling) as counted:
        time.sleep(4)
        process = started(rolling, "again", (2, 2))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        rolling.deploy("again")
    story = rolling.stories()[-1]
    assert story.outcome == "deployed" and sizes(story).count((0, 3)) == 1, "it does not begin anew"
    assert all(written == follows for written, follows in journal.replay(story))
    assert max(counted) == REPLICAS + 1 and min(counted) >= REPLICAS
    assert seen["failed"] == 0, seen


@pytest.mark.long
def test_what_rolling_cannot_do_is_refused(rolling: Shop) -> None:
    before = servers(rolling)
    assert "between two commands nobody would start" in rolling.deploy("again", "--wait", "false", code=2)
    with_keys(rolling, rolling="{max-surge: 0, max-unavailable: 0}")
    assert "deploy.rolling: max-surge and max-unavailable are both 0" in rolling.deploy("again", code=2)
    with_keys(rolling, rolling="{max-surge: 1, max-unavailable: 3}")
    with rolling.traffic(60):
        time.sleep(4)
        assert "none is left to carry the traffic" in rolling.deploy("again", code=2)
        with_keys(rolling, rolling="{max-surge: 1}")
        text = (rolling.folder / "modelway.yml").read_text()
        (rolling.folder / "modelway.yml").write_text(text.replace("replicas: 3", "replicas: 5"))
        assert "deploy.local.replicas: is 5" in rolling.deploy("again", code=2)
    assert servers(rolling) == before
