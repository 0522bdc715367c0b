"""Fairness as the policy asks for it: each limit for each column, and what was measured of each group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelway.config.sections import Gate
from modelway.gate import fairness, gaps, groups, limits, slices
from modelway.gate.estimate import Estimate
from modelway.gate.predictions import HeldOut
from modelway.gate.rows import Rows
from modelway.gate.significant import significant
from modelway.records.verdict import Check, Group, Measured

MOST_GROUPS = 50
"""Of one column are recorded, those with the most rows; every group with enough rows is judged."""


def of_task(task: str) -> Mapping[str, fairness.Disparity | gaps.Gap]:
    """The fairness metrics by name; none for more than two classes."""
    if task == "binary":
        return fairness.METRICS
    return gaps.METRICS if task == "regression" else {}


def checks(policy: Gate, held_out: HeldOut, rows: Rows) -> tuple[list[Check], list[Group]]:
    """The checks, with one skipped check per column that says which rows were left out; and the groups that were judged."""
    made: list[Check] = []
    measured: list[Group] = []
    for column in policy.fairness.columns:
        found = groups.of_column(held_out.columns[column])
        sizes = found.sizes()
        judged = np.flatnonzero(sizes >= policy.fairness.minimum_rows)
        for metric, limit in policy.fairness.limits.items():
            estimate = _measure(policy, metric, found, judged, rows)
            made.append(limits.absolute(f"{metric} by {column}", limit, estimate))
        measured += _recorded(
            policy, column, found, judged[np.argsort(-sizes[judged], kind="stable")][:MOST_GROUPS], rows
        )
        made += slices.too_small(f"groups of {column}", policy.fairness.minimum_rows, sizes, "group")
    return made, measured


def _measure(policy: Gate, metric: str, found: groups.Groups, judged: np.ndarray, rows: Rows) -> Estimate:
    label = rows.candidate.label
    if policy.task == "regression":
        gap = gaps.METRICS[metric]
        values = gap.of_rows(rows.truth, label)
        return gaps.measure(gap, values, found.codes, judged.tolist(), found.names, policy.confidence)
    cells = fairness.count_cells(found.codes, rows.truth, label, len(found.names))[judged]
    names = [found.names[code] for code in judged]
    return fairness.measure(fairness.METRICS[metric], cells, policy.confidence, names)


def _recorded(policy: Gate, column: str, found: groups.Groups, codes: np.ndarray, rows: Rows) -> list[Group]:
    """What the metrics of the policy are made of, for each of these groups."""
    label, wanted, made = rows.candidate.label, policy.fairness.limits, []
    cells = None
    if policy.task == "binary":
        cells = fairness.count_cells(found.codes, rows.truth, label, len(found.names))
    for code in codes.tolist():
        values: dict[str, Measured] = {}
        if cells is not None:
            asked = {rate for metric in wanted for rate in fairness.METRICS[metric].rates}
            for rate in (rate for rate in fairness.RATES if rate in asked):
                hits, of = (float(side[0]) for side in fairness.rate_of(rate, cells[[code]]))
                values[rate] = Measured(n=int(of), value=significant(hits / of) if of else None)
        else:
            here = found.codes == code
            for metric in wanted:
                gap = gaps.METRICS[metric]
                mean = float(np.mean(gap.of_rows(rows.truth[here], label[here])))
                values[gap.quantity] = Measured(n=int(here.sum()), value=significant(mean))
        made.append(Group(column=column, name=found.names[code], values=values))
    return made
