"""The judge of modelway.rollout over many rollouts at once, and rules that others use. Tables are (blocks, rollouts).

tests/rollout/test_judge_vectorised.py holds ours, Flagger's and Argo's against the product's own code.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from modelway.peers import flagger
from modelway.peers.measuring import PeerMetric
from modelway.rollout import harm, history, not_worse, split, total_failure

Table = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


def wagering(
    requests: Table | Numbers,
    errors: Table,
    block_seconds: float = 5.0,
    *,
    caution: history.Caution = history.NO_CAUTION,
    remembered: bool = False,
    replica_ratio: float = 1.0,
) -> tuple[Table, Numbers]:
    """Blocks of a wager and the tolerance of every rollout, from its history of at least half an hour."""
    n, e = (_binned(table, history.BIN_SECONDS, block_seconds) for table in (requests, errors))
    total, count = e.sum(axis=0), len(e)
    mean = np.where(total > 0, total, 1) / count
    excess = e - total / np.maximum(1, n.sum(axis=0)) * n
    deviation = (excess**2).mean(axis=0) / np.sqrt(count)
    lags = np.array([(excess[lag:] * excess[:-lag]).mean(axis=0) for lag in range(1, history.LAGS + 1)])
    near = np.maximum(0.0, lags[0] - deviation)
    together = lags.mean(axis=0) * np.sqrt(history.LAGS)
    seen = np.maximum(near, (together - deviation) / np.sqrt(history.LAGS))
    ratio = lags[history.LATE_LAGS].mean(axis=0) / np.where(lags[0] > 0, lags[0], 1.0)
    left = np.where(lags[0] > 0, np.clip(ratio, history.LEAST_LEFT, history.MOST_LEFT), history.MOST_LEFT)
    seconds = -history.LATE_SECONDS / np.log(left)
    per_second = errors.sum(axis=0) / (len(errors) * block_seconds)
    shows = history.CANARY * per_second * seconds * replica_ratio * seen / mean**2 >= history.SHOWS
    shows |= np.maximum(lags[0], together) > history.CERTAIN * deviation
    times = history.WAGER_TIMES * (history.REMEMBERED_TIMES if remembered else 1.0)
    long = np.clip(times * seconds, history.LEAST_WAGER_SECONDS, history.MOST_WAGER_SECONDS)
    wander = np.where(shows, 1.25 * np.sqrt(seen), 2.5 * np.sqrt(near)) / mean
    tolerance = np.clip(np.exp(np.minimum(wander, 10)), history.LEAST_TOLERANCE, history.MOST_TOLERANCE)
    enough = total >= history.LEAST_ERRORS
    lasted = block_seconds * spell(requests, errors)
    least, most = history.LEAST_WAGER_SECONDS, history.MOST_WAGER_SECONDS
    struck = np.where(lasted > 0, np.clip(times * lasted, least, most), 0.0)
    long, tolerance = np.where(enough & shows, long, struck), np.where(enough, tolerance, history.FEW_TOLERANCE)
    if remembered or replica_ratio > 1:
        long = np.maximum(long, caution.hidden)
        tolerance = np.maximum(tolerance, history.UNKNOWN_TOLERANCE)
    return np.maximum(1, np.ceil(long / block_seconds)).astype(np.int64), tolerance


def spell(requests: Table | Numbers, errors: Table) -> Table:
    """Blocks of the longest stretch that was struck as a whole, by rollout; 0 where none is longer than a block."""
    with np.errstate(invalid="ignore"):
        rates = np.where(requests > 0, errors / requests, np.nan)
    usual = np.nan_to_num(np.nanmedian(rates, axis=0)) * requests
    struck = errors >= usual + history.STRUCK + history.STRUCK_DEVIATIONS * np.sqrt(usual)
    longest = run = np.zeros(errors.shape[1], dtype=np.int64)
    for hit in struck:
        run = np.where(hit, run + 1, 0)
        longest = np.maximum(longest, run)
    return np.where(longest > 1, longest, 0)


def levelled(requests: Table, errors: Table, stretches: int) -> Numbers:
    """Requests, where so many equal stretches of the history are each held against their own rate."""
    parts = zip(np.array_split(requests, stretches), np.array_split(errors, stretches), strict=True)
    rate = np.maximum(1, errors.sum(axis=0)) / np.maximum(1, requests.sum(axis=0))
    return np.concatenate([n * (e.sum(axis=0) / np.maximum(1, n.sum(axis=0)) / rate) for n, e in parts])


def dispersion(requests: Table, errors: Table, block_seconds: float = 5.0) -> Numbers:
    largest = np.ones(requests.shape[1])
    for seconds in history.DISPERSION_SECONDS:
        n, e = (_binned(table, seconds, block_seconds) for table in (requests, errors))
        rate = e.sum(axis=0) / np.maximum(1, n.sum(axis=0))
        expected = rate * n
        terms = np.divide((e - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
        bins = (n > 0).sum(axis=0)
        found = np.where(bins >= history.LEAST_BINS, terms.sum(axis=0) / np.maximum(1, bins - 1), 1.0)
        largest = np.maximum(largest, found)
    return largest


def wealth(n1: Table, e1: Table, n0: Table, e0: Table, tolerance: Numbers, wager: Table | int = 1) -> Numbers:
    """The evidence of harm after each block. wager: blocks of one."""
    prior = np.array(harm.PRIOR)[:, None]
    stakes = np.array(harm.STAKES)[:, None]
    held = np.repeat(prior, n1.shape[1], axis=1)
    length = np.broadcast_to(np.asarray(wager), n1.shape[1:])
    found, counted = np.empty(n1.shape), np.zeros((4, n1.shape[1]))
    for block in range(len(n1)):
        counted += (n1[block], e1[block], n0[block], e0[block])
        over = (block + 1) % length == 0
        gain = np.where(over, _gain(*counted, tolerance), 0.0)
        held[1:] *= 1 + stakes * gain
        total = held.sum(axis=0)
        if total.max() > harm.MOST:
            held *= np.minimum(1.0, harm.MOST / total)
            total = held.sum(axis=0)
        returned = np.where(over, harm.RETURNED * length, 0.0)
        held *= 1 - returned
        held += returned * total * prior
        found[block] = total
        counted[:, over] = 0
    return found


def _gain(n1: Numbers, e1: Numbers, n0: Numbers, e0: Numbers, tolerance: Numbers) -> Numbers:
    """What a stake of 1 wins."""
    share = tolerance * n1 / np.maximum(1.0, tolerance * n1 + n0)
    active = (n1 > 0) & (n0 > 0) & (e1 + e0 > 0)
    share = np.where(active, share, 0.5)
    ratio = e1 / np.maximum(1, e1 + e0) / share
    return np.where(active, np.minimum(1.0, (harm.CAP - 1) * share / (1 - share)) * (ratio - 1), 0.0)


def not_worse_evidence(
    n1: Table, e1: Table, n0: Table, e0: Table, margins: tuple[not_worse.Margin, ...], phi: Numbers
) -> Numbers:
    active = (n1 > 0) & (n0 > 0)
    odds, share = n1 / np.maximum(1, n0), n1 / np.maximum(1, n1 + n0)

    def mean(terms: list[Table]) -> Numbers:
        sums = (np.cumsum(np.where(active, term, 0.0), axis=0) / phi for term in terms)
        return sum((np.exp(np.minimum(700.0, logs)) for logs in sums), np.zeros(n1.shape)) / len(terms)

    fractions = not_worse.FRACTIONS
    margin = [
        e1 * np.log1p(-x) + e0 * np.log1p(x * ratio * odds) + x * rate * n1
        for ratio, rate in margins
        for x in fractions
    ]
    good = [
        (n0 - e0) * np.log1p(-x * share) + (n1 - e1) * np.log1p(x * not_worse.GOOD_RATIO * (1 - share))
        for x in fractions
    ]
    return np.minimum(not_worse.MOST, np.minimum(mean(margin), mean(good)))


def total_failures(
    n1: Table, e1: Table, n0: Table, e0: Table, stable_rate: Numbers, block_seconds: float = 5.0
) -> Flags:
    """Dead on arrival, or the fuse. stable_rate: of errors, over the past."""
    s1, f1, s0, f0 = (table.cumsum(axis=0) for table in (n1, e1, n0, e0))
    dead = (s1 >= total_failure.FIRST) & (f1 == s1) & (s0 > 0) & (f0 < 0.5 * s0)
    length = total_failure.fuse_blocks(block_seconds)
    r1, g1, r0, g0 = (_last(table, length) for table in (s1, f1, s0, f0))
    beside = np.where(r0 > 0, g0 / np.maximum(1, r0), stable_rate)
    blown = (r1 > 0) & (g1 >= total_failure.FUSE_ERRORS + total_failure.FUSE_SHARE * r1)
    return dead | (blown & (beside * np.maximum(1, r1) < 0.5 * g1))


def mostly_slow(n1: Table, s1: Table, n0: Table, s0: Table) -> Flags:
    """That most of the canary's requests are slow, over the blocks in which they are judged."""
    length = total_failure.MOSTLY_SLOW_BLOCKS
    r1, g1, r0, g0 = (_last(table.cumsum(axis=0), length) for table in (n1, s1, n0, s0))
    found = (r1 >= total_failure.MOSTLY_SLOW_REQUESTS) & (g1 >= total_failure.MOSTLY_SLOW_SHARE * r1)
    found &= g0 * r1 < 0.5 * g1 * r0
    found[: length - 1] = False
    return found


