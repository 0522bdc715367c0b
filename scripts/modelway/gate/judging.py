"""The judge: policy, held-out rows and what the models said about them in, checks and an outcome out. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import flavors, leakage, limits, metrics
from modelway.gate.classes import Class, shown
from modelway.gate.kind import Case, Needs
from modelway.gate.policy import asked, needs_of, validate_policy
from modelway.gate.predictions import HeldOut, Predictions, Scored, Unusable, normalise
from modelway.gate.rows import JudgedRows, align
from modelway.gate.truth import Truth, read_truth
from modelway.records.verdict import Check, Group, Outcome


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
    """Every check of the policy, by its kinds. inputs: what the candidate takes, column -> (n,), of which each that gives
    the label away is warned about.

    Raises InvalidInput for a policy or test data that cannot be judged. Predictions that cannot be judged (NaN, wrong
    length) are the candidate's fault and a failing check; production's make the comparisons inconclusive.
    """
    validate_policy(policy, first_version=production is None)
    needs = needs_of(policy)
    _require_columns(needs, held_out)
    truth = read_truth(policy, np.asarray(held_out.labels))
    _require_classes(needs, truth.classes)
    weight = _weight(policy, held_out)
    case = Case(truth.policy, held_out, len(truth), None, candidate, production)
    if not len(truth):
        nothing = JudgedRows(np.zeros(0, dtype=bool), Predictions(np.zeros(0, dtype=bool)), None)
        return _judgement(replace(case, rows=nothing), truth, ["the test data has no rows"])
    warnings = leakage.telling(truth, inputs)
    other, fault = _production(truth, production)
    case = replace(case, production_fault=fault)
    if fault:
        warnings.append(f"the version in production could not be compared with: {fault}")
    try:
        ours = normalise(truth, candidate)
    except Unusable as unusable:
        failed = limits.unanswered("predictions", "one finite prediction for every row", case.n, str(unusable), "fail")
        return _judgement(case, truth, warnings, [failed])
    _require_scores(needs, candidate, ours)
    if production is None and not all(kind.absolute for kind, _ in asked(policy)):
        warnings.append("nothing is in production yet: the comparisons with it were skipped")
    return _judgement(replace(case, rows=align(truth, ours, other, weight)), truth, warnings)


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


def _judgement(case: Case, truth: Truth, warnings: list[str], first: Sequence[Check] = ()) -> Judgement:
    every = [kind.judge(keys, case) for kind, keys in asked(case.policy)]
    named = _unique([*first, *(check for judged in every for check in judged.checks)])
    positives = int(truth.is_positive.sum()) if truth.written and case.n else 0
    return Judgement(
        outcome_of(named),
        tuple(named),
        tuple(warnings),
        truth.written if case.n else "",
        positives,
        tuple(group for judged in every for group in judged.groups),
    )


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


def _require_columns(needs: Needs, held_out: HeldOut) -> None:
    n = len(held_out.labels)
    for column, where in needs.columns.items():
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


def _require_classes(needs: Needs, known: Sequence[Class]) -> None:
    """A class that is misspelt must not make a check that nobody ever fails."""
    for where, quantity in needs.quantities.items():
        if known and quantity.of is not None and quantity.of not in known:
            raise InvalidInput(
                f"no test row has the class {str(quantity.of)[:40]!r}",
                where=where[:150],
                fix=f"write one of the label's values: {shown(known)}",
            )


def _require_scores(needs: Needs, scored: Scored, candidate: Predictions) -> None:
    for where, quantity in needs.quantities.items():
        if quantity.need is not None and not metrics.provides(candidate, quantity.need):
            labels_only = candidate.score is None
            gives = "labels only" if labels_only else "scores that are no probabilities"
            raise InvalidInput(
                f"{where.rpartition('.')[2]} needs a {quantity.need} for every row, and the model gives {gives}",
                where=where,
                fix=flavors.fix(scored.loader, labels_only=labels_only),
            )


def _weight(policy: Gate, held_out: HeldOut) -> npt.NDArray[np.float64] | None:
    """How much each row counts; None where the policy names no column for it."""
    if not isinstance(policy.sample_weight, str):
        return None
    given = held_out.columns[policy.sample_weight]
    try:
        weight = given.astype(float)
    except (TypeError, ValueError):
        weight = np.full(len(given), np.nan)
    bad = int((~np.isfinite(weight) | (weight < 0)).sum())
    if bad or (len(weight) and not weight.any()):
        what = f"{bad} of {len(weight)} rows have a weight that is missing or below 0" if bad else "every weight is 0"
        raise InvalidInput(what, where="gate.sample-weight", fix="name a column of numbers, none below 0")
    return weight


def _production(truth: Truth, production: Scored | None) -> tuple[Predictions | None, str]:
    """Production's predictions, or why it has none; its faults must not stop the candidate's own limits."""
    if production is None:
        return None, ""
    try:
        return normalise(truth, production), ""
    except Unusable as fault:
        return None, str(fault)
    except InvalidInput as fault:
        return None, fault.what
