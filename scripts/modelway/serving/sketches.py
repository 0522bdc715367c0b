"""What a release is asked, as counts in the cells of its reference: minute by minute, in memory that all workers share. No row
is kept.

What is told is the sketch that detect-drift would write of the same rows (modelway.data.drift.sketch): whole numbers, so that
those of several replicas and of several times are added, in any order, to the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from modelway.serving import payload
from modelway.serving.cells import (
    BEYOND,
    BIN_SECONDS,
    COUNTS,
    HIGH,
    LOW,
    MISSING,
    PREDICTED_CLASS,
    PREDICTED_NUMBER,
    READ_AS,
    ROWS,
    SCHEMA,
    STAMP,
    CellReference,
    CountedColumn,
)
from modelway.serving.columns import CheckedRows, SignatureColumn
from modelway.serving.messages import Refusal
from modelway.serving.request_minutes import RequestMinutes

SETTLED_SECONDS = 2.0
"""After its end a minute does not grow any more."""
LONGEST_VALUE = 200
FEW_ROWS = 32
"""Of more, numpy is quicker than a loop."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  as rows have their times
MICROSECOND = timedelta(microseconds=1)
TOLD = ("counts", "server", "reference", "requests")
"""What can be asked for: the sketch of some minutes; who counts, since when, and which minutes are still there; the sketch of
the training data; how the requests of some minutes were answered."""
SPARE_MINUTES = 3
"""Of the oldest that are kept, some may be written over while they are asked for."""


