"""The distributions that intervals and tests are made of: normal, Student's t, beta, binomial; and the intervals of a rate.

Standard library only, because every environment judges something: the gate, a rollout, a load test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

Interval = tuple[float, float]

TINY = 1e-300
"""In place of a denominator that is 0."""
MANY_DEGREES = 1e5
CLOSE = 1e-9
STIRLING = 30.0
"""From here on the series is exact to the last digit."""
NEAR_ONE = 0.95
"""From here on an interval of an area under the ROC curve rests on few rows."""


def normal_quantile(confidence: float) -> float:
    """The two-sided quantile: 1.96 at 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def t_quantile(confidence: float, degrees: float) -> float:
    """Student's two-sided quantile; degrees >= 1 need not be whole."""
    if degrees > MANY_DEGREES:  # nearly normal: Abramowitz and Stegun 26.7.5
        z = normal_quantile(confidence)
        return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    explained = beta_quantile(confidence, 0.5, degrees / 2)  # t^2 / (degrees + t^2), Abramowitz and Stegun 26.7.1
    left = 1 - explained if explained < 0.5 else beta_quantile(1 - confidence, degrees / 2, 0.5)
    return math.sqrt(degrees * explained / left)


def clopper_pearson(hits: float, n: float, confidence: float) -> Interval:
    """The exact interval of a rate, `hits` of `n` > 0 (Clopper and Pearson 1934). Neither needs to be whole: an effective
    number of rows is not (Korn and Graubard 1998, Survey Methodology 24:193-201)."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits <= 0 else beta_quantile(tail, hits, n - hits + 1)
    high = 1.0 if hits >= n else beta_quantile(1 - tail, hits + 1, n - hits)
    return low, high


def poisson_interval(count: int, confidence: float) -> Interval:
    """The exact interval of the mean of a Poisson count (Garwood 1936, Biometrika 28:437-442)."""
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _chi_squared_quantile(tail, 2 * count) / 2
    return low, _chi_squared_quantile(1 - tail, 2 * count + 2) / 2


def _chi_squared_quantile(probability: float, degrees: int) -> float:
    low, high = 0.0, degrees + 20.0 * math.sqrt(degrees) + 40.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if chi_squared_above(middle, degrees) <= 1 - probability else (middle, high)
    return (low + high) / 2


def rate_at_any_look(hits: int, n: int, confidence: float) -> Interval:
    """The interval of a rate, `hits` of `n`, that covers it at every n at once, with this confidence: one may look after each
    row and stop when one likes. It holds each rate p that a wager against it has not refuted: the binomial likelihood
    mixed over Jeffreys' prior, divided by that of p, is below 1 / (1 - confidence). (Robbins 1970, Annals of Mathematical
    Statistics 41:1397-1409; Waudby-Smith and Ramdas 2020, arXiv 2006.04347, section 2.1, prior over posterior.)"""
    if n == 0:
        return 0.0, 1.0
    most = -math.log1p(-confidence) - log_mixture(hits, n)

    def refuted(rate: float) -> bool:
        return -hits * math.log(rate) - (n - hits) * math.log1p(-rate) >= most

    seen = hits / n
    low = 0.0 if hits == 0 else _boundary(0.0, seen, refuted)
    high = 1.0 if hits == n else _boundary(1.0, seen, refuted)
    return low, high


def log_mixture(hits: float, n: float) -> float:
    """The logarithm of the binomial likelihood of `hits` of `n`, mixed over Jeffreys' prior of the rate. Any prior would keep
    the coverage; this one is narrow for rates near 0 too."""
    return log_beta(hits + 0.5, n - hits + 0.5) - log_beta(0.5, 0.5)


def _boundary(outer: float, inner: float, refuted: Callable[[float], bool]) -> float:
    """Where, on the way from a rate that is refuted to one that is not, that changes; on the refuted side of it."""
    for _ in range(60):
        middle = (outer + inner) / 2
        if not 0 < middle < 1 or refuted(middle):
            outer = middle
        else:
            inner = middle
    return outer


def wilson(hits: float, n: float, z: float) -> Interval:
    """The score interval of a rate, `hits` of `n` > 0, at the normal quantile z (Wilson 1927; Newcombe 1998, Statistics in
    Medicine 17:857-872, method 3)."""
    rate = hits / n
    centre = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The ends are exactly 0 and 1 at the extremes; the arithmetic leaves 1e-17 there.
    low = 0.0 if hits <= 0 else max((centre - half) / scale, 0.0)
    high = 1.0 if hits >= n else min((centre + half) / scale, 1.0)
    return low, high


def area_interval(value: float, error: float, positives: int, negatives: int, confidence: float) -> Interval:
    """Of an area under the ROC curve with DeLong's standard error, of two rows or more of each class. On the logit scale,
    which keeps it below 1; from NEAR_ONE on, no narrower than Newcombe's score interval either, because there the few rows
    that overlap make DeLong's variance too small. An area of 0 or 1 has only the latter."""
    if not 0 < value < 1:
        return area_score_interval(value, positives, negatives, confidence)
    half = t_quantile(confidence, min(positives, negatives) - 1) * error / (value * (1 - value))
    centre = math.log(value / (1 - value))
    low, high = _logistic(centre - half), _logistic(centre + half)
    if value < NEAR_ONE:
        return low, high
    score_low, score_high = area_score_interval(value, positives, negatives, confidence)
    return min(low, score_low), max(high, score_high)