def split_evidence(n1: Table, n0: Table, weight: float, block_seconds: float = 5.0) -> Numbers:
    """The e-process of the split after each block."""
    total = n1 + n0
    phi = np.ones(n1.shape)
    for seconds in split.BIN_SECONDS:
        length = split.blocks_per_bin(seconds, block_seconds)
        mine, all_of = (_binned(table, length * block_seconds, block_seconds) for table in (n1, total))
        share = mine.cumsum(axis=0) / np.maximum(1, all_of.cumsum(axis=0))
        squares = np.cumsum(mine**2 / np.maximum(1, all_of), axis=0)
        spread = squares - 2 * share * mine.cumsum(axis=0) + share**2 * all_of.cumsum(axis=0)
        count = np.cumsum(all_of > 0, axis=0)
        varied = (share > 0) & (share < 1) & (count >= split.LEAST_FOR_DISPERSION)
        value = np.where(varied, spread / np.where(varied, share * (1 - share), 1) / np.maximum(1, count - 1), 1.0)
        at = np.arange(1, len(n1) + 1) // length
        phi = np.maximum(phi, np.where((at > 0)[:, None], value[np.maximum(at, 1) - 1], 1.0))
        if seconds == split.BIN_SECONDS[0]:
            early = np.where((at > 0)[:, None], count[np.maximum(at, 1) - 1], 0) < split.LEAST
    found = np.zeros(n1.shape)
    for edge, far in split.alternatives(weight):
        logs = n1 * np.log(far / edge) + n0 * np.log((1 - far) / (1 - edge))
        found += np.exp(np.minimum(200.0, np.minimum(np.log(split.CAP), logs).cumsum(axis=0) / phi))
    return np.where(early, 1.0, found / (2 * len(split.FACTORS)))


