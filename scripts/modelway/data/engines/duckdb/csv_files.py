"""How DuckDB reads CSV: as text, of which it is told afterwards what is missing; or some columns as numbers, which is refused
where a cell is none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from modelway.data.csv_text import LINE_LIMIT_BYTES
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.sql import FILE, Statement

NO_NULL_VALUE = "\0modelway: nothing is null\0"
"""DuckDB wants at least one text that means null. It leaves out what follows the last column of a row where that means null,
and says nothing: so what is missing is told after the reading, and every cell too many is an error."""
MOST_TOLD = 500
"""Columns of which what is missing is told so. Of more, DuckDB would plan for longer than a plain reading takes to count their
cells."""

LARGE = 4 << 20
"""Bytes; what is smaller is read in a moment."""


@dataclass(frozen=True)
class CsvFiles:
    """Files of so many columns. odd_numbers: a cell may be a number to DuckDB alone, such as 1_000."""

    links: tuple[str, ...]
    dialect: CsvDialect
    columns: int
    odd_numbers: bool

    @property
    def worth_a_look(self) -> bool:
        """Whether it pays to read columns as numbers, and can be told."""
        return self.told_after and not self.odd_numbers and self._size >= LARGE

    @property
    def most_rows(self) -> int:
        """They have no more rows than this: each cell has an end, and a row at least one byte before it."""
        return self._size // max(self.columns, 2)

    @property
    def _size(self) -> int:
        return sum(Path(link).stat().st_size for link in self.links)

    @property
    def told_after(self) -> bool:
        return bool(self.dialect.null_values) and self.columns <= MOST_TOLD

    def relation(self, numbers: Collection[int] = (), as_written: Collection[int] = ()) -> Statement:
        """The rows, as c0, c1, ... and FILE. numbers: the columns that are read as DOUBLE; a cell of theirs that is none, as
        where a value is missing, is a ConversionException. as_written: of these nothing is missing, whatever is in a cell."""
        to_tell = {*range(self.columns)}.difference(numbers, as_written)
        if not self.told_after or not to_tell:
            return self._read(numbers)
        statement = Statement()
        texts = [statement.bind(text) for text in self.dialect.null_values]
        told = []
        for name, is_told in ((f"c{at}", at in to_tell) for at in range(self.columns)):
            # IN keeps a block of each text, and a pattern takes twice as long
            there = " AND ".join(f"{name} <> {text}" for text in texts)
            told.append(f"CASE WHEN {there} THEN {name} END AS {name}" if is_told else name)
        return statement.add(f"(SELECT {', '.join(told)}, {FILE} FROM ").then(self._read(numbers)).add(")")

    def _read(self, numbers: Collection[int]) -> Statement:
        types = ", ".join(f"'c{at}': '{'DOUBLE' if at in numbers else 'VARCHAR'}'" for at in range(self.columns))
        relation = Statement("read_csv(")
        files = relation.bind(list(self.links))
        cut = relation.bind(self.dialect.delimiter)
        quote = relation.bind(self.dialect.quote)
        told_before = self.dialect.null_values and not self.told_after
        nulls = relation.bind(self.dialect.null_values if told_before else [NO_NULL_VALUE])
        relation.add(
            f"{files}, delim = {cut}, nullstr = {nulls}, columns = {{{types}}}, header = true, auto_detect = false,"
            f" quote = {quote}, escape = {quote}, strict_mode = true, null_padding = false, ignore_errors = false,"
            f" compression = 'none', hive_partitioning = false, filename = '{FILE}',"
            f" max_line_size = {LINE_LIMIT_BYTES}, buffer_size = {LINE_LIMIT_BYTES})"
        )
        return relation.add(names_of(self.columns))


def names_of(columns: int) -> str:
    """Names of our own for the columns, by position."""
    return f" AS data({', '.join(f'c{at}' for at in range(columns))}, {FILE})"
