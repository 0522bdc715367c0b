"""Rollouts drawn at random under the rule of a peer, and under ours: when each ends, and how.

Requests are Poisson, and each fails, or is slow, by itself: the quiet world, in which a fixed limit looks best. The rules are
carried out as they are written down (flagger, argo, and the product's own engine), one rollout at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil, gcd, inf
from typing import Literal

import msgspec
import numpy as np

from modelway.config import Deploy
from modelway.distributions import clopper_pearson
from modelway.peers import argo, flagger
from modelway.peers.argo import ArgoAnalysis
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.measuring import PeerMetric
from modelway.rollout import engine, judge
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import Plan, Side, weights_of
from modelway.rollout.planning import PlanNumbers

PeerAnalysis = FlaggerAnalysis | ArgoAnalysis
SLOW = 0.05
"""Of requests, for our own judge: slow is what stable's 95th percentile does not reach."""
CONFIDENCE = 0.95
LONGEST_SECONDS = 24 * 3600.0
"""Whatever has not ended by then is left: a check that halts the canary at each tick but never fails often enough."""
Ended = Literal["promoted", "taken back", "undecided", "unfinished"]


@dataclass(frozen=True, kw_only=True)
class Service:
    """What comes to the two releases. rates: shares of the requests, 0 to 1."""

    requests_per_second: float
    stable_errors: float
    canary_errors: float
    slow: float = 0.0
    """Of both, slower than the limit of the peer's own metric."""
    both_counted: bool = False
    """The peer's query does not tell the releases apart."""


@dataclass(frozen=True)
class Fate:
    ended: Ended
    seconds: float
    """From the canary's first weight."""


class Frequency(msgspec.Struct, frozen=True):
    """How many of n simulated rollouts, in percent, with the exact interval of 95 %."""

    percent: float
    low: float
    high: float
    n: int

    @property
    def said(self) -> str:
        return f"{self.percent:.1f} % ({self.low:.1f} to {self.high:.1f})"


class Fates(msgspec.Struct, frozen=True, kw_only=True):
    """What became of n rollouts. undecided: Argo pauses for a person; ours goes back to stable when its time is over.
    unfinished: for 24 h it neither promoted nor took back."""

    taken_back: Frequency
    promoted: Frequency
    undecided: Frequency
    unfinished: Frequency
    median_seconds: float | None
    """Until half of *all* rollouts were taken back; None where fewer ever are."""
    ninety_percent_seconds: float | None


def fates_of(fates: Sequence[Fate]) -> Fates:
    times = sorted(fate.seconds if fate.ended == "taken back" else inf for fate in fates)
    half, most = (times[ceil(q * len(times)) - 1] for q in (0.5, 0.9))
    return Fates(
        taken_back=_frequency(fates, "taken back"),
        promoted=_frequency(fates, "promoted"),
        undecided=_frequency(fates, "undecided"),
        unfinished=_frequency(fates, "unfinished"),
        median_seconds=half if half < inf else None,
        ninety_percent_seconds=most if most < inf else None,
    )


def _frequency(fates: Sequence[Fate], ended: Ended) -> Frequency:
    hits, n = sum(fate.ended == ended for fate in fates), len(fates)
    low, high = clopper_pearson(hits, n, CONFIDENCE)
    return Frequency(100 * hits / n, 100 * low, 100 * high, n)


class _Windows:
    """The requests that a peer's queries count, drawn in cells of equal length as time goes on."""

    def __init__(self, service: Service, cell: int, rng: np.random.Generator) -> None:
        self.service, self.cell, self.rng = service, cell, rng
        self.sums: list[tuple[int, int, int]] = [(0, 0, 0)]
        """Of requests, errors and slow ones, since the beginning."""

    def pass_by(self, seconds: float, weight: float) -> None:
        cells = round(seconds / self.cell)
        service = self.service
        mine, others = weight, (1 - weight) if service.both_counted else 0.0
        per_cell = service.requests_per_second * self.cell
        errors = per_cell * (mine * service.canary_errors + others * service.stable_errors)
        slow = per_cell * (mine * (1 - service.canary_errors) + others * (1 - service.stable_errors)) * service.slow
        fine = per_cell * (mine + others) - errors - slow
        drawn = self.rng.poisson((fine, errors, slow), (cells, 3))
        before = self.sums[-1]
        running = accumulate(
            ((int(n + e + late), int(e), int(late)) for n, e, late in drawn.tolist()),
            lambda total, new: (total[0] + new[0], total[1] + new[1], total[2] + new[2]),
            initial=before,
        )
        self.sums += list(running)[1:]

    def counted(self, metric: PeerMetric) -> tuple[int, int]:
        """(requests, those that count) of its window, which ends now."""
        last = self.sums[-1]
        first = self.sums[max(0, len(self.sums) - 1 - round(metric.window_seconds / self.cell))]
        place = 1 if metric.counts == "errors" else 2
        return last[0] - first[0], last[place] - first[place]


