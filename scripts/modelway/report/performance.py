"""How well a model predicts in production, as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from modelway.data.values import few
from modelway.markdown import cell, table
from modelway.monitoring.live_days import ERRORS
from modelway.monitoring.performance import (
    DayState,
    EstimatedWeek,
    MeasuredValue,
    MetricFall,
    PerformanceDay,
    PerformanceReport,
)
from modelway.report.evidence_bars import bars

SHOWN_DAYS = 14
SHOWN_BARS = 90
SHOWN_ALARMS = 20


def falls_in_words(falls: Sequence[MetricFall]) -> str:
    """Such as `accuracy_score from 0.9 to 0.849 since 2026-06-02, at least 0.89`."""
    return "; ".join(
        f"{one.metric} from {one.before:.3g} to {one.now:.3g} since {one.since}, {_side(one.metric)} {one.limit:.3g}"
        for one in falls
    )


def _side(metric: str) -> str:
    return "at most" if metric in ERRORS else "at least"


def performance_lines(report: PerformanceReport) -> list[str]:
    lines = [f"### Performance: {report.outcome}", ""]
    if report.reason:
        lines += [f"Inconclusive: {cell(report.reason)}.", ""]
    looks = [day for day in report.days if day.evidence is not None]
    if report.limits:
        rows = [
            [
                name,
                f"{_side(name)} {limit.value:.4g}",
                "the gate's" if limit.from_gate else "by what is usual",
                f"{limit.usual:.4g}",
            ]
            for name, limit in report.limits.items()
        ]
        lines += [table(["of", "asked", "limit", "usual"], rows), ""]
    if looks:
        parts = [day.evidence or 0.0 for day in looks[-SHOWN_BARS:]]
        lines += [
            f"{len(looks)} days were looked at. Evidence of a fall day by day, until {looks[-1].day}:",
            "",
            bars(parts),
            "",
        ]
    if report.alarms:
        told = [
            [alarm.day, alarm.told, "new" if alarm.told >= report.since else "", falls_in_words(alarm.falls)]
            for alarm in report.alarms[-SHOWN_ALARMS:]
        ]
        lines += [table(["predictions of", "labels mature", "", "what"], told), ""]
    if report.open:
        still = ", ".join(f"{name} ({day})" for name, day in report.open.items())
        lines += [f"Still beyond the limit, and without a vote until it is not for two weeks: {still}.", ""]
    if report.back:
        lines += [f"Back: {', '.join(f'{name} ({day})' for day, name in report.back)}.", ""]
    lines += [_days(report.days), ""]
    if report.estimates:
        lines += ["Until labels come, estimated from the scores; an estimate sees no change of what a score means:", ""]
        lines += [_estimates(report.estimates), ""]
    lines += [_counts(report)]
    return lines


def _days(days: Sequence[PerformanceDay]) -> str:
    """The last ones; all are in the JSON."""
    names = sorted({name for day in days for name in day.values})
    rows = [
        [
            day.day,
            f"{day.predictions:,}",
            f"{100 * day.labels / day.predictions:.3g} %",
            *(_value(day.values, name) for name in names),
            day.state,
        ]
        for day in days[-SHOWN_DAYS:]
    ]
    return table(["day", "predictions", "labelled", *names, ""], rows)


def _estimates(weeks: Sequence[EstimatedWeek]) -> str:
    names = sorted({name for week in weeks for name in week.values})
    rows = [
        [
            f"{week.first} to {week.last}",
            f"{week.predictions:,}",
            *(_estimate(week, name) for name in names),
            week.reason,
        ]
        for week in weeks
    ]
    return table(["week", "predictions", *names, ""], rows)


def _estimate(week: EstimatedWeek, name: str) -> str:
    found = week.values.get(name)
    return f"about {found.value:.3g} ({found.low:.3g} to {found.high:.3g})" if found else "inconclusive"


def _value(values: Mapping[str, MeasuredValue], name: str) -> str:
    found = values.get(name)
    return f"{found.value:.4g} ({found.low:.4g} to {found.high:.4g}), n {found.n:,}" if found else "–"


def _counts(report: PerformanceReport) -> str:
    counts, states = report.counts, Counter(day.state for day in report.days)
    said = [f"{counts.labels:,} labels{f' in {cell(counts.source)}' if counts.source else ''}"]
    said += [f"{counts.unknown:,} of identifiers that no row has"] if counts.unknown else []
    said += [f"{counts.again:,} said twice"] if counts.again else []
    said += (
        [f"{counts.repeated_predictions:,} predictions whose identifier an earlier one has"]
        if counts.repeated_predictions
        else []
    )
    for n, what in (
        (counts.without_id, "no identifier"),
        (counts.without_time, "no time"),
        (counts.without_prediction, "no prediction"),
    ):
        said += [f"{n:,} rows with {what}"] if n else []
    said += [f"{states[state]} days {why}" for state, why in STATES.items() if states[state]]
    said += [f"labels that are never predicted: {cell(few(report.never_predicted))}"] if report.never_predicted else []
    return f"{'; '.join(said)}."


STATES: Mapping[DayState, str] = {
    "half ripe": "were not looked at, because they lack labels",
    "few labels": "were not looked at, with fewer than 50 labels",
    "waiting": "wait for their labels",
}