def silent(n1: Table, n0: Table, weight: float) -> Flags:
    """Whether an arm has got nothing where it should have."""
    found = np.zeros(n1.shape, dtype=bool)
    for mine, share in ((n1, weight), (n0, 1 - weight)):
        missed = np.zeros(n1.shape[1])
        for block in range(len(n1)):
            more = np.minimum(split.SILENT / 3, share * (n1[block] + n0[block]))
            missed = np.where(mine[block] > 0, 0.0, missed + more)
            found[block] |= missed >= split.SILENT
    return found


def one_bad_minute(n1: Table, e1: Table, block_seconds: float = 5.0) -> Flags:
    """At least 99 % success in every minute in which the canary had requests; one failure rolls back. (minutes, rollouts)"""
    n, e = (_binned(table, 60.0, block_seconds) for table in (n1, e1))
    return e > 0.01 * n


def flagger_rule(n1: Table, e1: Table, analysis: flagger.FlaggerAnalysis, block_seconds: float = 5.0) -> Table:
    """The tick at which Flagger takes the canary back, were it to watch all this time at one weight; -1 where it does not.

    Its success rate alone; failed checks are counted up, and the tick after the last of them acts (modelway.peers.flagger).
    """
    (metric,) = analysis.metrics
    assert metric.window_seconds == analysis.interval_seconds
    n, e = (_binned(table, analysis.interval_seconds, block_seconds) for table in (n1, e1))
    (term,) = metric.success.terms if metric.success else ()
    fails = (n == 0) | (100.0 * (n - e) / np.maximum(1, n) < term.limit)
    reached = first(fails.cumsum(axis=0) >= analysis.threshold)
    return np.where((reached < 0) | (reached + 1 >= len(n)), -1, reached + 1)


