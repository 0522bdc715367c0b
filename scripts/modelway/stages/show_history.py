"""show-history: what was in each environment when, by the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.errors import ModelwayError, Refused
from modelway.registry.ledger import named
from modelway.registry.ledger_history import History
from modelway.report.history import lines, markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.history import history_of


@dataclass(frozen=True, kw_only=True)
class HistoryShown(ci.Result):
    version: Annotated[
        int | None,
        Output("the version that is, or at that time was, in the environment; empty where none is named or none was"),
    ]
    ledger_head: Annotated[str, Output("the hash of the ledger's last entry")]
    intact: Annotated[bool, Output("true where no entry that was read was edited or deleted")]
    agrees: Annotated[bool, Output("true where every alias says what the ledger says")]
    report: Annotated[str, Output("the path of show-history.json")]
    history: History
    """Every entry that was read, and what follows from them."""


@ci.use_case
def show_history(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: Annotated[str | None, Input("The one environment to show.", left_out="all of them")] = None,
    tracking_uri: ci.TrackingUri = None,
    at: Annotated[
        datetime | None, Input("The time whose version is asked for, such as 2026-11-17T12:00:00Z.", left_out="now")
    ] = None,
    audit: Annotated[
        bool, Input("true: read and check every entry.", left_out="those since the last checkpoint")
    ] = False,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> HistoryShown:
    """Show what was in each environment when, who put it there, and why: the ledger, replayed and checked.

    Inputs: modelway.yml (section registry), an environment, and a moment: "what was in production last Tuesday?"
    Outputs: the version, the ledger's head, and whether the chain is intact.
    Exit codes: 0 shown; 1 somebody edited or deleted entries, or an alias differs; 2 wrong input; 4 the registry failed.
    """
    project = workspace.resolve(job, environment)
    history, differing = history_of(project, job, audit=audit or at is not None)
    for line in lines(history, project.environment):
        job.say(line)
    there = history.at(project.environment, at or datetime.now(UTC)) if project.environment else None
    if at is not None and project.environment:
        said = f"{named(there.entry.there)}, by entry {there.number}" if there else "nothing"
        job.say(f"at {at.isoformat()} there was {said} in {project.environment}")
    return HistoryShown(
        version=there.entry.there if there else None,
        ledger_head=history.head,
        intact=not history.unaccepted,
        agrees=not differing,
        report=str(job.report(history.recorded, markdown(history, project.environment, differing))),
        history=history,
        failures=_failures(history, differing),
    )


def _failures(history: History, differing: tuple[str, ...]) -> tuple[ModelwayError, ...]:
    if history.unaccepted:
        return (
            Refused(
                f"the ledger of {history.model} is not what was written: {'; '.join(history.unaccepted[:5])}",
                fix="restore it from a backup, or accept it as it is with promote-model's adopt",
            ),
        )
    return (Refused("; ".join(differing)),) if differing else ()
