"""rollback-group: several services that came together go back together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input, Output
from modelway.report import group as report
from modelway.stages.rollouts import group
from modelway.stages.rollouts.reasons import one_line

Reverted = Literal["reverted", "unchanged", "failed"]
OUTCOMES: dict[report.GroupOutcome, Reverted] = {
    "taken-back": "reverted",
    "unchanged": "unchanged",
    "failed": "failed",
}


@dataclass(frozen=True, kw_only=True)
class GroupRolledBack(ci.Result):
    outcome: Annotated[
        Reverted,
        Output("reverted; unchanged where nothing of the group's last deployment has traffic; failed where one stayed"),
    ]
    versions: Annotated[dict[str, int | None], Output("member -> the version that has the traffic now, as JSON")]
    report: Annotated[str, Output("the path of rollback-group.json: what became of each member")]
    members: tuple[group.MemberDone, ...] = ()


@ci.use_case
def rollback_group(
    job: ci.Job,
    *,
    environment: ci.Environment,
    file: group.NamedFile = "modelway-group.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    reason: Annotated[str, Input("The reason, for the history: one line.", left_out="the group goes back")] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> GroupRolledBack:
    """Take the last deployment of a group back, the last member first: each that came with it gives the traffic to what was
    there before. A member that was changed since stays. A deploy-group that is under way is ended.

    Inputs: the group's file, the modelway.yml of each member, and the flags below. Neither the registry nor an image is
    needed.
    Outputs: what became of each member. A second run changes nothing.
    Exit codes: 0 none of them has what came with it; 1 the group was never deployed, or a member could not go back; 2 wrong
    input.
    """
    why = one_line(reason, "reason") if reason else ""
    found = group.load(job, file, environment)
    done = group.back(found, job, why)
    became = done.report()
    return GroupRolledBack(
        outcome=OUTCOMES[done.outcome],
        versions={member.name: member.now for member in became.members},
        report=str(job.report(became, report.markdown(became, done.outcome))),
        members=done.members,
        failures=done.failures,
    )
