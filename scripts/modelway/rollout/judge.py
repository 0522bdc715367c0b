"""The judge of a rollout: counts of canary and stable go in block by block, and after each it may be asked for its verdict.

Pure functions over JSON-able values: the same blocks always give the same state and the same verdict. docs/judge.md tells how
it decides; harm, not_worse, shift, split and total_failure hold the questions that it asks.
"""

from __future__ import annotations

from math import fsum
from typing import Literal

import msgspec

from modelway.rollout import evidence, harm, not_worse, shift, split, total_failure
from modelway.rollout.evidence import Arm, MetricEvidence
from modelway.rollout.observations import Block, Counts
from modelway.rollout.planning import PlanNumbers, plan_numbers
from modelway.rollout.settings import (
    SHARES_BUDGET,
    JudgedMetric,
    MetricName,
    Settings,
    by_key,
    count_of,
    is_cold,
    settings_from,
    usable,
    warm_up_seconds,
    with_shares,
)
from modelway.rollout.split import Split

__all__ = [
    "SHARES_BUDGET",
    "Arm",
    "Assessment",
    "JudgeState",
    "JudgedMetric",
    "MetricEvidence",
    "PlanNumbers",
    "Settings",
    "assess",
    "begin",
    "by_key",
    "observe",
    "plan_numbers",
    "settings_from",
    "warm_up_seconds",
    "with_shares",
]

Verdict = Literal["continue", "pass", "fail", "inconclusive"]


class JudgeState(msgspec.Struct, frozen=True, kw_only=True):
    """What the blocks so far have shown. The tuples are parallel to the settings' metrics."""

    held: tuple[harm.Holdings, ...]
    wagers: tuple[harm.Wager, ...]
    """What the next of each is about."""
    logs: tuple[tuple[float, ...], ...]
    limits: tuple[float, ...] = ()
    """The rates that the canary is held against at 100 %; empty before."""
    weight: float | None = None
    """Of the last block that counted."""
    at_weight: float = 0.0
    """Seconds that were seen at it."""
    cold: tuple[Counts, Counts] = (Counts(), Counts())
    """Of `canary` and `stable`, what was left out of the evidence of slow requests."""
    shares: tuple[shift.ShareState, ...] = ()
    """Parallel to the settings' shares."""
    split: Split = Split()
    recent: tuple[total_failure.Arms, ...] = ()
    """The last blocks, as many as the fuse looks at."""
    recent_slow: tuple[total_failure.Arms, ...] = ()
    """The last blocks at this weight in which slow requests are judged, where `mostly_slow` looks at them."""
    canary: Counts = Counts()
    stable: Counts = Counts()
    """Both over the blocks in which stable could have traffic too."""
    alone: Counts = Counts()
    """The canary's at 100 %."""
    blocks: int = 0
    dropped: int = 0
    failed: tuple[str, ...] = ()
    """Why, once it has failed: for good."""
    invalid: str = ""
    """Why nothing can be told, once the split is known to be wrong: for good."""


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict after a block, and what it rests on."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """One line each, for a person, with numbers."""
    metrics: tuple[MetricEvidence, ...]
    harm: float
    """The metrics' evidence of harm, weighted by their budgets: 1 at the start, fail at harm_needed."""
    harm_needed: float
    promotion: float
    """The smallest evidence of being no worse: 1 at the start, pass at promotion_needed."""
    promotion_needed: float
    share_asked: float | None
    share_measured: float | None
    """The canary's share of the requests at the present weight; None without requests."""
    blocks: int
    dropped: int


def begin(settings: Settings) -> JudgeState:
    return JudgeState(
        held=(harm.PRIOR,) * len(settings.metrics),
        wagers=(harm.Wager(),) * len(settings.metrics),
        logs=tuple(not_worse.begin(metric.margins) for metric in settings.metrics),
        shares=(shift.ShareState(),) * len(settings.shares),
    )


