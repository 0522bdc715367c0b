"""A class is the same however it was written down: CSV gives text, models give numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, judge
from modelway.gate.classes import class_of, shown

RNG = np.random.default_rng(3)
TRUTH = RNG.random(400) < 0.4
SCORE = np.clip(0.5 * TRUTH + 0.5 * RNG.random(400), 0, 1)


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "1.0", "true", "True", b"1", np.int8(1), np.float32(1), np.True_])
def test_one_is_one(value: Any) -> None:
    assert class_of(value) == 1 and type(class_of(value)) is int


@pytest.mark.parametrize("value", ["007", "1e3", "yes", "", " 1", "+1", "1_0", "inf", "nan"])
def test_text_stays_text(value: str) -> None:
    assert class_of(value) == value


@pytest.mark.parametrize(
    "written", [("0", "1"), (0, 1), (0.0, 1.0), (False, True), ("False", "True"), ("false", "true")]
)
@pytest.mark.parametrize("classes", [(0, 1), (False, True), ("0", "1"), None])
@pytest.mark.parametrize("positive", [1, True, "1"])
def test_labels_classes_and_policy_meet(written: tuple[Any, Any], classes: Any, positive: Any) -> None:
    labels = np.array([written[int(value)] for value in TRUTH])
    policy = Gate(positive_class=positive, limits={"roc_auc_score": Limit(at_least=0.6)})
    scored = Scored(np.stack([1 - SCORE, SCORE], axis=1), classes, (), 1)
    assert judge(policy, HeldOut(labels, {}), scored, None).outcome == "pass"


@pytest.mark.parametrize("written", [(0, 1), (0.0, 1.0), (False, True), ("0", "1")])
def test_predicted_labels_meet_labels_of_another_type(written: tuple[Any, Any]) -> None:
    guess = np.array([written[int(value)] for value in TRUTH])
    policy = Gate(limits={"accuracy_score": Limit(at_least=0.9)})
    assert judge(policy, HeldOut(TRUTH.astype(str), {}), Scored(guess, None, (), 1), None).outcome == "pass"


def test_shown_values_stay_short() -> None:
    assert len(shown(["x" * 100_000, "y\n", 3, 4])) < 200
    assert "\n" not in shown(["y\n"])


POLICY = {"limits": {"roc_auc_score": Limit(at_least=0.6)}}


def judged(labels: Any, **keys: Any) -> Any:
    scored = Scored(np.stack([1 - SCORE, SCORE], axis=1), None, (), 1)
    return judge(Gate(**POLICY, **keys), HeldOut(np.asarray(labels), {}), scored, None)


@pytest.mark.parametrize(
    ("written", "shown_as"),
    [((0, 1), "1"), ((-1, 1), "1"), (("0", "1"), "1"), ((False, True), "True"), (("false", "true"), "true")],
)
def test_the_usual_labels_have_1_as_the_positive_class_and_the_verdict_says_so(written: Any, shown_as: str) -> None:
    found = judged([written[int(value)] for value in TRUTH])
    assert (found.outcome, found.positive_class, found.positive_rows) == ("pass", shown_as, int(TRUTH.sum()))


@pytest.mark.parametrize("written", [(1, 2), ("1", "2"), (1.0, 2.0), ("no", "yes"), (0, 2), ("yes", "yes")])
def test_of_other_labels_the_positive_class_has_to_be_named(written: Any) -> None:
    labels = [written[int(value)] for value in TRUTH]
    with pytest.raises(InvalidInput, match="nothing says which of them is the positive class") as caught:
        judged(labels)
    assert caught.value.where == "gate.positive-class"
    _, _, value = caught.value.fix.partition("positive-class: ")
    found = judged(labels, positive_class=yaml.safe_load(value))
    assert found.positive_class == str(written[1])
    assert found.positive_rows == (len(labels) if written[0] == written[1] else int(TRUTH.sum()))


def test_a_positive_class_of_one_for_labels_1_and_2_is_taken_when_it_is_named() -> None:
    found = judged([2 - int(value) for value in TRUTH], positive_class=1)
    assert (found.outcome, found.positive_class) == ("pass", "1")


def test_other_tasks_have_no_positive_class() -> None:
    policy = Gate(task="multiclass", limits={"accuracy_score": Limit(at_least=0.1)})
    found = judge(policy, HeldOut(TRUTH.astype(int) + 1, {}), Scored(TRUTH.astype(int) + 1, None, (), 1), None)
    assert (found.positive_class, found.positive_rows) == ("", 0)
