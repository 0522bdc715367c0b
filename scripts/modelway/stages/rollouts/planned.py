"""What a canary needs, from the traffic that stable gets: asked before anything is trained for it, and before it starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from modelway.config import Deploy, Resolved
from modelway.config.sections import Shadow
from modelway.errors import Inconclusive, InvalidInput, OutsideFailure, Refused
from modelway.observe import history
from modelway.observe.counts import Counters, CountsSource, Snapshot, between
from modelway.rollout import judge, rolling
from modelway.rollout.comparison import rows_needed
from modelway.rollout.plan import weights_of
from modelway.rollout.planning import PlanNumbers, time_said
from modelway.stages.rollouts import deployment
from modelway.targets.place import TargetPlace
from modelway.targets.state import Slot, TargetState

WATCHED_BLOCKS = 3
"""How many blocks of stable's traffic must be known."""


@dataclass(frozen=True)
class Planned:
    """What the judge fixes before the start. numbers.refusal: why it cannot finish in its time."""

    past: history.Past
    settings: judge.Settings
    numbers: PlanNumbers


@dataclass(frozen=True)
class Foreseen:
    """possible: at the traffic of now. unneeded: nothing would be compared. unknown: stable got too few requests of late."""

    outcome: Literal["possible", "unneeded", "unknown"]
    sentence: str
    numbers: PlanNumbers | None = None
    schema: str = "modelway/plan-rollout/1"


def foresee(project: Resolved) -> Foreseen:
    """What deploy-model would say of the next canary, were it started now. Reads the target's folder and changes nothing.
    Refused, with the numbers, where it cannot finish in its time."""
    deploy, target = deployment.section(project), deployment.target_of(project)
    state = target.state()
    if deploy.strategy == "all-at-once":
        return Foreseen("unneeded", "strategy all-at-once compares nothing")
    if deploy.strategy == "blue-green":
        return Foreseen("unneeded", "strategy blue-green needs no more requests than stable has had")
    weights = weights_of(deploy, project.source)
    if deploy.strategy == "ab":
        return Foreseen("unneeded", "strategy ab ends by its time, whatever has come until then")
    check_rows(deploy.shadow)
    check_scales(deploy, target.place)
    if state is None or state.current is None:
        return Foreseen("unneeded", f"nothing is in {project.environment} on this machine to compare with")
    source, stable = target.place.counts(state), state.current.side
    samples = between(source.past(window_seconds(deploy)) or (), stable.slot)
    past = _past(source, samples, deploy)
    if past is None or past.seconds < least_seconds(deploy) or _has_ceased(samples, deploy.judge.block_seconds):
        got = f"{stable.name} got too few requests in the last {window_seconds(deploy):.0f} s"
        return Foreseen("unknown", f"{got} to say what a canary needs")
    if deploy.strategy == "rolling":
        weights = rolling_of(deploy, target.place, state.current).weights
    numbers = planned(deploy, weights, past).numbers
    return Foreseen("possible", numbers.sentence, numbers)


def planned(
    deploy: Deploy, weights: tuple[float, ...], past: history.Past, say: Callable[[str], None] = lambda _: None
) -> Planned:
    """say: is told what it needs. Refused where the rollout cannot finish in its time."""
    settings = judge.settings_from(deploy.judge, past.blocks, judge.warm_up_seconds(deploy))
    numbers = judge.plan_numbers(
        settings,
        base_error_rate=past.errors / past.requests,
        base_slow_rate=past.slow / past.requests,
        # a copy is a second request that is counted
        requests_per_second=past.requests_per_second * (2 if deploy.strategy == "shadow" else 1),
        weights=weights,
        step_seconds=deploy.step_seconds,
        bake_seconds=deploy.bake_seconds,
        timeout_seconds=deploy.timeout_seconds,
    )
    say(numbers.sentence)
    if numbers.refusal:
        raise Refused(numbers.refusal, where="deploy", fix=numbers.fix)
    _check_rows_come(deploy, past.requests_per_second)
    return Planned(past, settings, numbers)


