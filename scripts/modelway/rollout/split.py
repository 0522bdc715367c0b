"""Whether the canary gets the share of the traffic that was asked for. If not, whatever was compared is not to be believed.

A two-sided e-process on the counts of requests at one weight. Null hypothesis: the odds of a request to go to the canary are
within a factor TOLERANCE of the odds asked for. The log likelihood ratios against odds that are FACTORS times further away are
divided by the dispersion of the measured share, and their ratios averaged. Nothing is said before LEAST bins. An arm that
stays silent where SILENT requests were expected needs no statistics: by chance that happens twice in 10^9. One block counts
for no more than CAP or a third of SILENT, so a burst of requests that one connection sends to one arm is forgiven.
"""

from __future__ import annotations

from math import exp, fsum, log

import msgspec

TOLERANCE = 1.1
FACTORS = (1.5, 2.0, 4.0, 10.0)
ALPHA = 0.001
LEAST = 6
LEAST_FOR_DISPERSION = 3
SILENT = 20.0
CAP = 4.0
"""What one block can multiply a likelihood ratio by, at most."""
BIN_SECONDS = (10.0, 60.0, 300.0)


class Bins(msgspec.Struct, frozen=True):
    """The measured share in bins of one length: what is needed of them for a Pearson dispersion."""

    closed: int = 0
    canary: int = 0
    requests: int = 0
    """Of the closed bins."""
    squares: float = 0.0
    """The sum of canary^2 / requests over the closed bins."""
    open_blocks: int = 0
    open_canary: int = 0
    open_requests: int = 0


class Split(msgspec.Struct, frozen=True):
    """What was seen at the present weight; the silences go on over a change of it."""

    canary: int = 0
    stable: int = 0
    logs: tuple[float, ...] = (0.0,) * (2 * len(FACTORS))
    """Log likelihood ratios against too large and too small a share, for each factor, before the dispersion."""
    bins: tuple[Bins, ...] = (Bins(),) * len(BIN_SECONDS)
    canary_missed: float = 0.0
    """Canary requests that were expected since the last one that came."""
    stable_missed: float = 0.0


def blocks_per_bin(seconds: float, block_seconds: float) -> int:
    """Blocks of less than 5 s are binned as if they were 5 s: their bins are shorter in proportion."""
    return max(1, round(seconds / max(5.0, block_seconds)))


def observe(split: Split, canary: int, stable: int, weight: float, block_seconds: float) -> Split:
    """After one block. canary, stable: requests of the two arms."""
    total = canary + stable
    most = SILENT / 3
    return Split(
        canary=split.canary + canary,
        stable=split.stable + stable,
        logs=_likelier(split.logs, canary, stable, weight) if 0 < weight < 1 else split.logs,
        bins=tuple(
            _binned(bins, canary, total, blocks_per_bin(seconds, block_seconds))
            for bins, seconds in zip(split.bins, BIN_SECONDS, strict=True)
        ),
        canary_missed=0.0 if canary else split.canary_missed + min(most, weight * total),
        stable_missed=0.0 if stable else split.stable_missed + min(most, (1 - weight) * total),
    )


def at_new_weight(split: Split) -> Split:
    return Split(canary_missed=split.canary_missed, stable_missed=split.stable_missed)


def evidence(split: Split, weight: float) -> float:
    """The e-process against `weight`; 1 where there is nothing to tell yet. ALPHA at 1/ALPHA."""
    if not 0 < weight < 1 or split.bins[0].closed < LEAST:
        return 1.0
    phi = max(1.0, *(_dispersion(bins) for bins in split.bins))
    return fsum(exp(min(200.0, ratio / phi)) for ratio in split.logs) / len(split.logs)


def problem(split: Split, weight: float) -> str:
    """Why the split is not what was asked for, with the numbers; empty while that is not established."""
    if split.canary_missed >= SILENT:
        return f"the canary got no request where at least {split.canary_missed:.0f} were expected at {weight:.0%}"
    if split.stable_missed >= SILENT:
        return f"stable got no request where at least {split.stable_missed:.0f} were expected beside {weight:.0%}"
    if evidence(split, weight) >= 1 / ALPHA:
        total = split.canary + split.stable
        return (
            f"the canary got {split.canary:,} of {total:,} requests, {split.canary / total:.1%}, where {weight:.1%} was asked "
            "for: the comparison cannot be trusted"
        )
    return ""


def alternatives(weight: float) -> list[tuple[float, float]]:
    """(share within the tolerance, share further away) of each likelihood ratio."""
    odds = weight / (1 - weight)
    edges = [(odds * TOLERANCE, factor) for factor in FACTORS] + [(odds / TOLERANCE, 1 / factor) for factor in FACTORS]
    return [(edge / (1 + edge), edge * factor / (1 + edge * factor)) for edge, factor in edges]


def _likelier(logs: tuple[float, ...], canary: int, stable: int, weight: float) -> tuple[float, ...]:
    return tuple(
        before + min(log(CAP), canary * log(far / edge) + stable * log((1 - far) / (1 - edge)))
        for before, (edge, far) in zip(logs, alternatives(weight), strict=True)
    )


def _binned(bins: Bins, canary: int, requests: int, length: int) -> Bins:
    blocks, canary, requests = bins.open_blocks + 1, bins.open_canary + canary, bins.open_requests + requests
    if blocks < length:
        return msgspec.structs.replace(bins, open_blocks=blocks, open_canary=canary, open_requests=requests)
    if requests == 0:  # a bin without traffic has no share
        return msgspec.structs.replace(bins, open_blocks=0)
    return Bins(
        closed=bins.closed + 1,
        canary=bins.canary + canary,
        requests=bins.requests + requests,
        squares=bins.squares + canary * canary / requests,
    )


def _dispersion(bins: Bins) -> float:
    if bins.closed < LEAST_FOR_DISPERSION or not 0 < bins.canary < bins.requests:
        return 1.0
    share = bins.canary / bins.requests
    spread = bins.squares - 2 * share * bins.canary + share * share * bins.requests
    return spread / (share * (1 - share)) / (bins.closed - 1)
