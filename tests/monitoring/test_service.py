"""monitor-model over a service: alone and beside rows; exit codes, outputs, the page, one line for every mistake."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import monitor_model
from github_files import outputs_in
from monitoring.service_worlds import days
from monitoring.test_monitor_model import requests, training


def table(count: int = 80, failed_on: int = -1, share: float = 0.3) -> str:
    lines = [
        f"{day.day}T00:00:00Z,{day.requests},{round(day.requests * share) if at == failed_on else day.failed},{day.slow}\n"
        for at, day in enumerate(days(count))
    ]
    return "time,requests,failed,slow\n" + "".join(lines)


@pytest.fixture
def folder(github_folder: Path) -> Path:
    (github_folder / "calm.csv").write_text(table())
    (github_folder / "out.csv").write_text(table(failed_on=79))
    return github_folder


def outputs(folder: Path) -> dict[str, str]:
    return outputs_in(folder.parent / "output")


def report(folder: Path) -> Any:
    return json.loads((folder / "out" / "modelway" / "monitor-model.json").read_text(encoding="utf-8"))


def test_a_service_alone_needs_neither_rows_nor_a_reference(folder: Path, capsys: Any) -> None:
    assert monitor_model.main(["--service", "calm.csv"]) == 0
    given = outputs(folder)
    assert (given["outcome"], given["broken-promises"], given["changed-columns"]) == ("quiet", "[]", "[]")
    page = (folder.parent / "summary").read_text()
    assert "### Service: kept" in page and "| failed | 0.1 % | 0.0198 % | above" in page, page
    assert "calm.csv: 80 days of the service until 2026-03-25, its promises are kept" in capsys.readouterr().out
    found = report(folder)
    assert found["reference"] is None and len(found["service"]["days"]) == 80
    day = found["service"]["days"][-1]
    assert day["shares"]["failed"]["outcome"] == "kept" and day["shares"]["failed"]["high"] < 0.001


def test_an_outage_yesterday_is_1_and_names_the_promise(folder: Path, capsys: Any) -> None:
    assert monitor_model.main(["--service", "out.csv"]) == 1
    given = outputs(folder)
    assert (given["outcome"], json.loads(given["broken-promises"])) == ("alarm", ["failed"])
    (error,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("::error"))
    assert (
        "promises broken: failed requests from 0.0198 %25" in error
        and "to 30 %25 on 2026-03-25, 0.1 %25 at most" in error
    )
    (folder / "out.csv").write_text(table(81, failed_on=79))
    assert monitor_model.main(["--service", "out.csv"]) == 0, "told once"
    assert monitor_model.main(["--service", "out.csv", "--since", "2026-03-25"]) == 1


def test_beside_rows_the_budget_is_shared(folder: Path) -> None:
    (folder / "modelway.yml").write_text(
        "model: m\ndata: {train: train.csv}\n"
        "monitor: {data: rows.csv, time-column: asked_at, history-days: 28, service: {data: out.csv}}\n"
    )
    (folder / "train.csv").write_text(training())
    (folder / "rows.csv").write_text(requests(45))
    assert monitor_model.main([]) == 1
    assert json.loads(outputs(folder)["broken-promises"]) == ["failed"] and outputs(folder)["outcome"] == "alarm"
    found = report(folder)
    assert found["service"]["false_alarms_per_year"] == 0.5 and found["threshold"] == pytest.approx(365.25 / 0.5)
    assert found["rows"] == 45 * 120 and "### Service: alarm" in (folder.parent / "summary").read_text()


def test_the_limits_are_the_teams(folder: Path) -> None:
    (folder / "modelway.yml").write_text(
        "model: m\nmonitor: {service: {data: out.csv, availability: 0.5, fast: 0.9}}\n"
    )
    assert monitor_model.main([]) == 0
    assert report(folder)["service"]["promises"]["failed"]["at_most"] == 0.5


def test_today_is_not_over(folder: Path) -> None:
    today = datetime.now(UTC).date()
    lines = [f"{today - timedelta(days=back)},1000,{500 if back == 0 else 0},0" for back in range(70, -1, -1)]
    (folder / "live.csv").write_text("time,requests,failed,slow\n" + "\n".join(lines) + "\n")
    assert monitor_model.main(["--service", "live.csv"]) == 0
    assert report(folder)["service"]["days"][-1]["day"] == (today - timedelta(days=1)).isoformat()


def test_json_lines_of_hours_without_times(folder: Path) -> None:
    lines = [
        json.dumps({"time": f"{day.day}T{hour:02}:00:00+00:00", "requests": day.requests / 24, "failed": 0})
        for day in days(70)
        for hour in range(24)
    ]
    (folder / "hours.jsonl").write_text("\n".join(lines) + "\n")
    assert monitor_model.main(["--service", "hours.jsonl"]) == 0
    assert list(report(folder)["service"]["promises"]) == ["failed"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("time,requests\n2026-03-01,5\n", 2, "has no column 'failed'"),
        ("time,requests,failed\n", 2, "has no day that is over"),
        ("time,requests,failed\nyesterday,5,0\n", 2, "'yesterday' in column 'time' is no time"),
        ("time,requests,failed\n2026-03-01,many,0\n", 2, "'many' in column 'requests' is no number"),
        ("time,requests,failed\n2026-03-01,5,-1\n", 2, "-1 in column 'failed' counts nothing"),
        ("time,requests,failed\n2026-03-01,5,6\n", 2, "failed is 6 and requests is 5 in row 1"),
        ("time,requests,failed\n2026-03-01,inf,6\n", 2, "'inf' in column 'requests' is no number"),
        (table() + "1970-01-01,5,0,0\n", 2, "spans 20,"),
        (table() + "9999-12-31,5,0,0\n", 0, ""),
        (table(20), 3, "20 days with 100 requests or more are not enough"),
        ("time,requests,failed\n2026-03-01,nan,0\n", 3, "of 2026-03-01 only 0 of 1,440 minutes are known"),
    ],
    ids=["column", "no rows", "time", "number", "negative", "more", "inf", "epoch", "future", "young", "nan"],
)
def test_every_mistake_is_one_line(folder: Path, capsys: Any, text: str, code: int, said: str) -> None:
    (folder / "calm.csv").write_text(text)
    assert monitor_model.main(["--service", "calm.csv"]) == code
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == (code != 0)
    assert not errors or (said in errors[0] and "Fix: " in errors[0]), errors
