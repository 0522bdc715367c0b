"""Rows, models of them, and what the libraries are given of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, judge, library, validate_policy
from modelway.records.verdict import Check

N = 1200
RNG = np.random.default_rng(7)
TABLE = library.table()["metrics"]
GROUP, OTHER = RNG.choice(["a", "b", "c"], size=N, p=[0.4, 0.3, 0.3]), RNG.choice(["x", "y"], size=N)
WEIGHT = RNG.lognormal(0, 0.5, N)
COLUMNS = {"group": GROUP, "other": OTHER, "w": WEIGHT}
FORMS = {"labels": "label", "scores": "score", "probabilities": "score"}


def case(task: str, seed: int = 1) -> tuple[HeldOut, Scored, dict[str, Any]]:
    """Rows, a model of them, and what the libraries are given of both."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        truth = 1 + rng.random(N)
        guess = truth * (1 + 0.2 * rng.random(N))
        return HeldOut(truth, COLUMNS), Scored(guess, None, (), 1), {"truth": truth, "label": guess}
    k = 2 if task == "binary" else 3
    truth = rng.integers(0, k, N)
    raw = np.exp(1.5 * (truth[:, None] == np.arange(k)) + rng.normal(size=(N, k)))
    p = raw / raw.sum(axis=1, keepdims=True)
    label = (p[:, 1] >= 0.5).astype(int) if k == 2 else p.argmax(axis=1)
    given = {"truth": truth, "label": label, "score": p[:, 1] if k == 2 else p}
    return HeldOut(truth, COLUMNS), Scored(p, tuple(range(k)), (), 1), given


def any_limit(name: str, **keys: Any) -> Limit:
    entry = TABLE.get(library.table()["named"].get(name, {"metric": name})["metric"], {"better": "greater"})
    return Limit(at_most=1e6, **keys) if entry["better"] == "smaller" else Limit(at_least=-1e6, **keys)


def judged(policy: Gate, held_out: HeldOut, scored: Scored, production: Scored | None = None) -> dict[str, Check]:
    return {check.name: check for check in judge(policy, held_out, scored, production).checks}


def refused(**keys: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        validate_policy(Gate(**keys))
    assert caught.value.fix and caught.value.where.startswith("gate.") and len(caught.value.line()) < 1000
    return caught.value
