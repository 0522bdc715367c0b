"""What the judge says, and that it says it from the state alone."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.rollout import harm, judge
from modelway.rollout.observations import Block, Counts
from rollout.judged import HEALTHY, SETTINGS, after, block, verdict

BROKEN = block((50, 5, 2), (450, 2, 22))
SILENT = block((0, 0), (500, 2))

counts = st.integers(0, 60).flatmap(lambda n: st.builds(Counts, st.just(n), st.integers(0, n), st.integers(0, n)))
blocks = st.lists(
    st.builds(
        Block,
        began=st.just(0.0),
        seconds=st.just(5.0),
        weight=st.sampled_from([0.1, 0.5, 1.0]),
        canary=counts,
        stable=counts,
        dropped=st.sampled_from(["", "", "", "a counter went down"]),
    ),
    max_size=25,
)


@given(blocks)
def test_a_state_survives_json_exactly(history: list[Block]) -> None:
    """A runner that dies is replaced by one that reads the journal: both must go on from the very same numbers."""
    state = after(*history)
    again = msgspec.json.decode(msgspec.json.encode(state), type=judge.JudgeState)
    assert again == state
    assert judge.observe(SETTINGS, again, BROKEN) == judge.observe(SETTINGS, state, BROKEN)
    assessed = judge.assess(SETTINGS, state, baked=True, deadline=False)
    assert msgspec.json.decode(msgspec.json.encode(assessed), type=judge.Assessment) == assessed
    assert msgspec.json.decode(msgspec.json.encode(SETTINGS), type=judge.Settings) == SETTINGS


@given(blocks, st.booleans(), st.booleans())
def test_the_order_of_the_metrics_does_not_matter(history: list[Block], baked: bool, deadline: bool) -> None:
    turned = msgspec.structs.replace(SETTINGS, metrics=SETTINGS.metrics[::-1])
    one = judge.assess(SETTINGS, after(*history), baked=baked, deadline=deadline)
    other = judge.assess(turned, after(*history, settings=turned), baked=baked, deadline=deadline)
    assert (one.verdict, one.harm, one.promotion) == (other.verdict, other.harm, other.promotion)
    assert one.metrics == other.metrics[::-1]


@given(blocks)
def test_a_dropped_block_changes_nothing_but_its_counter(history: list[Block]) -> None:
    state = after(*history)
    dropped = judge.observe(SETTINGS, state, block((9, 9), (9, 0), 0.5, dropped="the query failed"))
    assert dropped == msgspec.structs.replace(state, dropped=state.dropped + 1)


@pytest.mark.parametrize("counts", [(5, 6), (5, 0, 6), (-1, 0), (5, -1)])
def test_counts_that_cannot_be_true_are_dropped(counts: tuple[int, int]) -> None:
    for impossible in (block(counts, (45, 0)), block((45, 0), counts)):
        assert after(impossible) == msgspec.structs.replace(after(), dropped=1)


@settings(max_examples=50)
@given(st.lists(st.sampled_from([0.1, 0.5, 1.0]), max_size=6), st.booleans())
def test_without_requests_to_compare_nothing_passes(weights: list[float], canary_only: bool) -> None:
    one_sided = [block((50, 0) if canary_only else (0, 0), (0, 0), weight) for weight in weights]
    assert verdict(after(*one_sided), baked=True) != "pass"
    assert verdict(after(*one_sided), baked=True, deadline=True) == "inconclusive"


def test_a_healthy_canary_passes_once_it_has_baked() -> None:
    state = after(*[HEALTHY] * 60)
    assert verdict(state) == "continue"
    assert verdict(state, baked=True) == "pass"
    assert verdict(state, baked=True, deadline=True) == "pass"


def test_every_metric_must_be_shown_to_be_no_worse() -> None:
    """A quarter more slow requests, at a margin of half: that there are no errors does not make up for it."""
    slow = after(*[block((50, 0, 3), (450, 0, 22))] * 30)
    judged = judge.assess(SETTINGS, slow, baked=True, deadline=False)
    errors, latency = judged.metrics
    assert errors.not_worse > judged.promotion_needed > latency.not_worse == judged.promotion
    assert judged.verdict == "continue"
    assert [reason.split(":")[0] for reason in judged.reasons] == ["latency"]


def test_too_little_is_inconclusive_when_the_time_is_over() -> None:
    state = after(HEALTHY)
    assert verdict(state, baked=True) == "continue"
    assert verdict(state, baked=True, deadline=True) == "inconclusive"


def test_ten_times_the_errors_fail_within_a_few_blocks() -> None:
    state = after(*[BROKEN] * 6)
    assert verdict(state) == "fail"
    (reason,) = state.failed
    assert reason.startswith("errors: the canary has 10.00% of 200, stable 0.44% of 1,800 (evidence ")


def test_slow_requests_fail_it_too() -> None:
    state = after(*[block((50, 0, 20), (450, 2, 22))] * 10)
    assert verdict(state) == "fail"
    assert state.failed[0].startswith("latency: the canary has 40.00% of ")


def test_a_fail_is_for_good() -> None:
    state = after(*[BROKEN] * 6, *[HEALTHY] * 500)
    assert sum(m.budget * harm.wealth(held) for m, held in zip(SETTINGS.metrics, state.held, strict=True)) < 100
    assert verdict(state, baked=True) == "fail"
    assert state.failed == after(*[BROKEN] * 6).failed


def test_a_fail_comes_before_a_wrong_split_and_that_before_a_pass() -> None:
    healthy = after(*[HEALTHY] * 60)
    wrong = msgspec.structs.replace(healthy, invalid="the split is wrong")
    assert verdict(wrong, baked=True) == "inconclusive"
    assert judge.assess(SETTINGS, wrong, baked=True, deadline=False).reasons == ("the split is wrong",)
    both = msgspec.structs.replace(wrong, failed=("it fails",))
    assert verdict(both, baked=True, deadline=True) == "fail"


def test_a_silent_canary_makes_it_inconclusive_before_the_time_is_over() -> None:
    assert verdict(after(*[block((0, 0), (49, 1))] * 4)) == "continue"
    assert verdict(after(*[block((0, 0), (50, 1))] * 4)) == "inconclusive"
    assert verdict(after(HEALTHY, *[SILENT] * 2, HEALTHY, *[SILENT] * 2)) == "continue"
    state = after(HEALTHY, *[SILENT] * 3, HEALTHY)
    assert state.invalid == "the canary got no request where at least 20 were expected at 10%"
    assert verdict(state, baked=True) == "inconclusive"


@pytest.mark.parametrize("requests", range(1, 12))
def test_dead_on_arrival_after_five_requests(requests: int) -> None:
    """No evidence is waited for, and four are not enough."""
    for state in (
        after(block((requests, requests), (9 * requests, 0))),
        after(block((1, 1), (9, 0)), block((requests - 1, requests - 1), (9 * requests, 0))),
    ):
        assert bool(state.failed) == (requests >= 5)
        assert all(reason.startswith("dead on arrival") for reason in state.failed)


def test_one_answer_is_a_sign_of_life() -> None:
    state = after(block((1, 0), (9, 0)), *[block((1, 1), (9, 0))] * 6)
    assert not any("arrival" in reason for reason in state.failed)


def test_nothing_is_dead_on_arrival_where_stable_fails_too_or_was_not_seen() -> None:
    assert not after(block((5, 5), (45, 23))).failed
    assert after(block((5, 5), (45, 22))).failed
    assert not after(block((5, 5), (0, 0), 0.5)).failed


def test_the_fuse_blows_on_the_last_thirty_seconds() -> None:
    """One heap of failures in mid-rollout, of which a bet takes only one block's worth."""
    healthy = [HEALTHY] * 100
    # 250 requests of the five blocks before are part of it: 50 + 2/3 of 1,150 is 816.7.
    assert not after(*healthy, block((900, 816), (8100, 10))).failed
    blown = after(*healthy, block((900, 817), (8100, 10)))
    assert blown.failed == ("total failure: 817 of the canary's 1,150 requests failed in the last 30 s",)
    assert not after(*healthy, block((900, 900), (8100, 4200))).failed


