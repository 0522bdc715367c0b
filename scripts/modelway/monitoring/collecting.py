"""What servers have counted since they were last asked, added to the days that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from modelway.data.drift.sketch import DataSketch
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.monitoring import kept_days
from modelway.monitoring.asked_requests import AskedRequests, added_requests
from modelway.monitoring.kept_days import (
    DayServer,
    DaysPart,
    KeptDay,
    KeptParts,
    LostMinutes,
    StoredPart,
    added,
    decoded,
    end_of,
    every_day,
    key_of,
    known_share,
    moment,
    part_for,
    too_old,
    written,
)

ATTEMPTS = 10
LEAST_KNOWN = 0.75
"""Of the minutes of a day's servers: a day of which less is counted is not like the others, whatever was asked."""
GROWING = timedelta(minutes=2)
"""After the last minute that is over: that of now is among them."""
Ask = Callable[[Mapping[str, Any]], bytes]


@dataclass(frozen=True)
class CountingServer:
    """One server that runs. ask: what it answers at /sketches; OutsideFailure where it does not."""

    name: str
    version: int
    slot: str
    ask: Ask


class AboutServer(msgspec.Struct, frozen=True):
    """What a server says of itself. Its counts are whole from `oldest` until before `over`, in ISO 8601. tells: what can be
    asked for; empty of a release that was built before requests were counted."""

    server: str
    started: str
    oldest: str
    over: str
    reference: str
    tells: tuple[str, ...] = ()


@dataclass(frozen=True)
class TellingServer:
    """A server that has answered. key: of the days that it counts into."""

    of: CountingServer
    said: AboutServer
    key: str

    @property
    def tells_requests(self) -> bool:
        return "requests" in self.said.tells


@dataclass(frozen=True)
class CollectedDays:
    """reference: of the slot that was asked for. days: in its cells, those that are known well enough. partial: others, each
    with the share that is known. gaps: what is missing, in words, of the days that have any. silent: servers that did not
    answer. untold: those that do not count requests. kept: all parts. hours: of these days, those that
    are over, without anything else of them; None where none is kept."""

    reference: DataSketch
    days: Mapping[str, DataSketch]
    hours: DaysPart | None
    partial: Mapping[str, float]
    gaps: tuple[str, ...]
    silent: tuple[str, ...]
    servers: int
    untold: tuple[str, ...]
    today: date
    kept: Mapping[str, DaysPart]


