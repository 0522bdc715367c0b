"""What follows an alarm: which act is due now, and why, or why none is. Nothing here reads a clock or writes anything.

For every input: one act at most, and none while another one is under way; of each act no more in any 24 hours than its budget,
and none within its cool-down; none twice for an alarm that was answered; and no rollback without evidence
(modelway.monitoring.at_fault).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec

from modelway.config.alarm_policy import ALARM_KINDS, CHANGING, NEVER, AlarmKind, AlarmPolicy, ChangingAct
from modelway.data.values import few
from modelway.monitoring.at_fault import RollbackEvidence
from modelway.monitoring.report import MonitorReport
from modelway.records import digest_of_json
from modelway.registry.act_log import PastAct

DAY = timedelta(hours=24)
WAITS = timedelta(days=7)
"""So long after it was told an alarm is still answered, beside the act's cool-down: a night on which nothing could be done, or
was, loses nothing, and what was open when a policy is written is no news."""


class OpenAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that is not over. id: the same whenever the same alarm is read again. told: the day on which it could be
    told first. new: by the report's own `since`. names: of columns, metrics or promises."""

    id: str
    kind: AlarmKind
    told: str
    names: tuple[str, ...]
    new: bool

    @property
    def sentence(self) -> str:
        what = {"performance": "below the limit", "service": "not as promised", "data": "changed"}[self.kind]
        return f"{few([name[:100] for name in self.names])} {what} (told on {self.told})"


class NotDue(msgspec.Struct, frozen=True):
    """Why an act is not done for an alarm. alarm: in words."""

    act: ChangingAct
    alarm: str
    why: str


@dataclass(frozen=True)
class PolicyDecision:
    """act: what is to be done now, for all of `alarms`; None for nothing. reason: in one line. notify: whether people are to
    be told of the report."""

    act: ChangingAct | None
    alarms: tuple[OpenAlarm, ...]
    reason: str
    notify: bool
    not_due: tuple[NotDue, ...] = ()


@dataclass(frozen=True)
class PolicyFacts:
    """What is so while it is decided. evidence: that the version before is better, or why there is none. busy: why nothing may
    be changed now, such as a rollout that is under way; empty where it may."""

    now: datetime
    evidence: RollbackEvidence | str
    busy: str = ""


def open_alarms(report: MonitorReport) -> tuple[OpenAlarm, ...]:
    """Those of which a column, a metric or a promise is not back, the newest first; of performance before those of data."""
    found = []
    for told in report.alarms:
        columns = sorted(change.column for change in told.changes)
        if any(report.open.get(name) == told.day for name in columns):
            found.append(_alarm("data", told.day, columns, told.day, told.day >= report.since))
    live = report.performance
    for fall in live.alarms if live else ():
        metrics = sorted(one.metric for one in fall.falls)
        if live and any(live.open.get(name) == fall.day for name in metrics):
            found.append(_alarm("performance", fall.told, metrics, fall.day, fall.told >= live.since))
    served = report.service
    for broken in served.alarms if served else ():
        promises = sorted(one.promise for one in broken.breaks)
        if served and any(served.open.get(name) == broken.day for name in promises):
            found.append(_alarm("service", broken.day, promises, broken.day, broken.day >= served.since))
    newest_first = sorted(found, key=lambda alarm: alarm.told, reverse=True)
    return tuple(sorted(newest_first, key=lambda alarm: ALARM_KINDS.index(alarm.kind)))


def _alarm(kind: AlarmKind, told: str, names: Sequence[str], day: str, new: bool) -> OpenAlarm:
    return OpenAlarm(
        id=digest_of_json([kind, day, list(names)])[:16], kind=kind, told=told, names=tuple(names), new=new
    )


def decide(
    alarms: Sequence[OpenAlarm], policy: AlarmPolicy, past: Sequence[PastAct], facts: PolicyFacts
) -> PolicyDecision:
    """alarms: as `open_alarms` has them. past: what was claimed before, in the environment."""
    notify = any(alarm.new and "notify" in policy.acts(alarm.kind) for alarm in alarms)
    not_due: list[NotDue] = []
    for alarm in alarms:
        for act in policy.acts(alarm.kind):
            if act == "notify":
                continue
            why = _barred(alarm, act, policy, past, facts)
            if why:
                not_due.append(NotDue(act, alarm.sentence, why))
                continue
            answered = tuple(
                other
                for other in alarms
                if act in policy.acts(other.kind) and not _barred(other, act, policy, past, facts)
            )
            return PolicyDecision(act, answered, _reason(act, answered, facts), notify, tuple(not_due))
    return PolicyDecision(None, (), _nothing(alarms, not_due), notify, tuple(not_due))


def _barred(
    alarm: OpenAlarm, act: ChangingAct, policy: AlarmPolicy, past: Sequence[PastAct], facts: PolicyFacts
) -> str:
    """Why it may not be done for this alarm now; empty where it may."""
    now, limits = facts.now, policy.limits(act)
    if why := NEVER.get((alarm.kind, act)):
        return why
    for one in reversed(past):
        if alarm.id in one.alarms and one.result == "success":
            return f"this alarm was answered by {_named(one)}"
    if why := under_way(past, facts):
        return why
    done = [one for one in past if one.act == act and one.counts]
    ready = max((one.when + timedelta(hours=limits.cool_down_hours) for one in done), default=now)
    if now < ready:
        return f"it cools down until {_at(ready)}"
    within = [one for one in done if one.when > now - DAY]
    if len(within) >= limits.most_per_day:
        first = min(one.when for one in within)
        return f"its budget of {limits.most_per_day} in 24 hours is used up until {_at(first + DAY)}"
    told = datetime.combine(date.fromisoformat(alarm.told), datetime.min.time(), UTC)
    last = told + DAY + WAITS + timedelta(hours=limits.cool_down_hours)
    if now > last:
        return f"the alarm is old: nothing follows it after {last.date()}"
    if act == "rollback" and isinstance(facts.evidence, str):
        return facts.evidence
    return ""


def under_way(past: Sequence[PastAct], facts: PolicyFacts) -> str:
    """Why nothing may be begun now, whoever asks for it; empty where it may."""
    running = next((one for one in past if one.is_running(facts.now)), None)
    return f"{_named(running)} is under way, until {_at(running.ends_by)} at most" if running else facts.busy


def expired(past: Sequence[PastAct], now: datetime) -> tuple[PastAct, ...]:
    """Acts of which nobody has said in time how they ended."""
    return tuple(one for one in past if one.result is None and now >= one.ends_by)


def _reason(act: ChangingAct, alarms: Sequence[OpenAlarm], facts: PolicyFacts) -> str:
    if act == "rollback" and isinstance(facts.evidence, RollbackEvidence):
        return facts.evidence.sentence
    return "; ".join(alarm.sentence for alarm in alarms[:4])


def _nothing(alarms: Sequence[OpenAlarm], not_due: Sequence[NotDue]) -> str:
    if not alarms:
        return "no alarm is open"
    if not not_due:
        return "the policy names no act but notify for what has changed"
    each = dict.fromkeys(f"{one.act}: {one.why}" for one in not_due)
    return "; ".join(list(each)[:4])


def _named(one: PastAct) -> str:
    return f"the {one.act} of {_at(one.when)} (claim {one.number})"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).isoformat(sep=' ', timespec='minutes').removesuffix('+00:00')} UTC"


assert set(CHANGING) == {"rollback", "retrain"}
