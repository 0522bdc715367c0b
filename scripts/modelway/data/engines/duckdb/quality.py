"""How DuckDB answers what a check of quality asks (modelway.data.quality.queries)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from modelway.data.engines.duckdb import quality_texts as texts
from modelway.data.engines.duckdb.conditions import EXAMPLE_CUT
from modelway.data.engines.duckdb.quality_answers import cells, texts_of
from modelway.data.engines.duckdb.spreads import MOST_COLUMNS, TEXT_CUT, DuckDBSpreads, Q, counts_of_values
from modelway.data.engines.duckdb.sql import FILE, ROW, Statement, as_bound, evenly, in_batches, reading
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.quality import queries as asked
from modelway.data.quality.queries import FAULTS, SHAPES, Answers, Distribution, Question
from modelway.data.queries import Answer, Outside, Query, Sighting
from modelway.data.values import Bound, ValueType

PICKED_COLUMNS = 60
"""Of the rows that are spread evenly: kept until others are asked for."""


class DuckDBQualityTable(DuckDBSpreads):
    """Opened data; see modelway.data.quality.queries.QualityTable."""

    def __init__(self, table: DuckDBTable) -> None:
        super().__init__(table)
        self._picked: frozenset[str] = frozenset()
        self._known: dict[tuple[str, ValueType], Distribution] = {}
        self._one_by_one: dict[type[Any], Callable[..., Any]] = {
            asked.WrittenForm: self._written,
            asked.NarrowDigits: self._narrow,
            asked.EmptyRows: self._empty,
            asked.RepeatedRows: self._repeated,
            asked.Rising: self._rising,
        }

    def tell(self, questions: Sequence[Question[Any]], examples: int) -> Answers:
        told = Answers()
        wanted = list(dict.fromkeys(questions))
        counted = list[asked.CountedRows]()
        for question in _of(wanted, asked.CountedRows):
            if (n := self._all_within(question.query)) is None:
                counted.append(question)
            else:
                told.add(question, Answer(n))
        answers = self._table.answers([one.query for one in counted], examples)[1] if counted else ()
        for question, answer in zip(counted, answers, strict=True):
            told.add(question, answer)
        self._tell_batches(wanted, examples, told)
        self._known |= {(one.column, one.type): told[one] for one in _of(wanted, asked.Spread) if one.is_whole}
        for other in wanted:
            if other not in told:
                told.add(other, self._one_by_one[type(other)](other, examples))
        return told

    def _all_within(self, query: Query) -> int | None:
        """How many values a column has, where its smallest and its largest are known to be inside the bounds: no row is
        looked at for that again."""
        if not isinstance(query, Outside):
            return None
        known = self._known.get((query.column, query.type))
        if known is None or not known.n:
            return None
        low, high = (None if bound is None else _as_told(bound) for bound in (query.low, query.high))
        inside = (low is None or known.low[0][0] >= low) and (high is None or known.high[0][0] <= high)
        return known.n if inside else None

    def _tell_batches(self, wanted: list[Question[Any]], examples: int, told: Answers) -> None:
        """What is asked of several columns in one statement."""
        for written in self._batches(_of(wanted, asked.Writing)):
            self._tell_writing(written, told)
        for varied in self._batches(_of(wanted, asked.Variants)):
            self._tell_variants(varied, examples, told)
        self._tell_spreads(_of(wanted, asked.Spread), told)
        by_other: dict[asked.Parted | None, list[asked.Crossed]] = {}
        for crossed in _of(wanted, asked.Crossed):
            by_other.setdefault(crossed.other, []).append(crossed)
        for of_one in by_other.values():
            for some in in_batches(of_one, MOST_COLUMNS):
                self._tell_crossed(some, told)

    def _tell_writing(self, batch: Sequence[asked.Writing], told: Answers) -> None:
        names = [f"c{self._position[question.column]}" for question in batch]
        parts = [(str(at), name, f"{name} IS NOT NULL") for at, name in enumerate(names)]
        statement = self._counted_values(parts, self._table.relation)
        words = f"shape IN ({SHAPES.index('words')}, {SHAPES.index('blank')})"
        digits = f"shape IN ({SHAPES.index('whole')}, {SHAPES.index('zero-led')})"
        spelt = ", ".join(
            f"coalesce(sum(k) FILTER (WHERE fault & {texts.bit(name)} > 0), 0)::BIGINT" for name in FAULTS
        )
        statement.add(
            f", m AS (SELECT col, v, k, {texts.shape()} AS shape FROM f),"
            f" t AS (SELECT *, CASE WHEN {words} THEN {texts.faults()} ELSE 0 END AS fault,"
            f" CASE WHEN {digits} THEN {texts.width()} END AS width FROM m)"
            f" SELECT col, shape, width, {counts_of_values(f'left(v, {TEXT_CUT})')}, min(length(v)), max(length(v)), {spelt}"
            " FROM t GROUP BY col, shape, width"
        )
        found: dict[int, list[tuple[Any, ...]]] = {}
        for at, *row in self._fetched(statement):
            found.setdefault(at, []).append(tuple(row))
        for at, question in enumerate(batch):
            told.add(question, texts_of(found.get(at, [])))

    def _tell_crossed(self, batch: Sequence[asked.Crossed], told: Answers) -> None:
        """All columns beside one other, in one pass."""
        statement = Statement("SELECT other, half, count(*)")
        other, kinds = batch[0].other, {question.one.column: question.one.type for question in batch}
        names = {*kinds, other.column} if other else {*kinds}
        for question in batch:
            statement.add(f", {self._histogram(question.one, statement)}")
        values = ", ".join(f"{self._value(name, kind)} AS v{self._position[name]}" for name, kind in kinds.items())
        statement.add(f" FROM (SELECT {values}, {self._cell(other, statement) if other else '0'} AS other,")
        statement.add(f" bit_count({ROW}) % 2 AS half FROM ").then(self._evenly(names, asked.ROWS_CROSSED))
        counts: list[dict[tuple[int, int, int], int]] = [{} for _ in batch]
        for of, half, n, *histograms in self._fetched(statement.add(") GROUP BY other, half")):
            for question, found, into in zip(batch, histograms, counts, strict=True):
                into |= {
                    (cell, of, half): count for cell, count in cells(question.one, found or {}, n).items() if count
                }
        for question, found in zip(batch, counts, strict=True):
            told.add(question, found)

    def _evenly(self, names: Collection[str], most: int) -> Statement:
        """These columns of `_relation`, and the numbers of the rows: of all rows, or of about `most` of them (at most
        ROWS_CROSSED)."""
        if self.rows <= asked.ROWS_CROSSED:
            found = self._numbered(names)
        else:
            if not self._picked.issuperset(names):
                together = self._picked.union(names)
                self._picked = frozenset(together if len(together) <= PICKED_COLUMNS else names)
                statement = Statement("CREATE OR REPLACE TEMP TABLE picked AS SELECT * FROM ")
                of_all = statement.then(self._numbered(self._picked))
                self._fetched(of_all.add(f" WHERE {evenly(ROW, asked.ROWS_CROSSED, self.rows)}"))
            found = Statement("picked")
        if most >= min(self.rows, asked.ROWS_CROSSED):
            return found
        return Statement("(FROM ").then(found).add(f" WHERE {evenly(ROW, most, self.rows)})")

    def _numbered(self, names: Collection[str]) -> Statement:
        columns = "".join(f"c{at}, " for at in sorted(self._position[name] for name in names))
        statement = Statement(f"(SELECT {columns}({self._row_number})::BIGINT AS {ROW} FROM ")
        return statement.then(self._relation).add(")")

    def _histogram(self, part: asked.Parted, statement: Statement) -> str:
        value = f"v{self._position[part.column]}"
        if part.values:
            place = f"coalesce(list_position({statement.bind(list(part.values))}, {value}), 0)"
            return f"histogram(CASE WHEN {value} IS NOT NULL THEN {place} END)"  # a FILTER copies the row's other columns too
        return f"histogram(({value})::DOUBLE, {statement.bind(list(part.edges))}::DOUBLE[])"

    def _cell(self, part: asked.Parted, statement: Statement) -> str:
        return self._cell_of(self._value(part.column, part.type), part, statement)

    @staticmethod
    def _cell_of(value: str, part: asked.Parted, statement: Statement) -> str:
        if part.values:
            place = f"coalesce(list_position({statement.bind(list(part.values))}, {value}), 0)"
        else:
            place = " + ".join(f"(({value}) > {statement.bind(edge)})::UTINYINT" for edge in part.edges) or "0"
        return f"(CASE WHEN ({value}) IS NULL THEN -1 ELSE {place} END)::INTEGER"

    def write_parts(self, groups: Sequence[Sequence[str]], file: Path) -> None:
        """A Parquet file with a row for each row: p0, p1, ..., a hash of each group of columns. Numbers are rounded to three
        digits, and of texts neither case nor blanks count."""
        hashes = []
        for at, group in enumerate(groups):
            alike = ", ".join(texts.alike(f"c{self._position[name]}") for name in group)
            hashes.append(f"hash({alike}) AS p{at}")
        statement = self._from(Statement(f"SELECT {', '.join(hashes)} FROM "))
        self._table.write(statement, file)

    def _tell_variants(self, batch: Sequence[asked.Variants], examples: int, told: Answers) -> None:
        names = [f"c{self._position[question.column]}" for question in batch]
        parts = [(str(at), name, f"{name} IS NOT NULL") for at, name in enumerate(names)]
        statement = self._counted_values(parts, self._table.relation)
        statement.add(
            f", m AS (SELECT col, v, k, {texts.FOLDED} AS folded FROM f),"
            " g AS (SELECT col, sum(k)::BIGINT AS n, (sum(k) - max(k))::BIGINT AS fewer,"
            f" max(struct_pack(k := k, v := left(v, {TEXT_CUT})), 2) AS most FROM m GROUP BY col, folded)"
            " SELECT col, coalesce(sum(n), 0)::BIGINT, coalesce(sum(fewer), 0)::BIGINT,"
            f" max(struct_pack(fewer := fewer, most := most), {max(examples, 1):d}) FILTER (WHERE fewer > 0)"
            " FROM g GROUP BY col"
        )
        for question in batch:
            told.add(question, Answer(0))
        for at, n, count, seen in self._fetched(statement):
            pairs = [[one["v"] for one in group["most"]] for group in seen or ()][:examples]
            shown = tuple(Sighting(f"{other!r} beside {most!r}") for most, other in pairs)
            told.add(batch[at], Answer(n, count, examples=shown))

    def _written(self, question: asked.WrittenForm, examples: int) -> Answer:
        shapes = [str(SHAPES.index(name)) for name in question.names if name in SHAPES]
        bits = sum(texts.bit(name) for name in question.names if name in FAULTS)
        tests = ([f"({texts.shape()}) IN ({', '.join(shapes)})"] if shapes else []) + (
            [f"({texts.faults()}) & {bits} > 0"] if bits else []
        )
        return self._first_rows(question.column, " OR ".join(tests), examples)

    def _narrow(self, question: asked.NarrowDigits, examples: int) -> Answer:
        narrow = rf"regexp_full_match(v, '\d+') AND length(v) < {question.width:d}"
        return self._first_rows(question.column, narrow, examples)

    def _first_rows(self, column: str, condition: str, examples: int) -> Answer:
        """condition: over the text v."""
        name = f"c{self._position[column]}"
        statement = Statement(
            f"SELECT {FILE}, {ROW}, first_row, left(v, {EXAMPLE_CUT}) FROM (SELECT {name} AS v, {FILE}, {ROW},"
        )
        statement.add(
            f" min({ROW}) OVER (PARTITION BY {FILE}) AS first_row FROM (SELECT {name}, {FILE}, {self._table.row_number}"
        )
        self._from(statement.add(f" AS {ROW} FROM "), f")) WHERE v IS NOT NULL AND ({condition}) ORDER BY {ROW}")
        found = self._fetched(statement.add(f" LIMIT {examples:d}"))
        return Answer(
            0,
            len(found),
            examples=tuple(
                Sighting(value, row - first + 1, self._table.short(file)) for file, row, first, value in found
            ),
        )

    def _empty(self, question: asked.EmptyRows, examples: int) -> Answer:
        missing = [
            f"NOT ({reading(at := self._position[name], self.columns[at], None).present})" for name in question.columns
        ]
        statement = self._from(Statement(f"SELECT count(*), counted_if({' AND '.join(missing)}) FROM "))
        n, count = self._fetched(statement)[0]
        return Answer(n, count)

    def _repeated(self, question: asked.RepeatedRows, examples: int) -> Answer:
        names = [f"c{self._position[name]}" for name in question.columns]
        suspects = self._from(
            Statement(f"SELECT hash({', '.join(names)}) AS h FROM "), " GROUP BY h HAVING count(*) > 1"
        )
        if not self._fetched(Statement("SELECT 1 FROM (").then(suspects).add(") LIMIT 1")):
            return Answer(self.rows)
        statement = Statement("CREATE OR REPLACE TEMP TABLE twins AS WITH all_rows AS (SELECT ")
        statement.add(f"{', '.join(names)}, {FILE}, {self._table.row_number} AS {ROW} FROM ")
        self._from(
            statement,
            f") SELECT min({ROW}) AS first, list({ROW} ORDER BY {ROW})[2:{examples + 1:d}] AS later, count(*) AS n",
        )
        statement.add(f" FROM all_rows WHERE hash({', '.join(names)}) IN (").then(suspects)
        self._fetched(statement.add(f") GROUP BY {', '.join(names)} HAVING count(*) > 1"))
        [[count]] = self._fetched(Statement("SELECT coalesce(sum(n - 1), 0)::BIGINT FROM twins"))
        shown = self._fetched(
            Statement("SELECT r, first FROM (SELECT unnest(later) AS r, first FROM twins) ORDER BY r LIMIT").add(
                f" {examples:d}"
            )
        )
        places = self._places([row for pair in shown for row in pair])
        seen = tuple(Sighting(f"{places[row]} repeats {places[first]}") for row, first in shown)
        return Answer(self.rows, count, examples=seen)

    def _places(self, rows: Sequence[int]) -> dict[int, str]:
        """Rows of all files together -> `row 3`, with the file where there are several."""
        statement = Statement(
            f"SELECT {FILE}, min({ROW}) AS first FROM (SELECT {FILE}, {self._table.row_number} AS {ROW} FROM "
        )
        files = self._fetched(self._from(statement, ") GROUP BY 1 ORDER BY 2")) if rows else []
        found = {}
        for row in rows:
            file, first = next(one for one in reversed(files) if one[1] <= row)
            found[row] = f"{self._table.short(file)} row {row - first + 1}".strip()
        return found

    def _rising(self, question: asked.Rising, examples: int) -> int:
        value = self._value(question.column, question.type)
        if value in self._rises:
            return self.rows - 1
        statement = Statement("SELECT counted_if(v > before) FROM (SELECT v, lag(v) OVER () AS before FROM (SELECT ")
        [[count]] = self._fetched(statement.add(f"{value} AS v FROM ").then(self._relation).add("))"))
        return int(count)


def _as_told(bound: Bound) -> Any:
    """As a distribution has it: microseconds for a day too."""
    if isinstance(bound, date) and not isinstance(bound, datetime):
        bound = datetime(bound.year, bound.month, bound.day, tzinfo=UTC)
    return as_bound(bound)


def _of(questions: Sequence[Question[Any]], kind: type[Q]) -> list[Q]:
    return [one for one in questions if isinstance(one, kind)]
