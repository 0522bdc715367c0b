"""What follows an alarm: one act at most, within its budget and outside its cool-down, never twice for the same alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.alarm_policy import AlarmPolicy
from modelway.monitoring.at_fault import RollbackEvidence, rollback_evidence, tenures_of
from modelway.monitoring.policy import OpenAlarm, PolicyDecision, PolicyFacts, decide, expired, open_alarms
from modelway.monitoring.report import MonitorReport, of_service_alone
from modelway.monitoring.service import service_report
from modelway.registry.act_log import ActEnd, ActName, PastAct
from monitoring import service_worlds
from monitoring.policy_cases import CHAIN, day, moment, performance, report

FOUND = rollback_evidence(performance(), tenures_of(CHAIN))
BOTH = {"performance": ["notify", "rollback", "retrain"], "data": ["retrain"]}
NOW = moment(31)


def policy(**sections: Any) -> AlarmPolicy:
    return msgspec.convert(BOTH | sections, AlarmPolicy)


def done(
    act: ActName, hours_ago: float, result: ActEnd | None = "success", alarms: Sequence[str] = (), number: int = 1
) -> PastAct:
    when = NOW - timedelta(hours=hours_ago)
    return PastAct(number, act, tuple(alarms), when, when + timedelta(hours=1), result)


def decided(
    of: Any, *past: PastAct, evidence: Any = FOUND, busy: str = "", now: datetime = NOW, **sections: Any
) -> PolicyDecision:
    return decide(open_alarms(of), policy(**sections), past, PolicyFacts(now, evidence, busy))


FALLEN, DRIFTED = report(performance()), report(drifted=30)


def test_a_fall_with_evidence_leads_back_and_drift_to_training() -> None:
    back, anew = decided(FALLEN), decided(DRIFTED)
    assert (back.act, back.notify) == ("rollback", True) and "version 7 was 0.9" in back.reason
    assert (anew.act, anew.notify) == ("retrain", False)
    assert anew.reason == "distance changed (told on 2026-10-31)"


def test_without_evidence_the_next_act_is_due_and_said_why() -> None:
    found = decided(FALLEN, evidence="version 7 is the first in the environment: there is none to go back to")
    assert found.act == "retrain"
    (first,) = found.not_due
    assert (first.act, first.why[:9]) == ("rollback", "version 7")


def broken_service() -> MonitorReport:
    """A service of which every fifth request fails from the last day on."""
    worse = lambda at, one: replace(one, failed=one.requests // 5) if at == 80 else one  # noqa: E731
    found = service_worlds.days(81, worse)
    limits = service_worlds.LIMITS
    told = service_report(
        found, service_worlds.held(found), limits, since="", confidence=0.95, source="requests.csv", digest="",
        false_alarms_per_year=1.0, faster_than_ms=250,
    )  # fmt: skip
    return of_service_alone(told, 1.0)


def test_a_broken_service_is_told_and_nothing_else_follows() -> None:
    of = broken_service()
    (alarm,) = open_alarms(of)
    assert (alarm.kind, alarm.names, alarm.new) == ("service", ("failed",), True)
    now = datetime.fromisoformat(f"{alarm.told}T06:00:00+00:00") + timedelta(days=1)
    found = decided(of, now=now)
    assert (found.act, found.notify, found.reason) == (
        None,
        True,
        "the policy names no act but notify for what has changed",
    )
    for act in ("rollback", "retrain"):  # the configuration refuses both, too
        assert decided(of, now=now, service=[act]).act is None
        assert not decided(of, now=now, service=[act]).notify


def test_drift_alone_never_leads_back_whatever_the_policy_says() -> None:
    found = decided(DRIFTED, data=["rollback"])  # the configuration refuses it, too
    assert found.act is None and "data that changed do not say" in found.reason


def test_by_default_people_are_told_and_nothing_is_done() -> None:
    found = decide(open_alarms(FALLEN), AlarmPolicy(), (), PolicyFacts(NOW, FOUND))
    assert (found.act, found.notify, found.alarms) == (None, True, ())
    assert "names no act but notify" in found.reason


def test_what_is_over_is_no_alarm_and_what_was_told_before_is_not_told_again() -> None:
    assert decided(report(performance(is_open=False), drifted=30, is_open=False)).reason == "no alarm is open"
    later = report(performance(since=31), since=31)
    assert decided(later).act == "rollback" and not decided(later).notify, "a night that was missed loses nothing"


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (
            done("retrain", 0.5, None),
            "the retrain of 2026-10-31 23:30 UTC (claim 1) is under way, until 2026-11-01 00:30",
        ),
        (done("rollback", 0.5, None), "is under way"),
        (done("rollback", 5), "it cools down until 2026-11-01 19:00 UTC"),
        (done("rollback", 5, "failure"), "it cools down"),
        (done("rollback", 5, "cancelled"), "it cools down"),
        (done("rollback", 5, None), "it cools down"),
    ],
)
def test_what_bars_a_rollback(past: PastAct, said: str) -> None:
    found = decided(FALLEN, past, performance=["rollback"])
    assert found.act is None and said in found.reason


def test_a_budget_of_several_a_day() -> None:
    limits = {"cool-down-hours": 2, "most-per-day": 3}
    past = [done("rollback", hours, number=number) for number, hours in enumerate((23, 12, 3))]
    asked: dict[str, Any] = {"performance": ["rollback"], "rollback": limits}
    found = decided(FALLEN, *past, **asked)
    assert found.act is None and "budget of 3 in 24 hours is used up until 2026-11-01 01:00 UTC" in found.reason
    assert decided(FALLEN, *past[1:], **asked).act == "rollback"


def test_what_was_never_begun_does_not_count() -> None:
    assert decided(FALLEN, done("rollback", 0.1, "not-begun")).act == "rollback"


def test_an_alarm_that_was_answered_is_not_answered_again_and_one_that_failed_is() -> None:
    (alarm,) = open_alarms(FALLEN)
    answered = decided(FALLEN, done("rollback", 30, "success", [alarm.id]))
    assert answered.act is None and "this alarm was answered by the rollback of" in answered.reason
    for result in ("failure", "cancelled", None):
        assert decided(FALLEN, done("rollback", 30, result, [alarm.id])).act == "rollback"  # type: ignore[arg-type]


def test_a_rollout_that_is_under_way_is_left_alone() -> None:
    found = decided(FALLEN, busy="the rollout of version 9 is under way")
    assert found.act is None and found.reason.startswith("rollback: the rollout of version 9 is under way")


def test_an_old_alarm_is_left_to_people() -> None:
    assert decided(DRIFTED, now=moment(30 + 10)).act == "retrain"
    late = decided(DRIFTED, now=moment(30 + 12))
    assert late.act is None and "the alarm is old" in late.reason


def test_one_training_answers_all_that_ask_for_it() -> None:
    both = report(performance(), drifted=30)
    found = decided(both, performance=["retrain"])
    assert found.act == "retrain" and [alarm.kind for alarm in found.alarms] == ["performance", "data"]
    assert decided(both).act == "rollback", "what harms comes first"


def test_an_act_that_died_is_given_up_and_said() -> None:
    past = [done("retrain", 5, None, number=4), done("retrain", 0.5, None, number=5)]
    assert [one.number for one in expired(past, NOW)] == [4]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[AlarmPolicy, list[tuple[float, list[OpenAlarm], Any, str, Any, float]]]:
    """A policy, and nights: hours since the last, the alarms that are open, the evidence, whether a rollout is under way, how
    the act ends, and after how many hours."""
    acts = st.permutations(["notify", "rollback", "retrain"]).flatmap(
        lambda order: st.integers(0, 3).map(lambda most: order[:most])
    )
    limits = st.fixed_dictionaries(
        {
            "cool-down-hours": st.floats(0, 100),
            "most-per-day": st.integers(1, 3),
            "ends-within-hours": st.floats(0.1, 48),
        }
    )
    made = msgspec.convert(
        {"performance": draw(acts), "data": draw(acts), "rollback": draw(limits), "retrain": draw(limits)}, AlarmPolicy
    )
    known = [
        OpenAlarm(id=f"{kind}{number}", kind=kind, told=day(number).isoformat(), names=("x",), new=draw(st.booleans()))
        for number, kind in enumerate(draw(st.lists(st.sampled_from(["performance", "data"]), max_size=4)))
    ]
    nights = st.tuples(
        st.floats(0, 60),
        st.lists(st.sampled_from(known), unique_by=lambda one: one.id) if known else st.just([]),
        st.sampled_from([FOUND, "there is none"]),
        st.sampled_from(["", "", "a rollout is under way"]),
        st.sampled_from(["success", "failure", "cancelled", "not-begun", None]),
        st.floats(0, 72),
    )
    return made, draw(st.lists(nights, max_size=25))


@given(scenes())
def test_whatever_happens_the_promises_hold(scene: Any) -> None:
    made, nights = scene
    now, past, ends = moment(0), list[PastAct](), dict[int, tuple[datetime, Any]]()
    for number, (hours, alarms, evidence, busy, result, takes) in enumerate(nights, 1):
        now += timedelta(hours=hours)
        seen = [ended(one, ends[one.number][1] if ends[one.number][0] <= now else None) for one in past]
        facts = PolicyFacts(now, evidence, busy)
        found = decide(alarms, made, seen, facts)
        assert found == decide(alarms, made, seen, facts), "the same inputs, the same decision"
        assert found.reason and "\n" not in found.reason
        if found.act is None:
            assert not found.alarms
            continue
        limits = made.limits(found.act)
        assert not [one for one in seen if one.is_running(now)], "never two at once"
        assert not busy and found.alarms
        counted = [one for one in seen if one.act == found.act and one.counts]
        assert all(now - one.when >= timedelta(hours=limits.cool_down_hours) for one in counted)
        within = [one for one in counted if now - one.when < timedelta(hours=24)]
        assert len(within) + 1 <= limits.most_per_day
        assert not {alarm.id for alarm in found.alarms} & {
            name for one in seen if one.result == "success" for name in one.alarms
        }
        if found.act == "rollback":
            assert isinstance(evidence, RollbackEvidence)
            assert {alarm.kind for alarm in found.alarms} == {"performance"}
        by = now + timedelta(hours=limits.ends_within_hours)
        one = PastAct(number, found.act, tuple(alarm.id for alarm in found.alarms), now, by, None)
        past.append(one)
        ends[number] = (now + timedelta(hours=takes), result)
        again = decide(alarms, made, [*seen, one], facts)
        assert again.act is None, "the same night once more changes nothing"


def ended(one: PastAct, result: Any) -> PastAct:
    return PastAct(one.number, one.act, one.alarms, one.when, one.ends_by, result)
