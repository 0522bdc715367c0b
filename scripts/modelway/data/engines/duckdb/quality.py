"""How DuckDB answers what a check of quality asks (modelway.data.quality.queries): some columns at a time, by the number of
rows of each of their different values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any, TypeVar

from modelway.data.engines.duckdb import quality_texts as texts
from modelway.data.engines.duckdb.conditions import EXAMPLE_CUT
from modelway.data.engines.duckdb.quality_answers import cells, distribution, texts_of
from modelway.data.engines.duckdb.rising import distribution_of_rising
from modelway.data.engines.duckdb.sql import FILE, FLOATS, ROW, Statement, in_batches, reading
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.quality import queries as asked
from modelway.data.quality.queries import (
    ENDS,
    FAULTS,
    GRID,
    PROBABILITIES,
    SHAPES,
    TOP,
    Answers,
    Distribution,
    Question,
)
from modelway.data.queries import Answer, Sighting, StoredColumn
from modelway.data.values import ValueType

TEXT_CUT = 300
"""Characters of a text that are handed over."""
CELLS_AT_A_TIME, MOST_COLUMNS = 200_000, 20
"""Of one statement about several columns: much of its time is its planning, and memory holds all their different values."""
WIDE = 400
"""Columns of CSV that are converted at once."""
LARGE_INTEGERS = ("UBIGINT", "HUGEINT", "UHUGEINT")

Q = TypeVar("Q")


class DuckDBQualityTable:
    """Opened data; see modelway.data.quality.queries.QualityTable."""

    def __init__(self, table: DuckDBTable) -> None:
        self._table = table
        self._position = {column.name: at for at, column in enumerate(table.columns)}
        self._settled: Mapping[str, ValueType] = {}
        self._one_by_one: dict[type[Any], Callable[..., Any]] = {
            asked.Variants: self._variants,
            asked.WrittenForm: self._written,
            asked.NarrowDigits: self._narrow,
            asked.EmptyRows: self._empty,
            asked.RepeatedRows: self._repeated,
            asked.Rising: self._rising,
        }

    @property
    def columns(self) -> tuple[StoredColumn, ...]:
        return self._table.columns

    @cached_property
    def rows(self) -> int:
        return self._table.answers([], 0)[0]

    def settle(self, types: Mapping[str, ValueType]) -> None:
        """CSV is converted once: each question would do it anew."""
        if not self._table.is_csv or len(self.columns) > WIDE:
            return
        converted = [
            f"{self._value(column.name, kind)} AS c{at}" if (kind := types.get(column.name)) else f"c{at}"
            for at, column in enumerate(self.columns)
        ]
        statement = Statement(f"CREATE TEMP TABLE settled AS SELECT {', '.join(converted)} FROM ")
        self._table.rows(statement.then(self._table.relation))
        self._settled = dict(types)

    def tell(self, questions: Sequence[Question[Any]], examples: int) -> Answers:
        told = Answers()
        wanted = list(dict.fromkeys(questions))
        counted = _of(wanted, asked.CountedRows)
        answers = self._table.answers([one.query for one in counted], examples)[1]
        for question, answer in zip(counted, answers, strict=True):
            told.add(question, answer)
        self._tell_batches(wanted, told)
        for other in wanted:
            if other not in told:
                told.add(other, self._one_by_one[type(other)](other, examples))
        return told

    def _tell_batches(self, wanted: list[Question[Any]], told: Answers) -> None:
        """What is asked of several columns in one statement."""
        for written in self._batches(_of(wanted, asked.Writing)):
            self._tell_writing(written, told)
        self._tell_spreads(_of(wanted, asked.Spread), told)
        by_other: dict[asked.Parted, list[asked.Crossed]] = {}
        for crossed in _of(wanted, asked.Crossed):
            by_other.setdefault(crossed.other, []).append(crossed)
        for of_one in by_other.values():
            for some in in_batches(of_one, MOST_COLUMNS):
                self._tell_crossed(some, told)

    def _batches(self, questions: Sequence[Q]) -> Iterator[Sequence[Q]]:
        size = max(1, min(MOST_COLUMNS, CELLS_AT_A_TIME // max(self.rows, 1)))
        return in_batches(questions, size)

    def _fetched(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._table.rows(statement)

    @property
    def _relation(self) -> Statement:
        """Where values are read, as `_value` has them."""
        return Statement("settled") if self._settled else self._table.relation

    def _from(self, statement: Statement, rest: str = "") -> Statement:
        """The data as they are in the files."""
        return statement.then(self._table.relation).add(rest)

    def _value(self, column: str, kind: ValueType) -> str:
        """A value of the type, null where there is none: numbers as they are stored or in double precision (-0.0 as 0),
        times in microseconds, the beginning of texts."""
        at = self._position[column]
        if self._settled.get(column) == kind:
            return f"c{at}"
        stored = self.columns[at]
        read = reading(at, stored, kind)
        value = read.value
        if kind == "number" and stored.physical not in FLOATS and stored.stored == "integer":
            kind = "integer"
        if kind == "string":
            value = f"left({value}, {TEXT_CUT})"
        elif kind == "date":
            value = f"epoch_us({value})"
        elif kind == "number" or (kind == "integer" and stored.stored == "number"):
            value = f"({value})::DOUBLE + 0.0"
        elif kind == "integer":
            large = stored.stored == "text" or stored.physical in LARGE_INTEGERS
            value = f"({value})::{'HUGEINT' if large else 'BIGINT'}"
        return f"CASE WHEN {read.present} AND {read.valid} THEN {value} END"

    def _counted_values(self, parts: Sequence[tuple[str, str, str]], relation: Statement) -> Statement:
        """A table f (col, v, k): how many rows each different value has. parts: (number, value, condition) of each column."""
        statement = Statement("WITH f AS (")
        for at, (number, value, condition) in enumerate(parts):
            statement.add(" UNION ALL " * (at > 0) + f"SELECT {number} AS col, {value} AS v, count(*) AS k FROM ")
            statement.then(Statement(relation.text, relation.parameters)).add(f" WHERE {condition} GROUP BY 2")
        return statement.add(")")

    def _tell_spreads(self, questions: Sequence[asked.Spread], told: Answers) -> None:
        """Those of a part of a column each by itself, the others of a type some at a time."""
        groups: dict[str, list[asked.Spread]] = {}
        for question in questions:
            column = self.columns[self._position[question.column]]
            whole = not question.without and question.above is None and question.up_to is None
            if whole and question.type not in ("string", "boolean"):
                value, number = self._value(question.column, question.type), question.type in ("integer", "number")
                found = distribution_of_rising(
                    value, self._relation, self._fetched, question.n, self.rows, number=number
                )
                if found is not None:
                    told.add(question, found)
                    continue
            alone = "" if whole else str(len(groups))
            kind = column.stored if column.stored != "text" else f"text {question.type}"
            groups.setdefault(f"{kind} {question.type} {column.physical in LARGE_INTEGERS} {alone}", []).append(
                question
            )
        for group in groups.values():
            for batch in self._batches(group):
                self._tell_spread(batch, told)

    def _tell_spread(self, batch: Sequence[asked.Spread], told: Answers) -> None:
        bound, parts = Statement(), []
        for at, question in enumerate(batch):
            value = self._value(question.column, question.type)
            conditions = [f"({value}) IS NOT NULL"]
            if question.without:
                conditions.append(f"({value}) NOT IN (SELECT unnest({bound.bind(list(question.without))}))")
            if question.above is not None:
                conditions.append(f"({value}) > {bound.bind(question.above)}")
            if question.up_to is not None:
                conditions.append(f"({value}) <= {bound.bind(question.up_to)}")
            parts.append((str(at), value, " AND ".join(conditions)))
        statement = self._counted_values(parts, self._relation)
        statement.parameters |= bound.parameters
        kind = batch[0].type
        if kind in ("string", "boolean"):
            statement.add(f" SELECT col, {_counts('v')} FROM f GROUP BY col")
        else:
            part = "PARTITION BY col " if len(batch) > 1 else ""
            window = f"({part}ORDER BY v ROWS UNBOUNDED PRECEDING)"
            statement.add(f", s AS (SELECT col, v, k, (sum(k) OVER {window})::BIGINT AS upto FROM f)")
            whole, zero = ("v = trunc(v)", "v = 0") if kind in ("integer", "number") else ("true", "false")
            sums = ", ".join(f"coalesce(sum(k) FILTER (WHERE {one}), 0)::BIGINT" for one in (whole, zero, "v < 0"))
            ranks = {question.n: _has_rank(question.n) for question in batch}
            n_of = " ".join(f"WHEN {at} THEN {ranks[question.n]}" for at, question in enumerate(batch))
            rank = f"CASE col {n_of} END" if len(ranks) > 1 else next(iter(ranks.values()))
            places = f"list(struct_pack(v := v, u := upto)) FILTER (WHERE {rank})"
            statement.add(f" SELECT col, {_counts('v')}, {sums}, {places} FROM s GROUP BY col")
        for question in batch:
            told.add(question, Distribution(0, 0))
        for at, *row in self._fetched(statement):
            told.add(batch[at], distribution(row, batch[at].n))

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
            f" SELECT col, shape, width, {_counts(f'left(v, {TEXT_CUT})')}, min(length(v)), max(length(v)), {spelt}"
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
        for question in batch:
            statement.add(f", {self._histogram(question.one, statement)}")
        values = ", ".join(f"{self._value(name, kind)} AS v{self._position[name]}" for name, kind in kinds.items())
        statement.add(f" FROM (SELECT {values}, {self._cell(other, statement)} AS other,")
        statement.add(f" bit_count({ROW}::BIGINT) % 2 AS half FROM (SELECT ")
        used = sorted({self._position[name] for name in (*kinds, other.column)})
        statement.add(f"{', '.join(f'c{at}' for at in used)}, row_number() OVER () AS {ROW} FROM ").then(self._relation)
        counts: list[dict[tuple[int, int, int], int]] = [{} for _ in batch]
        for of, half, n, *histograms in self._fetched(statement.add(")) GROUP BY other, half")):
            for question, found, into in zip(batch, histograms, counts, strict=True):
                into |= {
                    (cell, of, half): count for cell, count in cells(question.one, found or {}, n).items() if count
                }
        for question, found in zip(batch, counts, strict=True):
            told.add(question, found)

    def _histogram(self, part: asked.Parted, statement: Statement) -> str:
        value = f"v{self._position[part.column]}"
        if part.values:
            place = f"coalesce(list_position({statement.bind(list(part.values))}, {value}), 0)"
            return f"histogram({place}) FILTER (WHERE {value} IS NOT NULL)"
        return f"histogram(({value})::DOUBLE, {statement.bind(list(part.edges))}::DOUBLE[])"

    def _cell(self, part: asked.Parted, statement: Statement) -> str:
        value = self._value(part.column, part.type)
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

    def _variants(self, question: asked.Variants, examples: int) -> Answer:
        name = f"c{self._position[question.column]}"
        statement = Statement(f"WITH f AS (SELECT {name} AS v, count(*) AS k FROM ")
        self._from(
            statement, f" WHERE {name} IS NOT NULL GROUP BY 1), m AS (SELECT v, k, {texts.FOLDED} AS folded FROM f)"
        )
        statement.add(
            ", g AS (SELECT sum(k)::BIGINT AS n, (sum(k) - max(k))::BIGINT AS fewer,"
            f" max(struct_pack(k := k, v := left(v, {TEXT_CUT})), 2) AS most FROM m GROUP BY folded)"
            " SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(fewer), 0)::BIGINT,"
            f" max(struct_pack(fewer := fewer, most := most), {max(examples, 1):d}) FILTER (WHERE fewer > 0) FROM g"
        )
        n, count, seen = self._fetched(statement)[0]
        pairs = [[one["v"] for one in group["most"]] for group in seen or ()][:examples]
        return Answer(n, count, examples=tuple(Sighting(f"{other!r} beside {most!r}") for most, other in pairs))

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
            f" min({ROW}) OVER (PARTITION BY {FILE}) AS first_row FROM (SELECT {name}, {FILE}, row_number() OVER ()"
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
        statement.add(f"{', '.join(names)}, {FILE}, row_number() OVER () AS {ROW} FROM ")
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
            f"SELECT {FILE}, min({ROW}) AS first FROM (SELECT {FILE}, row_number() OVER () AS {ROW} FROM "
        )
        files = self._fetched(self._from(statement, ") GROUP BY 1 ORDER BY 2")) if rows else []
        found = {}
        for row in rows:
            file, first = next(one for one in reversed(files) if one[1] <= row)
            found[row] = f"{self._table.short(file)} row {row - first + 1}".strip()
        return found

    def _rising(self, question: asked.Rising, examples: int) -> int:
        value = self._value(question.column, question.type)
        statement = Statement("SELECT counted_if(v > before) FROM (SELECT v, lag(v) OVER () AS before FROM (SELECT ")
        [[count]] = self._fetched(statement.add(f"{value} AS v FROM ").then(self._relation).add("))"))
        return int(count)


def _counts(shown: str) -> str:
    """n, distinct, and the most frequent, smallest, largest and rarest values of a table (v, k)."""
    return (
        f"coalesce(sum(k), 0)::BIGINT, count(*), max(struct_pack(k := k, v := {shown}), {TOP}),"
        f" min(struct_pack(v := {shown}, k := k), {ENDS}), max(struct_pack(v := {shown}, k := k), {ENDS}),"
        f" min(struct_pack(k := k, v := {shown}))"
    )


def _has_rank(n: int) -> str:
    """Whether a value (of the k ones up to `upto`) is the quantile of a probability: of a multiple of 1 / GRID, or another."""
    tails = sorted({max(1, ceil(p * n)) for p in PROBABILITIES if p * GRID % 1})
    on_grid = f"(upto * {GRID}) // {n} > ((upto - k) * {GRID}) // {n}"
    return " OR ".join([on_grid, *(f"(upto >= {rank} AND upto - k < {rank})" for rank in tails)])


def _of(questions: Sequence[Question[Any]], kind: type[Q]) -> list[Q]:
    return [one for one in questions if isinstance(one, kind)]
