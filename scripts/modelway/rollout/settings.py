"""What a judge fixes before the rollout starts, from the configuration and from stable's own past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from modelway.config import Judge
from modelway.rollout import history
from modelway.rollout.observations import Block, Counts

MetricName = Literal["errors", "latency"]

BUDGET: dict[MetricName, float] = {"errors": 0.75, "latency": 0.25}
"""Each metric's part of the error budget alpha. Errors get more: they hurt more, and they are rarer, so harder to tell."""


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
    """None: nothing is compared, and only what answers nothing at all is found."""
    keyed: bool = False
    """Requests are led by a key of their own: no share of them is expected."""
    past: tuple[int, int] = (0, 0)
    """Stable's requests and errors before the start, where no metric has them."""


def count_of(counts: Counts, name: MetricName) -> int:
    return counts.errors if name == "errors" else counts.slow


def usable(block: Block) -> bool:
    """Whether the counts can be true at all; a part above its whole is a fault of the source."""
    return not block.dropped and all(
        0 <= part <= arm.requests for arm in (block.canary, block.stable) for part in (arm.errors, arm.slow)
    )


def settings_from(judge: Judge, history: Sequence[Block]) -> Settings:
    """history: blocks of stable alone, in order of time, each `judge.block_seconds` long; it may be empty."""
    seen = [block.stable for block in history if usable(block)]
    return Settings(
        alpha=judge.false_rollback,
        beta=judge.false_promotion,
        block_seconds=judge.block_seconds,
        metrics=(
            _metric("errors", judge.errors.margin_ratio, judge.errors.margin_rate, seen, judge.block_seconds),
            _metric("latency", judge.latency.margin_ratio, judge.latency.margin_rate, seen, judge.block_seconds),
        ),
    )


def without_analysis(judge: Judge, past: tuple[int, int]) -> Settings:
    """Of a judge that tells total failure alone, and at 100 % too. past: stable's requests and errors before the start."""
    return Settings(judge.false_rollback, judge.false_promotion, judge.block_seconds, (), past=past)


def _metric(name: MetricName, ratio: float, rate: float, seen: Sequence[Counts], block_seconds: float) -> JudgedMetric:
    counts = [(block.requests, count_of(block, name)) for block in seen]
    return JudgedMetric(
        name=name,
        budget=BUDGET[name],
        margins=margins(ratio, rate),
        tolerance=history.tolerance(counts, block_seconds),
        phi=history.dispersion(counts, block_seconds),
        past_requests=sum(n for n, _ in counts),
        past_count=sum(count for _, count in counts),
    )


def margins(ratio: float, rate: float) -> tuple[tuple[float, float], ...]:
    """ "Not worse than the larger of the two", without the one that can never be the larger."""
    both = ((1.0, rate), (ratio, 0.0))
    return tuple(margin for margin in both if margin != (1.0, 0.0)) or ((1.0, 0.0),)
