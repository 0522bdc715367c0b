"""validate-data: hold data against its contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved
from modelway.data import ValidationReport
from modelway.data.contract import read_contract
from modelway.data.values import few
from modelway.errors import Refused
from modelway.report.findings import cases_of_data, of_contract
from modelway.report.validation import evidence, markdown
from modelway.stages.steps import findings, workspace
from modelway.stages.steps.data import Manner, validate_project


@dataclass(frozen=True, kw_only=True)
class DataValidated(ci.Result):
    outcome: Annotated[
        Literal["pass", "fail", "skipped"],
        Output("pass or fail; skipped where there is no contract and that is allowed"),
    ]
    failing_checks: Annotated[
        dict[str, list[str]] | None, Output("the names of the failing checks of each data set, as a JSON object")
    ] = None
    data_digests: Annotated[dict[str, str] | None, Output("the sha256 of each data set, as a JSON object")] = None
    contract_digest: Annotated[str, Output("sha256 of what the contract asks")] = ""
    report: Annotated[str, Output("the path of validate-data.json")] = ""
    sarif: Annotated[
        str, Output("the path of validate-data.sarif, the findings for code scanning; empty where nothing was checked")
    ] = ""
    validation: ValidationReport | None = None
    """Every check of every data set, with its values; None where nothing was checked."""


@ci.use_case
def validate_data(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    data: Annotated[ci.Rows | None, Input(ci.ROWS, left_out="data.train and data.test")] = None,
    contract: Annotated[str | None, ci.key("data.contract")] = None,
    skip_without_contract: Annotated[
        bool,
        Input("true: where no contract is set, say so and check nothing.", left_out="a missing contract is an error"),
    ] = False,
    now: Annotated[
        datetime | None,
        Input(
            "The time that freshness is measured against, such as 2026-11-21T08:30:00Z.", left_out="the time of the run"
        ),
    ] = None,
    examples: Annotated[int, Meta(ge=0), Input("Violating values shown for each check; 0 shows none.")] = 3,
    failing_rows: Annotated[
        str | None,
        Input("A CSV file to write the rows that break a check into, below working-directory.", left_out="none"),
    ] = None,
    most_failing_rows: Annotated[
        int, Meta(ge=1, le=100_000), Input("How many failing rows are written at most.")
    ] = 1000,
    memory_mb: Annotated[
        int, Meta(ge=32, le=1 << 24), Input("How much memory the check may use before it works on disk.")
    ] = 1024,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> DataValidated:
    """Hold data against its contract: columns, types, limits, keys, order, references, rules, groups, freshness.

    Inputs: a contract (docs/data-contracts.md) and CSV or Parquet data, named here or in modelway.yml (section data).
    Outputs: the outcome, the failing checks, the digests; the report as JSON and Markdown; failing rows as CSV.
    Exit codes: 0 pass, or skipped; 1 the data breaks the contract; 2 wrong input, or data that cannot be read; 4 the disk is
    full.
    """
    manner = Manner(now or datetime.now(UTC), memory_mb, examples, failing_rows or "", most_failing_rows)
    project = workspace.project_of(job, environment, data and contract)
    if not project.data.contract and skip_without_contract:
        return _skipped(project.source, job)
    found = validate_project(project, ci.address_of(data), job, manner)
    path = job.report(found, "\n\n".join(map(markdown, found.reports)))
    fix = f"mend the data or the contract; {path.with_suffix('.md')} has the values"
    return DataValidated(
        outcome=found.outcome,
        failing_checks={part.data: [check.name for check in part.failing] for part in found.reports if part.failing},
        data_digests={part.data: part.data_digest for part in found.reports},
        contract_digest=found.reports[0].contract_digest,
        report=str(path),
        sarif=str(_sarif(job, project, found)),
        validation=found,
        failures=(Refused(_failure(found), fix=fix),) if found.outcome == "fail" else (),
    )


def _sarif(job: ci.Job, project: Resolved, found: ValidationReport) -> Path:
    name = str(project.data.contract)
    contract = read_contract(job.folder / name, name).document
    return findings.write(
        job, cases_of_data(found.reports), of_contract(found, contract), (project.model, name), name, contract
    )


def _skipped(source: str, job: ci.Job) -> DataValidated:
    said = f"the data was not checked: {source} sets no data.contract (docs/data-contracts.md says what one holds)"
    job.say(said)
    job.report({"outcome": "skipped", "reports": []}, f"**SKIPPED**: {said}")
    return DataValidated(outcome="skipped")


def _failure(report: ValidationReport) -> str:
    broken = ((part.data, list(map(evidence, part.failing))) for part in report.reports if part.failing)
    return "; ".join(f"{data} breaks its contract: {few(checks)}" for data, checks in broken)
