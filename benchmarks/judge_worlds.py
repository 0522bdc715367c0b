"""How often the judge takes a healthy canary back in worlds where replicas are cold, noisy or sticky, and what it costs.

    scripts/run --in test python benchmarks/judge_worlds.py [--rollouts 2000]

Each cell is that many simulated hours at 50 requests/s, 0.5 % errors and 5 % slow requests, judged after every block of 5 s as
the product judges: after half an hour of stable alone, after none but three rollouts of ten minutes, whose journals tell how
far rates wander, and after none at all. Beside each share stands its 95 % interval. Three columns give the seconds until a
canary with four times the slow requests is taken back. In the last nothing of this is done: wagers of one block, and no
warm-up. Where a canary has fewer replicas than stable, the plan knows by how much, and not what each of them does.

| world | what happens |
|---|---|
| cold D s, S % | so many of the canary's requests are slow for its first seconds |
| noise M:K, sd, t | M replicas beside K: each one's rate of slow requests wanders by itself, log-normal, for t seconds |
| scaled up | at a quarter of the hour half of the canary's requests go to replicas that are cold for 30 s (60 % slow) |
| connections N, t | N connections, each of t seconds and to one pod, 1 beside 9, with a rate of its own (sd 0.5) |
| users N | each user stays with one arm, asks by a heavy tail, and has a rate of slow requests of their own (sd 0.5) |
| beside | something else is deployed: for a minute all requests of both arms are slow four times as often |
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import judge_vectorised as judges
from judge_processes import BLOCK, PAST, SLOW, Drawn, Rates, shock
from judge_processes import arm as arm_of

from modelway.config import Judge
from modelway.distributions import clopper_pearson
from modelway.rollout import settings

DEFAULTS = settings.settings_from(Judge(), [])
ERRORS, LATENCY = DEFAULTS.metrics
BLOCKS, TRAFFIC, RATE = 720, 50.0, 0.005
WARM_UP_BLOCKS = 12
"""Half of a step of 120 s."""
COLD = [(seconds, share) for seconds in (10, 20, 30, 60) for share in (0.15, 0.6)]
BESIDE = ((3, 3), (9, 9), (1, 3), (1, 9))
"""Behind a gateway a canary has as many replicas as stable; without one, as many as its share."""
NOISE = [(*beside, sd, seconds) for beside in BESIDE for sd in (0.3, 0.5, 1.0) for seconds in (22, 120)]
USERS = (300, 3000)
CONNECTIONS = ((50, 60), (200, 60), (200, 300))


@dataclass(frozen=True)
class ReplicaWorld:
    """own, beside: replicas of the canary and of stable."""

    name: str
    own: int = 1
    beside: int = 9
    cold: tuple[int, float] = (0, 0.0)
    noise: tuple[float, float] = (0.0, 0.0)
    scaled: bool = False
    users: int = 0
    connections: tuple[int, int] = (0, 0)
    incident: bool = False

    @property
    def weight(self) -> float:
        return 0.1 if self.own == self.beside else self.own / (self.own + self.beside)

    @property
    def replica_ratio(self) -> float:
        """As the plan knows it: without a gateway a canary has the replicas that its share is."""
        return self.beside / self.own

    @property
    def keyed(self) -> bool:
        return self.users > 0


WORLDS = (
    ReplicaWorld("quiet", 9, 9),
    ReplicaWorld("quiet, 1 beside 9"),
    *(ReplicaWorld(f"cold {seconds} s, {100 * share:.0f} %", 9, 9, cold=(seconds, share)) for seconds, share in COLD),
    *(ReplicaWorld(f"noise {m}:{k}, {sd:g}, {seconds} s", m, k, noise=(sd, seconds)) for m, k, sd, seconds in NOISE),
    ReplicaWorld("scaled up", 9, 9, scaled=True),
    *(ReplicaWorld(f"users {users:,}", 9, 9, users=users) for users in USERS),
    *(ReplicaWorld(f"connections {many}, {seconds} s", connections=(many, seconds)) for many, seconds in CONNECTIONS),
    ReplicaWorld("beside", 9, 9, incident=True),
)


def drawn(world: ReplicaWorld, rollouts: int, rng: np.random.Generator, times: float = 1.0) -> Drawn:
    """times: how often the canary is slow, of how often stable is."""
    shape = (PAST + BLOCKS, rollouts)
    canary, stable = (
        np.mean([_wandering(shape, world.noise, rng) for _ in range(replicas if world.noise[0] else 1)], axis=0) * SLOW
        for replicas in (world.own, world.beside)
    )
    canary, weight = canary * times, np.full(rollouts, world.weight)
    if world.connections[0]:
        weight, canary, stable = _connected(world, rollouts, rng, times)
    if world.users:
        volume = rng.pareto(1.5, (world.users, rollouts)) + 0.1
        slow = np.exp(0.5 * rng.standard_normal(volume.shape) - 0.125) * SLOW
        mine = rng.random(volume.shape) < world.weight
        weight = (volume * mine).sum(axis=0) / volume.sum(axis=0)
        for rates, part, more in ((canary, mine, times), (stable, ~mine, 1.0)):
            rates[:] = more * (volume * slow * part).sum(axis=0) / np.maximum(1e-9, (volume * part).sum(axis=0))
    now = canary[PAST:]
    seconds, share = world.cold
    now[: round(seconds / BLOCK)] = np.maximum(now[: round(seconds / BLOCK)], share)
    if world.scaled:
        later = slice(BLOCKS // 4, BLOCKS // 4 + round(30 / BLOCK))
        now[later] = 0.5 * now[later] + 0.5 * 0.6
    if world.incident:
        minute = slice(PAST + BLOCKS // 4, PAST + BLOCKS // 4 + round(60 / BLOCK))
        canary[minute] *= 4
        stable[minute] *= 4
    traffic = np.full((BLOCKS, rollouts), BLOCK * TRAFFIC)
    failing = np.full(shape, RATE)
    return Drawn(
        canary=arm_of(weight * traffic, failing[PAST:], np.minimum(now, 0.99), rng),
        stable=arm_of((1 - weight) * traffic, failing[PAST:], np.minimum(stable[PAST:], 0.99), rng),
        past=arm_of(traffic[:PAST], failing[:PAST], np.minimum(stable[:PAST], 0.99), rng),
    )


def _connected(
    world: ReplicaWorld, rollouts: int, rng: np.random.Generator, times: float
) -> tuple[Rates, Rates, Rates]:
    """Without a gateway each connection goes to one pod for as long as it lasts: the canary's share of the requests, and the
    rates of slow requests of both. A connection has as many requests as any other, and a rate of its own (sd 0.5); it ends and
    another one begins, at any moment."""
    many, seconds = world.connections
    mine = rng.random((many, rollouts)) < world.weight
    slow = SLOW * np.exp(0.5 * rng.standard_normal(mine.shape) - 0.125)
    shares, canary, stable = [], [], []
    for block in range(PAST + BLOCKS):
        new = rng.random(mine.shape) < BLOCK / seconds
        mine[new] = rng.random(new.sum()) < world.weight
        slow[new] = SLOW * np.exp(0.5 * rng.standard_normal(new.sum()) - 0.125)
        theirs = ~mine if block >= PAST else np.ones_like(mine)
        shares.append(mine.mean(axis=0))
        canary.append(times * (slow * mine).sum(axis=0) / np.maximum(1, mine.sum(axis=0)))
        stable.append((slow * theirs).sum(axis=0) / np.maximum(1, theirs.sum(axis=0)))
    return np.array(shares[PAST:]), np.array(canary), np.array(stable)


def _wandering(shape: tuple[int, int], noise: tuple[float, float], rng: np.random.Generator) -> Rates:
    deviation, seconds = noise
    return shock(shape, rng, np.exp(-10 / seconds), deviation) if deviation else np.ones(shape)


Known = Literal["history", "rollouts", ""]


def taken_back(
    found: Drawn, *, past: Known, plain: bool = False, keyed: bool = False, replica_ratio: float = 1.0
) -> judges.Numbers:
    """Seconds until it is, by rollout; infinite where it is not. past: what is known of it. plain: wagers of one block and no
    warm-up. keyed: an A/B."""
    canary, stable = found.canary, found.stable
    harm, mostly_slow = np.zeros(canary.requests.shape), np.zeros(canary.requests.shape, dtype=bool)
    for metric, of in ((ERRORS, "errors"), (LATENCY, "slow")):
        ratio = replica_ratio if of == "slow" else 1.0
        wager, tolerance = wagering(metric, found.past.requests, getattr(found.past, of), past, ratio)
        if plain:
            wager, tolerance = judges.wagering(found.past.requests, getattr(found.past, of))
            wager = np.ones_like(wager)
        tolerance = tolerance if plain or not keyed else np.maximum(tolerance, settings.KEYED_TOLERANCE)
        skipped = 0 if plain or of == "errors" else WARM_UP_BLOCKS
        counts = [table[skipped:] for arm in (canary, stable) for table in (arm.requests, getattr(arm, of))]
        wealth = judges.wealth(*counts, tolerance, wager)
        if of == "slow" and not past:
            mostly_slow[skipped:] = judges.mostly_slow(*counts)
        harm += metric.budget * np.concatenate([np.ones((skipped, wealth.shape[1])), wealth])
    rate = found.past.errors.sum(axis=0) / np.maximum(1, found.past.requests.sum(axis=0))
    total = judges.total_failures(canary.requests, canary.errors, stable.requests, stable.errors, rate)
    rows = judges.first((harm >= 1 / DEFAULTS.alpha) | total | mostly_slow)
    return np.where(rows < 0, np.inf, (rows + 1) * BLOCK)


def wagering(
    metric: settings.JudgedMetric, requests: judges.Table, counts: judges.Table, past: Known, replica_ratio: float
) -> tuple[judges.Table, judges.Numbers]:
    """Blocks of a wager and the tolerance: with half an hour of history, with that of three rollouts, and without."""
    if not past:
        rollouts = requests.shape[1]
        return np.full(rollouts, metric.wager_blocks), np.full(rollouts, metric.tolerance)
    remembered = past == "rollouts"
    known = judges.levelled(requests, counts, 3) if remembered else requests
    caution = settings.CAUTION[metric.name]
    return judges.wagering(known, counts, caution=caution, remembered=remembered, replica_ratio=replica_ratio)


def median(seconds: judges.Numbers) -> str:
    middle = np.sort(seconds)[len(seconds) // 2]
    return f"{middle:.0f}" if np.isfinite(middle) else "-"


KNOWN: tuple[tuple[Known, bool], ...] = (("history", False), ("rollouts", False), ("", False), ("history", True))


def of_so_many(share: float, rollouts: int) -> str:
    """Percent, with what may be with 95 % (Clopper and Pearson), and in bold above the goal."""
    low, high = clopper_pearson(round(share * rollouts), rollouts, 0.95)
    told = f"{100 * share:.2f}" if share <= DEFAULTS.alpha else f"**{100 * share:.2f}**"
    return f"{told} [{100 * low:.1f}, {100 * high:.1f}]"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rollouts", type=int, default=2000, help="simulated rollouts a cell")
    rollouts = parser.parse_args(argv).rollouts
    print(f"{rollouts} rollouts a cell; taken back within 1 h, %, of 95 %; seconds until a slow one is, median\n")
    print(
        "| world | with history | after 3 rollouts | without | slow 4 times as often: with history | after 3 | without "
        "| one block, cold |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for number, world in enumerate(WORLDS):
        healthy, bad = (
            drawn(world, rollouts, np.random.default_rng([number, place]), times)
            for place, times in enumerate((1.0, 4.0))
        )
        asked = {"keyed": world.keyed, "replica_ratio": world.replica_ratio}
        wrong = [np.isfinite(taken_back(healthy, past=past, plain=plain, **asked)).mean() for past, plain in KNOWN]
        found = [median(taken_back(bad, past=past, **asked)) for past, plain in KNOWN if not plain]
        shown = (*(of_so_many(share, rollouts) for share in wrong[:3]), *found, f"{100 * wrong[3]:.2f}")
        print(f"| {world.name} | {' | '.join(shown)} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
