"""How many requests and how long a rollout needs before its evidence can be in, told before it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, inf, isfinite, log, log1p

import msgspec

from modelway.rollout import harm, shift, total_failure
from modelway.rollout.evidence import title_of
from modelway.rollout.history import LEAST_TOLERANCE
from modelway.rollout.not_worse import FRACTIONS, GOOD_RATIO
from modelway.rollout.settings import JudgedMetric, MetricName, Settings

MANY_TIMES = 4.0
LONGEST_SECONDS = 3600.0
TOO_SMALL = ("no number of requests can show a margin this small", "widen the margins of deploy.judge")
NOTHING_LEFT: dict[MetricName, tuple[str, str]] = {
    "errors": (
        "all of stable's requests fail: no canary could be worse",
        "mend stable first, or use strategy: all-at-once",
    ),
    "latency": (
        "all of stable's requests are slower than deploy.judge.latency.slower-than-ms: no canary could be slower",
        "raise deploy.judge.latency.slower-than-ms, or leave it out",
    ),
}
"""Why nothing can be shown where a rate of stable's is 1, and what to do."""


Growth = Callable[[float, float], float]
"""Of log K, before phi, for each canary request: of the rate of errors in both arms, and the canary's share of the traffic."""


class StepNumbers(msgspec.Struct, frozen=True):
    """What one step is expected to take, and what to allow for. Canary requests."""

    weight: float
    expected_requests: float
    expected_seconds: float
    allowed_requests: float
    allowed_seconds: float


class PlanNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """For a canary that is as good as stable. expected: half of such rollouts are done by then; allowed: about 90 %.

    Seconds are None where the traffic is not known; requests are, at the weight of the last step that compares.
    """

    steps: tuple[StepNumbers, ...]
    expected_requests: float
    expected_seconds: float | None
    allowed_requests: float
    allowed_seconds: float | None
    sentence: str
    """Such as: needs about 1,080 canary requests = 3.6 min at 10 % of 50 requests/s; allow 7.2 min."""
    refusal: str
    """Why it cannot finish in its time, with the numbers; empty where it can."""
    fix: str


def planned_requests(rate: float, weight: float, metric: JudgedMetric, beta: float) -> float:
    """The median number of canary requests until the evidence reaches 1/beta, for a canary as good as stable.

    rate: of errors in both arms, 0 to 1. weight: the canary's share of the traffic, above 0 and below 1.
    """
    waits = []
    for needed, growths in _questions(metric, beta):
        growth = max(growth(rate, weight) for growth in growths)
        waits.append(needed / growth if growth > 0 else inf)
    return max(waits)


def plan_numbers(
    settings: Settings,
    *,
    base_error_rate: float,
    base_slow_rate: float,
    requests_per_second: float | None,
    weights: Sequence[float],
    step_seconds: float,
    bake_seconds: float,
    timeout_seconds: float,
) -> PlanNumbers:
    """weights: the share of each step; one of 1 compares nothing and takes no part. requests_per_second: of both arms, None
    where nobody knows. Steps before the last that compares take step_seconds each; that one takes what is still needed.

    timeout_seconds is the time within which the evidence must be in; the step at 100 % is not part of it.
    """
    rates: dict[MetricName, float] = {"errors": base_error_rate, "latency": base_slow_rate}
    compared = [weight for weight in weights if 0 < weight < 1]
    last = compared[-1]
    needed = max(planned_requests(rates[metric.name], last, metric, settings.beta) for metric in settings.metrics)
    needed = max([needed, *(shift.needed(settings.beta) / shift.growth(share, last) for share in settings.shares)])
    if requests_per_second is None:
        return PlanNumbers(
            steps=(),
            expected_requests=needed,
            expected_seconds=None,
            allowed_requests=2 * needed,
            allowed_seconds=None,
            sentence=f"needs about {_rounded(needed)} canary requests at {100 * last:.3g} %, allow {_rounded(2 * needed)}; "
            "the traffic is not known",
            refusal="",
            fix="",
        )
    least = [step_seconds] * len(compared)
    least[-1] = max(step_seconds, bake_seconds - step_seconds * (len(compared) - 1))
    waits = [_last_wait(settings, rates, requests_per_second, compared, step_seconds, times) for times in (1, 2)]
    expected, allowed = ([*least[:-1], max(least[-1], wait)] for wait in waits)
    traffic = [weight * requests_per_second for weight in compared]
    steps = tuple(
        StepNumbers(weight, _product(came, e), e, _product(came, a), a)
        for weight, came, e, a in zip(compared, traffic, expected, allowed, strict=True)
    )
    # Of the requests that the evidence needs, those of the earlier steps are part; what the bake adds is not.
    early = sum(traffic[:-1]) * step_seconds
    requests = [
        early + traffic[-1] * wait if traffic[-1] else times * needed for times, wait in enumerate(waits, start=1)
    ]
    refusal, fix = _objection(
        requests[0],
        compared[-1],
        requests_per_second,
        sum(least),
        sum(allowed),
        timeout_seconds,
        next((NOTHING_LEFT[metric.name] for metric in settings.metrics if rates[metric.name] >= 1), TOO_SMALL),
    )
    return PlanNumbers(
        steps=steps,
        expected_requests=requests[0],
        expected_seconds=sum(expected),
        allowed_requests=requests[1],
        allowed_seconds=sum(allowed),
        sentence=_sentence(requests[0], compared, requests_per_second, waits, step_seconds),
        refusal=refusal,
        fix=fix,
    )


