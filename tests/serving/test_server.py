"""Every endpoint of a real server: right answers equal to pyfunc's, wrong questions 4xx, a model's faults 500 with an id."""

from __future__ import annotations

import concurrent.futures
import json
import re
from typing import Any

import pytest

from served import RELEASE, Serve, Served

ROW = {"x": 1.5, "n": 2, "i": 3, "f": 0.5}


def asking(name: str, **more: Any) -> dict[str, Any]:
    return ROW | {"name": name} | more


def test_the_small_endpoints(boosting: Served) -> None:
    assert boosting.get("/health").status_code == boosting.get("/ready").status_code == 200
    assert boosting.get("/model/version").json() == RELEASE
    with boosting.session.head(f"http://127.0.0.1:{boosting.port}/ready") as head:
        assert (head.status_code, head.content) == (200, b"") and int(head.headers["content-length"]) > 0


def test_every_protocol_says_what_pyfunc_says(boosting: Served, expected: dict[str, Any]) -> None:
    rows, said = expected["rows"], expected["boosting"]
    answer = boosting.post("/predict", {"rows": rows})
    assert answer.json() == {"predictions": said, "model": RELEASE["model"], "version": 3}
    assert [boosting.post("/predict", row).json()["predictions"][0] for row in rows] == said
    assert "past pyfunc's check" in boosting.said()  # the shorter way is the one that is tested here
    names = list(rows[0])
    for body in (
        {"dataframe_split": {"columns": names, "data": [list(row.values()) for row in rows]}},
        {"dataframe_records": rows},
        {"instances": rows},
        {"inputs": {name: [row[name] for row in rows] for name in names}},
    ):
        assert boosting.post("/invocations", body).json() == {"predictions": said}
    lines = [
        ",".join(names),
        *(",".join("" if row[name] is None else str(row[name]) for name in names) for row in rows),
    ]
    assert (
        boosting.post("/invocations", "\n".join(lines).encode(), "text/csv; charset=utf-8").json()["predictions"]
        == said
    )


def test_requests_at_once_are_put_together_and_say_the_same(boosting: Served, expected: dict[str, Any]) -> None:
    before = boosting.metric("modelway_batch_requests_count"), boosting.metric("modelway_batch_requests_sum")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(lambda row: boosting.post("/predict", row).json()["predictions"][0], expected["rows"] * 4)
        )
    assert found == expected["boosting"] * 4
    calls = boosting.metric("modelway_batch_requests_count") - before[0]
    assert calls < boosting.metric("modelway_batch_requests_sum") - before[1] == len(found)


@pytest.mark.long
def test_without_batching_the_same_is_said_and_each_goes_alone(serve: Serve, expected: dict[str, Any]) -> None:
    with serve("boosting", "--no-batching") as server:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda row: server.post("/predict", row).json()["predictions"][0], expected["rows"]))
        assert found == expected["boosting"]
        assert (
            server.metric("modelway_batch_requests_count") == server.metric("modelway_batch_requests_sum") == len(found)
        )


def test_every_type_reaches_the_model_as_pyfunc_casts_it(told: Served, expected: dict[str, Any]) -> None:
    assert told.post("/predict", expected["told_row"]).json()["predictions"] == expected["told"]
    bare = told.post("/predict", ROW).json()["predictions"]
    assert bare[0].startswith("x:float64|n:int64|i:int32|f:float32 ")


def test_rows_of_different_shapes_at_once_are_not_mixed(told: Served, expected: dict[str, Any]) -> None:
    asked = [expected["told_row"], ROW, expected["told_row"] | {"flag": None}, asking("a"), ROW | {"flag": True}]
    alone = [told.post("/predict", row).json()["predictions"] for row in asked]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        blocked = pool.submit(told.post, "/predict", asking("sleep 0.3"))  # so that the others wait together
        together = list(pool.map(lambda row: told.post("/predict", row).json()["predictions"], asked))
        assert blocked.result().status_code == 200
    assert together == alone


