"""Days of a model's inputs as counts, kept in parts that several commands may change at once.

A part holds days of one set of cells, and says of each server how far it has been counted into a day: what is asked of it next
begins there, and a part is written only where nobody else has written it since it was read. So whoever counts at the same
time, or dies in the middle, counts no minute twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol

import msgspec

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import DataSketch, SketchColumn, merged
from modelway.monitoring import live_days
from modelway.monitoring.asked_requests import AskedRequests, added_requests
from modelway.monitoring.service_days import MINUTES, CountedDay
from modelway.records import digest_of_json

SCHEMA: Literal["modelway/kept-days/1"] = "modelway/kept-days/1"
MOST_DAYS = live_days.MOST_DAYS
MOST_BYTES = 20 << 20
"""Of all parts together, as they are stored."""


class KeptColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A SketchColumn without its cells."""

    missing: int
    counts: tuple[int, ...]
    unreadable: int = 0
    beyond: int = 0
    low: float | None = None
    high: float | None = None


class LostMinutes(msgspec.Struct, frozen=True):
    """Minutes of a server that nobody can count any more, in ISO 8601. most: it may have ended before."""

    begin: str
    end: str
    why: Literal["not kept", "restarted", "ended"]

    @property
    def minutes(self) -> int:
        return int((moment(self.end) - moment(self.begin)).total_seconds() // 60)


class DayServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one server on one day. since, until: it is counted from then until before that. ended: nothing more of
    this day comes from it. asked_minutes: those of which it has told its requests, too."""

    name: str
    version: int
    since: str
    until: str
    gaps: tuple[LostMinutes, ...] = ()
    ended: bool = False
    asked_minutes: int = 0

    @property
    def minutes(self) -> int:
        """That are counted."""
        between = int((moment(self.until) - moment(self.since)).total_seconds() // 60)
        return between - sum(gap.minutes for gap in self.gaps if self.since <= gap.begin < self.until)


class KeptHour(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    rows: int
    columns: tuple[KeptColumn, ...]
    others: tuple[str, ...] = ()


class KeptDay(KeptHour, frozen=True, omit_defaults=True, kw_only=True):
    """servers: by the number that each gave itself when it began. requests: None where none of them has told any. hours: those
    that are kept apart, too, by the hour that each began at, such as 13."""

    servers: dict[str, DayServer] = {}
    requests: AskedRequests | None = None
    hours: dict[str, KeptHour] = {}


class DaysPart(msgspec.Struct, frozen=True, kw_only=True):
    """columns, absent: cells of what is counted, and of what the servers do not know, each by name. days: by ISO date."""

    schema: Literal["modelway/kept-days/1"] = SCHEMA
    columns: tuple[ColumnCells, ...]
    absent: tuple[ColumnCells, ...] = ()
    days: dict[str, KeptDay] = {}

    @property
    def key(self) -> str:
        return key_of(self.columns, self.absent)

    def sketch(self, day: str, hour: str = "") -> DataSketch:
        """Of the day, or of one hour of it that is kept."""
        kept = self.days[day].hours[hour] if hour else self.days[day]
        columns = tuple(
            SketchColumn(
                cells=cells,
                missing=one.missing,
                unreadable=one.unreadable,
                counts=one.counts,
                beyond=one.beyond,
                low=one.low,
                high=one.high,
            )
            for cells, one in zip(self.columns, kept.columns, strict=True)
        )
        return DataSketch(rows=kept.rows, columns=columns, absent=self.absent, others=kept.others)

    @property
    def hours(self) -> dict[str, DataSketch]:
        """Those that are kept apart, by when they began, such as 2026-11-27T13."""
        return {f"{day}T{hour}": self.sketch(day, hour) for day, kept in self.days.items() for hour in kept.hours}

    def with_day(
        self,
        day: str,
        sketch: DataSketch,
        servers: Mapping[str, DayServer],
        requests: AskedRequests | None,
        hours: Mapping[str, DataSketch],
    ) -> DaysPart:
        """The day as it is from now on; `sketch` and `hours` have the part's cells."""
        kept = KeptDay(
            rows=sketch.rows,
            columns=_columns(sketch),
            others=sketch.others,
            servers=dict(sorted(servers.items())),
            requests=requests,
            hours={
                hour: KeptHour(rows=one.rows, columns=_columns(one), others=one.others)
                for hour, one in sorted(hours.items())
            },
        )
        return msgspec.structs.replace(self, days=dict(sorted({**self.days, day: kept}.items())))


def _columns(sketch: DataSketch) -> tuple[KeptColumn, ...]:
    return tuple(
        KeptColumn(one.missing, one.counts, one.unreadable, one.beyond, one.low, one.high) for one in sketch.columns
    )


@dataclass(frozen=True)
class StoredPart:
    """version: of what was read; size: in bytes, as it is stored."""

    data: bytes
    version: str
    size: int


class KeptParts(Protocol):
    """Where parts are stored, by their names. What is written is whole, or was never written."""

    @property
    def most_bytes(self) -> int:
        """No further day goes into a part that is larger, as it is stored."""

    def read(self) -> Mapping[str, StoredPart]: ...

    def write(self, name: str, data: bytes, version: str | None) -> StoredPart | None:
        """As it is stored now; None where the part is not this version any more. version: None where there is none yet."""

    def remove(self, name: str) -> None: ...


def key_of(columns: Sequence[ColumnCells], absent: Sequence[ColumnCells]) -> str:
    """Days with the same key may be added."""
    return digest_of_json(msgspec.to_builtins([columns, absent]))[:12]


def part_for(sketch: DataSketch) -> DaysPart:
    """An empty one with its cells."""
    return DaysPart(columns=tuple(column.cells for column in sketch.columns), absent=sketch.absent)


def decoded(stored: Mapping[str, StoredPart]) -> dict[str, DaysPart]:
    """Those that are ours, by name; msgspec.DecodeError where one is damaged."""
    return {name: msgspec.json.decode(part.data, type=DaysPart) for name, part in sorted(stored.items())}


def added(one: DataSketch | None, more: Sequence[DataSketch]) -> DataSketch:
    every = [*([one] if one is not None else []), *more]
    return merged(every, [f"counts {number}" for number in range(len(every))])


def every_day(parts: Mapping[str, DaysPart], key: str) -> Iterator[tuple[str, DaysPart]]:
    """Each day of these cells with its part, in their order."""
    found = {day: part for part in parts.values() if part.key == key for day in part.days}
    yield from sorted(found.items())


def known_share(servers: Sequence[DayServer], end: datetime, *, requests: bool = False) -> float:
    """Of the minutes of all servers of a day, those that are counted; and of the day, those that any server is counted in,
    where that is less: on its first day a model was not asked in the morning. end: of the day; what a server has not told
    until then is missing. requests: not the rows, but the requests of which are counted."""
    minutes = sum(server.minutes for server in servers)
    lost = sum(gap.minutes for server in servers for gap in server.gaps)
    silent = [end - moment(server.until) for server in servers if not server.ended]
    lost += sum(int(pause.total_seconds() // 60) for pause in silent)  # they may tell it yet
    counted = sum(server.asked_minutes for server in servers) if requests else minutes
    return min(counted / (minutes + lost), _covered(servers) / MINUTES) if counted else 0.0


def service_days(parts: Mapping[str, DaysPart], today: date, fast: float) -> list[CountedDay]:
    """Of each day before today that is kept, in whatever cells, how its requests were answered: the service goes on where a
    version has other cells. fast: seconds that an answer may take."""
    every = dict[date, list[KeptDay]]()
    for part in parts.values():
        for written_day, kept in part.days.items():
            every.setdefault(date.fromisoformat(written_day), []).append(kept)
    found = []
    for day, ones in sorted(every.items()):
        if day >= today:
            continue
        asked = added_requests([one.requests for one in ones if one.requests is not None])
        servers = [server for one in ones for server in one.servers.values()]
        minutes = int(MINUTES * known_share(servers, end_of(day), requests=True))
        found.append(CountedDay(day, asked.requests, asked.failed, asked.slower_than(fast), asked.timed, minutes))
    return found


def end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def _covered(servers: Sequence[DayServer]) -> int:
    """Minutes that at least one of them is counted in."""
    covered, reached = timedelta(), datetime.min.replace(tzinfo=UTC)
    for begin, end in sorted((moment(server.since), moment(server.until)) for server in servers):
        covered += max(end - max(begin, reached), timedelta())
        reached = max(reached, end)
    return int(covered.total_seconds() // 60)


def too_old(parts: Mapping[str, DaysPart], stored: Mapping[str, StoredPart], newest: date) -> list[str]:
    """Names of parts whose days are all older than MOST_DAYS, and of the oldest that are too many bytes."""
    first = (newest - timedelta(days=MOST_DAYS)).isoformat()
    latest = sorted(parts, key=lambda name: max(parts[name].days, default=""), reverse=True)
    out, size = [], 0
    for name in latest:
        size += stored[name].size
        if max(parts[name].days, default="") < first or size > MOST_BYTES:
            out.append(name)
    return out


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
