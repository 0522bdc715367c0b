"""Columns that the server looks up itself, by keys that a request has: a feature store's online values, in Redis.

Whatever becomes of Redis, a request is answered: with what the file says of values that are missing, or with a 503 that says
so.
"""

from __future__ import annotations

import asyncio
import json
import math
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelway.serving.columns import CASTS, SignatureColumn
from modelway.serving.messages import Refusal
from modelway.serving.metrics import LOOKED_UP
from modelway.serving.payload import ABSENT, JsonTable, shown

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from modelway.serving.settings import ServerSettings

BESIDE = "features.json"
"""What the file is called in a release, beside its model."""
NO_HASH = "WRONGTYPE"
"""How Redis begins what it says of a key that holds something else."""
NO_TEXT = "\N{REPLACEMENT CHARACTER}"
"""In what is decoded of bytes that are no UTF-8."""
TURN = 200
"""Rows or values, of a request with many, after which others have their turn on the event loop."""
KEY_LENGTH = 200
CONNECTIONS = 16
"""Of one worker, at most."""
URL_VARIABLE = "MODELWAY_FEATURES_URL"
"""Of Redis, with its password: a variable alone, since flags are read by others."""
FOUND, MISSING, UNREADABLE, FAILED = OUTCOMES = LOOKED_UP
"""Of one value: it was there; there is none; it is not of the column's type; Redis did not answer in time."""


@dataclass(frozen=True)
class FeatureLookup:
    """key: of a hash, with {column} where a column of the request goes. keys: these columns. fields: of the hash, by the
    model's column. missing: what a column is where there is no value; one that is not here refuses the request."""

    key: str
    keys: tuple[str, ...]
    fields: Mapping[str, str]
    missing: Mapping[str, Any]

    def key_of(self, row: Mapping[str, Any]) -> str:
        return self.key.format_map({name: row[name] for name in self.keys})


@dataclass(frozen=True)
class FeatureFile:
    """seconds: for all lookups of one request. refuses: where Redis does not answer, the request is refused; else its values
    are missing ones."""

    lookups: tuple[FeatureLookup, ...]
    seconds: float
    refuses: bool

    @property
    def columns(self) -> set[str]:
        return {column for lookup in self.lookups for column in lookup.fields}

    @property
    def keys(self) -> set[str]:
        return {name for lookup in self.lookups for name in lookup.keys}


def path_of(settings: ServerSettings) -> Path | None:
    """Of the file: the one that is named, else the one beside the model, where a release has it."""
    beside = settings.model.absolute().parent / BESIDE
    return Path(settings.features) if settings.features else beside if beside.is_file() else None


def read(path: Path) -> FeatureFile:
    """ValueError, with the place and the fix, where the file is none."""
    try:
        said = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    made = _Reading(str(path))
    body = made.object(said, "", {"lookups"}, {"seconds", "when-unreachable"})
    seconds = body.get("seconds", 0.05)
    made.must(type(seconds) in (int, float) and 0 < seconds <= 60, "seconds", "must be a number of seconds, 60 at most")
    unreachable = body.get("when-unreachable", "refuse")
    made.must(unreachable in ("refuse", "missing"), "when-unreachable", "must be refuse or missing")
    lookups = body["lookups"]
    made.must(isinstance(lookups, list) and bool(lookups), "lookups", "must be a list of lookups")
    found = FeatureFile(
        tuple(made.lookup(item, f"lookups[{number}]") for number, item in enumerate(lookups)),
        float(seconds),
        unreachable == "refuse",
    )
    twice = sum(len(lookup.fields) for lookup in found.lookups) - len(found.columns)
    made.must(not twice, "lookups", "look one column up twice")
    both = found.columns & found.keys
    made.must(not both, "lookups", f"need {min(both, default='')!r}, which is looked up itself")
    return found


NOTHING = FeatureFile((), 0.0, refuses=True)
"""Is looked up."""


