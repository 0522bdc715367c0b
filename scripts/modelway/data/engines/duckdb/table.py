"""Opened data, and how DuckDB answers the queries about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from modelway import interim
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb import relations
from modelway.data.engines.duckdb.conditions import (
    EXAMPLE_CUT,
    RowWise,
    batches,
    counted,
    is_row_wise,
    looked_at,
    readings_of,
    shown,
    violating,
)
from modelway.data.engines.duckdb.copied import ParquetCopy, columns_at_once, written_copy
from modelway.data.engines.duckdb.floats import FloatColumn, float_columns
from modelway.data.engines.duckdb.kept import BATCH
from modelway.data.engines.duckdb.relations import OtherData, TableColumns
from modelway.data.engines.duckdb.rising import WORTH_IT, rises
from modelway.data.engines.duckdb.sandbox import Sandbox, write_for_sql
from modelway.data.engines.duckdb.sql import EPOCH, FILE, ROW, Reading, Statement, reading
from modelway.data.engines.duckdb.summarised import SummarisedTable
from modelway.data.queries import Answer, Newest, PlacedRow, Query, Repeated, Sighting, StoredColumn
from modelway.data.rule_queries import Descending, GroupsOutside, Mismatched, Returned, Unreferenced
from modelway.data.sources import Source
from modelway.errors import InvalidInput

MOST_COLUMNS = 150
"""Of one statement over CSV. Of wider CSV a Parquet copy is written first: to read the text once for each batch, or to plan
one statement of all columns, takes longer."""

T = TypeVar("T")
WithOther = Callable[[Source, CsvDialect, Callable[[OtherData], T]], T]


class DuckDBTable(SummarisedTable):
    """Opened data; see modelway.data.queries. scratch: a folder for what is written on the way. with_other: work done with
    another data set that is opened beside this one, in the same connection."""

    def __init__(
        self,
        source: Source,
        dialect: CsvDialect,
        connection: duckdb.DuckDBPyConnection,
        links: dict[str, Path],
        columns: tuple[StoredColumn, ...],
        relation: Statement,
        memory_mb: int,
        scratch: Path,
        with_other: WithOther[Any],
    ) -> None:
        super().__init__(source, dialect, connection, links, columns, relation)
        self._memory_mb, self._scratch, self._with_other = memory_mb, scratch, with_other
        self._of_columns = TableColumns(columns, self._position)
        self._box: Sandbox | None = None
        self._copy: ParquetCopy | None = None

    def beside(self, other: Source, dialect: CsvDialect, work: Callable[[OtherData], T]) -> T:
        """Work with another data set, opened in the same connection."""
        done: T = self._with_other(other, dialect, work)
        return done

    def answers(self, queries: Sequence[Query], examples: int) -> tuple[int, tuple[Answer, ...]]:
        self._refuse_patterns(queries)
        row_wise = [query for query in queries if is_row_wise(query)]
        rows, found = self._count(row_wise)
        broken = [query for query in row_wise if found[query].count]
        if broken and examples:
            for batch in batches(broken, self._batch):
                for query, seen in self._examples(batch, examples).items():
                    found[query] = replace(found[query], examples=seen)
            interim.answered(rows, found)
        for other in (query for query in queries if not is_row_wise(query)):
            found[other] = self._compared(other, rows, examples)
            interim.answered(rows, {other: found[other]})
        return rows, tuple(found[query] for query in queries)

    def places(self, queries: Sequence[Query], most: int) -> tuple[tuple[int, ...], ...]:
        row_wise = [query for query in queries if is_row_wise(query) and not isinstance(query, Newest)]
        found: dict[Query, tuple[int, ...]] = {}
        for batch in batches(row_wise, self._batch):
            found |= self._places(batch, most) if batch else {}
        for query in queries:
            if query not in found:
                found[query] = tuple(row for _, row, _ in self._violating(query, most))
        return tuple(found[query] for query in queries)

    def rows_at(self, places: Sequence[int]) -> list[PlacedRow]:
        cells: dict[int, list[str | None]] = {place: [] for place in places}
        files: dict[int, str] = {}
        for start in range(0, len(self._columns), BATCH):
            columns = range(start, min(start + BATCH, len(self._columns)))
            reads = (reading(at, self._columns[at], None) for at in columns)
            values = ", ".join(f"CASE WHEN {read.present} THEN {read.column}::VARCHAR END" for read in reads)
            statement = Statement(f"SELECT {ROW}, {FILE}, {values} FROM ")
            statement.then(self._numbered_of([f"c{at}" for at in columns]))
            wanted = statement.bind(list(places))
            for place, file, *texts in self.rows(statement.add(f" WHERE {ROW} IN (SELECT unnest({wanted}::BIGINT[]))")):
                cells[place] += texts
                files[place] = file
        return [PlacedRow(*self._place(files[place], place), tuple(cells[place])) for place in places if place in files]

    def _refuse_patterns(self, queries: Sequence[Query]) -> None:
        for query in queries:
            if isinstance(query, Mismatched):
                try:
                    self._connection.execute(
                        "SELECT regexp_matches('', $pattern)", {"pattern": query.pattern}
                    ).fetchall()
                except duckdb.Error as error:
                    raise InvalidInput(
                        f"is no regular expression of RE2: {str(error).partition(': ')[2][:200]}",
                        where=f"the pattern of column {query.column[:100]!r}",
                        fix="mend it; RE2 has no look-around and no back-references",
                    ) from None

    def _count(self, queries: Sequence[RowWise]) -> tuple[int, dict[Query, Answer]]:
        """All queries about single rows, in one pass; where they are about many columns, some of these at a time, and
        CSV is copied first. (So it is where it has more columns than are read at once, since all of it is read.)"""
        columns = len(self._columns)
        if self._is_text and (len(batches(queries, MOST_COLUMNS)) > 1 or columns > columns_at_once(self._memory_mb)):
            self._copy = written_copy(self._connection, self._relation, columns, self._scratch, self._memory_mb)
            self._relation, self._kept = self._copy.relation(), True
        rows = 0
        found: dict[Query, Answer] = {}
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
        rows, found, again = self._counted(others, floats)
        return rows, found | (self._counted(again)[1] if again else {})

    def _floats(self, queries: Sequence[RowWise]) -> tuple[list[FloatColumn], list[RowWise]]:
        return float_columns(queries, self._columns, self._position)

    def _counted(
        self, queries: Sequence[RowWise], floats: Sequence[FloatColumn] = ()
    ) -> tuple[int, dict[Query, Answer], list[RowWise]]:
        """The rows, the answers, and what of the floats is to be asked again, value by value. (A FILTER would copy every row
        that it lets through.)"""
        statement = Statement()
        readings = readings_of(queries, self._columns, self._position)
        places = [(looked_at(one, readings, statement), counted(one, readings, statement)) for one in queries]
        places += [(column.count, column.passes(statement)) for column in floats]
        raw = [column.name for column in floats if column.name not in {read.column for read in readings.values()}]
        unread: list[str] = []
        if self._is_text:  # bytes that are no text are only found in what is read
            unread = [f"c{at}" for at, column in enumerate(self._columns) if column.name not in readings]
        asked = ["count(*)", *chain(*places), *(f"count({name})" for name in unread)]
        wanted = {one: at for at, one in enumerate(dict.fromkeys(asked))}
        relation = self._relation_of([*raw, *unread, *(read.column for read in readings.values())])
        statement.add(f"SELECT {', '.join(wanted)} FROM ")
        row = self.rows(statement.then(projected(readings, [*raw, *unread], relation)))[0]
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

    def _examples(self, queries: Sequence[RowWise], examples: int) -> dict[RowWise, tuple[Sighting, ...]]:
        """The first violating values of every query that has some, in one more pass."""
        statement = Statement()
        readings = readings_of(queries, self._columns, self._position)
        wanted = []
        for query in queries:
            seen = f"struct_pack(r := {ROW}, v := {shown(query, readings, statement)})"
            where = violating(query, readings, statement)
            wanted.append(f"arg_min({seen}, {ROW}, {examples:d}) FILTER (WHERE {where})")
        by_file = self.rows(self._by_file(statement, wanted, readings))
        return {
            query: tuple(
                Sighting(seen["v"], seen["r"] - first + 1, self._source.short(self._links[file]))
                for file, first, *found in by_file
                for seen in found[at] or ()
            )[:examples]
            for at, query in enumerate(queries)
        }

    def _places(self, queries: Sequence[RowWise], most: int) -> dict[Query, tuple[int, ...]]:
        statement = Statement()
        readings = readings_of(queries, self._columns, self._position)
        wanted = [f"min({ROW}, {most:d}) FILTER (WHERE {violating(query, readings, statement)})" for query in queries]
        by_file = self.rows(self._by_file(statement, wanted, readings))
        return {
            query: tuple(row for _, _, *found in by_file for row in found[at] or ())[:most]
            for at, query in enumerate(queries)
        }

    def _by_file(self, statement: Statement, wanted: Sequence[str], readings: dict[str, Reading]) -> Statement:
        """What is wanted of each file, with its first row, in the order of files."""
        numbered = self._numbered_of([read.column for read in readings.values()])
        statement.add(f"SELECT {FILE}, min({ROW}), {', '.join(wanted)} FROM ")
        return statement.then(projected(readings, (FILE, ROW), numbered)).add(f" GROUP BY {FILE} ORDER BY 2")

    def _compared(self, query: Query, rows: int, examples: int) -> Answer:
        """The answer to a query that compares rows with each other or with other data."""
        match query:
            case Repeated():
                return self._repeated(query, rows, examples)
            case GroupsOutside():
                return self._groups(query, rows, examples)
            case Returned():
                where = f"the SQL {' '.join(query.sql.split())[:60]!r}"
                return self._sandbox(query).answer(query, rows, examples, where)
            case Descending():
                n, count = self.rows(relations.descending_counted(query, self._of_columns, self._numbered))[0]
            case Unreferenced():
                n, strangers, missing = self._with_other(
                    query.source,
                    query.dialect,
                    lambda other: self.rows(
                        relations.unreferenced_counted(query, self._of_columns, self._numbered, other)
                    )[0],
                )
                n, count = n + missing, strangers + missing
            case _:
                raise TypeError(f"{query} is answered row by row")
        n, count = n or 0, count or 0
        seen = self._violating(query, examples) if count and examples else []
        found = ((text, *self._place(file, row)) for file, row, text in seen)
        return Answer(n, count, examples=tuple(Sighting(text, row, file) for text, file, row in found))

    def _violating(self, query: Query, most: int) -> list[tuple[str, int, str]]:
        """(file, place, shown) of the first rows that a query counts."""
        match query:
            case Repeated():
                statement = relations.repeating(query, self._of_columns, self._numbered, most)
            case Descending():
                statement = relations.descending(query, self._of_columns, self._numbered, most)
            case Unreferenced():
                rows = self._with_other(
                    query.source,
                    query.dialect,
                    lambda other: self.rows(
                        relations.unreferenced(query, self._of_columns, self._numbered, other, most)
                    ),
                )
                return [(file, row, text) for file, row, text in rows]
            case _:
                return []
        return [(file, row, text) for file, row, text in self.rows(statement)]

    def _repeated(self, query: Repeated, rows: int, examples: int) -> Answer:
        names = [self._of_columns.raw(name) for name in query.columns]
        looked = relations.with_key(query, self._of_columns, self._relation)
        if query.of_present:
            rows = self.rows(Statement("SELECT count(*) FROM ").then(looked))[0][0]
        several = self._with_repeats(", ".join(names), looked, rows)
        if several is None:
            return Answer(rows)
        count = self.rows(Statement("SELECT coalesce(sum(n - 1), 0)::BIGINT FROM ").then(several))[0][0]
        if not count:
            return Answer(rows)
        text = ", ".join(f"left({name}::VARCHAR, {EXAMPLE_CUT}) AS k{at}" for at, name in enumerate(names))
        order = ", ".join(f"k{at}" for at in range(len(names)))
        statement = Statement(f"SELECT n, {text} FROM ").then(several)
        seen = self.rows(statement.add(f" ORDER BY n DESC, {order} LIMIT {examples:d}"))
        found = (Sighting(f"{times} times {_in_words(query.columns, values)}") for times, *values in seen)
        return Answer(rows, int(count), examples=tuple(found))

    def _with_repeats(self, key: str, looked: Statement, rows: int) -> Statement | None:
        """A table of each key that several rows have, with their number n; None where there is none. A single column whose
        values rise has each once. Else first by the key's hash, which takes little memory; equal hashes are then compared in
        full."""
        if "," not in key and rows >= WORTH_IT and rises(key, self._relation, self.rows):
            return None
        suspects = Statement(f"SELECT hash({key}) AS h FROM ").then(looked).add(" GROUP BY h HAVING count(*) > 1")
        if not self.rows(Statement("SELECT 1 FROM (").then(suspects).add(") LIMIT 1")):
            return None
        self.rows(
            Statement(f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {key}, count(*) AS n FROM ")
            .then(looked)
            .add(f" WHERE hash({key}) IN (")
            .then(suspects)
            .add(") GROUP BY ALL HAVING n > 1")
        )
        return Statement("repeated")

    def _groups(self, query: GroupsOutside, rows: int, examples: int) -> Answer:
        grouped = self._grouped(relations.groups_outside(query, self._of_columns, self._relation, rows))
        n, count = self.rows(Statement("SELECT count(*), counted_if(outside) FROM ").then(grouped))[0]
        if not count:
            return Answer(n)
        order = ", ".join(f"{at + 1} NULLS FIRST" for at in range(len(query.by) + 1))
        statement = Statement("SELECT * FROM ").then(grouped)
        seen = self.rows(statement.add(f" WHERE outside ORDER BY {order} LIMIT {examples:d}"))
        found = []
        for *values, measure, _ in seen:
            told = "no value" if measure is None else f"{measure:.6g}"
            found.append(Sighting(f"{_in_words(query.by, values)}: {told}" if values else told))
        return Answer(n, count, examples=tuple(found))

    def _grouped(self, groups: Statement) -> Statement:
        """The groups as a table: they are asked for twice."""
        self.rows(Statement("CREATE OR REPLACE TEMP TABLE grouped AS ").then(groups))
        return Statement("grouped")

    def _sandbox(self, query: Returned) -> Sandbox:
        """One for all statements: the data is written down once."""
        if self._box is None:
            file = self._scratch / "data-for-sql.parquet"
            write_for_sql(self._connection, self._relation, self._of_columns, query, file, self._source.name)
            self._box = Sandbox(file, self._scratch / "spill-of-sql", self._memory_mb)
        return self._box

    def close(self) -> None:
        if self._box is not None:
            self._box.close()

    @property
    def _numbered(self) -> Statement:
        return Statement(f"(SELECT *, {self.row_number} AS {ROW} FROM ").then(self._relation).add(")")

    def _numbered_of(self, names: Sequence[str]) -> Statement:
        """The rows with these columns and their numbers. (To carry all columns of a wide table takes long.)"""
        kept = ", ".join([*names, FILE])
        rows = self._relation_of(names)
        return Statement(f"(SELECT {kept}, {self.row_number} AS {ROW} FROM ").then(rows).add(")")

    def _place(self, file: str, place: int) -> tuple[str, int]:
        """The file's name in reports, and the row in it, of a row of the whole."""
        return self._source.short(self._links[file]), place - self._first_rows[file] + 1

    @cached_property
    def _first_rows(self) -> dict[str, int]:
        if len(self._links) == 1:
            return dict.fromkeys(self._links, 1)
        statement = Statement(f"SELECT {FILE}, min({ROW}) FROM ").then(self._numbered).add(f" GROUP BY {FILE}")
        return dict(self.rows(statement))


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


def _in_words(columns: Sequence[str], values: Sequence[Any]) -> str:
    cells = (f"{name}={'null' if value is None else value}" for name, value in zip(columns, values, strict=True))
    return ", ".join(cells)