def fate_of_flagger(analysis: FlaggerAnalysis, service: Service, rng: np.random.Generator) -> Fate:
    windows = _Windows(service, _cell(analysis.interval_seconds, *(m.window_seconds for m in analysis.metrics)), rng)
    state = flagger.tick(analysis, flagger.FlaggerState(), fine=True)
    for ticks in range(1, ceil(LONGEST_SECONDS / analysis.interval_seconds)):
        windows.pass_by(analysis.interval_seconds, analysis.weights[state.step])
        counted = [windows.counted(metric) for metric in analysis.metrics]
        state = flagger.tick(analysis, state, flagger.is_fine(analysis, counted))
        if state.outcome:
            return Fate(state.outcome, ticks * analysis.interval_seconds)
    return Fate("unfinished", LONGEST_SECONDS)


class _Run:
    """An analysis run of Argo: what is measured next, and when."""

    def __init__(self, metrics: Sequence[PeerMetric], began: float) -> None:
        self.metrics = metrics
        self.runs = [argo.MetricRun() for _ in metrics]
        self.due = [began + metric.delay_seconds for metric in metrics]

    @property
    def next_due(self) -> float:
        return min((due for due, run in zip(self.due, self.runs, strict=True) if not run.outcome), default=inf)

    @property
    def outcome(self) -> argo.RunOutcome:
        outcomes = {run.outcome for run in self.runs}
        worst: tuple[argo.RunOutcome, ...] = ("failed", "inconclusive")
        return next((one for one in worst if one in outcomes), "" if "" in outcomes else "successful")

    def measure(self, now: float, windows: _Windows) -> None:
        for place, metric in enumerate(self.metrics):
            if self.due[place] <= now and not self.runs[place].outcome:
                self.runs[place] = argo.after(metric, self.runs[place], metric.measure(*windows.counted(metric)))
                self.due[place] = now + metric.interval_seconds if metric.interval_seconds else inf


def fate_of_argo(analysis: ArgoAnalysis, service: Service, rng: np.random.Generator) -> Fate:
    """The background analysis begins with its step. A measurement that is due as the rollout ends comes too late: each is a
    little later than its interval says, by the query before it."""
    metrics = [*analysis.background, *(metric for step in analysis.steps for metric in step.metrics)]
    spans = [seconds for m in metrics for seconds in (m.window_seconds, m.interval_seconds, m.delay_seconds)]
    windows = _Windows(service, _cell(*spans, *(step.seconds for step in analysis.steps)), rng)
    now, weight, background = 0.0, 0.0, _Run((), 0.0)
    for place, step in enumerate(analysis.steps):
        if place == analysis.starting_step and analysis.background:
            background = _Run(analysis.background, now)
        if step.weight is not None:
            weight = step.weight
        inline, ends, last = _Run(step.metrics, now), now + step.seconds, place == len(analysis.steps) - 1
        while now < LONGEST_SECONDS and not (last and now >= ends and not step.metrics):
            for run in (background, inline):
                run.measure(now, windows)
                if run.outcome in ("failed", "inconclusive"):
                    return Fate("taken back" if run.outcome == "failed" else "undecided", now)
            over = inline.outcome == "successful" if step.metrics else now >= ends
            if over:
                break
            until = min(background.next_due, inline.next_due, inf if step.metrics else ends)
            until = min(until, LONGEST_SECONDS)
            windows.pass_by(until - now, weight)
            now = until
    return Fate("promoted" if now < LONGEST_SECONDS else "unfinished", now)


def fate_of(analysis: PeerAnalysis, service: Service, rng: np.random.Generator) -> Fate:
    if isinstance(analysis, FlaggerAnalysis):
        return fate_of_flagger(analysis, service, rng)
    return fate_of_argo(analysis, service, rng)


