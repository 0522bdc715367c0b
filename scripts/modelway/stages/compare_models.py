"""compare-models: two versions on the same held-out rows: which is better by each metric, or that nobody can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, UnsetType

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved
from modelway.config.keys import Comparison, Limit
from modelway.config.sections import kinds_of_check
from modelway.errors import InvalidInput
from modelway.records.verdict import Check
from modelway.registry.stored_records import read_candidate
from modelway.report.comparison import Answer, ComparedMetric, ModelComparison, in_words, markdown
from modelway.stages.steps import workspace

ANSWERS: dict[str, Answer] = {"pass": "better", "fail": "worse"}
"""By the outcome of `better by more than 0`."""


@dataclass(frozen=True, kw_only=True)
class ModelsCompared(ci.Result):
    better: Annotated[list[str], Output("the metrics by which the version is better than the other, as a JSON list")]
    worse: Annotated[list[str], Output("those by which it is worse")]
    undecided: Annotated[list[str], Output("those by which these rows cannot tell")]
    rows: Annotated[int, Output("how many held-out rows both were asked")]
    report: Annotated[str, Output("the path of compare-models.json")]
    comparison: ModelComparison
    """Every metric with both values, their difference and its interval."""


@ci.use_case
def compare_models(
    job: ci.Job,
    *,
    version: ci.Version,
    other: Annotated[int, Meta(ge=1), Input("The version that it is compared with.")],
    metrics: Annotated[
        tuple[str, ...],
        Input(
            "The metrics, separated by commas, as docs/metrics.md names them.",
            left_out="those of gate.limits and gate.against-production",
        ),
    ] = (),
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    tracking_uri: ci.TrackingUri = None,
    data: Annotated[str | None, ci.key("data.test")] = None,
    confidence: Annotated[float | None, ci.key("gate.confidence")] = None,
    scoring_timeout_seconds: Annotated[float | None, ci.key("gate.scoring-timeout-seconds")] = None,
    scoring_memory_mb: Annotated[int | None, ci.key("gate.scoring-memory-mb")] = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelsCompared:
    """Compare two versions of the model on the same held-out rows: which is better by each metric, or that nobody can tell.

    Inputs: modelway.yml (sections registry, data, gate), the two versions, and the flags below.
    Outputs: the metrics by which the version is better, worse, or neither for certain. Nothing is stored or changed.
    Exit codes: 0 compared; 2 wrong input; 4 the registry or the package index failed.
    """
    from modelway.gate import validate_policy
    from modelway.stages.steps.gate import verdict_on  # its imports take a second, which --help need not pay

    if version == other:
        raise InvalidInput(f"is version {version} too", where="input other", fix="name two versions")
    asked = _asking_which_is_better(workspace.resolve(job, environment), metrics)
    client = workspace.connect_registry(asked, job)
    one, two = (read_candidate(client, asked.model, number) for number in (version, other))
    if metrics:
        try:
            validate_policy(asked.gate)
        except InvalidInput as error:  # it would name a key that is not there
            raise InvalidInput(error.what, where="input metrics", fix=error.fix) from None
    verdict = verdict_on(asked, job, client, one, two)
    comparison = ModelComparison(
        model=asked.model,
        version=version,
        other=other,
        rows=verdict.rows,
        data_digest=verdict.data_digest,
        model_digest=one.digest,
        other_digest=two.digest,
        confidence=asked.gate.confidence,
        metrics=tuple(_metric(check, other) for check in verdict.checks),
        warnings=tuple(
            warning.replace("the version in production", f"version {other}") for warning in verdict.warnings
        ),
    )
    for warning in comparison.warnings:
        job.warn("compare-models", warning)
    path = job.report(comparison, markdown(comparison))
    job.say(in_words(comparison))
    return ModelsCompared(
        better=comparison.names("better"),
        worse=comparison.names("worse"),
        undecided=comparison.names("undecided"),
        rows=comparison.rows,
        report=str(path),
        comparison=comparison,
    )


def _asking_which_is_better(project: Resolved, metrics: tuple[str, ...]) -> Resolved:
    """The project with a policy that asks of each metric whether the version is better than the other one, and no more."""
    policy = project.gate
    keys = msgspec.structs.asdict(policy)
    limits, comparisons = keys["limits"], keys["against_production"]
    known = {name: _comparison(of, "smaller" if of.at_least is None else "greater") for name, of in limits.items()}
    known |= {name: _comparison(of, of.better) for name, of in comparisons.items()}
    wanted = {name: known.get(name, Comparison(better_by=0)) for name in metrics or known}
    if not wanted:
        fix = "name them in the input metrics, or set gate.limits"
        raise InvalidInput("no metric is named", where=f"{project.source}: gate.limits", fix=fix)
    bare = {kind.field: kind.default for kind in kinds_of_check()}
    asked = msgspec.structs.replace(policy, **{**bare, "against_production": wanted})
    return msgspec.structs.replace(project, gate=asked)


def _comparison(of: Limit | Comparison, better: Literal["greater", "smaller"] | UnsetType) -> Comparison:
    return Comparison(better_by=0, better=better, arguments=of.arguments, of=of.of)


def _metric(check: Check, other: int) -> ComparedMetric:
    return ComparedMetric(
        name=check.name.removesuffix(" against production"),
        answer=ANSWERS.get(check.outcome, "undecided"),
        n=check.n,
        value=check.candidate,
        other_value=check.production,
        difference=check.value,
        interval=check.interval,
        method=check.method,
        detail=check.detail.replace("in production, ", f"of version {other}: "),
    )
