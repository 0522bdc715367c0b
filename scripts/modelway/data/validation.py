"""A contract held against data."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from modelway.data.checks import ask, judge_shape, judge_stored
from modelway.data.contract import Contract
from modelway.data.report import ContractReport
from modelway.data.sources import digest_of_data, find_source

MEMORY_MB = 1024
EXAMPLES = 3


def validate(
    contract: Contract,
    path: Path,
    now: datetime,
    *,
    name: str = "",
    memory_mb: int = MEMORY_MB,
    examples: int = EXAMPLES,
    scratch: Path | None = None,
) -> ContractReport:
    """Every check of the contract, over the CSV or Parquet data at `path`: a file, a folder, or a pattern.

    now: with a time zone; what freshness is measured against. name: what messages and the report call the data.
    memory_mb: what the engine may use; larger work spills into `scratch` (the system's temporary folder). examples: how
    many violating values to show for each check; 0 keeps data out of the report. Data that cannot be read is
    InvalidInput; a broken contract is a report that fails.
    """
    from modelway.data.engines import duckdb as engine  # what needs only digests and contracts has no DuckDB

    source = find_source(path, name)
    with (
        tempfile.TemporaryDirectory(prefix="modelway-data-", dir=scratch) as folder,
        engine.open_table(source, contract.dialect, Path(folder), memory_mb) as table,
    ):
        columns = table.columns
        asked = ask(contract, columns, now.astimezone(UTC))
        rows, answers = table.answers([item.question for item in asked], examples)
    checks = (
        *judge_shape(contract, columns, rows),
        *judge_stored(contract, columns, rows),
        *(item.judge(answer, rows) for item, answer in zip(asked, answers, strict=True)),
    )
    failed = any(check.outcome == "fail" for check in checks)
    return ContractReport(
        data=source.name,
        outcome="fail" if failed else "pass",
        rows=rows,
        checks=checks,
        data_digest=digest_of_data(path, name),
        contract_digest=contract.digest,
    )
