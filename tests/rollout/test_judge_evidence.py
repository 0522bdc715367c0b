"""The intervals of the picture equal published ones."""

from __future__ import annotations

import pytest

from modelway.rollout import evidence


@pytest.mark.parametrize(
    ("count", "requests", "expected"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_as_published(count: int, requests: int, expected: tuple[float, float]) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3."""
    assert evidence.wilson(count, requests) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("canary", "stable", "expected"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ],
)
def test_the_difference_as_published(
    canary: tuple[int, int], stable: tuple[int, int], expected: tuple[float, float]
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10."""
    gap, interval = evidence.difference(evidence.arm(*canary), evidence.arm(*stable))
    assert gap == pytest.approx(canary[0] / canary[1] - stable[0] / stable[1])
    assert interval == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("requests", range(1, 400, 7))
def test_no_failures_and_nothing_else_are_exact_ends(requests: int) -> None:
    assert evidence.wilson(0, requests)[0] == 0.0
    assert evidence.wilson(requests, requests)[1] == 1.0


def test_without_requests_there_is_no_rate() -> None:
    nothing = evidence.arm(0, 0)
    assert (nothing.rate, nothing.interval) == (None, None)
    assert evidence.difference(nothing, evidence.arm(1, 2)) == (None, None)