@dataclass
class Collecting:
    """One look at all servers. parts: where days are kept. hourly: so that their hours are told apart; None: where hours are
    kept already."""

    parts: KeptParts
    say: Callable[[str], None]
    hourly: bool | None = None
    _references: dict[str, DataSketch] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _stored: dict[str, StoredPart] = field(default_factory=dict)
    """As it was read or written last."""

    def look(self, servers: Sequence[CountingServer], slot: str) -> CollectedDays:
        """Fetch and keep, and what is kept in the cells of this slot's servers. OutsideFailure where none of them answers."""
        counters = self.keep(servers)
        self._end(counters)
        own = next((counter for counter in counters if counter.of.slot == slot), None)
        if own is None:
            raise OutsideFailure(
                "no server of it tells what it has counted",
                where="/sketches",
                fix="see the lines above; what was deployed before it could count has to be deployed again",
            )
        reference = self._references[own.said.reference]
        days, partial, gaps = dict[str, DataSketch](), dict[str, float](), list[str]()
        hours, this_hour = dict[str, KeptDay](), own.said.over[: len("2026-11-27T13")]
        today = moment(own.said.over).date()
        first = (today - timedelta(days=kept_days.MOST_DAYS)).isoformat()
        parts = _sound(self._stored)
        for day, part in every_day(parts, own.key):
            kept = part.days[day]
            if day < first:
                continue
            gaps += [f"{day}: {words}" for words in _gaps(kept.servers)]
            over = {hour: one for hour, one in kept.hours.items() if f"{day}T{hour}" < this_hour}
            if over:
                hours[day] = KeptDay(rows=0, columns=(), hours=over)
            if day >= today.isoformat():
                continue
            if (share := known_share(list(kept.servers.values()), end_of(date.fromisoformat(day)))) < LEAST_KNOWN:
                partial[day] = share
            else:
                days[day] = part.sketch(day)
        silent = tuple(sorted(self._silent))
        untold = tuple(sorted(counter.of.name for counter in counters if not counter.tells_requests))
        apart = next((part for part in parts.values() if part.key == own.key), None) if hours else None
        by_hour = msgspec.structs.replace(apart, days=hours) if apart else None
        return CollectedDays(
            reference, days, by_hour, partial, tuple(gaps), silent, len(counters), untold, today, parts
        )

    def keep(self, servers: Sequence[CountingServer], *, ending: bool = False) -> list[TellingServer]:
        """Fetch and keep; those that have answered. ending: they get nothing more and are about to end, so that the minute
        that goes on is theirs as well."""
        self._stored = dict(self.parts.read())
        counters = list[TellingServer]()
        for server in servers:
            if (found := self._counter(server)) is not None:
                counters.append(found)
            elif ending:  # nobody waits for each of those that hang
                break
        wanted = sorted({(counter.key, day) for counter in counters for day in _days(counter.said, ending)})
        for key, day in wanted:
            self._keep_day(key, day, [counter for counter in counters if counter.key == key], ending)
        return counters

    def _counter(self, server: CountingServer) -> TellingServer | None:
        try:
            said = msgspec.json.decode(server.ask({"tell": "server"}), type=AboutServer)
            if said.reference not in self._references:
                text = server.ask({"tell": "reference"})
                self._references[said.reference] = msgspec.json.decode(text, type=DataSketch)
            counted = self._counts(server, written(moment(said.over)), said.over)
        except (ModelwayError, msgspec.DecodeError) as error:
            why = error.line() if isinstance(error, ModelwayError) else "it answers something else than counts"
            self.say(f"{server.name} tells no counts: {why}")
            self._silent.add(server.name)
            return None
        return TellingServer(server, said, key_of([column.cells for column in counted.columns], counted.absent))

    @staticmethod
    def _counts(server: CountingServer, begin: str, end: str) -> DataSketch:
        return msgspec.json.decode(server.ask({"from": begin, "to": end}), type=DataSketch)

    @staticmethod
    def _requests(server: CountingServer, begin: str, end: str) -> AskedRequests:
        said = server.ask({"tell": "requests", "from": begin, "to": end})
        return msgspec.json.decode(said, type=AskedRequests)

    def _keep_day(self, key: str, day: date, counters: Sequence[TellingServer], ending: bool) -> None:
        hourly = self._has_hours(key) if self.hourly is None else self.hourly
        for _ in range(ATTEMPTS):
            name, version, part = self._part(key, day)
            known = part.days.get(day.isoformat()) if part else None
            servers = dict(known.servers) if known else {}
            fresh: list[DataSketch] = []
            of_hours: dict[str, list[DataSketch]] = {}
            asked = [known.requests] if known and known.requests else []
            for counter in counters:
                begin, end, gap = _window(counter.said, servers.get(counter.said.server), day, ending)
                if begin >= end:
                    continue
                try:
                    spans = _hours(begin, end) if hourly else [("", begin, end)]
                    rows = {hour: self._counts(counter.of, written(a), written(b)) for hour, a, b in spans}
                    if counter.tells_requests:
                        asked.append(self._requests(counter.of, written(begin), written(end)))
                except (ModelwayError, msgspec.DecodeError):  # it has ended meanwhile, or is looked at next time
                    self._silent.add(counter.of.name)
                    continue
                fresh += rows.values()
                for hour in filter(None, rows):
                    of_hours.setdefault(hour, []).append(rows[hour])
                grown = _grown(counter, servers.get(counter.said.server), begin, end, gap)
                servers[counter.said.server] = msgspec.structs.replace(grown, ended=ending)
            if not fresh:
                return
            part = part or part_for(fresh[0])
            before = part.sketch(day.isoformat()) if known else None
            requests = added_requests(asked) if asked else None
            hours = {hour: part.sketch(day.isoformat(), hour) for hour in known.hours} if known else {}
            hours |= {hour: added(hours.get(hour), ones) for hour, ones in of_hours.items()}
            changed = part.with_day(day.isoformat(), added(before, fresh), servers, requests, hours)
            if self._write(name, changed, version):
                return
            self._stored = dict(self.parts.read())
        raise OutsideFailure(
            "the days that are kept are changed by somebody else all the time", fix="let one monitoring run at a time"
        )

    def _has_hours(self, key: str) -> bool:
        return any(part.days[day].hours for day, part in every_day(_sound(self._stored), key))

    def _write(self, name: str, part: DaysPart, version: str | None) -> bool:
        written_ = self.parts.write(name, msgspec.json.encode(part), version)
        if written_ is not None:
            self._stored[name] = written_
        return written_ is not None

    def _part(self, key: str, day: date) -> tuple[str, str | None, DaysPart | None]:
        """Where the day is kept, or is to be: name and version. Which part takes a further day is told by what is stored
        alone, so that two who begin a day at once begin it in the same part, and one of them finds it changed."""
        stored = self._stored
        parts = {name: part for name, part in _sound(stored).items() if part.key == key}
        for name, part in parts.items():
            if day.isoformat() in part.days:
                return name, stored[name].version, part
        latest = max(parts, key=lambda name: max(parts[name].days, default=""), default=None)
        if latest is not None and stored[latest].size <= self.parts.most_bytes:
            return latest, stored[latest].version, parts[latest]
        return f"{key}-{day.isoformat()}", None, None

    def _end(self, counters: Sequence[TellingServer]) -> None:
        """What servers did not tell of a day and cannot tell any more is lost; and what is too old is removed."""
        there = {counter.said.server: counter.said for counter in counters}
        began = {counter.of.name: moment(counter.said.started) for counter in counters}
        over = max((moment(counter.said.over) for counter in counters), default=None)
        if over is None:
            return

        def settled(day: str, number: str, server: DayServer) -> DayServer:
            if number in there:
                return _forgotten(server, date.fromisoformat(day), moment(there[number].oldest))
            if server.name in self._silent:
                return server
            return _ended(server, date.fromisoformat(day), began.get(server.name), over)

        for name, part in _sound(self._stored).items():
            days = dict(part.days)
            for day, kept in part.days.items():
                servers = {number: settled(day, number, server) for number, server in kept.servers.items()}
                if servers != kept.servers:
                    days[day] = msgspec.structs.replace(kept, servers=servers)
            if days != part.days:  # where somebody else has changed it, the next one says so
                self._write(name, msgspec.structs.replace(part, days=days), self._stored[name].version)
        for name in too_old(_sound(self._stored), self._stored, over.date()):
            self.parts.remove(name)
            del self._stored[name]


