"""The script behind monitor-model: exit codes, outputs, the page, one line for every mistake; the documented example."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import detect_drift
import documented
import monitor_model
from github_files import outputs_in

FIRST = date(2026, 1, 5)
ROWS = 120


def requests(days: int, moved_from: int = 10_000, seed: int = 1, first: date = FIRST) -> str:
    """A day's rows are spread over its hours."""
    chance, lines = random.Random(seed), []
    for number in range(days):
        for row in range(ROWS):
            at = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=number, minutes=12 * row)
            x = chance.gauss(1.5 if number >= moved_from else 0.0, 1)
            lines.append(f"{at.isoformat()},{x:.3f},{chance.choice('abc')}\n")
    return "asked_at,x,place\n" + "".join(lines)


def training() -> str:
    chance = random.Random(7)
    return "x,place\n" + "".join(f"{chance.gauss(0, 1):.3f},{chance.choice('abc')}\n" for _ in range(3000))


@pytest.fixture
def project(github_folder: Path) -> Path:
    """calm.csv is of the training data's population on 45 days; moved.csv is not from the 41st day on."""
    for name, text in {
        "modelway.yml": (
            "model: m\ndata: {train: train.csv}\nmonitor: {data: calm.csv, time-column: asked_at, history-days: 28}\n"
        ),
        "train.csv": training(),
        "calm.csv": requests(45),
        "moved.csv": requests(45, moved_from=40),
    }.items():
        (github_folder / name).write_text(text)
    return github_folder


def outputs(project: Path) -> dict[str, str]:
    return outputs_in(project.parent / "output")


def test_nothing_new_is_0(project: Path, capsys: Any) -> None:
    assert monitor_model.main([]) == 0
    given = outputs(project)
    assert (given["outcome"], given["changed-columns"], given["open-columns"]) == ("quiet", "[]", "[]")
    page = (project.parent / "summary").read_text()
    assert "## Monitoring, calm.csv: quiet" in page and "17 days were looked at since" in page
    assert "::error" not in capsys.readouterr().out


def test_an_alarm_is_1_and_only_as_long_as_it_is_new(project: Path, capsys: Any) -> None:
    assert monitor_model.main(["--data", "moved.csv", "--since", "2026-02-10"]) == 1
    given = outputs(project)
    assert (given["outcome"], json.loads(given["changed-columns"])) == ("alarm", ["x"])
    (error,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("::error"))
    assert "monitor-model%3A alarm" in error and "x: values 1.5 standard deviations higher since 2026-02-14" in error
    page = (project.parent / "summary").read_text()
    assert "| 2026-02-16 | new | x: values 1.5 standard deviations higher since 2026-02-14 |" in page
    assert monitor_model.main(["--data", "moved.csv"]) == 0, "told once: the last day has no alarm"
    assert json.loads(outputs(project)["open-columns"]) == ["x"]
    assert "changed" in (project / "out" / "modelway" / "monitor-model.md").read_text().splitlines()[0]


def test_a_sketch_stands_for_the_training_data(project: Path) -> None:
    (project / "few.csv").write_text(training())
    flags = ["--reference", "train.csv", "--current", "few.csv", "--reference-sketch", "train.json"]
    assert detect_drift.main(flags) == 0
    assert monitor_model.main(["--data", "moved.csv", "--reference", "train.json", "--since", "2026-02-10"]) == 1


