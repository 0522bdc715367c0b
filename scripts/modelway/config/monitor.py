"""What may stand below `monitor` in modelway.yml."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from modelway.config.alarm_policy import AlarmPolicy
from modelway.config.keys import Name, Section, Share
from modelway.config.service_levels import ServiceLevels

LiveMetric = Literal["accuracy_score", "roc_auc_score", "mean_absolute_error", "root_mean_squared_error", "r2_score"]


class LivePerformance(Section, frozen=True):
    """What became of predictions: labels that come later, and limits that the metrics may not fall below for good."""

    prediction: Name | None = None
    """The column of monitor.data with the prediction: a probability of the positive class, from 0 to 1, or the class itself;
    the number, where gate.task is regression. Left out: performance is not watched."""
    label: Name | None = None
    """The column with what was true, missing where that is not known yet. Left out: gate.label."""
    labels: Name | None = None
    """The data with the labels, such as labels.csv. Left out: they are a column of monitor.data."""
    id: Name | None = None
    """The column that monitor.data and the labels have both, and that joins them. Left out: there is none, and no labels
    apart."""
    label_time_column: Name | None = None
    """The column beside the label with the time when it came: a day is looked at as soon as 95 % of its labels are there, by
    these. Left out: mature-days after it."""
    threshold: Share | None = None
    """A probability at or above it is the positive class. Left out: gate.decision-threshold."""
    metrics: tuple[LiveMetric, ...] = ()
    """What is watched: the first two of classes, the others of numbers. Left out: those that gate.limits has, else
    accuracy_score or mean_absolute_error."""
    fall: Share | None = None
    """How far below what is usual a metric may come, such as 0.01; an error, so large a part of what is usual above it. Left
    out: the gate's limit holds, and where it has none 0.01, of an error 0.05."""
    mature_days: Annotated[int, Meta(ge=0, le=365)] = 7
    """So many days after a day its labels are there, or as many as ever will be."""


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
    """How many alarms a year may be false, at most, over all columns, metrics and promises of the service."""
    freshness_hours: Annotated[float, Meta(gt=0, le=8784)] | None = None
    """How old the newest row of monitor.data may be, and how long ago the newest day of monitor.service.data may have ended;
    what is older is told, and inconclusive. Left out: any age."""
    inconclusive: Literal["stop", "fail", "pass"] = "stop"
    """How it is treated that too little is known, as in the first eight weeks: `stop` leaves it so (exit code 3), `fail` and
    `pass` decide it."""
    hourly: bool = False
    """Hours of 100 rows or more are looked at as well as days, for what breaks at once, from when history-days of them are
    known. Half of the budget of false alarms is theirs."""
    sketches: bool = True
    """Servers that are deployed count what they are asked in the cells of their training data, for monitor-model; false: they
    count nothing."""
    performance: LivePerformance = LivePerformance()
    """How well it predicts, once labels are there, and estimated until then."""
    service: ServiceLevels = ServiceLevels()
    """What is promised of its answers: for render-monitoring's rules, and for monitor-model, where data or prometheus says who
    counts them, or, where availability, faster-than-ms or fast is set, by what the environment's servers have counted."""
    policy: AlarmPolicy = AlarmPolicy()
    """What follows an alarm, for follow-policy. Left out: people are told, and nothing else."""
