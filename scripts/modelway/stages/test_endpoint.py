"""test-endpoint: what a deployed model promises, asked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Count, Seconds, Wait
from modelway.endpoint.checks import EndpointCheckResult, Expected
from modelway.errors import InvalidInput, Refused
from modelway.report import junit
from modelway.report.endpoint import counts, markdown, record
from modelway.report.junit import JUnitCase
from modelway.stages.steps import dialect, endpoint, workspace


@dataclass(frozen=True, kw_only=True)
class EndpointTested(ci.Result):
    outcome: Annotated[Literal["pass", "fail"], Output("pass or fail")]
    passed: Annotated[int, Output("how many checks passed")]
    failed: Annotated[int, Output("how many checks failed")]
    skipped: Annotated[int, Output("how many checks had nothing to ask")]
    report: Annotated[str, Output("the path of test-endpoint.json; test-endpoint.xml beside it is JUnit's")]
    checks: tuple[EndpointCheckResult, ...]
    """What each of them saw."""


@ci.use_case
def test_endpoint(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: Annotated[
        str | None, Input("The environment of modelway.yml it runs in.", left_out="no registry is asked")
    ] = None,
    tracking_uri: ci.TrackingUri = None,
    version: Annotated[
        Count | None,
        Input("The registered version that should answer.", left_out="without environment, any may"),
    ] = None,
    built_for: endpoint.BuiltFor = None,
    url: endpoint.Url = "",
    protocol: dialect.Protocol = None,
    path: dialect.Path = "",
    body: dialect.Body = "",
    answer: dialect.Answer = "",
    digest: Annotated[
        str, Input("Without environment, the digest of the model that should answer.", left_out="any model may")
    ] = "",
    rows: Annotated[
        str | None,
        Input("Without environment, CSV, Parquet or JSON lines with rows to ask.", left_out="none are asked"),
    ] = None,
    columns: Annotated[
        tuple[str, ...], Input("The columns of rows to send, with commas between them.", left_out="all")
    ] = (),
    tolerance: Annotated[
        float, Meta(ge=0), Input("How far numbers may be apart, times the larger of 1 and the number.")
    ] = 1e-6,
    timeout_seconds: Annotated[Seconds, Input("How long each answer may take.")] = 10,
    slow_client_seconds: Annotated[
        Wait,
        Input("A body that never comes must be refused in this time.", left_out="it is not waited for"),
    ] = 0,
    endpoint_token: endpoint.Token = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> EndpointTested:
    """Test every endpoint of a deployed model: the contract, bad input, the version, and the gate's own predictions.

    Inputs: the address; with environment and version modelway.yml, the registry's Candidate and the Verdict's sample rows;
    and the flags below. $MODELWAY_ENDPOINT_TOKEN is sent as a bearer's token.
    Outputs: the outcome and the reports (JSON, Markdown, JUnit's XML).
    Exit codes: 0 every check passed or had nothing to ask; 1 one failed; 2 wrong input; 4 nothing answers there, or the
    registry failed.
    """
    address = endpoint.address_of(job, url, environment)
    asked = endpoint.endpoint_of(address, timeout_seconds, endpoint_token)
    alone = [name for name in ("digest", "rows", "columns") if name in job.given]
    if environment:
        if alone:
            raise InvalidInput("is for a test without environment", where=f"input {alone[0]}", fix="leave it out")
        if version is None:
            raise InvalidInput("is not given, and environment is", where="input version", fix="name the version")
        known = workspace.known_environment(job, built_for)
        expected = endpoint.expected_of(workspace.resolve(job, environment), job, version, known)
    elif built_for:
        raise InvalidInput("is given without environment", where="input built-for", fix="name the environment too")
    else:
        expected = Expected(version=version, digest=digest, rows=endpoint.rows_of(job, rows, columns, environment))
    expected = replace(expected, tolerance=tolerance, slow_client_seconds=slow_client_seconds)
    language = dialect.Language(protocol, path, body, answer)
    spoken, checked = endpoint.check_endpoint(asked, expected, language, job)
    return _tested(asked.url, spoken, checked, job)


def _tested(url: str, spoken: str, checked: list[EndpointCheckResult], job: ci.Job) -> EndpointTested:
    report = record(url, checked) | {"protocol": spoken}
    path = job.report(report, markdown(url, checked))
    cases = [JUnitCase(item.about, item.name, item.outcome, item.detail, item.seconds) for item in checked]
    job.attach("xml", junit.document_of({f"test-endpoint {url}": cases}))
    found = counts(checked)
    failed = [item for item in checked if item.outcome == "fail"]
    first = f": {failed[0].about} {failed[0].name}: {failed[0].detail}" if failed else ""
    failure = Refused(f"{url}: {len(failed)} of {len(checked)} checks failed{first}", title="failed")
    return EndpointTested(
        outcome=report["outcome"],
        passed=found["pass"],
        failed=found["fail"],
        skipped=found["skipped"],
        report=str(path),
        checks=tuple(checked),
        failures=() if report["outcome"] == "pass" else (failure,),
    )
