"""Shares of what a model predicts: too far apart is harm, surely near is a pass, and what was not counted is neither."""

from __future__ import annotations

from math import comb, exp

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.rollout import judge, shift
from modelway.rollout.judge import plan_numbers
from modelway.rollout.observations import Block, Counts, WatchedCounts
from modelway.rollout.shift import JudgedShare, ShareState
from rollout.judged import SETTINGS, after

ARM = st.integers(1, 6)


def share_of(limit: float = 0.01, *, two_sided: bool = True, share: float = 0.1, rows: float = 1.0) -> JudgedShare:
    return JudgedShare(
        name="predictions of class late",
        counts="class",
        classes=("late",),
        differ_at_most=limit,
        two_sided=two_sided,
        budget=1.0,
        share=share,
        rows=rows,
    )


def settings(share: JudgedShare) -> judge.Settings:
    return judge.with_shares(SETTINGS, (share,))


def block(
    canary: tuple[int, int] | None, stable: tuple[int, int] = (45, 450), why: str = "", weight: float = 0.1
) -> Block:
    """Of 100 requests/s at 10 %, without an error. canary, stable: (of the class, of so many)."""
    name = share_of().name
    return Block(
        began=0.0,
        seconds=5.0,
        weight=weight,
        canary=Counts(50, 0, 2),
        stable=Counts(450, 0, 18),
        watched=(WatchedCounts(name, canary, stable),) if canary else (),
        unwatched=why,
    )


def verdict(settings: judge.Settings, state: judge.JudgeState, *, deadline: bool = False) -> judge.Assessment:
    return judge.assess(settings, state, baked=True, deadline=deadline)


def mean(n1: int, n0: int, s1: float, s0: float, paid: object) -> float:
    """Of what a block multiplies a stake by, over all that may come."""
    total = 0.0
    for k1 in range(n1 + 1):
        for k0 in range(n0 + 1):
            chance = comb(n1, k1) * s1**k1 * (1 - s1) ** (n1 - k1) * comb(n0, k0) * s0**k0 * (1 - s0) ** (n0 - k0)
            total += chance * exp(paid((k1, n1), (k0, n0)))  # type: ignore[operator]
    return total


@given(ARM, ARM, st.floats(0, 1), st.floats(0, 1), st.floats(0.002, 0.2), st.sampled_from(range(6)))
def test_no_wager_wins_on_average_at_the_difference_that_may_be(
    n1: int, n0: int, anchor: float, s0: float, limit: float, place: int
) -> None:
    """Exactly, whatever stable's share was taken for, and however many there are of each arm."""
    for s1, side in ((s0 + limit, 0), (s0 - limit, 1)):
        if 0 <= s1 <= 1:
            paid = mean(n1, n0, s1, s0, lambda c, s, side=side: shift.harm_of(anchor, limit, c, s)[side][place])
            assert paid <= 1 + 1e-9
    for s1, side in ((s0 + shift.PASSES * limit, 0), (s0 - shift.PASSES * limit, 1)):
        if 0 <= s1 <= 1:
            paid = mean(n1, n0, s1, s0, lambda c, s, side=side: shift.within_of(anchor, limit, c, s)[side][place % 4])
            assert paid <= 1 + 1e-9


@pytest.mark.parametrize("canary", [(14, 50), (0, 50)], ids=["rises", "falls"])
def test_a_share_that_is_too_far_off_is_taken_back_by_its_name(canary: tuple[int, int]) -> None:
    plan = settings(share_of())
    seen = verdict(plan, after(*[block(canary)] * 20, settings=plan))
    assert seen.verdict == "fail"
    assert seen.reasons[0].startswith("predictions of class late: the canary has ")
    assert "more than 1 point apart" in seen.reasons[0]
    assert seen.metrics[-1].harm > seen.metrics[-1].harm_needed


def test_a_share_that_may_fall_does_no_harm_by_falling() -> None:
    plan = settings(share_of(two_sided=False))
    assert verdict(plan, after(*[block((0, 50))] * 60, settings=plan)).verdict == "pass"
    assert verdict(plan, after(*[block((14, 50))] * 20, settings=plan)).verdict == "fail"


