"""Replicas are warm, and predict what the gate saw, before any client asks them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

import msgspec
import pytest

from deployment.shop import Shop
from deployment.test_shadow_and_testers import with_keys
from modelway.config import Deploy
from modelway.errors import OutsideFailure
from modelway.records.verdict import Sample
from modelway.serving import steady
from modelway.stages.rollouts import warm_up
from modelway.stages.rollouts.rollout import Work
from modelway.targets.place import Replica

SAMPLES = tuple(Sample(row=number, features={"a": number}, label=0, candidate=number / 10) for number in range(10))


def replica(predict: Callable[[float], object], seconds: Callable[[int], float] = lambda asked: 0.0) -> Replica:
    """One that answers as our server does, after so many seconds the first time, the second time, ..."""
    asked = 0

    def ask(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        nonlocal asked
        asked += 1
        time.sleep(seconds(asked))
        (row,) = json.loads(body)["rows"]
        return json.dumps({"predictions": [predict(row["a"])]}).encode()

    return Replica("replica 0", ask)


def test_a_cold_replica_is_asked_until_its_times_are_steady() -> None:
    said: list[str] = []
    warm_up.warm_up(SAMPLES, said.append, [replica(lambda a: a / 10, lambda asked: 0.02 if asked < 40 else 0.002)])
    assert "warmed up in" in said[0] and "not steady" not in said[0]
    first, last = (float(part.split()[-1]) for part in said[0].split(" ms")[:2])
    assert first > 15 > 10 > last


def test_one_that_predicts_something_else_is_not_the_model_that_was_judged() -> None:
    with pytest.raises(
        OutsideFailure, match=r"replica 0 predicts 0\.5 for row 1 of the test data, and the gate saw 0\.1"
    ):
        warm_up.warm_up(SAMPLES, print, [replica(lambda a: 0.5 if a else 0.0)])


def test_one_that_is_restarted_meanwhile_loads_its_model_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster says that it is ready until it has looked again."""
    monkeypatch.setattr(warm_up, "PAUSE_SECONDS", 0.01)
    warm, asked = replica(lambda a: a / 10), 0

    def ask(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        nonlocal asked
        asked += 1
        if asked <= 3 * steady.ROUND:
            raise OutsideFailure("it answers 503 at /predict: the model is being loaded")
        return warm.ask(path, body, headers)

    said: list[str] = []
    warm_up.warm_up(SAMPLES, said.append, [Replica("replica 0", ask)])
    assert said[0] == (
        "replica 0 answers nothing yet, asked for 20 s at most: it answers 503 at /predict: the model is being loaded"
    )
    assert "warmed up in" in said[1]
    assert len(said) == 3


def test_one_that_answers_no_row_gets_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "MOST_SECONDS", 0.5)

    def ask(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        raise OutsideFailure("it answers 500: out of order")

    with pytest.raises(OutsideFailure, match="answers none of the gate's sample rows: it answers 500: out of order"):
        warm_up.warm_up(SAMPLES, print, [Replica("replica 0", ask)])


def test_where_only_times_matter_what_it_predicts_is_not_checked() -> None:
    said: list[str] = []
    warm_up.warm_up(SAMPLES, said.append, [replica(lambda a: 0.5)], "answers")
    assert "warmed up in" in said[0]


def test_what_comes_back_is_warmed_and_held_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate saw another release's predictions, and a way back is not held up."""
    monkeypatch.setattr(warm_up, "MOST_SECONDS", 0.5)

    def ask(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        raise OutsideFailure("it answers 500: out of order")

    warm_up.warm_up(SAMPLES, print, [Replica("replica 0", ask)], "nothing")
    with pytest.raises(OutsideFailure, match="answers none"):
        warm_up.warm_up(SAMPLES, print, [Replica("replica 0", ask)], "answers")


def test_before_the_first_share_and_not_where_nobody_wants_it(shop: Shop) -> None:
    with_keys(shop, strategy="all-at-once")
    said = shop.deploy("good")
    assert said.index("is ready") > said.index("warmed up in")
    with_keys(shop, check_predictions="false")
    assert "warmed up in" not in shop.deploy("again")


@pytest.mark.parametrize(
    ("strategy", "key", "checks"),
    [("blue-green", None, True), ("canary", None, False), ("canary", True, True), ("blue-green", False, False)],
)
def test_blue_green_checks_predictions_unless_it_is_told_not_to(strategy: str, key: bool | None, checks: bool) -> None:
    deploy = msgspec.convert({"strategy": strategy, "check-predictions": key}, Deploy)
    assert Work(None, None, deploy, None).checks_predictions is checks  # type: ignore[arg-type]
