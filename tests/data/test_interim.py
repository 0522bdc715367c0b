"""Where a run is stopped, or fails, what it has decided is kept: never as a pass, with what is missing by name."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import check_quality
import detect_drift
import profile_data
import validate_data
from modelway import interim
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.quality.kinds import outliers
from modelway.errors import OutsideFailure

CONTRACT = """
columns: {a: {type: integer, nullable: false, range: [0, 50]}, b: {type: string, sensitive: true, allowed: [x]}}
unique: [[a, b]]
increasing: [{column: a}]
"""
SECRET = "hunter2hunter2"


@pytest.fixture
def project(github_folder: Path) -> Path:
    (github_folder / "contract.yml").write_text(CONTRACT)
    rows = "".join(f"{at},{'x' if at else SECRET}\n" for at in range(200))
    for name in ("train.csv", "test.csv"):
        (github_folder / name).write_text(f"a,b\n{rows}")
    (github_folder / "modelway.yml").write_text(
        "model: m\ndata: {train: train.csv, test: test.csv, contract: contract.yml}\ndrift: {current: test.csv}\n"
    )
    return github_folder


def report_of(action: str, project: Path) -> tuple[dict[str, Any], str]:
    folder = project / "out" / "modelway"
    return json.loads((folder / f"{action}.json").read_text()), (folder / f"{action}.md").read_text()


def stopping(number: int) -> Any:
    """In the place of something that takes long: the signal that a runner sends to the step."""

    def work(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)

    return work


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_contract_that_is_stopped_keeps_what_was_decided(
    number: int, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(DuckDBTable, "_compared", stopping(number))
    assert validate_data.main([]) == 130
    report, page = report_of("validate-data", project)
    assert (report["outcome"], report["reason"]) == ("interrupted", "cancelled")
    train, test = report["parts"]
    found = {check["name"]: (check["outcome"], check["value"]) for check in train["decided"]}
    assert found["a in range"] == ("fail", 149) and found["b among allowed"] == ("fail", 1)
    assert train["not_decided"] == ["a, b unique", "a increasing"]
    assert (test["data"], test["decided"], test["not_decided"]) == ("test.csv", [], ["all of it"])
    assert SECRET not in json.dumps(report) + page + (project.parent / "summary").read_text()
    assert "## validate-data: interrupted" in page and "Not decided: a, b unique, a increasing." in page
    assert "decided before it ended" in capsys.readouterr().out
    assert (
        "outcome<<" in (project.parent / "output").read_text() and "pass" not in (project.parent / "output").read_text()
    )


def test_a_data_set_that_fails_leaves_the_other(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "test.csv").write_text('a,b\n1,"x\n')
    assert validate_data.main([]) == 2
    report, _ = report_of("validate-data", project)
    assert "test.csv: cannot be read as CSV: line 2 opens a quote" in report["reason"]
    found = [(part["data"], len(part["decided"]), len(part["not_decided"])) for part in report["parts"]]
    assert found == [("train.csv", 9, 0), ("test.csv", 0, 9)]
    assert capsys.readouterr().out.count("::error") == 1


def test_it_replaces_an_earlier_pass(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "contract.yml").write_text("columns: {a: {type: integer}}\nunique: [[a]]\n")
    assert validate_data.main([]) == 0
    monkeypatch.setattr(DuckDBTable, "_compared", stopping(signal.SIGTERM))
    assert validate_data.main([]) == 130
    assert report_of("validate-data", project)[0]["outcome"] == "interrupted"


@pytest.mark.parametrize("action", ["check-quality", "profile-data"])
def test_checks_of_quality_that_are_stopped(action: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(outliers.KIND), "checks", stopping(signal.SIGTERM))
    main = {"check-quality": check_quality.main, "profile-data": profile_data.main}[action]
    assert main([]) == 130
    report, page = report_of(action, project)
    decided = {check["kind"] for part in report["parts"] for check in part["decided"]}
    missing = {name for part in report["parts"] for name in part["not_decided"]}
    assert report["outcome"] == "interrupted" and "missing" in decided and "outliers" in missing
    assert ("distributions, what goes together, first rows" in missing) == (action == "profile-data")
    assert not (project / "out/modelway/profile-data.html").exists() and f"## {action}: interrupted" in page


def test_drift_that_is_stopped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelway.data.drift.detection.domain_test", stopping(signal.SIGTERM))
    assert detect_drift.main([]) == 130
    report, page = report_of("detect-drift", project)
    [part] = report["parts"]
    assert [column["name"] for column in part["decided"]] == ["a", "b"]
    assert part["not_decided"] == ["all columns together"] and "| a | " in page


def test_a_full_disk_takes_it_and_the_failure_stays(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "out").write_text("a file in the way")
    monkeypatch.setattr(DuckDBTable, "_compared", _full)
    assert validate_data.main([]) == 4
    said = capsys.readouterr().out
    assert (
        "what was decided before is lost: " in said
        and "::error title=validate-data%3A failed::the disk is full" in said
    )


def _full(*_: object) -> None:
    raise OutsideFailure("the disk is full", fix="free some space")


def test_nothing_decided_is_no_report_and_nothing_is_heard_outside(project: Path) -> None:
    with interim.decisions() as made:
        interim.begun("rows.csv", {1: "one"})
    assert made.parts == ()
    interim.begun("rows.csv", {1: "one"})
    interim.decided("rows.csv", 1, [])
    interim.answered(3, {})
    (project / "train.csv").write_text("")
    assert validate_data.main([]) == 2
    assert not (project / "out").exists()
