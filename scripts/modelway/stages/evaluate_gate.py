"""evaluate-gate: a registered version judged for one environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Output
from modelway.errors import Inconclusive, ModelwayError, Refused
from modelway.records import Verdict
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class GateEvaluated(ci.Result):
    outcome: Annotated[Literal["pass", "fail", "inconclusive"], Output("pass, fail or inconclusive")]
    version: Annotated[int, Output("the version that was judged")]
    production_version: Annotated[
        int | None, Output("the version it was compared with; empty where none is in production")
    ]
    failing_checks: Annotated[list[str], Output("the names of the checks that failed, as a JSON list")]
    inconclusive_checks: Annotated[list[str], Output("the names of the checks that are inconclusive, as a JSON list")]
    model_digest: Annotated[str, Output("the digest of the model that the verdict holds for")]
    data_digest: Annotated[str, Output("the digest of the held-out data")]
    policy_digest: Annotated[str, Output("the digest of the policy")]
    report: Annotated[str, Output("the path of evaluate-gate.json")]
    sarif: Annotated[str, Output("the path of evaluate-gate.sarif, the findings for code scanning")]
    verdict: Verdict
    """The whole record: every check with n, value, interval and threshold."""


@ci.use_case
def evaluate_gate(
    job: ci.Job,
    *,
    environment: ci.Environment,
    version: ci.Version,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    data: Annotated[str | None, ci.key("data.test")] = None,
    confidence: Annotated[float | None, ci.key("gate.confidence")] = None,
    scoring_timeout_seconds: Annotated[float | None, ci.key("gate.scoring-timeout-seconds")] = None,
    scoring_memory_mb: Annotated[int | None, ci.key("gate.scoring-memory-mb")] = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> GateEvaluated:
    """Judge a registered version for one environment: pass, fail or inconclusive, against its limits and production.

    Inputs: modelway.yml (sections registry, data, gate; the environment's overlay), and the flags below.
    Outputs: the outcome and where the Verdict is. A pass sets the candidate alias; no environment changes.
    Exit codes: 0 pass; 1 fail; 2 wrong input; 3 inconclusive; 4 the registry or the package index failed.
    """
    from modelway.report.findings import cases_of_gate, of_gate
    from modelway.report.verdict import markdown, sentence
    from modelway.stages.steps import findings
    from modelway.stages.steps.gate import evaluate  # its imports take a second, which --help need not pay

    verdict = evaluate(workspace.resolve(job, environment), job, version)
    path = job.report(verdict, markdown(verdict))
    config_lines = findings.config_document(job)
    about = (verdict.model, verdict.environment)
    sarif = findings.write(job, cases_of_gate(verdict), of_gate(verdict, config_lines), about, job.config, config_lines)
    for warning in verdict.warnings:
        job.warn("evaluate-gate", warning)
    job.say(sentence(verdict))
    return GateEvaluated(
        outcome=verdict.outcome,
        version=verdict.version,
        production_version=verdict.production_version,
        failing_checks=[check.name for check in verdict.checks if check.outcome == "fail"],
        inconclusive_checks=[check.name for check in verdict.checks if check.outcome == "inconclusive"],
        model_digest=verdict.model_digest,
        data_digest=verdict.data_digest,
        policy_digest=verdict.policy_digest,
        report=str(path),
        sarif=str(sarif),
        verdict=verdict,
        failures=_failures(verdict, sentence(verdict)),
    )


def _failures(verdict: Verdict, said: str) -> tuple[ModelwayError, ...]:
    where = f"version {verdict.version}"
    if verdict.outcome == "fail":
        return (Refused(said, where=where),)
    if verdict.outcome == "inconclusive":
        return (Inconclusive(said, where=where, fix="judge on more rows, or say what gate.inconclusive means"),)
    return ()