class BothErrors(msgspec.Struct, frozen=True):
    """healthy: of canaries that are as good as stable. bad: of those that are not."""

    healthy: Fates
    bad: Fates


def both_errors(
    fate: Callable[[Service, np.random.Generator], Fate], service: Service, rollouts: int, seed: Sequence[int]
) -> BothErrors:
    """service.canary_errors: of the bad ones. The same seed gives the same rollouts."""
    healthy = replace(service, canary_errors=service.stable_errors)
    drawn = [
        fates_of([fate(one, rng) for _ in range(rollouts)])
        for one, rng in (
            (service_, np.random.default_rng([*seed, at])) for at, service_ in enumerate((healthy, service))
        )
    ]
    return BothErrors(*drawn)


def our_numbers(deploy: Deploy, service: Service) -> PlanNumbers:
    """What deploy-model would say before such a canary; its refusal where the evidence cannot be in within its time."""
    plan = our_plan(deploy, service, np.random.default_rng(0))
    assert plan.settings is not None
    return judge.plan_numbers(
        plan.settings,
        base_error_rate=service.stable_errors,
        base_slow_rate=SLOW * (1 - service.stable_errors),
        requests_per_second=service.requests_per_second,
        weights=plan.weights,
        step_seconds=plan.step_seconds,
        bake_seconds=plan.bake_seconds,
        timeout_seconds=plan.timeout_seconds,
    )


def our_plan(deploy: Deploy, service: Service, rng: np.random.Generator) -> Plan:
    """The plan of a canary whose stable has shown its history-seconds."""
    width = deploy.judge.block_seconds
    blocks = int(deploy.history_seconds / width)
    counts = _drawn(service.requests_per_second * width, service.stable_errors, blocks, rng)
    past = [
        Block(began=at * width, seconds=width, weight=0.0, canary=Counts(), stable=c) for at, c in enumerate(counts)
    ]
    return Plan(
        kind="deploy",
        model="",
        environment="",
        id="",
        number=1,
        new=_side(2),
        stable=_side(1),
        weights=weights_of(deploy, "deploy.steps"),
        step_seconds=deploy.step_seconds,
        bake_seconds=deploy.bake_seconds,
        timeout_seconds=deploy.timeout_seconds,
        block_seconds=width,
        inconclusive=deploy.judge.inconclusive,
        settings=judge.settings_from(deploy.judge, past, judge.warm_up_seconds(deploy)),
    )


def our_fate(deploy: Deploy, service: Service, rng: np.random.Generator) -> Fate:
    """One canary through the engine that deploy-model runs: the same judge, the same steps."""
    plan, width = our_plan(deploy, service, rng), deploy.judge.block_seconds
    state, now = engine.advance(plan, engine.begin(plan), engine.Ready(0.0)), 0.0
    while True:
        match engine.command(plan, state):
            case engine.Route(weight=weight):
                if state.decision:
                    told = state.assessment is not None and state.assessment.verdict == "fail"
                    return Fate("taken back" if told else "undecided", now)
                state = engine.advance(plan, state, engine.Routed(now, weight))
            case engine.Observe():
                weight = plan.weights[state.step]
                (canary,) = _drawn(weight * service.requests_per_second * width, service.canary_errors, 1, rng)
                (stable,) = _drawn((1 - weight) * service.requests_per_second * width, service.stable_errors, 1, rng)
                block = Block(began=now, seconds=width, weight=weight, canary=canary, stable=stable)
                now += width
                state = engine.advance(plan, state, engine.Observed(block))
            case _:
                return Fate("promoted", now)


def _drawn(requests: float, errors: float, blocks: int, rng: np.random.Generator) -> list[Counts]:
    slow = (1 - errors) * SLOW
    means = (requests * (1 - errors - slow), requests * errors, requests * slow)
    return [
        Counts(fine + failed + late, failed, late) for fine, failed, late in rng.poisson(means, (blocks, 3)).tolist()
    ]


def _side(version: int) -> Side:
    return Side(
        slot=f"v{version}", version=version, built_for="", config_digest="", manifest_digest="", model_digest=""
    )


def _cell(*seconds: float) -> int:
    """The longest whole number of seconds that divides them all."""
    return gcd(*(max(1, round(span)) for span in seconds if span > 0))
