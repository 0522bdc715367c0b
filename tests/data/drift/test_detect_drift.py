"""The script behind detect-drift: exit codes, outputs, the page, one line for every mistake; the examples of docs/drift.md."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import detect_drift
import documented
from github_files import outputs_in
from modelway.config import load_project


def rows(seed: int, shift: float = 0.0, count: int = 2000) -> str:
    chance = random.Random(seed)
    lines = (
        f"{chance.gauss(shift, 1):.3f},{chance.choice('abc')},{int(chance.random() < 0.3)}\n" for _ in range(count)
    )
    return "x,place,late\n" + "".join(lines)


@pytest.fixture
def project(github_folder: Path) -> Path:
    """A project with training data; live.csv is of the same population, moved.csv is not, few.csv has too few rows."""
    for name, text in {
        "modelway.yml": "model: m\ndata: {train: train.csv}\ndrift: {current: live.csv, label: late}\n",
        "train.csv": rows(1),
        "live.csv": rows(2),
        "moved.csv": rows(3, 2.0),
        "few.csv": rows(4, count=30),
    }.items():
        (github_folder / name).write_text(text)
    return github_folder


def outputs(project: Path) -> dict[str, str]:
    return outputs_in(project.parent / "output")


def test_no_drift_is_0_and_says_what_was_looked_at(project: Path, capsys: Any) -> None:
    assert detect_drift.main([]) == 0
    given = outputs(project)
    assert (given["outcome"], given["drifted-columns"], given["inconclusive-columns"]) == ("no drift", "[]", "[]")
    assert re.fullmatch(r"[0-9a-f]{64}", given["reference-digest"])
    page = (project.parent / "summary").read_text()
    assert "## Drift, live.csv: no drift" in page and "### Label" in page and "2 without drift" in page
    assert "Note: kinds told from the reference's values" in page
    assert "::error" not in capsys.readouterr().out


def test_drift_is_1_and_the_page_shows_what_moved_first(project: Path, capsys: Any) -> None:
    assert detect_drift.main(["--current", "moved.csv"]) == 1
    assert json.loads(outputs(project)["drifted-columns"]) == ["x"]
    (error,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("::error"))
    assert "title=detect-drift%3A drift::moved.csv against train.csv: drift in x" in error
    page = (project.parent / "summary").read_text()
    columns = page[page.index("### Columns") :]
    assert columns.index("| x | drift | values (Kolmogorov-Smirnov) |") < columns.index("| place |")
    assert "where its values lie" in columns and "█" in columns and "**drift**: a naive Bayes classifier" in columns
    report = json.loads((project / "out/modelway/detect-drift.json").read_text())
    assert report["schema"] == "modelway/drift-report/1" and report["comparisons"] == 3 * 3 + 1
    (x,) = (column for column in report["columns"] if column["name"] == "x")
    (values,) = (part for part in x["parts"] if part["of"] == "values")
    assert values["n"] == [2000, 2000] and values["low"] > values["margin"] == 0.15


@pytest.mark.parametrize(("treated", "code"), [("stop", 3), ("fail", 1), ("pass", 0)])
def test_inconclusive_is_treated_as_the_team_says(project: Path, capsys: Any, treated: str, code: int) -> None:
    assert detect_drift.main(["--current", "few.csv", "--inconclusive", treated]) == code
    assert outputs(project)["outcome"] == "inconclusive"
    assert ("::error" in capsys.readouterr().out) == (code > 0)


def test_without_modelway_yml_two_named_data_sets_are_enough(project: Path) -> None:
    (project / "modelway.yml").unlink()
    assert detect_drift.main(["--reference", "train.csv", "--current", "moved.csv"]) == 1
    assert detect_drift.main(["--reference", "train.csv", "--current", "live.csv", "--margin", "0.2"]) == 0
    assert detect_drift.main(["--current", "live.csv"]) == 2


def test_a_day_a_sketch_and_a_week_of_them(project: Path) -> None:
    arguments = ["--current", "live.csv", "--reference-sketch", "s/train.json", "--current-sketch", "s/days/1.json"]
    assert detect_drift.main(arguments) == 0
    arguments = ["--reference", "s/train.json", "--current", "moved.csv", "--current-sketch", "s/days/2.json"]
    assert detect_drift.main(arguments) == 1
    assert detect_drift.main(["--reference", "s/train.json", "--current", "s/days/*.json"]) == 1
    report = json.loads((project / "out/modelway/detect-drift.json").read_text())
    assert (report["current"]["rows"], report["current"]["from_sketch"]) == (4000, True)


def test_a_label_of_the_gate_is_the_label_where_the_data_has_it(project: Path) -> None:
    (project / "modelway.yml").write_text(
        "model: m\ndata: {train: train.csv}\ngate: {label: late}\ndrift: {current: live.csv}\n"
    )
    assert detect_drift.main([]) == 0
    assert "### Label" in (project.parent / "summary").read_text()
    assert detect_drift.main(["--columns", "x,place", "--leave-out", "late"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--current", "none.csv"], "none.csv: no such file"),
        (["--current", "none.json"], "none.json: no such file"),
        (["--current", "gs://bucket/a.parquet"], "drift.current: nothing here fetches the address"),
        (["--contract", "none.yml"], "none.yml: cannot be read"),
        (["--columns", "y"], "train.csv: has no column 'y'"),
        (["--leave-out", "plaec"], "did you mean 'place'?"),
        (["--label", "lat"], "train.csv: has no column 'lat'"),
        (["--slices", "y"], "train.csv: has no column 'y'"),
        (["--cluster", "y"], "train.csv: has no column 'y'"),
        (["--time-column", "x"], "drift.time-column: names the time of each row, and there are no windows"),
        (["--window-hours", "24"], "drift.window-hours: is given without a column of times"),
        (["--margin", "1"], "input margin: 1.0 is not a number above 0 and below 1"),
        (["--error-rate", "0"], "input error-rate: 0.0 is not a number above 0"),
        (["--memory-mb", "1"], "input memory-mb: 1 is not a whole number at least 64"),
        (["--environment", "moon"], "unknown environment 'moon'"),
        (["--reference-sketch", "train.csv/s.json"], "cannot be made"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_whole_report(
    project: Path, mistake: Any, arguments: list[str], told: str
) -> None:
    error = mistake(detect_drift.main, arguments)
    assert told in error and "Fix: " in error
    left = [json.loads(file.read_text())["outcome"] for file in (project / "out").rglob("*.json")]
    assert left == ["interrupted"] * (told == "cannot be made")  # all was decided before


def test_a_wrong_key_is_told_by_its_line(project: Path, capsys: Any) -> None:
    (project / "modelway.yml").write_text("model: m\ndrift:\n  limits: { pis: { at-most: 1 } }\n")
    assert detect_drift.main([]) == 2
    assert "modelway.yml:3: drift.limits.pis" in capsys.readouterr().out


def test_the_examples_of_the_docs_run(project: Path, capsys: Any) -> None:
    (code,) = documented.examples("drift.md", "From Python")
    (project / "modelway.yml").unlink()
    exec(compile(code, "docs/drift.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "no drift []" in printed
    for heading in ("Drift", "Distances"):
        example = documented.examples("drift.md", heading, "yaml")[0]
        (project / "example.yml").write_text("model: m\n" + example)
        assert load_project(project / "example.yml").drift.columns
    workflow = yaml.safe_load(documented.examples("drift.md", "Drift", "yaml")[1])
    assert set(workflow[0]["with"]) <= {item.name for item in detect_drift.detect_drift.inputs}


@pytest.mark.parametrize(("flag", "name"), [("--reference-sketch", "train.csv"), ("--current-sketch", "days/today")])
def test_a_sketch_never_replaces_data(project: Path, capsys: Any, flag: str, name: str) -> None:
    before = (project / "train.csv").read_bytes()
    assert detect_drift.main([flag, name]) == 2
    assert "does not end in .json" in capsys.readouterr().out
    assert (project / "train.csv").read_bytes() == before


def test_two_sketches_are_two_files(project: Path, capsys: Any) -> None:
    assert detect_drift.main(["--reference-sketch", "a.json", "--current-sketch", "a.json"]) == 2
    assert "a file of its own" in capsys.readouterr().out
