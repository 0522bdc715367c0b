"""validate-data: hold the project's data against its contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from modelway import ci
from modelway.config import Resolved, required
from modelway.data import ValidationReport, combined, engines, load_contract, schemes, validate
from modelway.errors import InvalidInput
from modelway.report.validation import counts_in_words
from modelway.stages.steps import workspace


@dataclass(frozen=True)
class Manner:
    """How data is held against a contract; see modelway.data.validate."""

    now: datetime
    memory_mb: int
    examples: int
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
    asked = load_contract(job.folder / contract, contract)
    reports = []
    for name, path in paths.items():
        report = validate(
            asked, path, manner.now, name=name, memory_mb=manner.memory_mb, examples=manner.examples, by=manner.engine
        )
        job.say(f"{name}: {counts_in_words(report)}")
        reports.append(report)
    return combined(reports)
