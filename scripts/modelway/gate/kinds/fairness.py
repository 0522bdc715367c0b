"""gate.fairness: how far the groups of a column, or of several columns together, are apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from modelway.config.keys import Count, Limit, Name, Policy, Section
from modelway.gate.kind import Case, Judged, Kind, Needs

if TYPE_CHECKING:
    import numpy as np

    from modelway.gate.disparities import GroupComparison
    from modelway.gate.groups import Groups
    from modelway.gate.rows import JudgedRows
    from modelway.records.verdict import Check, Group

MOST_GROUPS = 50
"""Of one column are recorded, those with the most rows; every group with enough rows is judged."""


class Fairness(Section, frozen=True):
    """Differences between the groups of each column (docs/metrics.md has the names)."""

    columns: tuple[Name | tuple[Name, ...], ...] = ()
    """The columns whose values make the groups. A list within the list, [[sex, age_band]], is one set of groups: every
    combination of these columns' values."""
    control: tuple[Name, ...] | UnsetType = UNSET
    """Groups are compared within each combination of these columns' values, and never across them."""
    minimum_rows: Count = 200
    """A group with fewer rows is reported, not judged."""
    limits: dict[str, Limit] = msgspec.field(default_factory=dict)
    """Metric -> the limit on its difference between groups. Left out: none."""


class BetweenGroups(Kind[Fairness]):
    field = "fairness"
    keys = Fairness
    default: ClassVar[Fairness] = Fairness()
    about = "Limits on how far a metric may differ between groups of rows."
    order = 40

    def validate(self, keys: Fairness, policy: Policy) -> None:
        from modelway.gate import limits

        for name, disparity in _disparities(keys, policy).items():
            limits.validate_limit(keys.limits[name], disparity, f"gate.fairness.limits.{name}")
        limits.need_each_other("gate.fairness", [_named(column) for column in _columns(keys)], keys.limits)

    def needs(self, keys: Fairness, policy: Policy) -> Needs:
        columns = {name: "gate.fairness.columns" for together in _columns(keys) for name in together}
        control = dict.fromkeys(() if keys.control is UNSET else keys.control, "gate.fairness.control")
        quantities = {f"gate.fairness.limits.{name}": found for name, found in _disparities(keys, policy).items()}
        return Needs(control | columns, quantities)

    def judge(self, keys: Fairness, case: Case) -> Judged:
        from modelway.gate import limits

        rows, why = case.rows, limits.NOT_JUDGED
        if rows is None:
            return Judged(
                [
                    limits.unanswered(f"{name} by {_named(column)}", limits.rule_of(limit), case.n, why)
                    for column in _columns(keys)
                    for name, limit in keys.limits.items()
                ]
            )
        checks: list[Check] = []
        recorded: list[Group] = []
        disparities = _disparities(keys, case.policy)
        for within, part, index in _parts(keys, case, rows, checks):
            for column in _columns(keys):
                _compare(keys, case, disparities, column, (within, part, index), checks, recorded)
        return Judged(checks, recorded)


def _columns(keys: Fairness) -> list[tuple[str, ...]]:
    return [(column,) if isinstance(column, str) else column for column in keys.columns]


def _named(columns: Sequence[str]) -> str:
    return " and ".join(columns)


def _disparities(keys: Fairness, policy: Policy) -> Mapping[str, GroupComparison]:
    from modelway.gate import disparities

    return {
        name: disparities.resolve(policy, name, limit, f"gate.fairness.limits.{name}")
        for name, limit in keys.limits.items()
    }


def _parts(
    keys: Fairness, case: Case, rows: JudgedRows, checks: list[Check]
) -> Iterator[tuple[str, JudgedRows, np.ndarray]]:
    """What a check's name says of the control features, the rows that have these values, and their positions. Values with
    too few rows are one skipped check."""
    import numpy as np

    from modelway.gate import groups, limits

    if keys.control is UNSET or not keys.control:
        yield "", rows, np.arange(len(rows.truth))
        return
    found = groups.of_columns([case.held_out.columns[column] for column in keys.control])
    sizes, named = found.sizes(), _named(keys.control)
    for code, name in enumerate(found.names):
        if sizes[code] >= keys.minimum_rows:
            index = found.rows(code)
            yield f" where {named} = {name}", rows.take(index), index
    checks += limits.too_small(f"values of {named}", keys.minimum_rows, sizes, "value")


def _compare(
    keys: Fairness,
    case: Case,
    disparities: Mapping[str, GroupComparison],
    column: tuple[str, ...],
    within: tuple[str, JudgedRows, np.ndarray],
    checks: list[Check],
    recorded: list[Group],
) -> None:
    """Each limit for one set of groups, one skipped check that says which rows were left out, and the groups judged."""
    import numpy as np

    from modelway.gate import groups, limits

    said, rows, index = within
    found = groups.of_columns([case.held_out.columns[name][index] for name in column])
    sizes, title = found.sizes(), _named(column)
    judged = np.flatnonzero(sizes >= keys.minimum_rows)
    for name, disparity in disparities.items():
        estimate = disparity.measure(rows, found, judged, case.confidence)
        checks.append(limits.absolute(f"{name} by {title}{said}", keys.limits[name], estimate))
    largest = judged[np.argsort(-sizes[judged], kind="stable")][:MOST_GROUPS]
    recorded += _recorded(f"{title}{said}", found, largest, rows, [*disparities.values()])
    checks += limits.too_small(f"groups of {title}{said}", keys.minimum_rows, sizes, "group")


def _recorded(
    column: str, found: Groups, codes: np.ndarray, rows: JudgedRows, disparities: Sequence[GroupComparison]
) -> Iterator[Group]:
    """What the policy's comparisons are made of, for each of these groups."""
    from modelway.gate.fairness import RATES
    from modelway.records.verdict import Group

    wanted = {quantity: one for one in disparities for quantity in one.quantities}
    order = [*(rate for rate in RATES if rate in wanted), *(name for name in wanted if name not in RATES)]
    for code in codes.tolist():
        group = rows.take(found.rows(code))
        values = {quantity: wanted[quantity].of_group(quantity, group) for quantity in order}
        yield Group(column=column, name=found.names[code], values=values)


KIND = BetweenGroups()
