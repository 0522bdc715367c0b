"""What may stand below `drift` in modelway.yml."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelway.config.keys import Name, Section, Share

RateMargin = Annotated[float, Meta(gt=0, lt=3)]


class AtMost(Section, frozen=True):
    """A limit of a distance as it is seen, whatever its noise."""

    at_most: Annotated[float, Meta(ge=0)]
    """A larger distance is drift."""


class DriftLimits(Section, frozen=True):
    """Distances that decide beside the margins (docs/drift.md has their definitions). Left out: none decides."""

    psi: AtMost | None = None
    """The population stability index."""
    kl: AtMost | None = None
    """Kullback-Leibler, in nats."""
    js: AtMost | None = None
    """Jensen-Shannon, from 0 to 1."""
    wasserstein: AtMost | None = None
    """Wasserstein, in standard deviations of the reference. Left out of columns of text, which have none."""
    ks: AtMost | None = None
    """Kolmogorov-Smirnov. Left out of columns of text, which have none."""
    cramers_v: AtMost | None = None
    """Cramer's V."""

    def named(self) -> dict[str, float]:
        """Those that are set, by name."""
        found = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: limit.at_most for name, limit in found if limit is not None}


class ColumnDriftKeys(Section, frozen=True):
    """What holds for one column."""

    margin: Share | None = None
    """How much of its values may lie elsewhere. Left out: drift.margin."""
    missing_margin: RateMargin | None = None
    """How far the share of missing, unreadable or unseen values may move. Left out: drift.missing-margin."""
    limits: DriftLimits | None = None
    """Distances that decide, instead of drift.limits. Left out: drift.limits."""


class DomainClassifier(Section, frozen=True):
    """The classifier that tries to tell rows of the reference from current ones, by all columns together."""

    margin: Annotated[float, Meta(gt=0, lt=0.5)] = 0.1
    """How far above 0.5 its area under the ROC curve may be."""
    rows: Annotated[int, Meta(ge=0, le=1_000_000)] = 5000
    """Rows of each data set that it learns and is judged on, evenly by position; 0: there is none."""


class Drift(Section, frozen=True):
    """What data is compared with, and how far it may move (docs/drift.md)."""

    reference: Name | None = None
    """The data that current rows are compared with: CSV, Parquet, JSON lines, or sketches. Left out: data.train."""
    current: Name | None = None
    """The current rows: CSV, Parquet, JSON lines, or sketches. Left out: the input current has to name them."""
    leave_out: tuple[Name, ...] = ()
    """Columns that are not compared, such as identifiers. Left out: all are."""
    label: Name | None = None
    """The column with the truth, which is reported under a heading of its own. Left out: gate.label."""
    prediction: Name | None = None
    """The column with the model's prediction, which is reported so too. Left out: there is none."""
    slices: tuple[Name, ...] = ()
    """Columns whose every value is also compared by itself. Left out: none."""
    time_column: Name | None = None
    """The column with a row's time, for window-hours. Left out: there are no windows."""
    window_hours: Annotated[float, Meta(gt=0, le=87_600)] | None = None
    """The current rows are also compared window by window, each so long. Left out: there are no windows."""
    cluster: Name | None = None
    """A column whose equal values mark rows that are not independent, such as the day. Left out: all rows are independent."""
    margin: Share = 0.15
    """How much of a column's values may lie elsewhere, as a share of its rows: the Kolmogorov-Smirnov distance of numbers, the
    total variation of texts."""
    missing_margin: RateMargin = 0.2
    """How far the share of missing, unreadable or unseen values may move, as Cohen's h: 0.2 is 1 % to 4 %, 10 % to 17 %."""
    error_rate: Annotated[float, Meta(gt=0, le=0.2)] = 0.01
    """The chance, at most, of any false claim of drift, over all columns, slices and windows; and that of a false claim that
    there is none."""
    new_columns: Literal["drift", "allow"] = "drift"
    """How a column is treated that the reference has not."""
    inconclusive: Literal["stop", "fail", "pass"] = "stop"
    """How an inconclusive outcome is treated: `stop` leaves it so (exit code 3), `fail` and `pass` decide it."""
    limits: DriftLimits = DriftLimits()
    """Distances that decide, too. Left out: they are shown and decide nothing."""
    classifier: DomainClassifier = DomainClassifier()
    """The classifier that tries to tell both data sets apart."""
    columns: dict[Name, ColumnDriftKeys] = msgspec.field(default_factory=dict)
    """Columns with margins or limits of their own. Left out: none has."""
