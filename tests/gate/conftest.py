"""Makers of small cases for the gate's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.gate import HeldOut, Scored, bootstrap

SECONDS = (0.10, 0.11, 0.12, 0.11, 0.10, 0.13, 0.12, 0.115)

Scorer = Callable[..., Scored]
Holder = Callable[..., HeldOut]
Policy = Callable[..., Gate]


@pytest.fixture(scope="session")
def scored() -> Scorer:
    def make(predictions: Any, classes: Any = None, seconds: Any = SECONDS, size: int = 2_000_000) -> Scored:
        return Scored(np.asarray(predictions), classes, tuple(seconds), size)

    return make


@pytest.fixture(scope="session")
def held_out() -> Holder:
    def make(labels: Any, **columns: Any) -> HeldOut:
        return HeldOut(np.asarray(labels), {name: np.asarray(values) for name, values in columns.items()})

    return make


@pytest.fixture(scope="session")
def policy() -> Policy:
    """A policy with accuracy of at least 0.5, unless its limits are given."""

    def make(**keys: Any) -> Gate:
        return Gate(**({"limits": {"accuracy_score": Limit(at_least=0.5)}} | keys))

    return make


@pytest.fixture
def _few_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only values are looked at."""
    monkeypatch.setattr(bootstrap, "REPETITIONS", 30)
    monkeypatch.setattr(bootstrap, "MOST_LEFT_OUT", 10)
