"""What profile-data hands on."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from modelway.data.report import DataQuality

Shown = str | int | float | bool


class ProfileBars(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """edges, logarithmic, whole: see modelway.data.profile.bins.Bars; of times in microseconds. counts: of the values at or
    below the first edge, of each bar, and of those above the last edge; of about ROWS_CROSSED
    where there are more rows, so that they add up to less than the column's n. positive: of the rows in each of these that
    have a label, how many are of the class that is drawn; empty without one."""

    edges: tuple[float, ...]
    logarithmic: bool
    whole: bool = False
    counts: tuple[int, ...]
    labelled: tuple[int, ...] = ()
    positive: tuple[int, ...] = ()


class ProfileValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """count: of all rows. labelled, positive: as of a bar."""

    value: Shown
    count: int
    labelled: int | UnsetType = UNSET
    positive: int | UnsetType = UNSET


class ProfileColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a masked column there is its name, its type and how many values it misses, and nothing else."""

    name: str
    type: str
    stored: str
    n: int
    missing: int
    masked: bool = False
    other: int = 0
    """Values that are there and are not of the type."""
    distinct: int = 0
    low: Shown | None = None
    high: Shown | None = None
    mean: float | None = None
    deviation: float | None = None
    zero: int = 0
    negative: int = 0
    quantiles: dict[str, Shown] = {}
    """By the share at or below them."""
    bars: ProfileBars | None = None
    top: tuple[ProfileValue, ...] = ()
    """The most frequent values."""
    shortest: int = 0
    longest: int = 0


class MissingPattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    columns: tuple[str, ...]
    rows: int


class Association(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    one: str
    other: str
    measure: str
    """`rank correlation` of two columns of numbers, else `Cramer's V`."""
    n: int
    value: float
    interval: tuple[float, float] | UnsetType = UNSET


class DataProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One data set."""

    data: str
    rows: int
    columns: tuple[ProfileColumn, ...]
    missing_together: tuple[MissingPattern, ...]
    associations: tuple[Association, ...]
    associations_of: tuple[str, ...]
    """The columns that were compared with each other."""
    examples: dict[str, Any]
    """columns: names; rows: the first ones."""
    data_digest: str


class ColumnDistance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far apart a column is in two data sets: half the sum of the differences of the shares of its bars or values (total
    variation): 0 where they are alike, 1 where nothing is shared."""

    column: str
    distance: float


class ProfileReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: str = "modelway/data-profile/1"
    now: str
    label: str | None
    drawn_class: str | None
    """Of the label: whose share is drawn in each bar."""
    profiles: tuple[DataProfile, ...]
    distances: tuple[ColumnDistance, ...] = ()
    quality: tuple[DataQuality, ...] = ()
    """What check-quality finds, with the same settings."""
