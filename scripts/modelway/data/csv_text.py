"""The text of a CSV file: its header, and where in it something is wrong."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Protocol

from modelway.data.dialect import USUAL, CsvDialect, Encoding
from modelway.data.plain_text import CHUNK, GZIP_MAGIC, Fault
from modelway.data.sources import Source, refuse_twins
from modelway.errors import InvalidInput
from modelway.files import UTF_16

LOOK_BYTES = 1 << 16
HEADER_LIMIT_BYTES = 1 << 20
"""A header longer than this is taken for a file that is not CSV."""
LINE_LIMIT_BYTES = 8 << 20
"""The longest row."""
TOO_LONG = f"is longer than {LINE_LIMIT_BYTES >> 20} MiB"
WRITE_PARQUET = "write the data as Parquet, where a value may be as long as it is"
COPY_WHOLE = "write the file again, and check that it was copied whole"
SAVE_AS_UTF8 = "save it as UTF-8, or say `encoding: latin-1`, windows-1252 or utf-16 in the contract"


UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
DELIMITERS = (",", ";", "\t", "|")
"""In use; the first of them wins where two would do."""


class Records(Protocol):
    """A csv.reader. line_num: the lines that it has read."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def dialect_of(source: Source, said: CsvDialect = USUAL) -> CsvDialect:
    """How its first rows are written: parted by what gives all of them the same number of cells, more than one; by commas
    where nothing does. said: by a contract; what is not the usual there is so."""
    if source.format != "csv":
        return said
    file = source.files[0]
    try:
        with file.open("rb") as stream:
            packed = stream.read(2) == GZIP_MAGIC
        with gzip.open(file) if packed else file.open("rb") as stream:
            start = stream.read(LOOK_BYTES)
    except (OSError, EOFError, zlib.error):
        return said  # whoever reads the rows says what is wrong with them
    if start.startswith(UTF_32):  # which begins as UTF-16 does
        return said
    encoding: Encoding = said.encoding
    if encoding == USUAL.encoding and start.startswith(UTF_16):
        encoding = "utf-16"
    if said.delimiter != USUAL.delimiter:
        return replace(said, encoding=encoding)
    text = start.decode(encoding, "replace")
    delimiter = _parting(text if len(start) < LOOK_BYTES else text[: text.rfind("\n") + 1])
    return replace(said, delimiter=delimiter or USUAL.delimiter, encoding=encoding)


def _parting(text: str) -> str | None:
    """What gives all rows the same number of cells, more than one; None where nothing does."""
    for delimiter in DELIMITERS:
        try:
            records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            widths = {len(record) for record in records if record}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            return delimiter
    return None