def _sound(stored: Mapping[str, StoredPart]) -> dict[str, DaysPart]:
    try:
        return decoded(stored)
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"the days that are kept are not what monitor-model writes: {error}",
            where=", ".join(sorted(stored))[:200],
            fix="put them back from a backup, or remove them: history begins anew then",
        ) from None


def _until(said: AboutServer, ending: bool) -> datetime:
    return moment(said.over) + (GROWING if ending else timedelta())


def _days(said: AboutServer, ending: bool) -> list[date]:
    """Of which it has anything to tell."""
    first, last = moment(said.oldest), _until(said, ending) - timedelta(microseconds=1)
    return [first.date() + timedelta(days=number) for number in range((last.date() - first.date()).days + 1)]


def _bounds(day: date) -> tuple[datetime, datetime]:
    return end_of(day - timedelta(days=1)), end_of(day)


def _window(
    said: AboutServer, known: DayServer | None, day: date, ending: bool
) -> tuple[datetime, datetime, LostMinutes | None]:
    """From when until when it is asked, and what it can tell no more."""
    first, last = _bounds(day)
    started = moment(said.started).replace(second=0, microsecond=0)
    wanted = moment(known.until) if known else max(first, started)
    begin = min(max(wanted, moment(said.oldest)), last)
    gap = LostMinutes(written(wanted), written(begin), "not kept") if begin > wanted else None
    return begin, min(last, _until(said, ending)), gap


def _hours(begin: datetime, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """The hours of a day between the two, each with what of it is."""
    while begin < end:
        after = min(end, begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
        yield f"{begin:%H}", begin, after
        begin = after


def _grown(
    counter: TellingServer, known: DayServer | None, begin: datetime, end: datetime, gap: LostMinutes | None
) -> DayServer:
    gaps = (*(known.gaps if known else ()), *([gap] if gap else []))
    since = known.since if known else written(begin)
    asked = known.asked_minutes if known else 0
    if counter.tells_requests:
        asked += int((end - begin).total_seconds() // 60)
    return DayServer(counter.of.name, counter.of.version, since, written(end), gaps, asked_minutes=asked)


def _ended(server: DayServer, day: date, began: datetime | None, over: datetime) -> DayServer:
    """began: when another one of its name did."""
    _, last = _bounds(day)
    until = moment(server.until)
    if server.ended or until >= last:
        return server
    again = began is not None and began >= until
    end = began if again and began else over
    begun = timedelta(seconds=end.second, microseconds=end.microsecond)
    lost_until = min(last, end - begun + (timedelta(minutes=1) if begun else timedelta()))
    gap = LostMinutes(server.until, written(lost_until), "restarted" if again else "ended")
    gaps = (*server.gaps, gap) if lost_until > until else server.gaps
    return msgspec.structs.replace(server, gaps=gaps, ended=True)


def _forgotten(server: DayServer, day: date, oldest: datetime) -> DayServer:
    """oldest: what the server keeps now."""
    _, last = _bounds(day)
    if server.ended or moment(server.until) >= last or oldest < last:
        return server
    gap = LostMinutes(server.until, written(last), "not kept")
    return msgspec.structs.replace(server, gaps=(*server.gaps, gap), ended=True)


def _gaps(servers: Mapping[str, DayServer]) -> list[str]:
    said = []
    for server in servers.values():
        for gap in server.gaps:
            times = f"{gap.begin[11:16]} to {gap.end[11:16]} ({gap.minutes} min)"
            words = {
                "not kept": f"{server.name} kept no counts of {times} any more",
                "restarted": f"{server.name} began anew, and its counts of {times} are gone",
                "ended": f"{server.name} has ended, and nobody knows what it counted in {times}",
            }
            said.append(words[gap.why])
    return said
