"""compare-contracts: what changed in a data contract, and whether that breaks who relies on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import required
from modelway.data.contract import read_contract
from modelway.data.contract_changes import ContractChange, contract_changes, worst
from modelway.data.values import few
from modelway.errors import Refused
from modelway.report.contract_changes import changes_markdown, counted_changes
from modelway.stages.steps import workspace


class ContractComparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The record of compare-contracts."""

    schema: str = "modelway/contract-comparison/1"
    outcome: Literal["same", "compatible", "breaking"]
    earlier: str
    contract: str
    earlier_digest: str
    contract_digest: str
    changes: tuple[ContractChange, ...]


@dataclass(frozen=True, kw_only=True)
class ContractsCompared(ci.Result):
    outcome: Annotated[
        Literal["same", "compatible", "breaking"],
        Output("breaking where data that keeps the contract may break the earlier one; same, or compatible, where not"),
    ]
    breaking_changes: Annotated[tuple[str, ...], Output("the keys whose change is breaking, as a JSON list")] = ()
    report: Annotated[str, Output("the path of compare-contracts.json")] = ""
    comparison: ContractComparison | None = None
    """Every change, with what it is and why."""


@ci.use_case
def compare_contracts(
    job: ci.Job,
    *,
    earlier: Annotated[str, Input("The contract as it was, such as main's: a file of any form.")],
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    contract: Annotated[str | None, ci.key("data.contract")] = None,
    breaking: Annotated[
        Literal["refuse", "report"], Input("refuse: a breaking change is a refusal; report: it is only told.")
    ] = "refuse",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ContractsCompared:
    """Compare a data contract with an earlier one, and refuse changes that break who relies on it.

    Inputs: two contracts, of any form (docs/contract-formats.md).
    Outputs: the outcome, the breaking changes; each change as JSON and Markdown.
    Exit codes: 0 the same or compatible; 1 breaking, and refused; 2 wrong input.
    """
    name = str(required(workspace.project_of(job, environment, contract), "data.contract"))
    old, new = read_contract(job.folder / earlier, earlier), read_contract(job.folder / name, name)
    found = contract_changes(old.contract, new.contract)
    record = ContractComparison(
        outcome=worst(found),
        earlier=earlier,
        contract=name,
        earlier_digest=old.contract.digest,
        contract_digest=new.contract.digest,
        changes=found,
    )
    job.say(f"{name}, since {earlier}: {counted_changes(found)}")
    path = job.report(record, changes_markdown(earlier, name, found))
    broken = tuple(change.where for change in found if change.effect == "breaking")
    refusal = Refused(
        f"{name} breaks who relies on {earlier}: {few(broken)}",
        fix=f"keep the earlier promise, or tell its readers and say `breaking: report`; {path.with_suffix('.md')} has each",
    )
    return ContractsCompared(
        outcome=record.outcome,
        breaking_changes=broken,
        report=str(path),
        comparison=record,
        failures=(refusal,) if broken and breaking == "refuse" else (),
    )
