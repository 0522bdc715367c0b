"""How DuckDB answers what a profile asks (modelway.data.profile.queries)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.opening import open_table
from modelway.data.engines.duckdb.quality import DuckDBQualityTable
from modelway.data.engines.duckdb.quality_answers import cells
from modelway.data.engines.duckdb.spreads import MOST_COLUMNS
from modelway.data.engines.duckdb.sql import Statement, in_batches, reading
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.profile import queries as asked
from modelway.data.quality.queries import Answers, Question
from modelway.data.sources import Source

CELL_CUT = 120
"""Characters of a value in the first rows."""
PAIRS_AT_A_TIME = 40


@contextmanager
def open_quality_table(
    source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int
) -> Iterator[DuckDBProfileTable]:
    """See `modelway.data.engines.Engine.open_table`. CSV, and what memory holds, is read once: it is asked a few columns at a
    time, and a file would be opened anew for each."""
    with open_table(source, dialect, scratch, memory_mb) as table:
        if table.is_csv or table.fits(memory_mb):
            table.keep([column.name for column in table.columns])
        yield DuckDBProfileTable(table)


class DuckDBProfileTable(DuckDBQualityTable):
    """Opened data, for checks of quality and for profiles."""

    def __init__(self, table: DuckDBTable) -> None:
        super().__init__(table)
        self._one_by_one |= {
            asked.MissingTogether: self._missing_together,
            asked.FirstRows: self._first_records,
            asked.Joint: self._joint,
        }

    def _tell_batches(self, wanted: list[Question[Any]], examples: int, told: Answers) -> None:
        super()._tell_batches(wanted, examples, told)
        all_celled = [one for one in wanted if isinstance(one, asked.Celled)]
        for celled in in_batches(all_celled, MOST_COLUMNS):
            statement = Statement("SELECT count(*)")
            for question in celled:
                statement.add(f", {self._histogram(question.part, statement)}")
            values = {
                question.part.column: self._value(question.part.column, question.part.type) for question in celled
            }
            named = ", ".join(f"{value} AS v{self._position[name]}" for name, value in values.items())
            statement.add(f" FROM (SELECT {named} FROM ").then(self._relation)
            [(n, *histograms)] = self._fetched(statement.add(")"))
            for question, found in zip(celled, histograms, strict=True):
                told.add(question, cells(question.part, found or {}, n))
        all_moments = [one for one in wanted if isinstance(one, asked.Moments)]
        for moments in in_batches(all_moments, MOST_COLUMNS):
            statement, wholes, sums = Statement(), list[str](), list[str]()
            for at, of in enumerate(moments):
                value = f"(({self._value(of.column, of.type)})::DOUBLE - {statement.bind(of.centre)}::DOUBLE)"
                wholes.append(f"round({value} * {statement.bind(of.scale)}::DOUBLE)::BIGINT AS w{at}")  # of 48 bits
                square = f"w{at}::HUGEINT * w{at}"
                sums += [f"coalesce(sum(w{at}), 0)::HUGEINT", f"coalesce(sum({square}), 0)::HUGEINT"]
            statement.add(f"SELECT {', '.join(sums)} FROM (SELECT {', '.join(wholes)} FROM ").then(self._relation)
            [row] = self._fetched(statement.add(")"))
            for place, of in enumerate(moments):
                told.add(of, (int(row[2 * place]), int(row[2 * place + 1])))

    def _missing_together(self, question: asked.MissingTogether, examples: int) -> Mapping[tuple[str, ...], int]:
        positions = [self._position[name] for name in question.columns]
        bits = " + ".join(
            f"(NOT ({reading(at, self.columns[at], None).present}))::BIGINT * {1 << bit}"
            for bit, at in enumerate(positions)
        )
        statement = self._from(Statement(f"SELECT {bits or '0'} AS missing, count(*) AS n FROM "), " GROUP BY 1")
        most = f") WHERE missing > 0 ORDER BY n DESC, missing LIMIT {question.most:d}"
        found = self._fetched(Statement("SELECT missing, n FROM (").then(statement).add(most))
        return {
            tuple(name for bit, name in enumerate(question.columns) if missing >> bit & 1): n for missing, n in found
        }

    def _first_records(self, question: asked.FirstRows, examples: int) -> tuple[tuple[str | None, ...], ...]:
        values = ", ".join(f"left(c{self._position[name]}::VARCHAR, {CELL_CUT})" for name in question.columns)
        found = self._fetched(self._from(Statement(f"SELECT {values or '1'} FROM "), f" LIMIT {question.rows:d}"))
        return tuple(tuple(row) for row in found) if question.columns else ()

    def _joint(
        self, question: asked.Joint, examples: int
    ) -> tuple[int, Mapping[tuple[str, str], Mapping[tuple[int, int], int]]]:
        statement = Statement("CREATE OR REPLACE TEMP TABLE codes AS SELECT ")
        codes = [f"{self._cell_of(f'v{at}', part, statement)} AS k{at}" for at, part in enumerate(question.parts)]
        values = [f"{self._value(part.column, part.type)} AS v{at}" for at, part in enumerate(question.parts)]
        statement.add(f"{', '.join(codes)} FROM (SELECT {', '.join(values)} FROM ")
        rows = self._evenly([part.column for part in question.parts], question.most)
        self._fetched(statement.then(rows).add(")"))
        [[n]] = self._fetched(Statement("SELECT count(*) FROM codes"))
        pairs = list(combinations(range(len(question.parts)), 2))
        counts: dict[tuple[str, str], dict[tuple[int, int], int]] = {}
        for some in in_batches(pairs, PAIRS_AT_A_TIME):
            tables = [f"SELECT {a}, {b}, k{a}, k{b}, count(*) FROM codes GROUP BY k{a}, k{b}" for a, b in some]
            for a, b, one, other, count in sorted(self._fetched(Statement(" UNION ALL ".join(tables)))):
                names = question.parts[a].column, question.parts[b].column
                counts.setdefault(names, {})[one, other] = count
        return n, counts
