"""Every value of a column judged by itself."""

from __future__ import annotations

import numpy as np

from modelway.config.sections import Gate
from modelway.gate import groups, limits, metrics
from modelway.gate.predictions import HeldOut
from modelway.gate.rows import Rows
from modelway.records.verdict import Check


def checks(policy: Gate, held_out: HeldOut, rows: Rows) -> list[Check]:
    """Each limit for each large enough slice, and one skipped check per column that says what was not judged."""
    made: list[Check] = []
    for column in policy.slices.columns:
        made += _of_column(policy, column, groups.of_column(held_out.columns[column]), rows)
    return made


def _of_column(policy: Gate, column: str, slices: groups.Groups, rows: Rows) -> list[Check]:
    sizes = slices.sizes()
    order = np.argsort(slices.codes, kind="stable")
    ends = np.cumsum(sizes)
    made = []
    for position, name in enumerate(slices.names):
        if sizes[position] < policy.slices.minimum_rows:
            continue
        part = rows.take(order[ends[position] - sizes[position] : ends[position]])
        for metric, limit in policy.slices.limits.items():
            found = metrics.find(policy.task, metric)
            assert found is not None  # policy.validate asked for it
            measured = metrics.measure(found, part, policy.confidence)
            made.append(limits.absolute(f"{metric} where {column} = {name}", limit, measured))
    return made + too_small(f"slices of {column}", policy.slices.minimum_rows, sizes, "slice")


def too_small(name: str, minimum: int, sizes: np.ndarray, what: str) -> list[Check]:
    """One skipped check for all groups below the minimum; none when there are none."""
    small = sizes[sizes < minimum]
    if not len(small):
        return []
    n = int(small.sum())
    detail = f"{len(small)} of {len(sizes)} {what}s have fewer rows and were not judged: {n} of {int(sizes.sum())} rows"
    return [limits.unanswered(name, f"{what}s of at least {minimum} rows", n, detail)]
