"""Test rows for a team that has none: a share of its one data file, in a file of their own, and the rest in another.

Which row goes where follows from its bytes alone: equal rows stay together, so that none is learned that is judged, and rows
that are added later move no other. Columns that only number the rows, by their names, make no two rows different.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from modelway.data.csv_text import dialect_of
from modelway.data.sources import find_source
from modelway.errors import InvalidInput

TEXTS = (".csv", ".jsonl", ".ndjson")
SHARE = re.compile(r"(?P<percent>\d{1,2}) ?%|(?P<part>0?\.\d+)")
"""How a person asks for it, in the place of a file's name."""
LEAST, MOST = 0.01, 0.9
NUMBERS_ROWS = re.compile(r"(?i:(?:.*[_ .-])?(?:id|uuid|guid|index)|unnamed: ?\d+|rownames)|.*[a-z]I[dD]|")
"""Such as Id, customer_id, PassengerId, and the column without a name that pandas writes."""


@dataclass(frozen=True)
class RowSplit:
    """source: the data file. share: of its rows that are test rows, above 0 and below 1."""

    source: str
    share: float

    @property
    def names(self) -> tuple[str, str]:
        """Of the training and the test file, beside the source."""
        before, dot, suffix = self.source.rpartition(".")
        return f"{before}-train{dot}{suffix}", f"{before}-test{dot}{suffix}"


def share_of(said: str) -> float | None:
    """None where a file is named. InvalidInput where it is no share."""
    match = SHARE.fullmatch(said.strip())
    if match is None:
        return None
    share = int(match["percent"]) / 100 if match["percent"] else float(match["part"])
    if not LEAST <= share <= MOST:
        what = f"{said} of the rows cannot be test rows"
        raise InvalidInput(what, where="input test", fix=f"give {LEAST:.0%} to {MOST:.0%}, such as 20%")
    return share


def split_rows(split: RowSplit, source: Path, train: Path, test: Path) -> None:
    """Both files, from the source's rows as they are. InvalidInput where either would be empty."""
    if not source.is_file():
        raise InvalidInput("is no file here, so nothing can be split off it", where=split.source, fix="bring it first")
    if source.suffix in TEXTS:
        dialect = dialect_of(find_source(source, split.source))
        if dialect.encoding != "utf-8":
            raise InvalidInput(
                f"is {dialect.encoding}, and is split as UTF-8 alone", where=split.source, fix="save it as UTF-8"
            )
        counts = _write_texts(split, source, dialect.delimiter, train, test)
    elif source.suffix == ".parquet":
        counts = _write_parquet(split, source, train, test)
    else:
        fix = f"split it by code of your own, or give {', '.join((*TEXTS, '.parquet'))}"
        raise InvalidInput("cannot be split: rows of this format are not known here", where=split.source, fix=fix)
    if not all(counts):
        fix = "give more rows, or name a file of test rows"
        raise InvalidInput(f"has too few rows to split ({sum(counts)})", where=split.source, fix=fix)


def _write_texts(split: RowSplit, source: Path, delimiter: str, train: Path, test: Path) -> list[int]:
    counts = [0, 0]
    with source.open("rb") as stream, train.open("wb") as learned, test.open("wb") as judged:
        files = learned, judged
        found: Iterable[bytes] = stream
        told_apart: Callable[[bytes], bytes] = _told_apart_json
        if source.suffix == ".csv":
            found = _records(stream)
            header = next(found, b"")
            for file in files:
                file.write(header)
            without = _numbering(_cells(header.removeprefix(b"\xef\xbb\xbf"), delimiter))
            told_apart = partial(_told_apart, delimiter=delimiter, without=without)
        for record in found:
            row = record.rstrip(b"\r\n")
            if row:
                side = _chance(told_apart(row)) < split.share
                files[side].write(record if record.endswith(b"\n") else record + b"\n")
                counts[side] += 1
    return counts


def _records(stream: BinaryIO) -> Iterator[bytes]:
    """Of a CSV file: a line, or several where a quoted cell holds breaks."""
    parts, quotes = list[bytes](), 0
    for line in stream:
        parts.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield b"".join(parts)
            parts, quotes = [], 0
    if parts:
        yield b"".join(parts)


def _cells(record: bytes, delimiter: str) -> list[str]:
    return next(csv.reader([record.decode(errors="surrogateescape")], delimiter=delimiter), [])


def _numbering(names: Sequence[str]) -> frozenset[int]:
    """Places of the columns that number rows; none where nothing else would be left."""
    found = frozenset(place for place, name in enumerate(names) if NUMBERS_ROWS.fullmatch(name.strip()))
    return found if len(found) < len(names) else frozenset()


def _told_apart(row: bytes, delimiter: str, without: Collection[int]) -> bytes:
    """What tells it from others: the row as it is, where no column numbers rows."""
    if not without:
        return row
    cells = (cell for place, cell in enumerate(_cells(row, delimiter)) if place not in without)
    return "\x1f".join(cells).encode(errors="surrogateescape")


def _told_apart_json(row: bytes) -> bytes:
    try:
        said = json.loads(row)
    except ValueError:
        return row
    if not isinstance(said, dict) or not (without := _numbering(list(said))):
        return row
    return json.dumps([value for place, value in enumerate(said.values()) if place not in without]).encode()


def _chance(row: bytes) -> float:
    """Of a row: 0 to below 1, evenly."""
    return int.from_bytes(hashlib.blake2b(row, digest_size=8).digest(), "big") / 2**64


def _write_parquet(split: RowSplit, source: Path, train: Path, test: Path) -> list[int]:
    import duckdb

    counts = []
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(source)).set_alias("row_")
        told = "row_::VARCHAR"
        if without := _numbering(rows.columns):
            kept = (name.replace('"', '""') for place, name in enumerate(rows.columns) if place not in without)
            packed = [f'c{place} := row_."{name}"' for place, name in enumerate(kept)]
            told = f"struct_pack({', '.join(packed)})::VARCHAR"
        for file, asked in ((train, ">="), (test, "<")):
            chosen = rows.filter(f"('0x' || md5({told})[:8])::BIGINT {asked} {split.share * 2**32:.0f}")
            chosen.write_parquet(str(file))
            counts.append(connection.read_parquet(str(file)).shape[0])
    return counts
