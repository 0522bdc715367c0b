"""Evidence that something has changed for good, over all columns, with one budget of false alarms.

For each score, in both directions and for two sizes of change, a Shiryaev-Roberts sum of capped wagers is kept; an alarm is
raised when their weighted sum over all columns reaches the threshold, and all begin anew. A wager wins nothing on average
where the score lies within its margin and its innovation is sub-Gaussian with the variance that was learned. Then each look
adds 1 to the sum's expectation at most, so that the number of false alarms in T looks is T / threshold at most, whatever
columns have to do with each other, restarts included (e-detectors: Shin, Ramdas, Rinaldo 2022, arXiv 2203.03532).

That is the theorem. That margins made of history keep its premise is known from simulation alone (benchmarks/watching.py).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from modelway.monitoring.baseline import Usual
from modelway.monitoring.scores import DayScore, Score

SIZES = (1.0, 2.0)
"""Of a change beyond the margin, in standard deviations of a day, that the wagers are made for."""
DAYS_PER_YEAR = 365.25
BLAMED = 0.1
"""Of all evidence: a column that has so much of it is named."""

Beyond = tuple[float, float]
"""How far above its margin a score is, and how far below, in standard deviations of a look; negative within it."""


@dataclass(frozen=True)
class Vote:
    """A column that an alarm names. share: of the evidence. score, up: what of it moved most, and whereto."""

    column: str
    share: float
    score: Score
    up: bool


def wagered(
    sums: Sequence[float], beyond: Sequence[float], innovation: float, cap: float, sizes: Sequence[float] = SIZES
) -> list[float]:
    """The sums after one look more. sums: for each of `beyond`, and within it for each of `sizes`. innovation: the part of a
    day's variance that yesterday does not tell. cap: of what one look can win."""
    wagers = [
        min(cap, math.exp(min(size * far - size * size * innovation / 2, 700.0))) for far in beyond for size in sizes
    ]
    return [(before + 1) * wager for before, wager in zip(sums, wagers, strict=True)]


@dataclass
class Evidence:
    """sums, of each score: up and down by size. beyond: how far each was from its margin in the last look. total: the evidence
    of all."""

    scores: Sequence[Score]
    usual: Sequence[Usual]
    columns: int
    false_alarms_per_year: float = 1.0
    looks_per_year: float = DAYS_PER_YEAR
    sizes: Sequence[float] = SIZES

    def __post_init__(self) -> None:
        self.sums = [self._nothing() for _ in self.scores]
        self.threshold = self.looks_per_year / self.false_alarms_per_year
        self.cap = (10 * self.threshold * self.columns) ** (1 / 3)
        self.beyond: list[Beyond | None] = []
        self.total = 0.0
        self.after(None)

    def after(self, measured: Sequence[DayScore] | None, weekday: int = 0) -> None:
        """The next look comes after this day, which is none itself: it was learned from. None: nothing is known of it."""
        if measured is None:
            self.beyond = [None] * len(self.scores)
        else:
            self.beyond = [self._far(number, one, weekday) for number, one in enumerate(measured)]

    def look(self, measured: Sequence[DayScore], weekday: int, silent: Collection[str] = ()) -> tuple[Vote, ...]:
        """The columns that an alarm names, by falling share; none where there is no alarm. silent: columns without a vote."""
        before = self.beyond
        self.after(measured, weekday)
        by_column: dict[str, float] = {}
        for number, score in enumerate(self.scores):
            if score.column in silent:
                self.sums[number] = self._nothing()
                continue
            beyond = self.beyond[number]
            if beyond is not None:
                self.sums[number] = self._wagered(number, beyond, before[number])
            vote = score.weight * math.fsum(self.sums[number]) / len(self.sums[number])
            by_column[score.column] = by_column.get(score.column, 0.0) + vote
        self.total = total = math.fsum(by_column.values())
        if total < self.threshold:
            return ()
        blamed = {name: part / total for name, part in by_column.items() if part >= BLAMED * total}
        most = max(by_column, key=lambda name: by_column[name])
        named = blamed or {most: by_column[most] / total}
        votes = [self._vote(name, share) for name, share in named.items()]
        self.sums = [self._nothing() for _ in self.scores]
        return tuple(sorted(votes, key=lambda vote: (-vote.share, vote.column)))

    def _far(self, number: int, measured: DayScore, weekday: int) -> Beyond | None:
        usual = self.usual[number]
        found = usual.standardised(measured, weekday)
        if found is None:
            return None
        z, unit = found
        margin = usual.margin * unit + usual.unsure + usual.wobble
        return z - margin, -z - margin

    def _wagered(self, number: int, beyond: Beyond, before: Beyond | None) -> list[float]:
        usual = self.usual[number]
        far = (
            beyond
            if before is None
            else [_unexplained(was, now, usual) for was, now in zip(before, beyond, strict=True)]
        )
        return wagered(self.sums[number], far, usual.innovation, self.cap, self.sizes)

    def _vote(self, column: str, share: float) -> Vote:
        own = [number for number, score in enumerate(self.scores) if score.column == column]
        number = max(own, key=lambda item: self.scores[item].weight * math.fsum(self.sums[item]))
        half = len(self.sizes)
        up = math.fsum(self.sums[number][:half]) >= math.fsum(self.sums[number][half:])
        return Vote(column, share, self.scores[number], up)

    def _nothing(self) -> list[float]:
        return [0.0] * (2 * len(self.sizes))


def _unexplained(before: float, beyond: float, usual: Usual) -> float:
    """How far beyond its margin a look is, by what the one before tells: a look goes along with the wobble of the one before,
    so it is allowed to be off by as much as that one was; by as much as days are found to wobble at most."""
    edge, edge_before = beyond + usual.wobble, before + usual.wobble
    return edge - min(usual.wobble, max(0.0, edge_before))
