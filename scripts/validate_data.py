"""Hold data against its contract: columns, types, nulls, ranges, allowed values, uniqueness, row count, freshness.

Inputs: a contract (docs/data-contracts.md) and CSV or Parquet data, named here or in modelway.yml (section data).
Outputs: the outcome, the failing checks, the digests; the report as JSON and Markdown.
Exit codes: 0 pass, or skipped; 1 the data breaks the contract; 2 wrong input, or data that cannot be read; 4 the disk is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelway import ci
from modelway.errors import InvalidInput, Refused
from modelway.stages.steps import workspace

if TYPE_CHECKING:
    from modelway.data import ValidationReport

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.Input("environment", "The environment of modelway.yml whose overlay holds. Left out: none."),
    ci.Input("data", "A CSV or Parquet file, a folder of them, or a pattern. Left out: data.train and data.test."),
    ci.Input("contract", "The contract or schema.json. Left out: modelway.yml.", key="data.contract"),
    ci.Input(
        "skip-without-contract",
        "true: where no contract is set, say so and check nothing. Left out: that is an error.",
        kind="boolean",
    ),
    ci.Input(
        "now", "What freshness is measured against, such as 2026-11-21T08:30:00Z. Left out: the clock.", kind="time"
    ),
    ci.Input("examples", "Violating values shown for each check; 0 shows none. Left out: 3.", kind="integer"),
    ci.Input("memory-mb", "What the check may use before it works on disk. Left out: 1024.", kind="integer"),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "outcome": "pass or fail; skipped where there is no contract and that is allowed",
    "failing-checks": "the names of the failing checks of each data set, as a JSON object",
    "data-digests": "the sha256 of each data set, as a JSON object",
    "contract-digest": "sha256 of what the contract asks",
    "report": "the path of validate-data.json",
}

NAMES_SHOWN = 5


def work(values: ci.Values, job: ci.Job) -> int:
    from modelway.data import to_markdown  # these need DuckDB, which --help and the generated tables need not
    from modelway.stages.steps.data import Manner, validate_named, validate_project

    now = datetime.fromisoformat(values["now"]) if "now" in values else datetime.now(UTC)
    manner = Manner(now, _whole(values, "memory-mb", 1024, 32), _whole(values, "examples", 3, 0))
    data, contract = values.get("data", ""), values.get("contract", "")
    if data and contract and ci.CONFIG.name not in values and not job.config_path.exists():
        report = validate_named(contract, data, job, manner)
    else:
        project = workspace.resolve(values, job, INPUTS)
        if not project.data.contract and values.get("skip-without-contract") == "true":
            return _skipped(project.source, job)
        report = validate_project(project, data, job, manner)
    path = job.report(report, "\n\n".join(map(to_markdown, report.reports)))
    failing = {part.data: [check.name for check in part.failing] for part in report.reports if part.failing}
    job.set_output("outcome", report.outcome)
    job.set_output("failing-checks", failing)
    job.set_output("data-digests", {part.data: part.data_digest for part in report.reports})
    job.set_output("contract-digest", report.reports[0].contract_digest)
    job.set_output("report", str(path))
    if report.outcome == "fail":
        raise Refused(_failure(report), fix=f"mend the data or the contract; {path.with_suffix('.md')} has the values")
    return 0


def _skipped(source: str, job: ci.Job) -> int:
    said = f"the data was not checked: {source} sets no data.contract (docs/data-contracts.md says what one holds)"
    job.say(said)
    job.report({"outcome": "skipped", "reports": []}, f"**SKIPPED**: {said}")
    job.set_output("outcome", "skipped")
    return 0


def _failure(report: ValidationReport) -> str:
    parts = []
    for part in report.reports:
        if names := [check.name for check in part.failing]:
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            parts.append(f"{part.data} breaks its contract: {', '.join(names[:NAMES_SHOWN])}{more}")
    return "; ".join(parts)


def _whole(values: ci.Values, name: str, default: int, lowest: int) -> int:
    value = int(values.get(name, default))
    if value < lowest:
        raise InvalidInput(f"{value} is below {lowest}", where=f"input {name}", fix=f"give {lowest} or more")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
