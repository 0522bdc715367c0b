"""Every check passes on a server that keeps the contract, and notices the one that breaks its part of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from endpoint.model_server import EXPECTED, serving
from modelway.endpoint import bad_input_checks, checks, prediction_checks
from modelway.endpoint.client import Endpoint
from modelway.endpoint.contract import CONTRACT
from modelway.endpoint.prediction_checks import same

QUICK = replace(EXPECTED, slow_client_seconds=0)

FAULTS = {
    "health is text": {"/health: answers"},
    "not ready": {
        "/ready: answers",
        "/predict: slow clients hold up nobody",
        "any path: after all of these it is as before",
    },
    "a field is missing": {"/model/version: *", "/metrics: names the model"},
    "two versions by turns": {"/model/version: is the same each time"},
    "another model": {"/model/version: model is as expected", "/metrics: names the model"},
    "another version": {"/model/version: version is as expected", "/metrics: names the model", "/predict: one row"},
    "another run_id": {"/model/version: run_id is as expected"},
    "another digest": {"/model/version: digest is as expected", "/metrics: names the model"},
    "another content": {"/model/version: content is as expected"},
    "metrics are JSON": {"/metrics: *"},
    "buckets do not add up": {"/metrics: is Prometheus' text"},
    "metrics of another version": {"/metrics: names the model"},
    "predict says another version": {"/predict: one row"},
    "not the same twice": {"/predict: the same each time"},
    "other predictions": {"/predict: as the gate's model"},
    "depends on the batch": {"/predict: as the gate's model", "/predict: a batch as one by one"},
    "dataframe_split is read wrongly": {"/invocations: dataframe_split as /predict"},
    "dataframe_records is read wrongly": {"/invocations: dataframe_records as /predict"},
    "instances is read wrongly": {"/invocations: instances as /predict"},
    "inputs is read wrongly": {"/invocations: inputs as /predict"},
    "GET is let through": {"/predict: refuses GET", "/invocations: refuses GET"},
    "POST is let through": {f"{path}: refuses POST" for path in ("/health", "/ready", "/model/version", "/metrics")},
    "unknown paths are found": {"any path: is 404 where it is unknown"},
    "no limit of size": {
        "/predict: refuses a body that is too large",
        "/invocations: refuses a body that is too large",
    },
    "a missing column is 0": {"/predict: refuses a missing column", "/invocations: refuses a missing column"},
    "any type is taken": {
        "/predict: refuses a value of the wrong type",
        "/invocations: refuses a value of the wrong type",
    },
    "the column is not named": {
        f"{path}: refuses {what}"
        for path in ("/predict", "/invocations")
        for what in ("a missing column", "a value of the wrong type")
    },
    "all broken after bad input": {"any path: after all of these it is as before"},
}
"""A fault -> the checks that must notice it. `*`: several of this path."""


def outcomes(url: str, expected: checks.Expected, timeout: float = 1.5) -> dict[str, checks.EndpointCheckResult]:
    done = checks.run(CONTRACT, Endpoint(url, timeout), expected)
    return {f"{item.about}: {item.name}": item for item in done}


def failed(url: str, expected: checks.Expected = QUICK, timeout: float = 1.5) -> set[str]:
    return {name for name, item in outcomes(url, expected, timeout).items() if item.outcome == "fail"}


def test_a_server_that_keeps_the_contract_passes_all_of_it() -> None:
    with serving() as url:
        found = outcomes(url, EXPECTED, timeout=10)
    assert {name: item.detail for name, item in found.items() if item.outcome != "pass"} == {}
    assert found["/predict: a body that never comes is refused"].detail.startswith("408")
    assert len({name for name, _ in found.items()}) == len(CONTRACT)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed_by_its_check(fault: str) -> None:
    wanted = FAULTS[fault]
    with serving(fault) as url:
        found = failed(url)
    for name in wanted:
        path, _, rest = name.partition(": ")
        assert any(item.startswith(f"{path}: ") for item in found) if rest == "*" else name in found, (name, found)
    if not any(name.endswith("*") for name in wanted) and "broken" not in fault and "two versions" not in fault:
        assert found == wanted


def test_the_last_digit_of_a_sum_that_threads_make_is_no_fault() -> None:
    with serving("another last digit") as url:
        found = outcomes(url, QUICK)
        exact = outcomes(url, replace(QUICK, tolerance=0.0))
    assert found["/predict: the same each time"].detail == "5 times the same, numbers within 1e-06"
    assert exact["/predict: the same each time"].outcome == "pass"  # the third time is over
    with serving("another last digit") as url:
        assert failed(url, replace(QUICK, tolerance=0.0)) == {"/predict: the same each time"}


def test_where_everything_is_refused_no_refusal_passes() -> None:
    with serving("everything is refused") as url:
        found = outcomes(url, QUICK)
    refusals = {
        name: item for name, item in found.items() if "refuses" in name and "GET" not in name and "POST" not in name
    }
    about = {name for name, item in refusals.items() if item.outcome == "pass"}
    assert about == {"any path: refuses what is not HTTP"}
    detail = found["/predict: refuses cut JSON"].detail
    assert detail == "a good request is answered 400, so a refusal shows nothing"


def test_without_rows_a_refusal_shows_nothing() -> None:
    with serving() as url:
        found = outcomes(url, checks.Expected())
    refused = found["/predict: refuses cut JSON"]
    assert refused.outcome == "skipped" and refused.detail.endswith("give environment and version, or rows")


def test_below_a_path_where_nothing_is_no_404_counts_as_a_refusal() -> None:
    with serving() as url:
        found = outcomes(f"{url}/elsewhere", QUICK)
    passed = {name for name, item in found.items() if item.outcome == "pass"}
    assert passed == {"any path: is 404 where it is unknown", "any path: refuses what is not HTTP"}


@pytest.mark.parametrize("fault", ["bad input is a 500", "a traceback"])
def test_bad_input_that_is_no_plain_4xx(fault: str) -> None:
    with serving(fault) as url:
        found = failed(url)
    assert {f"{path}: refuses {name}" for path in bad_input_checks.POSTED for name in bad_input_checks.BODIES} <= found


def test_bad_input_that_hangs_is_given_up_and_the_rest_is_not_waited_for() -> None:
    with serving("bad input hangs") as url:
        found = outcomes(url, QUICK, timeout=0.3)
    refusals = [item for name, item in found.items() if "refuses" in name]
    assert [item.detail for item in refusals[:3]] == ["no whole answer in 0.3 s"] * 3
    assert {item.detail for item in refusals[3:]} == {"not asked: the server no longer answers"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [("NaN is predicted", "is not JSON"), ("too few predictions", "4 rows were asked, and 3 predictions came")],
)
def test_predictions_that_are_none(fault: str, said: str) -> None:
    with serving(fault) as url:
        found = outcomes(url, QUICK)
    assert said in found["/predict: as the gate's model"].detail


def test_a_body_that_never_comes_must_be_refused_in_time() -> None:
    with serving("waits for slow clients") as url:
        [check] = [item for item in CONTRACT if item.name == "a body that never comes is refused"]
        [found] = checks.run([check], Endpoint(url, 5), replace(EXPECTED, slow_client_seconds=0.2))
    assert found.outcome == "fail"
    assert "still waited for after 0.2 s" in found.detail


def test_what_is_not_known_is_skipped_and_says_so() -> None:
    with serving() as url:
        found = outcomes(url, checks.Expected())
    skipped = {name for name, item in found.items() if item.outcome == "skipped"}
    assert not [name for name, item in found.items() if item.outcome == "fail"]
    assert {"/predict: as the gate's model", "/predict: one row", "/model/version: digest is as expected"} <= skipped
    assert all("give " in found[name].detail for name in skipped)


def test_a_verdict_without_rows_is_no_evidence() -> None:
    with serving() as url:
        found = failed(url, replace(QUICK, rows=(), predictions=()))
    assert found == {"/predict: as the gate's model"}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1e9, 1e9 + 100, True),
        (0.5, 0.5001, False),
        (float("nan"), float("nan"), False),
        (float("inf"), float("inf"), False),
        (True, 1, True),
        ([0.25, 0.75], {"0": 0.25, "1": 0.75}, True),
        ([0.25, 0.75], [0.25], False),
        ([1.5], 1.5, True),
        ("late", "late", True),
        ("late", "soon", False),
        ("1", 1, True),
        (None, 0.0, False),
        (None, None, True),
        ("x", [1, 2], False),
    ],
)
def test_when_two_predictions_are_the_same(one: object, other: object, equal: bool) -> None:
    assert same(one, other, 1e-6) is equal
    assert same(other, one, 1e-6) is equal


def test_each_format_means_the_same_rows() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    assert prediction_checks.FORMATS["dataframe_split"](rows) == {
        "columns": ["a", "b"],
        "data": [[1, "x"], [None, "y"]],
    }
    assert prediction_checks.FORMATS["inputs"](rows) == {"a": [1, None], "b": ["x", "y"]}
    assert prediction_checks.FORMATS["instances"](rows) == prediction_checks.FORMATS["dataframe_records"](rows) == rows