def test_the_fuse_forgets_what_is_older() -> None:
    spread = [block((60, 29), (540, 5)), *[HEALTHY] * 5]
    assert not any("total" in reason for reason in after(*[HEALTHY] * 100, *spread * 3).failed)
    assert len(after(*spread * 3).recent) == 6


def test_half_of_the_wealth_goes_back_when_the_weight_changes() -> None:
    before = after(*[BROKEN] * 3)
    quiet = block((50, 0), (50, 0), 0.5)
    same, changed = (judge.observe(SETTINGS, before, block_) for block_ in (block((50, 0), (50, 0), 0.1), quiet))
    for old, kept, moved in zip(before.held, same.held, changed.held, strict=True):
        assert kept == harm.give_back(old, harm.RETURNED)
        assert moved == harm.give_back(harm.give_back(old, 0.5), harm.RETURNED)
    assert judge.observe(SETTINGS, changed, quiet).held == tuple(
        harm.give_back(held, harm.RETURNED) for held in changed.held
    )
    assert changed.logs == same.logs


def test_evidence_for_promotion_goes_on_over_the_steps() -> None:
    first, second = [HEALTHY] * 20, [block((250, 1, 12), (250, 1, 12), 0.5)] * 5
    apart = judge.assess(SETTINGS, after(*second), baked=True, deadline=False)
    whole = judge.assess(SETTINGS, after(*first, *second), baked=True, deadline=False)
    assert whole.promotion > apart.promotion
    assert whole.metrics[0].canary.requests == 20 * 50 + 5 * 250


@pytest.mark.parametrize(
    "both_arms",
    [block((60, 0, 60), (76, 0, 63), 0.5), block((60, 0, 60), (76, 0, 76), 0.5), block((50, 50), (450, 450))],
    ids=["all slow beside most", "all slow", "all fail"],
)
def test_where_most_of_stable_s_are_bad_too_no_margin_lets_a_canary_of_which_all_are_pass(both_arms: Block) -> None:
    """1.5 times 83 % is more than all of them."""
    state = after(*[both_arms] * 500)
    assert verdict(state, baked=True) == "continue"
    assert verdict(state, baked=True, deadline=True) == "inconclusive"


