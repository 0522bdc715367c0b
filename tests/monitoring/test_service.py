"""monitor-model over a service: alone and beside rows; exit codes, outputs, the page, one line for every mistake."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

import detect_drift
import documented
import monitor_model
from github_files import outputs_in
from modelway.stages.steps.freshness import stale_day
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


def test_all_that_is_told_on_one_day_is_in_the_line(folder: Path, capsys: Any) -> None:
    rows = [
        (day.day, day.requests, day.requests // 3 if at == 79 else day.failed, day.requests // (50 if at > 76 else 250))
        for at, day in enumerate(days(80))
    ]
    lines = [",".join(map(str, row)) for row in (("time", "requests", "failed", "slow"), *rows)]
    (folder / "both.csv").write_text("\n".join(lines) + "\n")
    assert monitor_model.main(["--service", "both.csv"]) == 1
    line = capsys.readouterr().out.splitlines()[1]
    assert (
        "failed requests from" in line and "; slow requests from 0.395 % to 2 % since 2026-03-23, 1 % at most" in line
    )


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


def test_rows_of_too_few_days_hide_no_service(folder: Path) -> None:
    text = "model: m\ndata: {train: train.csv}\nmonitor: {data: rows.csv, time-column: asked_at, inconclusive: pass}\n"
    (folder / "modelway.yml").write_text(text)
    (folder / "train.csv").write_text(training())
    (folder / "rows.csv").write_text(requests(45))
    assert monitor_model.main(["--service", "out.csv"]) == 1
    assert outputs(folder)["broken-promises"] == '["failed"]'
    for treated, code in (("pass", 0), ("stop", 3)):
        assert monitor_model.main(["--service", "calm.csv", "--inconclusive", treated]) == code
        assert report(folder)["service"]["days"] and Path(outputs(folder)["service-days"]).exists()


def test_days_that_are_kept_as_sketches_and_a_service(folder: Path) -> None:
    (folder / "train.csv").write_text(training())
    (folder / "days").mkdir()
    flags = ["--reference", "train.csv", "--current", "train.csv", "--reference-sketch", "t.json"]
    assert detect_drift.main([*flags, "--current-sketch", "one.json"]) == 0
    for number in range(35):
        (folder / "days" / f"{date(2026, 1, 5) + timedelta(days=number)}.json").write_bytes(
            (folder / "one.json").read_bytes()
        )
    watched = ["--reference", "t.json", "--data", "days/*.json", "--history-days", "28"]
    assert monitor_model.main([*watched, "--service", "out.csv"]) == 1
    found = report(folder)
    assert len(found["looks"]) == 7 and found["service"]["outcome"] == "alarm" and found["alarms"] == []


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


def test_times_of_other_zones_are_of_the_day_in_utc(folder: Path) -> None:
    lines = [f"2026-03-{day:02}T05:00:00+09:00,{day},0" for day in range(2, 32)]
    (folder / "east.csv").write_text("time,requests,failed\n" + "\n".join(lines) + "\n")
    assert monitor_model.main(["--service", "east.csv"]) == 3
    first = report(folder)["service"]["days"][0]
    assert (first["day"], first["requests"]) == ("2026-03-01", 2)


def test_parquet_with_dates(folder: Path) -> None:
    duckdb.sql(
        "SELECT date '2026-01-01' + n::INT AS time, 1000::DECIMAL(9, 1) AS requests, (n % 2)::UTINYINT AS failed"
        " FROM range(70) t(n)"
    ).write_parquet(str(folder / "service.parquet"))
    assert monitor_model.main(["--service", "service.parquet"]) == 0
    first = report(folder)["service"]["days"][1]
    assert (first["day"], first["requests"], first["shares"]["failed"]["value"]) == ("2026-01-02", 1000, 0.001)


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


class Answers(BaseHTTPRequestHandler):
    """A Prometheus of which one target has answered a request a second; all of them failed on its last whole day. history:
    days that it has."""

    history: ClassVar[int] = 40
    asked: ClassVar[list[dict[str, str]]] = []

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        return

    def do_GET(self) -> None:
        given = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.asked.append(given | {"token": self.headers.get("authorization", "")})
        now = datetime.now(UTC)
        if given["query"] == "time()":
            said: Any = {"resultType": "scalar", "result": [now.timestamp(), "0"]}
        else:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
            start, end, query = float(given["start"]), float(given["end"]), given["query"]
            steps = [start + 60 * at for at in range(1441)] if end > midnight - self.history * 86400 else []
            failed = 'status=~"5.."' in query or "errors" in query
            values = [
                [at, str(at if "timestamp" in query else max(0, at - midnight + 86400) if failed else at - 1e9)]
                for at in steps
            ]
            series = [{"metric": {"instance": "a"}, "values": values}] if values else []
            said = {"resultType": "matrix", "result": series}
        body = json.dumps({"status": "success", "data": said}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def prometheus() -> Iterator[str]:
    """A test does not begin on one day and end on another."""
    left = 86_400 - time.time() % 86_400
    time.sleep(left if left < 60 else 0)
    Answers.history, Answers.asked = 40, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_prometheus_and_what_was_kept_of_it(folder: Path, prometheus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its retention is shorter than what is to be learned from: the days of the run before are."""
    monkeypatch.setenv("MODELWAY_PROMETHEUS_TOKEN", "secret-token")
    (folder / "modelway.yml").write_text(
        f"model: m\nmonitor: {{history-days: 28, service: {{prometheus: '{prometheus}'}}}}\n"
    )
    assert monitor_model.main([]) == 1
    found = report(folder)["service"]
    assert [day["state"] for day in found["days"]] == ["usual"] * 28 + ["looked at"] * 12
    assert found["alarms"][0]["today"] and found["days"][-1]["shares"]["failed"]["n"] == 86_400
    assert found["source"].startswith("Prometheus at 127.0.0.1:") and "secret-token" not in json.dumps(found)
    assert {asked["token"] for asked in Answers.asked} == {"Bearer secret-token"}
    kept = Path(outputs(folder)["service-days"])
    assert kept.name == "monitor-model.service.csv" and len(kept.read_text().splitlines()) == 41
    Answers.history = 3
    assert monitor_model.main([]) == 1, "an outage of yesterday is told, however short the history"
    assert len(report(folder)["service"]["days"]) == 3
    kept.write_text("time,requests,failed\n")
    assert monitor_model.main(["--service", str(kept)]) == 1, "what is kept may be empty on the first run"
    Answers.history = 40
    assert monitor_model.main([]) == 1
    (folder / "days.csv").write_text(kept.read_text())
    Answers.history = 3
    assert monitor_model.main(["--service", "days.csv"]) == 1
    assert report(folder)["service"]["days"] == found["days"]


