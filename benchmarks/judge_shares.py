"""How often the judge is wrong about the shares of what a model predicts, and how fast it is right: simulated requests, each
sent to an arm by its own draw, in blocks of 5 s.

    scripts/run --in test python benchmarks/judge_shares.py [--runs 200] [--healthy 400]

Healthy: both arms predict alike, for an hour at 10 %, with errors and slow requests beside. Shifted: the canary's share of one
class is another from the start.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.config import Judge
from modelway.rollout import judge
from modelway.rollout.observations import Block, Counts, WatchedCounts
from modelway.rollout.shift import JudgedShare

BLOCK, HOUR, WEIGHT = 5.0, 3600.0, 0.1
ERRORS, SLOW = 0.005, 0.05


@dataclass(frozen=True)
class World:
    """rows: of one request. together: the chance that a row is like the one before it in its request. wander: how far the
    share of both arms swings, times itself, within half an hour."""

    name: str
    rows: int = 1
    together: float = 0.0
    wander: float = 0.0
    apart: float = 0.0
    """How much more of the class the canary predicts."""


WORLDS = (
    World("every row by itself"),
    World("requests of 20 rows, each by itself", rows=20),
    World("requests of 20 rows, all alike", rows=20, together=1.0),
    World("requests of 20 rows, half alike", rows=20, together=0.9),
    World("the share of both arms swings between half and 1.5 times itself", wander=0.5),
    World("the canary has half a point more: exactly what may be", apart=0.005),
)


@dataclass(frozen=True)
class Ended:
    """seconds: until it was taken back or has passed. by: the metric that weighed most."""

    verdict: str
    seconds: float
    by: str


def settings_of(shares: tuple[JudgedShare, ...]) -> judge.Settings:
    """As with half an hour of history that does not wander."""
    past = [
        Block(began=BLOCK * at, seconds=BLOCK, weight=0.0, canary=Counts(), stable=Counts(1000, 5, 50))
        for at in range(360)
    ]
    return judge.with_shares(judge.settings_from(Judge(), past), shares)


def classes(shares: tuple[float, ...], limit: float, rows: float = 1.0) -> tuple[JudgedShare, ...]:
    """One judged share for each class but, of two, the larger; as deploy-model has them."""
    told = shares if len(shares) > 2 else (min(shares),)
    return tuple(
        JudgedShare(
            name=f"class {at}", counts="class", differ_at_most=limit, budget=1 / len(told), share=share, rows=rows
        )
        for at, share in enumerate(told)
    )


def predicted(chance: np.random.Generator, world: World, requests: int, share: float) -> tuple[int, int]:
    """(how many of the rows of so many requests are of the class, of so many)."""
    rows = chance.random((requests, world.rows)) < share
    for at in range(1, world.rows if world.together else 1):
        alike = chance.random(requests) < world.together
        rows[:, at] = np.where(alike, rows[:, at - 1], rows[:, at])
    return int(rows.sum()), rows.size


def rollout(
    settings: judge.Settings,
    world: World,
    chance: np.random.Generator,
    per_second: float,
    shares: tuple[float, float],
    until: Callable[[judge.Assessment], bool],
) -> Ended:
    """shares: canary's and stable's of the one class that is judged."""
    state = judge.begin(settings)
    for number in range(int(HOUR / BLOCK)):
        swing = 1 + world.wander * _swing(number * BLOCK)
        arms, counted = [], []
        total = int(chance.poisson(per_second * BLOCK))
        canary = int(chance.binomial(total, WEIGHT))
        for requests, share in ((canary, shares[0]), (total - canary, shares[1])):
            errors, slow = chance.binomial(requests, ERRORS), chance.binomial(requests, SLOW)
            arms.append(Counts(requests, int(errors), int(slow)))
            counted.append(predicted(chance, world, requests, share * swing))
        watched = tuple(WatchedCounts(share.name, counted[0], counted[1]) for share in settings.shares)
        block = Block(
            began=number * BLOCK, seconds=BLOCK, weight=WEIGHT, canary=arms[0], stable=arms[1], watched=watched
        )
        state = judge.observe(settings, state, block)
        seen = judge.assess(settings, state, baked=True, deadline=False)
        if seen.verdict == "fail" or until(seen):
            top = max(seen.metrics, key=lambda metric: metric.harm / metric.harm_needed)
            return Ended(seen.verdict, (number + 1) * BLOCK, top.name)
    return Ended("continue", HOUR, "")


def _swing(seconds: float) -> float:
    """-1 to 1 and back within half an hour."""
    at = seconds % 1800 / 1800
    return 4 * abs(at - 0.5) - 1


def times(found: list[Ended], ended: Callable[[Ended], bool]) -> str:
    seconds = sorted(one.seconds for one in found if ended(one))
    if len(seconds) < len(found) / 2:
        return f"in {100 * len(seconds) / len(found):.0f} % within 1 h"
    return f"{statistics.median(seconds):.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--healthy", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = np.random.default_rng(asked.seed)
    print(
        "| may differ by | 10 -> 14 % taken back after, 50 requests/s | 200 | no shift shown after, 50 requests/s | 200 |"
    )
    print("|---|--:|--:|--:|--:|")
    for limit in (0.005, 0.01, 0.02):
        settings, cells = settings_of(classes((0.1, 0.9), limit)), []
        for canary, is_over in ((0.14, never), (0.1, within)):
            for rate in (50.0, 200.0):
                runs = [rollout(settings, WORLDS[0], chance, rate, (canary, 0.1), is_over) for _ in range(asked.runs)]
                cells.append(times(runs, lambda one, shifted=canary > 0.1: (one.verdict == "fail") == shifted))
        print(f"| {100 * limit:g} points | {' | '.join(cells)} |", flush=True)
    print("\n| healthy, 50 requests/s, may differ by half a point | taken back within 1 h | by what it predicts |")
    print("|---|--:|--:|")
    for world in WORLDS:
        settings = settings_of(classes((0.1, 0.9), 0.005, world.rows))
        runs = [rollout(settings, world, chance, 50.0, (0.1 + world.apart, 0.1), never) for _ in range(asked.healthy)]
        back = [one for one in runs if one.verdict == "fail"]
        told = sum(one.by.startswith("class") for one in back)
        print(f"| {world.name} | {len(back) / len(runs):.2%} | {told / len(runs):.2%} |", flush=True)


def never(seen: judge.Assessment) -> bool:
    return False


def within(seen: judge.Assessment) -> bool:
    """Whether the class alone is where promotion needs it."""
    return seen.metrics[-1].not_worse >= seen.promotion_needed


if __name__ == "__main__":
    main()
