"""Which run is the best: ties, values that are none, and conditions; whatever order a server answers in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import InvalidInput
from modelway.registry.entities import Run
from modelway.registry.selection import PARENT_TAG, conditions_of, ranking


def run(number: int, value: float | None, started: int = 0, **more: object) -> Run:
    metrics = {} if value is None else {"auc": value}
    extra = more.get("metrics", {})
    assert isinstance(extra, dict)
    params, tags = more.get("params", {}), more.get("tags", {})
    assert isinstance(params, dict) and isinstance(tags, dict)
    return Run(str(number), "1", "FINISHED", "", tags, params, metrics | extra, (), started)


def test_the_largest_or_the_smallest_and_of_equal_ones_the_first() -> None:
    runs = [run(1, 0.7, 5), run(2, 0.9, 9), run(3, 0.9, 3), run(4, 0.2, 1)]
    found = ranking(runs, "auc", "maximize")
    assert [row.run.id for row in found.best] == ["3", "2", "1", "4"]
    assert [row.run.id for row in found.tied] == ["3", "2"]
    assert ranking(runs, "auc", "minimize").best[0].run.id == "4"


def test_what_has_no_finite_value_is_counted_and_never_the_best() -> None:
    runs = [run(1, math.nan), run(2, math.inf), run(3, None), run(4, -math.inf), run(5, 0.1)]
    for direction in ("maximize", "minimize"):
        found = ranking(runs, "auc", direction)  # type: ignore[arg-type]
        assert [row.run.id for row in found.best] == ["5"]
        assert found.left_out == {"auc is not finite": 3, "without auc": 1}


def test_conditions_hold_of_metrics_parameters_and_tags() -> None:
    runs = [
        run(1, 0.9, metrics={"a b/seconds": 3.0}, params={"kind": "forest"}, tags={"team": "x"}),
        run(2, 0.8, metrics={"a b/seconds": 1.0}, params={"kind": "forest"}),
        run(3, 0.7, metrics={"a b/seconds": 1.0}, params={"kind": "linear = 1"}, tags={"team": "y"}),
        run(4, 0.6, metrics={"a b/seconds": math.nan}),
    ]

    def best(text: str) -> list[str]:
        return [row.run.id for row in ranking(runs, "auc", "maximize", conditions_of(text)).best]

    assert best("a b/seconds<=1") == ["2", "3"]
    assert best("a b/seconds > 1") == ["1"]
    assert best("metrics.a b/seconds < 3, params.kind = forest") == ["2"]
    assert best("params.kind != forest") == ["3"]
    assert best("tags.team != x") == ["3"]  # a run without the tag keeps no condition of it
    assert best("auc >= 0.95") == []
    assert ranking(runs, "auc", "maximize", conditions_of("auc >= 0.75")).left_out == {"not auc >= 0.75": 2}


@pytest.mark.parametrize(
    "text", ["auc", "auc = 1", "auc > x", "auc > nan", "params.kind > 3", "auc >> 1", "> 3", "auc >", "a > 1,, b > 2"]
)
def test_what_is_no_condition_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="input conditions"):
        conditions_of(text)


def test_the_runs_of_one_study_alone() -> None:
    runs = [run(1, 0.9), run(2, 0.5, tags={PARENT_TAG: "s"}), run(3, 0.6, tags={PARENT_TAG: "other"})]
    found = ranking(runs, "auc", "maximize", parent="s")
    assert [row.run.id for row in found.best] == ["2"] and not found.left_out


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 3)), min_size=1), st.randoms())
def test_the_order_of_the_answer_decides_nothing(pairs: list[tuple[float, int]], shuffled: object) -> None:
    runs = [run(number, value, started) for number, (value, started) in enumerate(pairs)]
    first = ranking(runs, "auc", "maximize").best
    shuffled.shuffle(runs)  # type: ignore[attr-defined]
    again = ranking(runs, "auc", "maximize").best
    assert first == again
    top = max(value for value, _ in pairs)
    assert first[0].value == top
    assert first[0].run.started_ms == min(started for value, started in pairs if value == top)