def read_header(file: Path, label: str, dialect: CsvDialect) -> tuple[str, ...]:
    """The column names of a CSV file in plain text; InvalidInput for what is not CSV, and where the first row has another
    width."""
    with file.open("rb") as stream:
        start = stream.read(HEADER_LIMIT_BYTES)
    if start.startswith(UTF_32):
        raise InvalidInput("is UTF-32", where=label, fix="save it as UTF-8")
    if start.startswith(UTF_16):
        raise InvalidInput("is UTF-16", where=label, fix="save it as UTF-8, or say `encoding: utf-16` in the contract")
    if b"\0" in start[:4096]:
        raise InvalidInput(
            "is not CSV but binary", where=label, fix="give CSV in UTF-8, or Parquet with the suffix .parquet"
        )
    if len(start) == HEADER_LIMIT_BYTES:
        start = start[: start.rfind(b"\n") + 1]  # what is left of a line is no row
        if not start:
            what = f"the header is longer than {HEADER_LIMIT_BYTES >> 20} MiB"
            raise InvalidInput(what, where=f"{label}:1", fix="give CSV, with the column names in its first line")
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = start.count(b"\n", 0, error.start) + 1
        raise InvalidInput(_not_utf8(error), where=f"{label}:{line}", fix=SAVE_AS_UTF8) from None
    with _reader(io.StringIO(text, newline=""), dialect) as records:
        try:
            header: list[str] = next(records, [])
        except csv.Error as error:
            raise InvalidInput(
                f"the header is not CSV: {error}", where=f"{label}:1", fix="quote cells with double quotes"
            ) from None
        first = _first_row(records)
    if not header:
        raise InvalidInput("has no header", where=f"{label}:1", fix="put the column names into the first line")
    quote = dialect.quote or "\0"
    for cell in header:  # DuckDB takes a quote after blanks for one that begins a cell
        bare = cell.strip(" ")
        is_whole = len(bare) > 1 and bare.endswith(quote) and bare.count(quote) % 2 == 0
        if cell[:1] == " " and bare.startswith(quote) and not is_whole:
            what = f"the header has a quote after blanks, in {cell[:40]!r}"
            raise InvalidInput(what, where=f"{label}:1", fix="quote cells whole, or leave the quote out")
    if len(header) == 1 and (other := _parting(text[: text.rfind("\n", 0, LOOK_BYTES) + 1])):
        what = f"has one column, {header[0][:60]!r}, and its cells seem to be parted by {other!r}"
        fix = f"say `delimiter: {json.dumps(other)}` in the contract (generate-contract drafts one that does)"
        raise InvalidInput(what, where=f"{label}:1", fix=fix)
    if any("\n" in name or "\r" in name for name in header):
        raise InvalidInput("a column's name has a line break in it", where=f"{label}:1", fix="name it on one line")
    if first and len(first) != len(header):
        raise InvalidInput(
            f"the first row has {_cells(first)}, the header {len(header)}",
            where=f"{label}:{records.line_num}",
            fix=_parted(dialect),
        )
    return refuse_twins(header, label)


def has_odd_numbers(file: Path, label: str) -> bool:
    """Whether a row may hold a number that DuckDB alone takes for one: 1_000, +-1. A NUL byte is refused: it is in no text,
    and a full disk or a copy that was cut leaves it in the place of rows."""
    begin, odd, last = 0, False, b""
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            if (at := chunk.find(0)) >= 0:
                raise InvalidInput("holds a NUL byte", where=f"{label}:{_line_at(stream, begin + at)}", fix=COPY_WHOLE)
            rows = 0 if begin else chunk.find(b"\n") + 1
            odd = odd or chunk.find(b"_", rows) >= 0 or (b"+" in chunk and b"+-" in chunk) or last + chunk[:1] == b"+-"
            begin, last = begin + len(chunk), chunk[-1:]
    return odd


def _line_at(stream: IO[bytes], place: int) -> int:
    """The line, counted from 1, that a byte is in."""
    stream.seek(0)
    return 1 + sum(stream.read(min(CHUNK, place - at)).count(b"\n") for at in range(0, place, CHUNK))


def refuse_long_line(file: Path, label: str) -> None:
    """DuckDB ends at a last line that two of its buffers do not hold, and says nothing of it. Little is read: from line end to
    line end in the longest steps that are allowed."""
    size, begin = file.stat().st_size, 0
    with file.open("rb") as stream:
        while size - begin > LINE_LIMIT_BYTES:
            end = _last_line_end(stream, begin, begin + LINE_LIMIT_BYTES)
            if end is None:
                line = _line_at(stream, begin)
                raise InvalidInput(f"the row {TOO_LONG}", where=f"{label}:{line}", fix=WRITE_PARQUET)
            begin = end


def _last_line_end(stream: IO[bytes], begin: int, end: int) -> int | None:
    """The place after the last line end between two places, looked for from the end."""
    while end > begin:
        start = max(begin, end - LOOK_BYTES)
        stream.seek(start)
        part = stream.read(end - start)
        if (found := max(part.rfind(b"\n"), part.rfind(b"\r"))) >= 0:
            return start + found + 1
        end = start
    return None


