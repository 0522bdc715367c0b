"""Queries that compare rows with each other, or with those of another data set, in DuckDB's words.

Each is told by two statements: `counted`, one row of n and count, and `violating`, the first rows that are counted as
(file, row, shown). `numbered` is the data with ROW, each row's number from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelway.config.document import suggestion
from modelway.data.engines.duckdb.conditions import EXAMPLE_CUT
from modelway.data.engines.duckdb.sql import FILE, INTEGERS, ROW, Reading, Statement, reading
from modelway.data.queries import Repeated, StoredColumn
from modelway.data.rule_queries import Descending, GroupsOutside, Unreferenced
from modelway.data.values import READABLE, ValueType
from modelway.errors import InvalidInput

SUM_BITS = 60
LOWEST_EXPONENT = -900
"""Of the sums: digits of a number that lie below 2^-960 are left out."""


@dataclass(frozen=True)
class TableColumns:
    """The data's columns, and how one is read."""

    stored: Sequence[StoredColumn]
    position: Mapping[str, int]

    def reading(self, name: str, kind: ValueType | None) -> Reading:
        at = self.position[name]
        return reading(at, self.stored[at], kind)

    def raw(self, name: str) -> str:
        return f"c{self.position[name]}"


def with_key(query: Repeated, columns: TableColumns, relation: Statement) -> Statement:
    """The rows that are looked at."""
    if not query.of_present:
        return relation
    present = " AND ".join(columns.reading(name, None).present for name in query.columns)
    return Statement("(SELECT * FROM ").then(relation).add(f" WHERE {present})")


def repeating(
    query: Repeated, columns: TableColumns, numbered: Statement, most: int, *, by_hash: bool = True
) -> Statement:
    """The rows whose key an earlier one has too. by_hash: only rows are numbered whose key's hash is there twice."""
    key = ", ".join(columns.raw(name) for name in query.columns)
    looked = with_key(query, columns, numbered)
    inner = Statement(f"SELECT {FILE}, {ROW}, row_number() OVER (PARTITION BY {key} ORDER BY {ROW}) AS nth FROM ")
    inner.then(looked)
    if by_hash:
        suspects = Statement(f"SELECT hash({key}) FROM ").then(looked).add(" GROUP BY ALL HAVING count(*) > 1")
        inner.add(f" WHERE hash({key}) IN (").then(suspects).add(")")
    return (
        Statement(f"SELECT {FILE}, {ROW}, '' FROM (").then(inner).add(f") WHERE nth > 1 ORDER BY {ROW} LIMIT {most:d}")
    )


def _descents(query: Descending, columns: TableColumns, numbered: Statement) -> Statement:
    """The valid values, each with the one before it."""
    read = columns.reading(query.column, query.type)
    by = [columns.raw(name) for name in query.by]
    keys = "".join(f", {name} AS g{at}" for at, name in enumerate(by))
    within = f"PARTITION BY {', '.join(f'g{at}' for at in range(len(by)))} " if by else ""
    values = Statement(
        f"SELECT {read.value} AS v, left({read.column}::VARCHAR, {EXAMPLE_CUT}) AS t, {FILE}, {ROW}{keys}"
    )
    values.add(" FROM ").then(numbered).add(f" WHERE {read.present} AND coalesce({read.valid}, false)")
    window = f"OVER ({within}ORDER BY {ROW})"
    return (
        Statement(f"SELECT v, t, lag(v) {window} AS v_before, lag(t) {window} AS t_before, {FILE}, {ROW} FROM (")
        .then(values)
        .add(")")
    )


def descending_counted(query: Descending, columns: TableColumns, numbered: Statement) -> Statement:
    return (
        Statement(f"SELECT count(*), counted_if({_descends(query)}) FROM (")
        .then(_descents(query, columns, numbered))
        .add(")")
    )