def test_days_that_are_kept_as_sketches_stand_for_their_rows(project: Path, capsys: Any) -> None:
    """Also where a day is two of them, as two replicas count it; the alarms are those of the rows."""
    (project / "days").mkdir()
    _, *lines = (project / "moved.csv").read_text().splitlines()
    (project / "few.csv").write_text(training())
    assert detect_drift.main(["--reference", "train.csv", "--current", "few.csv", "--reference-sketch", "t.json"]) == 0
    for number in range(45):
        day = (FIRST + timedelta(days=number)).isoformat()
        own = [line.partition(",")[2] for line in lines[number * ROWS : (number + 1) * ROWS]]
        for half, rows in (("a", own[:50]), ("b", own[50:])) if number % 20 == 10 else (("a", own),):
            (project / "day.csv").write_text("\n".join(["x,place", *rows]) + "\n")
            kept = f"days/{day}-{half}.json"
            detect_drift.main(["--reference", "t.json", "--current", "day.csv", "--current-sketch", kept])
    found = ["--reference", "t.json", "--since", "2026-02-10"]
    assert monitor_model.main([*found, "--data", "moved.csv"]) == 1
    report = project / "out" / "modelway" / "monitor-model.json"
    by_rows = json.loads(report.read_text())
    assert monitor_model.main([*found, "--data", "days/*.json"]) == 1
    by_sketches = json.loads(report.read_text())
    assert by_sketches["alarms"] == by_rows["alarms"] and by_sketches["looks"] == by_rows["looks"]
    capsys.readouterr()
    assert monitor_model.main(["--reference", "train.csv", "--data", "days/*.json"]) == 2
    assert "has other columns or cells than the sketches in days/*.json" in capsys.readouterr().out
    (project / "days" / "yesterday.json").write_bytes((project / "days" / "2026-02-10-a.json").read_bytes())
    assert monitor_model.main([*found, "--data", "days/*.json"]) == 2
    assert "yesterday.json in days/*.json: has no date in its name" in capsys.readouterr().out


def test_what_is_not_watched_is_said_and_nothing_in_common_is_no_pass(project: Path, capsys: Any) -> None:
    (project / "train.csv").write_text(training().replace("x,place", "x,late"))
    assert monitor_model.main([]) == 0
    page = (project.parent / "summary").read_text()
    assert "because the data has not what the reference has: late." in page
    assert "because the reference has not what the data has: place." in page
    assert monitor_model.main(["--leave-out", "x"]) == 2
    assert "has no column that calm.csv has as well" in capsys.readouterr().out


def test_today_is_not_over_and_is_not_looked_at(project: Path) -> None:
    today = datetime.now(UTC).date()
    (project / "live.csv").write_text(requests(46, first=today - timedelta(days=45)))
    assert monitor_model.main(["--data", "live.csv"]) == 0
    report = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())
    assert report["looks"][-1]["day"] == (today - timedelta(days=1)).isoformat() and len(report["looks"]) == 17


@pytest.mark.parametrize(
    ("text", "flags", "code", "said"),
    [
        ("asked_at,x,place\n", (), 2, "column 'asked_at' has no time of a day that is over"),
        (requests(20), (), 3, "all of its 20 whole days are history"),
        (requests(45), ("--time-column", "askd_at"), 2, "did you mean 'asked_at'?"),
        (requests(45), ("--since", "yesterday"), 2, "input since: 'yesterday' is no date"),
        (requests(45), ("--history-days", "7"), 2, "history-days"),
        (requests(45), ("--reference", "gone.csv"), 2, "gone.csv"),
        (requests(45) + "9999-01-01T00:00:00Z,1,a\n", (), 0, ""),
        (requests(45) + "1990-01-01T00:00:00Z,1,a\n", (), 2, "spans 13,"),
        (requests(1) + requests(20, first=date(2026, 2, 10)), (), 3, "are not enough to learn what is usual"),
    ],
    ids=["no rows", "history alone", "column", "date", "a week", "reference", "future", "past", "gap"],
)
def test_every_mistake_is_one_line(
    project: Path, capsys: Any, text: str, flags: tuple[str, ...], code: int, said: str
) -> None:
    (project / "calm.csv").write_text(text)
    assert monitor_model.main(list(flags)) == code
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == (code != 0)
    assert not errors or (said in errors[0] and "Fix: " in errors[0]), errors


