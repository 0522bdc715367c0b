"""deploy-group: several services brought into an environment together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.report import group as report
from modelway.report.rollout_page import page
from modelway.stages.rollouts import group
from modelway.stages.rollouts.reasons import one_line


@dataclass(frozen=True, kw_only=True)
class GroupDeployed(ci.Result):
    outcome: Annotated[
        report.GroupOutcome,
        Output(
            "deployed; unchanged where every version was there already; taken-back where a member did not get there and the"
            " others went back; failed where one of these could not"
        ),
    ]
    versions: Annotated[dict[str, int | None], Output("member -> the version that has the traffic now, as JSON")]
    report: Annotated[
        str, Output("the path of deploy-group.json; deploy-group.html beside it draws the members' rollouts")
    ]
    members: tuple[group.MemberDone, ...] = ()


@ci.use_case
def deploy_group(
    job: ci.Job,
    *,
    environment: ci.Environment,
    versions: Annotated[
        str,
        Input(
            "NAME=VERSION for every member, one a line or between commas: the name that the file gives it, else its model's."
            " What is there already stays."
        ),
    ],
    file: group.NamedFile = "modelway-group.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    reason: Annotated[
        str, Input("The reason, for the history: one line.", left_out="passed the gate, and the image's digest")
    ] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> GroupDeployed:
    """Bring releases of several services into an environment, one after the other, each as its own strategy says; where one
    does not get there, those before it go back, the last one first. Nothing is touched before every member could begin.

    Inputs: the group's file, the modelway.yml of each member (sections deploy and registry), and the flags below.
    Outputs: what became of each member. Run again after a crash, it goes on, and takes back what the run before had brought.
    Exit codes: 0 all are there; 1 a member was taken back or refused; 2 wrong input; 3 there is no traffic to judge one by;
    4 one could not be started, or an outside system failed; 130 cancelled. Of all but 0, the members have what they had.
    """
    why = one_line(reason, "reason") if reason else ""
    found = group.load(job, file, environment)
    done = group.forward(found, group.versions_of(versions, found), job, why)
    became = done.report()
    path = job.report(became, report.markdown(became, done.outcome))
    job.attach("html", page(done.stories, title=f"{found.name} in {environment}"))
    return GroupDeployed(
        outcome=done.outcome,
        versions={member.name: member.now for member in became.members},
        report=str(path),
        members=done.members,
        failures=done.failures,
    )
