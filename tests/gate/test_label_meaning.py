"""gate.label-as: a label that the training makes of what the data hold is the truth as the model has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelway.config.label_meaning import LabelNamed, class_text, read_meaning
from modelway.errors import InvalidInput
from modelway.gate import judge
from modelway.gate.classes import class_of

QUALITY = np.arange(200) % 6 + 3  # 3 to 8: a third is 7 or 8
RAW: Any = pytest.mark.parametrize(
    "labels", [QUALITY, QUALITY.astype(float), QUALITY.astype(str), QUALITY.astype(str).astype(object)]
)


def accuracy(judgement: Any) -> float:
    (found,) = (check.value for check in judgement.checks if check.name == "accuracy_score")
    return float(found)


@RAW
def test_a_comparison_makes_1_and_0_however_the_label_is_stored(policy, scored, held_out, labels: Any) -> None:
    asked = policy(label="quality", label_as=">= 7")
    said = (QUALITY >= 7).astype(int)
    found = judge(asked, held_out(labels), scored(said), None)
    assert accuracy(found) == 1 and found.positive_rows == said.sum()
    assert found.positive_class == "quality >= 7"
    said[:50] = 1 - said[:50]
    assert accuracy(judge(asked, held_out(labels), scored(said), None)) == 0.75


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (">= 7", QUALITY >= 7),
        ("> 7", QUALITY > 7),
        ("<4.5", QUALITY < 4.5),
        (" <= +4 ", QUALITY <= 4),
        ("> -1.5", QUALITY > -1.5),
    ],
)
def test_each_sign(policy, scored, held_out, written: str, kept: np.ndarray) -> None:
    assert accuracy(judge(policy(label_as=written), held_out(QUALITY), scored(kept.astype(int)), None)) == 1


@pytest.mark.parametrize("names", [{"Yes": 1, "No": 0}, {"No": False, "Yes": True}])
def test_names_are_what_the_model_says(policy, scored, held_out, names: Any) -> None:
    labels = np.array(["No", "Yes", "No"] * 60, dtype=object)
    found = judge(policy(label_as=names), held_out(labels), scored(np.tile([0.1, 0.8, 0.4], 60)), None)
    assert accuracy(found) == 1
    assert (found.positive_class, found.positive_rows) == ("Yes", 60), "as the data write it"


def test_names_of_numbers_and_of_several_classes(policy, scored, held_out) -> None:
    labels = np.array([1.0, 2.0, 3.0] * 60)
    asked = policy(task="multiclass", label_as={1: "low", 2: "middle", "3": "high"})
    assert accuracy(judge(asked, held_out(labels), scored(np.tile(["low", "middle", "high"], 60)), None)) == 1


@pytest.mark.parametrize(
    ("labels", "keys", "said"),
    [
        ([3, 7, "many"], {"label_as": ">= 7"}, "1 of 3 labels: 'many'"),
        (["Yes", "No", "Maybe"], {"label_as": {"Yes": 1, "No": 0}}, "1 of 3 labels: 'Maybe'"),
        ([3, 7, None], {"label_as": ">= 7"}, "1 of 3 test rows have no label"),
        ([3, 7], {"label_as": "7 or more"}, "compares with no number"),
        ([3, 7], {"label_as": ">= nan"}, "compares with no number"),
        ([3, 7], {"label_as": {3: 0}}, "less than two classes"),
        ([3, 7], {"label_as": {3: 0, "3": 1, 7: 1}}, "'3' has two names"),
        ([3.0, 7.0], {"label_as": ">= 7", "task": "regression", "limits": {}}, "gate.task is regression"),
    ],
)
def test_what_cannot_be_meant_is_refused(policy, scored, held_out, labels: Any, keys: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        judge(policy(**keys), held_out(np.array(labels, dtype=object)), scored([0] * len(labels)), None)
    assert said in refused.value.what


def test_a_model_that_says_other_classes_is_told_of_it(policy, scored, held_out) -> None:
    labels = np.array(["No", "Yes"] * 50, dtype=object)
    found = judge(policy(positive_class="Yes", task="multiclass"), held_out(labels), scored(np.tile([0, 1], 50)), None)
    assert "gate.label-as" in found.checks[0].detail


def test_classes_as_text_are_those_of_the_gate() -> None:
    values = [
        1,
        1.0,
        "1",
        "1.0",
        True,
        np.True_,
        "true",
        0,
        -0.0,
        "False",
        2.5,
        "2.50",
        "yes",
        "007",
        -3,
        np.float64(4),
    ]
    for one in values:
        for other in values:
            assert (class_text(one) == class_text(other)) == (class_of(one) == class_of(other)), (one, other)


def test_its_names_are_told_apart_by_class() -> None:
    meaning = read_meaning({True: "good", 0: "bad"})
    assert isinstance(meaning, LabelNamed) and [meaning.of(value) for value in (1, "1", 0.0, "no")] == [
        "good",
        "good",
        "bad",
        None,
    ]
