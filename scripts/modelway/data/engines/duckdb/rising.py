"""A column each value of which is larger than the one before, such as the number of a row or the time of an event: what is
told of its values needs no table of as many different ones as there are rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelway.data.engines.duckdb.sql import Statement

WORTH_IT = 200_000
"""Rows; with fewer the table is quick."""
FIRST = 1000
Fetch = Callable[[Statement], list[tuple[Any, ...]]]


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