def argo_rule(n1: Table, e1: Table, metric: PeerMetric, block_seconds: float = 5.0) -> Table:
    """The measurement, from 0, with which Argo fails the canary: the first is one interval after the start; -1 where none."""
    length, window = (round(seconds / block_seconds) for seconds in (metric.interval_seconds, metric.window_seconds))
    n, e = (_last(table.cumsum(axis=0), window)[length - 1 :: length] for table in (n1, e1))
    (term,) = metric.success.terms if metric.success else ()
    fails = (n == 0) | ((n - e) / np.maximum(1, n) < term.limit)
    return first(fails.cumsum(axis=0) > metric.failure_limit)


def kayenta(n1: Table, e1: Table, n0: Table, e0: Table, minutes: int, block_seconds: float = 5.0) -> Flags:
    """Whether Kayenta's Mann-Whitney classifier calls the canary's error rates of the first `minutes` high. (rollouts,)

    Re-implemented: R's asymptotic interval of the Hodges-Lehmann shift with continuity correction and ties, at 98 %; high
    where its lower end is above 25 % of the absolute estimate. A minute without requests is a missing value and left out.
    """
    length = round(60 / block_seconds) * minutes
    low, estimate = shift(*(_minute_rates(n[:length], e[:length], block_seconds) for n, e in ((n1, e1), (n0, e0))))
    return np.asarray(low > 0.25 * np.abs(estimate), dtype=bool)


def shift(x: Numbers, y: Numbers, confidence: float = 0.98) -> tuple[Numbers, Numbers]:
    """How much larger x is than y: the lower end of the interval (-inf where it has none), and the estimate. NaN is left out.

    The end is where R's wilcox.test(correct=TRUE, exact=FALSE) has its root: at the difference above which as many differences
    lie as the normal quantile asks for.
    """
    differences = np.sort((x[:, None, :] - y[None, :, :]).reshape(-1, x.shape[1]), axis=0)
    nx, ny = ((~np.isnan(table)).sum(axis=0) for table in (x, y))
    pairs, both = nx * ny, np.maximum(2, nx + ny)
    ties = _ties(x) + _ties(y)
    deviation = np.sqrt(np.maximum(0.0, pairs / 12 * (both + 1 - ties / (both * (both - 1)))))
    above = pairs / 2 + 0.5 + NormalDist().inv_cdf(0.5 + confidence / 2) * deviation
    place = np.floor(pairs - above).astype(int)
    columns = np.arange(x.shape[1])
    low = np.where((place >= 0) & (pairs > 0), differences[np.maximum(place, 0), columns], -np.inf)
    middle = np.maximum(pairs - 1, 0)
    return low, (differences[middle // 2, columns] + differences[(middle + 1) // 2, columns]) / 2


def first(flags: Flags) -> Table:
    """The first row that is true, by column; -1 where none is."""
    return np.where(flags.any(axis=0), flags.argmax(axis=0), -1)


def _minute_rates(n: Table, e: Table, block_seconds: float) -> Numbers:
    requests, errors = (_binned(table, 60.0, block_seconds) for table in (n, e))
    return np.divide(errors, requests, out=np.full(requests.shape, np.nan), where=requests > 0)


def _ties(values: Numbers) -> Numbers:
    """Sum of t^3 - t over groups of t equal values, by column."""
    ordered = np.sort(values, axis=0)
    found = np.zeros(values.shape[1])
    run = np.ones(values.shape[1])
    for row in range(1, len(ordered)):
        same = ordered[row] == ordered[row - 1]
        found += np.where(same, 0, run**3 - run)
        run = np.where(same, run + 1, 1)
    return found + run**3 - run


def _binned(table: Table, seconds: float, block_seconds: float) -> Table:
    length = max(1, round(seconds / block_seconds))
    whole = len(table) // length
    return table[: whole * length].reshape(whole, length, -1).sum(axis=1)


def _last(sums: Table, length: int) -> Table:
    """Sums over the last `length` rows, from running sums."""
    before = np.zeros_like(sums)
    before[length:] = sums[:-length]
    return sums - before