def check_scales(deploy: Deploy, place: TargetPlace[Any, Any]) -> None:
    """InvalidInput where the target starts and ends whole releases alone."""
    if deploy.strategy == "rolling" and not place.scales:
        raise InvalidInput(
            f"is rolling, and target {deploy.target} starts and ends no single replica of a release",
            where="deploy.strategy",
            fix="use strategy: canary",
        )


def rolling_of(deploy: Deploy, place: TargetPlace[Any, Any], stable: Slot) -> rolling.RollingPlan:
    """The batches in which a release would replace stable. InvalidInput where it is to have another number of replicas."""
    whole = place.whole(stable)
    if deploy.target == "local" and deploy.local.replicas != whole:
        raise InvalidInput(
            f"is {deploy.local.replicas}, and {stable.side.name} has {whole} replicas, which are to be replaced one by one",
            where="deploy.local.replicas",
            fix=f"write {whole}, or change the number with another strategy",
        )
    return rolling.judged(rolling.bounds_of(deploy.rolling, whole))


def check_rows(wanted: Shadow) -> None:
    """InvalidInput where so few rows never show that so few differ."""
    most = wanted.differ_at_most
    if most is not None and wanted.rows < (needed := rows_needed(most)):
        raise InvalidInput(
            f"is {wanted.rows}, and not even so many equal predictions show that at most {100 * most:.3g} % differ",
            where="deploy.shadow.rows",
            fix=f"allow {needed:,} or more",
        )


def _check_rows_come(deploy: Deploy, requests_per_second: float) -> None:
    """Refused where too few requests come in the time, of each of which one row is compared."""
    if deploy.strategy != "shadow" or deploy.shadow.differ_at_most is None:
        return
    needed, seconds = rows_needed(deploy.shadow.differ_at_most), deploy.timeout_seconds
    if requests_per_second * seconds < needed:
        raise Refused(
            f"{needed:,} requests at least have to be compared, and {requests_per_second * seconds:,.0f} come in"
            f" {time_said(seconds)} at {requests_per_second:.3g} requests/s",
            where="deploy.shadow.differ-at-most",
            fix=f"raise deploy.timeout-seconds above {needed / requests_per_second:,.0f}, or the share that may differ",
        )


def watched(place: TargetPlace[Any, Any], state: TargetState[Any], deploy: Deploy) -> history.Past:
    """What is known of stable's traffic, which is watched where nothing was recorded; Inconclusive where none comes."""
    assert state.current is not None
    source, stable, seen = place.counts(state), state.current.side, list[Snapshot]()
    least = least_seconds(deploy)
    deadline = time.monotonic() + least + 2
    while True:
        recorded = source.past(window_seconds(deploy))
        if recorded is None:  # it keeps no past: this is one
            seen.append(source.snapshot())
            recorded = seen
        past = _past(source, between(recorded, stable.slot), deploy)
        if past is not None and past.seconds >= least:
            return past
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)  # nothing was recorded yet, or too little
    if past is not None:
        return past
    if seen and seen[-1].gap:
        raise OutsideFailure(
            f"the requests of {stable.name} cannot be counted: {seen[-1].gap}",
            where=place.address(state),
            fix="mend what deploy counts by, then run the same command again",
        )
    raise Inconclusive(
        f"{stable.name} got no request in {least:.0f} s, so there is nothing to judge a canary by",
        where=place.address(state),
        fix="send traffic there, or use strategy: all-at-once",
    )


def least_seconds(deploy: Deploy) -> float:
    return WATCHED_BLOCKS * deploy.judge.block_seconds


def window_seconds(deploy: Deploy) -> float:
    return max(deploy.history_seconds, least_seconds(deploy) + 1)


def _past(source: CountsSource, samples: Sequence[tuple[float, Counters]], deploy: Deploy) -> history.Past | None:
    judge_ = deploy.judge
    return history.past_of(samples, source.bounds_ms, judge_.block_seconds, judge_.latency.slower_than_ms)


def _has_ceased(samples: Sequence[tuple[float, Counters]], block_seconds: float) -> bool:
    """Whether the newest block holds no request: what came before says nothing of the traffic that a canary will get."""
    ended, last = samples[-1]
    since = [sample for at, sample in samples if at <= ended - block_seconds]
    return bool(since) and since[-1].requests == last.requests
