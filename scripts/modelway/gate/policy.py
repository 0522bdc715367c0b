"""Whether a policy can be judged at all: every mistake is an InvalidInput that names its key."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable

from modelway.config.sections import Comparison, Gate, Limit
from modelway.errors import InvalidInput
from modelway.gate import group_checks, metrics, resources


def validate_policy(policy: Gate, *, first_version: bool = False) -> None:
    """Raises InvalidInput for an unknown metric, one that does not fit the task, a limit that cannot be broken or has
    no single bound, and a policy that judges nothing (first_version: nothing is in production to compare with)."""
    if not math.isfinite(policy.decision_threshold):
        raise InvalidInput("is not a finite number", where="gate.decision-threshold", fix="write a number such as 0.5")
    scales = {name: (metric.worst, metric.best) for name, metric in metrics.TASKS[policy.task].items()}
    costs = dict.fromkeys(resources.NAMES, (math.inf, 0.0))
    for name, limit in policy.limits.items():
        where = f"gate.limits.{name}"
        _limit(limit, _scale(name, scales | costs, where, policy.task), where)
    for name, comparison in policy.against_production.items():
        where = f"gate.against-production.{name}"
        _comparison(comparison, _scale(name, scales | costs, where, policy.task), where)
    for name, limit in policy.slices.limits.items():
        where = f"gate.slices.limits.{name}"
        _limit(limit, _scale(name, scales, where, policy.task), where)
    for name, limit in policy.fairness.limits.items():
        where = f"gate.fairness.limits.{name}"
        _limit(limit, _scale(name, _fairness_scales(policy, where), where, policy.task), where)
    for section, part in (("slices", policy.slices), ("fairness", policy.fairness)):
        _both("gate." + section, part.columns, part.limits)
    _judges_something(policy, first_version)


def _fairness_scales(policy: Gate, where: str) -> dict[str, tuple[float, float]]:
    known = group_checks.of_task(policy.task)
    if not known:
        raise InvalidInput(
            f"fairness metrics are for binary and regression tasks, this one is {policy.task}",
            where=where,
            fix="judge the groups by slices instead, such as `recall_score of CLASS`",
        )
    worst = math.inf if policy.task == "regression" else 1.0
    return {name: (0.0, 1.0) if metric.greater_is_better else (worst, 0.0) for name, metric in known.items()}


def _scale(name: str, known: dict[str, tuple[float, float]], where: str, task: str) -> tuple[float, float]:
    if name in known:
        return known[name]
    of_class = metrics.find(task, name)
    if of_class is not None and of_class.of is not None:
        return of_class.worst, of_class.best
    tasks = [other for other in metrics.TASKS if name in metrics.TASKS[other] or name in group_checks.of_task(other)]
    if tasks and task not in tasks:
        also = (
            f"; of one class write `{name} of CLASS`" if task == "multiclass" and name in metrics.OF_ONE_CLASS else ""
        )
        raise InvalidInput(
            f"{name} does not fit the task {task}",
            where=where,
            fix=f"it is for {' and '.join(tasks)}{also}; choose from {', '.join(known)}",
        )
    if name in resources.NAMES:
        raise InvalidInput(f"{name} has no value per slice", where=where, fix="move it to gate.limits")
    if any(name in group_checks.of_task(task) for task in tasks):
        raise InvalidInput(f"{name} compares groups", where=where, fix="move it to gate.fairness.limits")
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    fix = f"did you mean {close[0]}" if close else f"choose from {', '.join(known)}"
    raise InvalidInput(f"unknown metric {name[:80]!r}", where=where[:200], fix=fix)


def _limit(limit: Limit, scale: tuple[float, float], where: str) -> None:
    bound = _one(where, {"at-least": limit.at_least, "at-most": limit.at_most})
    worst, best = scale
    if (limit.at_least is not None) != (best > worst):
        better, key = ("greater", "at-least") if best > worst else ("smaller", "at-most")
        raise InvalidInput(f"{better} is better here, so the limit has to be {key}", where=where, fix=f"write {key}")
    low, high = min(scale), max(scale)
    if not low <= bound <= high:
        raise InvalidInput(f"{bound:g} is not between {low:g} and {high:g}", where=where, fix="write one that is")
    if bound == worst:
        raise InvalidInput(f"{bound:g} is the worst there is, every model keeps it", where=where, fix="write a limit")


def _comparison(comparison: Comparison, scale: tuple[float, float], where: str) -> None:
    bound = _one(where, {"better-by": comparison.better_by, "not-worse-by": comparison.not_worse_by})
    width = abs(scale[1] - scale[0])
    if bound >= width:
        raise InvalidInput(
            f"{bound:g} is as wide as the whole scale ({width:g})", where=where, fix="write a smaller difference"
        )


def _one(where: str, bounds: dict[str, float | None]) -> float:
    given = {key: bound for key, bound in bounds.items() if bound is not None}
    if len(given) != 1:
        keys = " and ".join(bounds) if given else " or ".join(bounds)
        said = f"has both {keys}" if given else "has no limit"
        raise InvalidInput(said, where=where, fix=f"write exactly one of {', '.join(bounds)}")
    key, bound = next(iter(given.items()))
    if not math.isfinite(bound):
        raise InvalidInput(f"{key} is not a finite number", where=where, fix="write a number")
    return bound


def _both(where: str, columns: Iterable[str], given: dict[str, Limit]) -> None:
    names = tuple(columns)
    if bool(names) != bool(given):
        has, lacks = ("columns", "limits") if names else ("limits", "columns")
        what = f"there are {has} but no {lacks}, so nothing would be judged"
        raise InvalidInput(what, where=f"{where}.{lacks}", fix=f"add {lacks}, or leave out {where}")
    if len(set(names)) < len(names):
        raise InvalidInput("a column is named twice", where=f"{where}.columns", fix="name it once")


def _judges_something(policy: Gate, first_version: bool) -> None:
    absolute = policy.limits or policy.slices.limits or policy.fairness.limits
    if not absolute and not policy.against_production:
        raise InvalidInput(
            "the policy has no checks", where="gate.limits", fix="add a limit, such as accuracy_score: {at-least: 0.8}"
        )
    if not absolute and first_version:
        raise InvalidInput(
            "nothing is in production yet and the policy has no absolute limits, so nothing would be judged",
            where="gate.limits",
            fix="add a limit for the first version, such as accuracy_score: {at-least: 0.8}",
        )
