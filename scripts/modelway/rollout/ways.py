"""What would let a rollout finish that has too few requests for its time: each way with its number, by planning again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import ceil, floor, inf, log10
from typing import Any

import msgspec

from modelway.config import Deploy
from modelway.config.keys import YEAR
from modelway.config.sections import Harm, Latency
from modelway.rollout.comparison import rows_needed
from modelway.rollout.evidence import title_of
from modelway.rollout.plan import weights_of
from modelway.rollout.planning import PlanNumbers, plan_numbers, whole_minutes
from modelway.rollout.settings import JudgedMetric, Settings, margins

LONGEST_JOB = 6 * 3600.0
"""Of a job on a runner of GitHub's own."""
MARGIN_STEPS = 1000
"""Margins are tried in thousandths."""
MOST_REQUESTS_PER_SECOND = 1e6


class StableTraffic(msgspec.Struct, frozen=True):
    """What clients send, and how much of it fails, or is slow, at stable."""

    requests_per_second: float
    error_rate: float
    slow_rate: float
    batches: tuple[float, ...] = ()
    """The new release's shares of it in a rolling rollout, which the replicas say; empty where the strategy does."""

    def weights(self, deploy: Deploy) -> tuple[float, ...]:
        return self.batches or weights_of(deploy, "")


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """changes: keys of modelway.yml, each with the value that suffices. more_requests_per_second: to be sent beside those of
    clients. takes_seconds: with it, to be safe."""

    changes: dict[str, Any] = {}
    more_requests_per_second: float = 0.0
    takes_seconds: float
    change: str
    """For a person, in half a sentence: what to change."""
    price: str
    """What one has to know of it."""