def observe(settings: Settings, state: JudgeState, block: Block) -> JudgeState:
    """The state after one more block. One that was dropped, or whose counts cannot be true, changes the counter of those only.

    At a weight of 1 there is nothing to compare with. Then harm is judged against a fixed limit: stable's rate as it was
    seen last, its upper end, times the tolerance or by the margin above it, whichever is more. Evidence that the canary is no
    worse does not grow there, requests that stable still finishes do not count, and a shock that stable would have shared
    is held against the canary.
    """
    if not usable(block):
        return msgspec.structs.replace(state, dropped=state.dropped + 1)
    if state.weight is not None and block.weight != state.weight:
        state = _at_new_weight(settings, state)
    state = (_alone if block.weight >= 1 else _compared)(settings, state, block)
    state = msgspec.structs.replace(
        state,
        weight=block.weight,
        at_weight=state.at_weight + block.seconds,
        blocks=state.blocks + 1,
        split=split.observe(
            state.split, block.canary.requests, block.stable.requests, block.weight, settings.block_seconds
        ),
        recent=(*state.recent, _arms(block, "errors"))[-total_failure.fuse_blocks(settings.block_seconds) :],
        recent_slow=_recent_slow(settings, state, block),
    )
    return msgspec.structs.replace(
        state,
        failed=state.failed or _failures(settings, state),
        invalid=state.invalid or ("" if settings.keyed else split.problem(state.split, block.weight)),
    )


def assess(settings: Settings, state: JudgeState, *, baked: bool, deadline: bool) -> Assessment:
    """The verdict. baked: the plan's waiting is over. deadline: its time is.

    A failure comes before everything; a wrong split before a pass, since nothing that was compared is to be believed then.
    """
    metrics = _all_evidence(settings, state)
    promotion = min((metric.not_worse for metric in metrics), default=0.0)
    verdict, reasons = _verdict(settings, state, metrics, baked, deadline)
    total = state.split.canary + state.split.stable
    return Assessment(
        verdict=verdict,
        reasons=reasons,
        metrics=metrics,
        harm=_harm(settings, state),
        harm_needed=1 / settings.alpha,
        promotion=promotion,
        promotion_needed=1 / settings.beta,
        share_asked=state.weight,
        share_measured=state.split.canary / total if total else None,
        blocks=state.blocks,
        dropped=state.dropped,
    )


def _at_new_weight(settings: Settings, state: JudgeState) -> JudgeState:
    limits = state.limits or (None,) * len(settings.metrics)
    held = (
        harm.settled(before, wager, metric.tolerance, limit)
        for metric, before, wager, limit in zip(settings.metrics, state.held, state.wagers, limits, strict=True)
    )
    return msgspec.structs.replace(
        state,
        held=tuple(harm.give_back(paid, harm.RETURNED_AT_A_STEP) for paid in held),
        wagers=(harm.Wager(),) * len(settings.metrics),
        at_weight=0.0,
        recent_slow=(),
        shares=tuple(shift.at_new_weight(share) for share in state.shares),
        split=split.at_new_weight(state.split),
        limits=(),
    )


def _compared(settings: Settings, state: JudgeState, block: Block) -> JudgeState:
    logs = tuple(
        log
        if is_cold(settings, metric, state.at_weight)
        else not_worse.observe(log, _counted(block.canary, metric), _counted(block.stable, metric), metric.margins)
        for metric, log in zip(settings.metrics, state.logs, strict=True)
    )
    if any(is_cold(settings, metric, state.at_weight) for metric in settings.metrics):
        state = msgspec.structs.replace(
            state, cold=(_sum(state.cold[0], block.canary), _sum(state.cold[1], block.stable))
        )
    watched = {counts.name: counts for counts in block.watched}
    return msgspec.structs.replace(
        _wagered(settings, state, block, (None,) * len(settings.metrics)),
        logs=logs,
        shares=tuple(
            shift.observe(share, before, watched.get(share.name), block.unwatched)
            for share, before in zip(settings.shares, state.shares, strict=True)
        ),
        canary=_sum(state.canary, block.canary),
        stable=_sum(state.stable, block.stable),
    )


def _alone(settings: Settings, state: JudgeState, block: Block) -> JudgeState:
    limits = state.limits or tuple(_limit(metric, state.stable) for metric in settings.metrics)
    state = _wagered(settings, state, block, limits)
    return msgspec.structs.replace(state, limits=limits, alone=_sum(state.alone, block.canary))


