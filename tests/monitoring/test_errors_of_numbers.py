"""monitor-model with the labels of a regression: an error falls by rising, and is held to the gate's limit."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import monitor_model
from monitoring.labelled_world import CONFIG, DAYS, FIRST, ROWS, Right, read, report, write

NUMBERS = CONFIG.replace(
    "{label: late, limits: {accuracy_score: {at-least: 0.82}}}",
    "{label: minutes, task: regression, limits: {mean_absolute_error: {at-most: 12}}}",
).replace("label: late}", "label: minutes}")


def numbers(folder: Path, deviation: Right, days: int = DAYS) -> None:
    """Minutes late, with errors of this standard deviation."""
    chance, requests, labels = random.Random(4), [], []
    for row in range(days * ROWS):
        day, minutes = row // ROWS, round(chance.gammavariate(2, 15), 1)
        at = (FIRST + timedelta(days=day)).isoformat()
        requests.append([f"{at}T12:00:00Z", f"r{row}", round(minutes + chance.gauss(0, deviation(day)), 2), "1"])
        if day < days - 7:
            labels.append([f"r{row}", minutes, f"{(FIRST + timedelta(days=day + 2)).isoformat()}T06:00:00Z"])
    write(folder / "requests.csv", ["asked_at", "request", "p", "x"], requests)
    write(folder / "labels.csv", ["request", "minutes", "came_at"], labels)
    write(folder / "train.csv", ["x"], [["1"]] * 2000)


@pytest.fixture
def project(github_folder: Path) -> Path:
    (github_folder / "modelway.yml").write_text(NUMBERS)
    return github_folder


def test_errors_of_numbers_are_held_to_the_gates_limit(project: Path, capsys: Any) -> None:
    numbers(project, lambda day: 12 if day < 45 else 18)
    assert monitor_model.main(["--since", "2026-02-20"]) == 1
    (error,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("::error"))
    assert "mean_absolute_error from 9.55 to 14.5 since 2026-02-2" in error and ", at most 12" in error, error
    found = report(project)
    assert found["limits"]["mean_absolute_error"]["at_most"] == 12 and found["estimates"] == []
    seen = found["days"][0]["values"]
    assert set(seen) == {"mean_absolute_error", "root_mean_squared_error", "r2_score"}
    assert 8 < seen["mean_absolute_error"]["value"] < seen["root_mean_squared_error"]["value"] < 15
    page = (project.parent / "summary").read_text()
    assert "| mean_absolute_error | at most 12 | the gate's |" in page
    numbers(project, lambda day: 12 if day < 45 else 6)
    assert monitor_model.main(["--since", "2026-02-20"]) == 0, "smaller errors are no fall"


def test_without_a_limit_errors_may_rise_by_a_twentieth(project: Path) -> None:
    (project / "modelway.yml").write_text(NUMBERS.replace(", limits: {mean_absolute_error: {at-most: 12}}", ""))
    numbers(project, lambda day: 12)
    assert monitor_model.main([]) == 0
    limit = report(project)["limits"]["mean_absolute_error"]
    assert limit["at_most"] == pytest.approx(1.05 * limit["usual"]) and not limit["from_gate"]
    with_fall = NUMBERS.replace(
        "label: minutes}\n", "label: minutes, fall: 0.2, metrics: [r2_score, root_mean_squared_error]}\n"
    )
    (project / "modelway.yml").write_text(with_fall)
    assert monitor_model.main([]) == 0
    limits = report(project)["limits"]
    assert limits["r2_score"]["at_least"] == pytest.approx(limits["r2_score"]["usual"] - 0.2)
    root = limits["root_mean_squared_error"]
    assert root["at_most"] == pytest.approx(1.2 * root["usual"])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("requests.csv", "late", "requests.csv, column 'p': 'late' is no finite number"),
        ("labels.csv", "inf", "labels.csv, column 'minutes': 'inf' is no finite number"),
        ("", "metrics: [accuracy_score]", "accuracy_score is no metric of task regression"),
    ],
)
def test_what_is_no_number_is_one_line(project: Path, capsys: Any, column: str, value: str, said: str) -> None:
    numbers(project, lambda day: 12)
    more = f", {value}" if not column else ""
    (project / "modelway.yml").write_text(NUMBERS.replace("label: minutes}\n", f"label: minutes{more}}}\n"))
    if column:
        header, rows = read(project / column)
        rows[777][2 if column == "requests.csv" else 1] = value
        write(project / column, header, rows)
    assert monitor_model.main([]) == 2
    assert said in capsys.readouterr().out
