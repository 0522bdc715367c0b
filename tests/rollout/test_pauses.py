"""A pause holds the way forth until a person's word, and nothing else: harm goes back at once, no word outlives its pause."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.strategies import RequestMatch
from modelway.rollout import engine, journal
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import Plan
from rollout.simulated import Traffic, World, plan, run, run_through_deaths, traffic

TESTERS = RequestMatch(header="x-release", value="next")
GOOD = traffic(1000, 0.0, 0.0)


def carried(seen: World, state: engine.RolloutState | None = None) -> list[str]:
    said: list[str] = []
    run(seen, state, said.append)
    assert all(written == follows for written, follows in journal.replay(seen.story))
    return said


def world(planned: Plan, seconds: float = 200.0, traffic_: Traffic = GOOD) -> World:
    """A person who lets each pause go on after so many seconds."""
    return World(planned, traffic_, random.Random(1), person=lambda weight, waited: waited >= seconds)


def blocks_at(seen: World, weight: float) -> float:
    found = [line.event.block for line in seen.lines if isinstance(line.event, engine.Observed)]
    return sum(block.seconds for block in found if block.weight == weight)


PAUSED = [
    (plan(pauses=(0.1,)), 0.1),
    (plan(pauses=(0.5,)), 0.5),
    (plan(pauses=(1.0,)), 1.0),
    (plan(weights=(0.0, 0.1, 0.5, 1.0), testers=TESTERS, pauses=(0.0,)), 0.0),
    (plan(blue_green=True, pauses=(1.0,)), 1.0),
]


@pytest.mark.parametrize(("planned", "share"), PAUSED)
def test_it_goes_no_further_before_the_word_and_further_after_it(planned: Plan, share: float) -> None:
    seen = world(planned)
    said = carried(seen)
    assert seen.story.outcome == "deployed"
    assert blocks_at(seen, share) >= 200
    (word,) = [number for number, line in enumerate(seen.lines) if isinstance(line.event, engine.Continued)]
    later = [line.act for line in seen.lines[:word] if isinstance(line.act, engine.Adopt)]
    higher = [line.event for line in seen.lines[:word] if isinstance(line.event, engine.Routed)]
    assert later == [] and max(event.weight for event in higher) == share
    next_event = next(line.event for line in seen.lines[word + 1 :] if line.event is not None)
    assert isinstance(next_event, engine.Observed), "what moves it is counted after the word"
    assert sum("paused at" in line for line in said) == 1
    assert "continued by a person: it looks well" in said


@pytest.mark.parametrize("policy", ["rollback", "promote", "extend"])
@pytest.mark.parametrize(("planned", "share"), PAUSED)
def test_a_pause_that_nobody_ends_is_taken_back_whatever_the_policy(planned: Plan, share: float, policy: str) -> None:
    seen = world(msgspec.structs.replace(planned, inconclusive=policy, pause_seconds=50.0), seconds=1e9)
    carried(seen)
    assert (seen.story.outcome, seen.routed, seen.running) == ("rolled-back", {"v1": 1.0}, {"v1"})
    assert seen.story.state.reasons == (f"nobody continued it at {share:.0%} within 50 s",)
    assert not seen.tested


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_harm_in_a_pause_is_taken_back_at_once(share: float) -> None:
    seen = world(plan(pauses=(share,)), seconds=1e9)

    def turns_bad(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        paused = seen.story.state.paused_at is not None
        return traffic(1000, 0.5 if paused else 0.0, 0.0)(weight, chance)

    seen.traffic = turns_bad
    carried(seen)
    assert (seen.story.outcome, seen.routed) == ("rolled-back", {"v1": 1.0})
    since = seen.story.state.paused_at
    assert since is not None and seen.clock - since <= 90


def test_a_wrong_split_in_a_pause_is_found() -> None:
    seen = world(plan(pauses=(0.5,)), seconds=1e9)

    def turns_silent(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        return (Counts(), Counts(1000)) if seen.story.state.is_paused else GOOD(weight, chance)

    seen.traffic = turns_silent
    carried(seen)
    assert seen.story.outcome == "rolled-back"
    assert "the canary got no request" in seen.story.state.reasons[0]


def test_the_time_of_a_pause_is_no_time_of_the_plan() -> None:
    """Neither of what bakes, nor of what runs out."""
    seen = world(plan(pauses=(0.1,), timeout=60), seconds=500)
    carried(seen)
    assert seen.story.outcome == "deployed"
    assert blocks_at(seen, 0.5) >= 25, "40 s of baking, less the 10 s of the first step before its pause"


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_evidence_of_before_the_word_alone_promotes_nothing(share: float) -> None:
    """All that was needed is there when the traffic ends; then somebody continues it."""
    seen = world(plan(pauses=(share,), timeout=100))

    def ends(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        return (Counts(), Counts()) if seen.story.state.paused_at is not None else GOOD(weight, chance)

    seen.traffic = ends
    carried(seen)
    assert seen.story.outcome == "rolled-back"
    assert seen.story.state.reasons == ("no request came since it was continued",)


def test_a_policy_of_promoting_passes_no_pause_by() -> None:
    seen = world(plan(pauses=(0.5,), inconclusive="promote", timeout=100), 1e9, traffic(10, 0.0, 0.0))
    seen.plan = msgspec.structs.replace(seen.plan, pause_seconds=300.0)
    carried(seen)
    assert seen.story.outcome == "rolled-back"
    assert max(line.event.weight for line in seen.lines if isinstance(line.event, engine.Routed)) == 0.5
    asked = world(plan(pauses=(0.5,), inconclusive="promote", timeout=100), 100, traffic(10, 0.0, 0.0))
    carried(asked)
    assert asked.story.outcome == "deployed"


def paused_state(planned: Plan) -> engine.RolloutState:
    state = engine.begin(planned)
    at = 0.0
    for event in (engine.Ready(0.0), engine.Routed(0.0, 0.1)):
        state = engine.advance(planned, state, event)
    while not state.is_paused:
        state = engine.advance(planned, state, engine.Observed(block(at)))
        at += 5
    return state


def block(at: float, **fields: object) -> Block:
    counted = {"canary": Counts(100, 0, 4), "stable": Counts(900, 0, 36), "weight": 0.1, "began": at, "seconds": 5.0}
    return Block(**{**counted, **fields})  # type: ignore[arg-type]


PLAN = plan(pauses=(0.1,))
WORD = engine.Continued(100.0, 0.1, "a person", "why")


def test_a_second_word_changes_nothing_nor_does_one_for_another_pause_or_too_early() -> None:
    paused = paused_state(PLAN)
    once = engine.advance(PLAN, paused, WORD)
    assert once.continued and not once.is_paused
    assert engine.advance(PLAN, once, WORD) == once
    assert engine.advance(PLAN, paused, msgspec.structs.replace(WORD, weight=0.5)) == paused
    early = engine.RolloutState(ready=True, routed=0.1)
    assert engine.advance(PLAN, early, WORD) == early


def test_what_was_taken_back_is_not_continued() -> None:
    back = engine.advance(PLAN, paused_state(PLAN), engine.Cancelled(0.0, "rolled back by somebody"))
    assert engine.advance(PLAN, back, WORD) == back
    assert engine.command(PLAN, back) == engine.Route(0.0)


def test_a_word_lets_one_pause_go_on_and_not_the_next() -> None:
    seen = World(plan(pauses=(0.1, 0.5)), GOOD, random.Random(1), person=lambda weight, waited: weight == 0.1)
    carried(seen)
    assert seen.story.outcome == "rolled-back"
    assert "nobody continued it at 50%" in seen.story.state.reasons[0]


@pytest.mark.parametrize("planned", [plan(), PLAN, plan(blue_green=True)])
def test_no_share_rises_before_all_that_has_passed_was_judged(planned: Plan) -> None:
    """A command finds an hour of blocks: the first ones are well, and later ones are not."""
    first = planned.weights[0]
    state = engine.begin(planned)
    for event in (engine.Ready(0.0), engine.Routed(0.0, first)):
        state = engine.advance(planned, state, event)
    if planned is PLAN:
        state = engine.advance(planned, paused_state(planned), WORD)
    stable = Counts() if first == 1 else Counts(900, 0, 36)
    for number in range(100):
        good = block(1000 + 5.0 * number, weight=first, stable=stable, more=True)
        state = engine.advance(planned, state, engine.Observed(good))
        assert (state.step, state.decision) == (0, "")
    for number in range(30):
        bad = block(2000 + 5.0 * number, weight=first, canary=Counts(100, 50), stable=stable, more=True)
        state = engine.advance(planned, state, engine.Observed(bad))
    assert state.decision == "revert"


@given(
    seed=st.integers(0, 10**6),
    errors=st.sampled_from([0.0, 0.002, 0.5]),
    deaths=st.lists(st.integers(1, 80), max_size=6),
    planned=st.sampled_from([planned for planned, _ in PAUSED] + [plan(pauses=(0.1, 0.5, 1.0))]),
    patience=st.sampled_from([0.0, 60.0, 1e9]),
)
def test_a_runner_that_dies_in_a_pause_loses_nothing(
    seed: int, errors: float, deaths: list[int], planned: Plan, patience: float
) -> None:
    seen = world(planned, patience, traffic(1000, errors, 0.0))
    seen.chance = random.Random(seed)
    run_through_deaths(seen, deaths)
    assert all(written == follows for written, follows in journal.replay(seen.story))
    outcome = seen.story.outcome
    words = [line.event.weight for line in seen.lines if isinstance(line.event, engine.Continued)]
    assert outcome in ("deployed", "rolled-back")
    if outcome == "deployed":
        assert sorted(set(words)) == list(planned.pauses), "each pause by a word of its own"
    if patience > 1000 or errors == 0.5:
        assert outcome == "rolled-back"
    winner = "v2" if outcome == "deployed" else "v1"
    assert (seen.stable, seen.routed, seen.running, seen.tested) == (winner, {winner: 1.0}, {winner}, "")


def test_a_pause_counts_for_no_step_and_no_baking() -> None:
    paused = paused_state(PLAN)
    later = engine.advance(PLAN, paused, engine.Observed(block(500.0)))
    assert later.is_paused and later.judged != paused.judged, "it is judged"
    assert (later.in_step, later.compared) == (paused.in_step, paused.compared)
