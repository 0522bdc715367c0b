"""Each row's influence is the derivative of the statistic in that row's weight, found here by drawing the row once more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from modelway.gate import counts, influence, multiclass, ranking
from modelway.gate.influence import Smooth
from modelway.gate.predictions import Predictions

N = 40
COPIES = 500
"""Of all rows, so that one row more is a small step."""
RNG = np.random.default_rng(1)
TRUTH = np.arange(N) % 3 == 0
LABEL = np.where(RNG.random(N) < 0.75, TRUTH, ~TRUTH)
SCORE = np.round(TRUTH + RNG.normal(size=N), 1)
CODES = np.arange(N) % 3
GUESS = np.where(RNG.random(N) < 0.7, CODES, (CODES + 1) % 3)
RAW = np.exp(1.5 * (CODES[:, None] == np.arange(3)) + RNG.normal(size=(N, 3)))
NUMBERS, ERRORS = 50 + RNG.normal(size=N), RNG.normal(size=N)


def area(rows: np.ndarray) -> Smooth:
    found = multiclass._mean_area(CODES[rows], Predictions(GUESS[rows], probabilities=RAW[rows], classes=(0, 1, 2)))
    assert isinstance(found, Smooth)
    return found


STATISTICS: dict[str, Callable[[np.ndarray], Smooth]] = {
    "precision": lambda rows: counts.precision_of(TRUTH[rows], LABEL[rows]),
    "F1": lambda rows: counts.f1_of(TRUTH[rows], LABEL[rows]),
    "Matthews": lambda rows: counts.matthews_of(TRUTH[rows], LABEL[rows]),
    "average precision": lambda rows: ranking.precision_over_ranks(TRUTH[rows], SCORE[rows]),
    "R squared": lambda rows: influence.explained(NUMBERS[rows], ERRORS[rows]),
    "macro F1": lambda rows: multiclass.macro(counts.f1_of, CODES[rows], GUESS[rows]),
    "macro precision": lambda rows: multiclass.macro(counts.precision_of, CODES[rows], GUESS[rows]),
    "macro ROC AUC": area,
}


@pytest.mark.parametrize("name", STATISTICS)
def test_an_influence_is_what_one_row_more_moves(name: str) -> None:
    statistic, every = STATISTICS[name], np.tile(np.arange(N), COPIES)
    found, whole = statistic(np.arange(N)), statistic(every).value
    assert found.value == pytest.approx(whole)
    moved = [(statistic(np.append(every, row)).value - whole) * (len(every) + 1) for row in range(N)]
    assert found.influence == pytest.approx(moved, abs=2e-3 * float(np.abs(moved).max()))
    assert float(found.influence.mean()) == pytest.approx(0, abs=1e-9)
    assert float(found.influence.std()) > 0