def _wagered(settings: Settings, state: JudgeState, block: Block, limits: tuple[float | None, ...]) -> JudgeState:
    """Each metric's wager with the block in it, settled where that was its last."""
    held, wagers = list(state.held), list(state.wagers)
    for place, metric in enumerate(settings.metrics):
        if is_cold(settings, metric, state.at_weight):
            continue
        wager = wagers[place].after(_counted(block.canary, metric), _counted(block.stable, metric))
        if wager.blocks >= metric.wager_blocks:
            held[place] = harm.settled(held[place], wager, metric.tolerance, limits[place])
            wager = harm.Wager()
        wagers[place] = wager
    return msgspec.structs.replace(state, held=tuple(held), wagers=tuple(wagers))


def _counted(counts: Counts, metric: JudgedMetric) -> tuple[int, int]:
    return counts.requests, count_of(counts, metric.name)


def _limit(metric: JudgedMetric, stable: Counts) -> float:
    """1, which no rate can pass, where stable was never seen."""
    requests, count = metric.past_requests + stable.requests, metric.past_count + count_of(stable, metric.name)
    if requests == 0:
        return 1.0
    # phi errors that come as one tell no more than one: as if there had been fewer requests.
    seen = max(1, round(requests / metric.phi))
    _, high = evidence.wilson(min(seen, round(count / metric.phi)), seen)
    high = max(high, count / requests)
    return min(1.0, max(high * metric.tolerance, not_worse.worse_from(high, metric.margins)))


def _failures(settings: Settings, state: JudgeState) -> tuple[str, ...]:
    reasons = []
    seen = (state.canary.requests, state.canary.errors, state.stable.requests, state.stable.errors)
    if not settings.metrics:  # without an analysis it has all of the traffic at once
        seen = (state.alone.requests, state.alone.errors, *settings.past)
    if total_failure.dead_on_arrival(seen):
        reasons.append(f"dead on arrival: all of the canary's first {seen[0]:,} requests failed")
    if total_failure.fuse_blown(state.recent, _stable_rate(settings, state, "errors")):
        requests, errors = sum(arms[0] for arms in state.recent), sum(arms[1] for arms in state.recent)
        reasons.append(
            f"total failure: {errors:,} of the canary's {requests:,} requests failed in the last "
            f"{len(state.recent) * settings.block_seconds:.0f} s"
        )
    if total_failure.mostly_slow(state.recent_slow, _stable_rate(settings, state, "latency")):
        requests, slow = (sum(arms[place] for arms in state.recent_slow) for place in (0, 1))
        seconds = len(state.recent_slow) * settings.block_seconds
        reasons.append(f"latency: the canary has {slow / requests:.2%} of {requests:,} in the last {seconds:.0f} s")
    combined = _harm(settings, state)
    if combined >= 1 / settings.alpha:
        reasons.append(_harmful(settings, state, combined))
    return tuple(reasons)


def _harmful(settings: Settings, state: JudgeState, combined: float) -> str:
    """The metric that weighs most, with its rates."""
    told = f"evidence {evidence.number_said(combined)}, {1 / settings.alpha:.0f} needed"
    shown = max(_all_evidence(settings, state), key=lambda metric: metric.harm / metric.harm_needed)
    if shown.differ_at_most is not None:
        told = f"more than {shift.points_said(shown.differ_at_most)} apart ({told})"
        return f"{shown.name}: the canary has {_said(shown.canary)}, stable {_said(shown.stable)}: {told}"
    if state.limits:
        place = next(at for at, metric in enumerate(settings.metrics) if metric.name == shown.name)
        return f"{shown.name}: the canary has {_said(shown.alone)} at 100 %, limit {state.limits[place]:.2%} ({told})"
    return f"{shown.name}: the canary has {_said(shown.canary)}, stable {_said(shown.stable)} ({told})"


def _verdict(
    settings: Settings, state: JudgeState, metrics: tuple[MetricEvidence, ...], baked: bool, deadline: bool
) -> tuple[Verdict, tuple[str, ...]]:
    if state.failed:
        return "fail", state.failed
    if state.invalid:
        return "inconclusive", (state.invalid,)
    needed = 1 / settings.beta
    missing = tuple(_missing(metric, needed) for metric in metrics if not metric.not_worse >= needed)
    if baked and metrics and not missing:
        return "pass", tuple(
            f"{metric.name}: the canary has {_said(metric.canary)}, stable {_said(metric.stable)}: {_within(metric)} "
            f"(evidence {evidence.number_said(metric.not_worse)}, {needed:.0f} needed)"
            for metric in metrics
        )
    if deadline:
        return "inconclusive", ("the time is over", *missing)
    return "continue", missing