def test_what_differs_by_less_passes_once_that_is_shown_and_not_before() -> None:
    plan = settings(share_of(0.05))
    alike = block((6, 50))  # two points more than stable, of five that may be
    early = verdict(plan, after(*[alike] * 2, settings=plan), deadline=True)
    assert early.verdict == "inconclusive"
    assert "not shown to be less than 10 points apart" in "".join(early.reasons)
    late = verdict(plan, after(*[alike] * 60, settings=plan))
    assert late.verdict == "pass"
    assert "less than 10 points apart" in late.reasons[-1]


def test_without_counts_it_never_passes_and_says_why() -> None:
    plan = settings(share_of(0.05))
    blind = after(*[block(None, why="replica 0 does not answer")] * 60, settings=plan)
    seen = verdict(plan, blind, deadline=True)
    assert seen.verdict == "inconclusive"
    assert "predictions of class late: was not counted (replica 0 does not answer)" in seen.reasons
    silent = after(*[block((0, 0))] * 60, settings=plan)
    assert verdict(plan, silent).verdict == "continue"
    some = after(*[block((5, 50)), block(None, why="began anew")] * 60, settings=plan)
    assert verdict(plan, some).verdict == "pass", "a gap costs its blocks alone"


def test_a_dropped_block_changes_nothing() -> None:
    plan = settings(share_of())
    dropped = msgspec.structs.replace(block((50, 50)), dropped="a pod is gone")
    assert after(*[dropped] * 20, settings=plan).shares == (ShareState(),)


def test_one_block_full_of_one_class_is_forgiven() -> None:
    plan = settings(share_of())
    state = after(*[block((5, 50))] * 10, block((50, 50)), *[block((5, 50))] * 3, settings=plan)
    assert verdict(plan, state).verdict == "continue"


def test_rows_that_come_together_count_as_fewer() -> None:
    """What would be six points too many of independent rows is chance where stable's share swings from block to block."""
    share = share_of()
    plan = settings(share)
    steady = [block((16, 50)), block((0, 50))] * 20
    assert verdict(plan, after(*steady, settings=plan)).verdict == "fail"
    swinging = [block((16, 50), (30, 450)), block((0, 50), (60, 450))] * 20
    state = after(*swinging, settings=plan)
    assert shift.dispersion(share, state.shares[0]) > 5
    assert verdict(plan, state).verdict == "continue"
    assert shift.dispersion(share_of(rows=30), ShareState()) == 30, "before anything is seen, as many as a request has"


def test_the_budget_is_one_and_without_shares_nothing_moves() -> None:
    plan = settings(share_of())
    parts = [item.budget for item in (*plan.metrics, *plan.shares)]
    assert sum(parts) == pytest.approx(1)
    assert parts[0] == pytest.approx((1 - judge.SHARES_BUDGET) * SETTINGS.metrics[0].budget)
    assert judge.with_shares(SETTINGS, ()) is SETTINGS


def test_at_all_traffic_what_was_seen_of_it_before_holds_nothing_up() -> None:
    plan = settings(share_of())
    suspect = after(*[block((8, 50))] * 15, settings=plan)
    assert verdict(plan, suspect).harm > 3
    whole = [msgspec.structs.replace(block(None), weight=1.0)] * 3
    assert judge.assess(plan, after(*[block((8, 50))] * 15, *whole, settings=plan), baked=True, deadline=False).harm < 3


def numbers(limit: float) -> judge.PlanNumbers:
    return plan_numbers(
        settings(share_of(limit)),
        base_error_rate=0.005,
        base_slow_rate=0.05,
        requests_per_second=50,
        weights=(0.1, 1.0),
        step_seconds=60,
        bake_seconds=120,
        timeout_seconds=1200,
    )


def test_the_plan_says_what_a_narrow_difference_costs_and_refuses_what_does_not_fit() -> None:
    wide, narrow, too_narrow = numbers(0.05), numbers(0.01), numbers(0.002)
    assert not wide.refusal
    assert narrow.expected_requests > wide.expected_requests
    assert too_narrow.refusal and "deploy.timeout-seconds to at least" in too_narrow.fix