def descending(query: Descending, columns: TableColumns, numbered: Statement, most: int) -> Statement:
    return (
        Statement(f"SELECT {FILE}, {ROW}, t || ' after ' || t_before FROM (")
        .then(_descents(query, columns, numbered))
        .add(f") WHERE {_descends(query)} ORDER BY {ROW} LIMIT {most:d}")
    )


def _descends(query: Descending) -> str:
    return f"coalesce(v {'<=' if query.strictly else '<'} v_before, false)"


@dataclass(frozen=True)
class OtherData:
    """The data set that is referred to."""

    columns: TableColumns
    relation: Statement
    name: str

    def reading(self, name: str, kind: ValueType | None) -> Reading:
        """InvalidInput where it has no such column, or one that is stored as something else."""
        if name not in self.columns.position:
            raise InvalidInput(
                f"has no column {name[:100]!r}, which a reference names",
                where=self.name,
                fix=suggestion(name, self.columns.position),
            )
        column = self.columns.stored[self.columns.position[name]]
        if kind is not None and column.stored not in READABLE[kind]:
            raise InvalidInput(
                f"column {name[:100]!r} is stored as {column.physical[:100]}, and is referred to as {kind}",
                where=self.name,
                fix="write it as that type",
            )
        return self.columns.reading(name, kind)


def unreferenced_counted(
    query: Unreferenced, columns: TableColumns, numbered: Statement, other: OtherData
) -> Statement:
    looked, missing = _looked_at(query, columns, numbered)
    statement = Statement("SELECT (SELECT count(*) FROM (").then(looked).add("))::BIGINT, (SELECT count(*) FROM (")
    statement.then(_strangers(query, columns, numbered, other)).add("))::BIGINT")
    return statement.add(", (SELECT count(*) FROM (").then(missing).add("))::BIGINT")


def unreferenced(
    query: Unreferenced, columns: TableColumns, numbered: Statement, other: OtherData, most: int
) -> Statement:
    _, missing = _looked_at(query, columns, numbered)
    statement = Statement(f"SELECT {FILE}, {ROW}, t FROM (SELECT {FILE}, {ROW}, t FROM (")
    statement.then(_strangers(query, columns, numbered, other)).add(f") UNION ALL SELECT {FILE}, {ROW}, t FROM (")
    return statement.then(missing).add(f")) ORDER BY {ROW} LIMIT {most:d}")


def _looked_at(query: Unreferenced, columns: TableColumns, numbered: Statement) -> tuple[Statement, Statement]:
    """The rows whose values are all valid, with their keys; and those that lack one, where they count."""
    readings = [columns.reading(name, kind) for name, kind in zip(query.columns, query.types, strict=True)]
    keys = ", ".join(
        f"{_key(read, kind)} AS k{at}" for at, (read, kind) in enumerate(zip(readings, query.types, strict=True))
    )
    text = f"concat_ws(', ', {', '.join(_or_null(read) for read in readings)}) AS t"
    valid = " AND ".join(f"({read.present} AND coalesce({read.valid}, false))" for read in readings)
    absent = " OR ".join(f"NOT ({read.present})" for read in readings) if not query.nullable else "false"
    start = f"SELECT {keys}, {text}, {FILE}, {ROW} FROM "
    looked = Statement(start).then(numbered).add(f" WHERE {valid}")
    return looked, Statement(f"SELECT {text}, {FILE}, {ROW} FROM ").then(numbered).add(f" WHERE {absent}")


def _strangers(query: Unreferenced, columns: TableColumns, numbered: Statement, other: OtherData) -> Statement:
    looked, _ = _looked_at(query, columns, numbered)
    readings = [other.reading(name, kind) for name, kind in zip(query.theirs, query.types, strict=True)]
    keys = [_key(read, kind) for read, kind in zip(readings, query.types, strict=True)]
    named = ", ".join(f"{key} AS k{at}" for at, key in enumerate(keys))
    valid = " AND ".join(f"({read.present} AND coalesce({read.valid}, false))" for read in readings)
    known = Statement(f"SELECT DISTINCT {named} FROM ").then(other.relation).add(f" WHERE {valid}")
    using = ", ".join(f"k{at}" for at in range(len(keys)))
    return (
        Statement(f"SELECT mine.t, mine.{FILE}, mine.{ROW} FROM (")
        .then(looked)
        .add(") AS mine ANTI JOIN (")
        .then(known)
        .add(f") AS known USING ({using})")
    )


