"""What is sent when: bodies from the rows of a file, and times of arrival."""

from __future__ import annotations

import csv
import json
import math
import random
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from modelway.errors import InvalidInput

JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
BOOLEANS: tuple[dict[str, bool], ...] = ({"True": True, "False": False}, {"true": True, "false": False})
ENOUGH = "give a CSV with a header, or one JSON object a line"


class Request(NamedTuple):
    """at: seconds from the start of the run, ascending, fixed in advance. body: JSON."""

    at: float
    body: bytes


def rows_of(path: Path, columns: Collection[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a CSV with a header, or of JSON lines (*.json, *.jsonl, *.ndjson), with these columns only (None: all).

    In a CSV an empty value is null, a column is of numbers where every value in it is one as JSON writes it (`007` is text),
    and of booleans where every value is True or False, as pandas writes them, or true or false.
    InvalidInput: no such file, no rows, a column that is not there, a row of another length, a line that is no object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=str(path), fix=ENOUGH) from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"is not UTF-8: byte {error.start}", where=str(path), fix=ENOUGH) from None
    lines = path.suffix in (".json", ".jsonl", ".ndjson")
    rows = _json_rows(path, text, columns) if lines else _csv_rows(path, text, columns)
    if not rows:
        raise InvalidInput("has no rows", where=str(path), fix=ENOUGH)
    return rows


def bodies_of(path: Path, columns: Collection[str] | None = None) -> list[bytes]:
    """The rows of a file as bodies of /predict, one row each; see `rows_of`."""
    return bodies_of_rows(rows_of(path, columns))


def bodies_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
    return [json.dumps({"rows": [dict(row)]}, allow_nan=False).encode() for row in rows]


def arrivals(rate: float, seconds: float, seed: int = 0) -> Iterator[float]:
    """Times of a Poisson process, rate a second, in [0, seconds): callers that know nothing of each other. The same seed
    gives the same times."""
    draw = random.Random(seed)  # noqa: S311  times of arrival are no secret
    at = draw.expovariate(rate)
    while at < seconds:
        yield at
        at += draw.expovariate(rate)


def requests_of(bodies: Collection[bytes], times: Iterable[float]) -> Iterator[Request]:
    """The bodies in their order, from the start again at the end."""
    return (Request(at, body) for at, body in zip(times, cycle(bodies), strict=False))


def _json_rows(path: Path, text: str, columns: Collection[str] | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_no_constant)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise InvalidInput("is not a JSON object", where=f"{path}, line {number}", fix=ENOUGH)
        if columns is not None:
            _check_columns(path, columns, row)
            row = {name: row[name] for name in columns}
        rows.append(row)
    return rows


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _csv_rows(path: Path, text: str, columns: Collection[str] | None) -> list[dict[str, Any]]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        names = next(reader, [])
        table = [row for row in reader if row]
    except csv.Error as error:
        raise InvalidInput(f"is no CSV: {error}", where=f"{path}, line {reader.line_num}", fix=ENOUGH) from None
    uneven = next((number for number, row in enumerate(table, 1) if len(row) != len(names)), None)
    if uneven is not None:
        what = f"row {uneven} has {len(table[uneven - 1])} values, and the header {len(names)}"
        raise InvalidInput(what, where=str(path), fix=ENOUGH)
    _check_columns(path, columns or (), names)
    wanted = names if columns is None else list(columns)
    values = {name: _values([row[names.index(name)] for row in table]) for name in wanted}
    return [{name: values[name][at] for name in wanted} for at in range(len(table))]


def _check_columns(path: Path, wanted: Collection[str], there: Collection[str]) -> None:
    missing = next((name for name in wanted if name not in there), None)
    if missing is not None:
        raise InvalidInput(f"has no column {missing[:80]!r}", where=str(path), fix=f"it has {', '.join(there)[:300]}")


def _values(texts: list[str]) -> list[Any]:
    """A column as booleans or numbers where all are, else as text; an empty one is null."""
    for words in BOOLEANS:
        if set(texts) - {""} and set(texts) <= {*words, ""}:
            return [words.get(text) for text in texts]
    numbers = [_number(text) for text in texts]
    if all(number is not None or text == "" for number, text in zip(numbers, texts, strict=True)):
        return numbers
    return [text or None for text in texts]


def _number(text: str) -> float | int | None:
    if not JSON_NUMBER.fullmatch(text):
        return None
    number = json.loads(text)
    return number if math.isfinite(number) else None
