"""A rolling rollout over random traffic, deaths and replicas that never come: stable never gets more than its running replicas
carry, and there are never more or fewer replicas than the two numbers allow."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config import Deploy
from modelway.config.strategies import Rolling
from modelway.errors import InvalidInput, OutsideFailure
from modelway.rollout import engine, journal, rolling
from modelway.rollout.plan import Plan, pauses_of, weights_of
from modelway.rollout.rolling import ReplicaBounds, Replicas
from rollout.simulated import World, ended, plan, run, run_through_deaths, traffic

GOOD, BAD = traffic(1000, 0.0, 0.0), traffic(1000, 0.3, 0.0)
FOUR = ReplicaBounds(4, 1, 0)


def planned(bounds: ReplicaBounds = FOUR, *, judged: bool = True, **more: Any) -> Plan:
    return plan(rolling=(rolling.judged if judged else rolling.unjudged)(bounds), **more)


def world(plan_: Plan, traffic_: Any = GOOD, seed: int = 1, **fields: Any) -> World:
    return World(plan_, traffic_, random.Random(seed), **fields)


@pytest.mark.parametrize(
    ("surge", "unavailable", "whole", "bounds"),
    [
        ("25%", "25%", 10, (3, 2)),  # up and down, as Kubernetes has it
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 1, (1, 0)),
        (0, "25%", 2, (0, 1)),  # both come to nothing: one may be unavailable
        (2, 0, 3, (2, 0)),
        ("100%", 0, 3, (3, 0)),
    ],
)
def test_the_two_numbers_are_read_as_kubernetes_reads_them(
    surge: Any, unavailable: Any, whole: int, bounds: tuple[int, int]
) -> None:
    found = rolling.bounds_of(Rolling(max_surge=surge, max_unavailable=unavailable), whole)
    assert (found.whole, found.surge, found.unavailable) == (whole, *bounds)


@pytest.mark.parametrize(
    ("surge", "unavailable", "whole", "said"),
    [
        (0, 0, 4, "no replica could ever be replaced"),
        ("0%", 0, 4, "no replica could ever be replaced"),
        (0, "25%", 1, "none is left to carry the traffic"),
        (1, 3, 3, "none is left to carry the traffic"),
    ],
)
def test_numbers_that_replace_none_or_leave_none_are_refused(
    surge: Any, unavailable: Any, whole: int, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        rolling.bounds_of(Rolling(max_surge=surge, max_unavailable=unavailable), whole)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"rolling": Rolling(max_surge=0, max_unavailable=0)}, "no replica could ever be replaced"),
        ({"keep_seconds": 60.0}, "has ended stable's replicas by then"),
    ],
)
def test_what_rolling_cannot_do_is_refused_before_anything(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        weights_of(Deploy(strategy="rolling", **keys), "modelway.yml")
    with pytest.raises(InvalidInput, match="has no step at which it could wait"):
        pauses_of(Deploy(strategy="rolling", pause_at=(50,)), "modelway.yml")


@pytest.mark.parametrize(
    ("bounds", "steps"),
    [
        (FOUR, [(1, 4), (2, 3), (3, 2), (4, 1), (4, 0)]),
        (ReplicaBounds(4, 0, 1), [(1, 3), (2, 2), (3, 1), (4, 0)]),
        (ReplicaBounds(10, 3, 2), [(5, 8), (10, 3), (10, 0)]),
        (ReplicaBounds(1, 1, 0), [(1, 1), (1, 0)]),
        (ReplicaBounds(2, 4, 0), [(2, 2), (2, 0)]),
    ],
)
def test_each_batch_is_a_step(bounds: ReplicaBounds, steps: list[tuple[int, int]]) -> None:
    assert list(rolling.judged(bounds).steps) == steps


def test_a_healthy_release_replaces_stable_batch_by_batch() -> None:
    seen = world(planned())
    run(seen)
    assert ended(seen) == "deployed"
    assert (seen.routed, seen.replicas, seen.announced) == ({"v2": 1.0}, {"v2": 4}, [2])
    scaled = [line.event for line in seen.lines if isinstance(line.event, engine.Sized)]
    assert [(event.new, event.stable) for event in scaled] == [(0, 4), (1, 4), (2, 3), (3, 2), (4, 1), (4, 0)]
    judged = {line.event.block.weight for line in seen.lines if isinstance(line.event, engine.Observed)}
    assert judged == {0.2, 0.4, 0.6, 0.8, 1.0}, "the share of the traffic is that of the replicas"


def test_harm_in_the_first_batch_is_one_change_of_routes() -> None:
    seen = world(planned(), BAD)
    run(seen)
    assert (ended(seen), seen.routed, seen.replicas) == ("rolled-back", {"v1": 1.0}, {"v1": 4})
    assert [line.act for line in seen.lines if isinstance(line.act, engine.Scale)] == [engine.Scale(1, 4)]


def late(weight: float, chance: random.Random) -> Any:
    """Harm that begins at two thirds of the traffic."""
    return (BAD if weight > 0.5 else GOOD)(weight, chance)


def test_late_harm_goes_back_as_stable_s_replicas_come_back() -> None:
    seen = world(planned(ReplicaBounds(4, 1, 1)), late)
    run(seen)
    assert (ended(seen), seen.routed, seen.replicas) == ("rolled-back", {"v1": 1.0}, {"v1": 4})
    acts = [line.act for line in seen.lines if isinstance(line.act, engine.Route | engine.Scale)]
    bad = acts.index(engine.Scale(4, 1))
    assert acts[bad:] == [
        engine.Scale(4, 1),
        engine.Route(0.8, stable=1),
        engine.Route(2 / 3, stable=1),  # at once, what the one that is left carries of three
        engine.Scale(2, 3),
        engine.Route(0.0, stable=3),
        engine.Scale(0, 4),
    ]


BOUNDS = st.builds(ReplicaBounds, st.integers(1, 7), st.integers(0, 7), st.integers(0, 6)).filter(
    lambda bounds: 0 <= bounds.unavailable < bounds.whole and bounds.surge + bounds.unavailable > 0
)


@given(
    bounds=BOUNDS,
    seed=st.integers(0, 10**6),
    flow=st.sampled_from([GOOD, BAD, late, traffic(1000, 0.002, 0.0)]),
    deaths=st.lists(st.integers(1, 60), max_size=6),
    guarded=st.booleans(),
    judged=st.booleans(),
)
def test_dying_anywhere_ends_whole(
    bounds: ReplicaBounds, seed: int, flow: Any, deaths: list[int], guarded: bool, judged: bool
) -> None:
    """The world holds the numbers of replicas and what they carry at every act (World.check)."""
    seen = world(planned(bounds, judged=judged, timeout=3000), flow, seed)
    run_through_deaths(seen, deaths, guarded=guarded)
    outcome = ended(seen)
    assert outcome in ("deployed", "rolled-back")
    winner = "v2" if outcome == "deployed" else "v1"
    assert (seen.stable, seen.routed, seen.replicas) == (winner, {winner: 1.0}, {winner: bounds.whole})
    assert all(written == follows for written, follows in journal.replay(seen.story))
    assert judged is False or flow is not BAD or outcome == "rolled-back"


@given(bounds=BOUNDS, deaths=st.lists(st.integers(1, 40), max_size=3), last=st.integers(0, 6))
def test_a_replica_that_never_comes_is_taken_back(bounds: ReplicaBounds, deaths: list[int], last: int) -> None:
    seen = world(planned(bounds, timeout=3000), comes=lambda slot, number: slot == "v1" or number <= last)
    run_through_deaths(seen, deaths)
    fits = last >= bounds.whole
    assert ended(seen) == ("deployed" if fits else "failed")
    assert seen.replicas == {"v2" if fits else "v1": bounds.whole}


def test_where_stable_does_not_come_back_the_traffic_stays_where_it_is_carried() -> None:
    """The next command tries again."""
    comes = {"v1": False, "v2": True}
    seen = world(planned(), late, comes=lambda slot, number: comes[slot])
    with pytest.raises(OutsideFailure, match="does not become ready"):
        run(seen)
    assert seen.routed == pytest.approx({"v1": 0.5, "v2": 0.5}), seen.routed
    comes["v1"] = True
    seen.lines.append(journal.Line(event=engine.Resumed(seen.clock)))
    run(seen, seen.story.state)
    assert (ended(seen), seen.routed, seen.replicas) == ("rolled-back", {"v1": 1.0}, {"v1": 4})


def test_cancelling_goes_back_gradually_from_wherever_it_is() -> None:
    state = engine.RolloutState(ready=True, routed=0.6, sizes=Replicas(3, 2), step=2)
    after = engine.advance(planned(), state, engine.Cancelled(0.0, "stop"))
    assert engine.command(planned(), after) == engine.Inspect(), "an act was left half done"
    known = engine.advance(planned(), after, engine.Sized(0.0, 3, 2))
    assert engine.command(planned(), known) == engine.Route(0.5, stable=2)


def test_who_goes_on_looks_first_at_what_there_is() -> None:
    """Somebody may have stopped all of it meanwhile."""
    left = engine.RolloutState(
        ready=True, routed=0.4, sizes=Replicas(2, 3), step=1, judged=engine.begin(planned()).judged
    )
    again = engine.advance(planned(), engine.advance(planned(), left, engine.Resumed(0.0)), engine.Ready(0.0))
    assert engine.command(planned(), again) == engine.Inspect()
    nothing = engine.advance(planned(), again, engine.Sized(0.0, 0, 4))
    assert engine.command(planned(), nothing) == engine.Route(0.0, stable=4), "and not the share that they had"


def test_what_was_adopted_is_told_and_tidied_and_no_replica_is_moved_for_it() -> None:
    adopted = engine.RolloutState(
        ready=True, routed=1.0, sizes=Replicas(4, 0), step=4, decision="promote", adopted=True
    )
    again = engine.advance(planned(), adopted, engine.Resumed(0.0))
    assert engine.command(planned(), again) == engine.Announce()
    told = engine.advance(planned(), again, engine.Announced(0.0))
    assert engine.command(planned(), told) == engine.Retire("stable")
    assert engine.command(planned(), engine.advance(planned(), told, engine.Retired(0.0))) == engine.Finish("deployed")
