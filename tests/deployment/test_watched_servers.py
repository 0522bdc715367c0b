"""What is deployed counts what it is asked, and monitor-model watches that: no flag, no row kept, no token to be seen."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import requests

from deployment.shop import Shop, row
from modelway.loopback import HOST
from modelway.monitoring.kept_days import DayServer, DaysPart
from modelway.targets.counting_servers import DAYS, TOKEN
from modelway.targets.local.servers import SLOTS



def asked(shop: Shop, count: int) -> None:
    rows = [row(number) for number in range(count)]
    requests.post(f"http://{HOST}:{shop.port}/predict", json={"rows": rows}, timeout=30).raise_for_status()


def kept(shop: Shop) -> tuple[Path, DaysPart]:
    [file] = (shop.target / DAYS).glob("*.json")
    return file, msgspec.json.decode(file.read_bytes(), type=DaysPart)


def monitored(shop: Shop, code: int, *flags: str) -> str:
    return shop.must("monitor_model", code, *flags)


def with_history(shop: Shop, days: int) -> None:
    """As if it had been so for that many days, with what is kept of today, ten times over."""
    file, part = kept(shop)
    [today] = part.days
    found = msgspec.structs.replace(part.days[today], rows=10 * part.days[today].rows)
    columns = tuple(
        msgspec.structs.replace(one, counts=tuple(10 * n for n in one.counts), missing=10 * one.missing)
        for one in found.columns
    )
    for back in range(1, days + 1):
        day = (date.fromisoformat(today) - timedelta(days=back)).isoformat()
        until = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
        server = DayServer("replica 0", 1, f"{day}T00:00:00Z", f"{until}T00:00:00Z")
        part.days[day] = msgspec.structs.replace(found, columns=columns, servers={"before": server})
    file.write_bytes(msgspec.json.encode(part))


def wait_for_a_minute() -> None:
    """Until what was asked by now is in a minute that is over."""
    time.sleep(63 - datetime.now(UTC).second if datetime.now(UTC).second else 2.5)


def test_a_model_watches_itself_from_the_day_it_is_deployed(shop: Shop) -> None:
    said = shop.deploy("good")
    token = (shop.target / TOKEN).read_text()
    assert (shop.target / TOKEN).stat().st_mode & 0o077 == 0
    for replica in (shop.target / SLOTS).glob("*/replica-*.json"):
        assert "sketch" not in replica.read_text()
    asked(shop, 300)
    wait_for_a_minute()
    asked(shop, 7)  # of a minute that is not over
    said += monitored(shop, 3)
    _, part = kept(shop)
    [day] = part.days.values()
    assert day.rows == 300 and [column.name for column in part.columns] == ["a", "b"]
    said += monitored(shop, 3)
    _, part = kept(shop)
    assert part.days[max(part.days)].rows == 300, "nothing is counted twice"
    with_history(shop, 60)
    said += monitored(shop, 0)
    report = json.loads((shop.folder / "out/modelway/monitor-model.json").read_text())
    assert (report["outcome"], report["counted"]["servers"], len(report["looks"])) == ("quiet", 1, 4)
    shop.kill_replica(shop.versions["good"])
    shop.deploy("good")
    assert token not in said and token not in json.dumps(report)
