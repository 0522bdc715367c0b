"""What a kind of check asks of a table, and what it makes of the answer. Nothing here reads data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from modelway.data.queries import Answer, Query, Sighting, StoredColumn
from modelway.data.report import CheckResult, Example
from modelway.data.values import READABLE, ValueType, printable, shortened

EXAMPLE_LIMIT = 60
"""Characters of a value shown in a report."""


@dataclass(frozen=True)
class ContractCheck:
    """One check to be made. query: what the engine is asked; None where the number of rows is all that it takes. judge:
    what follows from the answer, and the number of rows."""

    query: Query | None
    judge: Callable[[Answer, int], CheckResult]


@dataclass(frozen=True)
class CheckContext:
    """What a kind of check knows beside its own keys. columns: those of the data, by name. now: in UTC, for freshness."""

    columns: Mapping[str, StoredColumn]
    now: datetime
    folder: Path = Path()
    """What files that the contract names are below."""

    def readable(self, wanted: Mapping[str, ValueType | None]) -> bool:
        """Whether all these columns are there and can be read as their types. Where not, another check of the contract says so
        and fails: that listed columns are there, or the column's type."""
        return all(
            name in self.columns and (kind is None or self.columns[name].stored in READABLE[kind])
            for name, kind in wanted.items()
        )


def no_violation(query: Query, name: str, rule: str, may_be_empty: bool = False) -> ContractCheck:
    """No violation at all, and something to look at."""

    def judge(answer: Answer, rows: int) -> CheckResult:
        nothing = answer.n == 0 and not may_be_empty
        detail = "no value to look at" if nothing else ""
        return result(name, rule, answer.n, answer.count, 0, examples=answer.examples, detail=detail, failed=nothing)

    return ContractCheck(query, judge)


def result(
    name: str,
    rule: str,
    n: int,
    value: float | None,
    limit: float,
    *,
    at_least: bool = False,
    examples: Sequence[Sighting] = (),
    detail: str = "",
    failed: bool = False,
    cut: int = EXAMPLE_LIMIT,
    holds: Callable[[float, float], bool] | None = None,
) -> CheckResult:
    """The outcome by value and limit: NaN, and no value, hold neither way. holds: how the value must stand to the limit; left
    out: at most, or at least."""
    stands = holds or (operator.ge if at_least else operator.le)
    good = value is not None and bool(stands(value, limit)) and not failed
    shown = () if good else tuple(Example(shortened(seen.value, cut), seen.row, seen.file) for seen in examples)
    return CheckResult(
        name=printable(name),
        rule=printable(rule),
        outcome="pass" if good else "fail",
        n=n,
        value=value,
        limit=limit,
        examples=shown,
        detail=detail,
    )
