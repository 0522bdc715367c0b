"""judge-plan: what an analysis of Flagger or Argo Rollouts does at a service's traffic, beside ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Deploy
from modelway.config.keys import YEAR
from modelway.errors import InvalidInput
from modelway.peers import reading
from modelway.peers.argo import ArgoAnalysis
from modelway.peers.queried import Assumed
from modelway.peers.record import JudgedAt, JudgedPlan
from modelway.peers.simulation import BothErrors, PeerAnalysis, Service, both_errors, fate_of, our_fate, our_numbers
from modelway.report.judged_plan import markdown, sentence
from modelway.stages.steps import workspace
from modelway.stages.steps.measured_traffic import measured_traffic

SEED = 1
TIMES_WORSE = 4
Share = Annotated[float, Meta(ge=0, lt=100)]
DaySeconds = Annotated[int, Meta(ge=1, le=86_400)]


@dataclass(frozen=True, kw_only=True)
class PlanJudged(ci.Result):
    sentence: Annotated[str, Output("both errors of the analysis, and of ours, in one line")]
    healthy_taken_back_percent: Annotated[float, Output("how often the analysis takes a healthy release back")]
    bad_taken_back_percent: Annotated[float, Output("how often it takes a bad one back")]
    our_healthy_taken_back_percent: Annotated[float | None, Output("the same of ours; empty where it refuses the plan")]
    our_bad_taken_back_percent: Annotated[float | None, Output("the same of ours; empty where it refuses the plan")]
    notes: Annotated[tuple[str, ...], Output("JSON: what of the manifests was left out or assumed, a line each")]
    report: Annotated[str, Output("the path of judge-plan.json")]
    judged: JudgedPlan
    """The analysis as it was read, and all figures with their intervals."""


@ci.use_case
def judge_plan(
    job: ci.Job,
    *,
    manifests: Annotated[
        tuple[str, ...],
        Meta(min_length=1),
        Input(
            "Files below working-directory, with commas between them: a Canary of Flagger, or a Rollout of Argo with its "
            "AnalysisTemplates."
        ),
    ],
    requests_per_second: Annotated[
        Annotated[float, Meta(gt=0, le=1e6)] | None,
        Input("What comes to both releases together.", left_out="what requests-query says"),
    ] = None,
    error_percent: Annotated[
        Share | None, Input("The percentage of stable's requests that fail.", left_out="what errors-query says")
    ] = None,
    prometheus_url: Annotated[
        str, Input("The URL of a Prometheus that has counted the requests.", left_out="none is asked")
    ] = "",
    requests_query: Annotated[
        str,
        Input(
            "A query for the requests per second of both releases together, one series, such as"
            ' sum(rate(http_requests_total{service="shop"}[5m])). It is judged at the median, the least and the most.',
            left_out="requests-per-second must be given",
        ),
    ] = "",
    errors_query: Annotated[
        str, Input("A query for those of them that fail, also per second.", left_out="error-percent must be given")
    ] = "",
    range_seconds: Annotated[
        int, Meta(ge=600, le=YEAR), Input("How far back the queries go: 604800 are a week.")
    ] = 604_800,
    prometheus_token: Annotated[
        str, Input("The bearer token that is sent to Prometheus.", left_out="none is sent", secret=True)
    ] = "",
    worse_error_percent: Annotated[
        Share | None, Input("The same of a bad release.", left_out="four times error-percent")
    ] = None,
    slow_percent: Annotated[
        Share | None,
        Input(
            "The percentage of requests, of either release, that take longer than the limit of the analysis.",
            left_out="its metrics of times are left out",
        ),
    ] = None,
    counted: Annotated[
        Literal["canary", "both"],
        Input(
            "Whose requests its queries count: those of the canary, or of a service that both releases stand behind."
        ),
    ] = "canary",
    scrape_seconds: Annotated[
        DaySeconds, Input("Between two scrapes of Prometheus, which is what irate looks at.")
    ] = 15,
    weight_percent: Annotated[
        float, Meta(gt=0, le=100), Input("The canary's share, for AnalysisTemplates without a Rollout.")
    ] = 10,
    duration_seconds: Annotated[DaySeconds, Input("How long such an analysis runs that has no count.")] = 3600,
    pause_seconds: Annotated[
        DaySeconds | None, Input("How long a pause lasts that a person ends.", left_out="such a pause is refused")
    ] = None,
    rollouts: Annotated[
        int, Meta(ge=10, le=100_000), Input("How many healthy and how many bad releases are drawn.")
    ] = 400,
    environment: ci.Overlay = None,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> PlanJudged:
    """Say how often an analysis of Flagger or Argo Rollouts is wrong at your traffic, both ways, beside ours.

    Inputs: the manifests, and modelway.yml (section deploy; without the file, the defaults). Outputs: how often a healthy
    release is taken back, how often one with four times the errors is, and when. Every rule is carried out as its own code has
    it, on simulated requests; nothing of the manifests is run, and no cluster is asked.
    Exit codes: 0 done; 2 wrong input, or a manifest that cannot be judged; 4 Prometheus failed.
    """
    measured = measured_traffic(job, prometheus_url, prometheus_token, requests_query, errors_query, range_seconds)
    rate, share = (measured.median, measured.error_percent) if measured else (None, None)
    requests_per_second = _one_of("requests-per-second", requests_per_second, "requests-query", rate)
    error_percent = _one_of("error-percent", error_percent, "errors-query", share)
    worse = TIMES_WORSE * error_percent if worse_error_percent is None else worse_error_percent
    if not error_percent < worse < 100:
        raise InvalidInput(
            f"a bad release would have {worse:g} % errors where stable has {error_percent:g} %",
            where="input worse-error-percent",
            fix="give one above error-percent and below 100",
        )
    assumed = Assumed(
        scrape_seconds=scrape_seconds,
        slow_known=slow_percent is not None,
        weight=weight_percent / 100,
        lasts_seconds=duration_seconds,
        pause_seconds=pause_seconds,
    )
    analysis, notes = reading.read([(" ".join(name.split())[:200], job.folder / name) for name in manifests], assumed)
    if isinstance(analysis, ArgoAnalysis) and counted == "canary":
        notes += (
            "its queries are taken to count the canary's requests alone; where they count both releases', say counted: both",
        )
    deploy, said = _deploy(job, environment)
    service = Service(
        requests_per_second=requests_per_second,
        stable_errors=error_percent / 100,
        canary_errors=worse / 100,
        slow=(slow_percent or 0.0) / 100,
        both_counted=counted == "both",
    )
    for note in notes:
        job.warn("judge-plan", note)
    job.say(f"drawing {rollouts} healthy and {rollouts} bad releases for each")
    rates = measured.rates if measured else (requests_per_second,)
    services = [replace(service, requests_per_second=rate) for rate in rates]
    first, *others = [_at(analysis, deploy, one, rollouts) for one in services]
    judged = JudgedPlan(
        name=analysis.name,
        analysis=analysis,
        requests_per_second=requests_per_second,
        error_percent=error_percent,
        worse_error_percent=worse,
        slow_percent=slow_percent,
        seed=SEED,
        theirs=first.theirs,
        ours=first.ours,
        our_refusal=first.our_refusal,
        our_steps=deploy.steps,
        measured=measured,
        at_other_rates=tuple(others),
        notes=(*notes, *said),
    )
    line = sentence(judged)
    job.say(line)
    return PlanJudged(
        sentence=line,
        healthy_taken_back_percent=_taken_back(judged.theirs)[0],
        bad_taken_back_percent=_taken_back(judged.theirs)[1],
        our_healthy_taken_back_percent=_taken_back(judged.ours)[0] if judged.ours else None,
        our_bad_taken_back_percent=_taken_back(judged.ours)[1] if judged.ours else None,
        notes=judged.notes,
        report=str(job.report(judged, markdown(judged))),
        judged=judged,
    )


def _one_of(name: str, given: float | None, query: str, measured: float | None) -> float:
    """The one of the two that there is; InvalidInput where there are both, or none."""
    if given is not None and measured is not None:
        raise InvalidInput(f"given together with {query}", where=f"input {name}", fix="give one of the two")
    value = measured if given is None else given
    if value is None:
        raise InvalidInput("is required and was not given", where=f"input {name}", fix=f"give it, or {query}")
    return value


def _at(analysis: PeerAnalysis, deploy: Deploy, service: Service, rollouts: int) -> JudgedAt:
    refusal = our_numbers(deploy, service).refusal
    return JudgedAt(
        requests_per_second=service.requests_per_second,
        theirs=both_errors(partial(fate_of, analysis), service, rollouts, (SEED,)),
        ours=None if refusal else both_errors(partial(our_fate, deploy), service, rollouts, (SEED,)),
        our_refusal=refusal,
    )


def _deploy(job: ci.Job, environment: str | None) -> tuple[Deploy, tuple[str, ...]]:
    """The section that holds, and what is assumed where there is none."""
    if not workspace.has_file(job) and not environment:
        return Deploy(), (f"ours has the defaults of modelway.yml's deploy section: there is no {job.config}",)
    deploy = workspace.resolve(job, environment).deploy
    if deploy is None:
        place = f" for {environment}" if environment else "; an environment's own is named by environment"
        return Deploy(), (f"ours has the defaults of the deploy section: {job.config} has none{place}",)
    if deploy.strategy != "canary":
        raise InvalidInput(
            f"is {deploy.strategy}, which has no canary to compare with",
            where=f"{job.config}: deploy.strategy",
            fix="name by environment one whose strategy is canary",
        )
    return deploy, ()


def _taken_back(errors: BothErrors) -> tuple[float, float]:
    return errors.healthy.taken_back.percent, errors.bad.taken_back.percent
