"""The files of a data set: one file, a folder or a pattern of them; their format, and the header of a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modelway.errors import InvalidInput
from modelway.records import digest_of_data, sha256_of_file
from modelway.records.digests import digest_of_listing

Format = Literal["csv", "parquet"]

SUFFIXES: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
PARQUET_MAGIC = b"PAR1"
HEADER_LIMIT_BYTES = 1 << 20
"""A header longer than this is taken for a file that is not CSV."""


@dataclass(frozen=True)
class Source:
    """Files of one format that are one table. `name` is what messages call it."""

    name: str
    path: Path
    format: Format
    files: tuple[Path, ...]
    root: Path
    """What the files' names in reports are relative to."""

    def short(self, file: Path) -> str:
        """A file's name in a report; empty where the source is that one file."""
        return "" if file == self.root else file.relative_to(self.root).as_posix()

    def label(self, file: Path) -> str:
        """A file's name in a message."""
        return self.name if file == self.root else f"{self.short(file)} in {self.name}"


def find_source(path: Path, name: str = "") -> Source:
    """The data at a path: a file, a folder with files of one format anywhere below it, or a pattern with `*`.

    InvalidInput where there is nothing, an empty file, or two formats. Hidden files, and those whose name or folder
    starts with `_`, are not data.
    """
    name = name or str(path)
    if path.is_file():
        return Source(name, path, _format_of(path, name), (path,), path)
    if path.is_dir():
        root, found = path, [file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in SUFFIXES]
    elif re.search(r"[*?\[]", str(path)):
        root, found = _matches(path)
    else:
        raise InvalidInput("no such file", where=name, fix="name an existing CSV or Parquet file, or a folder of them")
    files = sorted(file for file in found if not _is_hidden(file.relative_to(root)))
    if not files:
        raise InvalidInput("no data in it", where=name, fix="put .csv or .parquet files there, or name another place")
    formats = {_format_of(file, f"{file.relative_to(root).as_posix()} in {name}") for file in files}
    if len(formats) > 1:
        raise InvalidInput("CSV and Parquet files are mixed", where=name, fix="name one kind, such as folder/*.parquet")
    return Source(name, path, formats.pop(), tuple(files), root)


def digest_of_source(source: Source) -> str:
    """The data's digest (modelway.records.digest_of_data); for a pattern, over the files that it matches."""
    if source.path.exists():
        return digest_of_data(source.path)
    listing = ((source.short(file), file.stat().st_size, sha256_of_file(file)) for file in source.files)
    return digest_of_listing(listing)


def read_header(file: Path, label: str, delimiter: str) -> tuple[str, ...]:
    """The column names of a CSV file; InvalidInput for what is not CSV, and where the first row has another width."""
    with file.open("rb") as stream:
        start = stream.read(HEADER_LIMIT_BYTES)
    if b"\0" in start[:4096]:
        raise InvalidInput(
            "is not CSV but binary", where=label, fix="give CSV in UTF-8, or Parquet with the suffix .parquet"
        )
    if len(start) == HEADER_LIMIT_BYTES:
        start = start[: start.rfind(b"\n") + 1]  # what is left of a line is no row
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = start.count(b"\n", 0, error.start) + 1
        raise InvalidInput("is not UTF-8", where=f"{label}:{line}", fix="save the file as UTF-8") from None
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    limit = csv.field_size_limit(HEADER_LIMIT_BYTES)
    try:
        header = next(records, [])
        first = _first_row(records)
    except csv.Error as error:
        raise InvalidInput(
            f"the header is not CSV: {error}", where=label, fix="quote cells with double quotes"
        ) from None
    finally:
        csv.field_size_limit(limit)
    if not header:
        raise InvalidInput("has no header", where=f"{label}:1", fix="put the column names into the first line")
    if any("\n" in name or "\r" in name for name in header):
        raise InvalidInput("a column's name has a line break in it", where=f"{label}:1", fix="name it on one line")
    if first and len(first) != len(header):
        raise InvalidInput(
            f"the first row has {len(first)} cells, the header {len(header)}",
            where=f"{label}:{records.line_num}",
            fix=f"give every row as many cells as the header has (they are parted by {delimiter!r})",
        )
    return refuse_twins(header, label)


def refuse_twins(names: Iterable[str], label: str) -> tuple[str, ...]:
    """The names, if each is there once."""
    names = tuple(names)
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(
                f"two columns are named {name[:100]!r}", where=label, fix="give each column a name of its own"
            )
    return names


def refuse_other_columns(first: tuple[object, ...], other: tuple[object, ...], label: str, first_label: str) -> None:
    if first != other:
        raise InvalidInput(
            f"has other columns than {first_label}", where=label, fix="give all files the same columns, types and order"
        )


def _first_row(records: Iterable[list[str]]) -> list[str]:
    """The first row that is not blank; nothing where it is longer than what was read, or not sound (the engine says
    what is wrong with it, and where)."""
    try:
        return next((record for record in records if record), [])
    except csv.Error:
        return []


def _format_of(file: Path, label: str) -> Format:
    try:
        with file.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=label, fix="let this user read it") from None
    if not start:
        raise InvalidInput("is empty", where=label, fix="give a file with a header and rows")
    expected = SUFFIXES.get(file.suffix.lower())
    if start == PARQUET_MAGIC:
        return "parquet"
    if expected == "parquet":
        raise InvalidInput("is not Parquet", where=label, fix="write it again; a Parquet file starts with PAR1")
    return "csv"


def _matches(path: Path) -> tuple[Path, list[Path]]:
    """The fixed folder at the start of a pattern, and the files that match it."""
    fixed = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    for index, part in enumerate(parts):
        if re.search(r"[*?\[]", part):
            pattern = "/".join(parts[index:])
            return fixed, [file for file in fixed.glob(pattern) if file.is_file()]
        fixed = fixed / part
    return fixed, []


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith((".", "_")) for part in relative.parts)
