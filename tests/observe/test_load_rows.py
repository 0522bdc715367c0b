"""What is sent when."""

from __future__ import annotations

import itertools
import json

from modelway.observe import load


def test_a_body_asks_predict_for_one_row() -> None:
    bodies = load.bodies_of_rows([{"x": 0.5, "n": 1}, {"x": None, "n": "é"}])
    assert [json.loads(body) for body in bodies] == [{"rows": [{"x": 0.5, "n": 1}]}, {"rows": [{"x": None, "n": "é"}]}]


def test_arrivals_repeat_and_have_their_rate() -> None:
    times = list(load.arrivals(1000, 20, seed=4))
    assert times == list(load.arrivals(1000, 20, seed=4)) != list(load.arrivals(1000, 20, seed=5))
    assert times == sorted(times)
    assert 0 < times[0] <= times[-1] < 20
    assert abs(len(times) - 20_000) < 5 * 20_000**0.5


def test_bodies_come_round_again() -> None:
    found = list(load.requests_of([b"1", b"2"], [0.0, 0.1, 0.2]))
    assert [request.body for request in found] == [b"1", b"2", b"1"]
    assert next(iter(load.requests_of([b"1"], itertools.count()))).at == 0