def test_a_day_that_nobody_scraped_is_inconclusive(folder: Path, prometheus: str, capsys: Any) -> None:
    (folder / "modelway.yml").write_text(f"model: m\nmonitor: {{service: {{prometheus: '{prometheus}'}}}}\n")
    Answers.history = 0
    assert monitor_model.main([]) == 2
    assert "knows no minute of modelway_requests_total" in capsys.readouterr().out
    assert monitor_model.main(["--service", "calm.csv"]) == 3
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert f"of {yesterday} only 0 of 1,440 minutes are known" in capsys.readouterr().out


def test_the_environments_prometheus(folder: Path, prometheus: str) -> None:
    (folder / "modelway.yml").write_text(
        "model: m\nmonitor: {service: {prometheus: environment, days: 10}}\n"
        f"environments:\n  live:\n    deploy: {{target: local, local: {{prometheus: '{prometheus}'}}}}\n"
        "  kube:\n    deploy:\n      target: kubernetes\n      kubernetes:\n        namespace: models\n        deployment: d\n"
        f"        counts: {{prometheus: {{url: '{prometheus}'}}}}\n"
        "  none:\n    deploy: {target: local}\n"
    )
    assert monitor_model.main(["--environment", "live"]) == 1
    assert not any('namespace="models"' in asked["query"] for asked in Answers.asked)
    assert monitor_model.main(["--environment", "kube"]) == 1
    assert any('{model="m",namespace="models",path=~' in asked["query"] for asked in Answers.asked)
    assert monitor_model.main(["--environment", "none"]) == 2


def test_series_of_a_gateway(folder: Path, prometheus: str) -> None:
    (folder / "modelway.yml").write_text(
        f"model: m\nmonitor:\n  service:\n    prometheus: '{prometheus}'\n    days: 9\n    faster-than-ms: 2500\n"
        "    series: {requests: 'all_total{r=\"m\"}', errors: errors_total, latency-buckets: 'took_bucket{r=\"m\",}'}\n"
    )
    assert monitor_model.main([]) == 1
    queries = {asked["query"].partition(") (")[2][:-1] for asked in Answers.asked if "start" in asked}
    assert queries == {
        'timestamp(all_total{r="m"})',
        'all_total{r="m"}',
        "errors_total",
        'took_bucket{r="m",le="+Inf"}',
        'took_bucket{r="m",le=~"2[.]5"}',
    }


