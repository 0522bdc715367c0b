"""check-quality: look the project's data through, or data that the caller names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from modelway import ci, interim
from modelway.data.quality.checking import QualityAsked, check_data, check_together, refuse_unknown_columns
from modelway.data.quality.kind import TableFacts
from modelway.data.report import DataQuality, QualityReport, worst
from modelway.records import digest_of_json
from modelway.report.quality import counts_in_words
from modelway.stages.steps import workspace

FutureFrom = Annotated[
    datetime | None,
    ci.Input(
        "The time after which a date is in the future, such as 2026-11-21T08:30:00Z.", left_out="the time of the run"
    ),
]


@dataclass(frozen=True)
class QualityManner:
    """How data is looked through; see modelway.data.quality.checking."""

    now: datetime
    memory_mb: int
    examples: int


@dataclass(frozen=True)
class AskedOf:
    """What is asked of which data sets, by their names. source: what messages call who asks."""

    asked: QualityAsked
    paths: dict[str, Path]
    source: str


def looked_through(job: ci.Job, environment: str | None, data: str, manner: QualityManner) -> QualityReport:
    """Every check of the data, and of the test data beside the training data."""
    found = asked_of(job, environment, data, manner)
    reports, known = list[DataQuality](), list[TableFacts]()
    for name in found.paths:
        interim.begun(name, {})
    for name, path in found.paths.items():
        report, facts = check_data(found.asked, path, name)
        known.append(facts)
        reports.append(report)
    refuse_unknown_columns(found.asked, known, found.source)
    reports += check_together(found.asked, known, list(found.paths.values()))
    for report in reports:
        job.say(f"{report.data}: {counts_in_words(report)}")
    return QualityReport(
        outcome=worst([report.outcome for report in reports]),
        now=manner.now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        reports=tuple(reports),
        settings_digest=digest_of_json(msgspec.to_builtins(found.asked.quality)),
    )


def asked_of(job: ci.Job, environment: str | None, data: str, manner: QualityManner) -> AskedOf:
    """The data that is named, else data.train and data.test; by modelway.yml, where there is one."""
    project = workspace.project_of(job, environment, data and not environment)
    paths = workspace.data_sets(project, job, data)
    asked = QualityAsked(
        project.quality,
        workspace.contract_of(project, job),
        project.gate.label,
        manner.now,
        manner.examples,
        manner.memory_mb,
        engine=project.data.engine,
    )
    return AskedOf(asked, paths, project.source)