def _key(read: Reading, kind: ValueType | None) -> str:
    """A value in a form in which the same value is the same, however each side is stored."""
    if kind is None:
        return f"{read.column}::VARCHAR"
    whole = kind == "integer" and (read.physical in INTEGERS or read.physical == "VARCHAR")
    return f"({read.value})::DOUBLE" if kind in ("integer", "number") and not whole else f"({read.value})"


def _or_null(read: Reading) -> str:
    return f"CASE WHEN {read.present} THEN left({read.column}::VARCHAR, {EXAMPLE_CUT}) ELSE 'null' END"


def groups_outside(query: GroupsOutside, columns: TableColumns, relation: Statement, rows: int) -> Statement:
    """One row for each group: its keys as text, its measure, and whether that is outside."""
    by = [columns.raw(name) for name in query.by]
    groups = [f"g{at}" for at in range(len(by))]
    keys = "".join(f"{raw} AS {group}, " for raw, group in zip(by, groups, strict=True))
    value = "NULL::DOUBLE"
    if query.column is not None:
        read = columns.reading(query.column, query.type)
        value = f"CASE WHEN {read.present} AND coalesce({read.valid}, false) THEN ({read.value})::DOUBLE END"
    base = Statement(f"(SELECT {keys}{value} AS v FROM ").then(relation).add(")")
    listed = "".join(f"{group}, " for group in groups)
    grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
    if query.measure in ("sum", "mean"):
        measured = _summed(query.measure, base, listed, grouped)
    else:
        measure = {
            "rows": "count(*)::DOUBLE",
            "share": f"count(*)::DOUBLE / {max(rows, 1):d}",
            "lowest": "min(v)",
            "highest": "max(v)",
        }[query.measure]
        measured = Statement(f"SELECT {listed}{measure} AS measure FROM ").then(base).add(grouped)
    outside = _outside(query, measured)
    text = "".join(f"left({group}::VARCHAR, {EXAMPLE_CUT}), " for group in groups)
    return Statement(f"SELECT {text}measure, {outside} AS outside FROM (").then(measured).add(")")


def _summed(measure: str, base: Statement, listed: str, grouped: str) -> Statement:
    """Exact whatever the order of rows: numbers of one exponent are added as whole numbers, the sums then by exponent."""
    exponent = f"CASE WHEN v = 0 THEN 0 ELSE greatest(floor(log2(abs(v))), {LOWEST_EXPONENT})::INTEGER END"
    part = f"SELECT {listed}v, {exponent} AS e FROM "
    by_exponent = (
        Statement(
            f"SELECT {listed}e, count(v) AS n, sum((v * pow(2.0, {SUM_BITS} - e))::HUGEINT)::DOUBLE * pow(2.0, e - {SUM_BITS})"
            f" AS part FROM ({part}"
        )
        .then(base)
        .add(f") GROUP BY {listed}e")
    )
    total = "sum(part ORDER BY e)"
    wanted = total if measure == "sum" else f"{total} / nullif(sum(n), 0)"
    return Statement(f"SELECT {listed}{wanted} AS measure FROM (").then(by_exponent).add(f"){grouped}")


def _outside(query: GroupsOutside, statement: Statement) -> str:
    sides = ["measure IS NULL", "NOT isfinite(measure)"]
    for sign, bound in (("<", query.low), (">", query.high)):
        if bound is not None:
            sides.append(f"measure {sign} {statement.bind(float(bound))}")
    return f"coalesce({' OR '.join(sides)}, true)"
