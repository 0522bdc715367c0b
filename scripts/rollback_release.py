"""Bring back the version that was in an environment before: traffic first, then the alias. A running rollout is ended.

Inputs: modelway.yml (section deploy; the environment's overlay), and the flags below. Neither the registry nor the image is
needed: what the registry could not be told, the next command tells it. An environment without a deploy section is its alias:
that goes back, through the ledger.
Exit codes: 0 it is there, also where it was there already; 1 there is nothing to go back to; 2 wrong input; 4 it could not be
started, or it is there and the registry does not know it yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.config import Resolved
from modelway.report.history import markdown as history_markdown
from modelway.report.rollout import markdown, record
from modelway.stages.rollouts.rollback import roll_back
from modelway.stages.steps import workspace
from modelway.stages.steps.history import finish_alias, roll_back_alias

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.ENVIRONMENT,
    ci.TRACKING_URI,
    ci.Input("to", "The version to bring back. Left out: the one before.", kind="integer"),
    ci.Input(
        "only-unfinished",
        "true: end a rollout that is under way, and change nothing where none is. Left out: false.",
        kind="boolean",
    ),
    ci.Input("reason", "Why, for the history. Left out: rolled back, and from which version."),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "outcome": "reverted, unchanged or failed",
    "version": "the version that has the traffic now",
    "previous-version": "the version that had it, or was about to; empty where nothing was changed",
    "alias-moved": "true where the registry says what runs",
    "report": "the path of rollback-release.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    project = workspace.resolve(values, job, INPUTS)
    to = int(values["to"]) if "to" in values else None
    only = values.get("only-unfinished") == "true"
    if project.deploy is None:
        return _alias_back(project, job, to, values.get("reason", ""), only)
    done = roll_back(project, job, to, values.get("reason", ""), only_unfinished=only)
    last = done.stories[-1] if done.stories else None
    failed = last is not None and last.outcome == "failed"
    job.set_output("outcome", "failed" if failed else "reverted" if last else "unchanged")
    job.set_output("version", str(done.version or ""))
    job.set_output("previous-version", str(done.left or ""))
    job.set_output("alias-moved", str(not done.problem).lower())
    if last is not None:
        job.set_output("report", str(job.report(record(last), markdown(last))))
    if failed and last is not None:
        job.error("rollback-release: failed", f"traffic is where it was: {'; '.join(last.state.reasons)}")
    elif done.problem:
        said = f"version {done.version} has the traffic; the registry was not told: {done.problem}"
        job.error("rollback-release: failed", f"{said}. The next command tells it")
    return 4 if failed or done.problem else 0


def _alias_back(project: Resolved, job: ci.Job, to: int | None, why: str, only_unfinished: bool) -> int:
    done = finish_alias(project, job) if only_unfinished else roll_back_alias(project, job, to, why)
    job.set_output("outcome", "reverted" if done.changed else "unchanged")
    job.set_output("version", str(done.version or ""))
    job.set_output("previous-version", str(done.left or ""))
    job.set_output("alias-moved", "true")
    chain = done.history.on_chain(project.environment)
    job.set_output("report", str(job.report(chain, history_markdown(done.history, project.environment))))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