class RowSketches:
    """The part of one worker (`slot`), and the sum over all. Rows are counted in one thread alone; whoever tells of them reads
    minutes that are over. now: seconds of the epoch."""

    def __init__(
        self, reference: CellReference, memory: mmap.mmap, slot: int, now: Callable[[], float] = time.time
    ) -> None:
        self.reference, self.slot, self.now = reference, slot, now
        # single numbers are quicker through a memoryview, many through an array: both are the same memory
        self.numbers: memoryview[int] = memoryview(memory).cast("q")
        self.reals: memoryview[float] = memoryview(memory).cast("d")
        self.arrays = np.frombuffer(memory, dtype=np.int64), np.frombuffer(memory, dtype=np.float64)
        self.counted: dict[str, CountedColumn] = {}
        self.predicted: dict[str, CountedColumn] = {}
        self.absent: list[CountedColumn] = []
        self.unlike: dict[str, str] = {}
        self.others: list[str] = []
        self.broken = ""

    def bind(self, signature: Sequence[SignatureColumn]) -> None:
        """Which of the reference's columns a row has."""
        kinds = {column.name: column.kind for column in signature}
        for column in self.reference.columns:
            kind = kinds.get(column.name)
            if column.name in (PREDICTED_NUMBER, PREDICTED_CLASS):
                self.predicted[column.name] = column
            elif kind is not None and kind in READ_AS[column.kind]:
                self.counted[column.name] = column
            else:
                self.absent.append(column)
                if kind is not None:
                    self.unlike[column.name] = kind
        known = {column.name for column in self.reference.columns}
        self.others = sorted(name for name in kinds if name not in known)

    def count(self, rows: CheckedRows, predicted: Callable[[], Sequence[float | str | None]] = list) -> None:
        """predicted: what was said of them. Never raises: a prediction is not lost because it cannot be counted. What is not
        whole any more is not told."""
        try:
            at = self._minute()
            self._count(at, rows)
            if self.predicted:
                self._count_predictions(at, rows.rows, predicted())
        except Exception as error:  # noqa: BLE001  whatever it is
            self.broken = type(error).__name__

    def answer(self, of: AskedCounts, requests: RequestMinutes) -> bytes:
        if of.tell == "requests":
            return requests.told(of.begin, of.end)
        if of.tell == "reference":
            return self.reference.text
        return self._server(of.over) if of.tell == "server" else self.told(of.begin, of.end)

    def _server(self, over: float) -> bytes:
        """Its counts are whole from `oldest` until before `over`: it began then, or keeps no more."""
        started = self.reference.started
        kept = over - (self.reference.minutes - SPARE_MINUTES) * BIN_SECONDS
        oldest = max(started // BIN_SECONDS * BIN_SECONDS, kept)
        said = {
            "server": self.reference.server,
            "started": _written(started),
            "oldest": _written(min(oldest, over)),
            "over": _written(over),
            "reference": hashlib.sha256(self.reference.text).hexdigest(),
            "tells": TOLD,
        }
        return json.dumps(said).encode()

    def told(self, begin: float, end: float) -> bytes:
        """The sketch of all rows of the whole minutes from `begin` until before `end`, seconds of the epoch, as JSON."""
        first, last = math.ceil(begin / BIN_SECONDS), math.ceil(end / BIN_SECONDS)
        kept, kept_reals = (array.reshape(-1, self.reference.size) for array in self.arrays)
        chosen = (kept[:, STAMP] > first) & (kept[:, STAMP] <= last)
        whole, reals = kept[chosen], kept_reals[chosen]
        sums = whole.sum(axis=0) if len(whole) else np.zeros(self.reference.size, dtype=np.int64)
        columns = [
            {
                "cells": column.cells,
                "missing": int(sums[column.at + MISSING]),
                "unreadable": 0,
                "counts": [int(n) for n in sums[column.at + COUNTS : column.at + COUNTS + column.size]],
                "beyond": int(sums[column.at + BEYOND]),
                "borderline": 0,
                "low": _extreme(np.fmin, reals[:, column.at + LOW], column),
                "high": _extreme(np.fmax, reals[:, column.at + HIGH], column),
                "sums": None,
            }
            for column in self.reference.columns
            if column.name in self.counted or column.name in self.predicted
        ]
        said = {
            "schema": SCHEMA,
            "rows": int(sums[ROWS]),
            "clusters": 0,
            "columns": columns,
            "absent": [column.cells for column in self.absent],
            "unlike": dict(sorted(self.unlike.items())),
            "others": self.others,
        }
        return (json.dumps(said, separators=(",", ":"), ensure_ascii=False) + "\n").encode()

    def _count_predictions(self, minute: int, rows: int, said: Sequence[float | str | None]) -> None:
        said = said if len(said) == rows else [None] * rows  # something else than a prediction a row
        for name, column in self.predicted.items():
            if name == PREDICTED_CLASS:
                self._count_texts(minute + column.at, column, [one if isinstance(one, str) else None for one in said])
            else:
                numbers = [one if isinstance(one, float) else None for one in said]
                (self._count_few if rows <= FEW_ROWS else self._count_many)(minute + column.at, column, numbers)

    def _count(self, minute: int, rows: CheckedRows) -> None:
        self.numbers[minute + ROWS] += rows.rows
        given = {column.name: values for column, values in zip(rows.columns, rows.values, strict=True)}
        for name, column in self.counted.items():
            values, at = given.get(name), minute + column.at
            if values is None:  # a column that the signature calls optional
                self.numbers[at + MISSING] += rows.rows
            elif column.kind == "category":
                self._count_texts(at, column, values)
            elif len(values) <= FEW_ROWS:
                self._count_few(at, column, values)
            else:
                self._count_many(at, column, values)

    def _minute(self) -> int:
        """Where the numbers of this minute are; they begin at zero."""
        minute, size = int(self.now() // BIN_SECONDS), self.reference.size
        at = (self.slot * self.reference.minutes + minute % self.reference.minutes) * size
        if self.numbers[at + STAMP] != minute + 1:
            self.arrays[0][at : at + size] = 0
            for column in self.reference.columns:
                self.reals[at + column.at + LOW] = self.reals[at + column.at + HIGH] = math.nan
            self.numbers[at + STAMP] = minute + 1
        return at

    def _count_few(self, at: int, column: CountedColumn, values: Iterable[Any]) -> None:
        numbers, reals, edges = self.numbers, self.reals, column.edges
        for value in values:
            if value is None:
                numbers[at + MISSING] += 1
                continue
            number = _number(value)
            numbers[at + COUNTS + bisect_left(edges, number)] += 1
            if not reals[at + LOW] <= number:  # NaN where there is none yet
                reals[at + LOW] = number
            if not reals[at + HIGH] >= number:
                reals[at + HIGH] = number

    def _count_many(self, at: int, column: CountedColumn, values: Sequence[Any]) -> None:
        if column.kind in ("time", "other"):
            values = [None if value is None else _number(value) for value in values]
        numbers = np.array(values, dtype=np.float64)  # None becomes NaN, which no value is
        there = numbers[~np.isnan(numbers)]
        self.numbers[at + MISSING] += len(numbers) - len(there)
        if len(there):
            cells = np.searchsorted(column.edges, there, side="left")
            counts = self.arrays[0][at + COUNTS : at + COUNTS + column.size]
            counts += np.bincount(cells, minlength=column.size)
            self.reals[at + LOW] = float(np.fmin(self.reals[at + LOW], there.min()))
            self.reals[at + HIGH] = float(np.fmax(self.reals[at + HIGH], there.max()))

    def _count_texts(self, at: int, column: CountedColumn, values: Sequence[Any]) -> None:
        for value, n in Counter(values).items():
            if value is None:
                self.numbers[at + MISSING] += n
                continue
            place = column.places.get(value if len(value) <= LONGEST_VALUE else _cut(value))
            self.numbers[at + (BEYOND if place is None else COUNTS + place)] += n


@dataclass(frozen=True)
class AskedCounts:
    """begin, end: seconds of the epoch. over: the end of the last minute that does not grow any more. tell: what is told."""

    begin: float
    end: float
    over: float
    tell: str = "counts"


def asked(body: bytes, now: float) -> AskedCounts:
    """What is asked for, by {"from": time, "to": time, "tell": one of TOLD}; left out, the counts of all minutes that are
    over. Refused where they are no times with a zone."""
    said = payload.document(body) if body else {}
    if not isinstance(said, dict) or not said.keys() <= {"from", "to", "tell"}:
        raise Refusal(400, 'the body must be {"from": time, "to": time}, both may be left out')
    begin, end = (_moment(said[key], key) if key in said else None for key in ("from", "to"))
    if (tell := said.get("tell", TOLD[0])) not in TOLD:
        raise Refusal(400, f"tell is {payload.shown(tell)}, and must be one of {', '.join(TOLD)}", "tell")
    over = (now - SETTLED_SECONDS) // BIN_SECONDS * BIN_SECONDS
    return AskedCounts((0.0 if begin is None else begin), (over if end is None else end), over, tell)


def _moment(value: Any, name: str) -> float:
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))  # noqa: FURB162  the model's Python may be older
        if moment.tzinfo is None:
            raise ValueError
        return moment.timestamp()
    except (AttributeError, ValueError, OverflowError):
        fix = "must be a time with its zone, such as 2026-11-27T00:00:00Z"
        raise Refusal(400, f"{name} is {payload.shown(value)}, and {fix}", name) from None


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _number(value: Any) -> float:
    """A time as the microseconds since 1970, bytes as 0: nothing of them is looked at but whether they are there."""
    if isinstance(value, datetime):
        return float((value - EPOCH) // MICROSECOND)
    return 0.0 if isinstance(value, bytes) else float(value)


def _cut(text: str) -> str:
    """As modelway.data.cells cuts a long text."""
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{text[: LONGEST_VALUE // 2]}…{digest}"


def _extreme(of: Any, values: Any, column: CountedColumn) -> float | None:
    found = of.reduce(values) if len(values) else math.nan
    return None if column.kind == "category" or math.isnan(found) else float(found)
