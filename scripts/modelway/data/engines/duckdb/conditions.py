"""Queries that are answered row by row: which columns each reads, what it looks at, counts and shows; and how many are asked
in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from modelway.data.engines.duckdb import rules
from modelway.data.engines.duckdb.sql import Reading, Statement, reading, violation
from modelway.data.expressions import columns_in
from modelway.data.queries import Missing, Newest, Query, StoredColumn, ValueQuery
from modelway.data.rule_queries import Broken, Lacking
from modelway.data.values import ValueType

RowWise = ValueQuery | Broken

EXAMPLE_CUT = 200
"""Characters of a value that are fetched; reports cut further."""


def is_row_wise(query: Query) -> TypeGuard[RowWise]:
    return isinstance(query, RowWise)


def read_by(query: RowWise) -> dict[str, ValueType | None]:
    """The columns that a query reads, and as what."""
    if isinstance(query, Broken):
        return {ref.name: ref.type for ref in (*columns_in(query.when), *columns_in(query.rule))}
    return {query.column: None if isinstance(query, Missing | Lacking) else query.type}


def readings_of(
    queries: Iterable[RowWise], columns: Sequence[StoredColumn], position: Mapping[str, int]
) -> dict[str, Reading]:
    """How each column is read: it has one type in a contract, so one reading serves all queries about it."""
    kinds: dict[str, ValueType | None] = {}
    for query in queries:
        for name, kind in read_by(query).items():
            kinds[name] = kind or kinds.get(name)
    return {name: reading(at := position[name], columns[at], kind) for name, kind in kinds.items()}


def looked_at(query: RowWise, readings: Mapping[str, Reading], statement: Statement) -> str:
    """The count of the rows that the query is about."""
    if isinstance(query, Broken):
        return f"counted_if({rules.decided(query, readings, statement)})"
    return readings[query.column].looked_at(query)


def counted(query: RowWise, readings: Mapping[str, Reading], statement: Statement) -> str:
    """What is asked: the count of the violating rows, or the newest value."""
    if isinstance(query, Newest):
        read = readings[query.column]
        return f"max({read.value_name}) FILTER (WHERE {read.valid_name})"
    return f"counted_if({violating(query, readings, statement)})"


def violating(query: RowWise, readings: Mapping[str, Reading], statement: Statement) -> str:
    if isinstance(query, Broken):
        return rules.broken(query, readings, statement)
    return violation(query, readings[query.column], statement)


def shown(query: RowWise, readings: Mapping[str, Reading], statement: Statement) -> str:
    """The violating value as text."""
    if isinstance(query, Broken):
        return rules.shown(query, readings, statement, EXAMPLE_CUT)
    return readings[query.column].shown(query, EXAMPLE_CUT)


def batches(queries: Sequence[RowWise], columns: int) -> list[list[RowWise]]:
    """All queries about a column in one batch of so many columns, rules between columns in batches after them; one batch at
    least, which counts the rows."""
    of_column: dict[str, list[RowWise]] = {}
    rules_: list[RowWise] = []
    for query in queries:
        if isinstance(query, Broken):
            rules_.append(query)
        else:
            of_column.setdefault(query.column, []).append(query)
    groups = list(of_column.values())
    groups += [[rule] for rule in rules_]
    made: list[list[RowWise]] = [[]]
    read: set[str] = set()
    for group in groups:
        more = {name for query in group for name in read_by(query)}
        if made[-1] and len(read | more) > columns:
            made.append([])
            read = set()
        made[-1] += group
        read |= more
    return made
