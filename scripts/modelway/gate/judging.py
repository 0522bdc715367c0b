"""The judge: policy, held-out rows and what the models said about them in, checks and an outcome out. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import flavors, group_checks, leakage, limits, metrics, resources, slices
from modelway.gate.classes import Class, class_of, classes_of, shown
from modelway.gate.policy import validate_policy
from modelway.gate.predictions import HeldOut, Predictions, Scored, Unusable, normalise
from modelway.gate.rows import Rows, align, classes_of_label, with_positive_class
from modelway.records.verdict import Check, Group, Outcome

EMPTY = Rows(np.zeros(0, dtype=bool), Predictions(np.zeros(0, dtype=bool)), None)
"""No rows, in the form of every task."""


@dataclass(frozen=True)
class Judgement:
    """outcome: of the evidence; `decide` applies what the policy makes of an inconclusive one. positive_class: as the data
    writes it, empty where there is none; positive_rows: how many have it. groups: those that fairness compared."""

    outcome: Outcome
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    positive_class: str = ""
    positive_rows: int = 0
    groups: tuple[Group, ...] = ()


def judge(
    policy: Gate,
    held_out: HeldOut,
    candidate: Scored,
    production: Scored | None,
    inputs: Mapping[str, npt.NDArray[Any]] = MappingProxyType({}),
) -> Judgement:
    """Every check of the policy: limits, comparisons with production, costs, slices, fairness. inputs: what the candidate
    takes, column -> (n,), of which each that gives the label away is warned about.

    Raises InvalidInput for a policy or test data that cannot be judged. Predictions that cannot be judged (NaN, wrong
    length) are the candidate's fault and a failing check; production's make the comparisons inconclusive.
    """
    validate_policy(policy, first_version=production is None)
    _require_columns(policy, held_out)
    labels = np.asarray(held_out.labels)
    n, known = len(labels), classes_of_label(policy, labels)
    policy = with_positive_class(policy, known)
    _require_classes(policy, known)
    if not n:
        checks = _metric_limits(policy, EMPTY) + _comparisons(policy, EMPTY, production is not None, "")
        checks += _costs(policy, candidate, production, n) + group_checks.checks(policy, held_out, EMPTY)[0]
        return _judgement(checks, ["the test data has no rows"])
    positive = _positive(policy, labels)
    warnings = leakage.telling(policy, labels, inputs)
    other, other_fault = _production(policy, production, n, known)
    if other_fault:
        warnings.append(f"the version in production could not be compared with: {other_fault}")
    try:
        ours = normalise(policy, candidate, n, known)
    except Unusable as fault:
        checks = _without_predictions(policy, n, str(fault))
        checks += _costs(policy, candidate, production, n)
        return _judgement(checks, warnings, positive)
    _require_scores(policy, candidate, ours)
    rows = align(policy, labels, ours, other)
    checks = _metric_limits(policy, rows) + _comparisons(policy, rows, production is not None, other_fault)
    checks += _costs(policy, candidate, production, n)
    fair, measured = group_checks.checks(policy, held_out, rows)
    checks += slices.checks(policy, held_out, rows) + fair
    if production is None and policy.against_production:
        warnings.append("nothing is in production yet: the comparisons with it were skipped")
    return _judgement(checks, warnings, positive, measured)


def decide(policy: Gate, outcome: Outcome) -> Outcome:
    """What the policy makes of an inconclusive outcome: `stop` leaves it so."""
    if outcome != "inconclusive" or policy.inconclusive == "stop":
        return outcome
    return policy.inconclusive


def outcome_of(checks: list[Check]) -> Outcome:
    """Any fail fails; else anything inconclusive is inconclusive; and so is a verdict that rests on no check."""
    outcomes = {check.outcome for check in checks}
    if "fail" in outcomes:
        return "fail"
    return "pass" if "pass" in outcomes and "inconclusive" not in outcomes else "inconclusive"


def _judgement(
    checks: list[Check], warnings: list[str], positive: tuple[str, int] = ("", 0), measured: Sequence[Group] = ()
) -> Judgement:
    named = _unique(checks)
    return Judgement(outcome_of(named), tuple(named), tuple(warnings), *positive, tuple(measured))


def _positive(policy: Gate, labels: npt.NDArray[Any]) -> tuple[str, int]:
    """The positive class as the data writes it, and how many rows have it."""
    if policy.task != "binary":
        return "", 0
    positive = class_of(policy.positive_class)
    hit = np.array([value == positive for value in classes_of(labels)], dtype=bool)
    written = labels[hit][0] if hit.any() else policy.positive_class
    return str(written)[:100], int(hit.sum())


def _unique(checks: list[Check]) -> list[Check]:
    """Names come from data (a slice's value), so two of them may collide: the later one gets a number."""
    taken: set[str] = set()
    made = []
    for check in checks:
        name, count = check.name, 1
        while name in taken:
            count += 1
            name = f"{check.name} ({count})"
        taken.add(name)
        made.append(msgspec.structs.replace(check, name=name))
    return made


def _require_columns(policy: Gate, held_out: HeldOut) -> None:
    n = len(held_out.labels)
    for section, columns in (("slices", policy.slices.columns), ("fairness", policy.fairness.columns)):
        for column in columns:
            where = f"gate.{section}.columns"
            if column not in held_out.columns:
                close = difflib.get_close_matches(column, held_out.columns, n=1)
                every = ", ".join(sorted(held_out.columns))[:400]
                fix = f"did you mean {close[0]}" if close else f"choose from {every}"
                raise InvalidInput(f"the test data has no column {column!r}", where=where, fix=fix)
            if len(held_out.columns[column]) != n:
                raise InvalidInput(
                    f"column {column!r} has {len(held_out.columns[column])} values for {n} rows",
                    where=where,
                    fix="mend the test data",
                )


def _asked(policy: Gate) -> Iterator[tuple[str, str, metrics.Metric]]:
    """The section, the name and the metric of all that the policy asks of the predictions."""
    for section, names in (
        ("limits", policy.limits),
        ("against-production", policy.against_production),
        ("slices.limits", policy.slices.limits),
    ):
        for name in names:
            metric = metrics.find(policy.task, name)
            if metric is not None:
                yield f"gate.{section}", name, metric


def _require_classes(policy: Gate, known: Sequence[Class]) -> None:
    """A class that is misspelt must not make a check that nobody ever fails."""
    for section, name, metric in _asked(policy):
        if known and metric.of is not None and metric.of not in known:
            raise InvalidInput(
                f"no test row has the class {str(metric.of)[:40]!r}",
                where=f"{section}.{name[:100]}",
                fix=f"write one of the label's values: {shown(known)}",
            )


def _require_scores(policy: Gate, scored: Scored, candidate: Predictions) -> None:
    for section, name, metric in _asked(policy):
        if not metrics.provides(candidate, metric.need):
            labels_only = candidate.score is None
            gives = "labels only" if labels_only else "scores that are no probabilities"
            raise InvalidInput(
                f"{name} needs a {metric.need} for every row, and the model gives {gives}",
                where=f"{section}.{name}",
                fix=flavors.fix(scored.loader, labels_only=labels_only),
            )


def _production(
    policy: Gate, production: Scored | None, n: int, known: Sequence[Class]
) -> tuple[Predictions | None, str]:
    """Production's predictions, or why it has none; its faults must not stop the candidate's own limits."""
    if production is None:
        return None, ""
    try:
        return normalise(policy, production, n, known), ""
    except Unusable as fault:
        return None, str(fault)
    except InvalidInput as fault:
        return None, fault.what


def _metric_limits(policy: Gate, rows: Rows) -> list[Check]:
    return [
        limits.absolute(name, limit, metrics.measure(metric, rows, policy.confidence))
        for name, limit in policy.limits.items()
        if (metric := metrics.find(policy.task, name)) is not None
    ]


def _comparisons(policy: Gate, rows: Rows, in_production: bool, fault: str) -> list[Check]:
    n = len(rows.truth)
    made = []
    for name, comparison in policy.against_production.items():
        metric = metrics.find(policy.task, name)
        if metric is None:
            continue
        title, rule = _against(name), limits.rule_of(comparison)
        if not in_production:
            made.append(limits.unanswered(title, rule, n, "nothing is in production yet"))
        elif fault:
            made.append(limits.unanswered(title, rule, n, f"in production, {fault}", "inconclusive"))
        else:
            found = metrics.compare(metric, rows, policy.confidence)
            made.append(limits.against_production(title, comparison, metric.greater_is_better, found))
    return made


def _costs(policy: Gate, candidate: Scored, production: Scored | None, n: int) -> list[Check]:
    """Latency and size, which need no usable predictions."""
    made = []
    for name in resources.NAMES:
        if name in policy.limits:
            found = resources.measure(name, candidate, n, policy.confidence)
            made.append(limits.absolute(name, policy.limits[name], found))
        if name in policy.against_production:
            comparison = policy.against_production[name]
            if production is None:
                reason = "nothing is in production yet"
                made.append(limits.unanswered(_against(name), limits.rule_of(comparison), 0, reason))
            else:
                found = resources.compare(name, candidate, production, n, policy.confidence)
                made.append(limits.against_production(_against(name), comparison, False, found))
    return made


def _against(name: str) -> str:
    return f"{name} against production"


def _without_predictions(policy: Gate, n: int, fault: str) -> list[Check]:
    """The failing check, and all that could not be asked because of it."""
    why = "not judged: the predictions cannot be used"
    made = [limits.unanswered("predictions", "one finite prediction for every row", n, fault, "fail")]
    made += [
        limits.unanswered(name, limits.rule_of(limit), n, why)
        for name, limit in policy.limits.items()
        if name not in resources.NAMES
    ]
    made += [
        limits.unanswered(_against(name), limits.rule_of(comparison), n, why)
        for name, comparison in policy.against_production.items()
        if name not in resources.NAMES
    ]
    made += [limits.unanswered(f"slices of {column}", "every limit", n, why) for column in policy.slices.columns]
    made += [
        limits.unanswered(f"{name} by {column}", limits.rule_of(limit), n, why)
        for column in policy.fairness.columns
        for name, limit in policy.fairness.limits.items()
    ]
    return made
