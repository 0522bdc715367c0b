"""An input that gives the answer away is warned about; a good input is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.gate import HeldOut, Scored, judge
from modelway.gate.leakage import telling
from modelway.gate.truth import read_truth

N = 400
RNG = np.random.default_rng(1)
LATE = RNG.random(N) < 0.3
MINUTES = np.where(LATE, 16 + RNG.exponential(20, N), 14 - RNG.exponential(10, N))
KINDS = RNG.choice(["ant", "bee", "cow"], size=N, p=[0.6, 0.3, 0.1])
PRICE = RNG.lognormal(size=N)


def with_missing(values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(N) % 3 == 0, None, values.astype(object))


BINARY, MULTICLASS, REGRESSION = Gate(), Gate(task="multiclass"), Gate(task="regression")
TELLING = {
    "itself": (BINARY, LATE.astype(int), LATE.astype(int)),
    "itself, written otherwise": (BINARY, LATE.astype(str), LATE.astype(float)),
    "turned round": (BINARY, LATE.astype(int), 1 - LATE),
    "a code of it": (BINARY, LATE.astype(int), np.where(LATE, "L", "on time")),
    "what it was made from": (BINARY, LATE.astype(int), MINUTES),
    "itself where it is known": (BINARY, LATE.astype(int), with_missing(np.where(LATE, "y", "n"))),
    "a finer code of it": (BINARY, LATE.astype(int), np.where(LATE, RNG.choice(["L1", "L2"], N), "on time")),
    "a code of classes": (MULTICLASS, KINDS, np.select([KINDS == "ant", KINDS == "bee"], [7, 3], 5)),
    "a scale": (REGRESSION, PRICE, 1.19 * PRICE + 3),
    "labels as text": (REGRESSION, PRICE.astype(str), -PRICE),
}
INNOCENT = {
    "noise": (BINARY, LATE.astype(int), RNG.normal(size=N)),
    "a good feature": (BINARY, LATE.astype(int), LATE + RNG.normal(size=N)),
    "one row of it wrong": (BINARY, LATE.astype(int), np.where(np.arange(N) == 7, 1 - LATE, LATE)),
    "a name of each row": (BINARY, LATE.astype(int), np.array([f"id{row}" for row in range(N)])),
    "a constant": (BINARY, LATE.astype(int), np.ones(N)),
    "nothing": (BINARY, LATE.astype(int), np.full(N, None)),
    "part of the classes": (MULTICLASS, KINDS, (KINDS == "ant").astype(int)),
    "a number of each row": (REGRESSION, PRICE, np.arange(N)),
    "a good feature of a number": (REGRESSION, PRICE, PRICE + 0.01 * RNG.normal(size=N)),
    "a constant beside a number": (REGRESSION, PRICE, np.ones(N)),
}


@pytest.mark.parametrize("name", TELLING)
def test_what_alone_gives_the_label_is_named(name: str) -> None:
    policy, labels, values = TELLING[name]
    (warning,) = telling(read_truth(policy, labels), {"noise": RNG.normal(size=N), "x": values})
    assert warning.startswith("the input 'x' alone gives the label of all ")


@pytest.mark.parametrize("name", INNOCENT)
def test_a_good_feature_is_not(name: str) -> None:
    policy, labels, values = INNOCENT[name]
    assert telling(read_truth(policy, labels), {"x": values}) == []


@pytest.mark.parametrize("rows", [0, 1, 2, 15])
def test_few_rows_prove_nothing(rows: int) -> None:
    labels = np.arange(rows) % 2
    assert telling(read_truth(BINARY, labels), {"x": labels}) == []
    assert telling(read_truth(REGRESSION, labels.astype(float)), {"x": labels}) == []


def judged(policy: Gate, labels: Any, score: np.ndarray, **inputs: np.ndarray) -> Any:
    scored = Scored(np.stack([1 - score, score], axis=1), None, (), 1)
    return judge(policy, HeldOut(np.asarray(labels), {}), scored, None, inputs)


def test_the_verdict_has_the_warning_and_says_for_which_rows() -> None:
    policy = Gate(limits={"accuracy_score": Limit(at_least=0.1)})
    warnings = judged(policy, LATE.astype(int), RNG.random(N), x=with_missing(LATE), y=MINUTES).warnings
    assert warnings[0].startswith("the input 'x' alone gives the label of all 266 test rows that have it")
    assert warnings[1] == (
        "the input 'y' alone gives the label of all 400 test rows: is it known when a prediction is asked for?"
    )
