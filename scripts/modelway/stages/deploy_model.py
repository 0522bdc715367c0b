"""deploy-model: a release brought into an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Count
from modelway.errors import InvalidInput
from modelway.report.rollout import markdown, record
from modelway.report.rollout_page import page
from modelway.rollout.journal import Story
from modelway.stages.rollouts import deployment, failures
from modelway.stages.rollouts.deploy import deploy
from modelway.stages.rollouts.reasons import one_line
from modelway.stages.rollouts.unfinished import go_on
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class ModelDeployed(ci.Result):
    outcome: Annotated[
        Literal["deployed", "shadowed", "compared", "rolled-back", "failed", "under-way", "unchanged"],
        Output(
            "deployed, rolled-back or failed; shadowed where it was no worse as a shadow; compared at the end of an A/B;"
            " under-way where wait is false and the rollout goes on; unchanged where only-unfinished finds none"
        ),
    ]
    version: Annotated[int | None, Output("the version that was to be deployed; empty where the outcome is unchanged")]
    address: Annotated[str, Output("where the environment's model answers")]
    paused_at: Annotated[
        int | None, Output("the step, in percent, at which it waits for continue-rollout; empty where it does not")
    ]
    alias_moved: Annotated[bool, Output("true where the registry says what runs")]
    report: Annotated[str, Output("the path of deploy-model.json; deploy-model.html beside it draws the rollout")] = ""
    story: Story | None = None
    """Every observation and decision of the rollout; None where the release was there already."""


@ci.use_case
def deploy_model(
    job: ci.Job,
    *,
    environment: ci.Environment,
    version: Annotated[
        Count | None,
        Input(
            "The registered version of the model.", left_out="with only-unfinished, that of the rollout; else refused"
        ),
    ] = None,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    built_for: Annotated[
        str | None,
        Input("The environment whose gate it passed and was built for.", left_out="the one it is deployed to"),
    ] = None,
    strategy: Annotated[
        Literal["canary", "rolling", "blue-green", "shadow", "ab", "all-at-once"] | None, ci.key("deploy.strategy")
    ] = None,
    timeout_seconds: Annotated[float | None, ci.key("deploy.timeout-seconds")] = None,
    wait: Annotated[
        bool,
        Input(
            "false: do what is due and return, with outcome under-way where the rollout goes on; run it again, such as by a"
            " schedule."
        ),
    ] = True,
    only_unfinished: Annotated[
        bool,
        Input(
            "true: go on with the rollout that is under way, of whatever version, and change nothing where none is: what a"
            " schedule runs, with wait: false."
        ),
    ] = False,
    skip_analysis: Annotated[
        str,
        Input(
            "The reason, one line, for giving it all traffic at once without a comparison: what answers nothing at all is"
            " still taken back.",
            left_out="the analysis is not skipped",
        ),
    ] = "",
    reason: Annotated[
        str, Input("The reason, for the history.", left_out="passed the gate, and the image's digest")
    ] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelDeployed:
    """Bring a built release into an environment: a canary judged under its live traffic, or all at once; the alias moves last.
    As a shadow it is judged by copies of the requests, and gone again; in an A/B by those with a key.

    Inputs: modelway.yml (sections deploy and registry; the environment's overlay), and the flags below.
    Outputs: what became of it, and the rollout's report. Run again after a crash, it goes on with what it finds.
    Exit codes: 0 it is there; 1 rolled back, refused, or superseded by a rollback; 2 wrong input or configuration; 3 there is
    no traffic to judge by; 4 it could not be started, or an outside system failed; 130 cancelled, traffic is on stable.
    """
    skipped = one_line(skip_analysis, "skip-analysis") if skip_analysis else ""
    if only_unfinished:
        _check_alone(job)
    elif version is None:
        raise InvalidInput(
            "is required and was not given", where="input version", fix="give it, or only-unfinished: true"
        )
    project = workspace.resolve(job, environment)
    known = workspace.known_environment(job, built_for)
    if version is None:
        unfinished = go_on(project, job, wait=wait)
        if unfinished is None:
            address = deployment.target_of(project).address()
            return ModelDeployed(outcome="unchanged", version=None, address=address, paused_at=None, alias_moved=False)
        done = unfinished
    else:
        done = deploy(project, job, version, known, reason, wait=wait, skipped=skipped)
    if done.paused_at is not None:
        job.say(f"paused: `continue-rollout --version {done.version} --at {done.paused_at}` lets it go on")
    report = ""
    if done.story is not None:
        report = str(job.report(record(done.story), markdown(done.story)))
        job.attach("html", page([done.story]))
    return ModelDeployed(
        outcome=done.outcome or "under-way",
        version=done.version,
        address=done.address,
        paused_at=done.paused_at,
        alias_moved=done.outcome == "deployed" and not done.problem,
        report=report,
        story=done.story,
        failures=failures.of_deployment(done),
    )


def _check_alone(job: ci.Job) -> None:
    """InvalidInput where something is asked for that a rollout under way has fixed already."""
    fixed = ("version", "built-for", "strategy", "timeout-seconds", "skip-analysis", "reason")
    if given := [name for name in fixed if name in job.given]:
        raise InvalidInput(
            "is given, and only-unfinished goes on with a rollout as it was begun",
            where=f"input {given[0]}",
            fix=f"leave {' and '.join(given)} out, or only-unfinished",
        )
