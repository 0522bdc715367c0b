"""What monitor-model does about a service: its days counted, and held to what is promised."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile

import msgspec

from modelway import ci
from modelway.config import Resolved
from modelway.data import schemes
from modelway.errors import InvalidInput
from modelway.monitoring.live_days import refuse_too_many
from modelway.monitoring.promises import PromisedLimits, promises_held
from modelway.monitoring.service import ServiceReport, service_report
from modelway.monitoring.service_days import CountedDay
from modelway.observe.prometheus_url import TOKEN
from modelway.records import digest_of_json
from modelway.stages.steps import freshness, service_prometheus, service_rows

WHERE = "monitor.service"
KEPT_DAYS = 500


def is_named(project: Resolved) -> bool:
    """Whether modelway.yml, or an input, says who counts its requests."""
    return bool(project.monitor.service.data or project.monitor.service.prometheus)


def service_of(
    project: Resolved, job: ci.Job, since: str, false_alarms_per_year: float, by_servers: Sequence[CountedDay] = ()
) -> ServiceReport:
    """since: alarms from this ISO date on are new; empty: those of the last day. false_alarms_per_year: of the service alone.
    by_servers: days that the servers themselves have counted; none where somebody else is named."""
    levels, source, digest = project.monitor.service, "", ""
    days: list[CountedDay] = []
    if by_servers:
        days = _history(by_servers) or list(by_servers[-1:])
        source, digest = f"the servers of {project.environment}", digest_of_json(msgspec.to_builtins(days))
    if levels.data:
        days, digest = service_rows.days_in(levels.data, job, project.source)
        source = schemes.name_of(levels.data)
    if levels.prometheus:
        url = service_prometheus.url_of(project)
        days = _history(better_of(days, service_prometheus.days_of(project, url, job.environ.get(TOKEN, ""))))
        source = " and ".join(filter(None, [source, service_prometheus.name_of(url)]))
    if not days:
        raise InvalidInput(
            "has no day that is over", where=source, fix="write times as ISO 8601 in UTC, one row a minute"
        )
    refuse_too_many(days[0].day, days[-1].day, source)
    timed = any(day.timed for day in days)
    limits = PromisedLimits(
        failed=_rest(levels.availability),
        slow=_rest(levels.fast) if timed else None,
        least_requests=levels.least_requests,
    )
    hours = project.monitor.freshness_hours
    stale = freshness.stale_day(days[-1].day, hours, "day") if hours else ""
    found = promises_held(days, limits, project.monitor.history_days, false_alarms_per_year)
    job.say(f"{source}: {len(days)} days of the service, of which {len(found.looks)} were looked at")
    return service_report(
        days,
        found,
        limits,
        since=since,
        confidence=project.gate.confidence,
        source=source,
        digest=digest,
        false_alarms_per_year=false_alarms_per_year,
        faster_than_ms=levels.faster_than_ms,
        stale=stale,
        by_servers=bool(by_servers),
    )


def _history(days: Sequence[CountedDay]) -> list[CountedDay]:
    """From the first day on of which anything is known."""
    return list(dropwhile(lambda day: not day.minutes, days))


def better_of(kept: Sequence[CountedDay], asked: Sequence[CountedDay]) -> list[CountedDay]:
    """Each day once: as it was kept, unless more of its minutes are known now."""
    found = {day.day: day for day in kept}
    for day in asked:
        if day.day not in found or day.minutes > found[day.day].minutes:
            found[day.day] = day
    return [found[day] for day in sorted(found)]


def as_csv(report: ServiceReport) -> str:
    """The last days, as monitor.service.data takes them."""
    lines = ["time,requests,failed,slow,timed,minutes"]
    for day in report.days[-KEPT_DAYS:]:
        counts = {name: (round(share.value * share.n), share.n) for name, share in day.shares.items()}
        slow, timed = counts.get("slow", ("", ""))
        lines.append(f"{day.day},{day.requests},{counts.get('failed', (0, 0))[0]},{slow},{timed},{day.minutes}")
    return "\n".join(lines) + "\n"


def _rest(objective: float) -> float:
    """Of 1, without the noise of binary fractions: 0.001 of 0.999."""
    return float(f"{1 - objective:.12g}")
