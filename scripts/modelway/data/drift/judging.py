"""What two sketches come to: an outcome for each part of each column, by its effect's interval and a margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from modelway.config.drift import ColumnDriftKeys, DriftLimits
from modelway.data.cells import CellKind
from modelway.data.drift.distances import Distances, distances
from modelway.data.drift.effects import (
    ColumnEffect,
    Levels,
    expected_unlisted,
    missing,
    moved,
    rose,
    rose_only,
    unlisted,
    unreadable,
)
from modelway.data.drift.groups import DriftBar, bars
from modelway.data.drift.sketch import DataSketch, SketchColumn

DriftOutcome = Literal["drift", "no drift", "inconclusive"]
PARTS = 3
"""Comparisons of a column: its values; what is missing; what is unreadable or, of texts, unlisted."""
OF_ITS_OWN = 0.5
"""The share of rows whose text has no cell, above which a column of text is not compared text by text."""
WORDS: Mapping[CellKind, str] = {
    "number": "a number",
    "boolean": "a truth value",
    "time": "a time",
    "category": "text",
    "other": "something else",
}
OF_NUMBERS = ("wasserstein", "ks")
Role = Literal["feature", "label", "prediction"]


class DriftPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One comparison. of: values, missing, unreadable or unseen. measure: ks, total-variation, h, or a limited distance."""

    of: str
    measure: str
    outcome: DriftOutcome
    n: tuple[int, int]
    """Rows of the reference and of the current data that were looked at."""
    value: float | None
    """None where there was nothing to compare."""
    low: float | None = None
    high: float | None = None
    margin: float
    shares: tuple[float, float] | None = None
    """In the reference and in the current data, of a thing that a row is or is not; of unseen texts, what other rows of the
    reference would have."""
    detail: str = ""


class ColumnDrift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One column of two data sets."""

    name: str
    kind: CellKind
    role: Role
    outcome: DriftOutcome
    detail: str = ""
    parts: tuple[DriftPart, ...] = ()
    distances: Distances | None = None
    bars: tuple[DriftBar, ...] = ()

    @property
    def worst(self) -> DriftPart | None:
        """The part that is furthest beyond its margin."""
        return max(self.parts, key=lambda part: (RANK[part.outcome], (part.value or 0) / part.margin), default=None)


RANK: Mapping[DriftOutcome, int] = {"no drift": 0, "inconclusive": 1, "drift": 2}


@dataclass(frozen=True)
class Margins:
    """values: of a Kolmogorov-Smirnov distance or a total variation. missing: of h. limits: at most, by a distance's name."""

    values: float
    missing: float
    limits: DriftLimits
    columns: Mapping[str, ColumnDriftKeys]

    def of(self, name: str) -> tuple[float, float, DriftLimits]:
        own = self.columns.get(name, ColumnDriftKeys())
        limits = own.limits if own.limits is not None else self.limits
        return (
            own.margin if own.margin is not None else self.values,
            own.missing_margin if own.missing_margin is not None else self.missing,
            limits,
        )

    def judges(self, column: SketchColumn) -> bool:
        """A time moves on by itself: its values are compared where the team gave the column a margin."""
        own = self.columns.get(column.name)
        return column.cells.kind != "time" or bool(own and (own.margin is not None or own.limits is not None))


def worst_of(outcomes: Sequence[DriftOutcome]) -> DriftOutcome:
    """Nothing that was looked at is inconclusive."""
    return max(outcomes, key=lambda outcome: RANK[outcome], default="inconclusive")


def compare(
    reference: DataSketch, current: DataSketch, margins: Margins, levels: Levels, roles: Mapping[str, Role]
) -> tuple[ColumnDrift, ...]:
    """Every column that the reference has, by name."""
    there = current.by_name
    found = []
    for column in reference.columns:
        role = roles.get(column.name, "feature")
        other = there.get(column.name)
        if other is not None:
            found.append(_compare_column(column, other, (reference, current), margins, levels, role))
        else:
            found.append(_gone(column, current, role))
    return tuple(found)


def _gone(column: SketchColumn, current: DataSketch, role: Role) -> ColumnDrift:
    name, kind = column.name, column.cells.kind
    if stored := current.unlike.get(name):
        detail = f"is stored as {stored}, and was {WORDS[kind]}"
        return ColumnDrift(name=name, kind=kind, role=role, outcome="drift", detail=detail)
    return ColumnDrift(name=name, kind=kind, role=role, outcome="drift", detail="is not there any more")


