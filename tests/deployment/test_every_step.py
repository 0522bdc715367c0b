"""A command that dies, or is held up, at any of its steps: the next one ends as intended, and a rollback waits for nobody.

The tests try steps spread over the whole command; `python benchmarks/deploy_model.py --every-step` tries each of them once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from deployment.shop import DEPLOYED, Shop
from modelway.processes import PROC
from modelway.targets.folder_lease import LEASE
from sampled import QUICK

INTERRUPTED = Path(__file__).with_name("interrupted.py")
TRIED = 6
"""Steps of each kind that are tried, evenly spread; where QUICK is set the one in the middle, when most is under way."""


@pytest.fixture
def stable(shop: Shop) -> Shop:
    shop.configure(shop.port, strategy="all-at-once")
    shop.deploy("good")
    return shop


def start(shop: Shop, mode: str, at: int, script: str, *flags: str) -> subprocess.Popen[str]:
    """The script as a process of its own, to which something happens at its step number `at`."""
    command = [shop.root / "scripts" / "run", "--in", "deploy", "python", "-I", INTERRUPTED, mode, str(at), script]
    environ = {
        "MLFLOW_TRACKING_URI": shop.server,
        "MODELWAY_STATE": str(shop.state),
        "STEPS": str(shop.folder / "steps"),
    }
    return subprocess.Popen(
        [*command, "--environment", shop.environment, *flags],
        cwd=shop.folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def deploying(kind: str, shop: Shop) -> tuple[str, ...]:
    return ("deploy_model", "--version", shop.versions[kind], *DEPLOYED)


def steps_of(shop: Shop, *command: str) -> int:
    done = start(shop, "count", 0, *command)
    said, _ = done.communicate(timeout=120)
    assert done.returncode == 0, said
    return int((shop.folder / "steps").read_text())


def tried(steps: int) -> list[int]:
    if QUICK:
        return [steps // 2]
    return sorted({1 + number * (steps - 1) // (TRIED - 1) for number in range(TRIED)})


def is_whole(shop: Shop, kind: str) -> None:
    """One release runs, it is this one, and it is what the alias says."""
    assert shop.serving() == shop.versions[kind]
    assert list(shop.deployed().slots) == [shop.deployed().stable]
    assert shop.aliases()[shop.environment] == int(shop.versions[kind])
    assert not shop.deployed().pending


def test_killed_at_any_step_of_a_deployment(stable: Shop) -> None:
    steps = steps_of(stable, *deploying("again", stable))
    assert steps > 30
    stable.deploy("good")
    with stable.traffic(50) as seen:
        time.sleep(1)
        for at in tried(steps):
            killed(stable, at)
    assert seen["failed"] == 0


def killed(shop: Shop, at: int) -> None:
    """The good release is stable; the deployment of another dies, and the next one of either ends as intended."""
    dying = start(shop, "kill", at, *deploying("again", shop))
    dying.communicate(timeout=120)
    kind = "again" if at % 2 else "good"
    shop.deploy(kind)
    is_whole(shop, kind)
    shop.deploy("good")


@pytest.mark.long
def test_killed_at_any_step_of_a_rollback(stable: Shop) -> None:
    stable.deploy("again")
    steps = steps_of(stable, "rollback_release")
    stable.deploy("good")
    for at in tried(steps):
        rollback_killed(stable, at)


def rollback_killed(shop: Shop, at: int) -> None:
    shop.deploy("again")
    dying = start(shop, "kill", at, "rollback_release")
    dying.communicate(timeout=120)
    shop.roll_back()
    is_whole(shop, "good")


@pytest.mark.long
def test_held_up_at_any_step_a_deployment_undoes_no_rollback(stable: Shop) -> None:
    """A rollback comes and ends in between, also while the deployment stands within an act; what goes on then changes nothing
    more, and no request fails."""
    steps = steps_of(stable, *deploying("again", stable))
    stable.deploy("good")
    with stable.traffic(50) as seen:
        time.sleep(1)
        for at in tried(steps):
            held_up(stable, at)
    assert seen["failed"] == 0


def held_up(shop: Shop, at: int) -> None:
    stopped = start(shop, "stop", at, *deploying("again", shop))
    wait_until_stopped(stopped)
    began = time.monotonic()
    shop.roll_back("--to", shop.versions["good"])
    assert time.monotonic() - began < 60
    before = shop.deployed()
    if stopped.poll() is None:
        os.kill(stopped.pid, signal.SIGCONT)
    said, _ = stopped.communicate(timeout=120)
    if "superseded" in said or stopped.returncode < 0:
        assert shop.deployed() == before, said
        is_whole(shop, "good")
    else:  # it stood before it had the lease: it is a deployment that came after the rollback, or it was done
        assert stopped.returncode == 0, said
        shop.deploy("good")
        is_whole(shop, "good")


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if PROC.joinpath(str(process.pid), "stat").read_text().rpartition(")")[2].split()[0] == "T":
            return
        time.sleep(0.02)


@pytest.mark.long
def test_stopped_within_an_act_it_is_ended_by_the_rollback(stable: Shop) -> None:
    """The lock of the target is held by a process that will never go on by itself."""
    at = first_step_within_an_act(stable)
    stopped = start(stable, "stop", at, *deploying("again", stable))
    wait_until_stopped(stopped)
    try:
        said = stable.deploy("good", code=4)
        assert f"the target has been locked for 12 s by process {stopped.pid}" in said
        stable.roll_back("--to", stable.versions["good"])
        assert stopped.wait(10) == -signal.SIGKILL
    finally:
        stopped.kill()
        stopped.communicate()
    is_whole(stable, "good")


def first_step_within_an_act(shop: Shop) -> int:
    """The lease is written within the first act: its file appears unfinished."""
    unfinished = shop.target / f"{LEASE}.new"
    for at in range(1, 100):
        stopped = start(shop, "stop", at, *deploying("again", shop))
        wait_until_stopped(stopped)
        found = unfinished.exists()
        stopped.kill()
        stopped.communicate()
        if found:
            unfinished.unlink()
            return at
    raise AssertionError("no step writes the lease")


@pytest.mark.long
@pytest.mark.parametrize("mode", ["forward", "back"])
def test_a_clock_that_is_set_by_a_day_neither_stops_nor_hurries_a_canary(shop: Shop, mode: str) -> None:
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        running = start(shop, mode, 40, *deploying("again", shop))
        said, _ = running.communicate(timeout=180)
        assert running.returncode == 0, said
    assert seen["failed"] == 0
    is_whole(shop, "again")
    blocks = [event.block for event in shop.stories()[-1].events if hasattr(event, "block")]
    assert all(0.4 < block.seconds < 5 for block in blocks)
    assert blocks[-1].began - blocks[0].began < 120
