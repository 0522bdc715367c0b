"""Judge a registered version for one environment: pass, fail or inconclusive, against its limits and production.

Inputs: modelway.yml (sections registry, data, gate; the environment's overlay), and the flags below.
Outputs: the outcome and where the Verdict is. A pass sets the candidate alias; no environment changes.
Exit codes: 0 pass; 1 fail; 2 wrong input; 3 inconclusive; 4 the registry or the package index failed.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.errors import Inconclusive, Refused
from modelway.records import Verdict
from modelway.stages.steps import workspace

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.ENVIRONMENT,
    ci.TRACKING_URI,
    ci.VERSION,
    ci.Input("data", "The held-out data's path. Left out: modelway.yml.", key="data.test"),
    ci.Input(
        "confidence", "Of every interval, such as 0.95. Left out: modelway.yml.", key="gate.confidence", kind="number"
    ),
    ci.Input(
        "scoring-timeout-seconds",
        "How long a model may take to score. Left out: 600.",
        key="gate.scoring-timeout-seconds",
        kind="number",
    ),
    ci.Input(
        "scoring-memory-mb", "What a model may allocate. Left out: 4096.", key="gate.scoring-memory-mb", kind="integer"
    ),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "outcome": "pass, fail or inconclusive",
    "version": "the version that was judged",
    "production-version": "the version it was compared with; empty where none is in production",
    "failing-checks": "the names of the checks that failed, as a JSON list",
    "inconclusive-checks": "the names of the checks that are inconclusive, as a JSON list",
    "model-digest": "the digest of the model that the verdict holds for",
    "data-digest": "the digest of the held-out data",
    "policy-digest": "the digest of the policy",
    "report": "the path of evaluate-gate.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    from modelway.report.verdict import markdown, sentence
    from modelway.stages.steps.gate import evaluate  # its imports take a second, which --help need not pay

    verdict = evaluate(workspace.resolve(values, job, INPUTS), job, int(values["version"]))
    path = job.report(verdict, markdown(verdict))
    for warning in verdict.warnings:
        job.warn("evaluate-gate", warning)
    for name, value in outputs_of(verdict, str(path)).items():
        job.set_output(name, value)
    job.say(sentence(verdict))
    if verdict.outcome == "fail":
        raise Refused(sentence(verdict), where=f"version {verdict.version}")
    if verdict.outcome == "inconclusive":
        raise Inconclusive(
            sentence(verdict),
            where=f"version {verdict.version}",
            fix="judge on more rows, or say what gate.inconclusive means",
        )
    return 0


def outputs_of(verdict: Verdict, report: str) -> dict[str, object]:
    named = {
        kind: [check.name for check in verdict.checks if check.outcome == kind] for kind in ("fail", "inconclusive")
    }
    return {
        "outcome": verdict.outcome,
        "version": str(verdict.version),
        "production-version": str(verdict.production_version or ""),
        "failing-checks": named["fail"],
        "inconclusive-checks": named["inconclusive"],
        "model-digest": verdict.model_digest,
        "data-digest": verdict.data_digest,
        "policy-digest": verdict.policy_digest,
        "report": report,
    }


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
