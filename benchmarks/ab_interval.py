"""How often the interval of an A/B's effect holds the truth at every look at once, beside one that is made for a single look.

    scripts/run --in test python benchmarks/ab_interval.py [--runs 1000]

Each line is one world: what each arm gets in a block of 5 s, its rates, and the share of simulated hours (720 looks) in which
no look's 95 % interval misses the true difference. The peer is Newcombe's interval of the same counts, looked at as often: it
is looked at once there is a request in each arm. `width` is ours beside the peer's after the last look. In the worlds with
bursts errors come five at a time, and the interval is told so. Needs numpy; the default takes about a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.distributions import normal_quantile
from modelway.rollout import effect

LOOKS = 720
WANTED = 0.95
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """requests: of each arm in a block, on average. rates: of each. burst: how many errors come as one."""

    requests: tuple[float, float]
    rates: tuple[float, float]
    burst: int = 1

    @property
    def said(self) -> str:
        bursts = f", bursts of {self.burst}" if self.burst > 1 else ""
        return f"{self.requests[0]:g} and {self.requests[1]:g} a block, {self.rates[0]:.1%} and {self.rates[1]:.1%}{bursts}"


WORLDS = [
    World(requests, rates)
    for requests in ((0.2, 1.0), (2.0, 20.0), (200.0, 200.0))
    for rates in ((0.002, 0.002), (0.02, 0.01), (0.05, 0.05), (0.4, 0.3))
] + [World((20.0, 200.0), (0.02, 0.02), burst=5), World((200.0, 200.0), (0.05, 0.04), burst=5)]


def arm(chance: np.random.Generator, requests: float, rate: float, burst: int, runs: int) -> tuple[Numbers, Numbers]:
    """(counts, requests) up to each look, in whole bursts."""
    asked = chance.poisson(requests / burst, (runs, LOOKS))
    return burst * np.cumsum(chance.binomial(asked, rate), 1), burst * np.cumsum(asked, 1)


def log_mixture(k: Numbers, n: Numbers, burst: int) -> Numbers:
    """B(k + 1/2, n - k + 1/2) / B(1/2, 1/2), by sums of logarithms."""
    units = int(n.max() // burst) + 2
    halves = np.concatenate([[0.0], np.cumsum(np.log(np.arange(units) + effect.PRIOR))])
    wholes = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, units + 1)))])
    ups, all_ = (k // burst).astype(int), (n // burst).astype(int)
    return np.asarray(halves[ups] + halves[all_ - ups] - wholes[all_])


def against(k: Numbers, n: Numbers, rate: float, burst: int) -> Numbers:
    return np.asarray(log_mixture(k, n, burst) - (k * np.log(rate) + (n - k) * np.log1p(-rate)) / burst)


def newcombe(new: tuple[Numbers, Numbers], old: tuple[Numbers, Numbers], burst: int) -> tuple[Numbers, Numbers]:
    z, parts = normal_quantile(WANTED), []
    for k, n in (new, old):
        units, rate = n / burst, np.divide(k, n, out=np.full(k.shape, 0.5), where=n > 0)
        middle, spread = rate + z * z / (2 * units), z * np.sqrt(rate * (1 - rate) / units + z * z / (4 * units**2))
        parts.append((rate, (middle - spread) / (1 + z * z / units), (middle + spread) / (1 + z * z / units)))
    (p1, low1, high1), (p0, low0, high0) = parts
    gap = p1 - p0
    return gap - np.hypot(p1 - low1, high0 - p0), gap + np.hypot(high1 - p1, p0 - low0)


def measured(world: World, runs: int, seed: int) -> tuple[float, float, float]:
    """(our coverage at every look, the peer's, our width beside the peer's at the last one)."""
    chance = np.random.default_rng(seed)
    burst = world.burst
    new, old = (arm(chance, n, p, burst, runs) for n, p in zip(world.requests, world.rates, strict=True))
    truth = world.rates[0] - world.rates[1]
    outside = against(*new, world.rates[0], burst) + against(*old, world.rates[1], burst) >= -np.log(1 - WANTED)
    missed = set()
    for run, look in np.argwhere(outside):  # the pair of rates is outside: is their difference too?
        if run not in missed:
            low, high = ours(new, old, run, look, burst)
            missed |= {run} if not low <= truth <= high else set()
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = newcombe(new, old, burst)
    both = (new[1] > 0) & (old[1] > 0)
    peer = ((low > truth) | (high < truth)) & both
    widths = []
    for run in np.flatnonzero(both[:, -1])[:50]:
        mine = ours(new, old, run, LOOKS - 1, burst)
        widths.append((mine[1] - mine[0]) / (high[run, -1] - low[run, -1]))
    return 1 - len(missed) / runs, 1 - float(peer.any(1).mean()), float(np.mean(widths))


def ours(
    new: tuple[Numbers, Numbers], old: tuple[Numbers, Numbers], run: int, look: int, burst: int
) -> tuple[float, float]:
    (k1, n1), (k0, n0) = ((int(k[run, look]), int(n[run, look])) for k, n in (new, old))
    return effect.interval((k1, n1), (k0, n0), burst)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args(argv).runs
    print(f"{'':52} {'ours':>7} {'peer':>7} {'width':>6}   at every one of {LOOKS} looks, {runs} runs")
    worst = 1.0
    for seed, world in enumerate(WORLDS):
        mine, peer, width = measured(world, runs, seed)
        worst = min(worst, mine)
        print(f"{world.said:52} {mine:7.1%} {peer:7.1%} {width:6.2f}", flush=True)
    print(f"the least of ours: {worst:.1%}, wanted {WANTED:.0%}")
    return 0 if worst >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
