"""What a judge fixes before the rollout starts, from the configuration and from stable's own past."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Literal

import msgspec

from modelway.config import Deploy, Judge
from modelway.config.sections import Harm, Latency
from modelway.rollout import history
from modelway.rollout.observations import Block, Counts
from modelway.rollout.shift import JudgedShare

MetricName = Literal["errors", "latency"]

BUDGET: dict[MetricName, float] = {"errors": 0.75, "latency": 0.25}
"""Each metric's part of the error budget alpha. Errors get more: they hurt more, and they are rarer, so harder to tell."""


SHARES_BUDGET = 0.2
"""The part of alpha of all that is asked of the model's predictions together; errors and slow requests have so much less."""
MOST_WARM_UP_SECONDS = 60.0
"""Where nobody says it."""
KEYED_TOLERANCE = 2.0
"""Of 300 users whose volume has a heavy tail, a healthy tenth has 1.5 times the errors of the rest in one of fifty A/Bs."""
CAUTION: dict[MetricName, history.Caution] = {
    "errors": history.Caution(),
    "latency": history.Caution(unknown=150.0, hidden=30.0),
}
"""The times of single replicas wander by themselves for longer than a block; their errors seldom do."""


class JudgedMetric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is counted out of requests."""

    name: MetricName
    budget: float
    """Its part of alpha; over all metrics 1."""
    margins: tuple[tuple[float, float], ...]
    """(ratio, rate): worse means ratio * stable's rate + rate or more, for every one of them."""
    tolerance: float
    """The ratio of rates that is still no harm."""
    phi: float
    """How many errors come as one, on average."""
    wager_blocks: int = 1
    """Over how many blocks one wager of harm goes."""
    why_longer: str = ""
    """Than one; for people."""
    mostly_slow: bool = False
    """A canary most of whose requests are slow is taken back without waiting for evidence: wagers are long, since nobody
    knows how slow requests come."""
    past_requests: int = 0
    past_count: int = 0
    """Of stable's own past."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is fixed before the start."""

    alpha: float
    """The chance, at most, that a healthy canary is rolled back."""
    beta: float
    """The chance, at most, that a canary worse by the margin is promoted, for each metric."""
    block_seconds: float
    metrics: tuple[JudgedMetric, ...]
    """Without any, nothing is compared, and only what answers nothing at all is found."""
    warm_up_seconds: float = 0.0
    """Of each weight, in which slow requests are not judged: a cold release is not a slow one."""
    keyed: bool = False
    """Requests are led by a key of their own: no share of them is expected."""
    past: tuple[int, int] = (0, 0)
    """Stable's requests and errors before the start, where no metric has them."""
    shares: tuple[JudgedShare, ...] = ()
    """Of what the model says, compared besides."""


def count_of(counts: Counts, name: MetricName) -> int:
    return counts.errors if name == "errors" else counts.slow


def is_cold(settings: Settings, metric: JudgedMetric, seconds: float) -> bool:
    """Whether a metric is left out of the evidence. seconds: for how long the canary has had its weight."""
    return metric.name == "latency" and seconds < settings.warm_up_seconds


def usable(block: Block) -> bool:
    """Whether the counts can be true at all; a part above its whole is a fault of the source."""
    return not block.dropped and all(
        0 <= part <= arm.requests for arm in (block.canary, block.stable) for part in (arm.errors, arm.slow)
    )


def settings_from(
    judge: Judge,
    history: Sequence[Block],
    warm_up_seconds: float = 0.0,
    earlier: Sequence[Sequence[Block]] = (),
    replica_ratio: float = 1.0,
) -> Settings:
    """history: blocks of stable alone, in order of time, all about as long; it may be empty. earlier: the same of rollouts
    before it, with the new release's weights, which tell how far a rate wanders where the history is too short to.
    replica_ratio: how many replicas stable has for one of the canary's, where each gets as many requests; 1 where both have
    all of theirs."""
    seen = [block for block in history if usable(block)]
    before = [[block for block in stretch if usable(block)] for stretch in earlier]
    ratio = max(1.0, replica_ratio)
    return Settings(
        alpha=judge.false_rollback,
        beta=judge.false_promotion,
        block_seconds=judge.block_seconds,
        warm_up_seconds=warm_up_seconds,
        metrics=(
            _metric("errors", judge.errors, seen, before, judge.block_seconds, 1.0),
            _metric("latency", judge.latency, seen, before, judge.block_seconds, ratio),
        ),
    )


