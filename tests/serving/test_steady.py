"""When a replica is warm."""

from __future__ import annotations

import pytest

from modelway.serving.steady import is_steady


@pytest.mark.parametrize(
    ("medians", "steady"),
    [
        ([10.0, 10.0], False),
        ([10.0, 10.0, 10.0], True),
        ([50.0, 20.0, 13.0, 10.0], False),
        ([50.0, 12.0, 11.0, 10.0], True),
        ([10.0, 18.0, 11.0, 17.0, 13.0, 19.0, 12.0], False),
        ([10.0, 18.0, 11.0, 17.0, 13.0, 19.0, 12.0, 18.0], True),
        ([80.0, 70.0, 90.0, 60.0, 70.0, 50.0, 60.0, 40.0], False),
    ],
    ids=[
        "two rounds",
        "alike",
        "falls",
        "within a quarter",
        "noise, too early",
        "noise that falls no more",
        "noise that falls",
    ],
)
def test_steady(medians: list[float], steady: bool) -> None:
    assert is_steady(medians) is steady
