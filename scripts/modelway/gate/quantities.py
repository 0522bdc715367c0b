"""What a limit can be of, by its name: our own metrics with their closed forms first, then what a model costs, then any metric
of scikit-learn or fairlearn."""

from __future__ import annotations

from typing import Protocol

from msgspec import UNSET

from modelway.config.keys import Comparison, Limit, Policy
from modelway.errors import InvalidInput
from modelway.gate import disparities, library, metrics, resources
from modelway.gate.estimate import Estimate
from modelway.gate.kind import Case, Measurable


class Quantity(Measurable, Protocol):
    """Measured of one model, and compared between two."""

    def measure(self, case: Case) -> Estimate:
        """The candidate's value."""

    def compare(self, case: Case) -> Estimate:
        """The candidate's value minus production's, on the same rows."""


def resolve(policy: Policy, name: str, asked: Limit | Comparison, where: str, *, costs: bool = True) -> Quantity:
    """The quantity of this name, with the arguments that the limit gives it. InvalidInput where there is none, or none that
    fits the policy's task. costs: what a model costs may stand here."""
    plain = asked.arguments is UNSET and asked.of is UNSET
    own = metrics.find(policy.task, name)
    if own is not None and plain:
        return own if policy.sample_weight is UNSET else library.weighted(policy, name, own, where)
    if name in resources.COSTS:
        if not costs:
            raise InvalidInput(f"{name} has no value per slice", where=where, fix="move it to gate.limits")
        if not plain:
            raise InvalidInput(f"{name} takes no arguments", where=where, fix="leave out `with` and `of`")
        return resources.COSTS[name]
    found = library.find(policy, name, asked, where)
    if found is not None:
        return found
    if own is not None:
        raise InvalidInput(f"{name[:100]} takes no arguments", where=where[:200], fix="leave out `with` and `of`")
    raise _unknown(policy.task, name, where, [*metrics.TASKS[policy.task], *(resources.COSTS if costs else ())])


def _unknown(task: str, name: str, where: str, known: list[str]) -> InvalidInput:
    where = where[:200]
    tasks = [other for other in metrics.TASKS if name in metrics.TASKS[other] or name in disparities.of_task(other)]
    if tasks and task not in tasks:
        also = (
            f"; of one class write `{name} of CLASS`" if task == "multiclass" and name in metrics.OF_ONE_CLASS else ""
        )
        said = library.hint(name)
        return InvalidInput(
            f"{name} does not fit the task {task}",
            where=where,
            fix=f"it is for {' and '.join(tasks)}{also}{said}; choose from {', '.join(known)}",
        )
    if any(name in disparities.of_task(task) for task in tasks) or library.compares_groups(name):
        return InvalidInput(f"{name} compares groups", where=where, fix="move it to gate.fairness.limits")
    if reason := library.no_single_number(name):
        return InvalidInput(reason, where=where, fix=f"choose from {', '.join(known)}")
    return InvalidInput(f"unknown metric {name[:80]!r}", where=where, fix=library.nearest(name, known))