def warm_up_seconds(deploy: Deploy) -> float:
    asked = deploy.judge.latency.warm_up_seconds
    return min(MOST_WARM_UP_SECONDS, deploy.step_seconds / 2) if asked is None else asked


def by_key(settings: Settings) -> Settings:
    """Of a judge of users who are led by a key: a few of them ask most, each in their own way."""
    metrics = (
        msgspec.structs.replace(metric, tolerance=max(KEYED_TOLERANCE, metric.tolerance)) for metric in settings.metrics
    )
    return msgspec.structs.replace(settings, keyed=True, metrics=tuple(metrics))


def with_shares(settings: Settings, shares: Sequence[JudgedShare]) -> Settings:
    """With these compared besides. Their budgets, which are 1 together, become parts of alpha."""
    if not shares:
        return settings
    replaced = msgspec.structs.replace
    return replaced(
        settings,
        metrics=tuple(replaced(metric, budget=(1 - SHARES_BUDGET) * metric.budget) for metric in settings.metrics),
        shares=tuple(replaced(share, budget=SHARES_BUDGET * share.budget) for share in shares),
    )


def without_analysis(judge: Judge, past: tuple[int, int]) -> Settings:
    """Of a judge that tells total failure alone, and at 100 % too. past: stable's requests and errors before the start."""
    return Settings(judge.false_rollback, judge.false_promotion, judge.block_seconds, (), past=past)


def _metric(
    name: MetricName,
    margin: Harm | Latency,
    seen: Sequence[Block],
    before: Sequence[Sequence[Block]],
    block_seconds: float,
    replica_ratio: float,
) -> JudgedMetric:
    counts, earlier = _counts(name, seen), [_counts(name, blocks) for blocks in before]
    remembered = bool(earlier) and _seconds(seen) < history.ENOUGH * history.SECONDS
    known: Sequence[history.Counts] = counts
    steady = known
    if remembered:
        known = history.levelled([*earlier, counts])
        # A replica under another load has another rate, and that is no burst.
        steps = [list(step) for blocks in before for _, step in groupby(blocks, attrgetter("weight"))]
        steady = history.levelled([*(_counts(name, step) for step in steps), counts])
    blocks = [*seen, *(block for stretch in before for block in stretch)] if remembered else seen
    width = _seconds(blocks) / len(blocks) if blocks else block_seconds
    asked = margin.wander_seconds if isinstance(margin, Latency) else None
    caution = CAUTION[name] if asked is None else history.Caution(asked, asked)
    wagering = history.wagering(known, width, caution, remembered=remembered, replica_ratio=replica_ratio)
    wager_blocks = wagering.blocks(block_seconds)
    return JudgedMetric(
        name=name,
        budget=BUDGET[name],
        margins=margins(margin.margin_ratio, margin.margin_rate),
        tolerance=wagering.tolerance,
        phi=history.dispersion(steady, width),
        wager_blocks=wager_blocks,
        why_longer=wagering.why if wager_blocks > 1 else "",
        mostly_slow=wagering.why == history.UNKNOWN and wager_blocks > 1,
        past_requests=sum(n for n, _ in counts),
        past_count=sum(count for _, count in counts),
    )


def _counts(name: MetricName, blocks: Iterable[Block]) -> list[tuple[int, int]]:
    return [(block.stable.requests, count_of(block.stable, name)) for block in blocks]


def struck(blocks: Sequence[Block]) -> list[bool]:
    """Of each block of stable's history, whether errors or slow requests came as they do in an incident."""
    found = [history.struck(_counts(name, blocks)) for name in ("errors", "latency")]
    return [any(hit) for hit in zip(*found, strict=True)]


def _seconds(blocks: Sequence[Block]) -> float:
    return sum(block.seconds for block in blocks)


def margins(ratio: float, rate: float) -> tuple[tuple[float, float], ...]:
    """ "Not worse than the larger of the two", without the one that can never be the larger."""
    both = ((1.0, rate), (ratio, 0.0))
    return tuple(margin for margin in both if margin != (1.0, 0.0)) or ((1.0, 0.0),)
