"""Comparing rows with servers that answer in every way that a server can: none of it breaks a rollout, or is agreement."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from modelway.errors import OutsideFailure
from modelway.rollout.comparison import MOST_NAMES, OTHER, ClassPair, RowCounts, RowsPlan, SliceRows, together
from modelway.serving.head import OPENS_HEADER
from modelway.serving.sampling import PATH
from modelway.stages.rollouts.compare_rows import MOST_FAILED, SLOW, RowComparison, class_of
from modelway.targets.place import Replica, Unanswered

PLAN = RowsPlan(most=500, task="binary", threshold=0.5, tolerance=0.01, slices=("carrier",))
ROWS = [{"carrier": "UA" if number % 5 == 0 else "AA", "x": number} for number in range(40)]
SECRET = "what a client sent"
Predict = Callable[[Mapping[str, Any]], Any]


def server(predict: Predict, rows: list[Any] | None = None, path: str = "/predict", **said: Any) -> Replica:
    """As ours answers; one that was started to remember rows has some."""
    left = list(rows or [])

    def ask(asked: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        sent = json.loads(body)
        if asked == PATH:
            if headers.get(OPENS_HEADER) != "token":
                raise Unanswered(403, f"it answers 403: {SECRET}")
            taken = [{"path": path, "row": left.pop(0)} for _ in range(min(sent["most"], len(left)))]
            return json.dumps({"rows": taken, "unreadable": 0, "classes": [], **said}).encode()
        split = sent.get("dataframe_split")
        asked_rows = [dict(zip(split["columns"], row, strict=True)) for row in split["data"]] if split else sent["rows"]
        return json.dumps({"predictions": [predict(row) for row in asked_rows]}).encode()

    return Replica("one", ask)


def compared(new: Replica, *stable: Replica, plan: RowsPlan = PLAN, most: int = 100, seconds: float = 5) -> RowCounts:
    return RowComparison(plan)(lambda: [new], lambda: list(stable), "token", most, seconds)


def low(row: Mapping[str, Any]) -> float:
    return 0.1


def high_for_ua(row: Mapping[str, Any]) -> float:
    return 0.9 if row["carrier"] == "UA" else 0.2


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
def test_rows_are_counted_by_class_and_slice(path: str) -> None:
    counts = compared(server(high_for_ua, ROWS, path), server(low))
    assert (counts.compared, counts.differ, counts.failed, counts.why) == (40, 8, 0, "")
    below, above = "below 0.5", "0.5 or above"
    assert set(counts.classes) == {ClassPair(below, below, 32), ClassPair(below, above, 8)}
    assert set(counts.slices) == {SliceRows("carrier", "UA", 8, 8), SliceRows("carrier", "AA", 32, 0)}


def test_no_more_rows_than_were_asked_for() -> None:
    assert compared(server(low, ROWS), server(low), most=7).compared == 7


def test_one_row_that_stable_refuses_is_none_of_the_others() -> None:
    def picky(row: Mapping[str, Any]) -> float:
        if row["x"] == 3:
            raise Unanswered(400, f'it answers 400: row 0: "{SECRET}" is no double')
        return 0.1

    counts = compared(server(low, ROWS), server(picky))
    assert (counts.compared, counts.differ, counts.failed) == (39, 0, 1)
    assert counts.why == "stable answers 400 at /predict"


def refusing(error: Exception) -> Predict:
    def predict(row: Mapping[str, Any]) -> float:
        raise error

    return predict


@pytest.mark.parametrize(
    ("new", "stable", "why"),
    [
        (
            server(low, ROWS),
            server(refusing(OutsideFailure(f"{SECRET}: refused"))),
            "stable does not answer at /predict",
        ),
        (server(refusing(Unanswered(500, SECRET)), ROWS), server(low), "the shadow answers 500 at /predict"),
        (
            Replica("x", lambda path, body, headers: SECRET.encode()),
            server(low),
            f"the shadow answers at {PATH} with what",
        ),
        (Replica("x", lambda path, body, headers: b'{"rows": 1}'), server(low), "in a form that is not known here"),
        (
            server(low, ROWS),
            Replica("x", lambda path, body, headers: b'{"predictions": []}'),
            "with what are no predictions",
        ),
        (server(low, ROWS), Replica("x", lambda path, body, headers: b"[" * 10**5), "with what is not JSON"),
        (server(low, ROWS), server(refusing(RuntimeError(SECRET))), "RuntimeError"),
        (
            Replica(
                "x",
                lambda path, body, headers: (
                    b'{"rows": [{"path": "/predict", "row": {"x": NaN}}], "unreadable": 0, "classes": []}'
                ),
            ),
            server(low),
            "ValueError",
        ),
        (server(low, ROWS, unreadable=3), server(low), "a request holds no rows of named columns"),
    ],
)
def test_what_cannot_be_compared_is_counted_and_never_agreement(new: Replica, stable: Replica, why: str) -> None:
    counts = compared(new, stable)
    assert counts.failed >= 1 and why in counts.why
    assert counts.compared == (40 if "named columns" in why else 0)
    assert SECRET not in repr(counts)


def test_a_server_in_trouble_is_not_asked_for_more() -> None:
    asked = list[object]()

    def failing(row: Mapping[str, Any]) -> float:
        asked.append(row)
        raise Unanswered(503, "it answers 503: too many requests wait")

    counts = compared(server(failing, ROWS), server(low))
    assert (counts.compared, counts.failed) == (0, MOST_FAILED)
    assert len(asked) <= MOST_FAILED + 1


def test_an_image_that_remembers_nothing_is_said_to() -> None:
    def old(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        raise Unanswered(404, "it answers 404: there is nothing")

    counts = compared(Replica("old", old), server(low))
    assert (counts.compared, counts.failed, counts.why) == (0, 1, f"the shadow answers 404 at {PATH}")


def test_without_a_server_to_ask_there_is_nothing() -> None:
    assert compared(server(low, ROWS)).why == "no server of stable can be asked by itself"


def test_a_server_that_hangs_holds_up_no_block_and_what_comes_late_is_counted_later() -> None:
    hanging = time.monotonic() + 1.2

    def late(row: Mapping[str, Any]) -> float:
        time.sleep(max(0.0, hanging - time.monotonic()))
        return 0.1

    compare, new, stable = RowComparison(PLAN), server(low, ROWS[:5]), server(late)
    waits, found = [], []
    for _ in range(6):
        began = time.monotonic()
        found.append(compare(lambda: [new], lambda: [stable], "token", 100, 0.3))
        waits.append(time.monotonic() - began)
    assert max(waits) < 0.6
    assert found[0] == RowCounts() and found[1] == RowCounts(failed=1, why=SLOW)
    assert together(found).compared == 5


def test_replicas_take_turns() -> None:
    seen = list[str]()

    def named(name: str) -> Replica:
        def predict(row: Mapping[str, Any]) -> float:
            seen.append(name)
            return 0.1

        return server(predict)

    compare, new = RowComparison(PLAN), server(low, ROWS)
    replicas = [named("first"), named("second")]
    for _ in range(4):
        compare(lambda: [new], lambda: replicas, "token", 2, 5)
    assert seen == ["first"] * 2 + ["second"] * 2 + ["first"] * 2 + ["second"] * 2


@pytest.mark.parametrize(
    ("task", "prediction", "classes", "said"),
    [
        ("binary", 0.4, (), "below 0.5"),
        ("binary", 0.5, (), "0.5 or above"),
        ("binary", [0.6, 0.4], ("no", "yes"), "no"),
        ("binary", {"p": 0.7}, ("no", "yes"), "yes"),
        ("binary", "late", ("no", "yes"), "late"),
        ("binary", True, (), "True"),
        ("binary", 1, (), "1"),
        ("multiclass", [0.2, 0.5, 0.3], ("a", "b", "c"), "b"),
        ("multiclass", [0.2, 0.5, 0.3], (), "class 1"),
        ("multiclass", 2.0, (), "2"),
        ("multiclass", "a" * 99, (), "a" * 40),
        ("regression", 3.5, (), None),
        ("binary", [["nested"]], (), None),
        ("binary", None, (), None),
        ("binary", {"a": {"b": 1}}, (), None),
        ("binary", [], (), None),
    ],
)
def test_the_class_that_a_prediction_says(task: Any, prediction: Any, classes: Any, said: str | None) -> None:
    assert class_of(msgspec.structs.replace(PLAN, task=task), prediction, classes) == said


def test_of_a_regression_numbers_differ_beyond_the_tolerance() -> None:
    plan = msgspec.structs.replace(PLAN, task="regression")
    stable = server(lambda row: 100.0 * row["x"])
    for factor, differ in ((1.009, 0), (1.011, 39)):
        counts = compared(server(lambda row, factor=factor: 100.0 * factor * row["x"], ROWS), stable, plan=plan)
        assert (counts.compared, counts.differ, counts.classes) == (40, differ, ())


def test_names_are_bounded_whatever_the_rows_hold() -> None:
    rows = [{"carrier": f"c{number}", "x": number} for number in range(MOST_NAMES + 30)]
    plan = msgspec.structs.replace(PLAN, task="multiclass")
    counts = compared(server(lambda row: f"n{row['x']}", rows), server(lambda row: f"s{row['x']}"), plan=plan)
    assert counts.compared == counts.differ == MOST_NAMES + 30
    assert len(counts.slices) == len(counts.classes) == MOST_NAMES + 1
    assert SliceRows("carrier", OTHER, 30, 30) in counts.slices and ClassPair(OTHER, OTHER, 30) in counts.classes
    assert together([counts, counts]).differ == 2 * counts.differ
