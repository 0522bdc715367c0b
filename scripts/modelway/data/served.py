"""A table that stays where it is: the DuckDB engine's statements are answered by a server, in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb import relations
from modelway.data.engines.duckdb.conditions import RowWise, readings_of, shown, violating
from modelway.data.engines.duckdb.counted import projected
from modelway.data.engines.duckdb.floats import FloatColumn
from modelway.data.engines.duckdb.kept import OpenedFiles
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.sql import FILE, ROW, Statement, stored_as
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.queries import Answer, Query, Repeated, Sighting, StoredColumn
from modelway.data.rule_queries import Returned, Unreferenced
from modelway.data.sources import Source
from modelway.data.workers import Ask

DATA = "modelway_data"
"""What the server puts in the place of it: modelway.data.dialects.DATA."""
LINK = "table"
BATCH = 50
"""Columns of one statement."""


class ServedTable(DuckDBTable):
    """links: what the server writes in FILE -> the file that it stands for. columns: in DuckDB's types, as the server has
    them. connection: a DuckDB that says what is no regular expression."""

    def __init__(
        self,
        source: Source,
        links: Mapping[str, Path],
        columns: tuple[StoredColumn, ...],
        ask: Ask,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        opened = OpenedFiles(source, CsvDialect(), connection, dict(links), columns, Statement(DATA))
        super().__init__(opened, memory_mb=0, scratch=source.root, with_other=_refuse)
        self._ask = ask

    def answers(self, queries: Sequence[Query], examples: int) -> tuple[int, tuple[Answer | None, ...]]:  # type: ignore[override]
        """None for what only a DuckDB answers."""
        asked = [query for query in queries if not isinstance(query, Returned | Unreferenced)]
        rows, answers = super().answers(asked, examples)
        found: dict[Query, Answer | None] = dict(zip(asked, answers, strict=True))
        return rows, tuple(found.get(query) for query in queries)

    def _rows_or_error(self, statement: Statement) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._ask({"sql": statement.text, "values": statement.parameters})]

    @property
    def _batch(self) -> int:
        return BATCH

    def _floats(self, queries: Sequence[RowWise]) -> tuple[list[FloatColumn], list[RowWise]]:
        """None: a sum that is too large is an error there."""
        return [], list(queries)

    def _examples(self, queries: Sequence[RowWise], examples: int) -> dict[RowWise, tuple[Sighting, ...]]:
        return {
            query: tuple(
                Sighting(text, place, name)
                for row, file, text in self._first(query, examples, with_text=True)
                for name, place in [self._place(file, row)]
            )
            for query in queries
        }

    def _places(self, queries: Sequence[RowWise], most: int) -> dict[Query, tuple[int, ...]]:
        return {query: tuple(row for row, *_ in self._first(query, most, with_text=False)) for query in queries}

    def _first(self, query: RowWise, most: int, *, with_text: bool) -> list[tuple[Any, ...]]:
        """(row, file, value) of the first rows that a query counts: a server sorts, and keeps, no more than these."""
        statement = Statement()
        readings = readings_of([query], self._columns, self._position)
        text = shown(query, readings, statement) if with_text else "''"
        where = violating(query, readings, statement)
        numbered = self._numbered_of([read.column for read in readings.values()])
        statement.add(f"SELECT {ROW}, {FILE}, {text} FROM ").then(projected(readings, (FILE, ROW), numbered))
        return self.rows(statement.add(f" WHERE {where} ORDER BY {ROW} LIMIT {most:d}"))

    def _violating(self, query: Query, most: int) -> list[tuple[str, int, str]]:
        if isinstance(query, Repeated):
            found = self.rows(relations.repeating(query, self._of_columns, self._numbered, most, by_hash=False))
            return [(file, row, text) for file, row, text in found]
        return super()._violating(query, most)

    def _with_repeats(self, key: str, looked: Statement, rows: int) -> Statement:
        return (
            Statement(f"(SELECT {key}, count(*) AS n FROM ").then(looked).add(f" GROUP BY {key} HAVING count(*) > 1)")
        )

    def _grouped(self, groups: Statement) -> Statement:
        return Statement("(").then(groups).add(")")


class AddressTable(ServedTable):
    """The table at an address. name: what messages call it. columns: (name, type in DuckDB's words), as the server tells."""

    def __init__(
        self, name: str, columns: Sequence[Sequence[str]], ask: Ask, connection: duckdb.DuckDBPyConnection
    ) -> None:
        root = Path(name)
        stored = tuple(StoredColumn(column, stored_as(kind), kind) for column, kind in columns)
        super().__init__(Source(name, root, "parquet", (root,), root), {LINK: root}, stored, ask, connection)

    @property
    def digest(self) -> str:
        """Of the columns and the rows, whatever their order."""
        return str(self._ask({"digest": True}))

    @property
    def row_number(self) -> str:
        return "(row_number() OVER ())"


def _refuse(*_: Any) -> Any:
    raise TypeError("a table in a server has no other data beside it")