def refuse_longer_rows(file: Path, label: str, dialect: CsvDialect) -> None:
    """InvalidInput for the first row with more cells than the header, by a plain reading. The engine finds the rest."""
    with (
        file.open(encoding="utf-8-sig", errors="replace", newline="") as text,
        _reader(text, dialect) as records,
        contextlib.suppress(csv.Error),
    ):
        width, began = len(next(records, [])), records.line_num + 1
        for row in records:
            if len(row) > width:
                what = f"the row has {_cells(row)}, the header {width}"
                raise InvalidInput(what, where=f"{label}:{began}", fix=_parted(dialect))
            began = records.line_num + 1


def find_fault(file: Path, dialect: CsvDialect) -> Fault | None:
    """The first place where a file in plain text is not sound CSV, found by a plain reading; None where that finds nothing."""
    with file.open("rb") as stream:
        fault = _first_wrong_byte(stream)
    if fault:
        return fault
    began = 1
    with file.open(encoding="utf-8-sig", newline="") as text, _reader(text, dialect) as records:
        try:
            width = len(next(records, []))
            began = records.line_num + 1
            for row in records:
                if row and len(row) != width:
                    return Fault(began, f"has {_cells(row)}, the header {width}", _parted(dialect))
                if sum(map(len, row)) > LINE_LIMIT_BYTES:
                    return Fault(began, TOO_LONG, WRITE_PARQUET)
                began = records.line_num + 1
        except csv.Error as error:
            unclosed = "unexpected end of data" in str(error)
            what = "opens a quote that is never closed" if unclosed else f"is not CSV: {error}"
            fix = f"write {dialect.quote} within a quoted cell twice" if dialect.quote else "correct this line"
            return Fault(began, what, fix)
    return _other_line_end(file)


def line_of(file: Path, row: int, dialect: CsvDialect) -> int:
    """The line that a row (counted from 1, without the header) of a sound file in plain text begins in."""
    with file.open(encoding="utf-8-sig", newline="") as text, _reader(text, dialect) as records:
        next(records)
        began, count = records.line_num + 1, 0
        for record in records:
            count += bool(record)
            if count == row:
                return began
            began = records.line_num + 1
    return began


def _first_wrong_byte(lines: Iterable[bytes]) -> Fault | None:
    for number, line in enumerate(lines, 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return Fault(number, _not_utf8(error), SAVE_AS_UTF8)
    return None


def _other_line_end(file: Path) -> Fault | None:
    ends = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}
    first, number = b"", 0
    with file.open("rb") as stream:
        for line in stream:
            for end in re.findall(rb"\r\n|\n|\r", line):
                first, number = first or end, number + 1
                if end != first:
                    what = f"ends in {ends[end]}, and those before it in {ends[first]}"
                    return Fault(number, what, "write all lines with the same end, such as by dos2unix")
    return None


def _not_utf8(error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    seen = bytes([byte]).decode("latin-1")
    return f"is not UTF-8: byte 0x{byte:02x}" + (f" (in Latin-1 {seen!r})" if seen.isprintable() else "")


def _cells(row: list[str]) -> str:
    return f"{len(row)} cell{'s' * (len(row) != 1)}"


def _parted(dialect: CsvDialect) -> str:
    return f"give every row as many cells as the header has (they are parted by {dialect.delimiter!r})"


@contextmanager
def _reader(text: IO[str], dialect: CsvDialect) -> Iterator[Records]:
    quoting: dict[str, Any] = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield csv.reader(text, delimiter=dialect.delimiter, strict=True, **quoting)
    finally:
        csv.field_size_limit(limit)


def _first_row(records: Iterable[list[str]]) -> list[str]:
    """The first row that is not blank; nothing where it is longer than what was read, or not sound (the engine says
    what is wrong with it, and where)."""
    try:
        return next((record for record in records if record), [])
    except csv.Error:
        return []
