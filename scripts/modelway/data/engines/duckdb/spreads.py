"""How the values of columns lie, by the number of rows of each of their different values: some columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import ceil
from typing import Any, TypeVar

from modelway.data.engines.duckdb.quality_answers import distribution
from modelway.data.engines.duckdb.rising import distribution_of_rising
from modelway.data.engines.duckdb.sql import FLOATS, Statement, in_batches, reading
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.quality import queries as asked
from modelway.data.quality.queries import ENDS, GRID, PROBABILITIES, TOP, Answers, Distribution
from modelway.data.queries import StoredColumn
from modelway.data.values import ValueType

TEXT_CUT = 300
"""Characters of a text that are handed over."""
CELLS_AT_A_TIME, MOST_COLUMNS = 200_000, 20
"""Of one statement about several columns: much of its time is its planning, and memory holds all their different values."""
WIDE = 400
"""Columns of CSV that are converted at once."""
LARGE_INTEGERS = ("UBIGINT", "HUGEINT", "UHUGEINT")

Q = TypeVar("Q")


class DuckDBSpreads:
    """Opened data whose values are counted; see modelway.data.quality.queries.Spread."""

    def __init__(self, table: DuckDBTable) -> None:
        self._table = table
        self._position = {column.name: at for at, column in enumerate(table.columns)}
        self._settled: Mapping[str, ValueType] = {}

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

    def _batches(self, questions: Sequence[Q]) -> Iterator[Sequence[Q]]:
        size = max(1, min(MOST_COLUMNS, CELLS_AT_A_TIME // max(self.rows, 1)))
        return in_batches(questions, size)

    def _fetched(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._table.rows(statement)

    @property
    def _relation(self) -> Statement:
        """Where values are read, as `_value` has them."""
        return Statement("settled") if self._settled else self._table.relation

    @property
    def _row_number(self) -> str:
        """Of a row of `_relation`, from 1."""
        return "(rowid + 1)" if self._settled else self._table.row_number

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
            value = f"CASE WHEN strlen({value}) > {TEXT_CUT} THEN left({value}, {TEXT_CUT}) ELSE {value} END"
        elif kind == "date":
            value = f"epoch_us({value})"
        elif kind == "number" or (kind == "integer" and stored.stored == "number"):
            value = f"({value})::DOUBLE + 0.0"
        elif kind == "integer":
            large = stored.stored == "text" or stored.physical in LARGE_INTEGERS
            value = f"({value})::{'HUGEINT' if large else 'BIGINT'}"
        if read.valid == "true" and stored.physical not in FLOATS:
            return value  # null where there is none
        there = read.valid if stored.physical in FLOATS and read.valid != "true" else f"{read.present} AND {read.valid}"
        return f"CASE WHEN {there} THEN {value} END"

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
            statement.add(f" SELECT col, {counts_of_values('v')} FROM f GROUP BY col")
        else:
            whole, zero = ("v = trunc(v)", "v = 0") if kind in ("integer", "number") else ("true", "false")
            sums = ", ".join(f"coalesce(sum(k) FILTER (WHERE {one}), 0)::BIGINT" for one in (whole, zero, "v < 0"))
            if len(batch) > 1:
                statement.add(f" SELECT col, {counts_of_values('v')}, {sums} FROM f GROUP BY col")
            else:
                upto = "(sum(k) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING))::BIGINT"
                places = f"list(struct_pack(u := upto, v := v)) FILTER (WHERE {_has_rank(batch[0].n)})"
                statement.add(f", s AS (SELECT col, v, k, {upto} AS upto FROM f)")
                statement.add(f" SELECT col, {counts_of_values('v')}, {sums}, {places} FROM s GROUP BY col")
        for question in batch:
            told.add(question, Distribution(0, 0))
        ordered = kind not in ("string", "boolean") and len(batch) > 1
        ranked = self._ranked(batch) if ordered else {}
        for at, *row in self._fetched(statement):
            told.add(batch[at], distribution([*row, ranked[at]] if ordered else row, batch[at].n))

    def _ranked(self, batch: Sequence[asked.Spread]) -> dict[int, list[dict[str, Any]]]:
        """Of each whole column, by its place: the values of the quantiles' ranks. Of few rows to sort them is quicker than to
        add up the rows of different values."""
        statement, lists = Statement(), list[str]()
        ranks = [sorted({max(1, ceil(p * question.n)) for p in PROBABILITIES}) for question in batch]
        for question, of in zip(batch, ranks, strict=True):
            value = self._value(question.column, question.type)
            rows = f"list_sort(list(v{self._position[question.column]}) FILTER (WHERE ({value}) IS NOT NULL))"
            lists.append(f"list_select({rows}, {statement.bind(of)}::BIGINT[])")
        values = (f"{self._value(one.column, one.type)} AS v{self._position[one.column]}" for one in batch)
        used = ", ".join(f"c{self._position[one.column]}" for one in batch)
        statement.add(f"SELECT {', '.join(lists)} FROM (SELECT {used}, {', '.join(values)} FROM ").then(self._relation)
        [row] = self._fetched(statement.add(")"))
        return {
            at: [{"u": rank, "v": value} for rank, value in zip(of, found or (), strict=False)]
            for at, (of, found) in enumerate(zip(ranks, row, strict=True))
        }


def counts_of_values(shown: str) -> str:
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
