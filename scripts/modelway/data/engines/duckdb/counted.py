"""Opened data, and the queries about single rows: all are counted in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import msgspec

from modelway import interim
from modelway.data.engines.duckdb.conditions import RowWise, batches, counted, looked_at, read_by, readings_of
from modelway.data.engines.duckdb.copied import ParquetCopy, columns_at_once, written_copy
from modelway.data.engines.duckdb.floats import EXACT, FloatColumn, float_columns
from modelway.data.engines.duckdb.kept import BATCH, OpenedFiles
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.sql import EPOCH, Reading, Statement
from modelway.data.engines.duckdb.summarised import SummarisedTable
from modelway.data.queries import Answer, Malformed, Newest, Query
from modelway.data.rule_queries import Broken
from modelway.data.values import NUMERIC

MOST_COLUMNS = 150
"""Of one statement over CSV. Of wider CSV a Parquet copy is written first: to read the text once for each batch, or to plan
one statement of all columns, takes longer."""
MOST_BITS = 1_000_000_000
"""Of a map of the numbers that are there: DuckDB's limit. (A thirty-second of the memory holds those of a thread.)"""
FIRST_ROWS = 1000
"""A column of text that has a number in each of these is read as numbers."""


class CountedTable(SummarisedTable):
    """scratch: a folder for what is written on the way."""

    def __init__(self, opened: OpenedFiles, memory_mb: int, scratch: Path) -> None:
        super().__init__(opened)
        self._csv, self.memory_mb, self._scratch = opened.csv, memory_mb, scratch
        self._copy: ParquetCopy | None = None
        self._keys: dict[int, tuple[int, int]] = {}
        self._different = set[int]()
        """The places of columns of which it was told on the way that each row has a value of its own."""

    def count(self, queries: Sequence[RowWise], keys: Sequence[str] = ()) -> tuple[int, dict[Query, Answer]]:
        """The rows, and the answers. Where the queries are about many columns some of these are counted at a time, and CSV is
        copied first. (So it is where it has more columns than are read at once, since all of it is read.) keys: columns of
        which it will be asked whether each row has a value of its own: with luck CSV tells that in the same reading."""
        columns = len(self._columns)
        if self._is_text and (len(batches(queries, MOST_COLUMNS)) > 1 or columns > columns_at_once(self.memory_mb)):
            self._copy = written_copy(self._connection, self._relation, columns, self._scratch, self.memory_mb)
            self._relation, self._kept = self._copy.relation(), True
        rows = 0
        found: dict[Query, Answer] = {}
        self._keys = self._spans(keys) if self._csv and self._is_text and self._csv.worth_a_look else {}
        for batch in batches(queries, self._batch):
            rows, answered = self._count_batch(batch)
            found |= answered
            interim.answered(rows, answered)
        return rows, found

    @property
    def row_number(self) -> str:
        return "(row_number() OVER ())" if self._copy else super().row_number

    @property
    def _is_text(self) -> bool:
        """Whether each statement reads CSV anew."""
        return self.is_csv and not self._kept

    @property
    def _batch(self) -> int:
        """Columns of one statement: more of a wide file, since each statement has to know all of its columns."""
        return MOST_COLUMNS if self._is_text else BATCH + len(self._columns) // 100

    def _relation_of(self, names: Iterable[str]) -> Statement:
        """The rows with at least these columns."""
        return self._copy.relation(names) if self._copy else self._relation

    def _count_batch(self, queries: Sequence[RowWise]) -> tuple[int, dict[Query, Answer]]:
        floats, others = self._floats(queries)
        with self._failures():
            try:
                rows, found, again = self._counted(others, floats)
            except duckdb.ConversionException:  # further down a cell of CSV is no number
                if not floats:
                    raise
                rows, found, again = self._counted(queries)
            return rows, found | (self._counted(again)[1] if again else {})

    def _floats(self, queries: Sequence[RowWise]) -> tuple[list[FloatColumn], list[RowWise]]:
        """What may be answered by sums and ends, and the other queries."""
        columns = list(self._columns)
        if self._csv and self._is_text and self._csv.worth_a_look:
            in_rules = {name for query in queries if isinstance(query, Broken) for name in read_by(query)}
            numbers = [query for query in queries if isinstance(query, Malformed) and query.type in NUMERIC]
            for place in self._begin_as_numbers([query for query in numbers if query.column not in in_rules]):
                columns[place] = msgspec.structs.replace(columns[place], physical="DOUBLE")
        return float_columns(queries, columns, self._position)

    def _begin_as_numbers(self, queries: Sequence[Malformed]) -> list[int]:
        """The places of the columns of text that have a number in each of the first rows."""
        if not queries:
            return []
        readings = readings_of(queries, self._columns, self._position)
        first = Statement("(SELECT * FROM ").then(self._relation).add(f" LIMIT {FIRST_ROWS:d})")
        valid = ", ".join(f"bool_and({read.valid_name})" for read in readings.values())
        row = self.rows(Statement(f"SELECT {valid} FROM ").then(projected(readings, (), first)))[0]
        return [self._position[name] for name, all_are in zip(readings, row, strict=True) if all_are]

    def _spans(self, keys: Sequence[str]) -> dict[int, tuple[int, int]]:
        """Of the columns that begin with whole numbers, by their places: between what all of them would be that are numbers of
        rows, or rise one by one."""
        places = [self._position[name] for name in dict.fromkeys(keys)]
        if not places or self._csv is None:
            return {}
        ends = ", ".join(
            f"CASE WHEN bool_and({whole} IS NOT NULL) THEN min({whole}) END"
            for whole in (f"TRY_CAST(c{at} AS BIGINT)" for at in places)
        )
        first = Statement(f"SELECT {ends} FROM (SELECT * FROM ").then(self._relation)
        [row] = self.rows(first.add(f" LIMIT {FIRST_ROWS:d})"))
        most = min(self._csv.most_rows, MOST_BITS, (self.memory_mb << 18) // len(places))
        lows = {at: 0 if 0 <= low <= most else low for at, low in zip(places, row, strict=True) if low is not None}
        return {at: (low, low + most) for at, low in lows.items() if low >= 0 and low + most <= EXACT}

    def _counted(
        self, queries: Sequence[RowWise], floats: Sequence[FloatColumn] = ()
    ) -> tuple[int, dict[Query, Answer], list[RowWise]]:
        """The rows, the answers, and what of the floats is to be asked again, value by value. (A FILTER would copy every row
        that it lets through.)"""
        statement = Statement()
        readings = readings_of(queries, self._columns, self._position)
        places = [(looked_at(one, readings, statement), counted(one, readings, statement)) for one in queries]
        places += [(column.count, column.passes(statement)) for column in floats]
        read = {one.column for one in readings.values()}
        numbers = {column.name: column.place for column in floats}
        unread: dict[str, int] = {}
        if self._is_text:  # bytes that are no text are only found in what is read
            names = {f"c{at}": at for at in range(len(self._columns))}
            unread = {name: at for name, at in names.items() if name not in read and name not in numbers}
        keys = {at: different(at, *span, number=f"c{at}" in numbers) for at, span in self._keys.items()}
        asked = ["count(*)", *chain(*places), *keys.values(), *(f"count({name})" for name in unread)]
        wanted = {one: at for at, one in enumerate(dict.fromkeys(asked))}
        also = [name for name in (*numbers, *unread) if name not in read]
        if self._csv and self._is_text:
            relation = self._csv.relation(numbers.values(), unread.values())
        else:
            relation = self._relation_of([*also, *read])
        statement.add(f"SELECT {', '.join(wanted)} FROM ")
        row = self._rows_or_error(statement.then(projected(readings, also, relation)))[0]
        self._different |= {at for at, key in keys.items() if row[wanted[key]] == row[0]}
        values = [(row[wanted[n]] or 0, row[wanted[value]]) for n, value in places]  # of no rows at all a count is null
        found: dict[Query, Answer] = {}
        for query, (n, value) in zip(queries, values, strict=False):
            found[query] = Answer(n, newest=_moment(value)) if isinstance(query, Newest) else Answer(n, value or 0)
        again: list[RowWise] = []
        for column, (n, passes) in zip(floats, values[len(queries) :], strict=True):
            if passes:
                found |= column.answers(row[0], n)
            else:
                again += column.queries
        return int(row[0]), found, again


def different(place: int, low: int, high: int, *, number: bool) -> str:
    """How many different whole numbers of the span a column has."""
    name = f"c{place}" if number else f"TRY_CAST(c{place} AS BIGINT)"
    return f"bit_count(bitstring_agg(CASE WHEN {name} BETWEEN {low} AND {high} THEN {name}::BIGINT END, {low}, {high}))"


def projected(readings: dict[str, Reading], others: Sequence[str], relation: Statement) -> Statement:
    """The relation with all that is read of its columns, and with other columns as they are."""
    read = ", ".join([*(one.read for one in readings.values()), *others])
    made = ", ".join([*(one.projection for one in readings.values()), *others])
    return Statement(f"(SELECT {made or '1'} FROM (SELECT {read or '1'} FROM ").then(relation).add("))")


def _moment(newest: int | date | None) -> datetime | None:
    """From what is selected for a type: microseconds for a timestamp, a date (its first moment)."""
    if isinstance(newest, date):
        return datetime(newest.year, newest.month, newest.day, tzinfo=UTC)
    return None if newest is None else EPOCH + timedelta(microseconds=newest)
