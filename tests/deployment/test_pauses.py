"""A rollout that waits for a person, beside the job that carries it on and between short jobs; a rollback never waits."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from deployment.shop import DEPLOYED, Shop
from deployment.test_shadow_and_testers import with_keys
from modelway.rollout import engine, journal


def paused(shop: Shop) -> bool:
    stories = shop.stories()
    return bool(stories) and stories[-1].state.is_paused


def wait_until_paused(shop: Shop) -> None:
    deadline = time.monotonic() + 90
    while not paused(shop):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def go_on(shop: Shop, kind: str, *flags: str, code: int = 0) -> str:
    return shop.must("continue_rollout", code, "--version", shop.versions[kind], *flags)


@pytest.mark.long
def test_a_person_lets_it_go_on_beside_the_job_that_carries_it_on(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, pause_at="[50]", pause_seconds=300)
    again = shop.versions["again"]
    assert "no deployment is under way" not in go_on(shop, "good", code=1), "there is one, and it has an end"
    with shop.traffic() as seen:
        time.sleep(4)
        process = shop.start("deploy_model", "--version", again, *DEPLOYED)
        wait_until_paused(shop)
        time.sleep(2)
        assert paused(shop) and process.poll() is None
        assert "is that of version" in go_on(shop, "good", code=1)
        assert "is paused at 50%, not at 10 %" in go_on(shop, "again", "--at", "10", code=1)
        assert "has the character U+000A" in go_on(shop, "again", "--reason", "one\ntwo", code=2)
        assert paused(shop)
        assert "outcome=continued" in go_on(shop, "again", "--at", "50", "--reason", "the desk is quiet")
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert "paused at 50%" in said and "the desk is quiet" in said
    assert seen["failed"] == 0
    assert shop.serving() == again
    story = shop.stories()[-1]
    (word,) = [event for event in story.events if isinstance(event, engine.Continued)]
    assert (word.weight, word.why) == (0.5, "the desk is quiet") and word.who
    assert all(written == follows for written, follows in journal.replay(story))
    assert "outcome=unchanged" in go_on(shop, "again", "--at", "50"), "an approval that was given twice"
    assert "is not paused: it has passed its steps" in go_on(shop, "again", code=1)
    report = json.loads((shop.folder / "out" / "modelway" / "deploy-model.json").read_text())
    assert report["continued"][0]["who"] == word.who
    assert "the desk is quiet" in (shop.folder / "out" / "modelway" / "deploy-model.html").read_text()


@pytest.mark.long
def test_short_jobs_wait_for_a_person_and_a_second_word_changes_nothing(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, pause_at="[50, 100]", pause_seconds=300)

    def job() -> str:
        time.sleep(1.5)
        return shop.deploy("again", "--wait", "false")

    with shop.traffic() as seen:
        time.sleep(4)
        for step in ("50", "100"):
            deadline = time.monotonic() + 60
            while f"paused-at={step}" not in (said := job()):
                assert "outcome=under-way" in said and time.monotonic() < deadline, said
            assert "outcome=under-way" in said
            assert f"paused-at={step}" in job(), "it is judged, and waits"
            assert "outcome=continued" in go_on(shop, "again", "--at", step)
            assert "outcome=unchanged" in go_on(shop, "again", "--at", step)
        for _ in range(20):
            if "outcome=deployed" in (said := job()):
                break
    assert "outcome=deployed" in said and shop.serving() == shop.versions["again"]
    assert seen["failed"] == 0
    assert len([event for event in shop.stories()[-1].events if isinstance(event, engine.Continued)]) == 2


@pytest.mark.long
def test_a_rollback_wins_over_a_pause_at_once_and_no_word_helps_after_it(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, pause_at="[50]")
    with shop.traffic() as seen:
        time.sleep(4)
        process = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED)
        wait_until_paused(shop)
        began = time.monotonic()
        shop.roll_back("--only-unfinished", "true")
        assert time.monotonic() - began < 10
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 1 and "superseded" in said
        refused = go_on(shop, "again", code=1)
        assert "was taken back: rolled back by" in refused
    assert seen["failed"] == 0
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_a_runner_that_is_killed_in_a_pause_loses_neither_it_nor_the_word(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, pause_at="[50]")
    with shop.traffic():
        time.sleep(4)
        process = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED)
        wait_until_paused(shop)
        process.kill()
        process.communicate()
        go_on(shop, "again", "--reason", "seen")
        said = shop.deploy("again")
    assert "outcome=deployed" in said
    assert any(isinstance(event, engine.Continued) for event in shop.stories()[-1].events)


@pytest.mark.long
def test_a_pause_that_nobody_ends_is_taken_back(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, pause_at="[50]", pause_seconds=2, judge="{block-seconds: 0.5, inconclusive: promote}")
    with shop.traffic():
        time.sleep(4)
        said = shop.deploy("again", code=1)
    assert "nobody continued it at 50% within 2 s" in said
    assert shop.serving() == shop.versions["good"]


def test_a_blank_reason_for_no_analysis_is_refused_before_anything(shop: Shop) -> None:
    assert "input skip-analysis: is blank" in shop.deploy("good", "--skip-analysis", "  ", code=2)
    assert shop.processes() == []


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("canary", "names 20, and strategy canary stands at 50, 100 %"),
        ("shadow", "strategy shadow has no step at which it could wait"),
        ("blue-green", "strategy blue-green stands at 100 %"),
        ("all-at-once", "strategy all-at-once has no step at which it could wait"),
    ],
)
def test_a_pause_at_no_step_is_refused(shop: Shop, strategy: str, said: str, tmp_path: Path) -> None:
    with_keys(shop, pause_at="[20]")
    assert said in shop.deploy("good", "--strategy", strategy, code=2)
    assert shop.processes() == []
