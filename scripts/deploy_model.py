"""Bring a built release into an environment: a canary judged under its live traffic, or all at once; the alias moves last.

Inputs: modelway.yml (sections deploy and registry; the environment's overlay), and the flags below.
Outputs: what became of it, and the rollout's report. Run again after a crash, it goes on with what it finds.
Exit codes: 0 it is there; 1 rolled back, refused, or superseded by a rollback; 2 wrong input or configuration; 3 there is no
traffic to judge by; 4 it could not be started, or an outside system failed; 130 cancelled, traffic is on stable.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.report.rollout import markdown, record
from modelway.report.rollout_page import page
from modelway.stages.rollouts.deploy import Deployed, deploy
from modelway.stages.steps import workspace

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.ENVIRONMENT,
    ci.TRACKING_URI,
    ci.VERSION,
    ci.Input(
        "built-for", "The environment whose gate it passed and was built for. Left out: the one it is deployed to."
    ),
    ci.Input("strategy", "canary or all-at-once. Left out: modelway.yml.", key="deploy.strategy"),
    ci.Input(
        "timeout-seconds", "The evidence must be in by then. Left out: modelway.yml.", key="deploy.timeout-seconds"
    ),
    ci.Input("reason", "Why, for the history. Left out: passed the gate, and the image's digest."),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "outcome": "deployed, rolled-back or failed",
    "version": "the version that was to be deployed",
    "address": "where the environment's model answers",
    "alias-moved": "true where the registry says what runs",
    "report": "the path of deploy-model.json; deploy-model.html beside it draws the rollout",
}


def work(values: ci.Values, job: ci.Job) -> int:
    project = workspace.resolve(values, job, INPUTS)
    built_for = workspace.known_environment(values, job, "built-for")
    done = deploy(project, job, int(values["version"]), built_for, values.get("reason", ""))
    job.set_output("outcome", done.outcome)
    job.set_output("version", str(done.version))
    job.set_output("address", done.address)
    job.set_output("alias-moved", str(done.outcome == "deployed" and not done.problem).lower())
    if done.story is None:
        return 0
    job.set_output("report", str(job.report(record(done.story), markdown(done.story))))
    job.attach("html", page([done.story]))
    return _exit_code(done, job)


def _exit_code(done: Deployed, job: ci.Job) -> int:
    assert done.story is not None
    state = done.story.state
    why = "; ".join(state.reasons)
    if done.outcome == "deployed":
        if done.problem:
            said = f"it is deployed, but the alias could not be moved: {done.problem}"
            job.error("deploy-model: failed", f"{said}. Fix: then run the same command again")
        return 4 if done.problem else 0
    if done.outcome == "failed":
        job.error("deploy-model: failed", f"traffic is where it was: {why}")
        return 4
    stable = done.story.plan.stable
    job.error(
        "deploy-model: rolled back", f"traffic is on {f'version {stable.version}' if stable else 'nothing'}: {why}"
    )
    return 130 if state.reasons == ("cancelled",) else 1


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
