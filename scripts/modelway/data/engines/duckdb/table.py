"""Opened data, and how DuckDB answers the queries about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from modelway import interim
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb import relations
from modelway.data.engines.duckdb.conditions import (
    EXAMPLE_CUT,
    RowWise,
    batches,
    is_row_wise,
    readings_of,
    shown,
    violating,
)
from modelway.data.engines.duckdb.counted import CountedTable, projected
from modelway.data.engines.duckdb.kept import BATCH, OpenedFiles
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.relations import OtherData, TableColumns
from modelway.data.engines.duckdb.rising import WORTH_IT, rises, text_rises
from modelway.data.engines.duckdb.sql import FILE, ROW, Reading, Statement, reading
from modelway.data.queries import Answer, Newest, PlacedRow, Query, Repeated, Sighting
from modelway.data.rule_queries import Descending, GroupsOutside, Mismatched, Returned, Unreferenced
from modelway.data.sources import Source
from modelway.errors import InvalidInput

if TYPE_CHECKING:
    from modelway.data.engines.duckdb.sandbox import Sandbox

T = TypeVar("T")
WithOther = Callable[[Source, CsvDialect, Callable[[OtherData], T]], T]


class DuckDBTable(CountedTable):
    """Opened data; see modelway.data.queries. scratch: a folder for what is written on the way. with_other: work done with
    another data set that is opened beside this one, in the same connection."""

    def __init__(self, opened: OpenedFiles, memory_mb: int, scratch: Path, with_other: WithOther[Any]) -> None:
        super().__init__(opened, memory_mb, scratch)
        self._with_other = with_other
        self._of_columns = TableColumns(opened.columns, self._position)
        self._box: Sandbox | None = None

    @contextmanager
    def leaving(self, megabytes: int) -> Iterator[bool]:
        """DuckDB does with so much less memory for a while; False where it cannot."""
        try:
            self._rows_or_error(Statement(f"SET memory_limit = '{self.memory_mb - megabytes:d}MB'"))
        except duckdb.OutOfMemoryException:
            yield False
        else:
            yield True
            self.rows(Statement(f"SET memory_limit = '{self.memory_mb:d}MB'"))

    def beside(self, other: Source, dialect: CsvDialect, work: Callable[[OtherData], T]) -> T:
        """Work with another data set, opened in the same connection."""
        own, self._failures = self._failures, nullcontext
        try:
            done: T = self._with_other(other, dialect, work)
        finally:
            self._failures = own
        return done

    def answers(self, queries: Sequence[Query], examples: int) -> tuple[int, tuple[Answer, ...]]:
        self._refuse_patterns(queries)
        row_wise = [query for query in queries if is_row_wise(query)]
        keys = [query.columns[0] for query in queries if isinstance(query, Repeated) and len(query.columns) == 1]
        rows, found = self.count(row_wise, keys)
        broken = [query for query in row_wise if found[query].count]
        if broken and examples:
            for batch in batches(broken, self._batch):
                for query, seen in self._examples(batch, examples).items():
                    found[query] = msgspec.structs.replace(found[query], examples=seen)
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
                n, strangers, missing = self.beside(
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
                rows = self.beside(
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
        if self._different.issuperset(self._position[name] for name in query.columns):
            return Answer(rows)
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
        values rise, as texts or as the numbers that they say, has each once. Else first by the key's hash, which takes little
        memory; equal hashes are then compared in full."""
        how = text_rises if self._is_text else rises
        if "," not in key and rows >= WORTH_IT and how(key, self._relation, self.rows):
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
        from modelway.data.engines.duckdb.sandbox import Sandbox, write_for_sql  # all of DuckDB's package comes with it

        """One for all statements: the data is written down once."""
        if self._box is None:
            file = self._scratch / "data-for-sql.parquet"
            write_for_sql(self._connection, self._relation, self._of_columns, query, file, self._source.name)
            self._box = Sandbox(file, self._scratch / "spill-of-sql", self.memory_mb)
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


def _in_words(columns: Sequence[str], values: Sequence[Any]) -> str:
    cells = (f"{name}={'null' if value is None else value}" for name, value in zip(columns, values, strict=True))
    return ", ".join(cells)
