"""A share of the traffic that is not the weight is seen; one that is, is not called wrong."""

from __future__ import annotations

import random

import pytest

from modelway.rollout import split


def at_share(share: float, weight: float, blocks: int, per_block: int, *, seed: int = 1) -> split.Split:
    """Every request drawn by itself."""
    rng = random.Random(seed)
    state = split.Split()
    for _ in range(blocks):
        canary = sum(rng.random() < share for _ in range(per_block))
        state = split.observe(state, canary, per_block - canary, weight, 5.0)
    return state


@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("inside", [1 / 1.05, 1.0, 1.05])
def test_a_share_close_to_the_weight_is_fine(weight: float, inside: float) -> None:
    state = at_share(weight * inside, weight, 120, 100)
    assert split.problem(state, weight) == ""
    assert split.evidence(state, weight) < 10


@pytest.mark.parametrize(("canary", "wrong"), [(5556, False), (5918, True)])
def test_a_quarter_more_or_less_is_tolerated_at_any_number_of_requests(canary: int, wrong: bool) -> None:
    """Odds of 1.25 times those asked for, and of 1.45: the line is half way from TOLERANCE to the nearest of FACTORS."""
    for mine, other in ((canary, 10000 - canary), (10000 - canary, canary)):
        state = split.Split()
        for _ in range(500):
            state = split.observe(state, mine, other, 0.5, 5.0)
        assert bool(split.problem(state, 0.5)) == wrong


@pytest.mark.parametrize(("share", "weight"), [(0.33, 0.1), (0.05, 0.1), (0.1, 0.5), (0.9, 0.5), (0.03, 0.01)])
def test_a_wrong_share_is_seen_within_two_minutes(share: float, weight: float) -> None:
    assert split.problem(at_share(share, weight, 11, 250), weight) == ""
    problem = split.problem(at_share(share, weight, 24, 250), weight)
    assert problem.endswith(f"where {weight:.1%} was asked for: the comparison cannot be trusted")


def test_a_third_instead_of_a_tenth_is_seen_in_a_minute() -> None:
    state = at_share(0.33, 0.1, 12, 250)
    assert split.problem(state, 0.1).startswith(f"the canary got {state.canary:,} of 3,000 requests, ")


def test_long_connections_make_the_share_less_certain_not_wrong() -> None:
    """Ten requests each time go the same way: a dispersion of ten, which alone would look like a wrong share."""
    rng = random.Random(4)
    state = split.Split()
    for _ in range(12):
        canary = 10 * sum(rng.random() < 0.2 for _ in range(10))
        state = split.observe(state, canary, 100 - canary, 0.1, 5.0)
    assert split.evidence(state, 0.1) < 1000
    certain = split.Split(logs=state.logs, bins=(split.Bins(closed=6), split.Bins(), split.Bins()))
    assert split.evidence(certain, 0.1) > 1000


def test_a_burst_in_one_block_is_forgiven() -> None:
    state = at_share(0.5, 0.5, 24, 4)
    for burst in ((500, 0), (0, 500)):
        assert split.problem(split.observe(state, *burst, 0.5, 5.0), 0.5) == ""


def test_silence_goes_on_over_a_change_of_weight_and_ends_with_a_request() -> None:
    quiet = split.observe(split.observe(split.Split(), 0, 40, 0.1, 5.0), 0, 60, 0.1, 5.0)
    assert (quiet.canary_missed, quiet.stable_missed) == (10.0, 0.0)
    stepped = split.at_new_weight(quiet)
    assert stepped == split.Split(canary_missed=10.0)
    assert split.observe(stepped, 1, 60, 0.5, 5.0).canary_missed == 0
    louder = split.observe(split.observe(stepped, 0, 60, 1.0, 5.0), 0, 60, 1.0, 5.0)
    assert split.problem(louder, 1.0) == "the canary got no request where at least 23 were expected at 100%"


def test_stable_may_be_silent_only_at_full_weight() -> None:
    def stable_silent(weight: float) -> str:
        state = split.Split()
        for _ in range(3):
            state = split.observe(state, 100, 0, weight, 5.0)
        return split.problem(state, weight)

    assert stable_silent(0.5) == "stable got no request where at least 20 were expected beside 50%"
    assert stable_silent(1.0) == ""


@pytest.mark.parametrize(
    ("block_seconds", "blocks"),
    [(1, (2, 12, 60)), (2, (2, 12, 60)), (5, (2, 12, 60)), (10, (1, 6, 30)), (60, (1, 1, 5))],
)
def test_bins_are_whole_blocks(block_seconds: float, blocks: tuple[int, ...]) -> None:
    assert tuple(split.blocks_per_bin(seconds, block_seconds) for seconds in split.BIN_SECONDS) == blocks
