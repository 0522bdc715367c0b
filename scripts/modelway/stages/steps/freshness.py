"""How old the newest row of monitor.data is."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from modelway.data import engines
from modelway.data.dialect import CsvDialect
from modelway.data.queries import Newest, Outside
from modelway.data.sources import find_source

WHERE = "monitor.freshness-hours"


def stale_rows(path: Path, name: str, dialect: CsvDialect, time_column: str, hours: float, engine: str) -> str:
    """What is to be said where no row is of the last hours; empty where one is. Rows of the future say nothing."""
    now = datetime.now(UTC)
    since = Outside(time_column, "timestamp", None, now - timedelta(hours=hours))
    later = Outside(time_column, "timestamp", None, now)
    newest = Newest(time_column, "timestamp")
    source = find_source(path, name)
    with (
        tempfile.TemporaryDirectory(prefix="modelway-freshness-") as folder,
        engines.engine(engine).open_table(source, dialect, Path(folder), 1024) as table,
    ):
        _, (recent, ahead, last) = table.answers([since, later, newest], 0)
    if recent.count > ahead.count:
        return ""
    if ahead.count or last.newest is None:
        return f"none of its rows is of the last {hours:g} hours"
    return f"its newest row is of {last.newest:%Y-%m-%d %H:%M} UTC, more than {hours:g} hours ago"


def stale_day(last: date, hours: float, what: str = "sketch") -> str:
    """last: the last day that there is a sketch of, or what else it is, as if its last row came at midnight."""
    age = datetime.now(UTC) - datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=1)
    if age <= timedelta(hours=hours):
        return ""
    return f"its newest {what} is {last}, which ended {age / timedelta(hours=1):.0f} hours ago, more than {hours:g}"
