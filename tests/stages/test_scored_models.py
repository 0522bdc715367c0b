"""When the workers of two models begin, are asked and answer: what is beside what, and what never is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from modelway import ci
from modelway.config import Gate
from modelway.records import Candidate
from modelway.registry.protocol import ModelRegistry
from modelway.scored import Scored
from modelway.scoring import Columns
from modelway.stages.steps import scored_models
from modelway.stages.steps.scored_models import SIDE_BY_SIDE, Scoring

ROWS = Columns({"x": np.zeros(3)}, 3)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the workers, which record it here, were told."""
    said: list[str] = []

    class Recorded:
        def __init__(self, interpreter: Any, loader: str, limits: Any) -> None:
            self.number = len([one for one in said if one.startswith("begin")]) + 1
            said.append(f"begin {self.number}")

        def __enter__(self) -> Recorded:
            return self

        def __exit__(self, *_: object) -> None:
            said.append(f"end {self.number}")

        def ask(self, *_: object) -> None:
            said.append(f"ask {self.number}")

        def answer(self) -> Scored:
            said.append(f"answer {self.number}")
            return Scored(np.zeros(3), None, (0.1,), 0)

    described = {"flavors": {"python_function": {"loader_module": "mlflow.sklearn"}}}
    monkeypatch.setattr(scored_models, "Worker", Recorded)
    monkeypatch.setattr(scored_models, "bring_wheels", lambda *_: None)
    monkeypatch.setattr(scored_models, "download_model", lambda *_: None)
    monkeypatch.setattr(scored_models, "read_mlmodel", lambda _: described)
    monkeypatch.setattr(scored_models.locks, "model_environment", lambda *_: SimpleNamespace(version="3.11.7"))
    monkeypatch.setattr(scored_models.isolation, "missing", lambda: "")
    return said


def candidate(version: int, size: int = 1) -> Candidate:
    signature = {"inputs": [{"name": "x", "type": "double"}]}
    environment = SimpleNamespace(requirements="", python="3.11.7")
    files = (SimpleNamespace(size=size),)
    known = {"model": "m", "version": version, "signature": signature, "environment": environment, "files": files}
    return cast(Candidate, SimpleNamespace(**known))


def score(*, timed: bool = False, size: int = 1, rows: Columns = ROWS) -> None:
    one, two = candidate(2, size), candidate(1, size)
    job = cast(ci.Job, SimpleNamespace(say=lambda _: None))
    with Scoring(cast(ModelRegistry, None), job, Gate(), timed=timed) as scoring:
        scoring.begin(one, two)
        challenger, champion = scoring.score((one, rows), (two, rows))
    assert (challenger.candidate, champion.candidate) == (one, two)


def test_small_models_begin_before_their_rows_and_predict_side_by_side(told: list[str]) -> None:
    score()
    assert told == ["begin 1", "begin 2", "ask 1", "ask 2", "answer 1", "answer 2", "end 2", "end 1"]


@pytest.mark.parametrize(
    "large",
    [{"size": SIDE_BY_SIDE}, {"rows": Columns({"x": np.zeros(1)}, SIDE_BY_SIDE // 8)}],
    ids=["models", "rows"],
)
def test_large_ones_predict_one_after_the_other(told: list[str], large: dict[str, Any]) -> None:
    score(**large)
    assert told == ["begin 1", "begin 2", "ask 1", "answer 1", "ask 2", "answer 2", "end 2", "end 1"]


def test_where_latency_is_judged_a_model_is_alone(told: list[str]) -> None:
    score(timed=True)
    assert told == ["begin 1", "ask 1", "answer 1", "begin 2", "ask 2", "answer 2", "end 2", "end 1"]


def test_without_a_namespace_no_worker_is_beside_the_teams_command(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scored_models.isolation, "missing", lambda: "there is no unshare")
    job = cast(ci.Job, SimpleNamespace(say=lambda _: None))
    with Scoring(cast(ModelRegistry, None), job, Gate(), timed=False) as scoring:
        scoring.begin(candidate(2), candidate(1))
        assert told == []