def taken_back_after(
    settings: Settings, metric: JudgedMetric, rate: float, times: float, weight: float, requests_per_second: float
) -> float:
    """Seconds until a canary that has so many times stable's rate is taken back by this metric alone, if all comes as it comes
    on average; about the median. Infinite where that is more than an hour."""
    cold = settings.warm_up_seconds if metric.name == "latency" else 0.0
    seconds, held = metric.wager_blocks * settings.block_seconds, harm.PRIOR
    canary, stable = weight * requests_per_second * seconds, (1 - weight) * requests_per_second * seconds
    for number in range(1, int((LONGEST_SECONDS - cold) // seconds) + 1):
        counted = (canary, canary * min(1.0, times * rate)), (stable, stable * rate)
        held = harm.beside_stable(held, *counted, metric.tolerance)
        if metric.budget * harm.wealth(held) + 1 - metric.budget >= 1 / settings.alpha:
            return cold + number * seconds
        held = harm.give_back(held, min(1.0, harm.RETURNED * metric.wager_blocks))
    return inf


def caution_said(
    settings: Settings, error_rate: float, slow_rate: float, weight: float, requests_per_second: float
) -> str:
    """Why, and at what price, errors or slow requests are judged over longer than a block; empty where they are not. The
    rates are stable's. weight: the canary's."""
    rates = {"errors": error_rate, "latency": slow_rate}
    longer = [metric for metric in settings.metrics if metric.wager_blocks > 1]
    return "; ".join(_caution(settings, one, rates[one.name], weight, requests_per_second) for one in longer)


def _caution(settings: Settings, found: JudgedMetric, rate: float, weight: float, requests_per_second: float) -> str:
    shorter = msgspec.structs.replace(found, wager_blocks=1, tolerance=LEAST_TOLERANCE)
    after, without = (
        taken_back_after(settings, metric, rate, MANY_TIMES, weight, requests_per_second) for metric in (found, shorter)
    )
    told = f"{title_of(found.name)} are judged over {time_said(found.wager_blocks * settings.block_seconds)} at a time, since "
    told += found.why_longer
    if not isfinite(without):
        return told
    slow = f"a canary that has {MANY_TIMES:.0f} times as many at {100 * weight:.3g} %"
    late = f"after about {time_said(after)}" if isfinite(after) else "after more than an hour"
    told = f"{told}: {slow} is taken back {late}, and not after {time_said(without)}"
    minute = time_said(total_failure.MOSTLY_SLOW_BLOCKS * settings.block_seconds)
    return f"{told}; one of whose requests two thirds are slow, after {minute}" if found.mostly_slow else told


def _questions(metric: JudgedMetric, beta: float) -> tuple[tuple[float, list[Growth]], tuple[float, list[Growth]]]:
    """Both that a pass asks (modelway.rollout.not_worse): log K at which half of the healthy rollouts have it, and what may
    get there. The average over margins and fractions costs the rest."""
    grid = [(ratio, extra, x) for ratio, extra in metric.margins for x in FRACTIONS]
    of_margins: list[Growth] = [partial(_growth_of_margin, ratio=ratio, extra=extra, x=x) for ratio, extra, x in grid]
    of_good: list[Growth] = [partial(_growth_of_good, x=x) for x in FRACTIONS]
    once = metric.phi * (log(1 / beta) + 1)
    return (once + metric.phi * log(len(metric.margins)), of_margins), (once, of_good)


def _growth_of_margin(rate: float, weight: float, *, ratio: float, extra: float, x: float) -> float:
    stable_per_canary = (1 - weight) / weight
    return x * extra + rate * log1p(-x) + rate * stable_per_canary * log1p(x * ratio / stable_per_canary)


def _growth_of_good(rate: float, weight: float, *, x: float) -> float:
    stable_per_canary = (1 - weight) / weight
    return (1 - rate) * (stable_per_canary * log1p(-x * weight) + log1p(x * GOOD_RATIO * (1 - weight)))


def _last_wait(
    settings: Settings,
    rates: dict[MetricName, float],
    requests_per_second: float,
    weights: Sequence[float],
    step_seconds: float,
    times: int,
) -> float:
    """Seconds in the last step that compares until every metric has `times` the evidence that it needs."""
    waits = []
    for metric in settings.metrics:
        rate, idle = rates[metric.name], settings.warm_up_seconds if metric.name == "latency" else 0.0
        for needed, growths in _questions(metric, settings.beta):
            best = inf
            for growth in growths:
                speeds = [weight * requests_per_second * growth(rate, weight) for weight in weights]
                missing = times * needed - max(0.0, step_seconds - idle) * sum(speeds[:-1])
                if missing <= 0:
                    best = 0.0
                elif speeds[-1] > 0:
                    best = min(best, idle + missing / speeds[-1])
            waits.append(best)
    of_shares = (
        shift.last_wait(share, settings.beta, requests_per_second, weights, step_seconds, times)
        for share in settings.shares
    )
    return max([*waits, *of_shares])


def _product(per_second: float, seconds: float) -> float:
    return per_second * seconds if per_second else 0.0


def _sentence(
    requests: float, weights: Sequence[float], requests_per_second: float, waits: Sequence[float], step_seconds: float
) -> str:
    early = [f"{time_said(step_seconds)} at {weight:.3g} %" for weight in (100 * w for w in weights[:-1])]
    times = " + ".join([*early, f"{time_said(waits[0])} at {100 * weights[-1]:.3g} %"])
    allow = time_said(step_seconds * len(early) + waits[1])
    return f"needs about {_rounded(requests)} canary requests = {times} of {requests_per_second:.3g} requests/s; allow {allow}"


def _objection(
    requests: float,
    weight: float,
    requests_per_second: float,
    least: float,
    allowed: float,
    timeout: float,
    never: tuple[str, str],
) -> tuple[str, str]:
    """Why the evidence cannot be in within the timeout, and what to do; empty texts where it can. never: the same where no
    number of requests would do."""
    if allowed <= timeout:
        return "", ""
    if least > timeout:
        waiting = f"the steps and the bake time take {time_said(least)}, but its time is {time_said(timeout)}"
        return waiting, f"set deploy.timeout-seconds to at least {_up(allowed)}"
    if requests_per_second <= 0:
        return "there is no traffic to compare canary and stable by", "send it traffic, or use strategy: all-at-once"
    if not isfinite(requests):
        return never
    short = (
        f"needs about {_rounded(requests)} canary requests, which takes {time_said(allowed)} to be safe at "
        f"{100 * weight:.3g} % of {requests_per_second:.3g} requests/s, but its time is {time_said(timeout)}"
    )
    return short, f"set deploy.timeout-seconds to at least {_up(allowed)}"


def time_said(seconds: float) -> str:
    """For a person: 45 s, 3.6 min, 9.0 h."""
    if not isfinite(seconds):
        return "for ever"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _rounded(requests: float) -> str:
    """Three digits: it is an estimate."""
    return f"{float(f'{requests:.3g}'):,.0f}" if isfinite(requests) else "infinitely many"


def _up(seconds: float) -> str:
    return f"{whole_minutes(seconds)}" if isfinite(seconds) else "more"


def whole_minutes(seconds: float) -> int:
    """In seconds, rounded up."""
    return 60 * ceil(seconds / 60)
