"""validate-data: hold the project's data against its contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from modelway import ci
from modelway.config import Resolved, required
from modelway.data import ValidationReport, combined, engines, schemes, validate
from modelway.data.contract import read_contract
from modelway.data.failing_rows import FailingRow, as_csv
from modelway.errors import InvalidInput
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


def validate_named(contract: str, data: str, job: ci.Job, manner: Manner) -> ValidationReport:
    """One data set and one contract, both named by the caller: no modelway.yml is needed."""
    path = schemes.path_of(data, job.folder, "input data", job.say)
    return _validate(contract, {schemes.name_of(data): path}, job, manner)


def validate_project(project: Resolved, data: str, job: ci.Job, manner: Manner) -> ValidationReport:
    """The project's contract over `data`, or over the training and the test data where it is empty."""
    contract = str(required(project, "data.contract"))
    named = {"data.train": project.data.train, "data.test": project.data.test}
    if not data and not any(named.values()):
        raise InvalidInput(
            "neither data.train nor data.test is set", where=project.source, fix="set one, or the input data"
        )
    workspace.fetch_data(project, job)
    manner = replace(manner, engine=project.data.engine)
    if data:
        return validate_named(contract, data, job, manner)
    paths = {schemes.name_of(value): workspace.data_path(project, job, key) for key, value in named.items() if value}
    return _validate(contract, paths, job, manner)


def _validate(contract: str, paths: dict[str, Path], job: ci.Job, manner: Manner) -> ValidationReport:
    asked = read_contract(job.folder / contract, contract)
    if asked.not_held:
        job.warn(f"{contract}: not all of it is checked", "; ".join(asked.not_held))
    reports, rows = [], list[FailingRow]()
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