class _Reading:
    def __init__(self, where: str) -> None:
        self.where = where

    def must(self, holds: bool, key: str, said: str) -> None:
        if not holds:
            raise ValueError(f"{self.where}: {key} {said}")

    def object(self, said: Any, key: str, needed: set[str], known: set[str]) -> dict[str, Any]:
        self.must(isinstance(said, dict), key or "it", "must be an object")
        for name in needed - said.keys():
            self.must(False, f"{key}.{name}".lstrip("."), "is missing")
        for name in said.keys() - needed - known:
            self.must(
                False, f"{key}.{name}".lstrip("."), f"is not known; there are {', '.join(sorted(needed | known))}"
            )
        return dict(said)

    def lookup(self, said: Any, where: str) -> FeatureLookup:
        body = self.object(said, where, {"key", "columns"}, {"missing"})
        key, fields, missing = body["key"], body["columns"], body.get("missing", {})
        self.must(isinstance(key, str), f"{where}.key", "must be text")
        try:
            parts = list(string.Formatter().parse(key))
        except ValueError as error:
            raise ValueError(f"{self.where}: {where}.key {key!r}: {error}") from None
        names = [(name, form, conversion) for _, name, form, conversion in parts if name is not None]
        keys = tuple(dict.fromkeys(name for name, _, _ in names))
        plain = all(name.isidentifier() and not form and not conversion for name, form, conversion in names)
        self.must(bool(keys) and plain, f"{where}.key", "must name columns of the request, such as carrier:{carrier}")
        named = isinstance(fields, dict) and fields and all(isinstance(field, str) for field in fields.values())
        self.must(bool(named), f"{where}.columns", "must be fields of the hash by the model's columns")
        self.must(isinstance(missing, dict), f"{where}.missing", "must be values by column")
        for name in missing.keys() - fields.keys():
            self.must(False, f"{where}.missing.{name}", "is not looked up here")
        return FeatureLookup(key, keys, fields, missing)


def check(file: FeatureFile, columns: Sequence[SignatureColumn], where: Path) -> None:
    """ValueError where the model has no such columns, or what stands for a missing value is none of theirs."""
    known = {column.name: column for column in columns}
    for lookup in file.lookups:
        for name in lookup.fields:
            if name not in known:
                raise ValueError(f"{where}: column {name!r} is looked up, and the model has none of that name")
        for name, value in lookup.missing.items():
            try:
                if value is not None:
                    CASTS[known[name].kind](value)
            except (TypeError, ValueError, OverflowError):
                raise ValueError(f"{where}: missing.{name} is {value!r}, which is no {known[name].kind}") from None


@dataclass(frozen=True)
class Completed:
    """missing: columns of which at least one value stands for one that was not there."""

    table: JsonTable
    missing: tuple[str, ...]


