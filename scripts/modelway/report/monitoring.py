"""What has changed since a model was trained, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.data.values import few
from modelway.markdown import cell, table
from modelway.monitoring.report import ColumnChange, DayAlarm, HourLooks, MonitorReport
from modelway.monitoring.watching import FEWEST_ROWS
from modelway.report.counted_days import counted_lines
from modelway.report.evidence_bars import bars
from modelway.report.performance import falls_in_words, performance_lines
from modelway.report.service import alone, newest_in_words, open_promises, service_lines

SHOWN_DAYS = 90
SHOWN_ALARMS = 20


def in_words(report: MonitorReport, *, values: bool = True) -> str:
    """One line: what is new, else what is still so. values: whether those that became more or less frequent are named."""
    live, service = report.performance, report.service
    if report.outcome == "alarm":
        new = [f"changed by {alarm.at}: {_changes(alarm, values=values)}" for alarm in report.new[-1:]]
        new += [f"fallen by {alarm.day}: {falls_in_words(alarm.falls)}" for alarm in live.new[-1:]] if live else []
        new += [f"promises broken: {newest_in_words(service)}"] if service and service.new else []
        return f"{report.data}: {'; '.join(new)}"
    if live and live.outcome == "inconclusive":
        return f"{report.data}: nothing is known of the performance: {live.reason}"
    if service and service.outcome == "inconclusive":
        return f"{service.source}: too little is known of the service: {service.reason}"
    if report.outcome == "inconclusive":
        return f"{report.data}: {report.stale}"
    if report.outcome == "changed":
        opened = {**report.open, **(live.open if live else {}), **open_promises(service)}
        still = few([f"{name} (told on {day})" for name, day in opened.items()])
        return f"{report.data}: nothing new since {report.since}; still changed: {still}"
    if report.reference is None and service:
        return f"{report.data}: {len(service.days)} days of the service until {service.days[-1].day}, its promises are kept"
    until = report.looks[-1].day if report.looks else "now"
    return f"{report.data}: {len(report.looks)} days looked at until {until}, nothing has changed for good"


def _changes(alarm: DayAlarm, *, values: bool) -> str:
    return "; ".join(said for said, _ in what(alarm.changes, values=values)[:3])


def what(changes: Sequence[ColumnChange], *, values: bool = True) -> list[tuple[str, float]]:
    """Such as `carrier: 'UA' from 10 to 14.1 % since 2026-06-02`, with its share of the evidence; columns of which the same is
    to be said, together."""
    alike: dict[str, list[ColumnChange]] = {}
    for change in changes:
        alike.setdefault(f"{_moved(change, values)} since {change.since}", []).append(change)
    return [
        (f"{few([one.column[:100] for one in ones], 8)}: {moved}", sum(one.share_of_evidence for one in ones))
        for moved, ones in alike.items()
    ]


def _moved(change: ColumnChange, values: bool) -> str:
    higher = change.now > change.before
    if change.of == "level":
        return f"values {abs(change.now - change.before):.2g} standard deviations {'higher' if higher else 'lower'}"
    if change.of == "spread":
        before, now = 1 + 2 * change.before, 1 + 2 * change.now
        return f"values lie {'further out' if higher else 'nearer'}, mean square {before:.2g} to {now:.2g}"
    of = {
        "missing": "missing",
        "unseen": "unseen or unreadable",
        "share": _text(change.value) if values else "a value",
    }[change.of]
    return f"{of} from {_percent(change.before)} to {_percent(change.now)} %"


def _percent(share: float) -> str:
    return "under 0.01" if 0 < share < 1e-4 else f"{100 * share:.3g}"


def _text(value: str | None) -> str:
    return "rare values together" if value is None else repr(value[:60])


def markdown(report: MonitorReport) -> str:
    if report.reference is None:
        return "\n".join(alone(report))
    first, last, days = report.history
    more = [name for name, there in (("metrics", report.performance), ("promises", report.service)) if there]
    and_metrics = "".join(f" and {name}" for name in more)
    lines = [
        f"## Monitoring, {cell(report.data)}: {report.outcome}",
        "",
        (
            f"{report.rows:,} rows, {report.columns} columns. Usual is what {days} days from {first} to {last} were;"
            f" {len(report.looks)} days were looked at since. Alarms that may be false, over all columns{and_metrics}:"
            f" {report.false_alarms_per_year:g} a year at most."
        ),
    ]
    if report.stale:
        lines += ["", f"Stale: {cell(report.stale)}."]
    if report.looks:
        lines += [
            "",
            f"Evidence day by day, of what an alarm needs, until {report.looks[-1].day}:",
            "",
            bars([look.evidence for look in report.looks[-SHOWN_DAYS:]]),
        ]
    if report.hours:
        lines += _hours(report.hours)
    if report.alarms:
        lines += ["", "### Alarms", "", _alarms(report.alarms, report.since)]
    if report.open:
        still = ", ".join(f"{cell(name)} ({day})" for name, day in report.open.items())
        until = "for two weeks, or for a day of hours where an hour told it" if report.hours else "for two weeks"
        lines += ["", f"Not as before, and without a vote until it is {until}: {still}."]
    if report.back:
        lines += ["", f"Back: {', '.join(f'{cell(name)} ({day})' for day, name in report.back)}."]
    if report.not_watched:
        lines += ["", f"Not watched, because the data has not what the reference has: {_names(report.not_watched)}."]
    if report.new_columns:
        lines += ["", f"Not watched, because the reference has not what the data has: {_names(report.new_columns)}."]
    if report.skipped:
        lines += ["", f"Not looked at, with fewer than {FEWEST_ROWS} rows: {few(report.skipped, 5)}."]
    if report.performance:
        lines += ["", *performance_lines(report.performance)]
    if report.service:
        lines += ["", *service_lines(report.service)]
    lines += counted_lines(report.counted)
    lines += ["", f"Reference {cell(report.reference.data)} `{report.reference.digest}`, data `{report.data_digest}`."]
    return "\n".join(lines)


def _hours(hours: HourLooks) -> list[str]:
    if hours.why_none:
        return ["", f"By the hour nothing was looked at: {hours.why_none}."]
    few_rows = f", and {hours.skipped:,} have fewer than {FEWEST_ROWS} rows" if hours.skipped else ""
    lines = [
        "",
        f"{hours.looks:,} hours were looked at from {hours.first} on{few_rows}; usual is what {hours.usual:,} before were.",
    ]
    if hours.evidence:
        lines += [
            "",
            f"The most evidence of an hour, until {hours.last}:",
            "",
            bars([look.evidence for look in hours.evidence]),
        ]
    return lines


def _names(names: Sequence[str]) -> str:
    return cell(few(names, 12), 1000)


def _alarms(alarms: Sequence[DayAlarm], since: str) -> str:
    rows = [
        (alarm.at, "new" if alarm.day >= since else "", said, f"{100 * share:.0f} %")
        for alarm in reversed(alarms)
        for said, share in what(alarm.changes)
    ]
    left = f"\n\n{len(rows) - SHOWN_ALARMS} more are in the report's JSON." if len(rows) > SHOWN_ALARMS else ""
    return table(("When (UTC)", "", "What has changed", "Of the evidence:"), rows[:SHOWN_ALARMS]) + left
