"""Whether a service keeps its promises, as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from modelway.markdown import cell, table
from modelway.monitoring.report import MonitorReport
from modelway.monitoring.service import (
    HeldShare,
    PromiseAlarm,
    PromiseBreak,
    ServiceDay,
    ServiceDayState,
    ServiceReport,
)
from modelway.report.counted_days import counted_lines
from modelway.report.evidence_bars import bars

SHOWN_DAYS = 14
SHOWN_BARS = 90
SHOWN_ALARMS = 20
PROMISED = {"failed": "failed requests", "slow": "slow requests", "requests": "the number of requests"}
STATES: dict[ServiceDayState, str] = {
    "few minutes": "were not looked at, because less than 90 % of their minutes are known",
    "few requests": "have too few requests to say a share",
}


def newest_in_words(report: ServiceReport) -> str:
    """All that was told on the last day that has a new alarm."""
    return "; ".join(breaks_in_words(alarm) for alarm in report.new if alarm.day == report.new[-1].day)


def breaks_in_words(alarm: PromiseAlarm) -> str:
    """Such as `failed requests from 0.02 to 31 % on 2026-06-02, at most 0.1 % is promised`."""
    return "; ".join(_break(one, today=alarm.today) for one in alarm.breaks)


def _break(one: PromiseBreak, *, today: bool) -> str:
    when = f"on {one.since}" if today else f"since {one.since}"
    if one.limit is None:
        return f"{PROMISED[one.promise]} from {one.before or 0:,.0f} to {one.now:,.0f} a day {when}"
    change = _percent(one.now) if one.before is None else f"from {_percent(one.before)} to {_percent(one.now)}"
    return f"{PROMISED[one.promise]} {change} {when}, {_percent(one.limit)} at most"


def _percent(share: float) -> str:
    return "under 0.001 %" if 0 < share < 1e-5 else f"{100 * share:.3g} %"


def open_promises(report: ServiceReport | None) -> dict[str, str]:
    """As a sentence names them."""
    return {PROMISED[name]: day for name, day in report.open.items()} if report else {}


def alone(report: MonitorReport) -> list[str]:
    """The page of a service whose model's rows nobody watches."""
    lines = [f"## Monitoring, {cell(report.data)}: {report.outcome}", ""]
    lines += [f"The service alone. Alarms that may be false: {report.false_alarms_per_year:g} a year at most.", ""]
    return [*lines, *(service_lines(report.service) if report.service else []), *counted_lines(report.counted)]


def service_lines(report: ServiceReport) -> list[str]:
    lines = [f"### Service: {report.outcome}", ""]
    if report.reason:
        lines += [f"Inconclusive: {cell(report.reason)}.", ""]
    rows = [
        [
            "failed" if name == "failed" else f"slower than {report.faster_than_ms:g} ms",
            _percent(one.at_most),
            "unknown" if one.usual is None else _percent(one.usual),
            "" if one.at_once_above is None else f"above {_percent(one.at_once_above)}",
        ]
        for name, one in report.promises.items()
    ]
    lines += [table(["requests that", "at most", "usual", "a day is told at once"], rows), ""]
    looks = [day for day in report.days if day.evidence is not None]
    if looks:
        lines += [
            f"{len(looks)} days were looked at. Evidence of a promise that is broken for good, until {looks[-1].day}:",
            "",
            bars([day.evidence or 0.0 for day in looks[-SHOWN_BARS:]]),
            "",
        ]
    if report.alarms:
        told = [
            [
                alarm.day,
                "that day" if alarm.today else "for good",
                "new" if alarm.day >= report.since else "",
                breaks_in_words(alarm),
            ]
            for alarm in report.alarms[-SHOWN_ALARMS:]
        ]
        lines += [table(["day", "told", "", "what"], told), ""]
    if report.open:
        lines += [f"Still broken: {', '.join(f'{name} ({day})' for name, day in report.open.items())}.", ""]
    if report.back:
        lines += [f"Back: {', '.join(f'{name} ({day})' for day, name in report.back[-SHOWN_ALARMS:])}.", ""]
    lines += [_days(report.days), "", _counts(report)]
    if report.by_servers:
        lines += ["", "What never reached a server, such as a connection that was refused, is not in these counts."]
    return lines


def _days(days: Sequence[ServiceDay]) -> str:
    """The last ones; all are in the JSON."""
    names = [name for name in ("failed", "slow") if any(name in day.shares for day in days)]
    rows = [
        [
            day.day,
            f"{day.requests:,}",
            "" if day.expected is None else f"{day.expected:,.0f}",
            f"{day.minutes:,}",
            *(_share(day.shares.get(name)) for name in names),
            "" if day.state in ("looked at", "usual") else day.state,
        ]
        for day in days[-SHOWN_DAYS:]
    ]
    return table(["day", "requests", "usual", "minutes known", *names, ""], rows)


def _share(found: HeldShare | None) -> str:
    if found is None:
        return "–"
    return f"{_percent(found.value)} ({_percent(found.low)} to {_percent(found.high)}): {found.outcome}"


def _counts(report: ServiceReport) -> str:
    states = Counter(day.state for day in report.days)
    said = [f"{len(report.days)} days in {cell(report.source)}"]
    said += [f"{report.unknown_days} between them are not there"] if report.unknown_days else []
    said += [f"{states[state]} {why}" for state, why in STATES.items() if states[state]]
    return f"{'; '.join(said)}."