def test_the_first_weeks_may_pass(project: Path, capsys: Any) -> None:
    (project / "calm.csv").write_text(requests(20))
    for treated, code, level in (("stop", 3, "error"), ("fail", 1, "error"), ("pass", 0, "warning")):
        assert monitor_model.main(["--inconclusive", treated]) == code
        (said,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
        assert said.startswith(f"::{level} ") and "all of its 20 whole days are history" in said
    (project / "calm.csv").write_text(requests(63, moved_from=59))
    assert monitor_model.main(["--inconclusive", "pass", "--since", "2026-01-01"]) == 1, "an alarm is known"


def by_hour(days: int, broken_from: int, rows: int = 105) -> str:
    """x is missing in three of ten rows from this hour on."""
    chance, lines = random.Random(5), []
    for hour in range(days * 24):
        at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(hours=hour)
        for row in range(rows):
            x = "" if hour >= broken_from and row % 10 < 3 else f"{chance.gauss(0, 1):.3f}"
            lines.append(f"{(at + timedelta(seconds=30 * row)).isoformat()},{x},{chance.choice('abc')}\n")
    return "asked_at,x,place\n" + "".join(lines)


def test_what_breaks_is_told_by_the_hour(project: Path, capsys: Any) -> None:
    broken = 28 * 24 + 9
    text = by_hour(29, broken)
    (project / "whole.csv").write_text(text)
    assert monitor_model.main(["--data", "whole.csv"]) == 0, "one day alone is never an alarm"
    capsys.readouterr()
    assert monitor_model.main(["--data", "whole.csv", "--hourly", "true"]) == 1
    (error,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("::error"))
    assert "changed by 2026-02-02 1" in error and "x: missing from" in error and "since 2026-02-02 09:00" in error
    assert "24 hours were looked at from 2026-02-02 on" in (project.parent / "summary").read_text()
    report = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())
    (alarm,) = report["alarms"]
    assert (
        alarm["day"] == "2026-02-02" and "11:00" <= alarm["hour"] <= "13:00" and report["open"] == {"x": alarm["day"]}
    )
    assert monitor_model.main(["--data", "calm.csv", "--hourly", "true"]) == 0, "5 rows an hour"
    said = "By the hour nothing was looked at: 0 days with an hour of 100 rows or more"
    assert said in (project.parent / "summary").read_text()


def test_hours_that_are_kept_as_sketches_stand_for_their_rows(project: Path) -> None:
    _, *lines = by_hour(29, 28 * 24 + 9).splitlines()
    (project / "few.csv").write_text(training())
    (project / "hours").mkdir()
    assert detect_drift.main(["--reference", "train.csv", "--current", "few.csv", "--reference-sketch", "t.json"]) == 0
    for hour, sketch in sketches_of(project, lines).items():
        (project / "hours" / f"{hour}.json").write_text(sketch)
    found = ["--reference", "t.json", "--hourly", "true"]
    assert monitor_model.main([*found, "--data", "hours/*.json"]) == 1
    report = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())
    assert report["hours"]["looks"] == 24 and report["alarms"][0]["hour"]


def sketches_of(project: Path, lines: list[str]) -> dict[str, str]:
    """Of each hour, in the cells of t.json."""
    from modelway.data.cells import Grouping
    from modelway.data.contract import Contract
    from modelway.data.drift.sketch import read_sketch, written
    from modelway.data.drift.sketching import DataReading, open_cells
    from modelway.data.sources import find_source
    from modelway.stages.steps.watched_days import HOUR_US

    (project / "every.csv").write_text("asked_at,x,place\n" + "\n".join(lines) + "\n")
    cells = [column.cells for column in read_sketch(project / "t.json", "t.json").columns]
    reading = DataReading(contract=Contract(), leave_out=("asked_at",))
    with open_cells(find_source(project / "every.csv", "every.csv"), reading) as rows:
        found = rows.groups(cells, Grouping(time="asked_at", width_us=HOUR_US), own=False)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        f"{begin + timedelta(microseconds=int(start)):%Y-%m-%dT%H}": written(one)
        for start, one in found.items()
        if start is not None
    }


def test_the_documented_call(project: Path, capsys: Any) -> None:
    (project / "requests.csv").write_text(requests(63, moved_from=59))
    (code,) = documented.examples("monitoring.md", "From Python")
    exec(compile(code, "monitoring.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert "alarm ['x']" in printed and any(line.startswith("2026-03-07 x level ") for line in printed), printed