class Features:
    """One worker's. counted: told of each outcome, and how many values had it. Used on the event loop alone."""

    def __init__(
        self,
        file: FeatureFile,
        columns: Sequence[SignatureColumn],
        redis: Redis,
        counted: Callable[[str, int], None],
    ) -> None:
        self.file, self.redis, self.counted = file, redis, counted
        self.columns = {column.name: column for column in columns}
        self._foreign = file.keys - self.columns.keys()

    def wanted(self, table: JsonTable) -> bool:
        """Whether anything is to be looked up, or taken away, before the table is the model's."""
        return any(self._lacks(table, name) for name in self.file.columns) or not self._foreign.isdisjoint(
            table.columns
        )

    async def complete(self, table: JsonTable) -> Completed:
        """With every column that is looked up; what the request has is left as it is. Refusal where a value is missing and
        nothing stands for it, or a key is."""
        asked: dict[tuple[str, str], None] = {}
        places: list[tuple[str, int, tuple[str, str] | None, FeatureLookup]] = []
        for lookup in self.file.lookups:
            lacking = [(name, table.columns.get(name)) for name in lookup.fields if self._lacks(table, name)]
            for row in range(table.rows) if lacking else ():
                if row % TURN == TURN - 1:
                    await asyncio.sleep(0)
                here = [name for name, values in lacking if values is None or values[row] is ABSENT]
                key = self._key(lookup, table, row) if here else None
                for name in here:
                    place = None if key is None else (key, lookup.fields[name])
                    places.append((name, row, place, lookup))
                    if place is not None:
                        asked[place] = None
        told, why = await self._ask(list(asked))
        made = {name: list(values) for name, values in table.columns.items() if name not in self._foreign}
        for name in {name for name, _, _, _ in places} - made.keys():
            made[name] = [ABSENT] * table.rows
        counts, missing = dict.fromkeys(OUTCOMES, 0), dict[str, None]()
        for number, (name, row, place, lookup) in enumerate(places):
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
            outcome, value = self._value(name, told.get(place) if place else None)
            outcome = FAILED if why and place else outcome
            counts[outcome] += 1
            if outcome != FOUND:
                if name not in lookup.missing:
                    self._count(counts)
                    raise _missing(name, row, outcome, lookup, why)
                value, missing[name] = lookup.missing[name], None
            made[name][row] = value
        self._count(counts)
        if why and self.file.refuses and places:
            raise Refusal(503, f"features cannot be looked up: {why}")
        return Completed(JsonTable(made, table.rows), tuple(missing))

    def _lacks(self, table: JsonTable, name: str) -> bool:
        return name not in table.columns or ABSENT in table.columns[name]

    def _key(self, lookup: FeatureLookup, table: JsonTable, row: int) -> str | None:
        """None: a part of it is null."""
        parts = {}
        for name in lookup.keys:
            value = table.columns[name][row] if name in table.columns else ABSENT
            if value is ABSENT:
                columns = ", ".join(lookup.fields)
                raise Refusal(400, f"row {row}: column {shown(name)} is missing, by which {columns} is looked up", name)
            if value is None:
                return None
            if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)) > KEY_LENGTH:
                said = f"text or a whole number, {KEY_LENGTH} characters at most, is"
                raise Refusal(400, f"row {row}: {shown(value)} is no key; {said}", name)
            parts[name] = value
        return lookup.key_of(parts)

    async def _ask(self, places: list[tuple[str, str]]) -> tuple[dict[tuple[str, str], str | None], str]:
        """Values by place; and why there are none. What does not come in time is waited for no longer, and not cut off: a
        connection that is left in the middle of an answer would give it to the next request."""
        if not places:
            return {}, ""
        asking = asyncio.ensure_future(self._read(places))
        await asyncio.wait({asking}, timeout=self.file.seconds)
        if not asking.done():
            asking.add_done_callback(_forget)
            return {}, f"Redis gave no answer in {self.file.seconds:g} s"
        try:
            return asking.result(), ""
        except Exception as error:  # noqa: BLE001  whatever the client raises; its text may hold an address
            return {}, f"Redis cannot be asked ({type(error).__name__})"

    async def _read(self, places: list[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
        by_key: dict[str, list[str]] = {}
        for key, field in places:
            by_key.setdefault(key, []).append(field)
        async with self.redis.pipeline(transaction=False) as pipe:
            for key, fields in by_key.items():
                pipe.hmget(key, fields)
            answers = await pipe.execute(raise_on_error=False)
        found: dict[tuple[str, str], str | None] = {}
        for (key, fields), answer in zip(by_key.items(), answers, strict=True):
            if isinstance(answer, Exception):
                if not str(answer).startswith(NO_HASH):
                    raise answer
                answer = [NO_TEXT] * len(fields)
            found |= {(key, field): value for field, value in zip(fields, answer, strict=True)}
        return found

    def _value(self, name: str, text: str | None) -> tuple[str, Any]:
        """As the request would have it."""
        if text is None:
            return MISSING, None
        column = self.columns[name]
        try:
            if NO_TEXT in text:
                return UNREADABLE, None
            value = PARSED.get(column.kind, str)(text)
            CASTS[column.kind](value)
        except (TypeError, ValueError, LookupError, OverflowError):
            return UNREADABLE, None
        return FOUND, value

    def _count(self, counts: Mapping[str, int]) -> None:
        for outcome, count in counts.items():
            if count:
                self.counted(outcome, count)


def connect(url: str, seconds: float) -> Redis:
    """Nothing is asked yet. ValueError where the address is none; its text does not repeat it."""
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ModuleNotFoundError:
        fix = "install requirements/serving.txt beside the model's environment, or give --environment"
        raise ValueError(f"--features needs the package redis. Fix: {fix}") from None
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=seconds,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1),  # a connection that Redis has closed meanwhile is opened anew
            decode_responses=True,
            encoding_errors="replace",
        )
    except ValueError:
        raise ValueError(f"{URL_VARIABLE} is no address of Redis, such as redis://HOST:6379/0") from None
    return Redis(connection_pool=pool)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


TRUTHS = {"true": True, "1": True, "false": False, "0": False}
PARSED: Mapping[str, Callable[[str], Any]] = {
    "double": _number,
    "float": _number,
    "long": int,
    "integer": int,
    "boolean": lambda text: TRUTHS[text.lower()],
}
"""From a field's text, by the column's type; of others the text is the value."""


def _missing(name: str, row: int, outcome: str, lookup: FeatureLookup, why: str) -> Refusal:
    if outcome == FAILED:
        return Refusal(503, f"row {row}: column {shown(name)} cannot be looked up: {why}", name)
    said = "is unreadable" if outcome == UNREADABLE else "has no value"
    return Refusal(422, f"row {row}: column {shown(name)} {said} at the key made of {', '.join(lookup.keys)}", name)


def _forget(asking: asyncio.Future[Any]) -> None:
    """Its exception is nobody's any more."""
    if not asking.cancelled():
        asking.exception()
