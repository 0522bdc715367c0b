"""validate-data: hold the project's data against its contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from modelway import ci, interim
from modelway.config import Resolved, required
from modelway.data import ValidationReport, combined, engines, validate
from modelway.data.contract import read_contract
from modelway.data.failing_rows import FailingRow, as_csv
from modelway.files import write_whole
from modelway.report.validation import counts_in_words
from modelway.stages.steps import workspace


@dataclass(frozen=True)
class Manner:
    """How data is held against a contract; see modelway.data.validate."""

    now: datetime
    memory_mb: int
    examples: int
    failing_rows: str = ""
    """A file for the rows that break a check, below the working directory; empty: none."""
    most_rows: int = 0
    engine: str = engines.DEFAULT


def validate_project(project: Resolved, data: str, job: ci.Job, manner: Manner) -> ValidationReport:
    """The project's contract over `data`, or over the training and the test data where it is empty."""
    contract = str(required(project, "data.contract"))
    return _validate(
        contract, workspace.addressed_sets(project, job, data), job, replace(manner, engine=project.data.engine)
    )


def _validate(contract: str, paths: dict[str, Path | str], job: ci.Job, manner: Manner) -> ValidationReport:
    asked = read_contract(job.folder / contract, contract)
    if asked.not_held:
        job.warn(f"{contract}: not all of it is checked", "; ".join(asked.not_held))
    reports, rows = [], list[FailingRow]()
    for name in paths:
        interim.begun(name, {})
    for name, path in paths.items():
        report = validate(
            asked.contract,
            path,
            manner.now,
            name=name,
            memory_mb=manner.memory_mb,
            examples=manner.examples,
            by=manner.engine,
            folder=asked.folder,
            most_rows=manner.most_rows - len(rows),
            on_rows=rows.extend if manner.failing_rows else None,
        )
        job.say(f"{name}: {counts_in_words(report)}")
        reports.append(msgspec.structs.replace(report, not_held=asked.not_held))
    if manner.failing_rows:
        file = job.folder / manner.failing_rows
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, as_csv(rows).encode(), shared=True)
        job.say(f"{manner.failing_rows}: {len(rows)} failing rows{' (the first)' * (len(rows) == manner.most_rows)}")
    return combined(reports)
