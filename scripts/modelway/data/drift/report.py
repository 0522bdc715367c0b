"""What detect-drift hands on."""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.data.drift.classifier import DomainTest
from modelway.data.drift.judging import ColumnDrift, DriftOutcome


class DriftSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the two data sets. digest: of its files; of sketches of what they hold. from_sketch: there are no rows."""

    data: str
    rows: int
    clusters: int
    digest: str
    from_sketch: bool


class GroupDrift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A slice, or a window: its name, its rows, and those of its columns whose outcome is not `no drift`. outcome: None where
    it has too few rows, and was not judged."""

    name: str
    n: tuple[int, int]
    outcome: DriftOutcome | None
    columns: tuple[ColumnDrift, ...] = ()

    def of(self, outcome: DriftOutcome) -> tuple[str, ...]:
        """The names of the columns with this outcome."""
        return tuple(column.name for column in self.columns if column.outcome == outcome)


class DriftReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same data and settings give the same report, byte for byte."""

    schema: Literal["modelway/drift-report/1"] = "modelway/drift-report/1"
    outcome: DriftOutcome
    reference: DriftSource
    current: DriftSource
    error_rate: float
    comparisons: int
    """Among which the error rate is shared."""
    columns: tuple[ColumnDrift, ...]
    """By name."""
    new_columns: tuple[str, ...]
    classifier: DomainTest | None
    slices: tuple[GroupDrift, ...]
    windows: tuple[GroupDrift, ...]
    notes: tuple[str, ...]
    """What was not looked at, and what was guessed."""

    def of(self, outcome: DriftOutcome) -> tuple[ColumnDrift, ...]:
        """The columns with this outcome."""
        return tuple(column for column in self.columns if column.outcome == outcome)