@pytest.mark.parametrize(
    ("service", "flags", "code", "said"),
    [
        ("{prometheus: environment}", (), 2, "is environment, and no environment is named"),
        ("{prometheus: 'http://127.0.0.1:9'}", (), 4, "cannot be read"),
        ("{prometheus: 'http://u:p@host'}", (), 2, "holds a name or a password"),
        ("{prometheus: nothing}", (), 2, "the URL of Prometheus"),
        ("{prometheus: 'http://h', faster-than-ms: 300}", (), 2, "counts its answers by other bounds"),
        ("{prometheus: 'http://h', selector: {model: x}}", (), 2, "is no label"),
        ("{prometheus: 'http://h', series: {requests: 'rate(x[5m])', errors: e}}", (), 2, "series.requests"),
        ("{prometheus: 'http://h', series: {requests: 'x{v=\"{version}\"}', errors: e}}", (), 2, "{version}"),
        ("{data: calm.csv}", ("--prediction", "p"), 2, "monitor.data"),
        ("{data: calm.csv}", ("--since", "yesterday"), 2, "is no date"),
    ],
)
def test_every_mistake_about_a_prometheus_is_one_line(
    folder: Path, capsys: Any, service: str, flags: tuple[str, ...], code: int, said: str
) -> None:
    (folder / "modelway.yml").write_text(f"model: m\nmonitor: {{service: {service}}}\n")
    assert monitor_model.main(list(flags)) == code
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == 1 and said in errors[0], errors


def test_an_outage_is_told_though_the_rows_tell_too_little(folder: Path, capsys: Any) -> None:
    (folder / "modelway.yml").write_text(
        "model: m\ndata: {train: train.csv}\nmonitor: {data: rows.csv, time-column: asked_at, history-days: 28}\n"
    )
    (folder / "train.csv").write_text(training())
    (folder / "rows.csv").write_text(requests(1) + requests(20, first=date(2026, 2, 10)).partition("\n")[2])
    assert monitor_model.main(["--service", "calm.csv"]) == 3
    assert monitor_model.main(["--service", "out.csv"]) == 1
    assert "are not enough to learn what is usual" in capsys.readouterr().out


def test_rows_that_are_too_old_are_told(folder: Path, capsys: Any) -> None:
    (folder / "train.csv").write_text(training())
    watched = "model: m\ndata: {train: train.csv}\nmonitor: {data: DATA, time-column: asked_at, history-days: 28"
    for hours, code in ((30, 3), (80, 0)):
        (folder / "modelway.yml").write_text(f"{watched}, freshness-hours: {hours}}}\n".replace("DATA", "rows.csv"))
        rows = requests(35, first=datetime.now(UTC).date() - timedelta(days=37))
        (folder / "rows.csv").write_text(rows + "9999-01-01T00:00:00Z,0,a\n")
        assert monitor_model.main([]) == code
    assert "rows.csv: none of its rows is of the last 30 hours" in capsys.readouterr().out
    (folder / "modelway.yml").write_text(f"{watched}, freshness-hours: 24}}\n".replace("DATA", "rows.csv"))
    (folder / "rows.csv").write_text(rows)
    assert monitor_model.main([]) == 3
    assert "rows.csv: its newest row is of " in capsys.readouterr().out
    assert (
        outputs(folder)["outcome"] == "inconclusive" and "Stale: its newest" in (folder.parent / "summary").read_text()
    )


def test_a_sketch_is_as_old_as_the_end_of_its_day() -> None:
    today = datetime.now(UTC).date()
    assert stale_day(today - timedelta(days=1), 25) == "" and stale_day(today, 1) == ""
    assert f"its newest sketch is {today - timedelta(days=3)}, which ended " in stale_day(today - timedelta(days=3), 24)


def test_the_documented_call(folder: Path, capsys: Any) -> None:
    (folder / "service.csv").write_text(table(failed_on=79))
    (code,) = documented.examples("monitoring.md", "Service")
    exec(compile(code, "monitoring.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert "alarm ['failed']" in printed
    assert any(line.startswith("2026-03-25 that day failed 0.29") and line.endswith(" 0.001") for line in printed), (
        printed
    )
