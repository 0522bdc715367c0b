"""A canary of days by short jobs of a schedule. Each is a process of its own in a folder of its own, knows the environment and
no version, and shares with the others nothing but the registry and the target."""

from __future__ import annotations

import shutil
import signal
import time
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path

import pytest

from deployment.shop import DEPLOYED, Shop
from modelway.rollout import engine, journal

SCHEDULED = ("--only-unfinished", "true", "--wait", "false")
STEPS = {"step-seconds: 1": "step-seconds: 2", "bake-seconds: 2": "bake-seconds: 6"}
"""Long enough for several jobs."""


class Runners:
    """A new machine for each job: a checkout and a home of its own."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder, self.numbers = shop, folder, count(1)

    def checkout(self) -> Shop:
        place = self.folder / f"runner-{next(self.numbers)}"
        shutil.copytree(self.shop.folder, place / "project", ignore=shutil.ignore_patterns("out"))
        return replace(self.shop, folder=place / "project")

    def job(self, *flags: str, code: int = 0) -> str:
        shop = self.checkout()
        own = {"HOME": str(shop.folder.parent), "TMPDIR": str(shop.folder.parent)}
        return shop.must("deploy_model", code, *flags, **own)


@pytest.fixture
def runners(shop: Shop, tmp_path: Path) -> Runners:
    path = shop.folder / "modelway.yml"
    text = path.read_text()
    for before, after in STEPS.items():
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    return Runners(shop, tmp_path)


def killed_at_work(runners: Runners) -> None:
    """A job that dies by SIGKILL when it has gone on with the rollout, and has not left it yet."""
    shop = runners.checkout()
    before = len(shop.stories()[-1].events)
    process = shop.start("deploy_model", *SCHEDULED)
    deadline = time.monotonic() + 60
    while len(shop.stories()[-1].events) == before:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.long
def test_three_jobs_carry_a_canary_with_a_dead_one_in_between(shop: Shop, runners: Runners) -> None:
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        again = shop.versions["again"]
        assert "outcome=under-way" in runners.job("--version", again, *DEPLOYED, "--wait", "false")
        time.sleep(1)
        killed_at_work(runners)
        assert not shop.stories()[-1].outcome
        time.sleep(1)
        said = runners.job(*SCHEDULED)
        assert f"version={again}" in said and "gets 50% of the traffic" in said
        for _ in range(10):
            if "outcome=deployed" in said:
                break
            assert "outcome=under-way" in said
            time.sleep(1)
            said = runners.job(*SCHEDULED)
        assert "outcome=deployed" in said
    assert seen["failed"] == 0 and shop.serving() == again
    assert shop.aliases()[shop.environment] == int(again)
    story = shop.stories()[-1]
    assert all(written == follows for written, follows in journal.replay(story))
    assert len([event for event in story.events if isinstance(event, engine.Resumed)]) >= 2, "the dead one's too"
    blocks = [event.block for event in story.events if isinstance(event, engine.Observed) and event.block.weight == 0.5]
    gaps = [after.began - before.began - before.seconds for before, after in pairwise(blocks)]
    assert max(gaps) < 1.5, "what was counted while no job was there is judged: the recorder notes it once a second"
    assert "outcome=unchanged" in runners.job(*SCHEDULED)


def test_where_nothing_is_under_way_neither_the_registry_nor_a_runner_is_needed(shop: Shop) -> None:
    unreachable = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    assert "outcome=unchanged" in shop.must("deploy_model", 0, *SCHEDULED, **unreachable)
    assert not shop.target.exists() and shop.processes() == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "input version: is required and was not given"),
        ((*SCHEDULED, "--version", "1"), "input version: is given, and only-unfinished goes on"),
        ((*SCHEDULED, "--reason", "why"), "input reason: is given"),
        ((*SCHEDULED, "--timeout-seconds", "9"), "leave timeout-seconds out, or only-unfinished"),
    ],
)
def test_what_it_goes_on_with_is_not_changed(shop: Shop, flags: tuple[str, ...], said: str) -> None:
    assert said in shop.must("deploy_model", 2, *flags)
