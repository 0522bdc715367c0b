"""Test every endpoint of a deployed model: the contract, bad input, the version, and the gate's own predictions.

Inputs: the address; with environment and version modelway.yml, the registry's Candidate and the Verdict's sample rows; and
the flags below. $MODELWAY_ENDPOINT_TOKEN is sent as a bearer's token.
Outputs: the outcome and the reports (JSON, Markdown, JUnit's XML).
Exit codes: 0 every check passed or had nothing to ask; 1 one failed; 2 wrong input; 4 nothing answers there, or the registry
failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelway import ci
from modelway.endpoint.checks import Expected
from modelway.errors import InvalidInput
from modelway.report.endpoint import counts, junit, markdown, record
from modelway.stages.steps import dialect, workspace
from modelway.stages.steps import endpoint as stage

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.Input("environment", "The environment of modelway.yml it runs in. Left out: no registry is asked."),
    ci.TRACKING_URI,
    ci.Input(
        "version", "The registered version that should answer. Left out: any may, without environment.", kind="integer"
    ),
    ci.Input("built-for", "The environment whose Verdict counts. Left out: environment."),
    ci.Input("url", "The server's address, such as http://127.0.0.1:8080. Left out: the environment's own."),
    *dialect.INPUTS,
    ci.Input("digest", "Without environment, the digest of the model that should answer. Left out: any may."),
    ci.Input("rows", "Without environment, CSV, Parquet or JSON lines with rows to ask. Left out: none are asked."),
    ci.Input("columns", "The columns of rows to send, with commas between them. Left out: all."),
    ci.Input(
        "tolerance",
        "How far numbers may be apart, times the larger of 1 and the number. Left out: 0.000001.",
        kind="number",
    ),
    ci.Input("timeout-seconds", "For each answer. Left out: 10.", kind="number"),
    ci.Input(
        "slow-client-seconds",
        "A body that never comes must be refused in this time. Left out: it is not waited for.",
        kind="number",
    ),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "outcome": "pass or fail",
    "passed": "how many checks passed",
    "failed": "how many checks failed",
    "skipped": "how many checks had nothing to ask",
    "report": "the path of test-endpoint.json; test-endpoint.xml beside it is JUnit's",
}


def work(values: ci.Values, job: ci.Job) -> int:
    endpoint = stage.endpoint_of(
        stage.address_of(values, job, INPUTS), stage.positive(values, "timeout-seconds", 10), job.environ
    )
    expected = replace(
        _expected(values, job),
        tolerance=stage.not_negative(values, "tolerance", 1e-6),
        slow_client_seconds=stage.not_negative(values, "slow-client-seconds", 0),
    )
    protocol, checked = stage.check_endpoint(endpoint, expected, values, job)
    report = record(endpoint.url, checked) | {"protocol": protocol}
    job.set_output("outcome", report["outcome"])
    found = counts(checked)
    job.set_output("passed", str(found["pass"]))
    job.set_output("failed", str(found["fail"]))
    job.set_output("skipped", str(found["skipped"]))
    job.set_output("report", str(job.report(report, markdown(endpoint.url, checked))))
    job.attach("xml", junit(endpoint.url, checked))
    failed = [item for item in checked if item.outcome == "fail"]
    if report["outcome"] == "pass":
        return 0
    first = f": {failed[0].about} {failed[0].name}: {failed[0].detail}" if failed else ""
    job.error("test-endpoint: failed", f"{endpoint.url}: {len(failed)} of {len(checked)} checks failed{first}")
    return 1


def _expected(values: ci.Values, job: ci.Job) -> Expected:
    """From the registry, or from the inputs alone."""
    alone = [name for name in ("digest", "rows", "columns") if name in values]
    if "environment" in values:
        if alone:
            raise InvalidInput("is for a test without environment", where=f"input {alone[0]}", fix="leave it out")
        if "version" not in values:
            raise InvalidInput("is not given, and environment is", where="input version", fix="name the version")
        project = workspace.resolve(values, job, INPUTS)
        return stage.expected_of(
            project, job, int(values["version"]), workspace.known_environment(values, job, "built-for")
        )
    if "built-for" in values:
        raise InvalidInput("is given without environment", where="input built-for", fix="name the environment too")
    version = int(values["version"]) if "version" in values else None
    return Expected(version=version, digest=values.get("digest", ""), rows=stage.rows_of(values, job, INPUTS))


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
