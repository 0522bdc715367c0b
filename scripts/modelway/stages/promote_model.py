"""promote-model: a judged version put into an environment that has no deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Count
from modelway.errors import InvalidInput
from modelway.registry.ledger import named
from modelway.report.history import markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.history import repair
from modelway.stages.steps.promote import promote


@dataclass(frozen=True, kw_only=True)
class ModelPromoted(ci.Result):
    promoted: Annotated[bool | None, Output("true where the version is in the environment now")] = None
    version: Annotated[int | None, Output("the version that is in the environment now, by this run")] = None
    previous_version: Annotated[int | None, Output("the version that was there before; empty where there was none")] = (
        None
    )
    entry: Annotated[int | None, Output("the number of the ledger's entry")] = None
    ledger_head: Annotated[str, Output("the hash of the ledger's last entry: keep it, and an audit can compare")]
    report: Annotated[str, Output("the path of promote-model.json")]


@ci.use_case
def promote_model(
    job: ci.Job,
    *,
    environment: ci.Environment,
    version: Annotated[
        Count | None, Input("The registered version to promote.", left_out="adopt or restore must be true")
    ] = None,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    data: Annotated[str | None, ci.key("data.test")] = None,
    reason: Annotated[str, Input("The reason, for the history.", left_out="passed the gate")] = "",
    adopt: Annotated[bool, Input("true: record what the alias says as right, even that it is not set.")] = False,
    restore: Annotated[bool, Input("true: set an alias that was moved by hand back to what the ledger says.")] = False,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelPromoted:
    """Put a version that passed the gate into an environment without a deployment: its alias moves, the ledger says why.

    Inputs: modelway.yml (sections registry, data, gate; the environment's overlay), and the flags below.
    Outputs: the ledger's entry. Run again after a crash, it finishes what was begun.
    Exit codes: 0 it is there; 1 refused (no passing verdict, something changed since, another came first, or an alias that
    was moved by hand); 2 wrong input; 4 the registry failed.
    """
    if (version is not None) + adopt + restore != 1:
        raise InvalidInput("give exactly one of version, adopt and restore", where="inputs", fix="name the version")
    project = workspace.resolve(job, environment)
    kind: Literal["adopt", "restore"] = "adopt" if adopt else "restore"
    if version is None:
        history, recorded = repair(project, job, kind, reason)
    else:
        history, recorded = promote(project, job, version, reason)
    report = str(job.report(history.on_chain(project.environment), markdown(history, project.environment)))
    if recorded is None:
        job.say(f"nothing to {kind}: the alias says what the ledger says")
        return ModelPromoted(ledger_head=history.head, report=report)
    entry = recorded.entry
    job.say(f"entry {recorded.number}: {entry.action} {named(entry.there)} in {entry.environment}; {history.head[:12]}")
    return ModelPromoted(
        promoted=entry.there is not None,
        version=entry.there,
        previous_version=entry.previous_version,
        entry=recorded.number,
        ledger_head=history.head,
        report=report,
    )
