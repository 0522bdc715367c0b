"""Show what was in each environment when, who put it there, and why: the ledger, replayed and checked.

Inputs: modelway.yml (section registry), an environment, and a moment: "what was in production last Tuesday?"
Outputs: the version, the ledger's head, and whether the chain is intact.
Exit codes: 0 shown; 1 somebody edited or deleted entries, or an alias differs; 2 wrong input; 4 the registry failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from modelway import ci
from modelway.errors import Refused
from modelway.registry.ledger import named
from modelway.report.history import lines, markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.history import history_of

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.Input("environment", "Only this environment. Left out: all of them."),
    ci.TRACKING_URI,
    ci.Input("at", "What was there at this time, such as 2026-11-17T12:00:00Z. Left out: now.", kind="time"),
    ci.Input("audit", "true: read and check every entry. Left out: those since the last checkpoint.", kind="boolean"),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "version": "the version that is, or at that time was, in the environment; empty where none is named or none was",
    "ledger-head": "the hash of the ledger's last entry",
    "intact": "true where no entry that was read was edited or deleted",
    "agrees": "true where every alias says what the ledger says",
    "report": "the path of show-history.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    project = workspace.resolve(values, job, INPUTS)
    audit = values.get("audit") == "true" or "at" in values
    history, differing = history_of(project, job, audit=audit)
    moment = datetime.fromisoformat(values["at"]) if "at" in values else datetime.now(UTC)
    for line in lines(history, project.environment):
        job.say(line)
    if project.environment:
        there = history.at(project.environment, moment)
        job.set_output("version", str(there.entry.there or "") if there else "")
        if "at" in values:
            said = f"{named(there.entry.there)}, by entry {there.number}" if there else "nothing"
            job.say(f"at {values['at']} there was {said} in {project.environment}")
    job.set_output("report", str(job.report(history.recorded, markdown(history, project.environment, differing))))
    job.set_output("ledger-head", history.head)
    job.set_output("intact", "false" if history.unaccepted else "true")
    job.set_output("agrees", "false" if differing else "true")
    if history.unaccepted:
        raise Refused(
            f"the ledger of {history.model} is not what was written: {'; '.join(history.unaccepted[:5])}",
            fix="restore it from a backup, or accept it as it is with promote-model's adopt",
        )
    if differing:
        raise Refused("; ".join(differing))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
