"""The engine's promises, over random histories and over runners that die anywhere: order, judgement, the way back."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.strategies import RequestMatch
from modelway.rollout import engine, journal
from modelway.rollout.comparison import RowCounts, RowsPlan
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import Plan
from modelway.rollout.run import Interrupts, Surroundings, carry_out
from rollout.simulated import SimulatedTarget, World, plan, run, run_through_deaths, traffic

TESTERS = RequestMatch(header="x-release", value="next")
ROWS = RowsPlan(most=2000, task="binary", threshold=0.5, tolerance=0.01, slices=("carrier",))
GOOD, BAD = traffic(1000, 0.0, 0.0), traffic(1000, 0.3, 0.0)


def world(plan_: Plan, traffic_: Callable[..., object] = GOOD, seed: int = 1, **fields: object) -> World:
    return World(plan_, traffic_, random.Random(seed), **fields)  # type: ignore[arg-type]


def test_a_healthy_canary_is_deployed_and_only_then_announced() -> None:
    seen = world(plan())
    run(seen)
    assert engine_outcome(seen) == "deployed"
    assert (seen.stable, seen.routed, seen.running, seen.announced) == ("v2", {"v2": 1.0}, {"v2"}, [2])
    steps = [line.event.weight for line in seen.lines if isinstance(line.event, engine.Routed)]
    assert steps == [0.1, 0.5, 1.0]


def test_each_step_and_the_whole_last_as_long_as_the_plan_says() -> None:
    seen = world(plan())
    run(seen)
    blocks = [line.event.block for line in seen.lines if isinstance(line.event, engine.Observed)]
    seconds = {weight: sum(b.seconds for b in blocks if b.weight == weight) for weight in (0.1, 0.5, 1.0)}
    assert seconds[0.1] >= 10
    assert seconds[0.1] + seconds[0.5] >= 40
    assert seconds[1.0] >= 10


def test_a_bad_canary_never_gets_more_than_the_first_step() -> None:
    seen = world(plan(), BAD)
    run(seen)
    assert engine_outcome(seen) == "rolled-back"
    assert (seen.stable, seen.routed, seen.running, seen.announced) == ("v1", {"v1": 1.0}, {"v1"}, [])
    weights = {line.event.weight for line in seen.lines if isinstance(line.event, engine.Routed)}
    assert weights == {0.1, 0.0}


def test_a_shadow_that_is_no_worse_is_gone_again_and_nothing_has_moved() -> None:
    seen = world(plan(mirror=True))
    run(seen)
    assert engine_outcome(seen) == "shadowed"
    assert (seen.stable, seen.routed, seen.running, seen.announced) == ("v1", {"v1": 1.0}, {"v1"}, [])
    assert sum(block.seconds for block in blocks_of(seen)) >= 40, "its bake time"


def test_a_shadow_that_is_worse_is_undone() -> None:
    seen = world(plan(mirror=True), BAD)
    run(seen)
    assert engine_outcome(seen) == "rolled-back"
    assert (seen.routed, seen.mirrored, seen.running) == ({"v1": 1.0}, "", {"v1"})


@pytest.mark.parametrize("policy", ["rollback", "promote", "extend"])
def test_an_undecided_shadow_is_never_called_no_worse(policy: str) -> None:
    seen = world(plan(inconclusive=policy, timeout=100, mirror=True), traffic(10, 0.0, 0.0))
    run(seen)
    assert engine_outcome(seen) == "rolled-back"
    assert sum(block.seconds for block in blocks_of(seen)) == (200 if policy == "extend" else 100)


@pytest.mark.parametrize(("differ", "outcome"), [(0.0, "shadowed"), (0.5, "shadowed"), (-1.0, "shadowed")])
def test_rows_that_differ_are_told_and_decide_nothing_unless_that_was_asked_for(differ: float, outcome: str) -> None:
    seen = world(plan(mirror=True, rows=ROWS), differ=differ)
    run(seen)
    assert engine_outcome(seen) == outcome
    said = seen.story.state.reasons[-1]
    assert ("nobody answers" in said) if differ < 0 else ("rows differ from stable's" in said)


LIMITED = msgspec.structs.replace(ROWS, differ_at_most=0.02)


def test_a_shadow_passes_when_its_errors_and_its_predictions_do() -> None:
    seen = world(plan(mirror=True, rows=LIMITED))
    run(seen)
    assert engine_outcome(seen) == "shadowed"
    rows = seen.story.state.rows
    assert rows.interval[1] < 0.02 and rows.compared >= 320
    bad = world(plan(mirror=True, rows=LIMITED), BAD)
    run(bad)
    assert engine_outcome(bad) == "rolled-back"


def test_too_many_rows_that_differ_end_a_shadow_whose_errors_are_fine() -> None:
    seen = world(plan(mirror=True, rows=LIMITED), differ=0.2)
    run(seen)
    assert engine_outcome(seen) == "rolled-back"
    (reason,) = seen.story.state.reasons
    assert "most where carrier = UA" in reason and "at most 2 % may" in reason
    assert len(blocks_of(seen)) == 1, "after the first look"


@pytest.mark.parametrize(
    ("differ", "most", "seconds", "why"),
    [(-1.0, 2000, 300, "the time is over"), (0.02, 2000, 100, "no more rows are compared")],
)
def test_rows_that_decide_nothing_make_a_shadow_inconclusive(
    differ: float, most: int, seconds: float, why: str
) -> None:
    """At 2 % of rows, of which 2 % may differ, there is no answer; without rows there is none either."""
    seen = world(plan(mirror=True, rows=msgspec.structs.replace(LIMITED, most=most)), differ=differ)
    run(seen)
    assert engine_outcome(seen) == "rolled-back"
    assert seen.story.state.reasons[0] == why
    assert sum(block.seconds for block in blocks_of(seen)) == pytest.approx(seconds, abs=5)


def test_a_copy_that_does_not_come_is_no_comparison() -> None:
    seen = world(plan(mirror=True), lambda weight, chance: (Counts(), Counts(1000)))
    run(seen)
    assert engine_outcome(seen) == "rolled-back"


def test_testers_alone_reach_a_first_step_of_nothing_and_the_judge_sees_none_of_it() -> None:
    seen = world(plan(weights=(0.0, 0.1, 0.5, 1.0), testers=TESTERS))
    run(seen)
    assert engine_outcome(seen) == "deployed"
    routed = [(line.event.weight, line.event.tested) for line in seen.lines if isinstance(line.event, engine.Routed)]
    assert routed == [(0.0, True), (0.1, True), (0.5, True), (1.0, False)]
    first = [block for block in blocks_of(seen) if block.weight == 0]
    assert sum(block.seconds for block in first) == 10


def test_testers_go_back_too() -> None:
    seen = world(plan(testers=TESTERS), BAD)
    run(seen)
    assert (engine_outcome(seen), seen.tested, seen.routed) == ("rolled-back", "", {"v1": 1.0})


def test_blue_green_is_judged_by_the_past_and_keeps_blue_for_its_time() -> None:
    seen = world(plan(blue_green=True, keep=600.0))
    run(seen)
    assert engine_outcome(seen) == "deployed"
    routed = [line.event.weight for line in seen.lines if isinstance(line.event, engine.Routed)]
    assert routed == [1.0], "one change"
    (adopted,) = [line.event.at for line in seen.lines if isinstance(line.event, engine.Adopted)]
    (retired,) = [line.event.at for line in seen.lines if isinstance(line.event, engine.Retired)]
    assert retired >= adopted + 600
    assert "within the limits of what was there before" in seen.story.state.reasons[0]


def test_a_green_that_fails_goes_back_to_blue() -> None:
    seen = world(plan(blue_green=True, keep=600.0), BAD)
    run(seen)
    assert (engine_outcome(seen), seen.routed, seen.running) == ("rolled-back", {"v1": 1.0}, {"v1"})


def blocks_of(seen: World) -> list[Block]:
    return [line.event.block for line in seen.lines if isinstance(line.event, engine.Observed)]


def test_the_first_release_has_nothing_to_be_compared_with() -> None:
    seen = world(plan(stable=False))
    run(seen)
    assert engine_outcome(seen) == "deployed"
    assert seen.routed == {"v2": 1.0}


@pytest.mark.parametrize("stable", [True, False])
def test_a_release_that_does_not_start_gets_no_traffic(stable: bool) -> None:
    seen = world(plan(stable=stable), starts=False)
    run(seen)
    assert engine_outcome(seen) == "failed"
    assert seen.routed == ({"v1": 1.0} if stable else {})
    assert "v2" not in seen.running


@pytest.mark.parametrize(
    ("policy", "outcome"), [("rollback", "rolled-back"), ("promote", "deployed"), ("extend", "rolled-back")]
)
def test_too_little_traffic_is_inconclusive_and_the_policy_says_what_follows(policy: str, outcome: str) -> None:
    seen = world(plan(inconclusive=policy, timeout=100), traffic(10, 0.0, 0.0))
    run(seen)
    assert engine_outcome(seen) == outcome
    compared = sum(
        line.event.block.seconds
        for line in seen.lines
        if isinstance(line.event, engine.Observed) and line.event.block.weight < 1
    )
    assert compared == (200 if policy == "extend" else 100)


def test_a_canary_that_gets_no_request_at_all_its_share_is_never_promoted() -> None:
    """At 100 % too: requests that go on reaching stable show that the split is not what was asked for."""

    def lost(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        return GOOD(weight, chance) if weight < 1 else (Counts(), Counts(1000))

    seen = world(plan(), lost)
    run(seen)
    assert engine_outcome(seen) == "rolled-back"
    assert "deployed" not in {line.act.outcome for line in seen.lines if isinstance(line.act, engine.Finish)}


def test_that_no_traffic_comes_is_said_once_until_some_does() -> None:
    """Nothing for a while, then requests, then nothing again."""
    said: list[str] = []

    def bursts(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        empty = (Counts(), Counts())
        return GOOD(weight, chance) if 10 <= seen.clock % 40 < 25 else empty

    seen = world(plan(), bursts)
    target = SimulatedTarget(seen)
    carry_out(
        seen.plan, engine.begin(seen.plan), target, Surroundings(target.announce, said.append, lambda: seen.clock)
    )
    silent = [number for number, line in enumerate(said) if "no requests come" in line]
    assert len(silent) > 1
    assert all(later - earlier > 1 for earlier, later in itertools.pairwise(silent))


def test_no_traffic_at_all_is_never_a_pass() -> None:
    seen = world(plan(timeout=60), traffic(0, 0.0, 0.0))
    run(seen)
    assert engine_outcome(seen) == "rolled-back"


@given(
    seed=st.integers(0, 10**6),
    errors=st.sampled_from([0.0, 0.002, 0.05, 0.5]),
    deaths=st.lists(st.integers(1, 60), max_size=6),
    planned=st.sampled_from(
        [
            plan(),
            plan(mirror=True),
            plan(led=TESTERS),
            plan(weights=(0.0, 0.1, 1.0), testers=TESTERS),
            plan(keep=50.0),
            plan(blue_green=True),
            plan(mirror=True, rows=ROWS),
            plan(mirror=True, rows=msgspec.structs.replace(ROWS, differ_at_most=0.02)),
        ]
    ),
    differ=st.sampled_from([0.0, 0.01, 0.3, -1.0]),
)
def test_dying_anywhere_ends_as_it_would_have(
    seed: int, errors: float, deaths: list[int], planned: Plan, differ: float
) -> None:
    """After any number of deaths the rollout ends, one release has all traffic, and nothing else runs."""
    seen = world(planned, traffic(1000, errors, 0.0), seed, differ=differ)
    run_through_deaths(seen, deaths)
    outcome = engine_outcome(seen)
    assert outcome in ("shadowed" if planned.mirror else "compared" if planned.led else "deployed", "rolled-back")
    assert (seen.mirrored, seen.tested) == ("", "")
    winner = "v2" if outcome == "deployed" else "v1"
    assert (seen.stable, seen.routed, seen.running) == (winner, {winner: 1.0}, {winner})
    assert seen.announced == ([2] if outcome == "deployed" else [])
    assert all(written == follows for written, follows in journal.replay(seen.story))
    judged = planned.rows is not None and planned.rows.differ_at_most is not None
    if errors == 0.5 or (judged and (differ < 0 or differ == 0.3)):
        assert outcome == "rolled-back"
    compared = [line.event.rows for line in seen.lines if isinstance(line.event, engine.Compared)]
    assert seen.story.state.rows.compared == sum(rows.compared for rows in compared) <= ROWS.most
    assert planned.rows is None or compared or not blocks_of(seen) or outcome == "rolled-back"


EVENTS = st.one_of(
    st.just(engine.Ready(0.0)),
    st.builds(engine.Routed, st.just(0.0), st.sampled_from([0.0, 0.1, 0.5, 1.0])),
    st.just(engine.Adopted(0.0)),
    st.builds(engine.Compared, st.just(0.0), st.builds(RowCounts, compared=st.just(50), differ=st.integers(0, 50))),
    st.builds(engine.Announced, st.just(0.0), st.sampled_from(["", "down"])),
    st.just(engine.Retired(0.0)),
    st.builds(engine.Failed, st.just(0.0), st.just("why")),
    st.builds(engine.Cancelled, st.just(0.0), st.just("why")),
    st.builds(engine.Continued, st.just(0.0), st.sampled_from([0.1, 0.5]), st.just("who"), st.just("why")),
    st.just(engine.Resumed(0.0)),
)


@given(st.lists(EVENTS, max_size=30), st.sampled_from([plan(), plan(mirror=True, rows=LIMITED)]))
def test_any_history_has_a_next_act_and_none_that_breaks_the_order(events: list[engine.Event], planned: Plan) -> None:
    state = engine.begin(planned)
    for event in events:
        state = engine.advance(planned, state, event)
        act = engine.command(planned, state)
        if isinstance(act, engine.Compare):
            assert planned.mirror and state.ready and state.routed and 0 < act.most <= engine.MOST_ROWS
        if isinstance(act, engine.Route) and act.weight > 0:
            assert state.ready
        if isinstance(act, engine.Adopt):
            assert state.routed == 1.0
            assert state.decision == "promote"
        if isinstance(act, engine.Announce):
            assert state.adopted
        if act == engine.Retire("stable"):
            assert state.adopted
            assert state.routed == 1.0
        if act == engine.Retire("new"):
            assert state.routed == 0.0
        if act == engine.Finish("deployed"):
            assert state.adopted
            assert state.announced


def test_a_cancelled_rollout_goes_back_and_one_that_was_adopted_goes_on() -> None:
    state = engine.advance(plan(), engine.RolloutState(ready=True, routed=0.1), engine.Cancelled(0.0, "stop"))
    assert engine.command(plan(), state) == engine.Route(0.0)
    adopted = engine.RolloutState(ready=True, routed=1.0, step=2, decision="promote", adopted=True)
    after = engine.advance(plan(), adopted, engine.Cancelled(0.0, "stop"))
    assert after == msgspec.structs.replace(adopted, kept=True), "the one before is not waited for any more"


def engine_outcome(seen: World) -> str:
    assert all(written == follows for written, follows in journal.replay(seen.story))
    return seen.story.outcome


def test_an_interrupt_does_not_wait_until_the_weights_are_verified() -> None:
    """At a request a second that takes a while."""
    world = World(plan(), traffic(100, 0.0, 0.0), random.Random(1))

    def verified(weight: float) -> None:
        if weight > 0:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
            raise AssertionError("nothing broke in")

    world.verified = verified
    began = time.monotonic()
    assert run(world).reasons == ("cancelled",)
    assert time.monotonic() - began < 30
    assert world.routed == {"v1": 1.0} and world.running == {"v1"}


def test_a_rollout_may_run_in_a_thread_of_a_pipeline_tool() -> None:
    """Python lets only the main thread set handlers of signals."""

    def waited() -> bool:
        with Interrupts() as interrupts, interrupts.allowed():
            return interrupts.asked

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(waited).result() is False


def test_a_release_that_fails_half_of_its_requests_at_100_percent_is_not_adopted_after_a_short_step() -> None:
    """Two blocks are two wagers, and each pays for one block what it pays at most."""

    def later(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        return traffic(1000, 0.5 if weight == 1 else 0.002, 0.002)(weight, chance)

    seen = world(plan(), later)
    run(seen)
    assert engine_outcome(seen) == "rolled-back" and seen.routed == {"v1": 1.0}
    assert "errors" in seen.story.state.reasons[0]