@pytest.mark.parametrize("bad", ["raise", "exit", "nan", "fewer"])
def test_a_row_that_fails_fails_no_neighbour(told: Served, bad: str) -> None:
    names = ["a", bad, "b", bad, "c"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        blocked = pool.submit(told.post, "/predict", asking("sleep 0.3"))
        answers = list(pool.map(lambda name: told.post("/predict", {"rows": [asking(name)] * 2}), names))
        assert blocked.result().status_code == 200
    assert [answer.status_code for answer in answers] == [500 if name == bad else 200 for name in names]
    failed = answers[1].json()
    assert set(failed) == {"error", "id"} and "\n" not in answers[1].text
    assert "secret" not in answers[1].text and "Traceback" not in answers[1].text
    told_in_log = told.said().partition(failed["id"])[2]
    assert "Traceback" in told_in_log and (bad != "raise" or "a secret of the model" in told_in_log)


def test_a_model_without_a_signature_and_one_of_tensors(serve: Serve, expected: dict[str, Any]) -> None:
    with serve("unsigned") as server:
        rows = expected["rows"]
        assert server.post("/predict", {"rows": rows}).json()["predictions"] == expected["unsigned"]
        assert server.post("/invocations", {"dataframe_records": rows}).json()["predictions"] == expected["unsigned"]
        assert server.metric("modelway_prediction_classes_total{") == 2 * len(rows)
        for bad in ({"rows": []}, {"rows": [1]}, {"carrier": [[1]], "delay": {}}, {}):
            assert server.post("/predict", bad).status_code == 400
        less = {name: value for name, value in rows[0].items() if name != "delay"}
        for path, body in (("/predict", less), ("/invocations", {"dataframe_records": [less]})):
            answer = server.post(path, body)
            assert (answer.status_code, answer.json()["field"]) == (400, "delay")
        more = {"more": 1} | dict(reversed(rows[0].items()))
        assert server.post("/predict", more).json()["field"] == "more"
        again = server.post("/invocations", {"dataframe_records": [more]})
        assert again.json()["predictions"] == expected["unsigned"][:1]
    with serve("bare") as server:
        assert server.post("/predict", {"x": 2, "y": 1}).json()["predictions"] == [4]
        answer = server.post("/predict", {"y": 1})
        assert (answer.status_code, answer.json()["field"]) == (400, "x")
        answer = server.post("/predict", {"x": -1, "y": 1})  # a KeyError of its own
        assert answer.status_code == 500
    with serve("tensor") as server:
        numbers = expected["numbers"]
        for body in ({"inputs": numbers}, {"instances": numbers}):
            assert server.post("/invocations", body).json()["predictions"] == expected["tensor"]
        for bad in (
            {"inputs": []},
            {"inputs": [[1, 2, 3]]},
            {"inputs": [["a", "b"]]},
            {"inputs": {"a": 1}},
            {"inputs": None},
        ):
            answer = server.post("/invocations", bad)
            assert answer.status_code == 400, answer.text
        assert server.post("/predict", {"x": 1}).status_code == 400


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"rows": []}', "application/json", 400),
        (b'{"dataframe_records": []}', "application/json", 400),
        (b'{"dataframe_split": {"columns": ["x"], "data": [[1]]}}', "application/json", 400),
        (b'{"inputs": {"x": [1, 2], "n": [1]}}', "application/json", 400),
        (b'{"instances": 1, "inputs": 2}', "application/json", 400),
        (b"[" * 15_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=latin-1", 415),
        (b"x" * 20_001, "application/json", 413),
        (json.dumps({"rows": [ROW] * 51}).encode(), "application/json", 413),
        (json.dumps({"instances": [ROW] * 51}).encode(), "application/json", 413),
    ],
)
def test_a_bad_body_is_4xx_in_one_line(told: Served, path: str, body: bytes, kind: str, status: int) -> None:
    answer = told.post(path, body, kind)
    refused_else = 400 if status == 413 and b"rows" in body and path == "/invocations" else status
    refused_else = 400 if status == 413 and b"instances" in body and path == "/predict" else refused_else
    assert answer.status_code == refused_else
    assert "\n" not in answer.text and answer.json()["error"]