def test_where_most_of_stable_s_are_slow_one_like_it_passes() -> None:
    assert verdict(after(*[block((60, 0, 50), (76, 0, 63), 0.5)] * 20), baked=True) == "pass"


FULL = 1.0


def test_at_full_weight_a_rate_like_stables_goes_on() -> None:
    state = after(*[HEALTHY] * 60, *[block((500, 2, 24), (3, 3, 3), FULL)] * 60)
    assert verdict(state, baked=True) == "pass"
    assert state.stable == after(*[HEALTHY] * 60).stable
    assert state.logs == after(*[HEALTHY] * 60).logs


def test_at_full_weight_a_rate_above_the_limit_fails() -> None:
    state = after(*[HEALTHY] * 60, *[block((500, 40, 24), (0, 0), FULL)] * 20)
    limit = state.limits[0]
    assert 0.0144 < limit < 0.02
    assert verdict(state) == "fail"
    assert state.failed[0].startswith(f"errors: the canary has 8.00% of 3,500 at 100 %, limit {limit:.2%}")


def test_at_full_weight_there_is_a_limit_however_bad_stable_was() -> None:
    state = after(*[block((60, 0, 42), (76, 0, 53), 0.5)] * 20, block((120, 0, 84), (0, 0), FULL))
    assert 0.85 < state.limits[1] < 0.92


def test_at_full_weight_total_failure_blows_the_fuse() -> None:
    state = after(*[HEALTHY] * 60, block((900, 900), (0, 0), FULL))
    assert state.failed[0].startswith("total failure: ")


def test_nothing_is_held_against_a_canary_whose_stable_was_never_seen() -> None:
    state = after(*[block((5, 0, 0), (0, 0), FULL)], *[block((5, 4, 4), (0, 0), FULL)] * 5)
    assert state.limits == (1.0, 1.0)
    assert verdict(state) == "continue"


def test_one_budget_is_shared() -> None:
    """Evidence of 100 in one metric alone is not enough: it counts by its share."""
    assert sum(metric.budget for metric in SETTINGS.metrics) == 1
    state = after(*[block((50, 0, 20), (450, 2, 22))] * 10)
    judged = judge.assess(SETTINGS, state, baked=False, deadline=False)
    assert judged.harm == pytest.approx(0.75 * judged.metrics[0].harm + 0.25 * judged.metrics[1].harm)
    assert judged.metrics[1].harm_needed == pytest.approx(400)


def test_what_a_report_shows() -> None:
    judged = judge.assess(SETTINGS, after(HEALTHY, HEALTHY), baked=False, deadline=False)
    errors, latency = judged.metrics
    assert (errors.canary.requests, errors.stable.count, latency.stable.rate) == (100, 4, pytest.approx(44 / 900))
    assert errors.canary.interval == (0.0, pytest.approx(0.0370, abs=5e-5))
    assert (judged.share_asked, judged.share_measured) == (0.1, 0.1)
    assert errors.difference == pytest.approx(-4 / 900)
    low, high = errors.difference_interval or (0, 0)
    assert low < -4 / 900 < high
    nothing = judge.assess(SETTINGS, after(), baked=False, deadline=False)
    assert nothing.share_measured is None and nothing.metrics[0].canary.rate is None


def test_reasons_are_single_lines() -> None:
    for history, deadline in itertools.product(([], [HEALTHY], [BROKEN] * 9, [SILENT]), (True, False)):
        reasons = judge.assess(SETTINGS, after(*history), baked=True, deadline=deadline).reasons
        assert reasons and not any("\n" in reason or not reason for reason in reasons)


def test_the_worked_example_of_the_docs() -> None:
    """docs/judge.md tells these numbers to people: at 100 requests/s and 10 %, with half an hour of calm history."""
    settings = msgspec.structs.replace(
        SETTINGS, metrics=tuple(msgspec.structs.replace(metric, tolerance=1.05) for metric in SETTINGS.metrics)
    )

    def evidence(*story: Block) -> tuple[float, float]:
        judged = judge.assess(settings, after(*story, settings=settings), baked=False, deadline=False)
        return judged.metrics[0].harm, judged.metrics[0].not_worse

    bad, burst = block((50, 3), (450, 2)), block((50, 50), (450, 0))
    assert [round(evidence(*[bad] * n)[0], 1) for n in range(1, 6)] == [2.1, 6.0, 21.3, 85.0, 359.2]
    assert not after(*[bad] * 4, settings=settings).failed
    assert after(*[bad] * 5, settings=settings).failed
    assert [round(evidence(*[burst] * n)[0], 1) for n in (1, 2, 3)] == [3.0, 14.1, 85.3]
    assert evidence(block((50, 40), (450, 360)))[0] == pytest.approx(0.99, abs=0.001)
    healthy = [block((50, int(n % 4 == 0)), (450, 2 + int(n % 4 == 0))) for n in range(24)]
    assert [round(evidence(*healthy[:n])[1], 1) for n in (4, 16, 24)] == [1.3, 6.2, 26.5]
