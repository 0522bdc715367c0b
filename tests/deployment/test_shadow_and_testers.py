"""A release that no client has to meet: as a shadow of what is there, and for testers alone."""

from __future__ import annotations

import time

import pytest
import requests

from deployment.shop import DEPLOYED, Shop, row
from modelway.rollout import engine, journal

HEADER = {"x-release": "next"}


def with_keys(shop: Shop, **keys: object) -> None:
    """Keys of the deploy section, over those that the shop has."""
    lines = (shop.folder / "modelway.yml").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == "deploy:") + 1
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    named = {name.replace("_", "-"): value for name, value in keys.items()}
    kept = [line for line in lines[at:] if line.strip().partition(":")[0] not in named]
    written = [f"{indent}{name}: {value}" for name, value in named.items()]
    (shop.folder / "modelway.yml").write_text("\n".join([*lines[:at], *written, *kept]) + "\n")


@pytest.mark.long
def test_a_shadow_that_is_no_worse_is_said_to_be_and_a_canary_may_require_it(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, requires_shadow="true")
    good, again = shop.versions["good"], shop.versions["again"]
    with shop.traffic() as seen:
        time.sleep(4)
        refused = shop.deploy("again", code=1)
        assert f"version {again} was not compared, as a shadow, with version {good}" in refused
        said = shop.deploy("again", "--strategy", "shadow")
        assert {name for name in seen if name.startswith(f"{again} ")} == set(), "no client met it"
        assert shop.aliases()[shop.environment] == int(good)
        assert "outcome=shadowed" in said
        assert "no worse as a shadow: " in said
        story = shop.stories()[-1]
        blocks = [event.block for event in story.events if isinstance(event, engine.Observed)]
        copies = sum(block.canary.requests for block in blocks)
        asked = sum(block.stable.requests for block in blocks)
        assert asked > 100 and abs(copies - asked) < 0.05 * asked, "each request was copied"
        assert all(written == follows for written, follows in journal.replay(story))
        assert list(shop.deployed().slots) == [shop.deployed().stable]
        shop.deploy("again")
    assert seen["failed"] == 0
    assert shop.serving() == again
    assert shop.must("replay_rollout", 0).count("same=true") == 1
    page = (shop.folder / "out" / "modelway" / "replay-rollout.html").read_text()
    assert "no worse as a shadow" in page


@pytest.mark.long
def test_a_shadow_that_fails_hurts_nobody(shop: Shop) -> None:
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        said = shop.deploy("failing", "--strategy", "shadow", code=1)
    assert any(why in said for why in ("errors: the canary has", "dead on arrival", "total failure"))
    assert seen["failed"] == 0
    assert set(seen) <= {f"{shop.versions['good']} 200", "failed"}
    assert shop.serving() == shop.versions["good"]


def test_without_anything_to_shadow_nothing_is_deployed(shop: Shop) -> None:
    assert "that a shadow could be compared with" in shop.deploy("good", "--strategy", "shadow", code=1)
    assert shop.processes() == []


@pytest.mark.long
def test_a_canary_goes_on_with_no_shadow_that_was_left(shop: Shop) -> None:
    """Of the same version: what was asked for is what is done."""
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        running = shop.start("deploy_model", "--version", shop.versions["again"], "--strategy", "shadow", *DEPLOYED)
        deadline = time.monotonic() + 60
        while not any(story.plan.mirror and story.state.routed for story in shop.stories()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.kill()
        running.communicate()
        said = shop.deploy("again")
    assert "undoing the rollout" in said
    assert seen["failed"] == 0
    assert [story.outcome for story in shop.stories()] == ["deployed", "rolled-back", "deployed"]
    assert shop.serving() == shop.versions["again"]


@pytest.mark.long
def test_testers_meet_the_release_before_anybody_else(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, steps="[0, 50, 100]", step_seconds=6, testers="{header: x-release, value: next}")
    new = shop.versions["again"]
    with shop.traffic() as seen:
        time.sleep(4)
        running = shop.start("deploy_model", "--version", new, *DEPLOYED)
        address, deadline, answered = f"http://127.0.0.1:{shop.port}/predict", time.monotonic() + 60, ""
        while answered != new:
            assert time.monotonic() < deadline, "testers reach it"
            answer = requests.post(address, json=row(1), headers=HEADER, timeout=10)
            answered = answer.headers["x-modelway-version"]
            time.sleep(0.05)
        assert seen[f"{new} 200"] == 0, "and nobody else does"
        said, _ = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert "and its testers" in said
    assert seen["failed"] == 0
    assert shop.serving() == new


def test_steps_from_nothing_without_testers_are_refused(shop: Shop) -> None:
    with_keys(shop, steps="[0, 50, 100]")
    assert "nobody would reach the release" in shop.deploy("good", code=2)


def test_testers_of_a_strategy_that_has_no_time_for_them_are_refused(shop: Shop) -> None:
    with_keys(shop, testers="{header: x-release, value: next}")
    said = shop.deploy("good", "--strategy", "blue-green", code=2)
    assert "deploy.testers" in said and "has no time in which they would reach the release alone" in said