def _missing(metric: MetricEvidence, needed: float) -> str:
    if (metric.canary.requests == 0 or metric.stable.requests == 0) and metric.missed:
        return f"{metric.name}: was not counted ({metric.missed})"
    if metric.canary.requests == 0 or metric.stable.requests == 0:
        silent = "the canary" if metric.canary.requests == 0 else "stable"
        return f"{metric.name}: {silent} had no requests to compare"
    lacks = "no worse" if metric.differ_at_most is None else _within(metric)
    missed = f"; it was not counted in every block: {metric.missed}" if metric.missed else ""
    return (
        f"{metric.name}: the canary has {_said(metric.canary)}, stable {_said(metric.stable)}: not shown to be {lacks} "
        f"(evidence {metric.not_worse:.3g} of {needed:.0f}){missed}"
    )


def _within(metric: MetricEvidence) -> str:
    if metric.differ_at_most is None:
        return "not worse by the margin"
    return f"less than {shift.points_said(shift.PASSES * metric.differ_at_most)} apart"


def _said(arm: Arm) -> str:
    return "no requests" if arm.rate is None else f"{arm.rate:.2%} of {arm.requests:,}"


def _all_evidence(settings: Settings, state: JudgeState) -> tuple[MetricEvidence, ...]:
    shares = (
        shift.shown(share, seen, settings.alpha) for share, seen in zip(settings.shares, state.shares, strict=True)
    )
    return (*(_evidence(settings, state, place) for place in range(len(settings.metrics))), *shares)


def _evidence(settings: Settings, state: JudgeState, place: int) -> MetricEvidence:
    metric = settings.metrics[place]
    cold = state.cold if metric.name == "latency" else (Counts(), Counts())
    canary, stable = (
        evidence.arm(count_of(all_, metric.name) - count_of(left, metric.name), all_.requests - left.requests)
        for all_, left in zip((state.canary, state.stable), cold, strict=True)
    )
    gap, interval = evidence.difference(canary, stable)
    return MetricEvidence(
        name=metric.name,
        harm=harm.wealth(state.held[place]),
        harm_needed=1 / (settings.alpha * metric.budget),
        not_worse=not_worse.evidence(state.logs[place], metric.phi),
        canary=canary,
        stable=stable,
        difference=gap,
        difference_interval=interval,
        tolerance=metric.tolerance,
        phi=metric.phi,
        alone=evidence.arm(count_of(state.alone, metric.name), state.alone.requests),
        limit=state.limits[place] if state.limits else None,
    )


def _harm(settings: Settings, state: JudgeState) -> float:
    found = [m.budget * harm.wealth(held) for m, held in zip(settings.metrics, state.held, strict=True)]
    if not state.limits:  # at 100 % no share is compared, and what it has shown before can neither grow nor fade
        found += [
            share.budget * shift.wealth(share, seen) for share, seen in zip(settings.shares, state.shares, strict=True)
        ]
    return fsum(found)


def _stable_rate(settings: Settings, state: JudgeState, name: MetricName) -> float:
    """Of errors or slow requests, over the rollout and the past; 0 where stable was never seen."""
    past = next((metric for metric in settings.metrics if metric.name == name), None)
    asked, counted = (past.past_requests, past.past_count) if past else settings.past
    requests, count = state.stable.requests + asked, count_of(state.stable, name) + counted
    return count / requests if requests else 0.0


def _arms(block: Block, name: MetricName) -> total_failure.Arms:
    stable = Counts() if block.weight >= 1 else block.stable
    return block.canary.requests, count_of(block.canary, name), stable.requests, count_of(stable, name)


def _recent_slow(settings: Settings, state: JudgeState, block: Block) -> tuple[total_failure.Arms, ...]:
    metric = next((metric for metric in settings.metrics if metric.mostly_slow), None)
    if metric is None or is_cold(settings, metric, state.at_weight):
        return state.recent_slow
    return (*state.recent_slow, _arms(block, metric.name))[-total_failure.MOSTLY_SLOW_BLOCKS :]


def _sum(counts: Counts, more: Counts) -> Counts:
    return Counts(counts.requests + more.requests, counts.errors + more.errors, counts.slow + more.slow)
