"""Rollouts drawn at random: requests, errors and slow requests of both arms in blocks of 5 s, and stable's half hour before.

Requests are Poisson, and each goes to an arm by its own draw; what differs is how errors and slow requests come about:

| process | what happens |
|---|---|
| independent | every request by itself |
| common AR(1) | both rates times exp(z) of one z for both arms; lag of 10 s correlates 0.8, standard deviation 0.5 |
| incident | 20 % errors, 50 % slow in both arms for a minute, twice an hour |
| diurnal | the traffic swings by +-80 % within the hour |
| storm | 6 an hour: 5 to 50 requests more that all fail, on one arm, drawn in proportion to traffic; as many of slow ones |
| hiccup | 6 an hour: one of 1/weight equal instances fails all its requests for 1 to 5 s within one block, and is slow |
| long hiccup | the same for 1 to 10 s, from any moment |
| own AR(1) | as common AR(1), with a z of its own for each arm |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 5.0
PROCESSES = ("independent", "common AR(1)", "incident", "diurnal", "storm", "hiccup", "long hiccup", "own AR(1)")
SLOW = 0.05
"""Of requests, in both arms: the limit is stable's 95th percentile."""
PAST = 360
"""Blocks of the history: half an hour."""

Table = NDArray[np.int64]
Rates = NDArray[np.float64]


@dataclass
class Arm:
    """Counts of one arm, (blocks, rollouts) each."""

    requests: Table
    errors: Table
    slow: Table


@dataclass(frozen=True)
class Drawn:
    canary: Arm
    stable: Arm
    past: Arm
    """Stable alone, before."""


@dataclass(frozen=True)
class World:
    """requests_per_second of both arms together; rate, canary_rate: of errors."""

    process: str
    requests_per_second: float
    weight: float
    rate: float
    canary_rate: float | None = None
    canary_slow: float = SLOW
    blocks: int = 720


def draw(world: World, rollouts: int, rng: np.random.Generator) -> Drawn:
    shape = (PAST + world.blocks, rollouts)
    traffic = np.full(shape, BLOCK * world.requests_per_second)
    if world.process == "diurnal":
        hours = np.arange(shape[0])[:, None] * BLOCK / 3600 + rng.random(rollouts)
        traffic *= 1 + 0.8 * np.sin(2 * np.pi * hours)
    shocks = [np.ones((1, 1))] * 2
    if world.process == "common AR(1)":
        shocks = [shock(shape, rng)] * 2
    elif world.process == "own AR(1)":
        shocks = [shock(shape, rng), shock(shape, rng)]
    failing = np.full(shape, world.rate) * shocks[1]
    slow = np.full(shape, SLOW) * shocks[1]
    canary_rate = world.rate if world.canary_rate is None else world.canary_rate
    canary_failing = np.full(shape, canary_rate) * shocks[0]
    canary_slow = np.full(shape, world.canary_slow) * shocks[0]
    if world.process == "incident":
        struck = _incidents(shape, rng)
        for rates, high in ((failing, 0.2), (canary_failing, 0.2), (slow, 0.5), (canary_slow, 0.5)):
            rates[struck] = np.maximum(rates[struck], high)
    now = slice(PAST, None)
    drawn = Drawn(
        canary=arm(world.weight * traffic[now], canary_failing[now], canary_slow[now], rng),
        stable=arm((1 - world.weight) * traffic[now], failing[now], slow[now], rng),
        past=arm(traffic[:PAST], failing[:PAST], slow[:PAST], rng),
    )
    if world.process == "storm":
        _storms(drawn, world.weight, rng)
    if world.process in ("hiccup", "long hiccup"):
        _hiccups(drawn, world.weight, 5.0 if world.process == "hiccup" else 10.0, rng)
    return drawn


def arm(traffic: Rates, failing: Rates, slow: Rates, rng: np.random.Generator) -> Arm:
    """Errors, slow answers and the rest are independent Poisson counts: exact for requests that are drawn one by one."""
    failing = np.minimum(failing, 1.0)
    slow = np.minimum(slow, 1.0 - failing)
    errors = rng.poisson(traffic * failing)
    late = rng.poisson(traffic * slow)
    return Arm(errors + late + rng.poisson(traffic * (1 - failing - slow)), errors, late)


def shock(shape: tuple[int, int], rng: np.random.Generator, lag: float = 0.8, deviation: float = 0.5) -> Rates:
    """exp of a first-order autoregression, on average 1. lag: the correlation after 10 s."""
    step = lag ** (BLOCK / 10)
    z = rng.standard_normal(shape) * deviation
    for block in range(1, shape[0]):
        z[block] = step * z[block - 1] + np.sqrt(1 - step * step) * z[block]
    return np.exp(z - deviation**2 / 2)


def _incidents(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """One at random in each half hour."""
    struck = np.zeros(shape, dtype=bool)
    minute, half_hour = round(60 / BLOCK), round(1800 / BLOCK)
    for begin in range(0, shape[0], half_hour):
        at = begin + rng.integers(0, half_hour - minute, shape[1])
        for block in range(minute):
            inside = at + block < shape[0]
            struck[(at + block)[inside], np.flatnonzero(inside)] = True
    return struck


def _events(blocks: int, rollouts: int, rng: np.random.Generator, per_hour: float = 6.0) -> tuple[Table, Table]:
    """(block, rollout) of each event."""
    return np.nonzero(rng.random((blocks, rollouts)) < per_hour * BLOCK / 3600)


def _storms(drawn: Drawn, weight: float, rng: np.random.Generator) -> None:
    for slow in (False, True):
        for arms in ((drawn.canary, drawn.stable), (drawn.past,)):
            block, rollout = _events(*drawn.past.requests.shape if len(arms) == 1 else arms[0].requests.shape, rng)
            size = rng.integers(5, 51, len(block))
            mine = rng.random(len(block)) < weight if len(arms) == 2 else np.ones(len(block), dtype=bool)
            for arm, hit in zip(arms, (mine, ~mine), strict=False):
                place = (block[hit], rollout[hit])
                np.add.at(arm.requests, place, size[hit])
                np.add.at(arm.slow if slow else arm.errors, place, size[hit])


def _hiccups(drawn: Drawn, weight: float, longest: float, rng: np.random.Generator) -> None:
    for arms in ((drawn.canary, drawn.stable), (drawn.past,)):
        block, rollout = _events(*arms[0].requests.shape, rng)
        seconds = rng.uniform(1.0, longest, len(block))
        begin = rng.uniform(0.0, BLOCK, len(block)) if longest > BLOCK else np.zeros(len(block))
        mine = rng.random(len(block)) < weight if len(arms) == 2 else np.ones(len(block), dtype=bool)
        shares = (1.0, weight / (1 - weight)) if len(arms) == 2 else (weight,)
        for arm, hit, share in zip(arms, (mine, ~mine), shares, strict=False):
            for later in range(int(np.ceil((longest + (BLOCK if longest > BLOCK else 0)) / BLOCK))):
                at = block[hit] + later
                inside = at < len(arm.requests)
                part = np.clip(
                    np.minimum(begin + seconds - later * BLOCK, BLOCK) - np.maximum(begin - later * BLOCK, 0), 0, BLOCK
                )
                place = (at[inside], rollout[hit][inside])
                # Two hiccups in one block of one rollout count as the later: their sum could be more than all requests.
                fine = np.maximum(0, arm.requests[place] - arm.errors[place] - arm.slow[place])
                lost = rng.binomial(fine, np.minimum(1.0, share * part[hit][inside] / BLOCK))
                arm.errors[place] += lost
                arm.slow[place] += lost
