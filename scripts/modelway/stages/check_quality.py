"""check-quality: look data through for what a contract does not speak of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.data.report import DataQuality, QualityReport
from modelway.data.values import few
from modelway.errors import Refused
from modelway.report.findings import cases_of_data, of_quality
from modelway.report.quality import markdown
from modelway.stages.steps import findings
from modelway.stages.steps.quality import FutureFrom, QualityManner, looked_through


@dataclass(frozen=True, kw_only=True)
class QualityChecked(ci.Result):
    outcome: Annotated[
        Literal["pass", "warn", "fail"], Output("pass; warn where checks of severity warn are broken; fail")
    ]
    failing_checks: Annotated[
        dict[str, list[str]] | None, Output("the names of the failing checks of each data set, as a JSON object")
    ] = None
    warnings: Annotated[
        dict[str, list[str]] | None, Output("the names of the checks of each data set that warn, as a JSON object")
    ] = None
    data_digests: Annotated[dict[str, str] | None, Output("the sha256 of each data set, as a JSON object")] = None
    report: Annotated[str, Output("the path of check-quality.json")] = ""
    sarif: Annotated[str, Output("the path of check-quality.sarif, the findings for code scanning")] = ""
    quality: QualityReport
    """Every check of every data set, with its values."""


@ci.use_case
def check_quality(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    data: Annotated[
        ci.Rows | None, Input(ci.ROWS, left_out="data.train and data.test, and the one beside the other")
    ] = None,
    contract: Annotated[str | None, ci.key("data.contract")] = None,
    label: Annotated[str | None, ci.key("gate.label")] = None,
    masked: Annotated[tuple[str, ...] | None, ci.key("quality.masked")] = None,
    now: FutureFrom = None,
    examples: Annotated[int, Meta(ge=0), Input("Values shown for each broken check; 0 shows none.")] = 3,
    memory_mb: Annotated[
        int, Meta(ge=32, le=1 << 24), Input("How much memory the checks may use before they work on disk.")
    ] = 1024,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> QualityChecked:
    """Look data through for missing values, duplicates, outliers, leaks of the label, damaged text, rows shared with the
    test data.

    Inputs: CSV or Parquet data, named here or in modelway.yml (section data); what to look for (section quality).
    Outputs: the outcome, the failing checks and the warnings, the digests; the report as JSON and Markdown.
    Exit codes: 0 pass, or warnings alone; 1 a check fails; 2 wrong input, or data that cannot be read; 4 the disk is full.
    """
    manner = QualityManner(now or datetime.now(UTC), memory_mb, examples)
    found = looked_through(job, environment, ci.address_of(data), manner)
    path = job.report(found, "\n\n".join(map(markdown, found.reports)))
    fix = f"mend the data, or change `quality:` of modelway.yml; {path.with_suffix('.md')} has the values"
    return QualityChecked(
        outcome=found.outcome,
        failing_checks={part.data: [check.name for check in part.failing] for part in found.reports if part.failing},
        warnings={part.data: [check.name for check in part.warnings] for part in found.reports if part.warnings},
        data_digests={part.data: part.data_digest for part in found.reports if part.data_digest},
        report=str(path),
        sarif=str(_sarif(job, found)),
        quality=found,
        failures=(Refused(_failure(found.reports), fix=fix),) if found.outcome == "fail" else (),
    )


def _sarif(job: ci.Job, found: QualityReport) -> Path:
    """In modelway.yml; where there is none, in the data."""
    config = findings.config_document(job)
    file = job.config if config.lines else found.reports[0].data
    return findings.write(job, cases_of_data(found.reports), of_quality(found), (file,), file, config)


def _failure(reports: tuple[DataQuality, ...]) -> str:
    broken = ((part.data, [check.name for check in part.failing]) for part in reports if part.failing)
    return "; ".join(f"{data}: {few(names)}" for data, names in broken)
