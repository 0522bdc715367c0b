"""An A/B under a real Envoy: a cookie or a header leads to the release, what comes so is counted, and nothing is adopted."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from deployment.shop import DEPLOYED, Shop, row
from deployment.test_shadow_and_testers import with_keys
from modelway.rollout import engine, journal
from repeated import repeated

ARM = "{cookie: arm, value: b}"


def answered_by(shop: Shop, **headers: str) -> str:
    address = f"http://127.0.0.1:{shop.port}/predict"
    answer = requests.post(address, json=row(1), headers=headers, timeout=20)
    return f"{answer.headers.get('x-modelway-version', '')} {answer.status_code}"


@contextlib.contextmanager
def asking(shop: Shop, seen: Counter[str], **headers: str) -> Iterator[None]:
    """A client with these headers, some dozens of times a second."""
    session, numbers = requests.Session(), itertools.count(1)

    def ask() -> None:
        address = f"http://127.0.0.1:{shop.port}/predict"
        answer = session.post(address, json=row(next(numbers)), headers=headers, timeout=20)
        seen[f"{answer.headers.get('x-modelway-version', '')} {answer.status_code}"] += 1

    with repeated(ask, 0.02):
        yield


def wait_until_led(shop: Shop, new: str) -> None:
    deadline = time.monotonic() + 60
    while not answered_by(shop, cookie="arm=b").startswith(f"{new} "):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
def test_both_arms_are_compared_and_everything_is_where_it_was(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, strategy="ab", ab=ARM, timeout_seconds=12)
    good, again = shop.versions["good"], shop.versions["again"]
    led = Counter[str]()
    with shop.traffic() as seen, asking(shop, led, cookie="x=1; arm=b"):
        time.sleep(4)
        process = shop.start("deploy_model", "--version", again, *DEPLOYED)
        wait_until_led(shop, again)
        for cookie in ("x=1; arm=b; y=2", "arm=b"):
            assert answered_by(shop, cookie=cookie) == f"{again} 200"
        for cookie in ("notarm=b", "arm=bc", "x=1; notarm=b", "x=arm=b", "ARM=b"):
            assert answered_by(shop, cookie=cookie) == f"{good} 200"
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "outcome=compared" in said and "alias-moved=false" in said
    assert set(seen) <= {f"{good} 200", "failed"} and seen["failed"] == 0, "without the key nobody met it"
    assert set(led) == {f"{good} 200", f"{again} 200"}, "before and after, and between"
    assert shop.aliases()[shop.environment] == int(good)
    assert list(shop.deployed().slots) == [shop.deployed().stable]
    story = shop.stories()[-1]
    assert all(written == follows for written, follows in journal.replay(story))
    blocks = [event.block for event in story.events if isinstance(event, engine.Observed)]
    assert 0 < sum(block.canary.requests for block in blocks) <= led[f"{again} 200"] + 10
    report = json.loads((shop.folder / "out" / "modelway" / "deploy-model.json").read_text())
    assert [effect["name"] for effect in report["effects"]] == ["errors", "latency"]
    low, high = report["effects"][0]["interval"]
    assert low < 0 < high
    assert "with cookie arm=b" in (shop.folder / "out" / "modelway" / "deploy-model.html").read_text()


@pytest.mark.long
def test_an_arm_that_fails_is_taken_back_at_once(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, strategy="ab", ab="{header: x-arm, value: b}", timeout_seconds=120)
    led = Counter[str]()
    with shop.traffic() as seen, asking(shop, led, **{"x-arm": "b"}):
        time.sleep(4)
        said = shop.deploy("failing", code=1)
    assert "rolled back" in said and seen["failed"] == 0
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_without_a_request_that_has_the_key_nothing_is_compared(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, strategy="ab", ab=ARM, timeout_seconds=3)
    with shop.traffic():
        time.sleep(4)
        said = shop.deploy("again", code=3)
    assert "nothing was compared" in said and "outcome=compared" in said
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_a_rollback_stops_it_and_what_was_measured_stays(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, strategy="ab", ab=ARM, timeout_seconds=600)
    led = Counter[str]()
    with shop.traffic(), asking(shop, led, cookie="arm=b"):
        time.sleep(4)
        process = shop.start("deploy_model", "--version", shop.versions["again"], *DEPLOYED)
        wait_until_led(shop, shop.versions["again"])
        time.sleep(3)
        shop.roll_back("--only-unfinished", "true")
        process.communicate(timeout=20)
    story = shop.stories()[-1]
    assert story.outcome == "compared"
    assert story.state.reasons[0].startswith("rolled back by") and "with the key" in story.state.reasons[1]
    assert answered_by(shop, cookie="arm=b") == f"{shop.versions['good']} 200"


@pytest.mark.long
def test_testers_may_be_known_by_a_cookie(shop: Shop) -> None:
    shop.deploy("good")
    with_keys(shop, steps="[0, 50, 100]", step_seconds=6, testers="{cookie: release, value: next}")
    new = shop.versions["again"]
    with shop.traffic() as seen:
        time.sleep(4)
        process = shop.start("deploy_model", "--version", new, *DEPLOYED)
        deadline = time.monotonic() + 60
        while answered_by(shop, cookie="release=next") != f"{new} 200":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert answered_by(shop, cookie="release=nextone") == f"{shop.versions['good']} 200"
        assert seen[f"{new} 200"] == 0
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "deploy.ab: is not given, and strategy ab knows by nothing else whom to lead"),
        ({"ab": "{value: b}"}, "deploy.ab: names neither a header nor a cookie"),
        ({"ab": "{cookie: arm, header: x-arm, value: b}"}, "deploy.ab: names a header and a cookie"),
        ({"ab": '{cookie: arm, value: "a;b"}'}, "deploy.ab.value: has ; in its value"),
        ({"ab": ARM, "testers": ARM}, "deploy.testers: are given, and strategy ab leads requests by deploy.ab alone"),
        ({"ab": ARM, "pause_at": "[50]"}, "strategy ab has no step at which it could wait"),
    ],
)
def test_a_key_that_is_none_is_refused_before_anything(shop: Shop, keys: dict[str, object], said: str) -> None:
    with_keys(shop, strategy="ab", **keys)
    assert said in shop.deploy("good", code=2)
    assert shop.processes() == []


@pytest.mark.long
def test_without_anything_to_compare_with_nothing_is_deployed(shop: Shop) -> None:
    with_keys(shop, strategy="ab", ab=ARM)
    assert "that an A/B could be compared with" in shop.deploy("good", code=1)
    assert shop.processes() == []
