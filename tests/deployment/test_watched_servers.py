"""What is deployed counts what it is asked, and monitor-model watches that: no flag, no row kept, no token to be seen."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import requests

from deployment.shop import Shop, row
from modelway.loopback import HOST
from modelway.monitoring.asked_requests import AskedRequests, added_requests
from modelway.monitoring.kept_days import DayServer, DaysPart, KeptHour
from modelway.serving.cells import PREDICTED_CLASS, PREDICTED_NUMBER
from modelway.targets.counting_servers import DAYS, TOKEN


def asked(shop: Shop, count: int) -> None:
    rows = [row(number) for number in range(count)]
    requests.post(f"http://{HOST}:{shop.port}/predict", json={"rows": rows}, timeout=30).raise_for_status()


def kept(shop: Shop) -> tuple[Path, DaysPart]:
    [file] = (shop.target / DAYS).glob("*.json")
    return file, msgspec.json.decode(file.read_bytes(), type=DaysPart)


def monitored(shop: Shop, code: int, *flags: str) -> str:
    return shop.must("monitor_model", code, *flags)


def with_history(shop: Shop, days: int, moved: int = 0, *, outage: bool = False, broken_hours: int = 0) -> None:
    """As if it had been so for that many days, with what is kept of today, ten times over, and in every hour where hours are
    kept. moved: so many of the last days have all rows in one cell of `a`, and broken_hours: of yesterday's hours. outage:
    nothing was answered yesterday."""
    file, part = kept(shop)
    today = max(part.days)
    found = msgspec.structs.replace(part.days[today], rows=10 * part.days[today].rows)
    columns = tuple(
        msgspec.structs.replace(one, counts=tuple(10 * n for n in one.counts), missing=10 * one.missing)
        for one in found.columns
    )
    requests_ = added_requests([found.requests or AskedRequests()] * 10)
    for back in range(1, days + 1):
        day = (date.fromisoformat(today) - timedelta(days=back)).isoformat()
        until = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
        at = [cells.name for cells in part.columns].index("a")
        full = (sum(columns[at].counts), *(0 for _ in columns[at].counts[1:]))
        off = (*columns[:at], msgspec.structs.replace(columns[at], counts=full), *columns[at + 1 :])
        here = off if back <= moved else columns
        hours = {
            f"{hour:02}": KeptHour(rows=found.rows, columns=off if back == 1 and hour >= 24 - broken_hours else here)
            for hour in range(24 if found.hours else 0)
        }
        server = DayServer("replica 0", 1, f"{day}T00:00:00Z", f"{until}T00:00:00Z", asked_minutes=1440)
        said = requests_
        if outage and back == 1:
            said = AskedRequests(failed=said.requests, took=said.took)
        part.days[day] = msgspec.structs.replace(
            found, columns=here, servers={"before": server}, requests=said, hours=hours
        )
    file.write_bytes(msgspec.json.encode(part))


def wait_for_a_minute() -> None:
    """Until what was asked by now is in a minute that is over."""
    time.sleep(63 - datetime.now(UTC).second if datetime.now(UTC).second else 2.5)


@pytest.mark.long
def test_a_model_watches_itself_from_the_day_it_is_deployed(shop: Shop) -> None:
    """Two versions with the same cells: what the first one counted before it ended is history of the second."""
    said = shop.deploy("good")
    token = (shop.target / TOKEN).read_text()
    assert (shop.target / TOKEN).stat().st_mode & 0o077 == 0
    asked(shop, 300)
    said += shop.deploy("again", "--strategy", "all-at-once")
    said += monitored(shop, 3)
    assert "whole days are counted" in said and "not counted" not in said
    _, part = kept(shop)
    assert sum(day.rows for day in part.days.values()) == 300
    assert [column.name for column in part.columns] == [PREDICTED_CLASS, PREDICTED_NUMBER, "a", "b"]
    [day] = part.days.values()
    assert (day.columns[0].missing, sum(day.columns[1].counts)) == (300, 300), "a probability for each row"
    with_history(shop, 60)
    said += monitored(shop, 0)
    path = shop.folder / "out/modelway/monitor-model.json"
    report = json.loads(path.read_text())
    assert (report["outcome"], report["counted"]["servers"], len(report["looks"])) == ("quiet", 1, 4)
    assert report["columns"] == 3, "a, b and the probability; no class was predicted"
    assert "without a row being kept" in path.with_suffix(".md").read_text()
    with_history(shop, 60, moved=3)
    said += monitored(shop, 1)
    report = json.loads(path.read_text())
    assert [change["column"] for change in report["alarms"][-1]["changes"]] == ["a"]
    shop.configure(shop.port)
    text = (shop.folder / "modelway.yml").read_text()
    (shop.folder / "modelway.yml").write_text(f"{text}monitor: {{leave-out: [a]}}\n")
    assert monitored(shop, 0), "what is left out has no vote, whatever was counted"
    everything = [file.read_text(errors="replace") for file in (shop.folder / "out").rglob("*") if file.is_file()]
    everything += [file.read_text(errors="replace") for file in (shop.target / "logs").iterdir()]
    everything += [Path(f"/proc/{pid}/cmdline").read_text() for pid in shop.processes()]
    assert not [text for text in [*everything, said] if token in text], "in no log, argument list or report"


@pytest.mark.long
def test_minutes_are_counted_once_and_a_server_that_dies_is_said(shop: Shop) -> None:
    shop.deploy("good")
    asked(shop, 300)
    wait_for_a_minute()
    asked(shop, 7)  # of a minute that is not over
    for _ in range(2):
        monitored(shop, 3)
        assert sum(day.rows for day in kept(shop)[1].days.values()) == 300
    shop.kill_replica(shop.versions["good"])
    shop.deploy("good")
    wait_for_a_minute()
    said = monitored(shop, 3)
    assert "began anew, and its counts of" in said
    assert sum(day.rows for day in kept(shop)[1].days.values()) == 300, "what it had is gone"


@pytest.mark.long
def test_a_service_is_held_to_its_promises_by_what_its_servers_counted(shop: Shop) -> None:
    """Neither a file nor a Prometheus: a request is counted when it is answered, whatever the answer."""
    text = (shop.folder / "modelway.yml").read_text()
    promised = "monitor: {service: {availability: 0.99, least-requests: 50}}\n"
    (shop.folder / "modelway.yml").write_text(f"{text}{promised}")
    shop.deploy("good")
    for _ in range(19):
        asked(shop, 15)
    assert requests.post(f"http://{HOST}:{shop.port}/predict", json={"rows": 1}, timeout=30).status_code == 400
    wait_for_a_minute()
    monitored(shop, 3)
    _, part = kept(shop)
    [day] = part.days.values()
    assert day.requests is not None
    assert (day.requests.answered, day.requests.refused, day.requests.failed, day.requests.timed) == (19, 1, 0, 20)
    with_history(shop, 60)
    monitored(shop, 0)
    path = shop.folder / "out/modelway/monitor-model.json"
    found = json.loads(path.read_text())["service"]
    assert (found["outcome"], found["by_servers"], found["days"][-1]["requests"]) == ("kept", True, 200)
    assert "What never reached a server" in path.with_suffix(".md").read_text()
    with_history(shop, 60, outage=True)
    assert "promises broken: failed requests from" in monitored(shop, 1)
    found = json.loads(path.read_text())["service"]
    assert [(alarm["today"], alarm["breaks"][0]["promise"]) for alarm in found["alarms"]] == [(True, "failed")]
    assert found["days"][-1]["shares"]["failed"]["value"] == 1
    (shop.folder / "modelway.yml").write_text(text)
    monitored(shop, 0)
    assert json.loads(path.read_text())["service"] is None, "nothing is promised"


@pytest.mark.long
def test_what_breaks_is_told_by_the_hour(shop: Shop) -> None:
    text = (shop.folder / "modelway.yml").read_text()
    (shop.folder / "modelway.yml").write_text(f"{text}monitor: {{hourly: true}}\n")
    shop.deploy("good")
    asked(shop, 300)
    wait_for_a_minute()
    monitored(shop, 3)
    [day] = kept(shop)[1].days.values()
    assert sum(hour.rows for hour in day.hours.values()) == day.rows == 300
    asked(shop, 20)
    shop.deploy("again", "--strategy", "all-at-once")
    [day] = kept(shop)[1].days.values()
    assert sum(hour.rows for hour in day.hours.values()) == day.rows == 320, "a server's last minutes, too"
    with_history(shop, 60)
    monitored(shop, 0)
    path = shop.folder / "out/modelway/monitor-model.json"
    looks = json.loads(path.read_text())["hours"]
    assert looks["looks"] >= 4 * 24 and looks["usual"] == 56 * 24
    with_history(shop, 60, broken_hours=4)
    yesterday = date.fromisoformat(max(kept(shop)[1].days)) - timedelta(days=1)
    assert f"changed by {yesterday} 22:00: a:" in monitored(shop, 1)


def test_nothing_is_counted_where_nobody_wants_it(shop: Shop) -> None:
    text = (shop.folder / "modelway.yml").read_text()
    (shop.folder / "modelway.yml").write_text(f"{text}monitor: {{sketches: false}}\n")
    shop.deploy("good")
    assert requests.post(f"http://{HOST}:{shop.port}/sketches", timeout=30).status_code == 404
    assert not (shop.target / TOKEN).exists()
    assert "count nothing that they are asked" in monitored(shop, 2)
