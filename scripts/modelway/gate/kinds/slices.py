"""gate.slices: every value of a column judged by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import msgspec

from modelway.config.keys import Count, Limit, Name, Policy, Section
from modelway.gate.kind import Case, Judged, Kind, Needs

if TYPE_CHECKING:
    from modelway.gate.quantities import Quantity
    from modelway.records.verdict import Check


class Slices(Section, frozen=True):
    """Every value of each column is judged by itself."""

    columns: tuple[Name, ...] = ()
    """The columns of the held-out data whose values make the slices. Left out: none."""
    minimum_rows: Count = 200
    """A slice with fewer rows is reported, not judged."""
    limits: dict[str, Limit] = msgspec.field(default_factory=dict)
    """Metric -> the limit that every slice must keep. Left out: none."""


class EverySlice(Kind[Slices]):
    field = "slices"
    keys = Slices
    default: ClassVar[Slices] = Slices()
    about = "Limits that every value of a column must keep by itself."
    order = 30

    def validate(self, keys: Slices, policy: Policy) -> None:
        from modelway.gate import limits

        for name, quantity in _quantities(keys, policy).items():
            limits.validate_limit(keys.limits[name], quantity, f"gate.slices.limits.{name}")
        limits.need_each_other("gate.slices", keys.columns, keys.limits)

    def needs(self, keys: Slices, policy: Policy) -> Needs:
        quantities = {f"gate.slices.limits.{name}": found for name, found in _quantities(keys, policy).items()}
        return Needs(dict.fromkeys(keys.columns, "gate.slices.columns"), quantities)

    def judge(self, keys: Slices, case: Case) -> Judged:
        from modelway.gate import limits

        if case.rows is None:
            why = limits.NOT_JUDGED
            return Judged(
                [limits.unanswered(f"slices of {column}", "every limit", case.n, why) for column in keys.columns]
            )
        found = _quantities(keys, case.policy)
        return Judged([check for column in keys.columns for check in _of_column(keys, column, found, case)])


def _of_column(keys: Slices, column: str, quantities: Mapping[str, Quantity], case: Case) -> Iterator[Check]:
    """Each limit for each large enough slice, and one skipped check that says what was not judged."""
    from modelway.gate import groups, limits

    assert case.rows is not None  # judge has looked
    slices = groups.of_column(case.held_out.columns[column])
    sizes = slices.sizes()
    for code, name in enumerate(slices.names):
        if sizes[code] >= keys.minimum_rows:
            part = dataclasses.replace(case, rows=case.rows.take(slices.rows(code)))
            for metric, quantity in quantities.items():
                measured = quantity.measure(part)
                yield limits.absolute(f"{metric} where {column} = {name}", keys.limits[metric], measured)
    yield from limits.too_small(f"slices of {column}", keys.minimum_rows, sizes, "slice")


def _quantities(keys: Slices, policy: Policy) -> Mapping[str, Quantity]:
    from modelway.gate import quantities

    return {
        name: quantities.resolve(policy, name, limit, f"gate.slices.limits.{name}", costs=False)
        for name, limit in keys.limits.items()
    }


KIND = EverySlice()
