"""Put a version that passed the gate into an environment without a deployment: its alias moves, the ledger says why.

Inputs: modelway.yml (sections registry, data, gate; the environment's overlay), and the flags below.
Outputs: the ledger's entry. Run again after a crash, it finishes what was begun.
Exit codes: 0 it is there; 1 refused (no passing verdict, something changed since, another came first, or an alias that
was moved by hand); 2 wrong input; 4 the registry failed.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.errors import InvalidInput
from modelway.registry.ledger import named
from modelway.report.history import markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.history import repair
from modelway.stages.steps.promote import promote

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.ENVIRONMENT,
    ci.TRACKING_URI,
    ci.Input("version", "The registered version to promote. Left out only with adopt or restore.", kind="integer"),
    ci.Input("data", "The held-out data's path. Left out: modelway.yml.", key="data.test"),
    ci.Input("reason", "Why, for the history. Left out: passed the gate."),
    ci.Input(
        "adopt", "true: record what the alias says, also that it is not set, as right. Left out: false.", kind="boolean"
    ),
    ci.Input("restore", "true: set an alias that was moved by hand back. Left out: false.", kind="boolean"),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "promoted": "true where the version is in the environment now",
    "version": "the version that is in the environment now, by this run",
    "previous-version": "the version that was there before; empty where there was none",
    "entry": "the number of the ledger's entry",
    "ledger-head": "the hash of the ledger's last entry: keep it, and an audit can compare",
    "report": "the path of promote-model.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    project = workspace.resolve(values, job, INPUTS)
    reason = values.get("reason", "")
    repairs = [kind for kind in ("adopt", "restore") if values.get(kind) == "true"]
    if len(repairs) + ("version" in values) != 1:
        raise InvalidInput("give exactly one of version, adopt and restore", where="inputs", fix="name the version")
    if repairs:
        history, recorded = repair(project, job, repairs[0], reason)
    else:
        history, recorded = promote(project, job, int(values["version"]), reason)
    job.set_output(
        "report", str(job.report(history.on_chain(project.environment), markdown(history, project.environment)))
    )
    job.set_output("ledger-head", history.head)
    if recorded is None:
        job.say(f"nothing to {repairs[0]}: the alias says what the ledger says")
        return 0
    entry = recorded.entry
    job.say(f"entry {recorded.number}: {entry.action} {named(entry.there)} in {entry.environment}; {history.head[:12]}")
    job.set_output("promoted", str(entry.there is not None).lower())
    job.set_output("version", str(entry.there or ""))
    job.set_output("previous-version", str(entry.previous_version or ""))
    job.set_output("entry", str(recorded.number))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