def numbers_of(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> PlanNumbers:
    """What a canary, or a shadow, of these settings needs at this traffic."""
    return plan_numbers(
        settings,
        base_error_rate=traffic.error_rate,
        base_slow_rate=traffic.slow_rate,
        # a copy is a second request that is counted
        requests_per_second=traffic.requests_per_second * (2 if deploy.strategy == "shadow" else 1),
        weights=traffic.weights(deploy),
        step_seconds=deploy.step_seconds,
        bake_seconds=deploy.bake_seconds,
        timeout_seconds=deploy.timeout_seconds,
    )


def ways(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> tuple[Way, ...]:
    """The least that would do of each kind, at these settings otherwise; a kind of which nothing does is left out. None where
    it can finish already."""
    if _fits(deploy, settings, traffic):
        return ()
    compared = sum(0 < weight < 1 for weight in traffic.weights(deploy))
    if max(deploy.step_seconds * compared, deploy.bake_seconds) > deploy.timeout_seconds:
        found = [_longer(deploy, settings, traffic)]  # however many requests come
    else:
        kinds = (_longer, _larger_share, _wider_margin, _shadow, _sample_traffic)
        found = [kind(deploy, settings, traffic) for kind in kinds]
    return tuple(way for way in found if way is not None)


def fix_of(found: tuple[Way, ...]) -> str:
    """All of them in one line."""
    return f"set {'; or '.join(way.change for way in found)}"


def _longer(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> Way | None:
    takes = _takes(deploy, settings, traffic)
    if takes > YEAR:
        return None
    price = "the same proof, later"
    if takes > LONGEST_JOB:
        price += "; no job of GitHub's own lasts so long: begin it with wait: false, and let advance.yml carry it"
    changes = {"deploy.timeout-seconds": whole_minutes(takes)}
    return Way(changes=changes, takes_seconds=takes, change=_said(changes), price=price)


def _larger_share(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> Way | None:
    """Of the last step that compares: it is the one that waits for the evidence."""
    if deploy.strategy != "canary":
        return None
    *early, last, _ = deploy.steps
    for share in range(last + 1, 100):
        steps = (*early, share, 100)
        pauses = tuple(share if at == last else at for at in deploy.pause_at)
        takes = _takes(msgspec.structs.replace(deploy, steps=steps, pause_at=pauses), settings, traffic)
        if takes <= deploy.timeout_seconds:
            changes = {"deploy.steps": steps} | ({"deploy.pause-at": pauses} if pauses != deploy.pause_at else {})
            price = f"a bad release meets {share} % of the requests until it is told"
            return Way(changes=changes, takes_seconds=takes, change=_said(changes), price=price)
    return None


def _wider_margin(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> Way | None:
    """Of each metric that is too slow by itself: the judge waits for the slowest."""
    known: dict[str, tuple[Harm | Latency, float]] = {
        "errors": (deploy.judge.errors, traffic.error_rate),
        "latency": (deploy.judge.latency, traffic.slow_rate),
    }
    changes, passes, widened = dict[str, Any](), list[str](), list[JudgedMetric]()
    for metric in settings.metrics:
        if _fits(deploy, _with(settings, metric), traffic):
            widened.append(metric)
            continue
        if metric.name not in known:
            return None
        harm, rate = known[metric.name]
        wider = [
            _widened(metric, harm, steps) for steps in range(floor(harm.margin_rate * MARGIN_STEPS) + 1, MARGIN_STEPS)
        ]
        at = bisect_left(wider, True, key=lambda one: _fits(deploy, _with(settings, one), traffic))
        if at == len(wider):
            return None
        widened.append(wider[at])
        margin = MARGIN_STEPS - len(wider) + at
        changes[f"deploy.judge.{metric.name}.margin-rate"] = margin / MARGIN_STEPS
        most = 100 * rate + 100 * margin / MARGIN_STEPS
        passes.append(f"{most:.3g} % {title_of(metric.name)} where stable has {100 * rate:.2g} %")
    return Way(
        changes=changes,
        takes_seconds=_takes(deploy, _with(settings, *widened), traffic),
        change=_said(changes),
        price=f"a release with up to {', or '.join(passes)} may pass",
    )


def _widened(metric: JudgedMetric, harm: Harm | Latency, steps: int) -> JudgedMetric:
    return msgspec.structs.replace(metric, margins=margins(harm.margin_ratio, steps / MARGIN_STEPS))


def _with(settings: Settings, *metrics: JudgedMetric) -> Settings:
    return msgspec.structs.replace(settings, metrics=metrics)


def _shadow(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> Way | None:
    """Each request counts at both releases, so that it needs fewer of them; where it does not, it is no way."""
    if deploy.strategy != "canary":
        return None
    mirrored = msgspec.structs.replace(deploy, strategy="shadow", pause_at=())
    takes = _takes(mirrored, settings, traffic)
    if takes > YEAR or takes >= _takes(deploy, settings, traffic):
        return None
    changes: dict[str, Any] = {"deploy.strategy": "shadow"}
    if deploy.pause_at:
        changes["deploy.pause-at"] = ()
    if takes > deploy.timeout_seconds:
        changes["deploy.timeout-seconds"] = whole_minutes(takes)
    return Way(
        changes=changes,
        takes_seconds=takes,
        change=f"{_said(changes)}, and blue-green after it",
        price="it gets a copy of every request, no client meets it, and it moves nothing; blue-green needs no more requests"
        + (", and the copies need an HTTPRoute or a VirtualService" if deploy.target == "kubernetes" else ""),
    )


def _sample_traffic(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> Way | None:
    """To the environment's own address, where it is counted as clients' requests are."""

    def with_more(more: float) -> StableTraffic:
        return msgspec.structs.replace(traffic, requests_per_second=traffic.requests_per_second + more)

    low, high = 0.0, MOST_REQUESTS_PER_SECOND
    if not _fits(deploy, settings, with_more(high)):
        return None
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if _fits(deploy, settings, with_more(middle)) else (middle, high)
    more = _three_digits_up(high)
    part = 100 * more / (traffic.requests_per_second + more)
    return Way(
        more_requests_per_second=more,
        takes_seconds=_takes(deploy, settings, with_more(more)),
        change=f"sample traffic of {more:g} requests/s by benchmark-endpoint meanwhile",
        price=f"{part:.0f} % of the evidence is sample rows, judged as if clients had sent them and told apart in its record",
    )


def _takes(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> float:
    """Seconds to be safe; infinite where no time is enough."""
    takes = numbers_of(deploy, settings, traffic).allowed_seconds
    assert takes is not None, "the traffic is known"
    if deploy.strategy == "shadow" and deploy.shadow.differ_at_most is not None:
        rate = traffic.requests_per_second
        takes = max(takes, rows_needed(deploy.shadow.differ_at_most) / rate if rate else inf)
    return takes


def _fits(deploy: Deploy, settings: Settings, traffic: StableTraffic) -> bool:
    return _takes(deploy, settings, traffic) <= deploy.timeout_seconds


def _said(changes: Mapping[str, Any]) -> str:
    return " and ".join(
        f"{key}: {list(value) if isinstance(value, tuple) else value}" for key, value in changes.items()
    )


def _three_digits_up(value: float) -> float:
    scale = 10.0 ** (2 - floor(log10(value)))
    return ceil(value * scale) / scale
