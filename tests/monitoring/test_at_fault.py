"""A rollback needs evidence against the version that serves and for the one before it: each part of it, taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.monitoring.at_fault import RollbackEvidence, rollback_evidence, tenures_of
from modelway.monitoring.performance import MeasuredValue, MetricLimit, PerformanceReport
from modelway.registry.ledger_history import Recorded
from monitoring.policy_cases import CHAIN, LIMIT, day, entry, performance


def why(live: Any, *chain: Recorded) -> str:
    found = rollback_evidence(live, tenures_of(chain))
    assert isinstance(found, str), found
    return found


def test_a_version_that_fell_below_the_limit_with_its_first_days_and_a_better_one_before_it() -> None:
    found = rollback_evidence(performance(), tenures_of(CHAIN))
    assert isinstance(found, RollbackEvidence)
    assert (found.metric, found.limit) == ("accuracy_score", LIMIT)
    assert (found.serving.version, found.serving.first, found.serving.days) == (8, day(21).isoformat(), 5)
    assert (found.before.version, found.before.last) == (7, day(19).isoformat()), "not the day on which both served"
    assert found.before.labels == 20_000 and 0.08 < found.better_by < 0.1
    assert "accuracy_score of version 8 is 0.7992" in found.sentence and "version 7 was 0.9" in found.sentence


@pytest.mark.parametrize(
    ("live", "chain", "said"),
    [
        (None, CHAIN, "the performance is not watched"),
        (performance(is_open=False), CHAIN, "no metric is beyond its limit"),
        (performance(), (), "nothing is in the environment"),
        (performance(), CHAIN[:1], "version 7 is the first in the environment"),
        (performance(from_gate=False), CHAIN, "the gate has no limit of it"),
        (performance(fell=15, told_of=22), CHAIN, "fell on 2026-10-16, before version 8 came on 2026-10-21"),
        (performance(fell=30, days=36), CHAIN, "held the limit of accuracy_score for 9 days before it fell"),
        (performance(bad=0.86), CHAIN, "is 0.8592 since 2026-10-22, not below the limit 0.85"),
        (performance(good=0.84, bad=0.8), CHAIN, "version 7, which was there before, was below the limit too: 0.84"),
        (performance(good=0.86, bad=0.84, wobble=0.08), CHAIN, "cannot be told from that of 8"),
        (performance(fell=20, told_of=20), CHAIN, "version 8 has not served the whole of 2026-10-21"),
        (performance(), (*CHAIN, entry(3, 24.5, "deploy", 9, 8)), "before version 9 came on 2026-10-25"),
        (performance(), (*CHAIN, entry(3, 22.5, "rollback", 7, 8)), "version 7 is there by a rollback"),
        (
            performance(),
            (entry(1, 16.5, "deploy", 7, None), CHAIN[1]),
            "version 7, which was there before, 3 days have",
        ),
        (performance(), (*CHAIN, entry(3, 22.5, "adopt", 0, 8)), "nothing is in the environment"),
    ],
)
def test_without_a_part_of_the_evidence_there_is_none(live: Any, chain: Any, said: str) -> None:
    assert said in why(live, *chain)


def test_a_version_that_is_recorded_again_has_come_once() -> None:
    again = (*CHAIN, entry(3, 22.5, "restore", 8, 8), entry(4, 23.5, "adopt", 8, 8))
    assert tenures_of(again) == tenures_of(CHAIN)
    assert isinstance(rollback_evidence(performance(), tenures_of(again)), RollbackEvidence)


def test_estimates_are_no_evidence() -> None:
    """Whatever a week without labels is estimated to be: it raises no alarm, and speaks against no version."""
    live = performance(is_open=False)
    assert not live.estimates
    assert isinstance(rollback_evidence(live, tenures_of(CHAIN)), str)


@given(
    fell=st.integers(0, 40),
    bad=st.floats(0, 1),
    good=st.floats(0, 1),
    days=st.integers(0, 45),
    arrivals=st.lists(st.tuples(st.floats(-5, 45), st.integers(0, 9)), max_size=5),
)
def test_evidence_is_always_of_a_version_below_the_limit_and_another_above_it(
    fell: int, bad: float, good: float, days: int, arrivals: list[tuple[float, int]]
) -> None:
    chain = [entry(number, at, "deploy", version, None) for number, (at, version) in enumerate(sorted(arrivals))]
    found = rollback_evidence(performance(fell=fell, bad=bad, good=good, days=days), tenures_of(chain))
    if isinstance(found, str):
        assert found and "\n" not in found
        return
    assert found.serving.value < found.limit <= found.before.value
    assert found.better_by > 0 and found.before.days >= 7
    assert found.serving.version == chain[-1].entry.version != found.before.version
    came = datetime.fromisoformat(chain[-1].entry.when)
    assert datetime.fromisoformat(found.serving.first).replace(tzinfo=UTC) >= came


def mirrored(live: PerformanceReport) -> PerformanceReport:
    """The same of an error, which is 1 less the accuracy: the smaller the better."""
    name, replaced = "mean_absolute_error", msgspec.structs.replace
    (limit,), (alarm,) = live.limits.values(), live.alarms
    days = []
    for one in live.days:
        (seen,) = one.values.values()
        days.append(replaced(one, values={name: MeasuredValue(seen.n, 1 - seen.value, 1 - seen.high, 1 - seen.low)}))
    return replaced(
        live,
        limits={name: MetricLimit(at_most=1 - limit.value, from_gate=limit.from_gate, usual=1 - limit.usual)},
        alarms=(replaced(alarm, falls=tuple(replaced(fall, metric=name) for fall in alarm.falls)),),
        open=dict.fromkeys([name] if live.open else [], alarm.day),
        days=tuple(days),
    )


def test_an_error_above_its_limit_is_told_as_an_accuracy_below_it() -> None:
    found = rollback_evidence(mirrored(performance()), tenures_of(CHAIN))
    as_ever = rollback_evidence(performance(), tenures_of(CHAIN))
    assert isinstance(found, RollbackEvidence) and isinstance(as_ever, RollbackEvidence)
    assert found.better_by == pytest.approx(as_ever.better_by) and found.limit == pytest.approx(1 - LIMIT)
    assert "is 0.2008 from" in found.sentence and "above the limit 0.15" in found.sentence
    assert "lower by 0.09" in found.sentence
    for live, said in (
        (performance(bad=0.86), "is 0.1408 since 2026-10-22, not above the limit 0.15"),
        (performance(good=0.84, bad=0.8), "was above the limit too: 0.16"),
        (performance(good=0.86, bad=0.84, wobble=0.08), "cannot be told from that of 8"),
        (performance(fell=30, days=36), "held the limit of mean_absolute_error for 9 days"),
        (performance(bad=1.0), "not above the limit"),
    ):
        assert said in why(mirrored(live), *CHAIN)
