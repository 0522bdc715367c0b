"""A column of many numbers or times most of which differ: how its values lie is read off the values in order. They may be so
already; and numpy sorts ten million in a quarter of the time in which DuckDB counts the rows of each."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from modelway.data.engines.duckdb import rising
from modelway.data.engines.duckdb.sql import ROW, Statement
from modelway.data.quality.queries import ENDS, PROBABILITIES, TOP, Distribution

if TYPE_CHECKING:
    import numpy.typing as npt

    from modelway.data.engines.duckdb.table import DuckDBTable

WORTH_IT = 500_000
"""Values; fewer are counted before numpy is there."""
FIRST, DIFFERENT = 20_000, 2_000
"""Of so many first rows, how many differ in a column that is sorted; rows of few different values are counted quickly."""
MOST_OF_MEMORY = 0.75
"""The rest is DuckDB's."""
BYTES_OF_A_VALUE = 80
"""In memory at once: handed over in pieces and as a whole, its place in the order, its count; of two columns."""


def distribution_of_rising(
    value: str, row: str, relation: Statement, fetched: rising.Fetch, n: int, rows: int, *, number: bool
) -> Distribution | None:
    """Of a column whose values are in order: it is read off their places. None where it does not rise from row to row, or has
    rows without a value. value, row: expressions over the relation: null where there is no value; the row's number."""
    if n != rows or n < rising.WORTH_IT or not rising.rises(value, relation, fetched):
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


def is_worth_it(table: DuckDBTable, value: str, relation: Statement, n: int) -> bool:
    """value: an expression over the relation, a 64-bit number, null where there is none. n: how many it has."""
    if n < WORTH_IT or megabytes_of(n) > table.memory_mb * MOST_OF_MEMORY:
        return False
    statement = Statement(f"SELECT count(DISTINCT v) FROM (SELECT {value} AS v FROM ").then(relation)
    [[different]] = table.rows(statement.add(f" LIMIT {FIRST})"))
    return bool(different >= DIFFERENT)


def megabytes_of(n: int) -> int:
    """Of memory, to sort columns of so many values."""
    return -(-n * BYTES_OF_A_VALUE >> 20)


def distribution_of(values: npt.NDArray[Any], *, number: bool) -> Distribution:
    """values: finite, one at least, in any order, which is changed. number: else times, of which no figure is told."""
    import numpy as np

    values.sort()
    n = len(values)
    first = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    counts, different = np.diff(first, append=n), values[first]
    least = np.partition(counts, -TOP)[-TOP] if len(counts) > TOP else 1
    more = np.flatnonzero(counts > least)
    ties = np.flatnonzero(counts == least)[len(more) - TOP :]  # the largest values
    top = [*ties, *more[np.argsort(counts[more], kind="stable")]][::-1]
    whole, zero, negative = n, 0, 0
    if number:
        whole = int(counts[different == np.trunc(different)].sum())
        negative, not_positive = (int(np.searchsorted(values, 0, side)) for side in ("left", "right"))
        zero = not_positive - negative

    def told(places: list[int]) -> tuple[tuple[float, int], ...]:
        return tuple(zip(different[places].tolist(), counts[places].tolist(), strict=True))

    ends = list(range(min(ENDS, len(counts))))
    ranks = [max(1, ceil(p * n)) - 1 for p in PROBABILITIES]
    return Distribution(
        n,
        len(counts),
        told(top),
        told(ends),
        told([len(counts) - 1 - at for at in ends]),
        told([int(counts.argmin())]),
        dict(zip(PROBABILITIES, values[ranks].tolist(), strict=True)),
        whole,
        zero,
        negative,
    )
