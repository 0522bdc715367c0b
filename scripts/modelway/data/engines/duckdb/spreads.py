"""How the values of columns lie, by the number of rows of each of their different values: some columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from math import ceil
from typing import Any, TypeVar

from modelway.data.engines.duckdb import sorting
from modelway.data.engines.duckdb.quality_answers import distribution
from modelway.data.engines.duckdb.sql import FLOATS, Statement, in_batches, reading
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.quality import queries as asked
from modelway.data.quality.queries import ENDS, GRID, PROBABILITIES, TOP, Answers, Distribution
from modelway.data.queries import StoredColumn
from modelway.data.values import NUMERIC, ValueType

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
        self._rises = set[str]()
        """Of which expressions each row has a value, and a larger one than the row before."""

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
        """Those of many different values and those of a part of a column each by itself, the others of a type some at a
        time."""
        to_sort, to_group = list[asked.Spread](), list[asked.Spread]()
        for question in questions:
            if question.is_whole and question.n and question.type not in ("string", "boolean"):
                value, number = self._value(question.column, question.type), question.type in NUMERIC
                found = sorting.distribution_of_rising(
                    value, self._row_number, self._relation, self._fetched, question.n, self.rows, number=number
                )
                if found is not None:
                    told.add(question, found)
                    self._rises.add(value)
                    continue
                large = self._is_large(question)
                if not large and sorting.is_worth_it(self._table, value, self._relation, question.n):
                    to_sort.append(question)
                    continue
            to_group.append(question)
        groups: dict[str, list[asked.Spread]] = {}
        for question in to_group + self._tell_sorted(to_sort, told):
            column = self.columns[self._position[question.column]]
            alone = "" if question.is_whole else str(len(groups))
            kind = column.stored if column.stored != "text" else f"text {question.type}"
            groups.setdefault(f"{kind} {question.type} {self._is_large(question)} {alone}", []).append(question)
        for group in groups.values():
            for batch in self._batches(group):
                self._tell_spread(batch, told)

    def _is_large(self, question: asked.Spread) -> bool:
        """Whether its values may be whole numbers of more than 64 bits."""
        column = self.columns[self._position[question.column]]
        return column.physical in LARGE_INTEGERS or (column.stored == "text" and question.type == "integer")

    def _tell_sorted(self, questions: list[asked.Spread], told: Answers) -> list[asked.Spread]:
        """One column is sorted while the next is read. Gives back those for which there is no room."""
        if not questions:
            return []
        most = max(question.n or 0 for question in questions)
        with self._table.leaving(sorting.megabytes_of(most)) as is_room, ThreadPoolExecutor(1) as pool:
            if not is_room:
                return questions
            before: tuple[asked.Spread, Future[Distribution]] | None = None
            for question in questions:
                value = self._value(question.column, question.type)
                statement = Statement(f"SELECT v FROM (SELECT {value} AS v FROM ").then(self._relation)
                values = self._table.array(statement.add(") WHERE v IS NOT NULL"))
                if before:
                    told.add(before[0], before[1].result())
                number = question.type in NUMERIC
                before = question, pool.submit(sorting.distribution_of, values, number=number)
            if before:
                told.add(before[0], before[1].result())
        return []

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
        kind, totals = batch[0].type, [self._total(*one, bound) for one in zip(batch, parts, strict=True)]
        if kind in ("string", "boolean"):
            statement.add(f" SELECT col, {counts_of_values('v')} FROM f GROUP BY col")
        else:
            signs = ("v = trunc(v)", "v = 0", "v < 0") if kind in NUMERIC else ("true", "false", "false")
            sums = ", ".join(f"coalesce(sum(k) FILTER (WHERE {one}), 0)::BIGINT" for one in signs)
            if len(batch) > 1:
                statement.add(f" SELECT col, {counts_of_values('v')}, {sums} FROM f GROUP BY col")
            else:
                upto = "(sum(k) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING))::BIGINT"
                places = f"list(struct_pack(u := upto, v := v)) FILTER (WHERE {_has_rank(totals[0])})"
                statement.add(f", s AS (SELECT col, v, k, {upto} AS upto FROM f)")
                statement.add(f" SELECT col, {counts_of_values('v')}, {sums}, {places} FROM s GROUP BY col")
        for question in batch:
            told.add(question, Distribution(0, 0))
        ordered = kind not in ("string", "boolean") and len(batch) > 1
        ranked = self._ranked(batch, totals) if ordered else {}
        for at, *row in self._fetched(statement):
            told.add(batch[at], distribution([*row, ranked[at]] if ordered else row, totals[at]))

    def _total(self, question: asked.Spread, part: tuple[str, str, str], bound: Statement) -> int:
        """How many values are looked at."""
        if question.n is not None:
            return question.n
        statement = Statement("SELECT count(*) FROM ", dict(bound.parameters)).then(self._relation)
        [[n]] = self._fetched(statement.add(f" WHERE {part[-1]}"))
        return int(n)

    def _ranked(self, batch: Sequence[asked.Spread], totals: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Of each whole column, by its place: the values of the quantiles' ranks. Of few rows to sort them is quicker than to
        add up the rows of different values."""
        statement, lists = Statement(), list[str]()
        ranks = [sorted({max(1, ceil(p * n)) for p in PROBABILITIES}) for n in totals]
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
