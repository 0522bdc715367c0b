"""A service's requests in a file: a row of each minute, hour or day."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelway import ci
from modelway.config.document import suggestion
from modelway.data import schemes
from modelway.data.contract import Contract
from modelway.data.queries import Wanted
from modelway.data.rows import open_rows
from modelway.data.sources import digest_of_source, find_source
from modelway.errors import InvalidInput
from modelway.monitoring.live_days import EPOCH
from modelway.monitoring.service_days import MINUTE_US, MINUTES, CountedDay, CountedRow, days_of

WHERE = "monitor.service.data"
TIME = Wanted("timestamp", "int64", nullable=False, asked="time such as 2026-11-21T08:30:00Z")
DATE = Wanted("date", nullable=False, asked="date")
NUMBER = Wanted("number", "float64", asked="number")
COLUMNS = ("time", "requests", "failed", "slow", "timed", "minutes")
NEEDED = ("time", "requests", "failed")


def days_in(address: str, job: ci.Job, source: str) -> tuple[list[CountedDay], str]:
    """Each day that the file has a row of and that is over, and the file's digest. InvalidInput where it is no such file.
    source: of modelway.yml, for messages."""
    path, name = schemes.path_of(address, job.folder, f"{source}: {WHERE}", job.say), schemes.name_of(address)
    digest = digest_of_source(find_source(path, name))
    with open_rows(path, name, Contract(), COLUMNS) as opened:
        missing = next((column for column in NEEDED if column not in opened.names), None)
        if missing:
            what = f"has no column {missing!r}"
            fix = f"{suggestion(missing, opened.names)}; its columns are time, requests, failed, and slow where it is known"
            raise InvalidInput(what, where=name, fix=fix)
        wanted = {column: NUMBER for column in COLUMNS if column in opened.names}
        by_date = opened.stored("time") == "date"
        values = opened.lists({**wanted, "time": DATE if by_date else TIME})
    if by_date:
        values["time"] = [(day - EPOCH).days * MINUTES * MINUTE_US for day in values["time"]]
    _refuse(values, name)
    today = datetime.now(UTC).date()
    days = [day for day in days_of(_rows(values)) if day.day < today]
    return days, digest


def _rows(values: Mapping[str, Sequence[Any]]) -> list[CountedRow]:
    nothing = [None] * len(values["time"])
    columns = [values.get(name, nothing) for name in COLUMNS[3:]]
    return [
        CountedRow(at, requests, failed, *rest) if requests is not None and failed is not None else CountedRow(at, None)
        for at, requests, failed, *rest in zip(
            values["time"], values["requests"], values["failed"], *columns, strict=True
        )
    ]


def _refuse(values: Mapping[str, Sequence[Any]], name: str) -> None:
    """Counts that count nothing."""
    for column in COLUMNS[1:]:
        least = min((value for value in values.get(column, ()) if value is not None), default=0)
        if least < 0 or math.isinf(least):
            raise InvalidInput(f"{least:g} in column {column!r} counts nothing", where=name, fix="mend the value")
    for part, whole in (("failed", "requests"), ("slow", "requests"), ("timed", "requests")):
        pairs = enumerate(zip(values.get(part, ()), values[whole], strict=False), 1)
        wrong = next(((row, a, b) for row, (a, b) in pairs if a is not None and b is not None and a > b), None)
        if wrong:
            row, more, of = wrong
            what = f"{part} is {more:g} and {whole} is {of:g} in row {row}"
            raise InvalidInput(what, where=name, fix=f"count what is {part} out of the same requests")