def area_score_interval(value: float, positives: int, negatives: int, confidence: float) -> Interval:
    """The areas whose own standard error puts them within the normal quantile of `value` (from 0 to 1): Newcombe
    2006, Statistics in Medicine 25:559-573, method 5."""
    z, balanced = normal_quantile(confidence), (positives + negatives) / 2 - 1

    def refuted(guess: float) -> bool:
        overlap = (1 - guess) / (2 - guess) + guess / (1 + guess)
        variance = guess * (1 - guess) * (1 + balanced * overlap) / (positives * negatives)
        return (value - guess) ** 2 > z * z * variance

    return _nearest_kept(0.0, value, refuted), _nearest_kept(1.0, value, refuted)


def _nearest_kept(outer: float, inner: float, refuted: Callable[[float], bool]) -> float:
    """As `_boundary`, on the side that is not refuted."""
    for _ in range(60):
        middle = (outer + inner) / 2
        outer, inner = (middle, inner) if refuted(middle) else (outer, middle)
    return inner


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def order_ranks(n: int, share: float, confidence: float) -> tuple[int, int]:
    """The ranks, from 1, of the two of n independent values between which the percentile lies (David and Nagaraja 2003, Order
    Statistics, section 7.1). 0 and n + 1: nothing bounds it on this side."""
    tail = (1 - confidence) / 2
    low, top = 0, n
    while low < top:  # the largest rank with P(binomial < rank) <= tail
        middle = (low + top + 1) // 2
        low, top = (middle, top) if 1 - binomial_at_least(middle, n, share) <= tail else (low, middle - 1)
    bottom, high = 1, n + 1
    while bottom < high:  # the smallest rank with P(binomial >= rank) <= tail
        middle = (bottom + high) // 2
        bottom, high = (bottom, middle) if binomial_at_least(middle, n, share) <= tail else (middle + 1, high)
    return low, high


def binomial_at_least(k: int, n: int, share: float) -> float:
    """P(binomial(n, share) >= k) for k >= 1."""
    return beta_cdf(share, k, n - k + 1)


@lru_cache(maxsize=4096)
def beta_quantile(probability: float, a: float, b: float) -> float:
    """Where beta_cdf reaches the probability: Newton's steps, halved wherever one leaves what is left of the range."""
    low, high = 0.0, 1.0
    guess = a / (a + b)
    logarithm = -log_beta(a, b)
    for _ in range(200):
        off = beta_cdf(guess, a, b) - probability
        low, high = (low, guess) if off > 0 else (guess, high)
        density = math.exp(logarithm + (a - 1) * math.log(guess) + (b - 1) * math.log1p(-guess))
        step = guess - off / density if density > 0 else -1.0
        if low < step < high and abs(step - guess) <= CLOSE * step:
            return step  # its own error is the square of this one
        after = step if low < step < high else (low + high) / 2
        if not low < after < high:
            return guess
        guess = after
    return guess


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8), evaluated by
    Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - math.log(a) - log_beta(a, b))
    c, d = 1.0, 1.0 / ((1 - (a + b) * x / (a + 1)) or TINY)
    total = d
    for m in range(1, 100_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / ((1 + term * d) or TINY)
            c = (1 + term / c) or TINY
            change = c * d
            total *= change
        if abs(change - 1) < 1e-15:
            break
    return front * total


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function. Of two large numbers by Stirling's series, where the difference of their lgamma
    would leave few digits (Didonato and Morris 1992, ACM Transactions on Mathematical Software 18:360-373)."""
    small, large = min(a, b), max(a, b)
    if large < STIRLING:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    share, correction = small / (small + large), _beyond_stirling(large) - _beyond_stirling(small + large)
    if small < STIRLING:
        turned = (large - 0.5) * math.log1p(-share)
        return math.lgamma(small) + correction + small - small * math.log(small + large) + turned
    turned = (small - 0.5) * math.log(share) + large * math.log1p(-share)
    return 0.5 * math.log(2 * math.pi / large) + correction + _beyond_stirling(small) + turned


def _beyond_stirling(x: float) -> float:
    """What Stirling's formula of lgamma(x) lacks, for x >= STIRLING (Abramowitz and Stegun 6.1.41)."""
    square = x * x
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / x


def chi_squared_above(value: float, degrees: int) -> float:
    """P(chi-squared with so many degrees of freedom > value): the regularised incomplete gamma function
    Q(degrees / 2, value / 2), by its series or its continued fraction (Abramowitz and Stegun 6.5.29 and 6.5.31)."""
    a, x = degrees / 2, value / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for k in range(1, 100_000):
            term *= x / (a + k)
            total += term
            if term < total * 1e-16:
                break
        return max(1 - front * total, 0.0)
    b = x + 1 - a
    c, d = 1 / TINY, 1 / b
    fraction = d
    for k in range(1, 100_000):
        step = -k * (k - a)
        b += 2
        d = 1 / ((step * d + b) or TINY)
        c = (b + step / c) or TINY
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * fraction


def kolmogorov_above(value: float) -> float:
    """P(sqrt(n) times Kolmogorov's statistic > value) for large n: 2 * sum over k of (-1)^(k-1) exp(-2 k^2 value^2), and for
    small values its theta transform (Kolmogorov 1933; Marsaglia, Tsang and Wang 2003)."""
    if value < 0.1:  # what is below it is less than 1e-50
        return 1.0
    if value < 1:
        ends = (math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * value * value)) for k in range(1, 8))
        return min(max(1 - math.sqrt(2 * math.pi) / value * sum(ends), 0.0), 1.0)
    return min(2 * sum((-1.0) ** (k - 1) * math.exp(-2 * (k * value) ** 2) for k in range(1, 20)), 1.0)