def _compare_column(
    a: SketchColumn, b: SketchColumn, data: tuple[DataSketch, DataSketch], margins: Margins, levels: Levels, role: Role
) -> ColumnDrift:
    rows, clusters = (data[0].rows, data[1].rows), (data[0].clusters, data[1].clusters)
    margin, missing_margin, limits = margins.of(a.name)
    kind, parts, measured, detail = a.cells.kind, [], None, ""
    shown: tuple[DriftBar, ...] = ()
    if kind == "other":
        detail = "is stored as nothing that can be compared: only missing values were"
    elif not margins.judges(a):
        detail = "a time moves on by itself: its values are compared where drift.columns gives it a margin"
    elif kind == "category" and a.readable and expected_unlisted(a, 0).share > OF_ITS_OWN:
        detail = "most rows have a text of their own, as identifiers and prose do: only missing values were compared"
    else:
        if a.readable and b.readable:
            measured, shown = distances(a, b), bars(a, b)
        parts.append(_values(a, b, clusters, levels, margin))
        parts += _limited(a, b, measured, limits)
    if kind == "category" and a.readable and b.readable and not detail:
        expected, seen = expected_unlisted(a, clusters[0]), unlisted(b, clusters[1])
        more = rose_only(expected, seen, levels)  # fewer than expected is no harm: so it is where both share rows
        parts.append(_rate("unseen", more, (expected.n, seen.n), missing_margin, expected.share, seen.share))
    for of, share in (("missing", missing), ("unreadable", unreadable)):
        one, other = share(a, rows[0], clusters[0]), share(b, rows[1], clusters[1])
        if of == "missing" or kind in ("number", "boolean", "time"):
            parts.append(_rate(of, rose(one, other, levels)[0], rows, missing_margin, one.share, other.share))
    outcome = worst_of([part.outcome for part in parts])
    return ColumnDrift(
        name=a.name,
        kind=kind,
        role=role,
        outcome=outcome,
        detail=detail,
        parts=tuple(parts),
        distances=measured,
        bars=shown,
    )


def _values(a: SketchColumn, b: SketchColumn, clusters: tuple[int, int], levels: Levels, margin: float) -> DriftPart:
    measure, n = "total-variation" if a.cells.kind == "category" else "ks", (a.readable, b.readable)
    if not a.readable and not b.readable:
        said = "neither has a value"
        return DriftPart(of="values", measure=measure, outcome="no drift", n=n, value=None, margin=margin, detail=said)
    if not a.readable or not b.readable:
        said = f"the {'reference' if not a.readable else 'current data'} has no value"
        return DriftPart(of="values", measure=measure, outcome="drift", n=n, value=None, margin=margin, detail=said)
    effect = moved(a, b, clusters, levels, margin)
    return DriftPart(
        of="values",
        measure=measure,
        outcome=outcome_of(effect, margin),
        n=n,
        value=effect.value,
        low=effect.low,
        high=effect.high,
        margin=margin,
    )


def outcome_of(effect: ColumnEffect, margin: float) -> DriftOutcome:
    """The whole interval beyond the margin is drift, the whole of it within is none."""
    if effect.low > margin:
        return "drift"
    return "no drift" if effect.high < margin else "inconclusive"


def _rate(of: str, effect: ColumnEffect, n: tuple[int, int], margin: float, before: float, after: float) -> DriftPart:
    return DriftPart(
        of=of,
        measure="h",
        outcome=outcome_of(effect, margin),
        n=n,
        value=effect.value,
        low=effect.low,
        high=effect.high,
        margin=margin,
        shares=(before, after),
    )


def _limited(a: SketchColumn, b: SketchColumn, measured: Distances | None, limits: DriftLimits) -> list[DriftPart]:
    """A team's own limits, of the distances as they were seen."""
    parts = []
    for name, limit in limits.named().items():
        if a.cells.kind == "category" and name in OF_NUMBERS:
            continue
        value: float | None = getattr(measured, name, None)
        outcome: DriftOutcome = "inconclusive"
        if value is not None:
            outcome = "no drift" if value <= limit else "drift"
        shown, n = name.replace("_", "-"), (a.readable, b.readable)
        parts.append(DriftPart(of="limit", measure=shown, outcome=outcome, n=n, value=value, margin=limit))
    return parts