def test_a_field_that_is_wrong_is_named(told: Served) -> None:
    for row, field in ((ROW | {"x": "1"}, "x"), ({"x": 1}, "n"), (ROW | {"more": 1}, "more"), (ROW | {"n": None}, "n")):
        answer = told.post("/predict", row)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    for text in (b"x,n,i,f\n1,a,1,1", b"x,n,i\n1,1,1", b"", b'"', b"x,n,i,f\ninf,1,1,1", b"x,n,i,f"):
        assert told.post("/invocations", text, "text/csv").status_code == 400, text


def test_null_is_refused_where_the_model_has_never_seen_one(serve: Serve) -> None:
    with serve("sure") as server:
        assert server.post("/predict", {"rows": [{"sure": True}, {"sure": False}]}).json()["predictions"] == [1.0, 0.0]
        for path, body in (
            ("/predict", {"rows": [{"sure": True}, {"sure": None}]}),
            ("/invocations", {"inputs": {"sure": [None]}}),
        ):
            none = server.post(path, body)
            assert (none.status_code, none.json()["field"]) == (400, "sure")


def test_no_rows_are_said_to_be_none(told: Served) -> None:
    split = {"columns": list(ROW), "data": []}
    for path, body in (
        ("/predict", {"rows": []}),
        ("/invocations", {"dataframe_records": []}),
        ("/invocations", {"instances": []}),
        ("/invocations", {"dataframe_split": split}),
        ("/invocations", {"inputs": {name: [] for name in ROW}}),
        ("/invocations", {"inputs": {}}),
    ):
        answer = told.post(path, body)
        assert (answer.status_code, answer.json()) == (400, {"error": "there are no rows"}), body


def test_what_platforms_ask(boosting: Served) -> None:
    assert boosting.get("/ping").status_code == 200
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", boosting.get("/version").text)


def test_unknown_paths_and_methods(told: Served) -> None:
    assert (
        told.get("/nothing").status_code
        == told.get("/predict/").status_code
        == told.get("//predict").status_code
        == 404
    )
    wrong = told.get("/predict")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    wrong = told.post("/ready", {})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")


def test_a_full_queue_is_503_and_says_when_to_come_back(told: Served) -> None:
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: told.post("/predict", asking("sleep 0.3")), range(40)))
    turned_away = [answer for answer in answers if answer.status_code == 503]
    assert turned_away and all(answer.headers["retry-after"] == "1" for answer in turned_away)
    assert {answer.status_code for answer in answers} == {200, 503}
    assert told.post("/predict", ROW).status_code == 200


def test_metrics_count_requests_and_predictions(boosting: Served, expected: dict[str, Any]) -> None:
    start = 'modelway_requests_total{model="a \\"quoted\\" name",version="3",digest="' + "d" * 64 + '"'
    counts = (
        start + ',path="/predict",status="200"',
        "modelway_prediction_score_count",
        start + ',path="/predict",status="400"',
    )
    before = [boosting.metric(name) for name in counts]
    assert boosting.post("/predict", {"rows": expected["rows"][:7]}).status_code == 200
    assert boosting.post("/predict", {"rows": 1}).status_code == 400
    assert [boosting.metric(name) - was for name, was in zip(counts, before, strict=True)] == [1, 7, 1]
    names = set(re.findall(r"^# TYPE (\S+)", boosting.get("/metrics").text, re.MULTILINE))
    assert {"modelway_request_duration_seconds", "modelway_batch_rows", "modelway_prediction_classes_total"} <= names
