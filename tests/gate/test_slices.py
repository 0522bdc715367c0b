"""Slices: every value by itself, missing ones too, and the small ones named instead of judged."""

from __future__ import annotations

import numpy as np
import pytest

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.gate import judge
from modelway.gate.groups import of_column
from modelway.gate.kinds.slices import Slices

LIMITS = {"accuracy_score": Limit(at_least=0.6)}


def test_each_slice_has_the_value_of_its_own_rows(scored, held_out) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(1000) < 0.5
    carrier = rng.choice(np.array(["UA", "B6", None], dtype=object), size=1000)
    right = rng.random(1000) < np.where(carrier == "UA", 0.9, 0.3)
    guess = np.where(right, truth, ~truth).astype(int)
    gate = Gate(slices=Slices(columns=("carrier",), limits=LIMITS))
    checks = {check.name: check for check in judge(gate, held_out(truth, carrier=carrier), scored(guess), None).checks}
    assert list(checks) == [f"accuracy_score where carrier = {name}" for name in ("B6", "UA", "(missing)")]
    for name, value in (("B6", "B6"), ("UA", "UA"), ("(missing)", None)):
        rows = np.array([one is value for one in carrier]) if value is None else carrier == value
        check = checks[f"accuracy_score where carrier = {name}"]
        assert (check.n, check.value) == (int(rows.sum()), pytest.approx(right[rows].mean()))
    assert [check.outcome for check in checks.values()] == ["fail", "pass", "fail"]


def test_small_slices_are_one_skipped_check_with_their_rows(scored, held_out) -> None:
    truth = np.arange(700) % 2
    column = np.array(["large"] * 600 + [f"small {row % 10}" for row in range(100)])
    gate = Gate(slices=Slices(columns=("c",), limits=LIMITS))
    checks = judge(gate, held_out(truth, c=column), scored(truth), None).checks
    assert [(check.name, check.outcome) for check in checks] == [
        ("accuracy_score where c = large", "pass"),
        ("slices of c", "skipped"),
    ]
    assert checks[1].n == 100 and "10 of 11 slices" in checks[1].detail and "100 of 700 rows" in checks[1].detail


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.array([2.0, 10.0, np.nan, 2.0]), ("2", "10", "(missing)")),
        (np.array([10, 2, 10]), ("2", "10")),
        (np.array(["b", "a", None], dtype=object), ("a", "b", "(missing)")),
        (np.array([1, "1", 1.0, float("nan"), None], dtype=object), ("1", "(missing)")),
        (np.array([True, False]), ("False", "True")),
        (np.array(["2020-01-02", "NaT"], dtype="datetime64[D]"), ("2020-01-02", "(missing)")),
        (np.array(["(missing)", "x"]), ("x", "(missing)")),
        (np.array([], dtype=float), ()),
    ],
)
def test_groups_of_a_column(values: np.ndarray, names: tuple[str, ...]) -> None:
    groups = of_column(values)
    assert groups.names == names
    assert groups.sizes().sum() == len(values) == len(groups.codes)


def test_groups_keep_which_row_is_whose() -> None:
    groups = of_column(np.array([10.0, np.nan, 2.0, 10.0]))
    assert [groups.names[code] for code in groups.codes] == ["10", "(missing)", "2", "10"]
