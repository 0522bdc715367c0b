"""A deployed model of any kind: how it is asked, what counts as an answer, and that nothing passes without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import benchmark_endpoint
import test_endpoint
from endpoint.foreign_server import serving
from endpoint.model_server import ROWS
from endpoint.model_server import serving as serving_ours
from modelway.endpoint import dialects

OWN = ["--path", "/score?verbose=0", "--body", '{"input": {"names": "{columns}", "table": "{values}"}}']
SMALL = ["--requests-per-second", "100", "--duration-seconds", "0.5", "--warm-up-seconds", "0", "--error-percent", "50"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "flags"),
    [("v2", []), ("v2", ["--protocol", "kserve-v2", "--path", "/v2/models/double/infer"]), ("own", OWN)],
)
def test_a_server_of_another_kind_is_tested_and_measured(folder: Path, kind: str, flags: list[str]) -> None:
    answer = ["--answer", "data.scores"] if kind == "own" else []
    with serving(kind) as url:
        asked = ["--url", url, "--rows", "rows.jsonl", *flags, *answer]
        assert test_endpoint.main(asked) == 0
        report = json.loads((folder / "out/modelway/test-endpoint.json").read_text())
        assert benchmark_endpoint.main([*asked, *SMALL]) in (0, 3)
        measured = json.loads((folder / "out/modelway/benchmark-endpoint.json").read_text())
    passed = {item["name"] for item in report["checks"] if item["outcome"] == "pass"}
    assert {"one row", "the same each time", "a batch as one by one", "refuses cut JSON"} <= passed
    assert report["protocol"] == measured["asked"]["protocol"] == {"v2": "kserve-v2", "own": "template"}[kind]
    assert measured["run"]["failures"] == {}


def test_the_predictions_must_stand_where_they_are_said_to(folder: Path, capsys: Any) -> None:
    with serving("own") as url:
        asked = ["--url", url, "--rows", "rows.jsonl", *OWN]
        assert test_endpoint.main(asked) == 1
        assert "there is no predictions in the answer" in capsys.readouterr().out
        assert benchmark_endpoint.main([*asked, *SMALL]) == 2
        assert "without a prediction (there is no predictions in the answer)" in capsys.readouterr().out


def test_a_page_for_whoever_comes_is_no_model(folder: Path, capsys: Any) -> None:
    with serving("wall") as url:
        for flags in ([], ["--protocol", "mlflow"]):
            assert benchmark_endpoint.main(["--url", url, "--rows", "rows.jsonl", *SMALL, *flags]) == 2
            assert "without a prediction" in capsys.readouterr().out
        assert test_endpoint.main(["--url", url, "--rows", "rows.jsonl"]) == 1


def test_left_out_the_address_is_the_environments_own(folder: Path) -> None:
    with serving_ours() as url:
        port = url.rpartition(":")[2]
        text = f"model: m\nenvironments:\n  live: {{deploy: {{local: {{port: {port}}}}}}}\n  batch: {{}}\n"
        (folder / "modelway.yml").write_text(text)
        asked = ["--environment", "live", "--rows", "rows.jsonl", *SMALL]
        assert benchmark_endpoint.main(asked) in (0, 3)
        assert json.loads((folder / "out/modelway/benchmark-endpoint.json").read_text())["url"] == url


def test_an_environment_without_a_deployment_has_no_address(folder: Path, capsys: Any) -> None:
    (folder / "modelway.yml").write_text("model: m\nenvironments: {batch: {}}\n")
    for script in (test_endpoint, benchmark_endpoint):
        assert script.main(["--environment", "batch", "--version", "1"]) == 2
        assert "batch has no section deploy" in capsys.readouterr().out


def test_types_of_tensors_follow_the_signature_then_the_values() -> None:
    rows = [
        {"a": 1, "b": 1, "c": True, "d": "x", "e": 1.5, "f": None, "g": 1},
        {"a": 2, "b": None} | dict.fromkeys("cdefg"),
    ]
    body = dialects.kserve("/v2/models/m/infer", rows, {"g": "double"}).body(rows[:1])
    types = {item["name"]: item["datatype"] for item in body["inputs"]}
    assert types == {"a": "INT64", "b": "FP64", "c": "BOOL", "d": "BYTES", "e": "FP64", "f": "BYTES", "g": "FP64"}


@pytest.mark.parametrize(
    ("tensors", "rows"),
    [
        ([{"shape": [2], "data": [1, 2]}], [1, 2]),
        ([{"shape": [2, 1], "data": [1, 2]}], [1, 2]),
        ([{"shape": [2, 2], "data": [1, 2, 3, 4]}], [[1, 2], [3, 4]]),
        ([{"shape": [2, 2], "data": [[1, 2], [3, 4]]}], [[1, 2], [3, 4]]),
        ([{"shape": [2], "data": [1, 2]}, {"shape": [2], "data": ["a", "b"]}], [[1, "a"], [2, "b"]]),
    ],
)
def test_tensors_become_rows(tensors: list[Any], rows: list[Any]) -> None:
    asked = dialects.kserve("/p", [{"a": 1}], {})
    assert asked.predictions({"outputs": tensors}, 2) == rows


@pytest.mark.parametrize(
    "said",
    [[], {}, {"outputs": []}, {"outputs": [1]}, {"outputs": [{"shape": [3], "data": [1, 2, 3]}]}]
    + [{"outputs": [{"shape": [2, 2], "data": [1, 2, 3]}]}, {"outputs": [{"data": [1, 2]}]}, {"error": "no"}],
)
def test_what_is_no_tensor_of_so_many_rows_is_no_prediction(said: Any) -> None:
    with pytest.raises(ValueError, match="answer|output"):
        dialects.kserve("/p", [{"a": 1}], {}).predictions(said, 2)


def test_a_template_holds_rows_where_it_says_so() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": None, "b": "{row}"}]
    made = dialects.template("/p", '{"k": ["{rows}", "{columns}", "{values}", "text {rows}"], "n": 1}', "").body(rows)
    assert made == {"k": [rows, ["a", "b"], [[1, "x"], [None, "{row}"]], "text {rows}"], "n": 1}
    one = dialects.template("/p", '"{row}"', "0.y")
    assert (one.body(rows[:1]), one.most_rows) == (rows[0], 1)
    assert one.predictions([{"y": [5]}], 1) == [5]
    assert dialects.template("/p", '"{rows}"', "").predictions([1, 2], 2) == [1, 2]
