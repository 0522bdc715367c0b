"""What deploy-model promises about time and death, under live traffic through a real Envoy: kills at random moments, the time
from SIGINT to all traffic on stable, a healthy rollout beside the waiting that its plan asks for, and one command back.

Usage: python benchmarks/deploy_model.py [--kills 100]
       python benchmarks/deploy_model.py --every-step    (killed, and held up, at each step of a deployment and a rollback)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import servers  # noqa: E402 - after the path is known
from deployment import test_every_step as steps  # noqa: E402
from deployment.shop import DEPLOYED, Shop, built_shop, with_target  # noqa: E402
from modelway.registry import local_server  # noqa: E402
from modelway.rollout import engine  # noqa: E402

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--every-step", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name:
        folder = Path(name)
        run = ROOT / "scripts" / "run"
        subprocess.run([run, "start_registry", "--folder", folder / "mlflow"], check=True, capture_output=True)
        python = servers.mlflow_python(servers.NEWEST_3)
        for made in ("shop", "state"):
            (folder / made).mkdir()
        try:
            uri = json.loads((folder / "mlflow" / "server.json").read_text())["uri"]
            built = built_shop(folder / "shop", folder / "state", uri, python, ROOT)
            shop = with_target(built, folder)
            try:
                if arguments.every_step:
                    every_step(shop)
                else:
                    measure(shop, arguments.kills)
            finally:
                shop.run("stop_deployment", "--environment", shop.environment)
        finally:
            local_server.stop(folder / "mlflow")


def every_step(shop: Shop) -> None:
    """Whatever does not end as intended raises, and names its step."""
    shop.configure(shop.port, strategy="all-at-once")
    shop.deploy("good")
    print("| command | what happens to it | steps | ended as intended | failed requests |")
    print("|---|---|--:|--:|--:|")
    deploying, rolling_back = steps.deploying("again", shop), ("rollback_release",)
    for name, command, happen, what in (
        ("deploy-model", deploying, steps.killed, "SIGKILL"),
        ("deploy-model", deploying, steps.held_up, "stopped while a rollback comes and ends"),
        ("rollback-release", rolling_back, steps.rollback_killed, "SIGKILL"),
    ):
        if command is rolling_back:
            shop.deploy("again")
        count, ended = steps.steps_of(shop, *command), 0
        shop.deploy("good")
        with shop.traffic(50) as seen:
            time.sleep(1)
            for at in range(1, count + 1):
                try:
                    happen(shop, at)
                    ended += 1
                except AssertionError as error:
                    print(f"step {at} of {name}, {what}: {error}", file=sys.stderr)
                    shop.roll_back("--to", shop.versions["good"])
        print(f"| {name} | {what} | {count} | {ended} | {seen['failed']} |", flush=True)


def measure(shop: Shop, kills: int) -> None:
    shop.deploy("good")
    names = {shop.versions["good"]: "good", shop.versions["again"]: "again"}
    with shop.traffic() as seen:
        time.sleep(4)
        beyond, interrupted, back = [], [], []
        for _ in range(REPEATS):
            other = "again" if names[shop.serving()] == "good" else "good"
            began = time.monotonic()
            shop.deploy(other)
            story = shop.stories()[-1]
            watched = sum(event.block.seconds for event in story.events if isinstance(event, engine.Observed))
            beyond.append(time.monotonic() - began - watched)
            began = time.monotonic()
            shop.roll_back("--to", shop.versions["good" if other == "again" else "again"])
            back.append(time.monotonic() - began)
            interrupted.append(interrupt(shop, seen))
        print("| what | median s | largest s | goal |")
        print("|---|--:|--:|---|")
        for what, seconds, goal in (
            ("healthy rollout beyond the waiting that its evidence took", beyond, "under 5"),
            ("SIGINT to the last answer of the canary", interrupted, "under 5"),
            ("rollback-release, the whole command", back, "under 10"),
        ):
            print(f"| {what} | {statistics.median(seconds):.2f} | {max(seconds):.2f} | {goal} |")
        ended = sum(killed(shop, names, random.Random(number)) for number in range(kills))
    print(
        f"\n{ended} of {kills} kills ended as intended after the next run; failed requests: {seen['failed']} of "
        f"{sum(seen.values()) - seen['failed']:,}"
    )


def interrupt(shop: Shop, seen: dict[str, int]) -> float:
    """Seconds from SIGINT to deploy-model's own process until the canary answers nothing more."""
    now = shop.serving()
    other = next(version for version in (shop.versions["good"], shop.versions["again"]) if version != now)
    running = shop.start("deploy_model", "--version", other, *DEPLOYED)
    key = f"{other} 200"
    before = seen[key]
    while seen[key] < before + 20 and running.poll() is None:
        time.sleep(0.02)
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    last, count = began, seen[key]
    while time.monotonic() - last < 1:
        if seen[key] != count:
            last, count = time.monotonic(), seen[key]
        time.sleep(0.005)
    running.communicate()
    return last - began


def killed(shop: Shop, names: dict[str, str], chance: random.Random) -> bool:
    """One kill at a random moment, and whether the next run ends as intended."""
    other = "again" if names[shop.serving()] == "good" else "good"
    running = shop.start("deploy_model", "--version", shop.versions[other], *DEPLOYED)
    time.sleep(chance.uniform(0.1, 9))
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    done = shop.run("deploy_model", "--environment", shop.environment, "--version", shop.versions[other], *DEPLOYED)
    deployed = shop.deployed()
    alias = shop.aliases()[shop.environment]
    good = done.returncode == 0 and shop.serving() == str(alias) == shop.versions[other]
    if not good:
        print(done.stdout[-2000:], done.stderr[-2000:])
    return good and list(deployed.slots) == [deployed.stable]


if __name__ == "__main__":
    main()
