"""What may stand below `monitor` in modelway.yml."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from modelway.config.keys import Name, Section
from modelway.config.service_levels import ServiceLevels


class Monitor(Section, frozen=True):
    """What a model is asked with, day by day, and how often an alarm may be false (docs/monitoring.md)."""

    data: Name | None = None
    """The rows that the model was asked with, with a column of times: CSV, Parquet, JSON lines; or a pattern of sketches that
    have their day in their names. Left out: the input data has to name them."""
    reference: Name | None = None
    """The data that it was trained with: rows, or a sketch of them. Left out: data.train."""
    time_column: Name | None = None
    """The column with a row's time. Left out: the data are sketches of days."""
    leave_out: tuple[Name, ...] = ()
    """Columns that are not watched, such as identifiers. Left out: all are."""
    history_days: Annotated[int, Meta(ge=28, le=730)] = 56
    """How many of the first days tell what is usual: all must have been well on them. Eight weeks tell weekdays apart."""
    false_alarms_per_year: Annotated[float, Meta(gt=0, le=12)] = 1
    """How many alarms a year may be false, at most, over all columns."""
    service: ServiceLevels = ServiceLevels()
    """What is promised of its answers, for render-monitoring's rules."""
