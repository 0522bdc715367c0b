"""What a kind of check asks of a table, and what it makes of the answer. Nothing here reads data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from modelway.data.queries import Answer, Query, Sighting, StoredColumn
from modelway.data.report import CheckResult, Example
from modelway.data.values import printable, shortened

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
) -> CheckResult:
    """The outcome by value and limit: NaN, and no value, hold neither way."""
    holds = value is not None and (value >= limit if at_least else value <= limit)
    good = holds and not failed
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
