"""What a contract asks of a table, as questions for an engine, and what the answers mean. Nothing here reads data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from modelway.config.strict_yaml import suggestion
from modelway.data.contract import Column, Contract, ValueType, parsed_bound
from modelway.data.questions import (
    Answer,
    Bound,
    Malformed,
    Missing,
    Newest,
    NotAllowed,
    Outside,
    Question,
    Repeated,
    Sighting,
    Stored,
    StoredColumn,
)
from modelway.data.report import CheckResult, Example

EXAMPLE_LIMIT = 60
"""Characters of a value shown in a report."""

RULE_LIMIT = 120

SUGGESTIONS = 20
"""Missing columns that a guess is made for; each takes a comparison with every column."""

AHEAD_LIMIT = timedelta(days=1)
"""How far after now the newest row may be: dates and times without a zone are taken as UTC, and may be a day off."""

READABLE: dict[ValueType, tuple[Stored, ...]] = {
    "string": ("text",),
    "integer": ("integer", "number", "text"),
    "number": ("number", "integer", "text"),
    "boolean": ("boolean", "text"),
    "date": ("date", "text"),
    "timestamp": ("timestamp", "text"),
}
"""How a column may be stored to be of a type. Whole numbers stored as floating point are integers, because pandas
stores them so as soon as one is missing."""

NOUNS: dict[ValueType, str] = {
    "string": "is text",
    "integer": "is a whole number",
    "number": "is a number",
    "boolean": "is true or false",
    "date": "is a date",
    "timestamp": "is a time",
}


@dataclass(frozen=True)
class Asked:
    """A question, and what to make of its answer (given the number of rows)."""

    question: Question
    judge: Callable[[Answer, int], CheckResult]


def ask(contract: Contract, columns: Sequence[StoredColumn], now: datetime) -> tuple[Asked, ...]:
    """Every question that the contract has about columns that are there. now: in UTC, for freshness."""
    stored = {column.name: column for column in columns}
    asked: list[Asked] = []
    for name, wanted in contract.columns.items():
        if name in stored:
            asked += _of_column(name, wanted, stored[name])
    asked += [_unique(key) for key in contract.unique if all(name in stored for name in key)]
    if (fresh := contract.freshness) and fresh.column in stored:
        kind = contract.columns[fresh.column].type
        if kind is not None and stored[fresh.column].stored in READABLE[kind]:
            asked.append(_fresh(fresh.column, kind, fresh.at_most_hours, now))
    return tuple(asked)


def judge_shape(contract: Contract, columns: Sequence[StoredColumn], rows: int) -> tuple[CheckResult, ...]:
    """The checks that need no question: the number of rows, and which columns there are."""
    results = [
        _result(
            "rows at least", f"at least {contract.rows.at_least}", rows, rows, contract.rows.at_least, at_least=True
        )
    ]
    if contract.rows.at_most is not None:
        results.append(_result("rows at most", f"at most {contract.rows.at_most}", rows, rows, contract.rows.at_most))
    there = [column.name for column in columns]
    set_there = set(there)
    wanted = dict.fromkeys((*contract.columns, *(name for key in contract.unique for name in key)))
    if wanted:
        absent = [name for name in wanted if name not in set_there]
        missing = [
            Sighting(f"{name} ({suggestion(name, there)})" if there and at < SUGGESTIONS else name)
            for at, name in enumerate(absent)
        ]
        results.append(
            _result("listed columns are there", "every one", len(wanted), len(missing), 0, examples=missing, cut=200)
        )
    if contract.unlisted_columns == "refuse":
        unlisted = [Sighting(name) for name in there if name not in contract.columns]
        results.append(
            _result("no unlisted columns", "only listed columns", len(there), len(unlisted), 0, examples=unlisted[:3])
        )
    return tuple(results)


def judge_stored(contract: Contract, columns: Sequence[StoredColumn], rows: int) -> tuple[CheckResult, ...]:
    """A failing check for every column that is stored as something which its type cannot be read from."""
    stored = {column.name: column for column in columns}
    results = []
    for name, wanted in contract.columns.items():
        kept = stored.get(name)
        if kept and wanted.type and kept.stored not in READABLE[wanted.type]:
            detail = f"stored as {kept.physical}"
            results.append(
                _result(f"{name} {NOUNS[wanted.type]}", wanted.type, rows, rows, 0, detail=detail, failed=True)
            )
    return tuple(results)


def _of_column(name: str, wanted: Column, stored: StoredColumn) -> Iterator[Asked]:
    if not wanted.nullable:
        yield _count(Missing(name), f"{name} has no nulls", "none")
    elif wanted.max_null_percent is not None:
        yield _nulls(name, wanted.max_null_percent)
    kind = wanted.type
    if kind is None or stored.stored not in READABLE[kind]:
        return
    may_be_empty = wanted.nullable and wanted.max_null_percent == 100
    yield _count(Malformed(name, kind), f"{name} {NOUNS[kind]}", kind, may_be_empty)
    if wanted.range:
        low, high = (None if bound is None else parsed_bound(kind, bound) for bound in wanted.range)
        yield _count(Outside(name, kind, low, high), f"{name} in range", _range_in_words(low, high), may_be_empty)
    if wanted.allowed:
        allowed = tuple(dict.fromkeys(parsed_bound(kind, value) for value in wanted.allowed))
        rule = ", ".join(_in_words(value) for value in allowed)
        yield _count(
            NotAllowed(name, kind, allowed), f"{name} among allowed", shortened(rule, RULE_LIMIT), may_be_empty
        )


def _count(question: Question, name: str, rule: str, may_be_empty: bool = False) -> Asked:
    """No violation at all, and something to look at."""

    def judge(answer: Answer, rows: int) -> CheckResult:
        nothing = answer.n == 0 and not may_be_empty
        detail = "no value to look at" if nothing else ""
        return _result(name, rule, answer.n, answer.count, 0, examples=answer.examples, detail=detail, failed=nothing)

    return Asked(question, judge)


def _nulls(name: str, percent: float) -> Asked:
    def judge(answer: Answer, rows: int) -> CheckResult:
        share = 100 * answer.count / rows if rows else None
        return _result(
            f"{name} nulls", f"at most {percent:g} % of rows", rows, share, percent, examples=answer.examples
        )

    return Asked(Missing(name), judge)


def _unique(key: tuple[str, ...]) -> Asked:
    named = ", ".join(key)
    return _count(Repeated(key), f"{named} unique", "no row repeats another's key")


def _fresh(column: str, kind: ValueType, hours: float, now: datetime) -> Asked:
    def judge(answer: Answer, rows: int) -> CheckResult:
        rule = f"newest {column} at most {hours:g} hours old"
        if answer.newest is None:
            return _result("freshness", rule, answer.n, None, hours, detail="no value to look at", failed=True)
        age = (now - answer.newest) / timedelta(hours=1)
        ahead = answer.newest - now > AHEAD_LIMIT
        detail = f"newest is {answer.newest.isoformat().replace('+00:00', 'Z')}{', in the future' if ahead else ''}"
        return _result("freshness", rule, answer.n, age, hours, detail=detail, failed=ahead)

    return Asked(Newest(column, kind), judge)


def _result(
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
    holds = value is not None and (value >= limit if at_least else value <= limit)  # NaN holds neither way
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


def printable(text: str) -> str:
    """The text on one line, with an escape for what has no glyph of its own: line ends, controls, direction marks."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def shortened(text: str, limit: int) -> str:
    text = printable(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _range_in_words(low: Bound | None, high: Bound | None) -> str:
    if low is None or high is None:
        return f"at most {_in_words(high)}" if low is None else f"at least {_in_words(low)}"
    return f"from {_in_words(low)} to {_in_words(high)}"


def _in_words(value: Bound | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)
