"""A column each value of which is larger than the one before, such as the number of a row or the time of an event: how its
values lie is read off their places, without a table of as many different values as there are rows."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

from modelway.data.engines.duckdb.sql import ROW, Statement
from modelway.data.quality.queries import ENDS, PROBABILITIES, TOP, Distribution

WORTH_IT = 200_000
"""Rows; with fewer the table is quick."""
FIRST = 1000
Fetch = Callable[[Statement], list[tuple[Any, ...]]]


def distribution_of_rising(
    value: str, row: str, relation: Statement, fetched: Fetch, n: int, rows: int, *, number: bool
) -> Distribution | None:
    """None where the column does not rise from row to row, or has rows without a value. value, row: expressions over the
    relation: null where there is no value; the row's number."""
    if n != rows or n < WORTH_IT or not rises(value, relation, fetched):
        return None
    ranks = {p: max(1, ceil(p * n)) for p in PROBABILITIES}
    wanted = {*ranks.values(), *range(1, ENDS + 1), *range(n - TOP + 1, n + 1)}
    statement = Statement(f"SELECT {ROW}, v FROM (SELECT {value} AS v, {row} AS {ROW} FROM ")
    places = ", ".join(str(rank) for rank in sorted(wanted))
    at: dict[int, Any] = dict(fetched(statement.then(relation).add(f") WHERE {ROW} IN ({places})")))
    whole, zero, negative = n, 0, 0
    if number:
        counted = Statement(
            f"SELECT counted_if(v = trunc(v)), counted_if(v = 0), counted_if(v < 0) FROM (SELECT {value} AS v FROM "
        )
        [[whole, zero, negative]] = fetched(counted.then(relation).add(")"))
    largest = tuple((at[rank], 1) for rank in range(n, n - TOP, -1))
    smallest = tuple((at[rank], 1) for rank in range(1, ENDS + 1))
    quantiles = {p: at[rank] for p, rank in ranks.items()}
    return Distribution(n, n, largest, smallest, largest[:ENDS], smallest[:1], quantiles, whole, zero, negative)


def rises(value: str, relation: Statement, fetched: Fetch) -> bool:
    """Whether each row has a value, and a larger one than the row before; a look at the first rows spares most others."""
    return all(_falls(value, relation, end, fetched) == 1 for end in (f" LIMIT {FIRST}", ""))


def text_rises(name: str, relation: Statement, fetched: Fetch) -> bool:
    """Whether a column of text that is read anew by each statement rises: as it is, or as the whole numbers that it says. (A
    window would read it in one thread.)"""
    for value in (name, f"TRY_CAST({name} AS BIGINT)"):
        if _falls(value, relation, f" LIMIT {FIRST}", fetched) == 1:
            fetched(Statement(f"CREATE OR REPLACE TEMP TABLE rising AS SELECT {value} AS v FROM ").then(relation))
            falls = _falls("v", Statement("rising"), "", fetched)
            fetched(Statement("DROP TABLE rising"))
            if falls == 1:
                return True
    return False


def _falls(value: str, relation: Statement, end: str, fetched: Fetch) -> int:
    """The rows whose value is not larger than the one before; the first has none before it."""
    statement = Statement(
        "SELECT counted_if(NOT coalesce(v > before, false)) FROM (SELECT v, lag(v) OVER () AS before FROM"
    )
    [[falls]] = fetched(statement.add(f" (SELECT {value} AS v FROM ").then(relation).add(f"{end}))"))
    return int(falls)
