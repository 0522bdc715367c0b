"""A contract held against data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from modelway import interim, progress
from modelway.data import engines, kinds
from modelway.data.checks import CheckContext, ContractCheck
from modelway.data.contract import Contract
from modelway.data.dialect import CsvDialect
from modelway.data.failing_rows import FailingRow, failing_rows
from modelway.data.queries import Answer, Newest, PlacedTable, Query, Table, columns_of
from modelway.data.report import CheckResult, ContractReport
from modelway.data.sources import digest_meanwhile, find_source
from modelway.errors import InvalidInput

MASK = "(masked)"
"""In the place of a value of a sensitive column."""
MEMORY_MB = 1024
EXAMPLES = 3


def validate(
    contract: Contract,
    path: Path | str,
    now: datetime,
    *,
    name: str = "",
    memory_mb: int = MEMORY_MB,
    examples: int = EXAMPLES,
    scratch: Path | None = None,
    by: str = engines.DEFAULT,
    folder: Path = Path(),
    most_rows: int = 0,
    on_rows: Callable[[tuple[FailingRow, ...]], None] | None = None,
) -> ContractReport:
    """Every check of the contract, over the CSV or Parquet data at `path`: a file, a folder, a pattern, or an address that the
    engine opens itself (`engines.opening`).

    now: with a time zone; what freshness is measured against. name: what messages and the report call the data.
    memory_mb: what the engine may use; larger work spills into `scratch` (the system's temporary folder). examples: how
    many violating values to show for each check; 0 keeps data out of the report. by: the engine. folder: where the contract
    is, which files that it names are relative to. on_rows: is given the first `most_rows` rows that break a check. Data that
    cannot be read is InvalidInput; a broken contract is a report that fails.
    """
    with (
        tempfile.TemporaryDirectory(prefix="modelway-data-", dir=scratch) as work,
        _opened(path, name, contract.dialect, Path(work), memory_mb, by) as (table, data, digest),
    ):
        around = CheckContext({column.name: column for column in table.columns}, now.astimezone(UTC), folder)
        to_make = tuple(_to_make(contract, around))
        queries = tuple(dict.fromkeys(item.query for item in to_make if item.query is not None))
        hidden = frozenset(name for name, column in contract.columns.items() if column.sensitive)
        interim.begun(data, {at: item.judge(Answer(0), 0).name for at, item in enumerate(to_make)})
        asking: dict[Query | None, list[int]] = {}
        for at, item in enumerate(to_make):
            asking.setdefault(item.query, []).append(at)

        def keep(rows: int, found: Mapping[Query, Answer]) -> None:
            for query in (None, *found):  # what asks nothing is decided as soon as the rows are counted
                for at in asking.get(query, ()):
                    interim.decided(data, at, _judged([to_make[at]], rows, found, hidden))

        with interim.as_answered(keep):
            rows, answers = table.answers(queries, examples)
        checks = _judged(to_make, rows, _by_query(queries, answers, by), hidden)
        if on_rows is not None:
            on_rows(_failing_rows(table, data, to_make, checks, most_rows, hidden, by))
        failed = any(check.outcome == "fail" for check in checks)
        return ContractReport(
            data=data,
            outcome="fail" if failed else "pass",
            rows=rows,
            checks=checks,
            data_digest=digest(),
            contract_digest=contract.digest,
        )


@contextmanager
def _opened(
    path: Path | str, name: str, dialect: CsvDialect, work: Path, memory_mb: int, by: str
) -> Iterator[tuple[Table, str, Callable[[], str]]]:
    """The table, what reports call it, and its digest."""
    if isinstance(path, str):
        there = engines.opening(path, by)
        assert there is not None
        with there.open_address(path, name) as addressed, progress.told(name, lambda: None, "counted in the server"):
            yield addressed, name, lambda: addressed.digest
        return
    source = find_source(path, name)
    with engines.engine(by).open_table(source, dialect, work, memory_mb) as table:
        yield table, source.name, digest_meanwhile(source)


def _to_make(contract: Contract, around: CheckContext) -> Iterator[ContractCheck]:
    """Every check that the contract asks for, of columns that are there: the table's shape, then each column, then the rest
    of what is about the table."""
    of_table = kinds.of_level("table")
    first_column = kinds.FIRST_OF_REST
    for kind in of_table:
        if first_column > kind.ORDER:
            yield from kind.of_table(contract, around)
    for name, asked in contract.columns.items():
        if name in around.columns:
            for kind in kinds.of_level("column"):
                yield from kind.of_column(name, asked, around)
    for kind in of_table:
        if first_column <= kind.ORDER:
            yield from kind.of_table(contract, around)


def _failing_rows(
    table: Table,
    data: str,
    made: Sequence[ContractCheck],
    checks: Sequence[CheckResult],
    most: int,
    hidden: frozenset[str],
    by: str,
) -> tuple[FailingRow, ...]:
    if not isinstance(table, PlacedTable):
        what = f"the engine {by} does not find failing rows again"
        raise InvalidInput(what, where="data.engine", fix="use the engine duckdb, or leave out failing-rows")
    broken: dict[Query, list[str]] = {}
    for item, check in zip(made, checks, strict=True):
        if item.query is not None and check.outcome == "fail":
            broken.setdefault(item.query, []).append(check.name)
    return failing_rows(table, data, broken, most, dict.fromkeys(hidden, MASK))


def _by_query(queries: Sequence[Query], answers: Sequence[Answer | None], by: str) -> dict[Query, Answer]:
    found: dict[Query, Answer] = {}
    for query, answer in zip(queries, answers, strict=True):
        if answer is None:
            what = f"the engine {by} has no answer to {type(query).__name__}, which the contract asks for"
            raise InvalidInput(what, where="data.engine", fix="use the engine duckdb, or leave that check out")
        found[query] = answer
    return found


def _judged(
    made: Sequence[ContractCheck], rows: int, answers: Mapping[Query, Answer], hidden: frozenset[str]
) -> tuple[CheckResult, ...]:
    return tuple(
        _masked(item, item.judge(answers[item.query] if item.query else Answer(rows), rows), hidden) for item in made
    )


def _masked(item: ContractCheck, check: CheckResult, hidden: frozenset[str]) -> CheckResult:
    """Without a value of a column that the contract calls sensitive."""
    if item.query is None or not hidden:
        return check
    columns = columns_of(item.query)
    if columns is not None and hidden.isdisjoint(columns):
        return check
    examples = tuple(msgspec.structs.replace(example, value=MASK) for example in check.examples)
    detail = MASK if isinstance(item.query, Newest) and check.value is not None else check.detail
    return msgspec.structs.replace(check, examples=examples, detail=detail)
